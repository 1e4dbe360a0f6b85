//! The handler phase: the worker of a request serves it.

use std::ffi::{CStr, c_int};
use std::time::Duration;

use crate::config::AsyncMode;
use crate::httpd::downstream::HttpdDownstream;
use crate::httpd::ending::Ending;
use crate::httpd::environment::Environment;
use crate::httpd::error_log;
use crate::httpd::ffi;
use crate::httpd::mapped::{Mapped, is_ours, mapped};
use crate::httpd::parking::{self, ParkingPlace};
use crate::httpd::request::{Request, Table};
use crate::httpd::server::ServerRuntime;
use crate::httpd::variable_names::Variable;
use crate::httpd::worker_choice::{WorkerChoice, choose};
use crate::lb::Activation;
use crate::log;
use crate::messages::MessageCode::{JK203, JK204, JK205, JK208};
use crate::net::waiting::{Parking, Waits, in_thread};
use crate::text;
use crate::uri_map::Extensions;
use crate::worker::{RequestSettings, Worker, log_client};

const OK: c_int = ffi::OK as c_int;
const DECLINED: c_int = ffi::DECLINED;

/// The handler of a directory whose index page does not exist.
const DIRECTORY: &CStr = c"httpd/unix-directory";

/// Tells whether [`handle`] has anything to look at. Cannot panic.
pub fn is_for_handler(request: &Request<'_>) -> bool {
    is_ours(request) || request.is_text(request.fields().handler(), DIRECTORY)
}

/// Serves a request that is ours.
pub fn handle(request: Request<'_>) -> c_int {
    let fields = request.fields();
    let is_directory = !is_ours(&request);
    if is_directory && !request.is_text(fields.handler(), DIRECTORY) {
        return DECLINED;
    }
    // No backend can make a tunnel, whatever has set the handler.
    if request.is_text(fields.method(), c"CONNECT") {
        return DECLINED;
    }
    let Some(ready) = request.ready() else { return DECLINED };
    if is_directory && ready.settings.options.forward_directories != Some(true) {
        return DECLINED;
    }
    if request.is_aborted() {
        // The client is gone, so no request is sent to the backend.
        return OK;
    }
    error_log::within(&request, || {
        let environment = Environment::read(&request, &ready.names);
        let mapped = mapped(&request);
        if let Some(Mapped { path: Some(path), is_fallback: true, .. }) = mapped {
            // mod_dir has put the resource's path there.
            request.fields().set_uri(request.copied(path));
        }
        let uri = request.bytes(request.fields().uri()).unwrap_or_default();
        if environment.get(Variable::NoJk).is_some() {
            if mapped.is_none() {
                return DECLINED;
            }
            tracing::warn!(
                "{JK203} {}: no-jk was set after the request was mapped, so httpd answers it itself with the mapped path, in most cases 404; set no-jk with SetEnvIf outside of sections",
                request.label(uri)
            );
            return DECLINED;
        }
        if fields.proxyreq() != 0 {
            tracing::error!(
                "{JK208} {}: a proxy request cannot be sent to a worker; answered 500; remove SetHandler jakarta-servlet or the ProxyPass for it",
                request.label(uri)
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
                "{JK204} {}: the request has the handler jakarta-servlet but no worker; answered 500; add a JkMount, or set JK_WORKER_NAME",
                request.label(uri)
            );
            return ffi::HTTP_INTERNAL_SERVER_ERROR as c_int;
        };
        let work = Work { request, ready, environment, mapped, chosen };
        match park(&work) {
            None => in_thread(work.serve(None)),
            Some(place) => place.run(|parking| async move { work.serve(Some(parking)).await }),
        }
    })
}

/// Returns a place for a request that may be parked while it waits.
fn park<'r>(work: &Work<'r>) -> Option<ParkingPlace<'r>> {
    let settings = &work.ready.settings.parking;
    settings.parks().then(|| ParkingPlace::take(work.request, settings.after())).flatten()
}

/// A request and who serves it.
struct Work<'r> {
    request: Request<'r>,
    ready: &'r ServerRuntime,
    environment: Environment<'r>,
    mapped: Option<&'r Mapped>,
    chosen: WorkerChoice<'r>,
}

impl Work<'_> {
    /// Serves the request. Returns what the handler returns.
    async fn serve(&self, parking: Option<&Parking>) -> c_int {
        let Self { request, ready, environment, mapped, ref chosen } = *self;
        let (name, extensions) = chosen.parts();
        let workers = ready.workers.current();
        let Some(worker) = workers.get(name) else {
            let uri = request.bytes(request.fields().uri()).unwrap_or_default();
            tracing::error!(
                "{JK205} {}: worker \"{}\" is not in worker.list; answered 500; correct the name in JkMount or JK_WORKER_NAME, or add the worker to worker.list",
                request.label(uri),
                log::excerpt(&text::raw(name), log::LONGEST_NAME)
            );
            return ffi::HTTP_INTERNAL_SERVER_ERROR as c_int;
        };
        let mut settings = settings(&environment, ready, extensions);
        settings.status_is_open = ready.open_status.iter().any(|open| *open == name);
        let given = ready.settings.parking.given();
        let is_unset = given.is_none();
        // Those of a server with JkAsync Off count, beside others where it is not set.
        settings.is_limited_by_threads =
            matches!(given, None | Some(AsyncMode::Off)) && parking::is_on();
        // Each child has its own limit of connections, and fewer children run where threads are idle.
        let may_park = !is_unset || !worker.limits_connections();
        settings.waits = parking.filter(|_| may_park).map_or(Waits::InThread, Waits::Parked);
        let kind = match worker {
            Worker::Ajp13(..) => c"ajp13",
            Worker::Lb(_) => c"lb",
            Worker::Status(_) => c"status",
        };
        if mapped.is_none() {
            request.set(Table::Notes, c"JK_WORKER_NAME", &text::raw(name));
        }
        // A request has one handler, so there is no such note yet.
        request.add_kept(Table::Notes, c"JK_WORKER_TYPE".into(), kind.into());
        let path = mapped.and_then(|mapped| mapped.path.as_deref());
        let begun = ready.wants_duration.then(crate::clock::micros);
        let ending = match HttpdDownstream::body(request, environment) {
            Ok(body) => {
                let own_pages = settings.use_server_errors;
                let mut downstream =
                    HttpdDownstream::new(request, ready, environment, path, own_pages, body);
                let served = match downstream.look_ahead() {
                    Ok(()) => workers.serve(worker, &mut downstream, &settings).await,
                    Err(error) => log_client(&downstream, name, error),
                };
                downstream.end(served)
            }
            Err(status) => Ending::Page(status),
        };
        if let Some(begun) = begun {
            let took = crate::clock::micros() - begun;
            let took = format!("{}.{:06}", took / 1_000_000, took % 1_000_000);
            request.set(Table::Notes, c"JK_REQUEST_DURATION", took.as_bytes());
        }
        ending.code()
    }
}

fn settings<'a>(
    environment: &Environment<'a>,
    ready: &ServerRuntime,
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
        route,
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
        is_limited_by_threads: false,
        waits: Waits::InThread,
    }
}

/// Present and empty, a number other than 0, or a word for yes.
fn is_on(word: &[u8]) -> bool {
    let word = word.trim_ascii().to_ascii_lowercase();
    !matches!(word.as_slice(), b"0" | b"off" | b"false" | b"no")
}
