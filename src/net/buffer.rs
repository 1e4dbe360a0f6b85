//! Memory that responses arrive in and leave from without being copied.

use std::sync::Arc;

use once_cell::sync::Lazy;
use parking_lot::{Mutex, MutexGuard};

use crate::exchange::Chunk;
use crate::net::pages::give_back_zeros;

/// One large block. It may outlive the request it was filled for, as httpd may write it later
/// and from another thread; then a new one is taken.
pub type Buffer = [u8; BUFFER_BYTES];

/// Parts of a buffer. An owner of a reference to it may go on reading them.
#[derive(Clone, Copy, Debug)]
pub struct Slices<'i> {
    buffer: &'i Arc<Buffer>,
    start: usize,
    chunks: &'i [Chunk],
}

impl<'i> Slices<'i> {
    /// Returns the buffer.
    pub fn buffer(&self) -> &'i Arc<Buffer> {
        self.buffer
    }

    /// Returns from where in the buffer the pieces count. All of them end within it.
    pub fn start(&self) -> usize {
        self.start
    }

    /// Returns where the pieces are.
    pub fn chunks(&self) -> &'i [Chunk] {
        self.chunks
    }
}

/// Receives a byte stream; the front is consumed, the rest is kept together.
#[derive(Debug)]
pub struct ReadBuffer {
    buffer: Arc<Buffer>,
    start: usize,
    end: usize,
}

impl ReadBuffer {
    /// Makes an empty one.
    pub fn new() -> Self {
        Self { buffer: spare().unwrap_or_else(fresh), start: 0, end: 0 }
    }

    /// Returns what has arrived and was not consumed.
    pub fn bytes(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Drops `len` bytes from the front.
    pub fn consume(&mut self, len: usize) {
        self.start = (self.start + len).min(self.end);
    }

    /// Returns parts of [`bytes`](Self::bytes) with the buffer they are in.
    ///
    /// # Panics
    ///
    /// If one is not a part of them: httpd would send what is no part of the response.
    pub fn slices<'i>(&'i self, chunks: &'i [Chunk]) -> Slices<'i> {
        let len = self.end - self.start;
        let is_part = |piece: &Chunk| piece.start <= len && piece.len <= len - piece.start;
        assert!(chunks.iter().all(is_part), "a piece of the body lies in what was received");
        Slices { buffer: &self.buffer, start: self.start, chunks }
    }

    /// Returns the free room behind what has arrived. A buffer that is still needed elsewhere is
    /// left to its users, and the incomplete rest moves to another one.
    pub fn room(&mut self) -> &mut [u8] {
        if Arc::get_mut(&mut self.buffer).is_none() {
            let mut next = spare().unwrap_or_else(fresh);
            let rest = self.end - self.start;
            if let Some(into) = Arc::get_mut(&mut next) {
                into[..rest].copy_from_slice(&self.buffer[self.start..self.end]);
            }
            recycle(std::mem::replace(&mut self.buffer, next));
            (self.start, self.end) = (0, rest);
        } else if self.start > 0 {
            let range = self.start..self.end;
            (self.start, self.end) = (0, range.len());
            if let (Some(own), false) = (Arc::get_mut(&mut self.buffer), range.is_empty()) {
                own.copy_within(range, 0);
            }
        }
        // It is ours alone: either it was, or it has just been made.
        Arc::get_mut(&mut self.buffer).map_or(&mut [], |own| &mut own[self.end..])
    }

    /// Gives the memory back while nothing is in it; the next use takes some again.
    pub fn rest(&mut self) {
        if self.start == self.end {
            recycle(std::mem::replace(&mut self.buffer, Arc::clone(&PLACEHOLDER)));
            (self.start, self.end) = (0, 0);
        }
    }

    /// Tells whether there is no room behind what has arrived.
    pub fn is_full(&self) -> bool {
        self.end == BUFFER_BYTES
    }

    /// Books that `len` bytes were written to [`room`](Self::room).
    pub fn filled(&mut self, len: usize) {
        self.end = (self.end + len).min(BUFFER_BYTES);
    }
}

impl Default for ReadBuffer {
    fn default() -> Self {
        Self::new()
    }
}

/// Takes a buffer back. If there is no other reference, it is kept for the next use: a download
/// goes through two or three of them in turn while httpd still writes from the others.
pub fn recycle(mut buffer: Arc<Buffer>) {
    if Arc::get_mut(&mut buffer).is_some() {
        let mut spare = SPARE.lock();
        if spare.len() < MOST_SPARE {
            spare.push(buffer);
        }
    }
}

fn spare() -> Option<Arc<Buffer>> {
    SPARE.lock().pop()
}

/// Leave to fill a second buffer before the first one was passed on.
pub type Leave = MutexGuard<'static, ()>;

/// Gives leave, unless another request of this child has it: two buffers for each of many would be
/// memory, and they are not urgent. No thread ever waits for it.
pub fn leave() -> Option<Leave> {
    LEAVE.try_lock()
}

static LEAVE: Mutex<()> = Mutex::new(());

/// Buffers of this child that are not in use. Their old content is never seen again: only what
/// was received is read.
static SPARE: Mutex<Vec<Arc<Buffer>>> = Mutex::new(Vec::new());

/// Most of them; more are given back to the system.
const MOST_SPARE: usize = 15;

/// Makes a buffer without a copy of it ever lying on the stack.
fn fresh() -> Arc<Buffer> {
    let block: Arc<[u8]> = Arc::from(&ZEROS[..]);
    let mut block: Arc<Buffer> =
        block.try_into().unwrap_or_else(|_| unreachable!("the block has the buffer's length"));
    // Most answers need a page of it. Copying has touched them all.
    if let Some(own) = Arc::get_mut(&mut block) {
        give_back_zeros(own);
    }
    block
}

/// Stands for memory that was given back. It is never filled, as it always has other owners.
static PLACEHOLDER: Lazy<Arc<Buffer>> = Lazy::new(fresh);

static ZEROS: Buffer = [0; BUFFER_BYTES];

/// Holds the longest packet (65,539 bytes) and a little of the next.
pub const BUFFER_BYTES: usize = 72 * 1024;

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::unix::fs::FileExt;

    use super::*;

    /// Counts the pages of a buffer that are there, by the kernel's own list of them.
    fn pages_of(buffer: &Buffer) -> usize {
        const PAGE: usize = 4096;
        let first = buffer.as_ptr() as usize / PAGE;
        let mut entries = [0; 8 * (BUFFER_BYTES / PAGE + 1)];
        let list = File::open("/proc/self/pagemap").expect("Linux");
        list.read_exact_at(&mut entries, first as u64 * 8).expect("an entry for each page");
        // The highest bit of an entry says that the page is there; it lies in the last byte.
        entries.chunks(8).filter(|entry| entry[7] & 0x80 != 0).count()
    }

    #[test]
    fn a_fresh_buffer_takes_little_memory() {
        let mut buffer = fresh();
        // The allocator's own words lie before and behind it.
        assert!(pages_of(&buffer) <= 3, "{} pages", pages_of(&buffer));
        let own = Arc::get_mut(&mut buffer).expect("there is no other reference");
        assert_eq!(*own, [0; BUFFER_BYTES]);
        own.fill(1);
        assert!(pages_of(&buffer) >= BUFFER_BYTES / 4096, "pages are counted");
    }

    fn put(read_buffer: &mut ReadBuffer, bytes: &[u8]) {
        read_buffer.room()[..bytes.len()].copy_from_slice(bytes);
        read_buffer.filled(bytes.len());
    }

    #[test]
    fn the_rest_of_a_shared_buffer_moves_on() {
        let mut read_buffer = ReadBuffer::new();
        put(&mut read_buffer, b"firstsecond");
        let first = Arc::clone(read_buffer.slices(&[Chunk { start: 0, len: 5 }]).buffer());
        read_buffer.consume(5);
        put(&mut read_buffer, b"third");
        assert_eq!(read_buffer.bytes(), b"secondthird");
        assert_eq!(first[..5], *b"first", "a shared buffer never changes");
    }

    #[test]
    fn an_unshared_buffer_is_used_again() {
        let mut read_buffer = ReadBuffer::new();
        let place = read_buffer.room().as_ptr();
        put(&mut read_buffer, b"firstsecond");
        drop(Arc::clone(read_buffer.slices(&[Chunk { start: 0, len: 5 }]).buffer()));
        read_buffer.consume(5);
        put(&mut read_buffer, b"third");
        assert_eq!(read_buffer.bytes(), b"secondthird");
        read_buffer.consume(11);
        assert_eq!(read_buffer.room().as_ptr(), place);
        assert_eq!(read_buffer.room().len(), BUFFER_BYTES);
    }

    #[test]
    fn pieces_are_parts_of_what_was_received() {
        let mut read_buffer = ReadBuffer::new();
        put(&mut read_buffer, b"firstsecond");
        read_buffer.consume(5);
        let chunks = [Chunk { start: 0, len: 3 }, Chunk { start: 3, len: 3 }];
        let slices = read_buffer.slices(&chunks);
        assert_eq!((slices.start(), slices.chunks()), (5, &chunks[..]));
        for (start, len) in [(0, 7), (6, 1), (7, 0), (usize::MAX, 2), (2, usize::MAX)] {
            let outside = [Chunk { start, len }];
            let asked = std::panic::AssertUnwindSafe(|| read_buffer.slices(&outside).start());
            assert!(std::panic::catch_unwind(asked).is_err(), "{start} {len}");
        }
    }
}
