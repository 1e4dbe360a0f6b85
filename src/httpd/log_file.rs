//! Opens a log file without waiting for anything.

use std::fs::{File, OpenOptions};
use std::io::Error;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Opens a log for appending, and makes it where it is missing. A FIFO without a reader is an error,
/// where a plain open would wait for one; writing to a reader that is slow waits as ever.
///
/// # Errors
///
/// What the system says; of a FIFO without a reader `ENXIO`.
pub fn open_log(path: &Path) -> Result<File, Error> {
    let mut options = OpenOptions::new();
    options.append(true).create(true).mode(0o644).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY);
    let file = options.open(path)?;
    // SAFETY: asks for the flags of an open file.
    let flags = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_GETFL) };
    if flags < 0 {
        return Err(Error::last_os_error());
    }
    // SAFETY: sets the flags of a file that has no other owner.
    match unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETFL, flags & !libc::O_NONBLOCK) } {
        0 => Ok(file),
        _ => Err(Error::last_os_error()),
    }
}
