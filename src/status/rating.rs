//! Good, degraded or bad: the rules of `good` and `bad`.

use crate::lb::{Activation, MemberState};
use crate::status::view::MemberView;

/// How a member is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rating {
    /// A rule of `bad` matches.
    Bad,
    /// No rule matches.
    Degraded,
    /// A rule of `good` matches.
    Good,
}

/// The two lists.
#[derive(Clone, Debug)]
pub struct RatingRules {
    good: Vec<RatingRule>,
    bad: Vec<RatingRule>,
}

type RatingRule = (Option<u8>, Option<u8>);

impl Default for RatingRules {
    fn default() -> Self {
        Self::new(["a.o", "a.i", "a.b", "a.r"].into_iter(), ["s", "e"].into_iter())
    }
}

impl RatingRules {
    /// Reads the words of both lists; unknown letters match nothing.
    pub fn new<'a>(
        good: impl Iterator<Item = &'a str>,
        bad: impl Iterator<Item = &'a str>,
    ) -> Self {
        Self { good: good.filter_map(rule).collect(), bad: bad.filter_map(rule).collect() }
    }

    /// Rates a member; bad wins, and is also a member whose connector refuses all requests.
    pub fn rate(&self, member: &MemberView) -> Rating {
        let own = (
            match member.activation {
                Activation::Active => b'a',
                Activation::Disabled => b'd',
                Activation::Stopped => b's',
            },
            match member.state {
                MemberState::Idle => b'i',
                MemberState::Ok => b'o',
                MemberState::Busy => b'b',
                MemberState::Error => b'e',
                MemberState::Recover | MemberState::Force | MemberState::HalfOpen => b'r',
            },
        );
        let hit = |rules: &[RatingRule]| {
            rules.iter().any(|(activation, state)| {
                activation.is_none_or(|letter| letter == own.0)
                    && state.is_none_or(|letter| letter == own.1)
            })
        };
        // Whatever the state says: each of its requests fails.
        let is_refusing = member.ajp.is_refusing && member.activation != Activation::Stopped;
        match (hit(&self.bad) || is_refusing, hit(&self.good)) {
            (true, _) => Rating::Bad,
            (false, true) => Rating::Good,
            (false, false) => Rating::Degraded,
        }
    }
}

/// Only the first letter of each of the two words counts.
fn rule(word: &str) -> Option<RatingRule> {
    let mut letters = word.trim_start_matches([' ', '.']).split('.').map(|part| {
        let letter = part.trim_start().bytes().next()?.to_ascii_lowercase();
        Some(if letter == b'n' { b'i' } else { letter })
    });
    let first = letters.next()??;
    match (first, letters.next().flatten()) {
        (b'a' | b'd' | b's', None) => Some((Some(first), None)),
        (b'a' | b'd' | b's', Some(state @ (b'o' | b'i' | b'b' | b'r' | b'e'))) => {
            Some((Some(first), Some(state)))
        }
        (b'o' | b'i' | b'b' | b'r' | b'e', None) => Some((None, Some(first))),
        _ => None,
    }
}
