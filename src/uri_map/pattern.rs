//! Matching of one pattern: `*` is any run of bytes, `?` any one byte, `/` not excepted.
//!
//! There is no escape and no class. Patterns are compared bytewise with the match URI.

/// Says whether a pattern holds a wildcard; any other pattern needs full equality.
pub fn is_wildcard(pattern: &[u8]) -> bool {
    memchr::memchr2(b'*', b'?', pattern).is_some()
}

/// Returns the bytes in front of the first wildcard.
pub fn literal_prefix(pattern: &[u8]) -> &[u8] {
    let end = memchr::memchr2(b'*', b'?', pattern).unwrap_or(pattern.len());
    &pattern[..end]
}

/// Says whether a pattern matches all of `text`.
///
/// Only the last star is ever tried again, further to the right: whatever the stars before it took,
/// taking more would leave less for the rest. So the time grows with the text, at worst times the
/// bytes between two stars, and never with the number of ways to cut it.
pub fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    // Behind the last star, and where in the text its rest was tried.
    let mut last_star: Option<(usize, usize)> = None;
    while t < text.len() {
        match (pattern.get(p), last_star) {
            (Some(b'*'), _) => {
                p += 1;
                last_star = Some((p, t));
            }
            (Some(byte), _) if *byte == b'?' || *byte == text[t] => {
                p += 1;
                t += 1;
            }
            (_, Some((behind, tried))) => {
                p = behind;
                t = tried + 1;
                last_star = Some((behind, t));
            }
            (_, None) => return false,
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn section_5_1_wildcards() {
        let cases: &[(&str, &str, &[&str], &[&str])] = &[
            (
                "star crosses slashes",
                "/*.jsp",
                &["/.jsp", "/a.jsp", "/d/e.jsp"],
                &["/a.jspx", "/jsp"],
            ),
            ("star may be empty", "/foo/*", &["/foo/", "/foo/a/b"], &["/foo", "/fo"]),
            ("star in a segment", "/foo*", &["/foo", "/foobar/baz"], &["/fo"]),
            ("inner star", "/a/*/c", &["/a/b/c", "/a/b/b/c", "/a//c"], &["/a/c", "/a/b/cd"]),
            ("adjacent stars", "/a**b", &["/ab", "/axb"], &["/a", "/abx"]),
            ("one byte", "/a?c", &["/abc", "/a/c", "/a?c"], &["/ac", "/abbc"]),
            ("star then one", "/a*b?", &["/abc", "/axbc", "/abbb"], &["/ab", "/abcd"]),
            ("? in the middle", "/*a?c*z", &["/abcz", "/xxa/cyyz"], &["/acz", "/abc"]),
            ("overlap", "/ab*ba", &["/abba", "/abxba"], &["/aba"]),
            (
                "three pieces",
                "/*/static/*.gif",
                &["/x/static/a.gif"],
                &["/static/a.gif", "/x/static/gif"],
            ),
            ("pieces do not overlap", "/*aa*aa", &["/aaaa"], &["/aaa"]),
            ("only ?", "/??", &["/ab"], &["/a", "/abc"]),
        ];
        for (name, pattern, yes, no) in cases {
            for uri in *yes {
                assert!(
                    matches(pattern.as_bytes(), uri.as_bytes()),
                    "case: {name}, {pattern} must match {uri}"
                );
            }
            for uri in *no {
                assert!(
                    !matches(pattern.as_bytes(), uri.as_bytes()),
                    "case: {name}, {pattern} must not match {uri}"
                );
            }
        }
    }

    #[test]
    fn many_stars_do_not_explode() {
        let pattern = format!("/{}b", "a*".repeat(500));
        let uri = format!("/{}", "a".repeat(60_000));
        // A backtracking matcher would not come back from this in a lifetime.
        assert!(!matches(pattern.as_bytes(), uri.as_bytes()));
    }
}
