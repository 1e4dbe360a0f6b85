//! Members that answer pings and then fail the requests that try them.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::clock::Millis;
use crate::lb::MemberRecord;

/// How often members were let back by a ping since a request to them last succeeded, by their
/// places.
///
/// Each time costs a request, which may be one that cannot be repeated. So the pings that would let
/// such a member back wait longer and longer.
#[derive(Clone, Debug, Default)]
pub struct Relapses {
    /// When the run of failures began, and the count.
    of: BTreeMap<usize, (Millis, u32)>,
}

impl Relapses {
    /// Books that an answer to a ping has let a member back.
    pub fn recovered(&mut self, record_index: usize, record: &MemberRecord) {
        let count = self.count(record_index, record).saturating_add(1);
        self.of.insert(record_index, (run(record), count));
    }

    /// Returns how long a member in error is not to be asked, from the moment its failure was seen.
    pub fn pause(&mut self, record_index: usize, record: &MemberRecord) -> Duration {
        match self.count(record_index, record) {
            0 => {
                self.of.remove(&record_index);
                Duration::ZERO
            }
            count => FIRST.saturating_mul(1 << (count - 1).min(8)).min(LONGEST),
        }
    }

    /// A success ends a run of failures, and what was counted in it.
    fn count(&self, record_index: usize, record: &MemberRecord) -> u32 {
        let known = self.of.get(&record_index).filter(|(begun, _)| *begun == run(record));
        known.map_or(0, |(_, count)| *count)
    }
}

fn run(record: &MemberRecord) -> Millis {
    Millis(record.error_first_ms.get())
}

const FIRST: Duration = Duration::from_millis(500);

/// A member whose requests succeed again is back within this time.
const LONGEST: Duration = Duration::from_secs(8);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::TEST_POLICY;
    use crate::lb::{Event, Outcome, transition};

    #[test]
    fn pauses_grow_until_a_request_succeeds() {
        let (record, mut relapses) = (MemberRecord::default(), Relapses::default());
        let happens = |event, at| transition(&record, event, &TEST_POLICY, || true, Millis(at));
        let ended = |outcome, at| Event::Ended { outcome, started: Millis(at) };
        let mut pauses = Vec::new();
        for at in 1..=8 {
            happens(ended(Outcome::Broken, at), at);
            pauses.push(relapses.pause(3, &record).as_millis());
            assert_eq!(relapses.pause(4, &record), Duration::ZERO, "another member");
            happens(Event::ProbeAnswered, at);
            relapses.recovered(3, &record);
        }
        assert_eq!(pauses, [0, 500, 1_000, 2_000, 4_000, 8_000, 8_000, 8_000]);
        happens(ended(Outcome::Success, 20), 20);
        happens(ended(Outcome::Broken, 30), 30);
        assert_eq!(relapses.pause(3, &record), Duration::ZERO, "that is another run of failures");
    }
}
