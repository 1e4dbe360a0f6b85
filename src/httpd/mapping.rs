//! From a request to its worker.

use std::ffi::{CStr, CString, c_int};
use std::sync::Arc;
use std::time::Duration;

use super::choice::{choose, keeps_unsafe, refuse, refuse_unsafe, way};
use super::downstream::HttpdDownstream;
use super::environment::{Environment, Variable};
use super::logging;
use super::request::{Left, Request, Table};
use super::server::Ready;
use super::{auto_alias, ffi};
use crate::lb::Activation;
use crate::log;
use crate::uri_map::{self, CleanError, Extensions, Rule, clean::is_unsafe, local::strip_session};
use crate::worker::{RequestSettings, Worker};

const OK: c_int = ffi::OK as c_int;
const DECLINED: c_int = ffi::DECLINED;
/// The handler of a directory whose index page does not exist.
const DIRECTORY: &CStr = c"httpd/unix-directory";
/// The name of our handler.
const HANDLER: &CStr = c"jakarta-servlet";

/// A rule that maps a request.
pub struct Mapped {
    rule: Arc<Rule>,
    /// The decoded path with its path parameters, where cleaning took something away.
    path: Option<Vec<u8>>,
    /// The rule is one for its `FallbackResource`, should mod_dir take that.
    is_fallback: bool,
}

/// Tells whether a request has our handler: set by us, or by its name in the configuration.
pub fn is_ours(request: &Request<'_>) -> bool {
    let handler = request.fields().handler;
    std::ptr::eq(handler, HANDLER.as_ptr()) || request.is_text(handler, HANDLER)
}

/// Maps in the translation phase.
pub fn translate(request: Request<'_>) -> c_int {
    let Some(ready) = request.ready() else { return DECLINED };
    let result = map(request, ready);
    if result == DECLINED
        && let Some(dir) = &ready.settings.auto_alias
        && request.fields().proxyreq == 0
        && !request.is_left_alone()
        && !is_ours(&request)
    {
        return auto_alias::translate(request, dir);
    }
    result
}

/// Maps what another module translated, for example a file of mod_alias.
pub fn to_storage(request: Request<'_>) -> c_int {
    if is_ours(&request) && mapped(&request).is_some() {
        return OK;
    }
    let Some(ready) = request.ready() else { return DECLINED };
    let result = if is_known_as_unmapped(&request) { DECLINED } else { map(request, ready) };
    if result == OK {
        tell_of_lost_rewrite(&request);
    }
    if result == DECLINED
        && let Some(Some(name)) = &ready.settings.strip_session
    {
        strip(request, name.as_bytes());
    }
    result
}

/// Says that a rule of mod_rewrite without `[PT]` made a file name that is of no use, as the path
/// the client sent is mapped. mod_rewrite leaves a note with a number that is not 0.
fn tell_of_lost_rewrite(request: &Request<'_>) {
    let note = request.get(Table::Notes, c"mod_rewrite_rewritten");
    if note.is_none_or(|number| number == b"0") {
        return;
    }
    logging::within(request, || {
        tracing::warn!(
            "JK-209 mod_rewrite changed \"{0}\" without [PT], and \"{0}\" itself goes to a worker: add [PT] to the RewriteRule",
            log::escaped(request.bytes(request.fields().uri).unwrap_or_default())
        );
    });
}

/// Maps by the path. Whether a request may be mapped at all is asked only where it matters: of most
/// requests no rule says anything.
fn map(request: Request<'_>, ready: &Ready) -> c_int {
    if ready.map.is_empty() {
        return DECLINED;
    }
    let path = request.bytes(request.fields().uri).unwrap_or_default();
    let mut buffer = Vec::new();
    let cleaned = match uri_map::clean(path, &mut buffer) {
        Ok(cleaned) => cleaned.path,
        Err(CleanError::Asterisk) => return DECLINED,
        Err(why @ (CleanError::ClimbsAboveRoot | CleanError::NotAbsolute)) => {
            if !may_be_mapped(&request) {
                return DECLINED;
            }
            logging::within(&request, || {
                tracing::info!("JK-201 {why}: \"{}\"; answered 400", log::escaped(path));
            });
            return ffi::HTTP_BAD_REQUEST as c_int;
        }
    };
    if keeps_unsafe(ready) && is_unsafe(cleaned) {
        if !may_be_mapped(&request) {
            return DECLINED;
        }
        return logging::within(&request, || {
            let is_forbidden = ready.settings.options.forbid_unsafe_uri == Some(true);
            if is_forbidden && ready.map.find(cleaned).is_some() {
                return refuse_unsafe(cleaned);
            }
            tracing::info!("JK-202 \"{}\" has a % or \\ and is not mapped", log::escaped(cleaned));
            DECLINED
        });
    }
    let Some(rule) = ready.map.find(cleaned) else {
        request.leave_text(path);
        return DECLINED;
    };
    if !may_be_mapped(&request) {
        return DECLINED;
    }
    logging::within(&request, || {
        let way = way(&request, ready, path);
        if way.may_differ()
            && let Some(why) = ready.map.current().misreading(&rule, &way)
        {
            return refuse(path, &why);
        }
        let worker = &*rule.worker;
        tracing::debug!("\"{}\" goes to worker {worker}", log::escaped(cleaned));
        let is_changed = cleaned != path;
        let raw = request.raw();
        if is_changed {
            let cleaned = request.keep(cleaned);
            // SAFETY: the request is ours during the hook; the text lies in its pool.
            unsafe { (*raw).uri = cleaned };
        }
        claim(request, &rule, is_changed.then(|| path.to_vec()));
        if let Some(main) = request.main() {
            index_of(request, main, ready, &rule);
        } else {
            let name = cleaned.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
            let name = request.keep(name);
            // SAFETY: as above. Later phases expect a file name, though there is no file.
            unsafe { (*raw).filename = name };
        }
        OK
    })
}

/// Tells whether a rule may have a request.
fn may_be_mapped(request: &Request<'_>) -> bool {
    let fields = request.fields();
    fields.proxyreq == 0
        && !request.is_left_alone()
        && !is_ours(request)
        && !request.is_text(fields.method, c"CONNECT")
}

/// Makes a request ours.
fn claim(request: Request<'_>, rule: &Arc<Rule>, path: Option<Vec<u8>>) {
    let mapped = Mapped { rule: Arc::clone(rule), path, is_fallback: false };
    request.leave(request.place_owned(mapped));
    request.set(Table::Notes, c"JK_WORKER_NAME", rule.worker.as_bytes());
    // SAFETY: the request is ours during the hook; the name is static.
    unsafe { (*request.raw()).handler = HANDLER.as_ptr() };
}

/// mod_dir looks for an index file by a sub-request. If it is mapped, so is the directory itself;
/// whether the file exists is looked up on disk, as mod_dir wants to know.
fn index_of(request: Request<'_>, main: Request<'_>, ready: &Ready, rule: &Arc<Rule>) {
    const DIRECTORY: u32 = ffi::apr_filetype_e_APR_DIR;
    let uri = request.bytes(request.fields().uri).unwrap_or_default();
    let name = uri.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
    if main.fields().finfo.filetype != DIRECTORY {
        let name = request.keep(name);
        // SAFETY: the request is ours during the hook; the text lies in its pool.
        unsafe { (*request.raw()).filename = name };
        fall_back(request, main, ready, rule, uri);
        return;
    }
    let directory = main.bytes(main.fields().filename).unwrap_or_default();
    let slash: &[u8] = if directory.ends_with(b"/") { b"" } else { b"/" };
    let file = request.keep(&[directory, slash, name].concat());
    let raw = request.raw();
    // SAFETY: as above.
    unsafe { (*raw).filename = file };
    // SAFETY: the place for the answer belongs to the request, which is ours.
    let info = unsafe { &raw mut (*raw).finfo };
    let pool = request.fields().pool;
    // SAFETY: the file name is a C string, `info` a place for the answer, the pool live.
    unsafe { ffi::apr_stat(info, file, ffi::APR_FINFO_MIN as i32, pool) };
    if may_be_forwarded(&main, ready, |_| true) {
        claim(main, rule, None);
    }
}

/// mod_dir looks up a `FallbackResource` by a sub-request too, for what is no file and has no
/// handler, and lets it take the request over if it is a file. As with the original the worker gets
/// the path of the request itself, and that of the resource if an exclusion keeps it from there.
fn fall_back(
    request: Request<'_>,
    main: Request<'_>,
    ready: &Ready,
    rule: &Arc<Rule>,
    resource: &[u8],
) {
    let fields = main.fields();
    if fields.finfo.filetype != ffi::apr_filetype_e_APR_NOFILE || !fields.handler.is_null() {
        return;
    }
    // SAFETY: the request is ours during the hook.
    unsafe { (*request.raw()).finfo.filetype = ffi::apr_filetype_e_APR_REG };
    // An index page that is missing falls back as well, and then the directory goes the same way.
    let map = ready.map.current();
    for own in std::iter::once(main).chain(main.main()) {
        if may_be_forwarded(&own, ready, |path| !map.keeps_from_worker_of(resource, path)) {
            // Not claimed: others look things up as well, and only mod_dir sets our handler then.
            let path = own.bytes(own.fields().uri).map(<[u8]>::to_vec);
            let mapped = Mapped { rule: Arc::clone(rule), path, is_fallback: true };
            own.leave(own.place_owned(mapped));
        }
    }
}

/// Tells whether a request may go to a worker by a rule for another path than its own.
fn may_be_forwarded(request: &Request<'_>, ready: &Ready, is_fine: impl Fn(&[u8]) -> bool) -> bool {
    let path = request.bytes(request.fields().uri).unwrap_or_default();
    let mut buffer = Vec::new();
    uri_map::clean(path, &mut buffer).is_ok_and(|cleaned| {
        let is_kept = keeps_unsafe(ready) && is_unsafe(cleaned.path);
        !is_kept && is_fine(cleaned.path) && way(request, ready, path).is_read_as(cleaned.path)
    })
}

/// Removes a session id from a URI that httpd serves itself.
fn strip(request: Request<'_>, name: &[u8]) {
    let (raw, fields) = (request.raw(), request.fields());
    let mut stripped = Vec::new();
    if strip_session(request.bytes(fields.uri).unwrap_or_default(), name, &mut stripped) {
        let uri = request.keep(&stripped);
        // SAFETY: the request is ours during the hook; the text lies in its pool.
        unsafe { (*raw).uri = uri };
    }
    if strip_session(request.bytes(fields.filename).unwrap_or_default(), name, &mut stripped) {
        let file = request.keep(&stripped);
        // SAFETY: as above.
        unsafe { (*raw).filename = file };
    }
}

/// Tells whether a request has the path for which no rule was found. Most requests of most servers
/// are nobody's; once is enough to find that out. Other modules may have given the request another
/// path meanwhile, or changed it where it lies.
fn is_known_as_unmapped(request: &Request<'_>) -> bool {
    matches!(left(request), Some(Left::Text(path)) if request.has_path(path))
}

fn mapped<'r>(request: &Request<'r>) -> Option<&'r Mapped> {
    match left(request) {
        Some(Left::Value(mapped)) => (!mapped.is_fallback || is_ours(request)).then_some(mapped),
        Some(Left::Text(_)) | None => None,
    }
}

/// Returns the rule that maps a request, or the path that none maps.
fn left<'r>(request: &Request<'r>) -> Option<Left<'r, Mapped>> {
    // SAFETY: no other type of value is left with requests, and it lives as long as they do.
    unsafe { request.left() }
}

/// Tells whether [`handle`] has anything to look at. Cannot panic.
pub fn is_for_handler(request: &Request<'_>) -> bool {
    is_ours(request) || request.is_text(request.fields().handler, DIRECTORY)
}

/// Tells whether [`to_storage`] has anything to do. Cannot panic.
pub fn is_for_storage(request: &Request<'_>) -> bool {
    let strips = || request.ready().is_some_and(|ready| ready.settings.strip_session.is_some());
    !is_known_as_unmapped(request) || strips()
}

/// Serves a request that is ours.
pub fn handle(request: Request<'_>) -> c_int {
    let fields = request.fields();
    let is_directory = !is_ours(&request);
    if is_directory && !request.is_text(fields.handler, DIRECTORY) {
        return DECLINED;
    }
    // No container can make a tunnel, whatever has set the handler.
    if request.is_text(fields.method, c"CONNECT") {
        return DECLINED;
    }
    let Some(ready) = request.ready() else { return DECLINED };
    if is_directory && ready.settings.options.forward_directories != Some(true) {
        return DECLINED;
    }
    // SAFETY: httpd keeps the connection as long as its requests.
    if unsafe { &*fields.connection }.aborted != 0 {
        // Nobody is there to read an answer, so the container is not troubled.
        return OK;
    }
    logging::within(&request, || {
        let environment = Environment::read(&request, &ready.names);
        let mapped = mapped(&request);
        if let Some(Mapped { path: Some(path), is_fallback: true, .. }) = mapped {
            // mod_dir has put the resource's path there.
            let path = request.keep(path);
            // SAFETY: the request is ours during the hook; the text lies in its pool.
            unsafe { (*request.raw()).uri = path };
        }
        let uri = request.bytes(request.fields().uri).unwrap_or_default();
        if environment.get(Variable::NoJk).is_some() {
            if mapped.is_none() {
                return DECLINED;
            }
            tracing::warn!(
                "JK-203 no-jk was set after \"{}\" was mapped: set it with SetEnvIf outside of sections",
                log::escaped(uri)
            );
            return DECLINED;
        }
        if fields.proxyreq != 0 {
            tracing::error!(
                "JK-208 \"{}\" is a proxy request and cannot go to a worker; answered 500: remove SetHandler jakarta-servlet or the ProxyPass for it",
                log::escaped(uri)
            );
            return ffi::HTTP_INTERNAL_SERVER_ERROR as c_int;
        }
        let rule = mapped.map(|mapped| &*mapped.rule);
        let chosen = match choose(&request, ready, rule, &environment, is_directory) {
            Ok(chosen) => chosen,
            Err(status) => return status,
        };
        let Some(chosen) = chosen else {
            if is_directory {
                return DECLINED;
            }
            tracing::error!(
                "JK-204 \"{}\" has the handler jakarta-servlet and no worker; answered 500",
                log::escaped(uri)
            );
            return ffi::HTTP_INTERNAL_SERVER_ERROR as c_int;
        };
        let (name, extensions) = chosen.parts();
        let workers = ready.workers.current();
        let Some(worker) = workers.get(name) else {
            tracing::error!(
                "JK-205 \"{}\": there is no worker \"{name}\" in worker.list; answered 500",
                log::escaped(uri)
            );
            return ffi::HTTP_INTERNAL_SERVER_ERROR as c_int;
        };
        let mut settings = settings(&environment, ready, extensions);
        settings.status_is_open = ready.open_status.iter().any(|open| *open == name);
        let kind = match worker {
            Worker::Ajp13(..) => c"ajp13",
            Worker::Lb(_) => c"lb",
            Worker::Status(_) => c"status",
        };
        if mapped.is_none() {
            request.set(Table::Notes, c"JK_WORKER_NAME", name.as_bytes());
        }
        // A request has one handler, so there is no such note yet.
        request.add_kept(Table::Notes, c"JK_WORKER_TYPE".into(), kind.into());
        let path = mapped.and_then(|mapped| mapped.path.as_deref());
        let begun = ready.wants_duration.then(crate::clock::micros);
        let downstream =
            HttpdDownstream::new(request, ready, environment, path, settings.use_server_errors);
        let result = match downstream {
            Ok(mut downstream) => {
                let served = workers.serve(worker, &mut downstream, &settings);
                served.map(|()| downstream.server_error().map_or(OK, c_int::from))
            }
            Err(status) => Err(status),
        };
        if let Some(begun) = begun {
            let took = crate::clock::micros() - begun;
            let took = format!("{}.{:06}", took / 1_000_000, took % 1_000_000);
            request.set(Table::Notes, c"JK_REQUEST_DURATION", took.as_bytes());
        }
        result.unwrap_or_else(c_int::from)
    })
}

fn settings<'a>(
    environment: &Environment<'a>,
    ready: &Ready,
    extensions: &'a Extensions,
) -> RequestSettings<'a> {
    let options = &ready.settings.options;
    let flag = |variable, own: bool| match environment.get(variable) {
        Some(word) => is_on(word),
        None => own,
    };
    let reply = environment
        .get(Variable::ReplyTimeout)
        .and_then(|text| std::str::from_utf8(text).ok()?.trim().parse::<i64>().ok())
        .and_then(|timeout| u64::try_from(timeout).ok().map(Duration::from_millis))
        .or(extensions.reply_timeout);
    let route = environment.get(Variable::Route).filter(|route| !route.is_empty());
    RequestSettings {
        reply_timeout: reply.map(|limit| (!limit.is_zero()).then_some(limit)),
        fail_on_status: extensions.fail_on_status.as_deref().unwrap_or_default(),
        use_server_errors: u16::try_from(extensions.use_server_errors).unwrap_or(0),
        sticky_ignore: flag(Variable::StickyIgnore, extensions.sticky_ignore),
        stateless: flag(Variable::Stateless, extensions.stateless),
        activations: [
            (&extensions.active, Activation::Active),
            (&extensions.disabled, Activation::Disabled),
            (&extensions.stopped, Activation::Stopped),
        ],
        route: route.map(String::from_utf8_lossy),
        session_cookie: extensions.session_cookie.as_deref(),
        session_path: extensions.session_path.as_deref(),
        set_session_cookie: extensions.set_session_cookie,
        session_cookie_path: extensions.session_cookie_path.as_deref(),
        wants_notes: ready.wants_notes,
        status_loopback: ready.settings.status_loopback == Some(true),
        status_is_open: false,
        flush_packets: options.flush_packets == Some(true),
        flush_header: options.flush_header == Some(true),
        disable_reuse: options.disable_reuse == Some(true),
    }
}

/// Present and empty, a number other than 0, or a word for yes.
fn is_on(word: &[u8]) -> bool {
    let word = word.trim_ascii().to_ascii_lowercase();
    !matches!(word.as_slice(), b"0" | b"off" | b"false" | b"no")
}

/// Makes a C string of a name from the configuration.
pub fn c_name(name: &str) -> CString {
    CString::new(name.replace('\0', "")).unwrap_or_default()
}
