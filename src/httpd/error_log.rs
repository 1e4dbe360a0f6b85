//! Logs of servers: files, pipes and httpd's own error log.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::ffi::{CString, c_char, c_int};
use std::fs::File;
use std::os::fd::FromRawFd;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, Ordering};

use crate::config::{LogLevel, ServerSettings};
use crate::httpd::c_strings::rooted;
use crate::httpd::ffi;
use crate::httpd::ffi::{apr_pool_t, request_rec, server_rec};
use crate::httpd::log_file::open_log;
use crate::httpd::opening::{Unopened, look_at_program};
use crate::httpd::request::{Request, Table};
use crate::log::{Log, Output, Present, ServerLog, TimeFormat};
use crate::text;

/// Files and pipes by what `JkLogFile` says: each is opened once.
pub type Outputs = BTreeMap<String, Arc<Output>>;

/// Writes a line to httpd's error log.
pub fn say(server: *const server_rec, level: LogLevel, line: &str) {
    put(ptr::null(), server, number(level), line);
}

/// Writes a line to httpd's error log that is there whatever `LogLevel` says, as those of httpd's own start.
pub fn remark(server: *const server_rec, line: &str) {
    put(ptr::null(), server, ffi::APLOG_NOTICE as c_int, line);
}

/// Makes the log of a server. Without `JkLogFile` lines go to its error log.
///
/// # Errors
///
/// What cannot be opened, and why.
pub fn log_of(
    pool: *mut apr_pool_t,
    server: *mut server_rec,
    settings: &ServerSettings,
    outputs: &mut Outputs,
) -> Result<Arc<Log>, String> {
    let stamp = settings.log_stamp_format.as_deref().map(TimeFormat::new).unwrap_or_default();
    let output = match settings.log_file.as_deref().filter(|name| !name.is_empty()) {
        None => None,
        Some(name) => {
            let name = if name.starts_with('|') { name.to_owned() } else { rooted(pool, name) };
            let known = outputs.get(&name).map(Arc::clone);
            let output = match known {
                Some(output) => output,
                None => Arc::new(Output::new(&name, open(pool, &name)?)),
            };
            outputs.insert(name, Arc::clone(&output));
            Some(output)
        }
    };
    let host = Box::new(ErrorLog(AtomicPtr::new(server)));
    let is_json = settings.log_json == Some(true);
    Ok(Arc::new(Log::new(settings.log_level, stamp, is_json, output, host)))
}

fn open(pool: *mut apr_pool_t, name: &str) -> Result<File, String> {
    match name.strip_prefix('|') {
        Some(program) => pipe(pool, program),
        None => {
            let opened = open_log(&text::path(name)).map_err(Unopened::from);
            opened.map_err(|why| format!("JkLogFile {name}: {why}"))
        }
    }
}

/// Starts a program as mod_log_config does: `|program` and `||program` directly, `|$program`
/// through the shell. httpd starts it again should it end.
fn pipe(pool: *mut apr_pool_t, program: &str) -> Result<File, String> {
    let failed = || format!("JkLogFile |{program}: the program cannot be started");
    // httpd sees in a child only that it cannot be, and goes on.
    look_at_program(pool, program).map_err(|why| format!("JkLogFile |{program}: {why}"))?;
    let (command, kind) = match program.strip_prefix('$') {
        Some(command) => (command, ffi::apr_cmdtype_e_APR_SHELLCMD_ENV),
        None => (program.strip_prefix('|').unwrap_or(program), ffi::apr_cmdtype_e_APR_PROGRAM_ENV),
    };
    let command = CString::new(text::raw(command)).map_err(|_| failed())?;
    // SAFETY: `pool` is the configuration pool, which owns the program from here on.
    let log = unsafe { ffi::ap_open_piped_log_ex(pool, command.as_ptr(), kind) };
    if log.is_null() {
        return Err(failed());
    }
    // SAFETY: `log` is the piped log just opened.
    let file = unsafe { ffi::ap_piped_log_write_fd(log) };
    let mut fd = -1;
    // SAFETY: `file` is the open writing end.
    if unsafe { ffi::apr_os_file_get(&raw mut fd, file) } != 0 {
        return Err(failed());
    }
    // SAFETY: httpd keeps `fd` open; we take a descriptor of our own.
    let own = unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 0) };
    if own < 0 {
        return Err(failed());
    }
    // SAFETY: `own` was just created and has no other owner.
    Ok(unsafe { File::from_raw_fd(own) })
}

thread_local! {
    /// The request this thread serves, while one of our hooks runs.
    static REQUEST: Cell<*mut request_rec> = const { Cell::new(ptr::null_mut()) };
}

/// Puts back what was there before, also when a panic passes: the request may be gone then.
struct PreviousRequest(*mut request_rec);

impl Drop for PreviousRequest {
    fn drop(&mut self) {
        REQUEST.set(self.0);
    }
}

/// Runs `body` with its lines being about a request.
pub fn within<T>(request: &Request<'_>, body: impl FnOnce() -> T) -> T {
    let _outer = PreviousRequest(REQUEST.replace(request.raw()));
    body()
}

/// Tells about the request this thread serves.
pub const PRESENT: Present = Present { log: request_log, id: request_id };

fn request_log() -> Option<Arc<Log>> {
    // SAFETY: `within` sets it for as long as its caller's hook runs, on the hook's own thread.
    let request = unsafe { Request::from_raw(REQUEST.get()) }?;
    request.ready().map(|ready| Arc::clone(&ready.log))
}

/// Returns the id of the request this thread serves, from the variable of
/// `JkRequestIdIndicator`, else from mod_unique_id's. A client may have chosen it.
fn request_id() -> Option<String> {
    // SAFETY: as above.
    let request = unsafe { Request::from_raw(REQUEST.get()) }?;
    let own =
        request.ready().and_then(|ready| request.get(Table::Environment, &ready.names.request_id));
    let id = own.filter(|id| !id.is_empty());
    let id = id.or_else(|| request.get(Table::Environment, c"UNIQUE_ID"))?;
    let is_plain =
        |byte: &u8| byte.is_ascii_graphic() && !matches!(byte, b'[' | b']' | b'"' | b'\\');
    let safe = id.iter().take(LONGEST_ID).map(|byte| match is_plain(byte) {
        true => char::from(*byte),
        false => '?',
    });
    Some(safe.collect())
}

/// Longest request id in a line; those of mod_unique_id have 24 characters, UUIDs 36.
const LONGEST_ID: usize = 128;

/// httpd's error log of one server. The pointer is only handed back to httpd.
#[derive(Debug)]
struct ErrorLog(AtomicPtr<server_rec>);

impl ServerLog for ErrorLog {
    fn wants(&self, level: LogLevel) -> bool {
        let server = self.0.load(Ordering::Relaxed);
        // SAFETY: the request is null or live, see `request_id`; httpd keeps the server as long
        // as the configuration that owns this log, and until `close`.
        !server.is_null()
            && number(level) <= unsafe { ffi::jk_shim_log_level(REQUEST.get(), server) }
    }

    fn close(&self) {
        self.0.store(ptr::null_mut(), Ordering::Relaxed);
    }

    fn write(&self, level: Option<LogLevel>, text: &str) {
        // httpd writes notices whatever LogLevel says.
        let number = level.map_or(ffi::APLOG_NOTICE as c_int, number);
        let server = self.0.load(Ordering::Relaxed);
        if !server.is_null() {
            put(REQUEST.get(), server, number, text);
        }
    }
}

fn put(request: *const request_rec, server: *const server_rec, level: c_int, text: &str) {
    // httpd spells what is no ASCII itself.
    let bytes = text::raw(text);
    let len = c_int::try_from(bytes.len()).unwrap_or(c_int::MAX);
    let text = bytes.as_ptr().cast::<c_char>();
    if request.is_null() {
        // SAFETY: the shim prints `len` bytes; a null server means httpd's main log.
        unsafe { ffi::jk_shim_log_server(level, 0, server, text, len) };
    } else {
        // SAFETY: as above; the request is live while its hook runs.
        unsafe { ffi::jk_shim_log_request(level, 0, request, text, len) };
    }
}

fn number(level: LogLevel) -> c_int {
    (match level {
        LogLevel::Emerg => ffi::APLOG_EMERG,
        LogLevel::Error => ffi::APLOG_ERR,
        LogLevel::Warn => ffi::APLOG_WARNING,
        LogLevel::Info => ffi::APLOG_INFO,
        LogLevel::Debug => ffi::APLOG_DEBUG,
        LogLevel::Trace => ffi::APLOG_TRACE1,
    }) as c_int
}
