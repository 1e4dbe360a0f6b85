//! How the load of a member is measured.

use std::sync::atomic::Ordering::Relaxed;

use crate::lb::record::MemberRecord;
use crate::lb::weights::MAX_LOAD;

/// The balancing method, `worker.<lb>.method`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Method {
    /// Fewest requests in flight.
    Busyness,
    /// The same member for the same value of the request, unless it has much more to do than the
    /// others.
    Hash,
    /// Of two members the one with less time times requests in flight.
    LeastTime,
    /// Fewest new sessions; what all have in common is taken away at each decay.
    Next,
    /// Fewest requests.
    #[default]
    Request,
    /// Fewest new sessions.
    Session,
    /// Fewest bytes.
    Traffic,
}

impl Method {
    /// Reads a method. The five of mod_jk go by their first letter or digit, as they always did;
    /// the others are whole words, so that no word has another meaning than it had.
    pub fn from_word(word: &str) -> Option<Self> {
        match word.bytes().next()?.to_ascii_lowercase() {
            b'r' | b'0' => Some(Self::Request),
            b't' | b'1' => Some(Self::Traffic),
            b'b' | b'2' => Some(Self::Busyness),
            b's' | b'3' => Some(Self::Session),
            b'n' | b'4' => Some(Self::Next),
            b'l' if word.eq_ignore_ascii_case("LeastTime") => Some(Self::LeastTime),
            b'h' if word.eq_ignore_ascii_case("Hash") => Some(Self::Hash),
            _ => None,
        }
    }

    /// Returns its name, as the status worker has always shown it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Busyness => "Busyness",
            Self::Hash => "Hash",
            Self::LeastTime => "LeastTime",
            Self::Next => "Next",
            Self::Request => "Request",
            Self::Session => "Sessions",
            Self::Traffic => "Traffic",
        }
    }

    /// Returns the load value as it is shown, and compared by all methods that compare one.
    pub fn load(self, record: &MemberRecord, multiplicity: u64) -> u64 {
        match self {
            Self::Busyness | Self::Hash | Self::LeastTime => {
                u64::from(record.busy.load(Relaxed)).saturating_mul(multiplicity)
            }
            Self::Next | Self::Request | Self::Session | Self::Traffic => {
                record.lb_value.load(Relaxed)
            }
        }
    }

    /// Tells whether load is counted in the record, and not just requests in flight.
    pub fn is_counted(self) -> bool {
        !matches!(self, Self::Busyness | Self::Hash | Self::LeastTime)
    }

    /// Tells whether a request is charged when it is elected.
    pub(super) fn charges(self, is_new_session: bool) -> bool {
        match self {
            Self::Request => true,
            Self::Next | Self::Session => is_new_session,
            // Traffic is charged afterwards; the others are derived from the requests in flight.
            Self::Busyness | Self::Hash | Self::LeastTime | Self::Traffic => false,
        }
    }

    /// Charges the bytes of a finished attempt.
    pub fn charge_traffic(self, record: &MemberRecord, multiplicity: u64, bytes: u64) {
        if self == Self::Traffic {
            add(record, bytes.saturating_mul(multiplicity));
        }
    }
}

/// Adds without ever wrapping to "idle".
pub(super) fn add(record: &MemberRecord, load: u64) {
    let before = record.lb_value.fetch_add(load, Relaxed);
    if before.checked_add(load).is_none_or(|after| after > MAX_LOAD) {
        record.lb_value.store(MAX_LOAD, Relaxed);
    }
}
