//! The files of the configuration as httpd finds them: below ServerRoot, and with texts of earlier
//! files in place of some.

use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;

use crate::config::nearest;
use crate::config::validate::Files;
use crate::httpd::c_strings::rooted;
use crate::httpd::ffi::apr_pool_t;
use crate::text;
use crate::worker::mounts::file::Texts;

/// Files as httpd finds them, with a pool for the way, and texts that stand in for some.
pub struct InPool<'t>(pub *mut apr_pool_t, pub &'t Texts);

impl Files for InPool<'_> {
    fn rooted(&self, path: &str) -> String {
        rooted(self.0, path)
    }

    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        if let Some(text) = self.1.get(path) {
            return Ok(text.clone());
        }
        let about = std::fs::metadata(text::path(path)).map_err(|why| match why.kind() {
            ErrorKind::NotFound => format!("{why}, {}", similar(path)),
            _ => why.to_string(),
        })?;
        // Reading a pipe would wait for ever.
        if !about.is_file() {
            return Err("it is not a regular file, expected a text file".to_owned());
        }
        if about.len() > LARGEST_FILE {
            return Err(format!("it has {} bytes, expected at most {LARGEST_FILE}", about.len()));
        }
        std::fs::read(text::path(path)).map_err(|why| why.to_string())
    }

    fn variable(&self, name: &str) -> Option<String> {
        match name {
            // Predefined in workers files and mount files.
            "ServerRoot" => Some(rooted(self.0, "").trim_end_matches('/').to_owned()),
            _ => text::variable(name),
        }
    }
}

/// Says what to do about a missing file, and names one beside it that may be meant: worker.properties is
/// a usual slip.
fn similar(path: &str) -> String {
    let remedy = || "create the file or correct the path".to_owned();
    let Some((dir, name)) = path.rsplit_once('/') else { return remedy() };
    let files = std::fs::read_dir(text::path(dir)).into_iter().flatten().flatten();
    let files: Vec<_> = files.map(|file| text::owned(file.file_name().as_bytes())).collect();
    match nearest(name, files.iter().map(String::as_str)) {
        Some(other) => format!("did you mean {dir}/{other}"),
        None => remedy(),
    }
}

/// A hundred thousand workers or rules take a tenth of it.
const LARGEST_FILE: u64 = 64 << 20;
