//! Every kind of failure, and what follows from it.

use crate::lb::retry_policy::*;

/// A GET that a backend took over a new connection and did not answer.
const LOST: FailedDelivery<'static> = FailedDelivery {
    stage: Stage::Sent,
    is_stale: false,
    fault: Fault::Backend,
    method: b"GET",
    options: None,
    is_body_not_replayable: false,
    is_sticky: false,
    answers_cping: Some(true),
    has_others: true,
    is_late: false,
};

const STALE: FailedDelivery<'static> = FailedDelivery { is_stale: true, ..LOST };

const REFUSED: FailedDelivery<'static> = FailedDelivery { stage: Stage::NotSent, ..LOST };

fn post(failed: FailedDelivery<'static>) -> FailedDelivery<'static> {
    FailedDelivery { method: b"POST", ..failed }
}

fn with(options: u32, failed: FailedDelivery<'static>) -> FailedDelivery<'static> {
    FailedDelivery { options: Some(options), ..failed }
}

/// Runs failures in turn, with as much budget as is wanted, and returns the decisions.
fn run(mut policy: RetryPolicy, failures: &[FailedDelivery<'_>]) -> Vec<Next> {
    failures.iter().map(|failed| policy.failed(failed, || true)).collect()
}

#[test]
fn a_delivered_request_goes_on_by_method_and_options() {
    type Case = (&'static str, Stage, &'static str, Option<u32>, bool, bool);
    use Stage::{Begun, NotSent, Sent};
    let cases: &[Case] = &[
        ("refused", NotSent, "POST", None, false, true),
        ("refused, bit 1", NotSent, "POST", Some(1), false, true),
        ("half a packet", Begun, "POST", None, false, true),
        ("half a packet, bit 1", Begun, "POST", Some(1), false, true),
        ("GET lost", Sent, "GET", None, false, true),
        ("PUT lost", Sent, "PUT", None, false, true),
        ("POST lost", Sent, "POST", None, false, false),
        ("PATCH lost", Sent, "PATCH", None, false, false),
        ("lower case get", Sent, "get", None, false, false),
        ("POST, explicit 0", Sent, "POST", Some(0), false, true),
        ("GET, bit 1", Sent, "GET", Some(1), false, false),
        ("GET, 1 and 16", Sent, "GET", Some(17), false, true),
        ("HEAD, 1 and 16", Sent, "HEAD", Some(17), false, false),
        ("HEAD, 1 and 8", Sent, "HEAD", Some(9), false, true),
        ("GET, 27", Sent, "GET", Some(27), false, true),
        ("HEAD, 27", Sent, "HEAD", Some(27), false, true),
        ("POST, 27", Sent, "POST", Some(27), false, false),
        ("bit 2 alone", Sent, "POST", Some(2), false, true),
        ("body gone", Sent, "PUT", Some(0), true, false),
        ("body gone, refused", NotSent, "PUT", Some(0), true, false),
    ];
    for (name, stage, method, options, is_body_not_replayable, goes_on) in cases {
        let failed = FailedDelivery {
            stage: *stage,
            method: method.as_bytes(),
            options: *options,
            is_body_not_replayable: *is_body_not_replayable,
            ..LOST
        };
        let next = run(RetryPolicy::balanced(2, 2), &[failed]);
        let expected = if *goes_on { Next::AnotherMember } else { Next::GiveUp };
        assert_eq!(next, [expected], "case: {name}");
        // A broken idle connection changes where it goes, not whether it does.
        let next = run(RetryPolicy::balanced(2, 2), &[FailedDelivery { is_stale: true, ..failed }]);
        let expected = match (goes_on, stage) {
            (true, NotSent) => Next::ReplaceConnection,
            (true, _) => Next::ReplaceAfterCping,
            (false, _) => Next::GiveUp,
        };
        assert_eq!(next, [expected], "case: {name}, stale");
        if *stage == Stage::Sent && !is_body_not_replayable {
            let is_kept = may_execute_again(failed.method, *options);
            assert_eq!(is_kept, *goes_on, "case: {name}, kept");
        }
    }
}

#[test]
fn one_count_of_deliveries_for_connections_and_members() {
    use Next::{AnotherMember, GiveUp, Pause, ReplaceAfterCping, ReplaceConnection};
    type Case = (&'static str, RetryPolicy, Vec<FailedDelivery<'static>>, Vec<Next>);
    let (one, two, four) =
        (RetryPolicy::single(2), RetryPolicy::balanced(2, 2), RetryPolicy::balanced(4, 2));
    let begun = FailedDelivery { stage: Stage::Begun, ..LOST };
    let cases: Vec<Case> = vec![
        ("stale, then lost", two, vec![STALE, LOST], vec![ReplaceAfterCping, GiveUp]),
        ("lost, then stale", two, vec![LOST, STALE], vec![AnotherMember, GiveUp]),
        (
            "stale, then refused, then lost",
            two,
            vec![STALE, REFUSED, LOST],
            vec![ReplaceAfterCping, AnotherMember, GiveUp],
        ),
        (
            "closed before a byte was sent",
            two,
            vec![FailedDelivery { is_stale: true, ..REFUSED }, LOST, LOST],
            vec![ReplaceConnection, AnotherMember, GiveUp],
        ),
        ("half a packet counts", two, vec![begun, LOST], vec![AnotherMember, GiveUp]),
        ("a stale POST", two, vec![post(STALE)], vec![GiveUp]),
        ("single: stale, then lost", one, vec![STALE, LOST], vec![ReplaceConnection, GiveUp]),
        ("single: lost", one, vec![LOST], vec![GiveUp]),
        ("single: refused twice", one, vec![REFUSED, REFUSED], vec![Pause, GiveUp]),
        (
            "single, explicit 0",
            one,
            vec![with(0, post(LOST)), with(0, post(LOST))],
            vec![Pause, GiveUp],
        ),
        (
            "single, explicit 0, stale",
            one,
            vec![with(0, STALE), with(0, LOST)],
            vec![ReplaceConnection, GiveUp],
        ),
        (
            "explicit 0: as many as members",
            four,
            vec![with(0, post(LOST)); 4],
            vec![AnotherMember, AnotherMember, AnotherMember, GiveUp],
        ),
        (
            "explicit 0: idle connections add none",
            four,
            vec![with(0, STALE), with(0, LOST), with(0, STALE), with(0, LOST)],
            vec![ReplaceAfterCping, AnotherMember, ReplaceAfterCping, GiveUp],
        ),
    ];
    for (name, policy, failures, expected) in cases {
        assert_eq!(run(policy, &failures), expected, "case: {name}");
    }
}

#[test]
fn a_new_connection_must_answer_before_it_gets_the_last_delivery() {
    use Next::{AnotherMember, ReplaceAfterCping, ReplaceConnection};
    let mute = FailedDelivery { answers_cping: Some(false), ..STALE };
    let alone = FailedDelivery { has_others: false, ..STALE };
    let cases = [
        ("it answers CPINGs", STALE, ReplaceAfterCping),
        ("not known", FailedDelivery { answers_cping: None, ..STALE }, ReplaceAfterCping),
        ("it answers none", mute, AnotherMember),
        ("a session", FailedDelivery { is_sticky: true, ..STALE }, ReplaceAfterCping),
        ("its own session", FailedDelivery { is_sticky: true, ..mute }, ReplaceConnection),
        ("no other member", alone, ReplaceConnection),
        ("nothing was sent", FailedDelivery { stage: Stage::NotSent, ..STALE }, ReplaceConnection),
    ];
    for (name, failed, expected) in cases {
        assert_eq!(run(RetryPolicy::balanced(2, 2), &[failed]), [expected], "case: {name}");
        assert_eq!(run(RetryPolicy::single(2), &[failed]), [ReplaceConnection], "case: {name}");
    }
}

#[test]
fn repetitions_come_out_of_the_budget() {
    let next = |failed: &FailedDelivery<'_>| {
        let mut asked = 0;
        let mut policy = RetryPolicy::balanced(2, 2);
        let next = policy.failed(failed, || {
            asked += 1;
            false
        });
        (next, asked)
    };
    assert_eq!(next(&LOST), (Next::GiveUp, 1));
    assert_eq!(next(&STALE), (Next::GiveUp, 1), "a broken idle connection too");
    assert_eq!(next(&REFUSED), (Next::AnotherMember, 0), "it cost no backend anything");
    assert_eq!(next(&post(LOST)), (Next::GiveUp, 0), "nothing is spent for nothing");
}

#[test]
fn a_request_ends_for_other_reasons() {
    let client = FailedDelivery { fault: Fault::Client, ..REFUSED };
    let late = FailedDelivery { is_late: true, ..REFUSED };
    let no_place = FailedDelivery { fault: Fault::NoPlace, ..REFUSED };
    for policy in [RetryPolicy::single(2), RetryPolicy::balanced(2, 2)] {
        assert_eq!(run(policy, &[client]), [Next::GiveUp]);
        assert_eq!(run(policy, &[late]), [Next::GiveUp]);
        assert_eq!(run(policy, &[FailedDelivery { is_stale: true, ..late }]), [Next::GiveUp]);
    }
    assert_eq!(run(RetryPolicy::single(2), &[no_place]), [Next::GiveUp], "it has waited");
    assert_eq!(run(RetryPolicy::balanced(2, 2), &[no_place]), [Next::AnotherMember]);
}

#[test]
fn a_session_waits_once_for_room() {
    let full = FailedDelivery { fault: Fault::Full, ..REFUSED };
    let sticky = FailedDelivery { is_sticky: true, ..full };
    let two = RetryPolicy::balanced(2, 2);
    assert_eq!(run(two, &[full]), [Next::AnotherMember]);
    assert_eq!(run(two, &[sticky, sticky]), [Next::WaitForRoom, Next::AnotherMember]);
    assert_eq!(run(RetryPolicy::single(2), &[full]), [Next::GiveUp]);
}

#[test]
fn a_pause_must_be_able_to_change_something() {
    let mut policy = RetryPolicy::balanced(2, 2);
    assert_eq!(policy.refused(false, false), Next::GiveUp);
    assert_eq!(policy.refused(true, true), Next::GiveUp);
    assert_eq!(policy.refused(true, false), Next::Pause);
    assert_eq!(policy.refused(true, false), Next::GiveUp, "two turns");
}
