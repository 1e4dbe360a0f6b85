//! The rules of all servers, as the status page shows them.

use std::cmp::Reverse;
use std::ffi::{CStr, c_char};

use crate::httpd::ffi::server_rec;
use crate::sorting;
use crate::uri_map::rule::{Rule, RuleSource};
use crate::worker::{MountFiles, RuleView};

/// Returns the rules that name a worker, over all servers, as they are now.
pub fn of_worker(files: &MountFiles, worker: &str) -> Vec<RuleView> {
    let mut views = Vec::new();
    for (server, map) in files.maps() {
        // In the order in which they are tried, exclusions and disabled rules among them.
        let own = map.rules().map(|rule| &**rule).filter(|rule| &*rule.worker == worker);
        let mut rules: Vec<&Rule> = own.collect();
        sorting::by_cached_key(&mut rules, |rule| {
            let slashes = rule.pattern.iter().filter(|byte| **byte == b'/').count();
            (Reverse(slashes), Reverse(rule.pattern.len()), rule.source, rule.origin.line)
        });
        views.extend(rules.into_iter().map(|rule| view(server, rule)));
    }
    views
}

/// Names a server: `host` or `host:port`, and where a virtual host listens.
///
/// # Safety
///
/// `server` must be a server of httpd's that is live.
pub unsafe fn name_of(server: *const server_rec, is_main: bool) -> String {
    // SAFETY: live by contract.
    let fields = unsafe { &*server };
    let host = text(fields.server_hostname);
    let port = |port: u16| if port == 0 { String::new() } else { format!(":{port}") };
    // SAFETY: httpd keeps a server's addresses as long as the server, or has none.
    match unsafe { fields.addrs.as_ref() } {
        Some(address) if !is_main => {
            format!("{host} [{}{}]", text(address.virthost), port(address.host_port))
        }
        _ => format!("{host}{}", port(fields.port)),
    }
}

fn text(text: *const c_char) -> String {
    match text.is_null() {
        true => String::new(),
        // SAFETY: fields of a server are C strings of the configuration's pool.
        false => crate::text::owned(unsafe { CStr::from_ptr(text) }.to_bytes()),
    }
}

fn view(server: &str, rule: &Rule) -> RuleView {
    let extensions = &rule.extensions;
    let statuses = extensions.fail_on_status.iter().flatten().map(i32::to_string);
    RuleView {
        server: server.to_owned(),
        uri: crate::text::owned(&rule.pattern),
        is_exact: !rule.pattern.iter().any(|byte| matches!(byte, b'*' | b'?')),
        is_disabled: rule.is_disabled,
        is_exclusion: rule.is_exclusion,
        source: match rule.source {
            RuleSource::MountFile => "uriworkermap",
            RuleSource::Directive => "JkMount",
            RuleSource::WorkerMount => "worker definition",
        }
        .to_owned(),
        reply_timeout: extensions
            .reply_timeout
            .map(|limit| u64::try_from(limit.as_millis()).unwrap_or(u64::MAX)),
        sticky_ignore: extensions.sticky_ignore,
        stateless: extensions.stateless,
        fail_on_status: statuses.collect::<Vec<_>>().join(","),
        active: extensions.active.join(","),
        disabled: extensions.disabled.join(","),
        stopped: extensions.stopped.join(","),
        use_server_errors: u32::try_from(extensions.use_server_errors).unwrap_or(0),
    }
}
