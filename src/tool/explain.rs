//! The whole way of a request target through a server's rules, for people who ask why.

use std::sync::Arc;

use crate::tool::request_target;
use crate::tool::request_target::EncodedSlashes;
use crate::uri_map::ambiguity::ForwardedPath;
use crate::uri_map::normalize::is_unsafe;
use crate::uri_map::{Explanation, ForwardUri, Rule, UriMap, forward_uri, pattern};

/// Settings of a server that matter on the way.
#[derive(Clone, Copy, Debug, Default)]
pub struct MappingSettings {
    /// `AllowEncodedSlashes`.
    pub encoded_slashes: EncodedSlashes,
    /// `MergeSlashes Off`.
    pub keeps_slashes: bool,
    /// `JkOptions +RejectUnsafeURI`.
    pub rejects_unsafe: bool,
    /// `JkOptions +ForbidUnsafeURI`.
    pub forbids_unsafe: bool,
    /// How the URI is forwarded.
    pub forward: ForwardUri,
}

/// What becomes of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RouteVerdict {
    /// It goes to this worker, with this URI.
    Worker {
        /// The worker's name.
        worker: String,
        /// What the backend gets.
        forwarded: Vec<u8>,
    },
    /// httpd serves it as if the module were not there.
    NotMapped {
        /// Why, in words.
        why: String,
    },
    /// It is answered at once.
    Answered {
        /// The status.
        status: u16,
        /// Why, in words.
        why: String,
    },
}

/// A rule that was looked at.
#[derive(Clone, Debug)]
pub struct Considered<'m> {
    /// The rule.
    pub rule: &'m Arc<Rule>,
    /// Why it does not match; `None` if it does.
    pub mismatch: Option<String>,
}

/// The way of one request target.
#[derive(Debug)]
pub struct Decision<'m> {
    /// The path httpd hands to modules, unless it answers by itself.
    pub path: Option<Vec<u8>>,
    /// What the rules were compared with, unless there is nothing to compare.
    pub match_uri: Option<Vec<u8>>,
    /// Rules in the order of evaluation, up to the winner.
    pub considered: Vec<Considered<'m>>,
    /// Rules that match as well and come later.
    pub outranked: Vec<&'m Arc<Rule>>,
    /// What the map says; `None` if it was not asked.
    pub explanation: Option<Explanation<'m>>,
    /// The end of it.
    pub verdict: RouteVerdict,
}

impl UriMap {
    /// Follows a request target as the client writes it.
    pub fn decide(&self, request: &[u8], setting: &MappingSettings) -> Decision<'_> {
        let mut decision = Decision {
            path: None,
            match_uri: None,
            considered: Vec::new(),
            outranked: Vec::new(),
            explanation: None,
            verdict: RouteVerdict::NotMapped { why: "there is no rule".to_owned() },
        };
        let path =
            request_target::decoded(request, setting.encoded_slashes, !setting.keeps_slashes);
        let path = match path {
            Ok(path) => path,
            Err(why) => {
                let (status, why) = (why.http_status(), format!("httpd itself: {why}"));
                decision.verdict = RouteVerdict::Answered { status, why };
                return decision;
            }
        };
        decision.path = Some(path.clone());
        let explanation = self.explain(&path);
        decision.verdict = match &explanation.normalized {
            _ if self.is_empty() => decision.verdict,
            Err(why) => RouteVerdict::Answered { status: 400, why: why.to_string() },
            Ok(uri) if setting.forbids_unsafe && is_unsafe(uri) && self.find(uri).is_some() => {
                let why = "ForbidUnsafeURI: there is a % or \\ in the match URI".to_owned();
                RouteVerdict::Answered { status: 400, why }
            }
            Ok(uri) if setting.rejects_unsafe && is_unsafe(uri) => RouteVerdict::NotMapped {
                why: "RejectUnsafeURI: there is a % or \\ in the match URI".to_owned(),
            },
            Ok(_) => self.verdict(request, &path, &explanation, setting),
        };
        if let Ok(uri) = &explanation.normalized {
            decision.match_uri = Some(uri.clone());
            self.list(uri, &explanation, &mut decision);
        }
        decision.explanation = Some(explanation);
        decision
    }

    fn verdict(
        &self,
        request: &[u8],
        path: &[u8],
        explanation: &Explanation<'_>,
        setting: &MappingSettings,
    ) -> RouteVerdict {
        let rule = match (explanation.winner, explanation.excluded_by) {
            (None, _) => {
                return RouteVerdict::NotMapped { why: "no rule matches".to_owned() };
            }
            (Some(_), Some(exclusion)) => {
                return RouteVerdict::NotMapped { why: format!("{exclusion} excludes it") };
            }
            (Some(rule), None) => rule,
        };
        let forwarded = ForwardedPath { mode: setting.forward, path, target: request };
        if let Some(why) = self.misreading(rule, &forwarded) {
            return RouteVerdict::Answered { status: 400, why: why.to_string() };
        }
        let mut forwarded = Vec::new();
        match forward_uri(setting.forward, path, Some(request), &mut forwarded) {
            Ok(()) => RouteVerdict::Worker { worker: rule.worker.to_string(), forwarded },
            Err(why) => RouteVerdict::Answered { status: 400, why: why.to_string() },
        }
    }

    fn list<'m>(&'m self, uri: &[u8], explanation: &Explanation<'m>, decision: &mut Decision<'m>) {
        let uri = self.fold(uri);
        let winner = explanation.winner;
        let is_winner = |rule: &&Arc<Rule>| winner.is_some_and(|own| Arc::ptr_eq(own, rule));
        let place = self.ranked().iter().position(|rule| is_winner(&rule));
        let end = place.map_or(self.ranked().len(), |place| place + 1);
        let mismatch = |rule: &Rule| mismatch(&self.fold(&rule.pattern), &uri);
        let considered = self.ranked()[..end].iter();
        decision.considered =
            considered.map(|rule| Considered { rule, mismatch: mismatch(rule) }).collect();
        let later = self.ranked()[end..].iter();
        decision.outranked = later.filter(|rule| mismatch(rule).is_none()).collect();
    }
}

/// Says why a pattern does not match, `None` if it does.
pub fn mismatch(pattern: &[u8], uri: &[u8]) -> Option<String> {
    if pattern::matches(pattern, uri) {
        return None;
    }
    let show = crate::uri_map::problem::printable;
    let prefix = pattern::literal_prefix(pattern);
    let rest = &pattern[prefix.len()..];
    if rest.is_empty() {
        return Some(match uri {
            _ if uri.eq_ignore_ascii_case(pattern) => "the letters differ in case".to_owned(),
            _ if uri.strip_prefix(pattern) == Some(b"/") => {
                "the URI has a slash at its end and the pattern has none".to_owned()
            }
            _ if pattern.strip_suffix(b"/") == Some(uri) => {
                "the pattern has a slash at its end and the URI has none".to_owned()
            }
            _ if uri.starts_with(pattern) => format!(
                "without a wildcard it matches exactly this URI; \"{}|/*\" also matches the paths below it",
                show(pattern)
            ),
            _ => "it matches exactly this URI".to_owned(),
        });
    }
    if !uri.starts_with(prefix) {
        if prefix.strip_suffix(b"/") == Some(uri) && rest == b"*" {
            return Some(format!(
                "it matches the paths below \"{0}\"; \"{0}|/*\" matches both",
                show(uri)
            ));
        }
        if uri.len() >= prefix.len() && uri[..prefix.len()].eq_ignore_ascii_case(prefix) {
            return Some("the letters differ in case".to_owned());
        }
        return Some(format!("the URI does not begin with \"{}\"", show(prefix)));
    }
    if memchr::memchr(b'*', rest).is_none() {
        return Some("a ? matches exactly one byte, and the rest must be equal".to_owned());
    }
    let suffix = rest.rsplit(|byte| *byte == b'*').next().unwrap_or_default();
    let has_suffix =
        uri.len() >= suffix.len() && pattern::matches(suffix, &uri[uri.len() - suffix.len()..]);
    Some(match has_suffix {
        false => format!("the URI does not end with \"{}\"", show(suffix)),
        true => "the URI does not contain the text between the wildcards".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::uri_map::{Origin, RuleSource};

    fn map(rules: &[(&str, &str)]) -> UriMap {
        let mut problems = Vec::new();
        let rules = rules.iter().zip(1..).flat_map(|((left, right), line)| {
            let origin = Origin::new("map", line);
            Rule::parse(
                left.as_bytes(),
                right.as_bytes(),
                RuleSource::MountFile,
                &origin,
                &mut problems,
            )
        });
        UriMap::build(rules.collect()).0
    }

    #[test]
    fn the_way_of_a_request() {
        let map = map(&[
            ("/app/*", "w1"),
            ("/app/*.gif", "w2"),
            ("/*", "w3"),
            ("!/app/private/*", "w1"),
            ("-/app/x", "w4"),
        ]);
        let decision = map.decide(b"/app/a%20b;v=1?q", &MappingSettings::default());
        assert_eq!(decision.path.as_deref(), Some(&b"/app/a b;v=1"[..]));
        assert_eq!(decision.match_uri.as_deref(), Some(&b"/app/a b"[..]));
        let forwarded = b"/app/a%20b;v=1".to_vec();
        assert_eq!(decision.verdict, RouteVerdict::Worker { worker: "w1".to_owned(), forwarded });
        let considered: Vec<_> = decision
            .considered
            .iter()
            .map(|own| (&*own.rule.worker, own.mismatch.is_none()))
            .collect();
        assert_eq!(considered, [("w2", false), ("w1", true)]);
        assert_eq!(decision.outranked.iter().map(|own| &*own.worker).collect::<Vec<_>>(), ["w3"]);

        let excluded = map.decide(b"/app/private/x", &MappingSettings::default());
        let why = "!/app/private/*=w1 (map:4) excludes it".to_owned();
        assert_eq!(excluded.verdict, RouteVerdict::NotMapped { why });
        let disabled =
            map.decide(b"/app/x", &MappingSettings::default()).explanation.expect("asked");
        assert_eq!(disabled.disabled.len(), 1);
    }

    #[test]
    fn answers_without_a_worker() {
        let map = map(&[("/app/*", "w1"), ("/a", "w2")]);
        let unparsed =
            MappingSettings { forward: ForwardUri::CompatUnparsed, ..MappingSettings::default() };
        let strict = MappingSettings { rejects_unsafe: true, ..MappingSettings::default() };
        let stricter = MappingSettings { forbids_unsafe: true, ..strict };
        let cases: &[(&str, &MappingSettings, u16)] = &[
            ("/app/%2f", &MappingSettings::default(), 404),
            ("/app/..;/..;/x", &MappingSettings::default(), 400),
            ("/app/..;/a", &unparsed, 400),
            ("/app/a%25", &strict, 0),
            ("/app/a%25", &stricter, 400),
            ("/other/a%25", &stricter, 0),
            ("/app/..%3b/app/x", &MappingSettings::default(), 400),
            ("/other", &MappingSettings::default(), 0),
        ];
        for (target, setting, expected) in cases {
            let status = match map.decide(target.as_bytes(), setting).verdict {
                RouteVerdict::Answered { status, .. } => status,
                RouteVerdict::NotMapped { .. } => 0,
                RouteVerdict::Worker { worker, .. } => panic!("{target} goes to {worker}"),
            };
            assert_eq!(status, *expected, "{target}");
        }
        let empty = UriMap::build(Vec::new()).0;
        let decision = empty.decide(b"/app/..;/..;/x", &MappingSettings::default());
        assert_eq!(
            decision.verdict,
            RouteVerdict::NotMapped { why: "there is no rule".to_owned() }
        );
    }

    #[test]
    fn reasons_of_mismatches() {
        let cases: &[(&str, &str, &str)] = &[
            ("/app/*", "/app", "matches both"),
            ("/app", "/app/", "slash at its end and the pattern"),
            ("/app/", "/app", "the URI has none"),
            ("/app", "/app/x", "|/*"),
            ("/app", "/App", "case"),
            ("/app/*", "/App/x", "case"),
            ("/app", "/other", "exactly"),
            ("/app/*", "/other/", "begin with \"/app/\""),
            ("/*.jsp", "/a.html", "end with \".jsp\""),
            ("/a?c", "/abbc", "one byte"),
            ("/a/*/c*", "/a/b", "between"),
        ];
        for (pattern, uri, part) in cases {
            let why = mismatch(pattern.as_bytes(), uri.as_bytes()).expect("no match");
            assert!(why.contains(part), "{pattern} {uri}: {why}");
        }
        assert_eq!(mismatch(b"/app/*", b"/app/x"), None);
    }
}
