//! URIs in lines, an empty line, a mount file: the compiled map decides as a matcher that does what
//! the order of evaluation says, word by word.

#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use mod_jk::config::uri_map_file::parse_mount_file;
use mod_jk::uri_map::{Rule, UriMap, normalize};

fuzz_target!(|data: &[u8]| {
    // The slow matcher takes its time for each pair of a rule and a URI.
    let data = &data[..data.len().min(4096)];
    let cut = data.windows(2).position(|pair| pair == b"\n\n").unwrap_or(data.len());
    let (uris, file) = data.split_at(cut);
    let (mounts, problems) = parse_mount_file(file, "map", &|name| {
        (name == "HOME").then(|| "w$(HOME)".to_owned())
    });
    let lines = file.split(|byte| *byte == b'\n').count() as u32;
    for problem in &problems {
        assert!(!problem.text.is_empty() && !problem.text.chars().any(char::is_control));
        assert!((1..=lines).contains(&problem.origin.line), "{problem:?}");
    }
    let rules: Vec<_> = mounts.rules().cloned().collect();
    // Encoded slashes are alike in both cases, which the slow matcher does not know.
    if rules.iter().any(|rule| rule.pattern.contains(&b'%')) {
        return;
    }
    let map = UriMap::build(rules.clone()).0;
    let prefilter = map.prefilter();
    let mut buffer = Vec::new();
    for uri in uris.split(|byte| *byte == b'\n').take(16) {
        let Ok(normalized) = normalize(uri, &mut buffer) else { continue };
        let uri = normalized.path;
        assert!(!uri.windows(2).any(|pair| pair == b"//"), "normalized");
        assert!(uri == b"*" || !uri.contains(&b';'), "normalized");
        let is_dots = |segment: &[u8]| segment == b"." || segment == b"..";
        assert!(!uri.split(|byte| *byte == b'/').any(is_dots), "normalized");
        assert!(!prefilter.rejects(uri) || map.find(uri).is_none(), "{uri:?} is kept out");
        let (found, expected) = (map.find(uri), find(&rules, uri));
        let is_same = match (found, expected) {
            (Some(found), Some(expected)) => Arc::ptr_eq(found, expected),
            (None, None) => true,
            _ => false,
        };
        assert!(is_same, "{:?}: {found:?}, not {expected:?}", String::from_utf8_lossy(uri));
    }
});

/// Takes the best of the rules that match, and then looks at every exclusion.
fn find<'r>(rules: &'r [Arc<Rule>], uri: &[u8]) -> Option<&'r Arc<Rule>> {
    let slashes = |rule: &Rule| rule.pattern.iter().filter(|byte| **byte == b'/').count();
    let enabled = || rules.iter().filter(|rule| !rule.is_disabled && matches(&rule.pattern, uri));
    let mut winner: Option<&Arc<Rule>> = None;
    for rule in enabled().filter(|rule| !rule.is_exclusion) {
        let mine = (slashes(rule), rule.pattern.len());
        if winner.is_none_or(|best| mine > (slashes(best), best.pattern.len())) {
            winner = Some(rule);
        }
    }
    let winner = winner?;
    let takes = |rule: &Arc<Rule>| {
        rule.is_exclusion && (rule.worker == winner.worker || &*rule.worker == "*")
    };
    (!enabled().any(takes)).then_some(winner)
}

/// Which beginnings of the pattern match which beginnings of the text, in a table.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let mut row = vec![false; text.len() + 1];
    row[0] = true;
    for byte in pattern {
        let before = row.clone();
        for end in 0..row.len() {
            row[end] = match byte {
                b'*' => before[end] || (end > 0 && row[end - 1]),
                _ => end > 0 && before[end - 1] && (*byte == b'?' || *byte == text[end - 1]),
            };
        }
    }
    row[text.len()]
}
