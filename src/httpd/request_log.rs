//! The line of `JkRequestLogFormat` for a request that is over.

use crate::httpd::error_log::within;
use crate::httpd::ffi;
use crate::httpd::mapped::is_ours;
use crate::httpd::request::{Request, Table};
use crate::log::Facts;

/// Tells whether [`write()`] might write a line. Cannot panic.
pub fn is_for_log(request: &Request<'_>) -> bool {
    request.ready().is_some_and(|ready| ready.settings.request_log_format.is_some())
}

/// Writes the line of `JkRequestLogFormat` for a request of ours that is over.
pub fn write(request: Request<'_>) {
    let Some(ready) = request.ready() else { return };
    let Some(format) = &ready.settings.request_log_format else { return };
    let fields = request.fields();
    if format.pieces.is_empty() || !is_ours(&request) {
        return;
    }
    // SAFETY: httpd keeps the server as long as its requests.
    let server = unsafe { &*fields.server() };
    let port = match server.port {
        // SAFETY: the request is live.
        0 => unsafe { ffi::jk_shim_default_port(request.raw()) },
        port => port,
    };
    let line = match !fields.has_password() {
        true => request.bytes(fields.the_request()).unwrap_or_default().to_vec(),
        false => without_password(&request),
    };
    // SAFETY: httpd returns a C string of the request or the server.
    let used_name = request.bytes(unsafe { ffi::ap_get_server_name(request.raw()) });
    let facts = Facts {
        body_bytes: u64::try_from(fields.bytes_sent()).ok().filter(|sent| *sent > 0),
        protocol: request.bytes(fields.protocol()).unwrap_or_default(),
        method: request.bytes(fields.method()).unwrap_or_default(),
        port,
        query: request.bytes(fields.args()),
        request_line: &line,
        route: request.get(Table::Notes, c"JK_WORKER_ROUTE"),
        status: u16::try_from(fields.status()).ok().filter(|status| *status > 0),
        duration: request.get(Table::Notes, c"JK_REQUEST_DURATION"),
        path: request.bytes(fields.uri()).unwrap_or_default(),
        server_name: request.bytes(server.server_hostname).unwrap_or_default(),
        used_name: used_name.unwrap_or_default(),
        worker: request.get(Table::Notes, c"JK_WORKER_NAME"),
    };
    within(&request, || ready.log.request(format, &facts));
}

/// Builds the request line again; APR writes stars in place of a password.
fn without_password(request: &Request<'_>) -> Vec<u8> {
    let fields = request.fields();
    // SAFETY: pool and parsed URI belong to the request.
    let uri = unsafe { ffi::apr_uri_unparse(fields.pool(), fields.parsed_uri(), 0) };
    let mut line = request.bytes(fields.method()).unwrap_or_default().to_vec();
    line.push(b' ');
    line.extend_from_slice(request.bytes(uri).unwrap_or_default());
    if fields.assbackwards() == 0 {
        line.push(b' ');
        line.extend_from_slice(request.bytes(fields.protocol()).unwrap_or_default());
    }
    line
}
