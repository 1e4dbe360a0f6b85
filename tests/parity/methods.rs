//! The original as judge of elections: the same requests, begun and ended in the same order, go to
//! the same members. Each method has 10,000 elections with weights, distances, sessions with and
//! without a member, and up to six requests in flight.
//!
//! One exception: Traffic has one request at a time, as it counts here what is under way (Better:
//! a slow member must not look idle).

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use mod_jk::clock::Millis;
use mod_jk::lb::{
    Balancer, BalancerRecord, Event, MemberRecord, MemberState, Method, Outcome, Query, transition,
};

use crate::oracle;
use crate::recorder::take;
use crate::support::backend::{ok, packet};
use crate::support::balancer::Plain;
use crate::support::client::Client;
use crate::support::httpd::{Httpd, Setup};
use crate::support::skip;

/// Name and factor.
const MEMBERS: [(&str, u32); 5] = [("a", 2), ("b", 3), ("c", 1), ("d", 7), ("e", 1)];

/// Returns how far a member is: with some methods all are alike, with others the last is farther.
fn distance(method: Method, member: usize) -> i32 {
    i32::from(member == 4 && matches!(method, Method::Request | Method::Session))
}

const ELECTIONS: usize = 10_000;

/// A request that has come to a backend and is held there.
struct Arrived {
    member: usize,
    /// Bytes of its packet.
    size: u64,
    /// Takes the reply.
    release: Sender<Vec<u8>>,
}

/// Starts a backend that tells of each request and holds it.
fn backend(member: usize, arrivals: Sender<Arrived>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let arrivals = arrivals.clone();
            thread::spawn(move || hold(stream, member, &arrivals));
        }
    });
    port
}

fn hold(mut stream: TcpStream, member: usize, arrivals: &Sender<Arrived>) {
    while let Some(payload) = take(&mut stream) {
        let reply = if payload[0] == 2 {
            let (release, replies) = channel();
            let size = payload.len() as u64 + 4;
            if arrivals.send(Arrived { member, size, release }).is_err() {
                return;
            }
            let Ok(reply) = replies.recv() else { return };
            reply
        } else {
            packet(&[9])
        };
        if stream.write_all(&reply).is_err() {
            return;
        }
    }
}

/// httpd with the original in front of the backends, and clients that each have one request.
struct Original {
    _httpd: Httpd,
    arrivals: Receiver<Arrived>,
    clients: Vec<(Sender<String>, Receiver<()>)>,
}

impl Original {
    fn start(method: Method, module: PathBuf) -> Self {
        let (sender, arrivals) = channel();
        let mut workers = format!(
            "worker.list=lb\nworker.maintain=36000\nworker.lb.type=lb\nworker.lb.method={method:?}\n"
        );
        let distance = |member| distance(method, member);
        for (index, (name, factor)) in MEMBERS.iter().enumerate() {
            let port = backend(index, sender.clone());
            workers += &format!(
                "worker.lb.balance_workers={name}\nworker.{name}.host=127.0.0.1\nworker.{name}.port={port}\n\
                 worker.{name}.lbfactor={factor}\nworker.{name}.distance={}\n",
                distance(index)
            );
        }
        let config = "JkMount /app/* lb\nJkLogLevel error\nJkShmFile @DIR@/shm\nKeepAlive On\n\
                      MaxKeepAliveRequests 0\nStartServers 1\nServerLimit 1\nThreadsPerChild 25\n\
                      MaxRequestWorkers 25\nMinSpareThreads 1\nMaxSpareThreads 25\n";
        let name = format!("methods-{method:?}");
        let setup = Setup { name: &name, mpm: "event", config, workers: &workers };
        let httpd = setup.start_with(Some(module));
        let port = httpd.port;
        let client = |_| {
            let (send, paths) = channel::<String>();
            let (done, ends) = channel();
            thread::spawn(move || {
                let mut client = Client::connect(port);
                for cookie in paths {
                    let response = client.request("GET", "/app/x", &[("Cookie", &cookie)], b"");
                    assert_eq!(response.status, 200);
                    if done.send(()).is_err() {
                        return;
                    }
                }
            });
            (send, ends)
        };
        Self { _httpd: httpd, arrivals, clients: (0..6).map(client).collect() }
    }

    fn begin(&self, client: usize, cookie: &str) -> Arrived {
        self.clients[client].0.send(cookie.to_owned()).expect("the client lives");
        self.arrivals.recv_timeout(Duration::from_secs(30)).expect("the request arrives")
    }

    fn end(&self, client: usize, held: &Arrived, reply: Vec<u8>) {
        held.release.send(reply).expect("the backend waits");
        // httpd sends a short answer when the module is done with the request, not before.
        self.clients[client].1.recv_timeout(Duration::from_secs(30)).expect("an answer");
    }
}

fn ours(method: Method) -> Balancer {
    let mut plain = Plain::new(method, &MEMBERS.map(|(_, factor)| factor));
    for (index, (member, (name, _))) in plain.members.iter_mut().zip(MEMBERS).enumerate() {
        member.distance = distance(method, index);
        (member.name, member.route) = (name.to_owned(), name.to_owned());
    }
    plain.build()
}

/// Numbers that look random (Knuth's MMIX generator).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % end
    }
}

/// Plays the same requests to both.
fn compare(method: Method, module: PathBuf) {
    let original = Original::start(method, module);
    let balancer = ours(method);
    let records = MEMBERS.map(|_| MemberRecord::default());
    let records: Vec<_> = records.iter().collect();
    let own = BalancerRecord::default();
    let mut random = Random(2024);
    let most = if method == Method::Traffic { 1 } else { 6 };
    let mut held: Vec<(usize, Arrived)> = Vec::new();
    let mut elections = 0;
    let mut used = [0_usize; 5];
    while elections < ELECTIONS {
        let begins = held.is_empty() || held.len() < most && random.below(2) == 0;
        if !begins {
            let (client, arrived) = held.swap_remove(random.below(held.len()));
            let reply = ok(&[], &vec![b'x'; random.below(2000)]);
            let bytes = arrived.size + reply.len() as u64;
            original.end(client, &arrived, reply);
            let record = records[arrived.member];
            Balancer::leave(record);
            let multiplicity = balancer.members[arrived.member].multiplicity;
            balancer.method.charge_traffic(record, multiplicity, bytes);
            let event = Event::Ended { outcome: Outcome::Success, started: Millis(1) };
            transition(record, event, &balancer.policy, || true, Millis(1));
            continue;
        }
        let session = match random.below(10) {
            0..3 => format!("0123456789ABCDEF.{}", MEMBERS[random.below(5)].0),
            3 => "0123456789ABCDEF".to_owned(),
            _ => String::new(),
        };
        let cookie = match session.as_str() {
            "" => "other=1".to_owned(),
            id => format!("JSESSIONID={id}"),
        };
        let free = (0..6).find(|client| held.iter().all(|(own, _)| own != client));
        let client = free.expect("not all have a request");
        let arrived = original.begin(client, &cookie);
        let query = Query { session_ids: session.as_bytes(), ..Query::default() };
        let chosen = balancer.elect(&own, &records, &query, Millis(1)).expect("all are usable");
        let name = |member: usize| MEMBERS[member].0;
        assert_eq!(
            name(chosen.member),
            name(arrived.member),
            "{method:?}: election {elections}, cookie {cookie}, in flight {:?}",
            held.iter().map(|(_, own)| name(own.member)).collect::<Vec<_>>()
        );
        used[arrived.member] += 1;
        elections += 1;
        held.push((client, arrived));
    }
    assert!(records.iter().all(|own| MemberState::of(own).is_usable()));
    assert!(used.iter().all(|count| *count > 200), "each was elected: {used:?}");
    for (client, arrived) in held {
        original.end(client, &arrived, ok(&[], b"ok"));
    }
}

fn each(method: Method) {
    match oracle() {
        Some(module) => compare(method, module),
        None => skip("parity", "the original mod_jk is missing; Debian package: libapache2-mod-jk"),
    }
}

#[test]
fn method_request_elects_as_the_original() {
    each(Method::Request);
}

#[test]
fn method_session_elects_as_the_original() {
    each(Method::Session);
}

#[test]
fn method_next_elects_as_the_original() {
    each(Method::Next);
}

#[test]
fn method_traffic_elects_as_the_original() {
    each(Method::Traffic);
}

#[test]
fn method_busyness_elects_as_the_original() {
    each(Method::Busyness);
}
