//! The pool against a small container.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use super::*;

/// A container that answers each CPING and closes when told so by any other byte.
fn container() -> (TcpListener, u16) {
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
        min_size: 0,
        acquire_timeout: Duration::from_millis(50),
        idle_timeout: Some(Duration::from_secs(10)),
        connect_timeout: Duration::from_secs(2),
        connect_cping: Some(Duration::from_secs(2)),
        socket: SocketOptions::default(),
    };
    Arc::new(Pool::new(Target::new("127.0.0.1", port, false), options))
}

fn connected(pool: &Pool) -> Lease<&Pool> {
    let mut lease = pool.acquire(clock::now()).expect("a place");
    if !lease.is_connected() {
        lease.connect(clock::now()).expect("the container is there");
    }
    lease
}

#[test]
fn s2_1_a_released_connection_is_used_again() {
    let (_listener, port) = container();
    let pool = pool(port, None);
    let lease = connected(&pool);
    assert!(!lease.is_reused());
    lease.release(clock::now());
    assert_eq!(pool.counts(), (1, 0));
    let mut lease = connected(&pool);
    assert!(lease.is_reused());
    lease.cping(clock::now(), Duration::from_secs(2)).expect("it still answers");
    drop(lease);
    assert_eq!(pool.counts(), (0, 0), "an unfinished connection is closed");
}

#[test]
fn s2_6_a_closed_connection_is_not_used() {
    let (_listener, port) = container();
    let pool = pool(port, None);
    let lease = connected(&pool);
    lease.send(&mut [io::IoSlice::new(b"close")], None).expect("it is open");
    let end = clock::now().plus(Duration::from_secs(2));
    while lease.idle() == Idle::Quiet && clock::now() < end {
        thread::yield_now();
    }
    assert_eq!(lease.idle(), Idle::Closed);
    lease.release(clock::now());
    let lease = pool.acquire(clock::now()).expect("a place");
    assert!(!lease.is_connected());
}

#[test]
fn s2_1_a_full_pool_waits_and_then_says_so() {
    let (_listener, port) = container();
    let pool = pool(port, Some(1));
    let lease = connected(&pool);
    let error = pool.acquire(clock::now()).expect_err("the only place is taken");
    assert!(error.is_timeout() && error.phase == Phase::Acquire);
    let (begun, begin) = std::sync::mpsc::channel();
    let second = thread::spawn({
        let pool = Arc::clone(&pool);
        move || {
            begun.send(()).expect("the test waits");
            pool.acquire(clock::now()).map(|lease| lease.is_connected())
        }
    });
    begin.recv().expect("it begins");
    lease.release(clock::now());
    let got = second.join().expect("no panic");
    assert!(matches!(got, Ok(true)), "the waiter gets the connection: {got:?}");
    assert_eq!(pool.counts().1, 0);
}

#[test]
fn s2_7_idle_connections_grow_old() {
    let (_listener, port) = container();
    let pool = pool(port, None);
    connected(&pool).release(Millis(0));
    pool.maintain(Millis(10_000));
    assert_eq!(pool.counts(), (1, 0));
    pool.maintain(Millis(10_001));
    assert_eq!(pool.counts(), (0, 0));
}

#[test]
fn s2_3_a_refused_connection_names_its_phase() {
    let port = {
        let (listener, port) = (TcpListener::bind("127.0.0.1:0").expect("a port"), 0);
        listener.local_addr().map_or(port, |address| address.port())
    };
    let pool = pool(port, None);
    let mut lease = pool.acquire(clock::now()).expect("a place");
    let error = lease.connect(clock::now()).expect_err("nobody listens");
    assert_eq!(error.phase, Phase::Connect);
    assert_eq!(error.source.kind(), io::ErrorKind::ConnectionRefused);
}
