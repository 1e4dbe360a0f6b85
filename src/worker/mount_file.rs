//! Looks at a mount file and reads it, whatever it may have become meanwhile.

use std::fs::Metadata;
use std::io::Read;
use std::os::unix::fs::MetadataExt;

/// What tells one version of a file from another. The size and the inode see what a time does not:
/// two versions within one tick of the clock, a file moved into place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
}

/// Looks at a file.
///
/// # Errors
///
/// Why it is not to be read, in words.
pub fn stamp(path: &str) -> Result<Stamp, String> {
    let info = std::fs::metadata(path).map_err(|why| why.to_string())?;
    check(&info)?;
    Ok(Stamp {
        device: info.dev(),
        inode: info.ino(),
        size: info.size(),
        modified: (info.mtime(), info.mtime_nsec()),
    })
}

/// Reads a whole file that must be text.
///
/// # Errors
///
/// Why it cannot be read, in words.
pub fn read(path: &str) -> Result<Vec<u8>, String> {
    check(&std::fs::metadata(path).map_err(|why| why.to_string())?)?;
    let file = std::fs::File::open(path).map_err(|why| why.to_string())?;
    let mut text = Vec::new();
    // It may grow between the look and the end.
    file.take(MOST_BYTES).read_to_end(&mut text).map_err(|why| why.to_string())?;
    if text.starts_with(&[0xFF, 0xFE]) || text.starts_with(&[0xFE, 0xFF]) {
        return Err("the file is UTF-16, expected ASCII or UTF-8".to_owned());
    }
    match memchr::memchr(0, &text) {
        Some(at) => Err(format!("byte {at} is NUL, expected text")),
        None => Ok(text),
    }
}

/// A pipe or a device would be waited for.
fn check(info: &Metadata) -> Result<(), String> {
    if !info.is_file() {
        return Err("it is no regular file".to_owned());
    }
    match info.size() > MOST_BYTES {
        true => Err(format!("it has {} bytes, expected at most {MOST_BYTES}", info.size())),
        false => Ok(()),
    }
}

/// Room for a million rules; a log file given by mistake has more.
const MOST_BYTES: u64 = 64 << 20;
