mod replies;
mod since;

use std::sync::Arc;

use crate::config::LbConfig;
use crate::lb::{MemberState, ReadmitReason};
use crate::messages::FailureDetail;
use crate::metrics::{BUCKETS_US, Estimate, HistogramTotals};
use crate::status::condition::*;
use crate::status::view::{Beginnings, Moment};

fn member(name: &str) -> MemberView {
    MemberView {
        ajp: WorkerView { name: name.to_owned(), ..WorkerView::default() },
        config: crate::config::MemberConfig::default().into(),
        activation: Activation::Active,
        state: MemberState::Ok,
        lbmult: 1,
        lbvalue: 0,
        sessions: 0,
        time_to_recover_min: 0,
        time_to_recover_max: 0,
        recent_sessions: 0,
        last_session_ago: None,
        health: None,
        health_status: 0,
        health_detail: None,
        last_check: None,
        unhealthy_since: None,
        readmitted: None,
        activated_at: None,
        foreign_routes: 0,
    }
}

fn of_balancer(lb: &BalancerView) -> Assessment {
    of_assessed(lb, &of_members(lb))
}

fn balancer(members: Vec<MemberView>) -> BalancerView {
    let config = LbConfig { probe: true, ..LbConfig::default() };
    BalancerView { name: "lb".to_owned(), config: Arc::new(config), members, ..Default::default() }
}

/// Two members that serve; the first one changed.
fn with(change: impl FnOnce(&mut MemberView)) -> BalancerView {
    let mut first = member("a");
    change(&mut first);
    balancer(vec![first, member("b")])
}

/// Out of service before, and to be tried.
fn tried(own: &mut MemberView, why: ReadmitReason) {
    (own.state, own.readmitted) = (MemberState::Recover, Some(why));
    own.ajp.last_failure = Some(FailureDetail::ConnectionRefused);
}

/// One thing that began at the time of [`outage`].
fn began_with(of: fn(&mut Beginnings) -> &mut Option<Since>) -> Option<Box<Beginnings>> {
    let mut began = Box::<Beginnings>::default();
    *of(&mut began) = outage();
    Some(began)
}

fn outage() -> Option<(Moment, i64)> {
    Some((Moment::at(1_700_000_000, 0), 75))
}

#[test]
fn each_member_has_one_condition() {
    use Condition::{Degraded, Disabled, Drained, Draining, Out, Serving, Stopped};
    type Change = fn(&mut MemberView);
    let cases: &[(&str, Change, Condition)] = &[
        ("untouched", |_| (), Serving),
        ("idle", |own| own.state = MemberState::Idle, Serving),
        ("in error", |own| own.state = MemberState::Error, Out),
        ("to be tried", |own| tried(own, ReadmitReason::Answered), Degraded),
        ("to be tried as it is healthy", |own| tried(own, ReadmitReason::Health), Degraded),
        ("recover_time is over", |own| tried(own, ReadmitReason::RecoverTime), Out),
        ("recovered by hand", |own| tried(own, ReadmitReason::Administrator), Out),
        (
            "answers CPING as before",
            |own| {
                tried(own, ReadmitReason::Answered);
                own.ajp.last_failure = Some(FailureDetail::Forbidden);
            },
            Out,
        ),
        (
            "tried as no other serves",
            |own| {
                tried(own, ReadmitReason::Answered);
                own.state = MemberState::Force;
            },
            Out,
        ),
        (
            "its name has no address",
            |own| own.ajp.began = began_with(|own| &mut own.no_address),
            Out,
        ),
        ("stopped", |own| own.activation = Activation::Stopped, Stopped),
        (
            "stopped and in error",
            |own| (own.activation, own.state) = (Activation::Stopped, MemberState::Error),
            Stopped,
        ),
        ("disabled in the file", |own| own.activation = Activation::Disabled, Disabled),
        (
            "disabled with a session",
            |own| (own.activation, own.last_session_ago) = (Activation::Disabled, Some(60)),
            Draining,
        ),
        (
            "disabled with a request in flight",
            |own| (own.activation, own.ajp.busy) = (Activation::Disabled, 1),
            Draining,
        ),
        (
            "disabled after its last session",
            |own| (own.activation, own.last_session_ago) = (Activation::Disabled, Some(1_801)),
            Drained,
        ),
        (
            "drained, and its Tomcat stopped for the update",
            |own| {
                (own.activation, own.last_session_ago) = (Activation::Disabled, Some(1_801));
                own.state = MemberState::Error;
            },
            Drained,
        ),
        (
            "down while its sessions come back",
            |own| {
                (own.activation, own.last_session_ago) = (Activation::Disabled, Some(60));
                own.state = MemberState::Error;
            },
            Out,
        ),
        ("refusing", |own| own.ajp.is_refusing = true, Degraded),
        (
            "unhealthy, and in service as the others are out",
            |own| own.health = Some(Health::Unhealthy),
            Degraded,
        ),
        ("flapping", |own| own.ajp.recent.outages = 2, Degraded),
        ("out once, and back", |own| own.ajp.recent.outages = 1, Serving),
        ("failing", |own| (own.ajp.recent.attempts, own.ajp.recent.failures) = (60, 3), Degraded),
        (
            "failing seldom",
            |own| (own.ajp.recent.attempts, own.ajp.recent.failures) = (61, 3),
            Serving,
        ),
        (
            "failing twice",
            |own| (own.ajp.recent.attempts, own.ajp.recent.failures) = (2, 2),
            Serving,
        ),
        ("at its limit", |own| (own.ajp.limit, own.ajp.busy) = (Some(5), 5), Degraded),
        ("below its limit", |own| (own.ajp.limit, own.ajp.busy) = (Some(5), 4), Serving),
    ];
    for (name, change, expected) in cases {
        let lb = with(change);
        let all = of_members(&lb);
        assert_eq!(all[0].1.condition, *expected, "{name}: {:?}", all[0].1);
        assert_eq!(all[1].1.condition, Serving, "{name}: the other one");
        let has_reason = matches!(expected, Out | Degraded);
        assert_eq!(!all[0].1.reasons.is_empty(), has_reason, "{name}: {:?}", all[0].1.reasons);
    }
}

#[test]
fn slow_is_slower_than_the_others_or_too_long_for_anyone() {
    // Buckets of 250 ms, 1 s and 30 s, with the number of replies in each.
    let p95 = |place: usize, count: u64| {
        let mut times = HistogramTotals::default();
        times.buckets[place] = count;
        times
    };
    let (quarter, second, half_minute) = (8, 10, 14);
    let cases = [
        ("as the other", quarter, quarter, 20, Condition::Serving),
        ("four times the other", second, quarter, 20, Condition::Degraded),
        ("too few to tell", second, quarter, 19, Condition::Serving),
        ("both equally long", half_minute, half_minute, 20, Condition::Degraded),
        ("faster", quarter, second, 20, Condition::Serving),
    ];
    for (name, own, other, count, expected) in cases {
        let mut lb = with(|member| member.ajp.recent.first_byte = p95(own, count));
        lb.members[1].ajp.recent.first_byte = p95(other, count);
        assert_eq!(of_members(&lb)[0].1.condition, expected, "{name}");
        // No bound of a bucket is told as if it had been measured.
        let text = of_members(&lb)[0].1.text();
        let bounds = [own, other].map(|bucket| BUCKETS_US[bucket] / 1_000);
        let is_bound = |text: &str| bounds.iter().any(|ms| text.contains(&format!("{ms} ms")));
        assert!(!is_bound(&text), "{name}: {text}");
        assert_eq!(text.contains("about "), expected == Condition::Degraded, "{name}: {text}");
    }
}

#[test]
fn an_outage_says_why_since_when_and_what_ends_it() {
    let error = |own: &mut MemberView| {
        own.state = MemberState::Error;
        own.ajp.error_time = outage();
        own.ajp.last_failure = Some(FailureDetail::CpingTimeout);
        own.time_to_recover_min = 40;
    };
    let assessed = |lb: &BalancerView| of_members(lb)[0].1.clone();
    let lb = with(error);
    let own = assessed(&lb);
    assert_eq!(own.since, outage());
    assert_eq!(own.reasons, [Reason::Failed(Some(FailureDetail::CpingTimeout))]);
    assert!(own.reasons[0].text().ends_with("(JK-304)"), "{}", own.reasons[0].text());
    assert_eq!(own.way_back, Some(WayBack::ProbeOrRequest(40)));

    // Nothing but an answer to a probe ends it once recover_time has passed, or if it is unreachable.
    let mut held = lb.clone();
    held.members[0].time_to_recover_min = 0;
    assert_eq!(assessed(&held).way_back, Some(WayBack::Probe));
    let mut unreachable = lb.clone();
    unreachable.members[0].ajp.last_failure = Some(FailureDetail::ConnectionRefused);
    assert_eq!(assessed(&unreachable).way_back, Some(WayBack::Probe));

    let mut without_probe = lb.clone();
    Arc::make_mut(&mut without_probe.config).probe = false;
    assert_eq!(assessed(&without_probe).way_back, Some(WayBack::Request(40)));
    without_probe.members[0].time_to_recover_min = 0;
    assert_eq!(assessed(&without_probe).way_back, Some(WayBack::NextRequest));

    let mut unhealthy = lb.clone();
    (unhealthy.members[0].health, unhealthy.members[0].health_status) =
        (Some(Health::Unhealthy), 503);
    let own = assessed(&unhealthy);
    assert_eq!(own.reasons, [Reason::Unhealthy(503, None)]);
    assert_eq!(own.way_back, Some(WayBack::HealthCheck));
    unhealthy.members[1].state = MemberState::Error;
    let own = assessed(&unhealthy);
    assert_eq!(own.way_back, Some(WayBack::EverySecond), "no other member serves");

    let mut refused = lb.clone();
    (refused.members[0].ajp.is_refusing, refused.members[0].ajp.refusals_in_row) = (true, 3);
    assert_eq!(
        assessed(&refused).reasons,
        [Reason::Refusing(3, Some(FailureDetail::CpingTimeout))]
    );
    assert_eq!(assessed(&refused).way_back, Some(WayBack::Request(40)));
}

#[test]
fn a_balancer_without_a_member_for_new_sessions_is_out_and_says_so_first() {
    type Change = fn(&mut MemberView);
    let cases: &[(&str, Change, Condition)] = &[
        ("serving", |_| (), Condition::Serving),
        ("disabled", |own| own.activation = Activation::Disabled, Condition::Out),
        ("stopped", |own| own.activation = Activation::Stopped, Condition::Out),
        ("in error", |own| own.state = MemberState::Error, Condition::Out),
        ("refusing", |own| own.ajp.is_refusing = true, Condition::Out),
        ("about to be proved", |own| tried(own, ReadmitReason::Answered), Condition::Degraded),
        ("tried without a sign", |own| tried(own, ReadmitReason::RecoverTime), Condition::Out),
    ];
    for (name, change, expected) in cases {
        let mut lb = balancer(vec![member("a"), member("b")]);
        lb.members.iter_mut().for_each(change);
        let own = of_balancer(&lb);
        assert_eq!(own.condition, *expected, "all {name}");
        let is_first = matches!(own.reasons.first(), Some(Reason::NoNewSessions { .. }));
        assert_eq!(is_first, *expected == Condition::Out, "all {name}: {:?}", own.reasons);
    }
    let own = of_balancer(&with(|own| own.state = MemberState::Error));
    assert_eq!(own.condition, Condition::Degraded);
    assert_eq!(own.reasons[0].text(), "1 of 2 active members is out");
    let own = of_balancer(&with(|own| own.activation = Activation::Stopped));
    assert_eq!(own.condition, Condition::Serving, "as the administrator wants it");
    let own = of_balancer(&balancer(Vec::new()));
    assert_eq!(own.condition, Condition::Out, "without members");
}

#[test]
fn a_balancer_without_a_member_for_new_sessions_counts_why() {
    let mut lb = balancer(vec![member("a"), member("b"), member("c"), member("d")]);
    lb.members[0].activation = Activation::Disabled;
    lb.members[1].activation = Activation::Stopped;
    lb.members[2].state = MemberState::Error;
    lb.members[3].ajp.is_refusing = true;
    assert_eq!(
        of_balancer(&lb).reasons[0].text(),
        "no member takes new sessions: 1 is out, 1 is refusing all requests, 1 is disabled, 1 is stopped"
    );
    let none = of_balancer(&balancer(Vec::new()));
    assert_eq!(none.reasons[0].text(), "no member takes new sessions: there is none");
}

#[test]
fn one_that_is_tried_or_flaps_names_its_latest_failure() {
    let closed = Some(FailureDetail::ConnectionClosed);
    let reasons = |change: fn(&mut MemberView), last_failure| {
        let lb = with(|own| {
            change(own);
            own.ajp.last_failure = last_failure;
        });
        of_members(&lb)[0].1.clone()
    };
    let tried: fn(&mut MemberView) =
        |own| (own.state, own.readmitted) = (MemberState::Recover, Some(ReadmitReason::Health));
    let flapping: fn(&mut MemberView) = |own| own.ajp.recent.outages = 2;
    let latest = Reason::LatestFailure(FailureDetail::ConnectionClosed);
    assert_eq!(reasons(tried, closed).reasons, [Reason::OnTrial, latest.clone()]);
    assert_eq!(reasons(flapping, closed).reasons[0], latest);
    // It answers again: what to do when it cannot be reached would be wrong advice.
    let refused = Some(FailureDetail::ConnectionRefused);
    assert_eq!(reasons(tried, refused).reasons, [Reason::OnTrial]);
    let refuses = |state: MemberState| {
        let lb = with(|own| {
            (own.state, own.ajp.is_refusing) = (state, true);
            own.readmitted = Some(ReadmitReason::Health);
        });
        of_members(&lb)[0].1.reasons.contains(&Reason::KeptInService)
    };
    assert!(refuses(MemberState::Ok), "no other member can serve");
    assert!(!refuses(MemberState::Recover), "another one serves: it was out");
    assert!(reasons(|_| (), closed).reasons.is_empty(), "one failure is no trouble");
}

#[test]
fn a_worker_alone_counts() {
    let of = |failures_in_row, is_refusing, failures| {
        let mut ajp = WorkerView {
            failures_in_row,
            is_refusing,
            refusals_in_row: 7,
            error_time: outage(),
            last_failure: Some(FailureDetail::ConnectionClosed),
            ..WorkerView::default()
        };
        (ajp.recent.attempts, ajp.recent.failures) = (10, failures);
        of_worker(&ajp)
    };
    assert_eq!(of(0, false, 0), bare(Condition::Serving));
    assert_eq!(of(1, false, 1).condition, Condition::Serving, "one failure may be one request");
    let failed = of(2, false, 0);
    assert_eq!((failed.condition, failed.since), (Condition::Out, outage()));
    assert_eq!(failed.reasons, [Reason::Failed(Some(FailureDetail::ConnectionClosed))]);
    assert_eq!(failed.way_back, Some(WayBack::EveryRequest));
    assert_eq!(
        of(0, true, 0).reasons,
        [Reason::Refusing(7, Some(FailureDetail::ConnectionClosed))]
    );
    let failing = of(0, false, 5);
    assert_eq!(failing.condition, Condition::Degraded);
    assert_eq!(failing.reasons[0], Reason::LatestFailure(FailureDetail::ConnectionClosed));
    assert_eq!(failing.remedy(), Some(FailureDetail::ConnectionClosed.remedy()));
}

#[test]
fn what_is_wrong_has_a_remedy() {
    let of = |reasons: Vec<Reason>| {
        let condition = Condition::Degraded;
        Assessment { condition, reasons, since: None, way_back: None }.remedy()
    };
    let forbidden = FailureDetail::Forbidden;
    for reason in [Reason::Failed(Some(forbidden)), Reason::Refusing(3, Some(forbidden))] {
        assert_eq!(of(vec![Reason::OnTrial, reason]), Some(forbidden.remedy()));
    }
    assert_eq!(of(vec![Reason::OnTrial]), None, "waiting is all there is");
    let span = std::time::Duration::from_secs(300);
    for reason in [
        Reason::NoNewSessions { disabled: 1, stopped: 1, out: 0, refusing: 0 },
        Reason::Failed(None),
        Reason::Unhealthy(0, None),
        Reason::Unhealthy(0, Some(forbidden)),
        Reason::Unhealthy(503, None),
        Reason::Refusing(3, None),
        Reason::KeptInService,
        Reason::Failing { failed: 5, attempts: 10, span },
        Reason::Flapping { times: 2, span },
        Reason::Slow { p95: Some(Estimate::About(9_000_000)), others: None },
        Reason::AtBusyLimit(5),
        Reason::OutOfThreads(5),
        Reason::AtAdaptiveLimit(5),
    ] {
        let text = of(vec![reason.clone()]).unwrap_or_default();
        assert!(!text.is_empty() && !text.ends_with('.'), "{reason:?}: {text}");
    }
    assert!(Reason::OutOfThreads(1).text().contains("hold 1 thread of httpd"));
}

#[test]
fn every_condition_has_a_word_of_its_own() {
    let words: std::collections::BTreeSet<_> =
        Condition::ALL.iter().map(|own| own.word()).collect();
    assert_eq!(words.len(), Condition::ALL.len());
    assert!(Condition::ALL.is_sorted(), "the most urgent comes first");
}
