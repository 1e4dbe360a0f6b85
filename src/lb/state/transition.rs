//! The one place that changes a member's state.

use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};

use crate::clock::Millis;
use crate::lb::record::MemberRecord;
use crate::lb::state::step::StateStep;
use crate::lb::state::{Event, MemberState, Policy, StateChange};

/// Books an event. `others_serve` tells whether another member can serve, which is asked only where
/// it matters. Returns the change of state, if this event caused one: of several children that see
/// the same, one gets it.
pub fn transition(
    record: &MemberRecord,
    event: Event,
    policy: &Policy,
    others_serve: impl Fn() -> bool,
    now: Millis,
) -> Option<StateChange> {
    let step = StateStep::of(record, event, policy, now);
    loop {
        // Acquire: what was written before the state is seen with it, such as the verdict of the
        // health check that took the member out.
        let number = record.state.0.load(Acquire);
        let before = MemberState::numbered(number);
        let failed = record.error_last_ms.get();
        let after = step.next(record, before, failed, policy, &others_serve, now);
        let is_same = after == before;
        let (number_after, state) = (after as u32, &record.state.0);
        if !is_same && state.compare_exchange(number, number_after, AcqRel, Relaxed).is_err() {
            // Another event came first, so what this one means may have changed.
            continue;
        }
        // Before it is settled, which ends a run of failures.
        let (first, tried) = (record.error_first_ms.get(), record.recovered_ms.get());
        step.settle(record, (before, after), failed, !is_same, policy, now);
        return (!is_same).then_some(StateChange {
            before,
            after,
            failing_since: (first != 0).then_some(Millis(first)),
            was_tried: first != 0 && tried > first,
        });
    }
}
