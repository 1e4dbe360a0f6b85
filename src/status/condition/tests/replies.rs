//! What replies say of one that fails no request, and what an administrator is told to do.

use std::time::Duration;

use super::*;

/// A member with so many replies lately, and so many of them with a status 5xx.
fn replying(own: &mut MemberView, replies: u64, errors: u64) {
    (own.ajp.recent.attempts, own.ajp.recent.server_errors) = (replies, errors);
    own.ajp.recent.first_byte.buckets[2] = replies;
    own.ajp.recent.span = Duration::from_secs(60);
    own.ajp.began = began_with(|own| &mut own.erring);
}

#[test]
fn an_application_that_answers_5xx_is_degraded() {
    for (replies, errors, is_degraded) in [
        (0, 0, false),
        (4, 4, false),
        (5, 5, true),
        (100, 5, true),
        (101, 5, false),
        (900, 90, true),
    ] {
        let lb = with(|own| replying(own, replies, errors));
        let own = of_members(&lb)[0].1.clone();
        let worker = of_worker(&lb.members[0].ajp);
        for own in [own, worker] {
            assert_eq!(own.condition == Condition::Degraded, is_degraded, "{errors} of {replies}");
            assert_eq!(own.since, if is_degraded { outage() } else { None });
        }
    }
    let own = of_members(&with(|own| replying(own, 100, 40)))[0].1.clone();
    assert!(own.text().starts_with(
        "its application answered 40 of 100 requests with a status 5xx within the last 60 s; since "
    ));
    assert!(own.remedy().is_some_and(|own| own.starts_with("see the application's log")));
    assert_eq!(own.about_replies(), Some(own.clone()));
}

#[test]
fn one_that_begins_no_reply_is_degraded() {
    let silent = |own: &mut MemberView| {
        (own.ajp.waiting, own.ajp.busy) = (7, 9);
        own.ajp.began = began_with(|own| &mut own.silent);
    };
    let lb = with(silent);
    let own = of_members(&lb)[0].1.clone();
    assert_eq!((own.condition, own.since.clone()), (Condition::Degraded, outage()));
    assert_eq!(own.reasons, [Reason::Silent(7)]);
    assert_eq!(of_worker(&lb.members[0].ajp).condition, Condition::Degraded);
    assert_eq!(of_balancer(&lb).since, outage());
    assert!(own.remedy().is_some_and(|own| own.starts_with("take a thread dump")));
    // Of one that is out that is said elsewhere.
    let out = with(|own| {
        silent(own);
        own.state = MemberState::Error;
    });
    assert_eq!(of_members(&out)[0].1.about_replies(), None);
    assert_eq!(of_members(&with(|_| ()))[0].1.about_replies(), None);
}

#[test]
fn one_that_comes_back_again_and_again_is_not_to_be_started() {
    let flapping = |latest: FailureDetail| {
        let lb = with(|own| {
            own.ajp.recent.outages = 2;
            own.ajp.last_failure = Some(latest);
            own.ajp.began = began_with(|own| &mut own.flapping);
        });
        of_members(&lb)[0].1.remedy().unwrap_or_default()
    };
    let remedy = flapping(FailureDetail::ConnectionRefused);
    assert!(remedy.contains("why it stops and comes back"), "{remedy}");
    // A cause that only the configuration ends stays the one to look at.
    assert_eq!(flapping(FailureDetail::Forbidden), FailureDetail::Forbidden.remedy());
}

#[test]
fn a_balancer_without_members_names_only_what_helps() {
    type Change = fn(&mut MemberView);
    let stop: Change = |own| own.activation = Activation::Stopped;
    let fail: Change = |own| own.state = MemberState::Error;
    let remedy = |first: Change, second: Change| {
        let mut lb = with(first);
        second(&mut lb.members[1]);
        let own = of_balancer(&lb);
        assert_eq!((own.condition, own.reasons.len()), (Condition::Out, 1), "{}", own.text());
        own.remedy().unwrap_or_default()
    };
    assert!(remedy(stop, stop).starts_with("activate a member"));
    assert!(!remedy(stop, stop).contains("repair"));
    assert!(!remedy(fail, fail).contains("activate"));
    let both = remedy(stop, fail);
    assert!(both.contains("activate") && both.contains("repair"), "{both}");
}
