//! Since when, and what a return to service or a trial changes.

use std::time::Duration;

use super::*;
use crate::status::view::CountsSinceReturn;

#[test]
fn whatever_is_wrong_began_at_some_time() {
    type Change = fn(&mut MemberView);
    let cases: &[(&str, Change)] = &[
        ("flapping", |own| {
            own.ajp.recent.outages = 2;
            own.ajp.began = began_with(|own| &mut own.flapping);
        }),
        ("failing", |own| {
            (own.ajp.recent.attempts, own.ajp.recent.failures) = (10, 5);
            own.ajp.began = began_with(|own| &mut own.failing);
        }),
        ("slow", |own| {
            own.ajp.recent.first_byte.buckets[14] = 20;
            own.ajp.began = began_with(|own| &mut own.slow);
        }),
        ("at its limit", |own| {
            (own.ajp.limit, own.ajp.busy) = (Some(5), 5);
            own.ajp.began = began_with(|own| &mut own.full);
        }),
        ("unhealthy in service", |own| {
            (own.health, own.unhealthy_since) = (Some(Health::Unhealthy), outage());
        }),
        // Before the first request that failed by it.
        ("without an address", |own| {
            own.ajp.began = began_with(|own| &mut own.no_address);
            own.ajp.error_time = Some((Moment::at(1_700_000_070, 0), 5));
            own.state = MemberState::Error;
        }),
        ("without an address, and a request failed at once", |own| {
            own.ajp.began = began_with(|own| &mut own.no_address);
            own.ajp.error_time = Some((Moment::at(1_700_000_001, 0), 75));
            own.state = MemberState::Error;
        }),
    ];
    for (name, change) in cases {
        let lb = with(change);
        assert_eq!(of_members(&lb)[0].1.since, outage(), "{name}");
        assert_eq!(of_balancer(&lb).since, outage(), "{name}: the balancer");
    }
    // What is over is no longer told.
    let lb = with(|own| own.ajp.began = began_with(|own| &mut own.failing));
    assert_eq!(of_members(&lb)[0].1.since, None);
    let mut lb = balancer(vec![member("a"), member("b"), member("c")]);
    for (own, ago) in lb.members.iter_mut().zip([500, 75, 900]) {
        own.activation = Activation::Disabled;
        own.activated_at = Some((Moment::at(1_700_000_000 - ago, 0), ago));
    }
    let own = of_balancer(&lb);
    assert_eq!((own.condition, own.since.map(|own| own.1)), (Condition::Out, Some(75)));
}

#[test]
fn failures_before_the_latest_return_do_not_count() {
    let after = |attempts, failures| {
        let lb = with(|own| {
            (own.ajp.recent.attempts, own.ajp.recent.failures) = (100, 40);
            own.ajp.recent.span = Duration::from_secs(300);
            let span = Duration::from_secs(20);
            own.ajp.since_return = Some(CountsSinceReturn { attempts, failures, span });
        });
        of_members(&lb)[0].1.clone()
    };
    assert_eq!(after(30, 0).condition, Condition::Serving, "it has served well since");
    assert_eq!(after(30, 1).condition, Condition::Serving);
    let own = after(30, 3);
    let span = Duration::from_secs(20);
    assert_eq!(own.reasons, [Reason::Failing { failed: 3, attempts: 30, span }]);
    // After a reset fewer attempts than failures may be known.
    let own = after(0, 3);
    assert_eq!(own.reasons, [Reason::Failing { failed: 3, attempts: 3, span }]);
}

#[test]
fn one_that_is_tried_without_a_sign_says_what_brings_it_back() {
    let of = |state, began| {
        let lb = with(|own| {
            tried(own, ReadmitReason::RecoverTime);
            own.state = state;
            own.ajp.last_failure = Some(FailureDetail::CpingByHttp);
            (own.ajp.error_time, own.ajp.began) = (outage(), began);
        });
        let own = of_members(&lb)[0].1.clone();
        assert_eq!((own.condition, own.since), (Condition::Out, outage()), "{state:?}");
        (own.reasons, own.way_back)
    };
    let failed = vec![Reason::Failed(Some(FailureDetail::CpingByHttp))];
    assert_eq!(of(MemberState::Recover, None), (failed.clone(), Some(WayBack::NextRequest)));
    assert_eq!(of(MemberState::HalfOpen, None), (failed, Some(WayBack::RequestNow)));
    let failed = vec![Reason::Failed(Some(FailureDetail::NoAddress))];
    let began = || began_with(|own| &mut own.no_address);
    assert_eq!(of(MemberState::Error, began()), (failed.clone(), Some(WayBack::Address)));
    assert_eq!(of(MemberState::Idle, began()), (failed, Some(WayBack::Address)));
    let ajp = WorkerView { began: began(), ..WorkerView::default() };
    let own = of_worker(&ajp);
    assert_eq!((own.condition, own.since), (Condition::Out, outage()));
    assert_eq!(own.way_back, Some(WayBack::Address));
}

#[test]
fn the_outage_of_a_balancer_begins_with_its_last_member() {
    let mut lb = balancer(vec![member("a"), member("b")]);
    for (own, ago) in lb.members.iter_mut().zip([500, 75]) {
        own.state = MemberState::Error;
        own.ajp.error_time = Some((Moment::at(1_700_000_000 - ago, 0), ago));
    }
    assert_eq!(of_balancer(&lb).since.map(|(_, ago)| ago), Some(75));
    lb.members[1].state = MemberState::Ok;
    assert_eq!(of_balancer(&lb).since.map(|(_, ago)| ago), Some(500), "degraded since then");
}
