//! Looks at a mount file and reads it, whatever it may have become meanwhile.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::io::Read;
use std::os::unix::fs::MetadataExt;

use crate::config::validate::must_be_text;
use crate::text;

/// What tells one version of a file from another. The size and the inode see what a time does not:
/// two versions within one tick of the clock, a file moved into place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileVersion {
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
pub fn stamp(path: &str) -> Result<FileVersion, String> {
    let info = std::fs::metadata(text::path(path)).map_err(|why| why.to_string())?;
    check(&info)?;
    Ok(FileVersion {
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
    check(&std::fs::metadata(text::path(path)).map_err(|why| why.to_string())?)?;
    let file = std::fs::File::open(text::path(path)).map_err(|why| why.to_string())?;
    let mut text = Vec::new();
    // It may grow between the look and the end.
    file.take(MOST_BYTES).read_to_end(&mut text).map_err(|why| why.to_string())?;
    must_be_text(&text)?;
    Ok(text)
}

/// Texts of mount files by path.
pub type Texts = BTreeMap<String, Vec<u8>>;

/// Makes one block of texts, to be read by [`unpack`].
pub fn pack(texts: &Texts) -> Vec<u8> {
    let mut block = Vec::new();
    for (path, text) in texts {
        for part in [path.as_bytes(), text] {
            block.extend_from_slice(&(part.len() as u64).to_le_bytes());
            block.extend_from_slice(part);
        }
    }
    block
}

/// Reads what [`pack`] wrote, as far as it goes.
pub fn unpack(mut block: &[u8]) -> Texts {
    let mut part = || {
        let (len, rest) = block.split_first_chunk()?;
        let (part, rest) =
            rest.split_at_checked(usize::try_from(u64::from_le_bytes(*len)).ok()?)?;
        block = rest;
        Some(part.to_vec())
    };
    std::iter::from_fn(|| Some((String::from_utf8(part()?).ok()?, part()?))).collect()
}

/// A pipe or a device would be waited for.
fn check(info: &Metadata) -> Result<(), String> {
    if !info.is_file() {
        return Err("it is not a regular file, expected a text file".to_owned());
    }
    match info.size() > MOST_BYTES {
        true => Err(format!("it has {} bytes, expected at most {MOST_BYTES}", info.size())),
        false => Ok(()),
    }
}

/// Room for a million rules; a log file given by mistake has more.
const MOST_BYTES: u64 = 64 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_back_as_they_were() {
        let texts = Texts::from([
            ("/etc/jk/a".to_owned(), b"/a=w\n".to_vec()),
            ("/etc/jk/b".to_owned(), Vec::new()),
            ("/etc/jk/c".to_owned(), vec![0xE9, 0, b'\n']),
        ]);
        let block = pack(&texts);
        assert_eq!(unpack(&block), texts);
        assert_eq!(unpack(b""), Texts::new());
        for end in 0..block.len() {
            assert!(unpack(&block[..end]).len() < 3, "cut at {end}");
        }
    }
}
