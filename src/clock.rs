//! The clocks of the machine. Edge: everything else takes the time as an argument.

use std::time::Duration;

/// A moment of the machine's monotonic clock, in milliseconds. All processes see the same clock,
/// so a moment may lie in shared memory.
#[derive(Clone, Copy, Debug, Default, Hash, PartialEq, Eq, PartialOrd, Ord)]
pub struct Millis(pub u64);

impl Millis {
    /// Returns the moment that [`micros`] returned as a number.
    pub fn of_micros(us: u64) -> Self {
        Self(us / 1000)
    }

    /// Returns the moment `later` from this one.
    pub fn plus(self, later: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(later.as_millis()).unwrap_or(u64::MAX)))
    }

    /// Returns how much time lies between `earlier` and this moment, zero if it is not earlier.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

/// Returns the present moment.
#[allow(unsafe_code)]
pub fn now() -> Millis {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid place for the result; the clock exists on every Linux and BSD.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    Millis(time.tv_sec as u64 * 1000 + time.tv_nsec as u64 / 1_000_000)
}

/// Returns the present moment of the same clock in microseconds, for measuring; see
/// [`Millis::of_micros`].
#[allow(unsafe_code)]
pub fn micros() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: as in `now`.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    time.tv_sec as u64 * 1_000_000 + time.tv_nsec as u64 / 1000
}

/// Returns random hexadecimal digits, which cannot be guessed.
pub fn nonce() -> String {
    use std::io::Read;

    let mut bytes = [0; 16];
    let filled =
        std::fs::File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes));
    if filled.is_err() {
        // Without it a page has neither script nor style, which is the safe way to fail.
        return String::new();
    }
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Returns how far local time is ahead of UTC now, in seconds, for display only.
#[allow(unsafe_code)]
pub fn utc_offset() -> i64 {
    let seconds = unix_now().as_secs() as libc::time_t;
    // SAFETY: all-zero is a valid `tm`: integers and a null pointer.
    let mut parts: libc::tm = unsafe { std::mem::zeroed() };
    // SAFETY: both are valid places; the function only reads the first and fills the second.
    unsafe { libc::localtime_r(&raw const seconds, &raw mut parts) };
    parts.tm_gmtoff
}

/// Returns the wall clock as time since 1970, for display only.
#[allow(clippy::disallowed_methods)] // this is the edge
pub fn unix_now() -> Duration {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default()
}
