//! Rules that are never used, against comparing each with each, and many of them.

use crate::config::cross_checks::*;
use crate::uri_map::Origin;
use crate::uri_map::pattern::matches;
use crate::uri_map::rule::RuleSource;

fn rule(line: u32, left: &str, worker: &str) -> Arc<Rule> {
    let origin = Origin::new("map", line);
    let (left, worker) = (left.as_bytes(), worker.as_bytes());
    let rules = Rule::parse(left, worker, RuleSource::MountFile, &origin, &mut Vec::new());
    rules.into_iter().next().expect("a rule")
}

/// Says of each rule which other one makes it useless, by looking at all of them.
fn one_by_one(rules: &[Arc<Rule>]) -> Vec<(u32, String)> {
    let enabled = || rules.iter().filter(|rule| !rule.is_disabled);
    let mut ranked: Vec<_> = enabled().filter(|rule| !rule.is_exclusion).collect();
    ranked.sort_by_cached_key(|rule| rule.sort_key());
    let exclusions: Vec<_> = enabled().filter(|rule| rule.is_exclusion).collect();
    let mut found = Vec::new();
    for (rank, rule) in ranked.iter().enumerate() {
        let equal = ranked[..rank].iter().find(|own| own.pattern == rule.pattern);
        let above = ranked[..rank].iter().find(|own| matches(&own.pattern, &rule.pattern));
        let is_for = |own: &Rule| own.worker == rule.worker || &*own.worker == "*";
        let taken =
            exclusions.iter().find(|own| is_for(own) && matches(&own.pattern, &rule.pattern));
        if let Some(other) = equal.or(above).or(taken) {
            found.push((rule.origin.line, other.origin.to_string()));
        }
    }
    for own in exclusions {
        if !ranked.iter().any(|rule| rule.worker == own.worker || &*own.worker == "*") {
            found.push((own.origin.line, format!("worker {}", own.worker)));
        }
    }
    found
}

#[test]
fn the_same_as_comparing_each_with_each() {
    let pieces = ["/a", "/b", "/*", "*", "?", "/a*", ".x", "/"];
    let workers = ["v", "w", "u"];
    // Numbers without a pattern, the same in every run.
    let mut seed = 1_u64;
    let mut next = |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % below
    };
    let mut hits = 0;
    for round in 0..500 {
        let rules: Vec<_> = (1..=24)
            .map(|line| {
                let mut left = ["", "", "", "", "!", "-"][next(6)].to_owned();
                let is_exclusion = left == "!";
                left.push('/');
                (0..=next(4)).for_each(|_| left.push_str(pieces[next(pieces.len())]));
                let worker = if is_exclusion && next(3) == 0 { "*" } else { workers[next(3)] };
                rule(line, &left, worker)
            })
            .collect();
        let found = unreachable(&rules);
        let wanted = one_by_one(&rules);
        assert_eq!(found.len(), wanted.len(), "round {round}: {found:#?} {wanted:?}");
        for ((rule, problem), (line, other)) in found.iter().zip(&wanted) {
            assert_eq!(rule.origin.line, *line, "round {round}");
            if let Some(problem) = problem {
                assert!(problem.to_string().contains(other), "round {round}: {problem} {other}");
                hits += 1;
            }
        }
    }
    assert!(hits > 1000, "there is something to find: {hits}");
}

#[test]
fn a_hundred_thousand_rules_are_looked_at() {
    let mut rules: Vec<_> = (0..100_000_u32)
        .map(|n| match n % 4 {
            0 => rule(n, &format!("/app{n}/*"), "w"),
            1 => rule(n, &format!("/app{n}/*.jsp"), "w"),
            2 => rule(n, &format!("!/app{n}/*/x"), "w"),
            _ => rule(n, &format!("/app{n}/page"), "w"),
        })
        .collect();
    rules.push(rule(100_001, "/app8/?", "w"));
    rules.push(rule(100_002, "/app12/**", "w"));
    rules.push(rule(100_003, "!/app3/*", "*"));
    // Comparing each with each takes minutes.
    let found = unreachable(&rules);
    let mut said: Vec<_> = found.iter().map(|(own, _)| own.origin.line).collect();
    said.sort_unstable();
    assert_eq!(said, [3, 12, 100_001]);
}
