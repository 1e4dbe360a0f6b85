//! Which worker serves a request that has our handler, and whether it may: also where no rule has
//! mapped it, the worker gets what the rules and httpd's sections have seen.

use std::ffi::c_int;
use std::sync::Arc;

use super::environment::{Environment, Variable};
use super::ffi;
use super::request::Request;
use super::server::Ready;
use crate::log;
use crate::uri_map::reading::{Misreading, Way};
use crate::uri_map::rule::parse_worker;
use crate::uri_map::{self, Extensions, Origin, Rule, clean::is_unsafe};

const BAD_REQUEST: c_int = ffi::HTTP_BAD_REQUEST as c_int;

/// What says which worker serves a request, and how.
pub enum Chosen<'r> {
    /// The rule that has mapped it.
    Rule(&'r Rule),
    /// A rule of the map, looked up where something else has set the handler.
    Found(Arc<Rule>),
    /// The variable that `JkWorkerIndicator` names.
    Variable(Box<str>, Extensions),
}

impl Chosen<'_> {
    /// Returns the worker's name and what the rule changes.
    pub fn parts(&self) -> (&str, &Extensions) {
        match self {
            Self::Rule(rule) => (&rule.worker, &rule.extensions),
            Self::Found(rule) => (&rule.worker, &rule.extensions),
            Self::Variable(worker, extensions) => (worker, extensions),
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
    ready: &'r Ready,
    rule: Option<&'r Rule>,
    environment: &Environment<'r>,
    is_directory: bool,
) -> Result<Option<Chosen<'r>>, c_int> {
    if let Some(rule) = rule {
        return Ok(Some(Chosen::Rule(rule)));
    }
    let path = request.bytes(request.fields().uri).unwrap_or_default();
    let mut buffer = Vec::new();
    let cleaned = uri_map::clean(path, &mut buffer).map_or(path, |cleaned| cleaned.path);
    let chosen = match environment.get(Variable::Worker) {
        Some(named) => named_by(named),
        None => match ready.map.find(cleaned) {
            Some(rule) => Chosen::Found(rule),
            None => return Ok(None),
        },
    };
    if keeps_unsafe(ready) && is_unsafe(cleaned) {
        if is_directory {
            return Ok(None);
        }
        return Err(refuse_unsafe(cleaned));
    }
    let way = way(request, ready, path);
    let misread = way.differs_from_sections().or_else(|| match &chosen {
        Chosen::Found(rule) => ready.map.current().misreading(rule, &way),
        Chosen::Rule(_) | Chosen::Variable(..) => None,
    });
    match misread {
        Some(why) => Err(refuse(path, &why)),
        None => Ok(Some(chosen)),
    }
}

fn named_by<'r>(named: &[u8]) -> Chosen<'r> {
    let origin = Origin::new("JkWorkerIndicator", 0);
    let mut problems = Vec::new();
    let (worker, extensions) = parse_worker(named, &origin, &mut problems);
    for problem in problems {
        tracing::warn!("JK-207 {}", problem.text);
    }
    Chosen::Variable(worker, extensions)
}

/// Tells whether unsafe paths are kept from workers.
pub fn keeps_unsafe(ready: &Ready) -> bool {
    let options = &ready.settings.options;
    options.reject_unsafe_uri == Some(true) || options.forbid_unsafe_uri == Some(true)
}

/// Says that a path is unsafe and returns the status.
pub fn refuse_unsafe(path: &[u8]) -> c_int {
    tracing::info!("JK-202 \"{}\" has a % or \\; answered 400", log::escaped(path));
    BAD_REQUEST
}

/// Says that a path would be read differently and returns the status.
pub fn refuse(path: &[u8], why: &Misreading) -> c_int {
    tracing::info!("JK-206 \"{}\": {why}; answered 400", log::escaped(path));
    BAD_REQUEST
}

/// Returns what the forwarded URI of a request is made from.
pub fn way<'r>(request: &Request<'r>, ready: &Ready, path: &'r [u8]) -> Way<'r> {
    let mode = ready.settings.options.forward_uri.unwrap_or_default();
    Way { mode, path, target: request.bytes(request.fields().unparsed_uri).unwrap_or_default() }
}
