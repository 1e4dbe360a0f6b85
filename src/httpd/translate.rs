//! The translation phase: from a request to the rule that maps it.

use std::ffi::c_int;
use std::sync::Arc;

use crate::httpd::error_log;
use crate::httpd::mapped::{Mapped, claim, is_known_as_unmapped, is_ours, mapped};
use crate::httpd::request::{Request, Table};
use crate::httpd::server::ServerRuntime;
use crate::httpd::worker_choice::{forwarded_path, keeps_unsafe, refuse, refuse_unsafe};
use crate::httpd::{auto_alias, ffi};
use crate::log;
use crate::messages::MessageCode::{JK201, JK202, JK209};
use crate::text;
use crate::uri_map;
use crate::uri_map::local::strip_session;
use crate::uri_map::normalize::is_unsafe;
use crate::uri_map::{NormalizeError, Rule};

const OK: c_int = ffi::OK as c_int;
const DECLINED: c_int = ffi::DECLINED;

/// Maps in the translation phase.
pub fn translate(request: Request<'_>) -> c_int {
    let Some(ready) = request.ready() else { return DECLINED };
    let result = map(request, ready);
    if result == DECLINED
        && let Some(dir) = &ready.settings.auto_alias
        && request.fields().proxyreq() == 0
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
        strip(request, &text::raw(name));
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
    error_log::within(request, || {
        tracing::warn!(
            "{JK209} {}: mod_rewrite changed the path without [PT], and the client's path is mapped to a worker, so the request does not reach it; add [PT] to the RewriteRule",
            request.label(request.bytes(request.fields().uri()).unwrap_or_default())
        );
    });
}

/// Maps by the path. Whether a request may be mapped at all is asked only where it matters: of most
/// requests no rule says anything.
fn map(request: Request<'_>, ready: &ServerRuntime) -> c_int {
    if ready.map.is_empty() {
        return DECLINED;
    }
    let path = request.bytes(request.fields().uri()).unwrap_or_default();
    let mut buffer = Vec::new();
    let normalized = match uri_map::normalize(path, &mut buffer) {
        Ok(normalized) => normalized.path,
        Err(NormalizeError::Asterisk) => return DECLINED,
        Err(why @ (NormalizeError::ClimbsAboveRoot | NormalizeError::NotAbsolute)) => {
            if !may_be_mapped(&request) {
                return DECLINED;
            }
            error_log::within(&request, || {
                tracing::info!(
                    "{JK201} {}: {why}; answered 400; no action needed",
                    request.label(path)
                );
            });
            return ffi::HTTP_BAD_REQUEST as c_int;
        }
    };
    if keeps_unsafe(ready) && is_unsafe(normalized) {
        if !may_be_mapped(&request) {
            return DECLINED;
        }
        return error_log::within(&request, || {
            let is_forbidden = ready.settings.options.forbid_unsafe_uri == Some(true);
            if is_forbidden && ready.map.find(normalized).is_some() {
                return refuse_unsafe(&request, normalized);
            }
            tracing::info!(
                "{JK202} {}: the path contains % or \\ and is not mapped; left to httpd; no action needed",
                request.label(normalized)
            );
            DECLINED
        });
    }
    let Some(rule) = ready.map.find(normalized) else {
        request.leave_text(path);
        return DECLINED;
    };
    if !may_be_mapped(&request) {
        return DECLINED;
    }
    error_log::within(&request, || {
        let forwarded = forwarded_path(&request, ready, path);
        if forwarded.may_differ()
            && let Some(why) = ready.map.current().misreading(&rule, &forwarded)
        {
            return refuse(&request, path, &why);
        }
        let worker = &*rule.worker;
        tracing::debug!(
            "\"{}\" is mapped to worker {worker}",
            log::excerpt(normalized, log::LONGEST_PATH)
        );
        let is_changed = normalized != path;
        if is_changed {
            request.fields().set_uri(request.copied(normalized));
        }
        claim(request, &rule, is_changed.then(|| path.to_vec()));
        if let Some(main) = request.main() {
            index_of(request, main, ready, &rule);
        } else {
            let name = normalized.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
            // Later phases expect a file name, though there is no file.
            request.fields().set_filename(request.copied(name));
        }
        OK
    })
}

/// Tells whether a rule may have a request.
fn may_be_mapped(request: &Request<'_>) -> bool {
    let fields = request.fields();
    fields.proxyreq() == 0
        && !request.is_left_alone()
        && !is_ours(request)
        && !request.is_text(fields.method(), c"CONNECT")
}

/// mod_dir looks for an index file by a sub-request. If it is mapped, so is the directory itself;
/// whether the file exists is looked up on disk, as mod_dir wants to know.
fn index_of(request: Request<'_>, main: Request<'_>, ready: &ServerRuntime, rule: &Arc<Rule>) {
    const DIRECTORY: u32 = ffi::apr_filetype_e_APR_DIR;
    let uri = request.bytes(request.fields().uri()).unwrap_or_default();
    let name = uri.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
    if main.fields().file_type() != DIRECTORY {
        request.fields().set_filename(request.copied(name));
        fall_back(request, main, ready, rule, uri);
        return;
    }
    let directory = main.bytes(main.fields().filename()).unwrap_or_default();
    let slash: &[u8] = if directory.ends_with(b"/") { b"" } else { b"/" };
    let file = request.copied(&[directory, slash, name].concat());
    let fields = request.fields();
    fields.set_filename(file);
    let (info, file, pool) = (fields.file_info(), file.as_ptr(), fields.pool());
    // SAFETY: the file name is a C string, `info` the request's place for the answer, the pool live.
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
    ready: &ServerRuntime,
    rule: &Arc<Rule>,
    resource: &[u8],
) {
    let fields = main.fields();
    if fields.file_type() != ffi::apr_filetype_e_APR_NOFILE || !fields.handler().is_null() {
        return;
    }
    request.fields().set_file_type(ffi::apr_filetype_e_APR_REG);
    // An index page that is missing falls back as well, and then the directory goes the same way.
    let map = ready.map.current();
    for own in std::iter::once(main).chain(main.main()) {
        if may_be_forwarded(&own, ready, |path| !map.keeps_from_worker_of(resource, path)) {
            // Not claimed: others look things up as well, and only mod_dir sets our handler then.
            let path = own.bytes(own.fields().uri()).map(<[u8]>::to_vec);
            let mapped = Mapped { rule: Arc::clone(rule), path, is_fallback: true };
            own.leave(own.place_owned(mapped));
        }
    }
}

/// Tells whether a request may go to a worker by a rule for another path than its own.
fn may_be_forwarded(
    request: &Request<'_>,
    ready: &ServerRuntime,
    is_fine: impl Fn(&[u8]) -> bool,
) -> bool {
    let path = request.bytes(request.fields().uri()).unwrap_or_default();
    let mut buffer = Vec::new();
    uri_map::normalize(path, &mut buffer).is_ok_and(|normalized| {
        let is_kept = keeps_unsafe(ready) && is_unsafe(normalized.path);
        !is_kept
            && is_fine(normalized.path)
            && forwarded_path(request, ready, path).is_read_as(normalized.path)
    })
}

/// Removes a session id from a URI that httpd serves itself.
fn strip(request: Request<'_>, name: &[u8]) {
    let fields = request.fields();
    let mut stripped = Vec::new();
    if strip_session(request.bytes(fields.uri()).unwrap_or_default(), name, &mut stripped) {
        fields.set_uri(request.copied(&stripped));
    }
    if strip_session(request.bytes(fields.filename()).unwrap_or_default(), name, &mut stripped) {
        fields.set_filename(request.copied(&stripped));
    }
}

/// Tells whether [`to_storage`] has anything to do. Cannot panic.
pub fn is_for_storage(request: &Request<'_>) -> bool {
    let strips = || request.ready().is_some_and(|ready| ready.settings.strip_session.is_some());
    !is_known_as_unmapped(request) || strips()
}
