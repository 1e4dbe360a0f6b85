//! A backend that breaks a kept connection with a request on it: it is dying, and its listener still
//! accepts, or it has only closed what was idle. At most two deliveries, and no GET fails while
//! another member is there.

use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::bare::{bare, give, reset, take};
use crate::setups::one_child;
use crate::support::backend::{Backend, echo, ok, packet};
use crate::support::client::Client;
use crate::support::wait_until;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Alive,
    /// Resets every connection at the first packet.
    Dying,
    /// Closes each connection that has carried a request before at the next one.
    ClosesIdle,
}

/// The member that breaks.
struct DyingBackend {
    answers_cping: bool,
    mode: Mutex<Mode>,
    requests: AtomicUsize,
    cpings: AtomicUsize,
    ended: AtomicUsize,
}

impl DyingBackend {
    fn start(answers_cping: bool) -> (u16, Arc<Self>) {
        let own = Arc::new(Self {
            answers_cping,
            mode: Mutex::new(Mode::Alive),
            requests: AtomicUsize::new(0),
            cpings: AtomicUsize::new(0),
            ended: AtomicUsize::new(0),
        });
        let playing = Arc::clone(&own);
        let port = bare(move |_, stream| {
            playing.play(stream);
            playing.ended.fetch_add(1, SeqCst);
        });
        (port, own)
    }

    fn play(&self, mut stream: TcpStream) {
        let mut served = 0;
        while let Some(payload) = take(&mut stream) {
            let is_request = payload != [0x0a];
            if is_request { &self.requests } else { &self.cpings }.fetch_add(1, SeqCst);
            let mode = *self.mode.lock().expect("no panic under it");
            match mode {
                Mode::Dying => return reset(&stream),
                Mode::ClosesIdle if is_request && served > 0 => return,
                _ => {}
            }
            if is_request {
                served += 1;
                give(&mut stream, &ok(&[], b"n1"));
            } else if self.answers_cping {
                give(&mut stream, &packet(&[9]));
            }
        }
    }

    fn turn(&self, mode: Mode) {
        *self.mode.lock().expect("no panic under it") = mode;
    }
}

/// What the child knows of the backend and CPINGs when the connection breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    Nothing,
    Answers,
    AnswersNone,
}

/// Warms a connection to n1, lets the backend turn, and returns who answers the next GET, with its
/// deliveries to n1 and to the other member. Requests without a session prefer n1, too.
fn next_get(known: Known, cookie: Option<&str>, mode: Mode) -> (String, usize, usize) {
    // A child that should know nothing may have asked meanwhile.
    let found = (0..20).find_map(|round| next_get_of(known, cookie, mode, round));
    found.expect("half a second is enough for two requests once")
}

/// The same; `None` if the child has asked the backend although it should know nothing of it.
fn next_get_of(
    known: Known,
    cookie: Option<&str>,
    mode: Mode,
    round: usize,
) -> Option<(String, usize, usize)> {
    let (port, n1) = DyingBackend::start(known != Known::AnswersNone);
    let n2 = Backend::start(echo("n2"));
    let workers = format!(
        "worker.list=lb,st\nworker.st.type=status\nworker.lb.type=lb\nworker.lb.balance_workers=n1,n2\n\
         worker.n1.host=127.0.0.1\nworker.n1.port={port}\nworker.n1.ping_timeout=500\n\
         worker.n2.host=127.0.0.1\nworker.n2.port={}\nworker.n2.distance=1\n",
        n2.port
    );
    let session = if cookie.is_some() { "-session" } else { "" };
    let what = if mode == Mode::Dying { "dying" } else { "closes-idle" };
    let name = format!("{what}-{known:?}{session}-{round}");
    let mounts = "JkMount /app/* lb\nJkMount /jkstatus st\n";
    let mut httpd = one_child(&name, &workers, mounts);
    httpd.expect("JK-40");
    httpd.expect("JK-30");
    let get = || {
        let headers: Vec<_> = cookie.iter().map(|value| ("Cookie", *value)).collect();
        let response = Client::connect(httpd.port).request("GET", "/app/x", &headers, b"");
        (response.status, response.text())
    };
    assert_eq!(get(), (200, "n1".to_owned()));
    if known != Known::Nothing {
        let is_asked = wait_until(Duration::from_secs(30), || n1.cpings.load(SeqCst) > 0);
        assert!(is_asked, "an idle connection is asked once");
    }
    if known == Known::Answers {
        // No request gets the connection until its answer was read.
        let is_idle = || {
            let text = Client::connect(httpd.port).get("/jkstatus?mime=json").text();
            let page: serde_json::Value = serde_json::from_str(&text).expect("JSON");
            page["balancers"][0]["members"][0]["idle"] == 1
        };
        assert!(wait_until(Duration::from_secs(30), is_idle), "it is kept");
    }
    if known == Known::AnswersNone {
        let is_over = wait_until(Duration::from_secs(30), || n1.ended.load(SeqCst) > 0);
        assert!(is_over, "and closed without an answer");
        assert_eq!(get(), (200, "n1".to_owned()));
        assert_eq!(get(), (200, "n1".to_owned()));
    }
    let before = n1.requests.load(SeqCst);
    let is_as_wanted = known != Known::Nothing || n1.cpings.load(SeqCst) == 0;
    n1.turn(mode);
    let (status, text) = get();
    let (name, _) = text.split_at(text.len().min(2));
    let answer = if status == 200 { name.to_owned() } else { status.to_string() };
    is_as_wanted.then(|| (answer, n1.requests.load(SeqCst) - before, n2.count()))
}

const SESSION: Option<&str> = Some("JSESSIONID=A.n1");

#[test]
fn a_dying_member_gets_one_delivery_and_another_member_answers() {
    for (known, cookie) in [
        (Known::Answers, None),
        (Known::Answers, SESSION),
        (Known::Nothing, None),
        (Known::Nothing, SESSION),
        (Known::AnswersNone, None),
    ] {
        let found = next_get(known, cookie, Mode::Dying);
        assert_eq!(found, ("n2".to_owned(), 1, 1), "{known:?}, {cookie:?}");
    }
}

#[test]
fn a_member_that_closed_an_idle_connection_keeps_its_requests() {
    for (known, cookie) in [
        (Known::Answers, None),
        (Known::Answers, SESSION),
        (Known::Nothing, SESSION),
        (Known::AnswersNone, SESSION),
    ] {
        let found = next_get(known, cookie, Mode::ClosesIdle);
        assert_eq!(found, ("n1".to_owned(), 2, 0), "{known:?}, {cookie:?}");
    }
}
