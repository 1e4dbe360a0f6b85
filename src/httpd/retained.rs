//! What outlives a restart: the texts of the last good workers file and mount files, the shared memory
//! and who has which place in it. It lies in httpd's own memory, as this library may be unloaded meanwhile.

use std::ffi::{CStr, c_void};

use crate::httpd::ffi;
use crate::shm::layout::LAYOUT_VERSION;
use crate::shm::{Capacity, Segment, SlotKey, Slots};
use crate::worker::Records;
use crate::worker::mounts::file::{Texts, pack, unpack};

/// A text of its own block of memory; zero at first.
#[repr(C)]
struct RetainedText {
    start: *mut u8,
    len: usize,
}

/// Layout of the retained block; zero at first.
#[repr(C)]
struct RetainedBlock {
    workers: RetainedText,
    /// When that text was read, in Unix seconds.
    read_at: i64,
    members: RetainedText,
    balancers: RetainedText,
    mounts: RetainedText,
    /// No other process than httpd's ever sees this memory.
    key: [u64; 2],
    layout_version: u32,
    address: usize,
    room: [usize; 3],
}

/// Raised with every change of [`RetainedBlock`].
const KEY: &CStr = c"mod_jk-4";

/// Returns the text of the workers file kept before, if there is one.
pub fn workers_text() -> Option<String> {
    // SAFETY: `find` returns httpd's block of this layout, which lives as long as the process.
    read(unsafe { &(*find()?).workers })
}

/// Returns when the text of [`workers_text`] was read, in Unix seconds; 0 if there is none.
pub fn read_at() -> i64 {
    // SAFETY: as in `workers_text`.
    find().map_or(0, |block| unsafe { (*block).read_at })
}

/// Returns the texts of the mount files in force before; `None` at the first start.
pub fn mount_texts() -> Option<Texts> {
    // SAFETY: as in `workers_text`.
    Some(unpack(bytes(unsafe { &(*find()?).mounts })?))
}

/// Keeps texts of mount files that have come into force.
pub fn keep_mounts(texts: &Texts) {
    // SAFETY: as in `workers_text`; the parent has one thread and there is no other reference to the block.
    if let Some(block) = find().and_then(|block| unsafe { block.as_mut() }) {
        write(&mut block.mounts, &pack(texts));
    }
}

/// Returns the shared memory of before, if this library can read it.
pub fn records() -> Option<Records> {
    // SAFETY: as in `workers_text`; the parent has one thread.
    let block = unsafe { &*find()? };
    if block.layout_version != LAYOUT_VERSION {
        return None;
    }
    let [balancers, members, children] = block.room;
    // SAFETY: `keep` stored address and capacity of a segment of this layout version.
    let segment =
        unsafe { Segment::adopt(block.address, Capacity { balancers, members, children }) };
    Some(Records {
        segment: segment?,
        members: Slots::from_text(&read(&block.members)?),
        balancers: Slots::from_text(&read(&block.balancers)?),
        configuration: 0,
        key: SlotKey(block.key),
    })
}

/// Keeps what the next restart needs. Only the parent calls this, on its one thread.
pub fn keep(workers: &str, read_at: i64, records: &Records) {
    // SAFETY: httpd copies the key and returns a zeroed block that lives as long as the process.
    let block = find().unwrap_or_else(|| unsafe {
        ffi::ap_retained_data_create(KEY.as_ptr(), size_of::<RetainedBlock>()).cast()
    });
    // SAFETY: httpd's block has this layout, and there is no other reference to it.
    let Some(block) = (unsafe { block.as_mut() }) else { return };
    write(&mut block.workers, workers.as_bytes());
    block.read_at = read_at;
    write(&mut block.members, records.members.to_text().as_bytes());
    write(&mut block.balancers, records.balancers.to_text().as_bytes());
    let Capacity { balancers, members, children } = records.segment.capacity();
    block.room = [balancers, members, children];
    block.address = records.segment.address();
    block.key = records.key.0;
    block.layout_version = LAYOUT_VERSION;
}

fn read(text: &RetainedText) -> Option<String> {
    String::from_utf8(bytes(text)?.to_vec()).ok()
}

fn bytes(text: &RetainedText) -> Option<&[u8]> {
    if text.start.is_null() {
        return None;
    }
    // SAFETY: `write` stored a block of `len` bytes and frees it with `text` in its hands only.
    Some(unsafe { std::slice::from_raw_parts(text.start, text.len) })
}

fn write(place: &mut RetainedText, text: &[u8]) {
    // SAFETY: allocates; the result is checked.
    let copy = unsafe { libc::malloc(text.len().max(1)) }.cast::<u8>();
    if copy.is_null() {
        return;
    }
    // SAFETY: `copy` has room for the text and is new, so nothing overlaps.
    unsafe { copy.copy_from_nonoverlapping(text.as_ptr(), text.len()) };
    let old = std::mem::replace(place, RetainedText { start: copy, len: text.len() });
    // SAFETY: the old text came from `malloc` here or is null, and there is no reference to it.
    unsafe { libc::free(old.start.cast::<c_void>()) };
}

fn find() -> Option<*mut RetainedBlock> {
    // SAFETY: httpd looks the key up in a pool of its own and returns what it finds, or null.
    let found: *mut c_void = unsafe { ffi::ap_retained_data_get(KEY.as_ptr()) };
    (!found.is_null()).then_some(found.cast())
}
