//! What a health check's verdict does to a member of a balancer.

use std::sync::atomic::Ordering::Relaxed;

use crate::lb::MemberState;
use crate::shm::layout::MemberRecord;

/// What the health check says of a member.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u32)]
pub enum Health {
    /// Nothing yet, or there is none.
    #[default]
    Unknown = 0,
    /// Enough good answers in a row.
    Well = 1,
    /// Enough bad ones.
    Ill = 2,
}

impl Health {
    /// Returns what was said last.
    pub fn of(record: &MemberRecord) -> Self {
        match record.health.load(Relaxed) {
            1 => Self::Well,
            2 => Self::Ill,
            _ => Self::Unknown,
        }
    }

    /// Keeps it for all children.
    pub fn keep(self, record: &MemberRecord) {
        record.health.store(self as u32, Relaxed);
    }

    /// Returns its word on the status page.
    pub fn word(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Well => "well",
            Self::Ill => "ill",
        }
    }
}

/// Tells whether a member that is ill must stay out: as long as another one can serve. A check that
/// fails everywhere is more likely wrong itself, and whoever is left is better than nobody.
pub fn may_be_spared(records: &[&MemberRecord], index: usize) -> bool {
    let serves = |record: &MemberRecord| {
        matches!(
            MemberState::of(record),
            MemberState::Idle | MemberState::Ok | MemberState::Recover
        ) && Health::of(record) != Health::Ill
    };
    records.iter().enumerate().any(|(place, record)| place != index && serves(record))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_one_is_not_spared() {
        use Health::{Ill, Unknown, Well};
        use MemberState::{Error, Force, Idle, Ok, Probe, Recover};

        let cases = [
            (Ok, Well, true),
            (Idle, Unknown, true),
            (Recover, Unknown, true),
            (Ok, Ill, false),
            (Error, Well, false),
            (Force, Unknown, false),
            (Probe, Unknown, false),
        ];
        for (state, health, expected) in cases {
            let (own, other) = (MemberRecord::default(), MemberRecord::default());
            other.state.store(state as u32, Relaxed);
            health.keep(&other);
            assert_eq!(Health::of(&other), health);
            assert_eq!(may_be_spared(&[&own, &other], 0), expected, "{state:?} {health:?}");
            assert!(!may_be_spared(&[&own], 0), "there is no other");
        }
    }
}
