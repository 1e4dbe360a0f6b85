//! A lookup allocates nothing.

use mod_jk::uri_map::{Origin, Rule, RuleSource, UriMap, normalize};

use crate::counting::allocations;

#[test]
fn lookups_allocate_nothing() {
    let shapes: &[(&str, fn(u32) -> String)] = &[
        ("exact", |n| format!("/exact/{n}=w")),
        ("prefix", |n| format!("/app{n}/*=w")),
        ("suffix", |n| format!("/*.e{n}=w")),
        ("stars inside", |n| format!("/*/d{n}/*.gif=w")),
        ("any byte", |n| format!("/a?p{n}/*=w")),
        ("exclusion", |n| format!("!/app{n}/static/*=w")),
        // More ways at once than the walk has room for.
        ("many stars", |n| format!("/*{}/*x=w", char::from(b'a' + (n % 26) as u8))),
    ];
    let origin = Origin::new("test", 1);
    let all: Vec<_> = shapes.iter().flat_map(|(_, rule)| (0..500).map(rule)).collect();
    let each = shapes.iter().map(|(name, rule)| (*name, (0..500).map(rule).collect()));
    for (name, lines) in each.chain([("all together", all)]) {
        let rules = lines.iter().flat_map(|line: &String| {
            let (left, worker) = line.split_once('=').unwrap();
            Rule::parse(
                left.as_bytes(),
                worker.as_bytes(),
                RuleSource::Directive,
                &origin,
                &mut Vec::new(),
            )
        });
        let map = UriMap::build(rules.collect()).0;
        let prefilter = map.prefilter();
        let uris = [
            "/",
            "/exact/7",
            "/app7/x",
            "/app7/static/x",
            "/x/y.e7",
            "/x/d7/y.gif",
            "/abp7/x",
            "/images/logo.txt",
            "/images/logo.gif",
            "/abcdefghijklmnopqrstuvwxyz/abcx",
            "/q/a/b/c/d/x",
        ];
        let mut buffer = Vec::new();
        let before = allocations();
        for uri in uris {
            let normalized = normalize(uri.as_bytes(), &mut buffer).unwrap();
            let found = map.find(normalized.path).is_some();
            assert!(!(found && prefilter.rejects(normalized.path)));
        }
        assert_eq!(allocations(), before, "{name}");
    }
}
