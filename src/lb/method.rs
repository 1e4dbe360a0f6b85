//! How the load of a member is measured.

use std::sync::atomic::Ordering::Relaxed;

use crate::shm::layout::MemberRecord;

/// The balancing method, `worker.<lb>.method`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Method {
    /// Fewest requests in flight.
    Busyness,
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
    /// Reads a method as mod_jk does: by its first letter or digit.
    pub fn from_word(word: &str) -> Option<Self> {
        match word.bytes().next()?.to_ascii_lowercase() {
            b'r' | b'0' => Some(Self::Request),
            b't' | b'1' => Some(Self::Traffic),
            b'b' | b'2' => Some(Self::Busyness),
            b's' | b'3' => Some(Self::Session),
            b'n' | b'4' => Some(Self::Next),
            _ => None,
        }
    }

    /// Returns the load by which members are compared.
    pub(super) fn load(self, record: &MemberRecord, multiplicity: u64) -> u64 {
        match self {
            Self::Busyness => u64::from(record.busy.load(Relaxed)).saturating_mul(multiplicity),
            _ => record.lb_value.load(Relaxed),
        }
    }

    /// Charges a request about to be sent.
    pub(super) fn charge(self, record: &MemberRecord, multiplicity: u64, is_new_session: bool) {
        match self {
            Self::Request => add(record, multiplicity),
            Self::Next | Self::Session if is_new_session => add(record, multiplicity),
            // Busyness is derived from the requests in flight, Traffic is charged afterwards.
            Self::Busyness | Self::Next | Self::Session | Self::Traffic => {}
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
fn add(record: &MemberRecord, load: u64) {
    let before = record.lb_value.fetch_add(load, Relaxed);
    if before.checked_add(load).is_none() {
        record.lb_value.store(u64::MAX / 2, Relaxed);
    }
}
