//! Whether the backend reads what it gets as the rules and httpd's sections did: otherwise an
//! exclusion or a section could be passed by writing the path another way.
//!
//! Three things can make a difference: the mode that forwards what the client wrote, a semicolon
//! that the client escaped, which begins no parameter for Tomcat, and dots with a parameter, which
//! are a name to httpd.

use std::fmt;

use crate::text;
use crate::uri_map::forward::{
    ForwardError, ForwardUri, decoded_and_cleaned, escapes_semicolon_behind_dots, forward_uri,
    hides_dots, is_decoded_from,
};
use crate::uri_map::problem::printable;
use crate::uri_map::{Rule, UriMap};

/// A request as far as the forwarded URI depends on it.
#[derive(Clone, Copy, Debug)]
pub struct ForwardedPath<'a> {
    /// How the URI is forwarded.
    pub mode: ForwardUri,
    /// httpd's decoded path before cleaning.
    pub path: &'a [u8],
    /// The request target as received.
    pub target: &'a [u8],
}

/// Why a request is answered 400 instead of being forwarded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Misreading {
    /// A segment such as `..;x`.
    HiddenDots,
    /// A segment such as `..%3Bx`.
    EscapedSemicolon,
    /// The path that Tomcat would read, and the worker that the rules give it to, if any.
    Elsewhere(Vec<u8>, Option<String>),
    /// There is nothing that could be forwarded.
    Unspeakable(ForwardError),
}

impl fmt::Display for Misreading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HiddenDots => {
                f.write_str("httpd reads dots with a path parameter as a name, Tomcat as dots")
            }
            Self::EscapedSemicolon => f.write_str(
                "the rules read dots with an escaped semicolon as dots, Tomcat as a name",
            ),
            Self::Elsewhere(path, Some(worker)) => {
                let worker = printable(&text::raw(worker));
                write!(
                    f,
                    "Tomcat would read \"{}\", which is mapped to worker {worker}",
                    shown(path)
                )
            }
            Self::Elsewhere(path, None) => {
                write!(f, "Tomcat would read \"{}\", which is mapped to no worker", shown(path))
            }
            Self::Unspeakable(why) => why.fmt(f),
        }
    }
}

impl ForwardedPath<'_> {
    /// Tells whether anything in the request can make a difference.
    pub fn may_differ(&self) -> bool {
        self.mode == ForwardUri::CompatUnparsed
            || memchr::memchr(b';', self.path).is_some()
                && memchr::memchr(b'%', self.target).is_some()
    }

    /// Returns how Tomcat's reading differs from that of httpd's sections, which know no path
    /// parameters. For requests that come to a worker without being mapped: no code has replaced
    /// their path by the clean one.
    pub fn differs_from_sections(&self) -> Option<Misreading> {
        let is_plain = memchr::memchr(b';', self.path).is_none();
        if is_plain && self.mode != ForwardUri::CompatUnparsed {
            return None;
        }
        match self.forwarded() {
            Ok(forwarded) => hides_dots(&forwarded).then_some(Misreading::HiddenDots),
            Err(why) => Some(why),
        }
    }

    /// Tells whether Tomcat reads a path that no rule maps as it was normalized here. What was rewritten
    /// need not be the same.
    pub fn is_read_as(&self, normalized: &[u8]) -> bool {
        let is_same =
            |read: Vec<u8>| read == normalized || !is_decoded_from(self.target, self.path);
        !self.may_differ() || self.as_tomcat().is_ok_and(is_same)
    }

    /// Returns the path Tomcat reads, with its dots and parameters resolved.
    ///
    /// # Errors
    ///
    /// Why it cannot be the path that was mapped.
    pub fn as_tomcat(&self) -> Result<Vec<u8>, Misreading> {
        let forwarded = self.forwarded()?;
        if self.mode == ForwardUri::CompatUnparsed && hides_dots(&forwarded) {
            return Err(Misreading::HiddenDots);
        }
        if escapes_semicolon_behind_dots(&forwarded) {
            return Err(Misreading::EscapedSemicolon);
        }
        decoded_and_cleaned(&forwarded).map_err(Misreading::Unspeakable)
    }

    fn forwarded(&self) -> Result<Vec<u8>, Misreading> {
        let mut forwarded = Vec::new();
        forward_uri(self.mode, self.path, Some(self.target), &mut forwarded)
            .map_err(Misreading::Unspeakable)?;
        Ok(forwarded)
    }
}

impl UriMap {
    /// Returns why what a rule maps must not be forwarded.
    pub fn misreading(&self, rule: &Rule, forwarded: &ForwardedPath<'_>) -> Option<Misreading> {
        if !forwarded.may_differ() {
            return None;
        }
        let read = match forwarded.as_tomcat() {
            Ok(read) => read,
            Err(why) => return Some(why),
        };
        let found = self.winner(&read);
        let other = found.and_then(|(other, is_excluded)| (!is_excluded).then_some(other));
        match other {
            Some(other) if other.worker == rule.worker => None,
            // The administrator has the path rewritten and what the client wrote forwarded; the
            // rules say nothing of that.
            None if found.is_none() && !is_decoded_from(forwarded.target, forwarded.path) => None,
            _ => Some(Misreading::Elsewhere(read, other.map(|other| other.worker.to_string()))),
        }
    }
}

/// Makes a path of a client fit for a line: printable, and cut where it is long.
fn shown(path: &[u8]) -> String {
    match path.get(..LONGEST_SHOWN) {
        Some(beginning) if path.len() > LONGEST_SHOWN => printable(beginning) + "...",
        _ => printable(path),
    }
}

/// Most bytes of a path in a line.
const LONGEST_SHOWN: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::uri_map::{Origin, RuleSource};

    fn map() -> UriMap {
        let mut problems = Vec::new();
        let rules = [("/app/*", "w"), ("!/app/no/*", "w"), ("/other/*", "v")];
        let rules = rules.iter().flat_map(|(left, right)| {
            let (left, right) = (left.as_bytes(), right.as_bytes());
            Rule::parse(left, right, RuleSource::MountFile, &Origin::new("map", 1), &mut problems)
        });
        UriMap::build(rules.collect()).0
    }

    #[test]
    fn what_is_mapped_is_what_tomcat_reads() {
        use ForwardUri::{CompatUnparsed, Proxy};

        let (map, no_worker) = (map(), "which is mapped to no worker");
        type Case = (&'static str, ForwardUri, &'static str, &'static str, Option<&'static str>);
        let cases: &[Case] = &[
            ("plain", Proxy, "/app/x", "/app/x", None),
            ("parameter", Proxy, "/app/x;p=%20", "/app/x;p= ", None),
            ("dots, resolved alike", Proxy, "/app/y/..;/x%20", "/app/y/..;/x ", None),
            ("semicolon", Proxy, "/app/..%3b/app/x", "/app/..;/app/x", Some("escaped semicolon")),
            ("in a name", Proxy, "/app/a%3bb", "/app/a;b", None),
            ("excluded name", Proxy, "/app/no%3b/../x", "/app/x", None),
            ("hidden dots", CompatUnparsed, "/app/y/..;/x", "/app/y/..;/x", Some("path parameter")),
            ("as sent", CompatUnparsed, "/app/%78", "/app/x", None),
            ("control byte", CompatUnparsed, "/app/\x01", "/app/\x01", Some("control byte")),
            ("rewritten", CompatUnparsed, "/old/x", "/app/x", None),
            ("and of others", CompatUnparsed, "/other/x", "/app/x", Some("mapped to worker v")),
            ("and excluded", CompatUnparsed, "/app/no/x", "/app/x", Some(no_worker)),
            ("not rewritten", CompatUnparsed, "/app%3b/x", "/app;/x", Some(no_worker)),
            ("slashes kept", CompatUnparsed, "/app%3b//./x", "/app;//x", Some(no_worker)),
        ];
        for (name, mode, target, path, expected) in cases {
            let forwarded =
                ForwardedPath { mode: *mode, path: path.as_bytes(), target: target.as_bytes() };
            let rule = map.find(b"/app/x").expect("mapped");
            let why = map.misreading(rule, &forwarded).map(|why| why.to_string());
            match expected {
                None => assert_eq!(why, None, "case: {name}"),
                Some(part) => {
                    assert!(why.as_ref().is_some_and(|why| why.contains(part)), "{name}: {why:?}");
                }
            }
        }
    }

    #[test]
    fn dots_that_sections_take_for_a_name() {
        for (target, path, differs) in [
            ("/app/..;/x", "/app/..;/x", true),
            ("/app/.;a=b/x", "/app/.;a=b/x", true),
            ("/app/%2e%2e;/x", "/app/..;/x", true),
            ("/app/..%3b/x", "/app/..;/x", false),
            ("/app/x;y/z", "/app/x;y/z", false),
        ] {
            let (path, target) = (path.as_bytes(), target.as_bytes());
            let forwarded = ForwardedPath { mode: ForwardUri::Proxy, path, target };
            assert_eq!(forwarded.differs_from_sections().is_some(), differs, "{forwarded:?}");
        }
    }
}
