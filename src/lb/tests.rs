//! Elections and states over plain memory, as a balancer cannot tell it from a shared segment.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use crate::clock::Millis;
use crate::lb::*;

struct Bench {
    balancer: Balancer,
    record: BalancerRecord,
    records: Vec<MemberRecord>,
}

impl Bench {
    fn new(method: Method, factors: &[u32]) -> Self {
        let members = multiplicities(factors)
            .into_iter()
            .enumerate()
            .map(|(index, multiplicity)| Member {
                name: format!("n{index}"),
                multiplicity,
                distance: 0,
                route: format!("n{index}"),
                domain: String::new(),
                redirect: String::new(),
                activation: Activation::Active,
            })
            .collect();
        let policy = Policy {
            recover_time: Duration::from_secs(60),
            error_escalation_time: Duration::from_secs(30),
            max_reply_timeouts: 0,
            alone: None,
        };
        let slow_start = Duration::ZERO;
        let (sticky_session, sticky_session_force) = (true, false);
        let rules =
            ElectionRules { method, sticky_session, sticky_session_force, slow_start, policy };
        let balancer = Balancer::new(members, &rules);
        let records = factors.iter().map(|_| MemberRecord::default()).collect();
        Self { balancer, record: BalancerRecord::default(), records }
    }

    /// Changes members as a configuration would.
    fn configure(&mut self, change: impl FnOnce(&mut [Member])) {
        let Balancer { method, slow_start_ms, policy, .. } = self.balancer;
        let slow_start = Duration::from_millis(slow_start_ms);
        let Balancer { sticky_session, sticky_session_force, .. } = self.balancer;
        let mut members = self.balancer.members.clone();
        change(&mut members);
        let rules =
            ElectionRules { method, sticky_session, sticky_session_force, slow_start, policy };
        self.balancer = Balancer::new(members, &rules);
    }

    fn elect(&self, session: &str, tried: &[usize]) -> Result<usize, NoMember> {
        let query = Query { session_ids: session.as_bytes(), tried, ..Query::default() };
        let now = Millis(10_000);
        let records: Vec<_> = self.records.iter().collect();
        self.balancer.elect(&self.record, &records, &query, now).map(|chosen| chosen.member)
    }

    /// Books how an attempt ended.
    fn end(&self, member: usize, outcome: Outcome, started: u64, now: u64) {
        let records: Vec<_> = self.records.iter().collect();
        let event = Event::Ended { outcome, started: Millis(started) };
        self.balancer.report(&records, member, event, Millis(now));
    }

    fn fail(&self, member: usize, outcome: Outcome) {
        Balancer::leave(&self.records[member]);
        self.end(member, outcome, 9_000, 10_000);
    }
}

#[test]
fn shares_follow_the_multiplicities() {
    assert_eq!(multiplicities(&[2, 3, 1]), [3, 2, 6]);
    assert_eq!(multiplicities(&[1, 1]), [1, 1]);
    let huge = multiplicities(&[4_294_967_291, 4_294_967_279, 65_537]);
    assert!(huge.iter().all(|multiplicity| *multiplicity > 0), "{huge:?}");
}

#[test]
fn requests_are_shared_by_weight() {
    let bench = Bench::new(Method::Request, &[2, 3, 1]);
    for _ in 0..600 {
        let member = bench.elect("", &[]).expect("all are fine");
        Balancer::leave(&bench.records[member]);
    }
    let used: Vec<_> = bench.records.iter().map(|record| record.used.load(Relaxed)).collect();
    assert_eq!(used, [200, 300, 100]);
}

#[test]
fn busyness_counts_requests_in_flight() {
    let bench = Bench::new(Method::Busyness, &[1, 1, 1]);
    let first = bench.elect("", &[]).expect("idle");
    let second = bench.elect("", &[]).expect("idle");
    let third = bench.elect("", &[]).expect("idle");
    assert_eq!([first, second, third], [0, 1, 2], "each takes the idlest");
    Balancer::leave(&bench.records[1]);
    assert_eq!(bench.elect("", &[]), Ok(1));
}

#[test]
fn sessions_count_only_when_new() {
    let bench = Bench::new(Method::Session, &[1, 1]);
    assert_eq!(bench.elect("X.n0", &[]), Ok(0));
    assert_eq!(bench.records[0].lb_value.load(Relaxed), 0);
    assert_eq!(bench.elect("", &[]), Ok(0));
    assert_eq!(bench.elect("", &[]), Ok(1));
}

#[test]
fn sessions_stay_with_their_member() {
    let mut bench = Bench::new(Method::Request, &[1, 1, 1]);
    bench.configure(|members| members[2].activation = Activation::Disabled);
    for _ in 0..3 {
        assert_eq!(bench.elect("X.n1", &[]), Ok(1));
        assert_eq!(bench.elect("X.n2", &[]), Ok(2), "a disabled member keeps its sessions");
    }
    assert_ne!(bench.elect("", &[]), Ok(2), "and gets no new ones");
    assert_eq!(bench.elect("X.other;Y.n1", &[]), Ok(1), "the second id counts too");
    bench.fail(1, Outcome::ConnectFailed);
    assert_eq!(bench.elect("X.n1", &[]), Ok(0), "its sessions move");
    bench.balancer.sticky_session_force = true;
    assert_eq!(bench.elect("X.n1", &[]), Ok(1), "only it can help, so it is tried");
    assert_eq!(bench.elect("X.n1", &[]), Err(NoMember::StickyForced), "once a second");
    assert!(bench.elect("X.unknown", &[]).is_ok(), "a foreign route binds to no member");
}

#[test]
fn redirect_and_domain_serve_the_session_of_a_failed_member() {
    let mut bench = Bench::new(Method::Request, &[1, 1, 1]);
    bench.configure(|members| {
        members[0].redirect = "n2".to_owned();
        members[1].domain = "dom".to_owned();
        members[2].activation = Activation::Disabled;
    });
    bench.fail(0, Outcome::ConnectFailed);
    assert_eq!(bench.elect("X.n0", &[]), Ok(2), "to the hot standby");
    assert_eq!(bench.elect("X.dom.gone", &[]), Ok(1), "to the domain");
    bench.fail(1, Outcome::ConnectFailed);
    assert_eq!(bench.elect("", &[]), Ok(2), "the standby takes everything");
}

#[test]
fn distance_comes_first() {
    let mut bench = Bench::new(Method::Request, &[1, 1]);
    bench.configure(|members| members[0].distance = 1);
    for _ in 0..5 {
        assert_eq!(bench.elect("", &[]), Ok(1));
    }
    bench.fail(1, Outcome::ConnectFailed);
    assert_eq!(bench.elect("", &[]), Ok(0));
}

#[test]
fn each_outcome_changes_the_state_as_it_must() {
    use MemberState::{Error, Ok};
    let cases: &[(&str, &[Outcome], MemberState)] = &[
        ("success", &[Outcome::Success], Ok),
        ("refused", &[Outcome::Success, Outcome::ConnectFailed], Error),
        ("one broken connection", &[Outcome::Success, Outcome::Broken], Ok),
        ("two in a row", &[Outcome::Success, Outcome::Broken, Outcome::Broken], Error),
        ("malformed twice", &[Outcome::Success, Outcome::Malformed, Outcome::Malformed], Ok),
        ("client error", &[Outcome::Success, Outcome::ClientError], Ok),
        ("client error proves nothing", &[Outcome::ConnectFailed, Outcome::ClientError], Error),
        ("hard status", &[Outcome::Success, Outcome::HardStatus], Error),
        ("soft status", &[Outcome::Success, Outcome::SoftStatus], Ok),
        ("reply timeout", &[Outcome::Success, Outcome::ReplyTimeout], Error),
        ("no descriptors left", &[Outcome::Success, Outcome::OwnFault], Ok),
    ];
    for (name, outcomes, expected) in cases {
        let bench = Bench::new(Method::Request, &[1]);
        for outcome in *outcomes {
            bench.fail(0, *outcome);
        }
        assert_eq!(MemberState::of(&bench.records[0]), *expected, "case: {name}");
    }
}

#[test]
fn escalation_is_at_once() {
    let mut bench = Bench::new(Method::Request, &[1]);
    bench.fail(0, Outcome::Broken);
    assert_eq!(MemberState::of(&bench.records[0]), MemberState::Idle, "one may be bad luck");
    bench = Bench::new(Method::Request, &[1]);
    bench.balancer.policy.error_escalation_time = Duration::ZERO;
    bench.fail(0, Outcome::Broken);
    assert_eq!(MemberState::of(&bench.records[0]), MemberState::Error);
}

#[test]
fn an_old_success_does_not_hide_a_new_error() {
    let bench = Bench::new(Method::Request, &[1]);
    let record = &bench.records[0];
    bench.end(0, Outcome::ConnectFailed, 100, 200);
    bench.end(0, Outcome::Success, 150, 300);
    assert_eq!(MemberState::of(record), MemberState::Error);
    bench.end(0, Outcome::Success, 250, 300);
    assert_eq!(MemberState::of(record), MemberState::Ok);
}

#[test]
fn equal_members_take_turns_with_a_thousand_too() {
    let bench = Bench::new(Method::Request, &[1; 1_000]);
    for round in 0..2 {
        for expected in 0..1_000 {
            assert_eq!(bench.elect("", &[]), Ok(expected), "round {round}");
        }
    }
}

#[test]
fn elections_at_once_spread() {
    for method in [Method::Request, Method::Session, Method::Next, Method::Busyness] {
        let bench = Bench::new(method, &[1, 2, 5]);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..2_000).for_each(|_| assert!(bench.elect("", &[]).is_ok())));
            }
        });
        let used: Vec<_> = bench.records.iter().map(|record| record.used.load(Relaxed)).collect();
        for (used, expected) in used.iter().zip([1_000, 2_000, 5_000]) {
            assert!(used.abs_diff(expected) <= 8, "{method:?}: {used} for {expected}");
        }
    }
}
