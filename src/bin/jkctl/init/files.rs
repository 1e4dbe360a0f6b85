//! Files of `jkctl init`: new ones, and a new text for one that exists.

use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use crate::disk;
use crate::init::rollback::Rollback;

/// Makes a directory and those above it.
///
/// # Errors
///
/// The path and the reason.
pub fn make_dir(dir: &Path, rollback: &mut Rollback) -> Result<(), String> {
    let missing = dir.ancestors().take_while(|own| own.symlink_metadata().is_err());
    let missing: Vec<_> = missing.map(Path::to_owned).collect();
    // Those that were made stay only if all goes well.
    rollback.push(move || missing.iter().for_each(|own| drop(fs::remove_dir(own))));
    fs::create_dir_all(dir).map_err(|why| failed(dir, &why))
}

/// Writes a file that must not exist.
///
/// # Errors
///
/// The path and the reason.
pub fn create(path: &Path, text: &str, mode: u32, rollback: &mut Rollback) -> Result<(), String> {
    let mut write = || {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
        let own = path.to_owned();
        rollback.push(move || drop(fs::remove_file(own)));
        file.write_all(text.as_bytes())?;
        fs::set_permissions(path, Permissions::from_mode(mode))
    };
    write().map_err(|why| failed(path, &why))
}

/// Where the text of before stays.
pub fn backup_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".before-jkctl");
    name.into()
}

/// Gives a file another text; owner, group and mode stay, and so does the file of before, beside it.
///
/// # Errors
///
/// The path and the reason.
pub fn replace(path: &Path, text: &str, rollback: &mut Rollback) -> Result<(), String> {
    let backup = backup_of(path);
    let mut new = path.as_os_str().to_owned();
    new.push(".jkctl-new");
    let new = PathBuf::from(new);
    let of = fs::metadata(path).map_err(|why| failed(path, &why))?;
    create(&new, text, of.mode() & 0o7777, rollback)?;
    let mut swap = || {
        chown(&new, Some(of.uid()), Some(of.gid()))?;
        fs::hard_link(path, &backup)?;
        let (from, to) = (backup.clone(), path.to_owned());
        rollback.push(move || drop(fs::rename(from, to)));
        fs::rename(&new, path)
    };
    swap().map_err(|why| failed(path, &why))
}

/// Says what failed.
pub fn failed(path: &Path, why: &io::Error) -> String {
    format!("{}: {}", path.display(), disk::reason(why))
}
