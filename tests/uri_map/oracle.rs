//! The compiled map against a matcher that does what the rules of evaluation say, word by word.

use std::sync::Arc;

use mod_jk::uri_map::{Extensions, Origin, Rule, RuleSource, UriMap};
use proptest::prelude::*;

/// Full backtracking; only for short texts.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern, text) {
        ([], []) => true,
        ([b'*', rest @ ..], _) => {
            matches(rest, text) || (!text.is_empty() && matches(pattern, &text[1..]))
        }
        ([p, pattern @ ..], [t, text @ ..]) => (*p == b'?' || p == t) && matches(pattern, text),
        _ => false,
    }
}

/// Takes the first candidate and then looks at every exclusion.
fn find(rules: &[Arc<Rule>], uri: &[u8]) -> Option<Arc<Rule>> {
    let slashes = |rule: &Rule| rule.pattern.iter().filter(|b| **b == b'/').count();
    let mut winner: Option<&Arc<Rule>> = None;
    let enabled = || rules.iter().filter(|rule| !rule.is_disabled && matches(&rule.pattern, uri));
    for rule in enabled().filter(|rule| !rule.is_exclusion) {
        let is_better = winner.is_none_or(|best| {
            let mine = (slashes(rule), rule.pattern.len());
            let its = (slashes(best), best.pattern.len());
            mine > its || (mine == its && rule.source < best.source)
        });
        if is_better {
            winner = Some(rule);
        }
    }
    let winner = winner?;
    let excludes = |rule: &&Arc<Rule>| {
        rule.is_exclusion && (*rule.worker == *winner.worker || &*rule.worker == "*")
    };
    match enabled().any(|rule| excludes(&rule)) {
        true => None,
        false => Some(winner.clone()),
    }
}

fn rule() -> impl Strategy<Value = Arc<Rule>> {
    // A small alphabet, so that patterns and URIs meet.
    let sources = [RuleSource::MountFile, RuleSource::Directive, RuleSource::WorkerMount];
    let source = prop::sample::select(sources.to_vec());
    let worker = prop::sample::select(vec!["w1", "w2", "*"]);
    ("/[ab/.*?]{0,7}", source, worker, 0..12_u8).prop_map(|(pattern, source, worker, kind)| {
        Arc::new(Rule {
            pattern: pattern.into_bytes().into(),
            worker: worker.into(),
            is_exclusion: kind < 3,
            is_disabled: kind == 0 || kind == 11,
            extensions: Arc::new(Extensions::default()),
            source,
            origin: Origin::new("test", 1),
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..Default::default() })]

    #[test]
    fn compiled_and_naive_agree(
        rules in prop::collection::vec(rule(), 0..24),
        uris in prop::collection::vec("/[ab/.]{0,9}", 1..24),
    ) {
        // The line tells equal rules apart.
        let rules: Vec<_> = (1..).zip(rules).map(|(line, rule)| {
            Arc::new(Rule { origin: Origin::new("test", line), ..(*rule).clone() })
        }).collect();
        let map = UriMap::build(rules.clone()).0;
        let prefilter = map.prefilter();
        for uri in uris {
            prop_assert!(!prefilter.rejects(uri.as_bytes()) || map.find(uri.as_bytes()).is_none(), "{}", uri);
            prop_assert_eq!(map.find(uri.as_bytes()).cloned(), find(&rules, uri.as_bytes()), "{}", uri);
        }
    }
}

#[test]
fn a_large_map_finds_each_of_its_rules() {
    let rules: Vec<_> = (0..20_000_u32)
        .map(|n| {
            let pattern = match n % 4 {
                0 => format!("/app{n}/*"),
                1 => format!("/*.x{n}"),
                2 => format!("/exact/{n}"),
                _ => format!("/glob{n}/*/a?"),
            };
            let left = pattern.as_bytes();
            Rule::parse(left, b"w", RuleSource::Directive, &Origin::new("test", n), &mut Vec::new())
                .remove(0)
        })
        .collect();
    let map = UriMap::build(rules).0;
    for n in 0..20_000_u32 {
        let uri = match n % 4 {
            0 => format!("/app{n}/x"),
            1 => format!("/q/q.x{n}"),
            2 => format!("/exact/{n}"),
            _ => format!("/glob{n}/q/ab"),
        };
        assert_eq!(map.find(uri.as_bytes()).map(|rule| rule.origin.line), Some(n), "{uri}");
    }
    assert!(map.find(b"/app/x").is_none());
}
