use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;

use super::*;

#[test]
fn a_request_that_waits_in_its_thread_after_all_is_not_counted_as_parked() {
    static PARKED: AtomicU32 = AtomicU32::new(0);
    let gate = Box::leak(Box::new(Gate::start(2, None).expect("a thread")));
    let parking = Parking::new(Duration::ZERO, gate);
    let waits = Waits::Parked(&parking);
    waits.count_with_worker(|| Tally { total: &PARKED, share: None });
    let mut pause = pin!(waits.pause(Duration::from_millis(1)));
    let mut poll = || pause.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready();
    assert!(!poll());
    assert_eq!(PARKED.load(Relaxed), 1);
    parking.wait_in_thread();
    assert_eq!(PARKED.load(Relaxed), 0);
    while !poll() {
        parking.wait_in_thread();
        parking.go_on();
    }
    assert_eq!(PARKED.load(Relaxed), 0);
}

#[test]
fn a_turn_is_waited_for_only_while_no_thread_is_held() {
    let gate = Box::leak(Box::new(Gate::start(2, None).expect("a thread")));
    let parking = Parking::new(Duration::ZERO, gate);
    let (given, missed) = (Turn::default(), Turn::default());
    let mut context = Context::from_waker(Waker::noop());
    {
        let mut waited = pin!(Waits::Parked(&parking).turn_while_parked(&given));
        assert!(waited.as_mut().poll(&mut context).is_pending());
        parking.go_on();
        assert!(waited.as_mut().poll(&mut context).is_pending(), "woken by something else");
        given.give();
        parking.go_on();
        assert!(matches!(waited.as_mut().poll(&mut context), Poll::Ready(Ok(true))));
    }
    let mut waited = pin!(Waits::Parked(&parking).turn_while_parked(&missed));
    assert!(waited.as_mut().poll(&mut context).is_pending());
    parking.wait_in_thread();
    parking.go_on();
    assert!(matches!(waited.as_mut().poll(&mut context), Poll::Ready(Ok(false))));
    assert!(matches!(in_thread(Waits::InThread.turn_while_parked(&missed)), Ok(false)));
}

#[test]
fn a_turn_is_given_once_and_missed_at_the_deadline() {
    let turn = Turn::default();
    assert!(!turn.wait(clock::now()), "it was not given");
    std::thread::scope(|scope| {
        scope.spawn(|| turn.give());
        assert!(turn.wait(clock::now().plus(Duration::from_secs(60))));
    });
    assert!(turn.is_given() && turn.wait(clock::now()), "late is as good");
}

#[test]
fn a_request_whose_client_has_left_waits_for_nothing_more() {
    let gate = Box::leak(Box::new(Gate::start(2, None).expect("a thread")));
    let parking = Parking::new(Duration::ZERO, gate);
    let waits = Waits::Parked(&parking);
    let hour = Duration::from_secs(3600);
    let mut pauses = pin!(async { (waits.pause(hour).await, waits.pause(hour).await) });
    let mut context = Context::from_waker(Waker::noop());
    assert!(pauses.as_mut().poll(&mut context).is_pending());
    parking.client_left();
    parking.go_on();
    let left = |paused: io::Result<()>| paused.is_err_and(|why| why.get_ref().is_some());
    match pauses.as_mut().poll(&mut context) {
        Poll::Ready((first, next)) => assert!(left(first) && left(next)),
        Poll::Pending => panic!("its client has left"),
    }
    gate.stop();
}
