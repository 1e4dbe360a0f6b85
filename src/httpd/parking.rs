//! Requests that no thread waits for. The event MPM of httpd 2.4.63 and later can wait for the descriptor in
//! a connection's socket; while a request is parked, that descriptor is its door at the [`Gate`] instead of the client's.
//!
//! A request comes in by [`process_connection`], which runs httpd's own processing within. If its handler
//! has left a request here and returned SUSPENDED, the connection is given to the MPM, and the thread is
//! free. When the door opens, some thread calls [`resume_connection`], which puts the client's
//! descriptor back, and [`process_connection`] again, which lets the request go on.

use std::cell::{Cell, RefCell};
use std::ffi::{c_int, c_void};
use std::future::Future;
use std::task::Poll;
use std::time::Duration;

use once_cell::sync::OnceCell;

use crate::httpd::checked_config::asked;
use crate::httpd::conf_vector::place_in;
use crate::httpd::ending::after_panic;
use crate::httpd::error_log;
use crate::httpd::ffi;
use crate::httpd::ffi::{conn_rec, request_rec};
use crate::httpd::guard::guard_with;
use crate::httpd::parked::Parked;
use crate::httpd::pool::{is_ending, place_in_pool};
use crate::httpd::request::Request;
use crate::net::waiting::Parking;
use crate::net::{AlarmClock, Gate};

const OK: c_int = ffi::OK as c_int;
const DECLINED: c_int = ffi::DECLINED;
const SUSPENDED: c_int = ffi::SUSPENDED;

/// What wakes this child's parked requests; there is one if requests can be parked.
static WAKING: OnceCell<Waking> = OnceCell::new();

struct Waking {
    /// By their sockets, each other, and their deadlines.
    gate: Gate,
    alarms: AlarmClock,
}

/// What the module knows of a connection, in httpd's memory for it.
#[derive(Default)]
struct ConnectionRecord {
    /// Whether httpd's own processing runs within ours.
    is_nested: Cell<bool>,
    /// Whether the client has sent all its requests and closed its half: its end says nothing more.
    has_sent_all: Cell<bool>,
    parked: RefCell<Option<Parked>>,
}

impl ConnectionRecord {
    /// Takes the request that is parked. Most have none, and nothing is moved then.
    fn take(&self) -> Option<Parked> {
        let mut parked = self.parked.borrow_mut();
        if parked.is_some() { parked.take() } else { None }
    }
}

/// Tells whether this httpd's MPM can wait on behalf of a request.
pub fn is_possible() -> bool {
    // SAFETY: asks httpd's MPM; the answer is a number.
    unsafe { ffi::jk_shim_can_park() != 0 }
}

/// Lets requests be parked in this child from now on.
///
/// # Errors
///
/// Why that is not possible here.
pub fn begin() -> Result<(), String> {
    let threads = asked(ffi::AP_MPMQ_MAX_THREADS).and_then(|count| usize::try_from(count).ok());
    let gate = Gate::start(threads.unwrap_or(1), descriptors()).map_err(|why| why.to_string())?;
    let alarms = match AlarmClock::start() {
        Ok(alarms) => alarms,
        Err(why) => {
            gate.stop();
            return Err(format!("no thread can be started: {why}"));
        }
    };
    let _ = WAKING.set(Waking { gate, alarms });
    Ok(())
}

/// Returns how many descriptors this process may have, as its children may; `None` for any number.
pub fn descriptors() -> Option<u64> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: writes the limit.
    let status = unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) };
    (status == 0 && limit.rlim_cur != libc::RLIM_INFINITY).then_some(limit.rlim_cur)
}

/// Ends what [`begin`] has begun.
pub fn end() {
    if let Some(waking) = WAKING.get() {
        waking.alarms.stop();
        waking.gate.stop();
    }
}

/// Tells whether requests can be parked in this child.
#[inline]
pub fn is_on() -> bool {
    WAKING.get().is_some()
}

/// A request that has begun to be served and may be parked.
pub struct ParkingPlace<'r> {
    request: Request<'r>,
    record: &'r ConnectionRecord,
    parking: Parking,
}

impl<'r> ParkingPlace<'r> {
    /// Takes a place for a request for which a thread waits for `patience` first; `None` if it cannot be
    /// parked.
    pub fn take(request: Request<'r>, patience: Duration) -> Option<Self> {
        // SAFETY: reads the request, which is live.
        if !is_on() || unsafe { ffi::jk_shim_may_park(request.raw()) } == 0 {
            return None;
        }
        // SAFETY: the connection lives longer than the request.
        let record = unsafe { record(request.fields().connection().raw()) }?;
        if !record.is_nested.get() || record.parked.borrow().is_some() {
            return None;
        }
        let parking = Parking::new(patience, &WAKING.get()?.gate);
        Some(Self { request, record, parking })
    }

    /// Serves the request until it ends or is parked. Returns what the handler returns.
    pub fn run<F: Future<Output = c_int> + 'r>(self, rest: impl FnOnce(&'r Parking) -> F) -> c_int {
        let raw = self.request.raw();
        // SAFETY: the future is dropped when the request ends, and at the latest by `drop_parked`, which
        // the request's pool calls before it frees anything.
        let mut parked = unsafe { Parked::new(raw, self.parking, rest) };
        loop {
            if let Poll::Ready(code) = parked.poll() {
                drop(parked);
                return code;
            }
            // A child that ends as it has no connection may have taken this one a moment before: then nothing
            // would wake the request. The MPM counts a connection before its request comes here.
            // SAFETY: asks httpd's MPM; the answer is a number.
            if unsafe { ffi::jk_shim_is_stopping() } == 0 {
                break;
            }
            parked.parking().wait_in_thread();
            parked.parking().go_on();
        }
        let pool = self.request.fields().pool();
        // SAFETY: the pool is the request's.
        unsafe { ffi::apr_pool_pre_cleanup_register(pool, raw.cast(), Some(drop_parked)) };
        *self.record.parked.borrow_mut() = Some(parked);
        SUSPENDED
    }
}

/// Runs httpd's processing of a connection, or lets a parked request go on.
///
/// # Safety
///
/// `connection` must be that of a process_connection hook.
pub unsafe fn process_connection(connection: *mut conn_rec) -> c_int {
    // SAFETY: the connection is live during the hook.
    let Some(record) = (unsafe { record(connection) }) else { return DECLINED };
    if let Some(parked) = record.take() {
        return go_on(connection, record, parked);
    }
    if record.is_nested.replace(true) {
        return DECLINED;
    }
    // SAFETY: as httpd calls it; this hook declines within.
    let result = unsafe { ffi::ap_run_process_connection(connection) };
    record.is_nested.set(false);
    // SAFETY: reads the connection.
    if unsafe { ffi::jk_shim_is_suspended(connection) } == 0 {
        return result;
    }
    let Some(parked) = record.take() else { return result };
    match leave(connection, record, parked) {
        Some(parked) => go_on(connection, record, parked),
        None => OK,
    }
}

/// Puts the client's descriptor back, before anything of httpd uses it.
///
/// # Safety
///
/// `connection` must be that of a resume_connection hook.
pub unsafe fn resume_connection(connection: *mut conn_rec) {
    // SAFETY: the connection is live during the hook.
    let Some(record) = (unsafe { record(connection) }) else { return };
    let Some(mut parked) = record.take() else { return };
    parked.unpark(connection);
    // SAFETY: reads the connection.
    if unsafe { ffi::jk_shim_is_over(connection) } == 0 {
        *record.parked.borrow_mut() = Some(parked);
        return;
    }
    // The MPM has waited for its Timeout, because this process was halted, and closes the connection.
    let request = parked.request;
    drop(parked);
    // SAFETY: the request is live and this thread's.
    unsafe { ffi::jk_shim_go_on(request) };
    // SAFETY: as above.
    unsafe { ffi::jk_shim_pause(request) };
    // SAFETY: as above; it is not used afterwards.
    unsafe { ffi::jk_shim_complete(request, ffi::HTTP_GATEWAY_TIME_OUT as c_int) };
    // SAFETY: the connection is live.
    unsafe { ffi::jk_shim_linger(connection) };
}

/// Gives a suspended connection to the MPM. Where that does not work, the thread waits, and the request is
/// returned.
fn leave(
    connection: *mut conn_rec,
    record: &ConnectionRecord,
    mut parked: Parked,
) -> Option<Parked> {
    let has_sent_all = record.has_sent_all.get();
    if WAKING.get().is_some_and(|waking| parked.park(connection, &waking.alarms, has_sent_all)) {
        *record.parked.borrow_mut() = Some(parked);
        return None;
    }
    parked.parking().wait_in_thread();
    Some(parked)
}

/// Lets a parked request go on until it ends or is parked again.
fn go_on(connection: *mut conn_rec, record: &ConnectionRecord, mut parked: Parked) -> c_int {
    let raw = parked.request;
    // SAFETY: a parked request is live: its pool takes it from the record before it goes.
    let Some(request) = (unsafe { Request::from_raw(raw) }) else { return DECLINED };
    loop {
        let mut waits = false;
        guard_with("a parked request's waking", || (), || waits = parked.wake());
        if waits {
            record.has_sent_all.set(true);
        }
        // SAFETY: the request is live and this thread's.
        unsafe { ffi::jk_shim_go_on(raw) };
        let polled = guard_with(
            "a parked request",
            || Poll::Ready(after_panic(request)),
            || error_log::within(&request, || parked.poll()),
        );
        // SAFETY: as above.
        unsafe { ffi::jk_shim_pause(raw) };
        match polled {
            Poll::Pending => match leave(connection, record, parked) {
                Some(own) => parked = own,
                None => return OK,
            },
            Poll::Ready(code) => {
                drop(parked);
                // SAFETY: as above; it is not used afterwards.
                unsafe { ffi::jk_shim_complete(raw, code) };
                return OK;
            }
        }
    }
}

/// Drops a request that is parked when its memory goes: the server stops, or the connection was closed.
unsafe extern "C" fn drop_parked(request: *mut c_void) -> ffi::apr_status_t {
    if is_ending() {
        return 0;
    }
    let request = request.cast::<request_rec>();
    // SAFETY: the pool that calls is the request's, which is whole until this returns.
    let connection = unsafe { (*request).connection };
    // SAFETY: a connection lives longer than its requests.
    let Some(record) = (unsafe { record(connection) }) else { return 0 };
    let mut slot = record.parked.borrow_mut();
    if slot.as_ref().is_none_or(|parked| parked.request != request) {
        return 0;
    }
    let Some(mut parked) = slot.take() else { return 0 };
    drop(slot);
    guard_with(
        "a parked request's end",
        || (),
        || {
            parked.unpark(connection);
            drop(parked);
        },
    );
    0
}

/// Returns what the module knows of a connection. Only what has its own state can be parked.
///
/// # Safety
///
/// `connection` must be live and used by this thread only.
unsafe fn record<'c>(connection: *mut conn_rec) -> Option<&'c ConnectionRecord> {
    // SAFETY: the connection is live.
    let vector = unsafe { (*connection).conn_config };
    // SAFETY: httpd makes a vector for each connection.
    let place = unsafe { place_in(vector) };
    // SAFETY: the place is ours, and null until the line below.
    let known = unsafe { (*place).cast::<ConnectionRecord>() };
    // SAFETY: it lies in the connection's pool.
    if let Some(known) = unsafe { known.as_ref() } {
        return Some(known);
    }
    // SAFETY: the connection is live.
    let pool = unsafe { (*connection).pool };
    // SAFETY: the connection's pool is live.
    let made = unsafe { place_in_pool(pool, ConnectionRecord::default()) };
    // SAFETY: the place is ours.
    unsafe { *place = made.cast() };
    // SAFETY: it was just made and lives as long as the connection.
    unsafe { made.as_ref() }
}
