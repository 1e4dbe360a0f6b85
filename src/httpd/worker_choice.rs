//! Which worker serves a request that has our handler, and whether it may: also where no rule has
//! mapped it, the worker gets what the rules and httpd's sections have seen.

use std::ffi::c_int;
use std::sync::Arc;

use crate::httpd::environment::Environment;
use crate::httpd::ffi;
use crate::httpd::request::Request;
use crate::httpd::server::ServerRuntime;
use crate::httpd::variable_names::Variable;
use crate::log;
use crate::messages::MessageCode::{JK202, JK206, JK207};
use crate::text;
use crate::uri_map;
use crate::uri_map::ambiguity::{ForwardedPath, Misreading};
use crate::uri_map::normalize::is_unsafe;
use crate::uri_map::rule::parse_worker;
use crate::uri_map::{Extensions, Origin, Rule};

const BAD_REQUEST: c_int = ffi::HTTP_BAD_REQUEST as c_int;

/// What says which worker serves a request, and how.
pub enum WorkerChoice<'r> {
    /// The rule that has mapped it.
    Rule(&'r Rule),
    /// A rule of the map, looked up where something else has set the handler.
    Found(Arc<Rule>),
    /// The variable that `JkWorkerIndicator` names.
    Variable(Box<(Box<str>, Extensions)>),
}

impl WorkerChoice<'_> {
    /// Returns the worker's name and what the rule changes.
    pub fn parts(&self) -> (&str, &Extensions) {
        match self {
            Self::Rule(rule) => (&rule.worker, &rule.extensions),
            Self::Found(rule) => (&rule.worker, &rule.extensions),
            Self::Variable(parsed) => (&parsed.0, &parsed.1),
        }
    }
}

/// Chooses: the rule, else the variable, else the map.
///
/// # Errors
///
/// The status of a request that must not be forwarded. What is only a directory is left to httpd.
pub fn choose<'r>(
    request: &Request<'r>,
    ready: &'r ServerRuntime,
    rule: Option<&'r Rule>,
    environment: &Environment<'r>,
    is_directory: bool,
) -> Result<Option<WorkerChoice<'r>>, c_int> {
    if let Some(rule) = rule {
        return Ok(Some(WorkerChoice::Rule(rule)));
    }
    let path = request.bytes(request.fields().uri()).unwrap_or_default();
    let mut buffer = Vec::new();
    let normalized =
        uri_map::normalize(path, &mut buffer).map_or(path, |normalized| normalized.path);
    let chosen = match environment.get(Variable::Worker) {
        Some(named) => named_by(named),
        None => match ready.map.find(normalized) {
            Some(rule) => WorkerChoice::Found(rule),
            None => return Ok(None),
        },
    };
    if keeps_unsafe(ready) && is_unsafe(normalized) {
        if is_directory {
            return Ok(None);
        }
        return Err(refuse_unsafe(request, normalized));
    }
    let forwarded = forwarded_path(request, ready, path);
    let misread = forwarded.differs_from_sections().or_else(|| match &chosen {
        WorkerChoice::Found(rule) => ready.map.current().misreading(rule, &forwarded),
        WorkerChoice::Rule(_) | WorkerChoice::Variable(_) => None,
    });
    match misread {
        Some(why) => Err(refuse(request, path, &why)),
        None => Ok(Some(chosen)),
    }
}

fn named_by<'r>(named: &[u8]) -> WorkerChoice<'r> {
    let origin = Origin::new("JkWorkerIndicator", 0);
    let mut problems = Vec::new();
    let parsed = Box::new(parse_worker(named, &origin, &mut problems));
    for problem in problems {
        tracing::warn!("{JK207} {}", log::excerpt(&text::raw(&problem.text), LONGEST_PROBLEM));
    }
    WorkerChoice::Variable(parsed)
}

/// Tells whether unsafe paths are kept from workers.
pub fn keeps_unsafe(ready: &ServerRuntime) -> bool {
    let options = &ready.settings.options;
    options.reject_unsafe_uri == Some(true) || options.forbid_unsafe_uri == Some(true)
}

/// Most bytes of what is said of the variable, which a client may have set.
const LONGEST_PROBLEM: usize = 400;

/// Says that a path is unsafe and returns the status.
pub fn refuse_unsafe(request: &Request<'_>, path: &[u8]) -> c_int {
    tracing::info!(
        "{JK202} {}: the path contains % or \\; answered 400; no action needed",
        request.label(path)
    );
    BAD_REQUEST
}

/// Says that a path would be read differently and returns the status.
pub fn refuse(request: &Request<'_>, path: &[u8], why: &Misreading) -> c_int {
    tracing::info!("{JK206} {}: {why}; answered 400; no action needed", request.label(path));
    BAD_REQUEST
}

/// Returns what the forwarded URI of a request is made from.
pub fn forwarded_path<'r>(
    request: &Request<'r>,
    ready: &ServerRuntime,
    path: &'r [u8],
) -> ForwardedPath<'r> {
    let mode = ready.settings.options.forward_uri.unwrap_or_default();
    ForwardedPath {
        mode,
        path,
        target: request.bytes(request.fields().unparsed_uri()).unwrap_or_default(),
    }
}
