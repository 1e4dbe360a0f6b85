use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use super::*;
use crate::clock;

/// A request that waits for its backend.
struct Request {
    ticket: Ticket,
    backend: UnixStream,
    own: UnixStream,
}

impl Request {
    fn new(gate: &Gate) -> Self {
        let (backend, own) = UnixStream::pair().expect("two sockets");
        Self { ticket: gate.bell().enter().expect("a descriptor"), backend, own }
    }

    fn park(&mut self) {
        let wanted = Some((self.backend.as_raw_fd(), Interest::Read));
        self.ticket.park(wanted).expect("there is room");
    }

    fn is_open(&self) -> bool {
        is_readable(self.ticket.door())
    }
}

/// The gate's thread is as fast as the machine lets it be.
fn until(is_so: impl Fn() -> bool) {
    let end = clock::now().plus(Duration::from_secs(60));
    while !is_so() {
        assert!(clock::now() < end, "it never comes");
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_door_opens_when_the_socket_is_ready() {
    let gate = Gate::start(4, None).expect("a thread");
    let mut request = Request::new(&gate);
    for _ in 0..3 {
        request.park();
        assert!(!request.is_open());
        request.own.write_all(b"x").expect("there is room");
        until(|| request.is_open());
        assert!(!request.ticket.take(), "its client is there");
        assert!(!request.is_open());
        let mut byte = [0];
        std::io::Read::read_exact(&mut request.backend, &mut byte).expect("a byte");
    }
    gate.stop();
}

#[test]
fn the_end_of_the_client_is_told_once() {
    let gate = Gate::start(4, None).expect("a thread");
    let mut request = Request::new(&gate);
    let (client, own_client) = UnixStream::pair().expect("two sockets");
    request.park();
    request.ticket.watch_client(client.as_raw_fd(), false);
    (&own_client).write_all(b"a request behind this one").expect("there is room");
    assert!(!request.is_open(), "what the client sends is not for us");
    drop(own_client);
    until(|| request.is_open());
    assert!(request.ticket.take());
    request.park();
    request.ticket.watch_client(client.as_raw_fd(), false);
    assert!(!request.is_open() && !request.ticket.take());
    request.ticket.leave_client();
    gate.stop();
}

#[test]
fn what_happens_while_a_thread_has_the_request_opens_its_door_when_it_is_parked() {
    let gate = Gate::start(4, None).expect("a thread");
    let bell = gate.bell();
    bell.wake_by_ref();
    let mut ticket = bell.enter().expect("a descriptor");
    ticket.park(None).expect("there is room");
    assert!(is_readable(ticket.door()));
    assert!(!ticket.take());
    bell.wake_by_ref();
    assert!(!is_readable(ticket.door()), "it is not parked");
    ticket.park(None).expect("there is room");
    assert!(is_readable(ticket.door()));
    ticket.take();
    ticket.park(None).expect("there is room");
    assert!(!is_readable(ticket.door()), "it was told");
    drop(ticket);
    bell.wake();
    gate.stop();
}

#[test]
fn no_more_doors_are_open_at_once_than_may_be_and_all_open() {
    let gate = Gate::start(6, None).expect("a thread");
    let mut requests: Vec<_> = (0..100).map(|_| Request::new(&gate)).collect();
    requests.iter_mut().for_each(Request::park);
    for request in &mut requests {
        request.own.write_all(b"x").expect("there is room");
    }
    let open = |all: &[Request]| all.iter().filter(|own| own.is_open()).count();
    let mut ended = 0;
    while !requests.is_empty() {
        until(|| open(&requests) == 3.min(requests.len()));
        let is_open = |own: &Request| own.is_open();
        let first = requests.iter().position(is_open).expect("one is open");
        // Some end while they are parked, whether their door is open or not.
        match ended % 3 {
            0 => drop(requests.remove(first)),
            1 => drop(requests.pop()),
            _ => assert!(!requests.remove(first).ticket.take()),
        }
        ended += 1;
    }
    assert_eq!(ended, 100);
    let state = gate.shared.state.lock();
    assert_eq!((state.open, state.visits.len()), (0, 0));
    drop(state);
    gate.stop();
}

#[test]
fn requests_go_on_in_the_order_in_which_they_were_woken() {
    let gate = Gate::start(2, None).expect("a thread");
    let bells: Vec<_> = (0..20).map(|_| gate.bell()).collect();
    let mut tickets: Vec<_> =
        bells.iter().map(|bell| bell.enter().expect("a descriptor")).collect();
    tickets.iter_mut().for_each(|ticket| ticket.park(None).expect("there is room"));
    bells.iter().rev().for_each(Wake::wake_by_ref);
    while let Some(mut last) = tickets.pop() {
        assert!(is_readable(last.door()));
        last.take();
    }
    gate.stop();
}

#[test]
fn a_door_that_httpd_has_closed_is_not_used_again() {
    let gate = Gate::start(2, None).expect("a thread");
    let mut lost = Request::new(&gate);
    lost.park();
    lost.ticket.forget_door();
    let door = lost.ticket.door();
    drop(lost);
    let mut next = Request::new(&gate);
    assert_ne!(next.ticket.door(), door);
    next.park();
    next.own.write_all(b"x").expect("there is room");
    until(|| next.is_open());
    gate.stop();
}

#[test]
fn an_answer_that_is_there_when_the_request_is_parked_opens_its_door() {
    let gate = Gate::start(4, None).expect("a thread");
    let answered = || {
        let request = Request::new(&gate);
        (&request.own).write_all(b"x").expect("there is room");
        request
    };
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        // The gate's thread is awake when the answer of the other one comes.
        scope.spawn(|| {
            let mut other = answered();
            while !is_over.load(Relaxed) {
                other.park();
                other.ticket.take();
            }
        });
        let mut request = answered();
        let opens = (0..30_000).all(|_| {
            request.park();
            let end = clock::now().plus(Duration::from_secs(20));
            while !request.is_open() && clock::now() < end {
                thread::yield_now();
            }
            let is_open = request.is_open();
            request.ticket.take();
            is_open
        });
        is_over.store(true, Relaxed);
        assert!(opens, "it never opens");
    });
    gate.stop();
}

#[test]
fn a_door_that_the_system_has_no_room_for_opens_at_the_next_occasion() {
    let gate = Gate::start(4, None).expect("a thread");
    let bells = [gate.bell(), gate.bell()];
    let mut tickets = bells.each_ref().map(|bell| bell.enter().expect("a descriptor"));
    tickets.iter_mut().for_each(|ticket| ticket.park(None).expect("there is room"));
    let replace = |door| {
        let mut state = gate.shared.state.lock();
        let visit = state.visits.get_mut(&bells[0].number).expect("it is parked");
        std::mem::replace(&mut visit.door, door)
    };
    let full = Arc::new(WaitSet::new().expect("a descriptor"));
    full.forget();
    let door = replace(full);
    bells[0].wake_by_ref();
    assert!(!is_readable(tickets[0].door()));
    replace(door);
    bells[1].wake_by_ref();
    assert!(tickets.iter().all(|ticket| is_readable(ticket.door())));
    drop(tickets);
    assert_eq!(gate.shared.state.lock().open, 0);
    gate.stop();
}

#[test]
fn the_last_descriptors_are_for_requests_that_hold_a_thread() {
    let reserve = 4 * OF_A_THREAD + OF_A_CHILD;
    let enter = |descriptors| {
        let gate = Gate::start(4, Some(descriptors)).expect("a thread");
        let entered = gate.bell().enter().map(drop).map_err(|error| error.raw_os_error());
        gate.stop();
        entered
    };
    assert_eq!(enter(reserve), Err(Some(libc::EMFILE)));
    assert_eq!(enter(reserve + 1_000_000), Ok(()));
}
