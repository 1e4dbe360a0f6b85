//! What a start opens beside the files it reads, looked at without opening or creating anything:
//! `httpd -t` must fail where a start would.

use std::ffi::{CString, c_char};
use std::io::{Error, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;

use crate::config::{Diagnostic, ServerSettings};
use crate::httpd::c_strings::{rooted, text};
use crate::httpd::ffi;
use crate::httpd::ffi::apr_pool_t;
use crate::text;

/// Looks at `JkLogFile` of one server, where it is given. Lack of rights only warns in a `test`, which
/// may run as another user than the start.
pub fn log_file(
    pool: *mut apr_pool_t,
    settings: &ServerSettings,
    is_test: bool,
) -> Option<Diagnostic> {
    let name = settings.log_file.as_deref().filter(|name| !name.is_empty())?;
    // What a virtual host inherits is looked at where it stands.
    let given = settings.given.iter().rev().find(|given| given.name == "JkLogFile")?;
    let (shown, looked) = match name.strip_prefix('|') {
        Some(program) => (name.to_owned(), look_at_program(pool, program)),
        None => {
            let full = rooted(pool, name);
            let looked = look_at_file(&text::path(&full));
            (full, looked)
        }
    };
    let why = looked.err()?;
    Some(match is_test && is_about_rights(&why) {
        true => Diagnostic::warning(
            &given.origin,
            format!(
                "JkLogFile {shown}: {why} for this user; httpd started as this user would fail"
            ),
        ),
        false => {
            Diagnostic::error(&given.origin, format!("JkLogFile {shown}: {why}{}", hint(&why)))
        }
    })
}

/// Tells whether another user may fare better.
pub fn is_about_rights(why: &Error) -> bool {
    why.kind() == ErrorKind::PermissionDenied
}

fn hint(why: &Error) -> &'static str {
    match why.kind() {
        ErrorKind::NotFound => ", expected a file in a directory that exists, or a program",
        _ => "",
    }
}

/// Looks at a file that would be opened for appending, or made.
fn look_at_file(path: &Path) -> Result<(), Error> {
    match std::fs::metadata(path) {
        Ok(about) if about.is_dir() => Err(Error::from_raw_os_error(libc::EISDIR)),
        Ok(_) => may(path, libc::W_OK),
        Err(why) if why.kind() == ErrorKind::NotFound => {
            let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty());
            let dir = dir.unwrap_or(Path::new("."));
            match std::fs::metadata(dir)?.is_dir() {
                true => may(dir, libc::W_OK | libc::X_OK),
                false => Err(Error::from_raw_os_error(libc::ENOTDIR)),
            }
        }
        Err(why) => Err(why),
    }
}

/// Looks at the program behind a pipe as APR does before it starts one. The shell is always there, and
/// what it makes of its line is seen only when it runs.
fn look_at_program(pool: *mut apr_pool_t, program: &str) -> Result<(), Error> {
    if program.starts_with('$') {
        return Ok(());
    }
    let command = text::raw(program.strip_prefix('|').unwrap_or(program));
    let Ok(command) = CString::new(command) else { return Ok(()) };
    let mut words: *mut *mut c_char = ptr::null_mut();
    // SAFETY: APR splits the line into words in the pool, which is live.
    let status = unsafe { ffi::apr_tokenize_to_argv(command.as_ptr(), &raw mut words, pool) };
    if status != 0 || words.is_null() {
        return Ok(());
    }
    // SAFETY: the list of words ends with null, so that it has a first entry.
    let first = unsafe { *words };
    // SAFETY: a C string, or null where there is no word.
    let first = unsafe { text(first) };
    match first.is_empty() {
        true => Err(Error::from_raw_os_error(libc::ENOENT)),
        false => may(&text::path(&first), libc::R_OK | libc::X_OK),
    }
}

/// Asks the system whether this process may do something.
fn may(path: &Path, what: i32) -> Result<(), Error> {
    let Ok(path) = CString::new(path.as_os_str().as_bytes()) else {
        return Err(Error::from_raw_os_error(libc::EINVAL));
    };
    // SAFETY: the path is a C string, and nothing is kept of it.
    match unsafe { libc::access(path.as_ptr(), what) } {
        0 => Ok(()),
        _ => Err(Error::last_os_error()),
    }
}
