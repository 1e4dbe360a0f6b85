//! Matching of one pattern: `*` is any run of bytes, `?` any one byte, `/` not excepted.
//!
//! There is no escape and no class. Patterns are compared bytewise with the match URI.

use memchr::memmem::Finder;

/// Says whether a pattern holds a wildcard; any other pattern needs full equality.
pub fn is_wildcard(pattern: &[u8]) -> bool {
    memchr::memchr2(b'*', b'?', pattern).is_some()
}

/// Returns the bytes in front of the first wildcard.
pub fn literal_prefix(pattern: &[u8]) -> &[u8] {
    let end = memchr::memchr2(b'*', b'?', pattern).unwrap_or(pattern.len());
    &pattern[..end]
}

/// A pattern cut at its stars.
///
/// Pieces between two stars are looked for from left to right, each at its first place. That is
/// enough, since a later place leaves less for the rest; so nothing is ever tried twice and the
/// time is linear in the URI (times the piece's length where the piece holds a `?`).
#[derive(Debug)]
pub struct Glob {
    head: Box<[u8]>,
    middle: Vec<Piece>,
    /// `None` when the pattern has no star: then `head` must match everything.
    tail: Option<Box<[u8]>>,
    min_len: usize,
}

impl Glob {
    /// Compiles `pattern`.
    pub fn new(pattern: &[u8]) -> Self {
        let min_len = pattern.iter().filter(|b| **b != b'*').count();
        let mut pieces: Vec<&[u8]> = pattern.split(|b| *b == b'*').collect();
        let head = pieces.remove(0).into();
        let tail = pieces.pop().map(Box::from);
        let middle = pieces.into_iter().filter(|p| !p.is_empty()).map(Piece::new).collect();
        Glob { head, middle, tail, min_len }
    }

    /// Says whether all of `text` matches.
    pub fn matches(&self, text: &[u8]) -> bool {
        let Some(tail) = &self.tail else { return same(&self.head, text) };
        if text.len() < self.min_len || !same(&self.head, &text[..self.head.len()]) {
            return false;
        }
        let (mut rest, end) =
            text[self.head.len()..].split_at(text.len() - self.head.len() - tail.len());
        if !same(tail, end) {
            return false;
        }
        for piece in &self.middle {
            match piece.end_in(rest) {
                Some(end) => rest = &rest[end..],
                None => return false,
            }
        }
        true
    }
}

#[derive(Debug)]
enum Piece {
    Literal(Box<Finder<'static>>),
    WithAnyByte(Box<[u8]>),
}

impl Piece {
    fn new(piece: &[u8]) -> Self {
        match memchr::memchr(b'?', piece) {
            None => Piece::Literal(Box::new(Finder::new(piece).into_owned())),
            Some(_) => Piece::WithAnyByte(piece.into()),
        }
    }

    /// Returns where the first occurrence in `text` ends.
    fn end_in(&self, text: &[u8]) -> Option<usize> {
        match self {
            Piece::Literal(finder) => Some(finder.find(text)? + finder.needle().len()),
            Piece::WithAnyByte(piece) => {
                let start = text.windows(piece.len()).position(|window| same(piece, window))?;
                Some(start + piece.len())
            }
        }
    }
}

fn same(piece: &[u8], text: &[u8]) -> bool {
    piece.len() == text.len() && piece.iter().zip(text).all(|(p, t)| p == t || *p == b'?')
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
            let glob = Glob::new(pattern.as_bytes());
            for uri in *yes {
                assert!(glob.matches(uri.as_bytes()), "case: {name}, {pattern} must match {uri}");
            }
            for uri in *no {
                assert!(
                    !glob.matches(uri.as_bytes()),
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
        assert!(!Glob::new(pattern.as_bytes()).matches(uri.as_bytes()));
    }
}
