//! Patterns: `*` is any run of bytes, `?` is one byte, a slash being a byte like any other.

/// Tells whether all of `uri` matches `pattern`, in time proportional to the product of their
/// lengths at worst.
pub(super) fn matches(pattern: &[u8], uri: &[u8]) -> bool {
    let (mut p, mut u) = (0, 0);
    // Behind the last star, and where in the URI its run ends for the time being.
    let mut retry: Option<(usize, usize)> = None;
    loop {
        match pattern.get(p) {
            Some(b'*') => {
                p += 1;
                if p == pattern.len() {
                    return true;
                }
                retry = Some((p, u));
                continue;
            }
            Some(b'?') if u < uri.len() => {
                p += 1;
                u += 1;
                continue;
            }
            Some(byte) if uri.get(u) == Some(byte) => {
                p += 1;
                u += 1;
                continue;
            }
            None if u == uri.len() => return true,
            _ => {}
        }
        // Only the last star needs to give: what an earlier one could, the last can as well.
        match &mut retry {
            Some((star, end)) if *end < uri.len() => {
                *end += 1;
                (p, u) = (*star, *end);
            }
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s5_1_wildcards() {
        let cases: &[(&str, &str, bool)] = &[
            ("/*.jsp", "/a/b/c.jsp", true),
            ("/*.jsp", "/.jsp", true),
            ("/*.jsp", "/a.jspx", false),
            ("/foo/*", "/foo/", true),
            ("/foo/*", "/foo", false),
            ("/foo*", "/foobar/baz", true),
            ("/a/*/c", "/a/c", false),
            ("/a/*/c", "/a/b/b/c", true),
            ("/a?c", "/a/c", true),
            ("/a?c", "/ac", false),
            ("/a", "/a", true),
            ("/a", "/a/", false),
            ("/**", "/", true),
            ("/*a*b", "/xaybab", true),
            ("/*a*b", "/xayba", false),
        ];
        for (pattern, uri, expected) in cases {
            assert_eq!(matches(pattern.as_bytes(), uri.as_bytes()), *expected, "{pattern} {uri}");
        }
    }

    #[test]
    fn s5_6_many_stars_take_no_time() {
        let (pattern, uri) = ("/*a".repeat(200), "/".to_owned() + &"a".repeat(8_000));
        assert!(!matches(pattern.as_bytes(), uri.as_bytes()));
    }
}
