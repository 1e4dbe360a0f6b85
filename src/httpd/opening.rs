//! What a start opens beside the files it reads, looked at without opening or creating anything but a
//! FIFO: `httpd -t` must fail where a start would.

use std::ffi::{CString, c_char};
use std::fmt;
use std::fs::{FileType, Metadata};
use std::io::{Error, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::ptr;

use crate::config::{Diagnostic, ServerSettings};
use crate::httpd::c_strings::{rooted, text};
use crate::httpd::ffi;
use crate::httpd::ffi::apr_pool_t;
use crate::httpd::log_file::open_log;
use crate::text;

/// Why a log cannot be opened, and what to do.
#[derive(Debug)]
pub enum Unopened {
    /// What the system says.
    System(Error),
    /// A file of a kind that takes no lines.
    Kind(&'static str),
    /// A program that no user may execute.
    NotExecutable,
}

impl fmt::Display for Unopened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const FILE: &str = "expected a file in a directory that exists, or a program";
        match self {
            Self::System(why) if why.raw_os_error() == Some(libc::ENXIO) => {
                write!(f, "{why}, expected a file, or a FIFO that a program reads")
            }
            Self::System(why) if why.kind() == ErrorKind::PermissionDenied => write!(f, "{why}"),
            Self::System(why) => write!(f, "{why}, {FILE}"),
            Self::Kind(kind) => write!(f, "it is {kind}, {FILE}"),
            Self::NotExecutable => f.write_str("it is not executable, expected a program"),
        }
    }
}

impl Unopened {
    /// Tells whether another user may fare better.
    fn is_about_rights(&self) -> bool {
        matches!(self, Self::System(why) if why.kind() == ErrorKind::PermissionDenied)
    }
}

impl From<Error> for Unopened {
    fn from(why: Error) -> Self {
        Self::System(why)
    }
}

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
            let looked = look_at_file(&text::path(&full), is_test);
            (full, looked)
        }
    };
    let why = looked.err()?;
    Some(match is_test && why.is_about_rights() {
        true => Diagnostic::warning(
            &given.origin,
            format!(
                "JkLogFile {shown}: {why} for this user; httpd started as this user would fail"
            ),
        ),
        false => Diagnostic::error(&given.origin, format!("JkLogFile {shown}: {why}")),
    })
}

/// Looks at the directory of `JkAutoAlias` of one server, where it is given: without it no file is found.
pub fn auto_alias(
    pool: *mut apr_pool_t,
    settings: &ServerSettings,
    is_strict: bool,
) -> Option<Diagnostic> {
    let given = settings.given.iter().rev().find(|given| given.name == "JkAutoAlias")?;
    let full = rooted(pool, settings.auto_alias.as_deref()?);
    let why = match std::fs::metadata(text::path(&full)) {
        Ok(about) if about.is_dir() => return None,
        // Another user may see it.
        Err(why) if why.kind() == ErrorKind::PermissionDenied => return None,
        Ok(_) => "it is not a directory".to_owned(),
        Err(why) => why.to_string(),
    };
    let text = format!("JkAutoAlias {full}: {why}, expected the directory of the web applications");
    Some(match is_strict {
        true => Diagnostic::error(&given.origin, text),
        false => Diagnostic::warning(&given.origin, text),
    })
}

/// Looks at a file that would be opened for appending, or made.
fn look_at_file(path: &Path, is_test: bool) -> Result<(), Unopened> {
    // The start has other ones than the test.
    if is_test && OF_THE_PROCESS.iter().any(|own| path.starts_with(own)) {
        return Ok(());
    }
    match std::fs::metadata(path).map(|about| about.file_type()) {
        Ok(kind) if kind.is_dir() || kind.is_socket() => Err(Unopened::Kind(name_of(kind))),
        // Only opening it tells whether it has a reader. A start opens it once: closing it ends readers
        // that wait for one writer.
        Ok(kind) if kind.is_fifo() && is_test => Ok(open_log(path).map(drop)?),
        Ok(_) => may(path, libc::W_OK),
        Err(why) if why.kind() == ErrorKind::NotFound => {
            let path = followed(path);
            let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty());
            let dir = dir.unwrap_or(Path::new("."));
            match std::fs::metadata(dir)?.is_dir() {
                true => may(dir, libc::W_OK | libc::X_OK),
                false => Err(Error::from_raw_os_error(libc::ENOTDIR).into()),
            }
        }
        Err(why) => Err(why.into()),
    }
}

/// Follows symbolic links to a file that is not there: it is made where the last one leads.
fn followed(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    // A loop of links has an error of its own.
    while let Ok(target) = std::fs::read_link(&path) {
        path = path.parent().map_or_else(|| target.clone(), |dir| dir.join(&target));
    }
    path
}

/// Looks at the program behind a pipe as APR does before it starts one. The shell is always there, and
/// what it makes of its line is seen only when it runs.
///
/// # Errors
///
/// Why it cannot be started.
pub fn look_at_program(pool: *mut apr_pool_t, program: &str) -> Result<(), Unopened> {
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
    let path = text::path(&first);
    let about: Metadata = std::fs::metadata(&path)?;
    if !about.is_file() {
        return Err(Unopened::Kind(name_of(about.file_type())));
    }
    // Not even root executes such a file.
    if about.permissions().mode() & 0o111 == 0 {
        return Err(Unopened::NotExecutable);
    }
    may(&path, libc::R_OK | libc::X_OK)
}

fn name_of(kind: FileType) -> &'static str {
    match kind {
        kind if kind.is_dir() => "a directory",
        kind if kind.is_socket() => "a socket",
        _ => "not a regular file",
    }
}

/// Asks the system whether this process may do something.
fn may(path: &Path, what: i32) -> Result<(), Unopened> {
    let Ok(path) = CString::new(path.as_os_str().as_bytes()) else {
        return Err(Error::from_raw_os_error(libc::EINVAL).into());
    };
    // SAFETY: the path is a C string, and nothing is kept of it.
    match unsafe { libc::access(path.as_ptr(), what) } {
        0 => Ok(()),
        _ => Err(Error::last_os_error().into()),
    }
}

/// Names of what each process has opened itself.
const OF_THE_PROCESS: &[&str] =
    &["/dev/stdout", "/dev/stderr", "/dev/fd", "/proc/self/fd", "/proc/thread-self/fd"];
