//! The pool against a small backend.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use crate::exchange::Ping;
use crate::net::pool::*;
use crate::net::waiting::in_thread;

/// A backend that answers each CPING and closes when told so by any other byte.
fn backend() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    let accepting = listener.try_clone().expect("a second handle");
    thread::spawn(move || {
        for stream in accepting.incoming() {
            let Ok(mut stream) = stream else { return };
            thread::spawn(move || {
                let mut ping = [0; 5];
                while stream.read_exact(&mut ping).is_ok() && ping[4] == 0x0a {
                    let _ = stream.write_all(&[0x41, 0x42, 0, 1, 9]);
                }
            });
        }
    });
    (listener, port)
}

fn pool(port: u16, size: Option<usize>) -> Arc<Pool> {
    let options = PoolOptions {
        size,
        most_idle: Some(2),
        min_size: 0,
        idle_timeout: Some(Duration::from_secs(10)),
        connect_timeout: Duration::from_secs(2),
        socket: SocketOptions::default(),
    };
    Arc::new(Pool::new(Endpoint::new("127.0.0.1", port, false), options))
}

/// A CPING of AJP13, as the backend knows it.
const PING: Ping = Ping { question: &[0x12, 0x34, 0, 1, 0x0a], answer: &[0x41, 0x42, 0, 1, 9] };

/// How long a full pool is waited for.
const PATIENCE: Duration = Duration::from_millis(50);

fn connected(pool: &Pool) -> Lease<&Pool> {
    let mut lease =
        in_thread(pool.acquire(Waits::InThread, clock::now(), PATIENCE)).expect("a place");
    if !lease.is_connected() {
        in_thread(lease.connect(Waits::InThread, clock::now())).expect("the backend is there");
    }
    lease
}

#[test]
fn a_released_connection_is_used_again() {
    let (_listener, port) = backend();
    let pool = pool(port, None);
    let lease = connected(&pool);
    assert!(!lease.is_reused());
    lease.release(clock::now());
    assert_eq!(pool.counts(), (1, 0));
    let mut lease = connected(&pool);
    assert!(lease.is_reused());
    in_thread(lease.ping(&PING, Waits::InThread, clock::now(), Duration::from_secs(2)))
        .expect("it still answers");
    drop(lease);
    assert_eq!(pool.counts(), (0, 0), "an unfinished connection is closed");
}

#[test]
fn a_closed_connection_is_not_used() {
    let (_listener, port) = backend();
    let pool = pool(port, None);
    let lease = connected(&pool);
    lease.send(&mut [io::IoSlice::new(b"close")], None).expect("it is open");
    let end = clock::now().plus(Duration::from_secs(2));
    while lease.idle() == Idle::Quiet && clock::now() < end {
        thread::yield_now();
    }
    assert_eq!(lease.idle(), Idle::Closed);
    lease.release(clock::now());
    let lease = in_thread(pool.acquire(Waits::InThread, clock::now(), PATIENCE)).expect("a place");
    assert!(!lease.is_connected());
}

#[test]
fn a_full_pool_waits_and_then_says_so() {
    let (_listener, port) = backend();
    let pool = pool(port, Some(1));
    let lease = connected(&pool);
    let error = in_thread(pool.acquire(Waits::InThread, clock::now(), PATIENCE))
        .expect_err("the only place is taken");
    assert!(error.is_timeout() && error.phase == Phase::Acquire);
    let (begun, begin) = std::sync::mpsc::channel();
    let second = thread::spawn({
        let pool = Arc::clone(&pool);
        move || {
            begun.send(()).expect("the test waits");
            in_thread(pool.acquire(Waits::InThread, clock::now(), PATIENCE))
                .map(|lease| lease.is_connected())
        }
    });
    begin.recv().expect("it begins");
    lease.release(clock::now());
    let got = second.join().expect("no panic");
    assert!(matches!(got, Ok(true)), "the waiter gets the connection: {got:?}");
    assert_eq!(pool.counts().1, 0);
}

#[test]
fn a_connection_with_unread_bytes_is_not_used_again() {
    let (_listener, port) = backend();
    let pool = pool(port, None);
    let mut lease = connected(&pool);
    lease.send(&mut [io::IoSlice::new(&[0x12, 0x34, 0, 1, 0x0a])], None).expect("it is open");
    let end = clock::now().plus(Duration::from_secs(10));
    lease.receive(Some(end)).expect("the backend answers");
    lease.release(clock::now());
    assert_eq!(pool.counts(), (0, 0), "they belong to no request");
}

#[test]
fn idle_connections_grow_old() {
    let (_listener, port) = backend();
    let pool = pool(port, None);
    connected(&pool).release(Millis(0));
    pool.maintain(Millis(10_000));
    assert_eq!(pool.counts(), (1, 0));
    pool.maintain(Millis(10_001));
    assert_eq!(pool.counts(), (0, 0));
}

#[test]
fn no_more_are_kept_than_is_allowed() {
    let (_listener, port) = backend();
    let pool = pool(port, None);
    let three = [connected(&pool), connected(&pool), connected(&pool)];
    three.into_iter().for_each(|lease| lease.release(clock::now()));
    assert_eq!(pool.counts(), (2, 0));
}

#[test]
fn a_refused_connection_names_its_phase() {
    let port = {
        let (listener, port) = (TcpListener::bind("127.0.0.1:0").expect("a port"), 0);
        listener.local_addr().map_or(port, |address| address.port())
    };
    let pool = pool(port, None);
    let mut lease =
        in_thread(pool.acquire(Waits::InThread, clock::now(), PATIENCE)).expect("a place");
    let error = in_thread(lease.connect(Waits::InThread, clock::now())).expect_err("no listener");
    assert_eq!(error.phase, Phase::Connect);
    assert_eq!(error.source.kind(), io::ErrorKind::ConnectionRefused);
}

#[test]
fn an_idle_connection_that_was_closed_is_not_asked() {
    let (_listener, port) = backend();
    let pool = pool(port, None);
    let (closed, open) = (connected(&pool), connected(&pool));
    closed.send(&mut [io::IoSlice::new(b"close")], None).expect("it is open");
    let end = clock::now().plus(Duration::from_secs(10));
    while closed.idle() == Idle::Quiet && clock::now() < end {
        thread::yield_now();
    }
    closed.release(Millis(0));
    open.release(Millis(0));
    let (lease, unsolicited) = pool.take_silent(clock::now(), Duration::ZERO);
    assert_eq!((pool.counts(), unsolicited), ((0, 1), 0), "one is closed, the other one is asked");
    let mut lease = lease.expect("one is open");
    in_thread(lease.ping(&PING, Waits::InThread, clock::now(), Duration::from_secs(10)))
        .expect("it answers");
    lease.keep();
    assert_eq!(pool.counts(), (1, 0));
}
