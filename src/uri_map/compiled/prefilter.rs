//! What two bytes of a URI tell: that no rule maps it. So it is with most requests of most servers,
//! and they need no lookup.
//!
//! A pattern with a literal behind its slash wants that byte there, any other pattern wants its last
//! byte at the end of the URI.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::uri_map::Rule;

/// The bytes that patterns want. It can be widened while others look.
#[derive(Debug, Default)]
pub struct Prefilter {
    firsts: Bytes,
    lasts: Bytes,
}

impl Prefilter {
    /// Lets through what the patterns of `rules` may match.
    pub fn of<'a>(rules: impl Iterator<Item = &'a Rule>) -> Self {
        let prefilter = Self::default();
        for rule in rules {
            prefilter.add(&rule.pattern);
        }
        prefilter
    }

    fn add(&self, pattern: &[u8]) {
        let is_literal = |byte: u8| !matches!(byte, b'*' | b'?');
        match pattern {
            // The slash alone is never kept out.
            [b'/'] => {}
            [b'/', first, ..] if is_literal(*first) => self.firsts.add(*first),
            [b'/', .., last] if is_literal(*last) => self.lasts.add(*last),
            _ => self.open(),
        }
    }

    /// Lets everything through.
    pub fn open(&self) {
        self.lasts.0.iter().for_each(|word| word.store(u64::MAX, Relaxed));
    }

    /// Lets through what another one does as well.
    ///
    /// Bytes are never taken away: a lookup that sees one word from before and another from after
    /// still answers right for the patterns from before, whose bytes are in both.
    pub fn widen(&self, other: &Prefilter) {
        self.firsts.widen(&other.firsts);
        self.lasts.widen(&other.lasts);
    }

    /// Tells whether surely no pattern matches a URI.
    #[inline]
    pub fn rejects(&self, uri: &[u8]) -> bool {
        let [b'/', rest @ ..] = uri else { return false };
        match (rest.first(), rest.last()) {
            (Some(first), Some(last)) => {
                !self.firsts.contains(*first) && !self.lasts.contains(*last)
            }
            _ => false,
        }
    }
}

/// A set of bytes.
#[derive(Debug, Default)]
struct Bytes([AtomicU64; 4]);

impl Bytes {
    fn add(&self, byte: u8) {
        self.0[usize::from(byte >> 6)].fetch_or(1 << (byte & 63), Relaxed);
    }

    fn widen(&self, other: &Bytes) {
        for (own, other) in self.0.iter().zip(&other.0) {
            own.fetch_or(other.load(Relaxed), Relaxed);
        }
    }

    #[inline]
    fn contains(&self, byte: u8) -> bool {
        self.0[usize::from(byte >> 6)].load(Relaxed) >> (byte & 63) & 1 != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejects_what_no_pattern_can_match() {
        type Case = (&'static str, &'static [&'static [u8]], &'static [u8], bool);
        let cases: &[Case] = &[
            ("no pattern", &[], b"/a", true),
            ("the root, always asked", &[], b"/", false),
            ("not a path, always asked", &[], b"x", false),
            ("literal", &[b"/app"], b"/app", false),
            ("another literal", &[b"/app"], b"/bpp", true),
            ("prefix", &[b"/app/*"], b"/app/x.png", false),
            ("another prefix", &[b"/app/*"], b"/images/x.png", true),
            ("suffix", &[b"/*.jsp"], b"/images/x.jsp", false),
            ("suffix alone", &[b"/*.jsp"], b"/.jsp", false),
            ("another suffix", &[b"/*.jsp"], b"/images/x.png", true),
            ("star inside", &[b"/a*.do"], b"/a/x.do", false),
            ("star first, star last", &[b"/*/app/*"], b"/x/app/y", false),
            ("any byte, alone", &[b"/?"], b"/x", false),
            ("any byte first", &[b"/?pp"], b"/app", false),
            ("any byte first, another last", &[b"/?pp"], b"/apq", true),
            ("all", &[b"/*"], b"/\xff", false),
            ("one of two by its first", &[b"/*.do", b"/app/*"], b"/app/x", false),
            ("one of two by its last", &[b"/*.do", b"/app/*"], b"/x.do", false),
            ("none of two", &[b"/*.do", b"/app/*"], b"/x.gif", true),
            ("upper bytes", &[b"/\xc3\xa4/*"], b"/\xc3\xa4/x", false),
            ("other upper bytes", &[b"/\xc3\xa4/*"], b"/\x83\xa4/x", true),
            ("no slash at all", &[b"*"], b"/x", false),
        ];
        for (name, patterns, uri, expected) in cases {
            let prefilter = Prefilter::default();
            patterns.iter().for_each(|pattern| prefilter.add(pattern));
            assert_eq!(prefilter.rejects(uri), *expected, "case: {name}");
            let wider = Prefilter::default();
            wider.add(b"/q*");
            wider.widen(&prefilter);
            assert_eq!(wider.rejects(uri), *expected, "case, widened: {name}");
        }
    }
}
