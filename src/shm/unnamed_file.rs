//! The file behind shared memory where memory without a file is not available: a file that no other process can
//! open and that is gone from its directory before it is used, so that none is ever left behind.
#![forbid(unsafe_code)]

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Makes a file without a name, readable and writable for its owner only, of `bytes` zeros that are
/// really there: a full disk is an error now and not a signal later.
///
/// # Errors
///
/// As the system reports it.
pub fn unnamed(dir: &Path, names: impl Iterator<Item = String>, bytes: usize) -> io::Result<File> {
    let mut last = io::Error::from(io::ErrorKind::AlreadyExists);
    for name in names {
        let path = dir.join(name);
        // An existing file, such as a link of another user, is neither opened nor followed.
        match OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path) {
            Ok(mut file) => {
                fs::remove_file(&path)?;
                reserve(&mut file, bytes)?;
                return Ok(file);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => last = error,
            Err(error) => return Err(error),
        }
    }
    Err(last)
}

fn reserve(file: &mut File, bytes: usize) -> io::Result<()> {
    let zeros = [0; 16 * 1024];
    let mut left = bytes;
    while left > 0 {
        let part = left.min(zeros.len());
        file.write_all(&zeros[..part])?;
        left -= part;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn no_file_is_left_and_no_link_is_followed() {
        let dir = std::env::temp_dir().join(format!("jk-backing-{}", std::process::id()));
        fs::create_dir_all(&dir).expect("a directory");
        let (target, link) = (dir.join("target"), dir.join("first"));
        fs::write(&target, "precious").expect("a file");
        symlink(&target, &link).expect("a link");
        let names = || ["first", "second"].map(str::to_owned).into_iter();
        let file = unnamed(&dir, names(), 40_000).expect("a file");
        let about = file.metadata().expect("it is open");
        assert_eq!((about.len(), about.permissions().mode() & 0o777), (40_000, 0o600));
        assert_eq!(fs::read_to_string(&target).expect("a file"), "precious");
        let mut left: Vec<_> = fs::read_dir(&dir).expect("a directory").flatten().collect();
        left.sort_by_key(fs::DirEntry::file_name);
        let left: Vec<_> = left.iter().map(fs::DirEntry::path).collect();
        assert_eq!(left, [link.clone(), target], "it has no name any more");
        let error = unnamed(&dir, names().take(1), 1).expect_err("the only name is taken");
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        fs::remove_dir_all(&dir).expect("a directory of ours");
        assert!(unnamed(&dir, names(), 1).is_err(), "there is no directory");
    }
}
