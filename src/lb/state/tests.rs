//! Every state and every event.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;

use crate::lb::state::MemberState::{Error, Force, HalfOpen, Idle, Ok, Recover};
use crate::lb::state::transition::transition;
use crate::lb::state::*;

const POLICY: Policy = Policy {
    recover_time: Duration::from_secs(60),
    error_escalation_time: Duration::from_secs(30),
    max_reply_timeouts: 1,
    alone: None,
};

const STATES: [MemberState; 6] = [Idle, Ok, Recover, Force, Error, HalfOpen];

/// A member that failed at 1 s, now in this state.
fn record(state: MemberState) -> MemberRecord {
    let record = MemberRecord::default();
    record.state.0.store(state as u32, Relaxed);
    record.error_last_ms.0.store(1_000, Relaxed);
    record.error_first_ms.0.store(1_000, Relaxed);
    record
}

fn ended(outcome: Outcome) -> Event {
    Event::Ended { outcome, started: Millis(2_000) }
}

/// What an event makes of each state; `others` can serve.
fn row(event: Event, others: bool, prepare: impl Fn(&MemberRecord)) -> [MemberState; 6] {
    STATES.map(|state| {
        let record = record(state);
        prepare(&record);
        let change = transition(&record, event, &POLICY, || others, Millis(3_000));
        let after = MemberState::of(&record);
        let expected = (after != state).then_some((state, after));
        let change = change.map(|change| (change.before, change.after));
        assert_eq!(change, expected, "{event:?} in {state:?}");
        after
    })
}

#[test]
fn each_event_in_each_state() {
    use Outcome::{
        Broken, ClientError, ConnectFailed, HardStatus, Malformed, OwnFault, Refused, ReplyTimeout,
        SoftStatus, Success,
    };
    type Row = (&'static str, Event, [MemberState; 6]);
    let rows: &[Row] = &[
        ("elected", Event::Elected, [Idle, Ok, HalfOpen, Force, Error, HalfOpen]),
        ("forced", Event::Forced, [Idle, Ok, Recover, Force, Force, HalfOpen]),
        ("success", ended(Success), [Ok; 6]),
        ("a negated status", ended(SoftStatus), [Ok; 6]),
        ("a first refusal", ended(Refused), [Idle, Ok, Recover, Error, Error, Error]),
        ("the client's fault", ended(ClientError), [Idle, Ok, Recover, Error, Error, Recover]),
        ("our own fault", ended(OwnFault), [Idle, Ok, Recover, Error, Error, Recover]),
        ("no connection", ended(ConnectFailed), [Error; 6]),
        ("a status that counts", ended(HardStatus), [Error; 6]),
        ("broken once", ended(Broken), [Idle, Ok, Error, Error, Error, Error]),
        ("malformed", ended(Malformed), [Idle, Ok, Error, Error, Error, Error]),
        ("late once", ended(ReplyTimeout), [Idle, Ok, Error, Error, Error, Error]),
        ("CPING answered", Event::ProbeAnswered, [Idle, Ok, Recover, Recover, Recover, Recover]),
        ("no CPONG", Event::ProbeFailed, [Idle, Ok, Recover, Error, Error, Error]),
        ("recover_time is not over", Event::RecoverTime, STATES),
        ("healthy, as before", Event::HealthPassed, STATES),
        ("unhealthy", Event::HealthFailed, [Error; 6]),
        ("not checked any more", Event::HealthUnchecked, STATES),
        ("recovered", Event::Recovered, [Idle, Ok, Recover, Recover, Recover, Recover]),
        ("counters reset", Event::Reset, [Idle, Idle, Recover, Force, Error, HalfOpen]),
        ("unused", Event::Unused, [Idle, Idle, Recover, Force, Error, HalfOpen]),
    ];
    for (name, event, expected) in rows {
        assert_eq!(row(*event, true, |_| ()), *expected, "case: {name}");
    }
}

#[test]
fn an_unhealthy_member_stays_out_whatever_succeeds() {
    let unhealthy = |record: &MemberRecord| {
        transition(record, Event::HealthUnchecked, &POLICY, || true, Millis(1));
        record.health.0.store(Health::Unhealthy as u32, Relaxed);
    };
    let late = |record: &MemberRecord| {
        unhealthy(record);
        record.error_last_ms.0.store(0, Relaxed);
        record.forced_ms.0.store(0, Relaxed);
    };
    let success = ended(Outcome::Success);
    // In service it is only as the last one; the next check takes it out.
    assert_eq!(row(success, true, unhealthy), [Ok, Ok, Error, Error, Error, Error]);
    assert_eq!(row(success, true, late), [Ok, Ok, Error, Error, Error, Error]);
    assert_eq!(row(success, false, unhealthy), [Ok; 6], "better than no member");
    assert_eq!(row(Event::ProbeAnswered, true, unhealthy), STATES);
    let tried = [Idle, Ok, Recover, Recover, Recover, Recover];
    assert_eq!(row(Event::ProbeAnswered, false, unhealthy), tried);
    assert_eq!(row(Event::Recovered, true, unhealthy), tried);
    let passed = [Idle, Ok, Recover, Force, Recover, HalfOpen];
    assert_eq!(row(Event::HealthPassed, true, unhealthy), passed);
    assert_eq!(row(Event::HealthFailed, false, |_| ()), STATES, "never the last one");
}

#[test]
fn three_refusals_in_a_row_take_a_member_out() {
    let refused = ended(Outcome::Refused);
    let report = |record: &MemberRecord, event, others| {
        transition(record, event, &POLICY, || others, Millis(3_000));
        MemberState::of(record)
    };
    let states = |events: &[Event], others| {
        let record = MemberRecord::default();
        events.iter().map(|event| report(&record, *event, others)).collect::<Vec<_>>()
    };
    assert_eq!(states(&[refused; 4], true), [Idle, Idle, Error, Error]);
    assert_eq!(states(&[refused; 4], false), [Idle; 4], "never the last one");
    let success = Event::Ended { outcome: Outcome::Success, started: Millis(3_000) };
    let between = [refused, refused, success, refused, refused, refused];
    assert_eq!(states(&between, true), [Idle, Idle, Ok, Ok, Ok, Error]);
    // A connection that breaks is no answer.
    let own = ended(Outcome::OwnFault);
    assert_eq!(states(&[refused, own, refused, own, refused], true).last(), Some(&Error));
    let hard = ended(Outcome::HardStatus);
    let answered = [refused, refused, hard, Event::ProbeAnswered, Event::Elected];
    assert_eq!(states(&answered, true).last(), Some(&HalfOpen));

    // Tomcat answers CPING whatever the secret is.
    let record = MemberRecord::default();
    (0..3).for_each(|_| assert_ne!(report(&record, refused, true), HalfOpen));
    assert_eq!(report(&record, Event::ProbeAnswered, true), Error);
    let late = Millis(64_000);
    transition(&record, Event::RecoverTime, &POLICY, || true, late);
    assert_eq!(report(&record, Event::Elected, true), HalfOpen, "one request tries it");
    assert_eq!(report(&record, refused, true), Error);
    // Another process may be another configuration.
    assert_eq!(report(&record, Event::ProbeFailed, true), Error);
    assert_eq!(report(&record, Event::ProbeAnswered, true), Recover);
    assert_eq!(report(&record, Event::Elected, true), HalfOpen);
    assert_eq!(report(&record, success, true), Ok);
    assert_eq!(record.refusals_in_row.get(), 0);
}

#[test]
fn recover_time_ends_error_and_trials_that_nobody_ends() {
    let at = |state, seconds: u64, busy| {
        let record = record(state);
        record.busy.store(busy, Relaxed);
        let now = Millis(1_000 + seconds * 1_000);
        transition(&record, Event::RecoverTime, &POLICY, || true, now);
        MemberState::of(&record)
    };
    assert_eq!(at(Error, 60, 0), Error, "not over");
    assert_eq!(at(Error, 61, 0), Recover);
    assert_eq!(at(Error, 61, 3), Recover, "old requests are no trial");
    assert_eq!(at(HalfOpen, 61, 1), HalfOpen, "its trial is under way");
    assert_eq!(at(HalfOpen, 61, 0), Recover, "its trial is gone");
    assert_eq!(at(Force, 61, 0), Recover);
}

/// What the log says once in an outage follows from the changes of its members' states.
#[test]
fn an_outage_begins_once_and_ends_once() {
    let record = MemberRecord::default();
    let happens = |event, at| transition(&record, event, &POLICY, || true, Millis(at));
    let fails = |at| Event::Ended { outcome: Outcome::ConnectFailed, started: Millis(at) };
    for begun in [10_000, 90_000] {
        let out = happens(fails(begun), begun).expect("it goes out");
        assert!(out.is_outage());
        let mut tries = Vec::new();
        for at in [begun + 1_000, begun + 2_000, begun + 4_000] {
            let change = happens(Event::ProbeAnswered, at).expect("it may be tried");
            tries.push(change.was_tried);
            happens(Event::Elected, at);
            let still = happens(fails(at), at).expect("the trial ends");
            assert!(!still.is_outage() && still.after == Error);
        }
        assert_eq!(tries, [false, true, true]);
        happens(Event::ProbeAnswered, begun + 8_000);
        happens(Event::Elected, begun + 8_000);
        let success = Event::Ended { outcome: Outcome::Success, started: Millis(begun + 8_000) };
        let back = happens(success, begun + 8_100).expect("it is back");
        assert!(back.is_return());
        assert_eq!(back.failing_since, Some(Millis(begun)));
    }
}

#[test]
fn a_number_of_no_state_is_an_error_that_can_end() {
    let record = record(Error);
    record.state.0.store(77, Relaxed);
    assert_eq!(MemberState::of(&record), Error);
    let change = transition(&record, Event::ProbeAnswered, &POLICY, || true, Millis(3_000));
    assert_eq!(change.map(|change| (change.before, change.after)), Some((Error, Recover)));
}

#[test]
fn of_two_children_that_see_the_same_one_causes_the_change() {
    for event in [ended(Outcome::ConnectFailed), Event::Elected, ended(Outcome::Success)] {
        for _ in 0..200 {
            let record = record(Recover);
            let see = || transition(&record, event, &POLICY, || true, Millis(3_000)).is_some();
            let changes = thread::scope(|scope| {
                let threads: Vec<_> = (0..4).map(|_| scope.spawn(see)).collect();
                threads
                    .into_iter()
                    .map(|thread| usize::from(thread.join().expect("no panic")))
                    .sum::<usize>()
            });
            assert_eq!(changes, 1, "{event:?}");
        }
    }
}

#[test]
fn a_success_never_hides_a_failure_that_comes_meanwhile() {
    for round in 0..500 {
        let record = record(HalfOpen);
        let at = Millis(3_000 + round);
        let success = Event::Ended { outcome: Outcome::Success, started: Millis(2_000) };
        let failure = ended(Outcome::ConnectFailed);
        thread::scope(|scope| {
            scope.spawn(|| transition(&record, success, &POLICY, || true, at));
            scope.spawn(|| transition(&record, failure, &POLICY, || true, at));
        });
        assert_eq!(MemberState::of(&record), Error, "the failure is the later one");
        assert_eq!(record.error_last_ms.get(), at.0);
    }
}

/// What failed before an outage was over is no sign of trouble after it.
#[test]
fn a_return_is_dated_with_what_was_counted_before() {
    let record = MemberRecord::default();
    let happens = |event, at: u64| transition(&record, event, &POLICY, || true, Millis(at));
    let ends = |outcome, at: u64| {
        if outcome != Outcome::Success {
            record.note_failure(Millis(at));
        }
        record.used.fetch_add(1, Relaxed);
        happens(Event::Ended { outcome, started: Millis(at) }, at)
    };
    let counts = || {
        let of = |own: &AtomicU64| own.load(Relaxed);
        (of(&record.returned_ms), of(&record.failures_before), of(&record.used_before_return))
    };
    ends(Outcome::Success, 1_000);
    ends(Outcome::Broken, 2_000);
    ends(Outcome::Success, 2_500);
    assert_eq!(counts(), (0, 0, 0), "it was not out");
    assert_eq!(record.failing.begun(), Some(Millis(2_000)));
    ends(Outcome::ConnectFailed, 3_000);
    assert_eq!(record.flapping.begun(), Some(Millis(3_000)));
    for (event, reason) in [
        (Event::ProbeAnswered, ReadmitReason::Answered),
        (Event::Recovered, ReadmitReason::Administrator),
    ] {
        happens(event, 4_000);
        assert_eq!(ReadmitReason::of(&record), Some(reason));
        happens(Event::Elected, 4_000);
    }
    ends(Outcome::Success, 5_000);
    assert_eq!(counts(), (5_000, 2, 5));
    assert_eq!(record.failing.begun(), None);
    ends(Outcome::ConnectFailed, 6_000);
    assert_eq!(record.failing.begun(), Some(Millis(6_000)));
    assert_eq!(record.flapping.begun(), Some(Millis(3_000)), "the same trouble");
    happens(Event::HealthFailed, 7_000);
    happens(Event::HealthFailed, 8_000);
    assert_eq!(record.unhealthy_ms.get(), 7_000, "since the first verdict");
}

/// A worker without a balancer is tried by every request: it is out when two requests in a row have failed,
/// however often each was sent.
#[test]
fn single_failures_of_a_worker_alone_are_no_outages() {
    let record = MemberRecord::default();
    let attempt = |alone, outcome, at: u64| {
        let policy = Policy { alone: Some(alone), max_reply_timeouts: u32::MAX, ..POLICY };
        let event = Event::Ended { outcome, started: Millis(at) };
        transition(&record, event, &policy, || false, Millis(at));
    };
    let ends = |outcome, at| attempt(AloneAttempt::First, outcome, at);
    let seen = |now| (record.outages.get(), downtime(&record, Millis(now)).as_millis());
    for at in [10_000, 20_000, 30_000] {
        for outcome in [Outcome::ConnectFailed, Outcome::Broken, Outcome::Refused] {
            ends(outcome, at);
            // The same request once more.
            attempt(AloneAttempt::Repetition, outcome, at + 100);
            ends(Outcome::Success, at + 500);
        }
    }
    assert_eq!(seen(40_000), (0, 0));
    assert_eq!(record.flapping.begun(), None);
    ends(Outcome::ConnectFailed, 50_000);
    ends(Outcome::Broken, 51_000);
    ends(Outcome::ConnectFailed, 52_000);
    assert_eq!(seen(53_000), (1, 3_000), "since the first of them");
    ends(Outcome::Success, 54_000);
    assert_eq!(seen(90_000), (1, 4_000));
    assert_eq!(record.flapping.begun(), Some(Millis(51_000)));
}

#[test]
fn the_time_out_of_service_adds_up_whatever_brings_a_member_back() {
    let record = MemberRecord::default();
    let happens = |event, at: u64| transition(&record, event, &POLICY, || true, Millis(at));
    let fails = |at| Event::Ended { outcome: Outcome::ConnectFailed, started: Millis(at) };
    let succeeds = |at| Event::Ended { outcome: Outcome::Success, started: Millis(at) };
    let seen = |now| (record.outages.get(), downtime(&record, Millis(now)).as_millis());
    happens(fails(10_000), 10_000);
    assert_eq!(seen(12_000), (1, 2_000), "it is out");
    // A trial that fails goes on with the same outage.
    happens(Event::ProbeAnswered, 13_000);
    happens(Event::Elected, 13_000);
    happens(fails(13_000), 14_000);
    happens(Event::ProbeAnswered, 15_000);
    happens(Event::Elected, 15_000);
    assert_eq!(seen(15_000), (1, 5_000), "a trial is no service");
    happens(succeeds(15_000), 16_000);
    assert_eq!(seen(60_000), (1, 6_000));
    happens(Event::HealthFailed, 70_000);
    happens(Event::HealthPassed, 71_000);
    happens(Event::Elected, 71_000);
    happens(succeeds(71_000), 72_000);
    assert_eq!(seen(99_000), (2, 8_000));
    record.clear_counters(5);
    assert_eq!(seen(99_000), (2, 8_000), "a reset of counters leaves it");
}
