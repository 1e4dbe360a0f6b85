//! Requests that no thread waits for, with `JkAsync`.

use std::fs;
use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use crate::bare::{Then, bare, give, serving, take};
use crate::setups::{number, parked, slow};
use crate::support::backend::{Backend, Reply, chunk_packet, echo, end, head, ok, packet};
use crate::support::client::Client;
use crate::support::httpd::{Httpd, Setup, load, waiting_lines};
use crate::support::{PATIENCE, at_least, halt, many_descriptors, wait_until};

/// Starts an httpd of one child with four threads, which parks requests.
fn few_threads(name: &str, workers: &str, config: &str) -> Httpd {
    let config = format!(
        "StartServers 1\nServerLimit 1\nThreadsPerChild 4\nMaxRequestWorkers 4\nMinSpareThreads 1\n\
         MaxSpareThreads 4\nAsyncRequestWorkerFactor 1000\nMaxKeepAliveRequests 0\nJkAsync On\n\
         JkMount /jkstatus st\n{config}"
    );
    let httpd = Setup { name, mpm: "event", config: &config, workers }.start();
    fs::write(httpd.dir.join("htdocs/static.txt"), "static").expect("a file");
    httpd
}

/// The same with one worker, and more of its properties.
pub fn one_worker(name: &str, port: u16, properties: &str, config: &str) -> Httpd {
    let workers = format!(
        "worker.list=w1,st\nworker.st.type=status\nworker.w1.host=127.0.0.1\nworker.w1.port={port}\n{}",
        properties.replace("w1.", "worker.w1.")
    );
    few_threads(name, &workers, &format!("JkMount /app/* w1\n{config}"))
}

/// A backend that never answers.
pub fn hung() -> u16 {
    serving(|stream, _| {
        while take(stream).is_some() {}
        Then::Close
    })
}

/// Sends a request by as many clients at once as there are numbers, and checks what each one gets.
fn all_at_once(httpd: &Httpd, count: usize) {
    let port = httpd.port;
    let ask = move |number| {
        let path = format!("/app/{number}");
        let response = Client::connect(port).get(&path);
        assert_eq!((response.status, response.text()), (200, format!("{path} 0")));
    };
    let clients: Vec<_> = (0..count).map(|number| thread::spawn(move || ask(number))).collect();
    clients.into_iter().for_each(|client| client.join().expect("an answer"));
}

/// Sends requests that wait, and returns their clients.
fn waiting(httpd: &Httpd, count: usize) -> Vec<Client> {
    let send = |number| {
        let mut client = Client::connect(httpd.port);
        client.send(&format!("GET /app/{number} HTTP/1.1\r\nHost: h\r\n\r\n"));
        client
    };
    (0..count).map(send).collect()
}

#[test]
fn four_threads_serve_200_slow_requests_at_once() {
    let (backend, most) = slow(Duration::from_secs(1));
    let httpd = one_worker("parked-200", backend.port, "", "");
    all_at_once(&httpd, 200);
    assert!(most.load(SeqCst) > 100, "far more than there are threads: {}", most.load(SeqCst));
    assert_eq!(number(&httpd, "w1", "busy"), "0");
}

#[test]
fn requests_that_wait_for_a_hung_worker_hold_no_thread() {
    let port = hung();
    let mut httpd = one_worker("parked-hung", port, "", "");
    httpd.expect("JK-");
    let clients = waiting(&httpd, 40);
    assert!(wait_until(PATIENCE, || number(&httpd, "w1", "busy") == "40"));
    for _ in 0..100 {
        assert_eq!(Client::connect(httpd.port).get("/static.txt").text(), "static");
    }
    assert_eq!(number(&httpd, "w1", "busy"), "40", "they wait still");
    drop(clients);
    assert!(wait_until(PATIENCE, || number(&httpd, "w1", "busy") == "0"), "the clients have left");
}

#[test]
fn a_look_at_a_request_that_waits_for_long_holds_no_thread() {
    let port = bare(|_, mut stream| while take(&mut stream).is_some() {});
    let mut httpd = one_worker("parked-looked-at", port, "", "JkAsyncAfter 200\n");
    httpd.expect("JK-");
    let clients = waiting(&httpd, 100);
    assert!(wait_until(PATIENCE, || parked(&httpd) == 100));
    // After ten seconds each of them looks now and then whether the backend is known to answer a CPING.
    thread::sleep(Duration::from_secs(11));
    let slowest = (0..20).map(|_| {
        let begun = Instant::now();
        assert_eq!(Client::connect(httpd.port).get("/static.txt").text(), "static");
        begun.elapsed()
    });
    let slowest = slowest.max().expect("a time");
    assert!(slowest < Duration::from_secs(2), "a file took {slowest:?}");
    drop(clients);
    assert!(wait_until(PATIENCE, || number(&httpd, "w1", "busy") == "0"));
}

#[test]
fn httpds_timeout_limits_no_answer() {
    for mode in ["On", "Off"] {
        let (backend, _) = slow(Duration::from_secs(6));
        let config = format!("Timeout 2\nJkAsync {mode}\n");
        let httpd = one_worker(&format!("parked-timeout-{mode}"), backend.port, "", &config);
        all_at_once(&httpd, 3);
    }
}

#[test]
fn the_reply_timeout_holds_while_a_request_is_parked() {
    let port = hung();
    let mut httpd = one_worker("parked-late", port, "w1.reply_timeout=300\n", "");
    httpd.expect("JK-");
    let begun = Instant::now();
    assert_eq!(Client::connect(httpd.port).get("/app/x").status, 504);
    assert!(begun.elapsed() >= at_least(300));
}

#[test]
fn requests_in_a_row_over_one_connection_keep_their_order() {
    let backend = Backend::start(|request| {
        if request.uri.contains("slow") {
            thread::sleep(Duration::from_millis(200));
        }
        Reply::Bytes(ok(&[], request.uri.as_bytes()))
    });
    let httpd = one_worker("parked-row", backend.port, "", "");
    let paths =
        ["/app/slow1", "/app/quick1", "/static.txt", "/app/slow2", "/app/slow3", "/app/quick2"];
    let text: String =
        paths.iter().map(|path| format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n")).collect();
    let mut client = Client::connect(httpd.port);
    client.send(&text);
    for path in paths {
        let response = client.response("GET").expect("an answer");
        let own = if path == "/static.txt" { "static" } else { path };
        assert_eq!((response.status, response.text().as_str()), (200, own));
    }
}

#[test]
fn a_response_that_comes_in_pieces_is_parked_before_each() {
    let port = serving(|stream, _| {
        give(stream, &head(200, &[("Content-Type", "text/plain")]));
        for number in 0..20 {
            thread::sleep(Duration::from_millis(30));
            give(stream, &chunk_packet(format!("piece {number};").as_bytes()));
        }
        give(stream, &end(true));
        Then::Keep
    });
    let config = format!(
        "{}JkOptions +FlushPackets\nAddOutputFilterByType DEFLATE text/plain\n",
        load(&["filter", "deflate"])
    );
    let httpd = one_worker("parked-pieces", port, "", &config);
    let whole: String = (0..20).map(|number| format!("piece {number};")).collect();
    for _ in 0..3 {
        let response = Client::connect(httpd.port).get("/app/x");
        assert_eq!((response.text(), response.is_complete), (whole.clone(), true));
    }
    let zipped =
        Client::connect(httpd.port).request("GET", "/app/x", &[("Accept-Encoding", "gzip")], b"");
    assert_eq!(zipped.header("content-encoding"), Some("gzip"));
    assert!(zipped.is_complete);
}

#[test]
fn uploads_and_large_responses_survive_the_change_of_threads() {
    let backend = Backend::start(|request| {
        thread::sleep(Duration::from_millis(50));
        let body: Vec<u8> = request.body.iter().rev().copied().collect();
        Reply::Bytes(ok(&[], &body))
    });
    let httpd = one_worker("parked-large", backend.port, "", "");
    let port = httpd.port;
    let clients: Vec<_> = (0..12_usize)
        .map(|number| {
            thread::spawn(move || {
                let body: Vec<u8> = (0..700_000).map(|at| (at * 7 + number) as u8).collect();
                // httpd closes idle connections when all of its few threads are busy.
                for _ in 0..3 {
                    let response = Client::connect(port).request("POST", "/app/x", &[], &body);
                    let expected: Vec<u8> = body.iter().rev().copied().collect();
                    assert!(response.status == 200 && response.body == expected);
                }
            })
        })
        .collect();
    clients.into_iter().for_each(|client| client.join().expect("an answer"));
}

#[test]
fn a_client_that_leaves_while_its_request_is_parked_takes_it_along() {
    let ended = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&ended);
    let port = bare(move |_, mut stream| {
        let _ = take(&mut stream);
        // Blocks until httpd closes the connection.
        let _ = stream.read(&mut [0]);
        seen.fetch_add(1, SeqCst);
    });
    let httpd = one_worker("parked-gone", port, "", "");
    let clients = waiting(&httpd, 10);
    assert!(wait_until(PATIENCE, || number(&httpd, "w1", "busy") == "10"));
    drop(clients);
    assert!(wait_until(PATIENCE, || ended.load(SeqCst) == 10), "the backend is told by a close");
    assert!(wait_until(PATIENCE, || number(&httpd, "w1", "busy") == "0"));
}

#[test]
fn a_failure_of_a_parked_request_fails_over() {
    let failing = bare(|_, mut stream| {
        let _ = take(&mut stream);
        thread::sleep(Duration::from_millis(100));
    });
    let good = Backend::start(echo("good"));
    let workers = format!(
        "worker.list=lb,st\nworker.st.type=status\nworker.lb.type=lb\nworker.lb.balance_workers=n1,n2\n\
         worker.n1.host=127.0.0.1\nworker.n1.port={failing}\nworker.n2.host=127.0.0.1\nworker.n2.port={}\n",
        good.port
    );
    let mut httpd = few_threads("parked-failover", &workers, "JkMount /app/* lb\n");
    httpd.expect("JK-");
    for _ in 0..4 {
        let response = Client::connect(httpd.port).get("/app/x");
        assert_eq!((response.status, response.text().as_str()), (200, "good GET /app/x 0"));
    }
}

#[test]
fn requests_that_wait_for_a_place_in_the_pool_hold_no_thread() {
    let (backend, most) = slow(Duration::from_millis(700));
    let properties = "w1.connection_pool_size=3\nw1.connection_acquire_timeout=60000\n";
    let httpd = one_worker("parked-pool", backend.port, properties, "");
    let clients = waiting(&httpd, 30);
    assert!(wait_until(PATIENCE, || number(&httpd, "w1", "busy") == "30"));
    assert_eq!(Client::connect(httpd.port).get("/static.txt").text(), "static");
    for (number, mut client) in clients.into_iter().enumerate() {
        let response = client.response("GET").expect("an answer");
        assert_eq!(response.text(), format!("/app/{number} 0"));
    }
    assert_eq!(most.load(SeqCst), 3);
}

/// Has so many requests wait for a worker before they are sent, serves a file meanwhile, and ends them.
fn before_it_is_sent(httpd: &Httpd) {
    let clients = waiting(httpd, 20);
    assert!(wait_until(PATIENCE, || parked(httpd) == 20));
    assert_eq!(Client::connect(httpd.port).get("/static.txt").text(), "static");
    drop(clients);
    assert!(wait_until(PATIENCE, || number(httpd, "w1", "busy") == "0"));
}

#[test]
fn a_cping_that_is_not_answered_holds_no_thread() {
    let port = bare(|_, mut stream| while take(&mut stream).is_some() {});
    let properties = "w1.ping_mode=A\nw1.ping_timeout=60000\n";
    before_it_is_sent(&one_worker("parked-cping", port, properties, ""));
}

#[test]
fn opening_a_connection_holds_no_thread() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    // Nothing is accepted: once the queue is full, connecting waits.
    let open = |_| TcpStream::connect_timeout(&address, Duration::from_millis(300)).ok();
    let queued: Vec<_> = (0..10_000).map_while(open).collect();
    let properties = "w1.socket_connect_timeout=60000\n";
    before_it_is_sent(&one_worker("parked-connect", address.port(), properties, ""));
    drop(queued);
}

#[test]
fn a_cping_that_is_answered_late_lets_the_request_go_on() {
    let port = bare(|_, mut stream| {
        while let Some(taken) = take(&mut stream) {
            if taken == [10] {
                thread::sleep(Duration::from_millis(200));
                give(&mut stream, &packet(&[9]));
            } else {
                give(&mut stream, &ok(&[], b"late"));
            }
        }
    });
    let httpd = one_worker("parked-cping-late", port, "w1.ping_mode=A\n", "");
    let mut client = Client::connect(httpd.port);
    for _ in 0..3 {
        let response = client.get("/app/x");
        assert_eq!((response.status, response.text().as_str()), (200, "late"));
    }
}

#[test]
fn a_graceful_restart_answers_what_is_parked() {
    let (backend, _) = slow(Duration::from_secs(3));
    let httpd = one_worker("parked-graceful", backend.port, "", "GracefulShutdownTimeout 0\n");
    // The old child has the one place there is until it has answered.
    let clients = waiting(&httpd, 20);
    assert!(wait_until(PATIENCE, || number(&httpd, "w1", "busy") == "20"));
    httpd.graceful_for_all();
    for (number, mut client) in clients.into_iter().enumerate() {
        let response = client.response("GET").expect("an answer");
        assert_eq!(response.text(), format!("/app/{number} 0"));
    }
    assert!(wait_until(PATIENCE, || number(&httpd, "w1", "busy") == "0"));
}

#[test]
fn a_killed_child_leaves_nothing_of_its_parked_requests() {
    let port = hung();
    let mut httpd = one_worker("parked-killed", port, "", "");
    httpd.expect("child pid");
    let clients = waiting(&httpd, 20);
    assert!(wait_until(PATIENCE, || number(&httpd, "w1", "busy") == "20"));
    let child: u32 = httpd.children()[0].parse().expect("a number");
    crate::support::signal("KILL", child);
    assert!(wait_until(PATIENCE, || Client::try_connect(httpd.port)
        .is_some_and(|_| number(&httpd, "w1", "busy") == "0")));
    drop(clients);
}

#[test]
fn descriptors_return_to_what_they_were() {
    let (backend, _) = slow(Duration::from_millis(100));
    let httpd = one_worker(
        "parked-descriptors",
        backend.port,
        "w1.connection_pool_timeout=1\n",
        "JkWatchdogInterval 1\n",
    );
    all_at_once(&httpd, 5);
    let open = || {
        let child = &httpd.children()[0];
        fs::read_dir(format!("/proc/{child}/fd")).map_or(0, Iterator::count)
    };
    let before = open();
    for _ in 0..3 {
        all_at_once(&httpd, 60);
    }
    let most = before + 5 + 64;
    assert!(wait_until(PATIENCE, || open() <= most), "{} of {before}", open());
}

#[test]
fn a_client_that_leaves_after_its_answer_does_not_end_the_request_of_another() {
    let (backend, _) = slow(Duration::from_millis(500));
    let httpd = one_worker("parked-next", backend.port, "", "");
    for round in 0..3 {
        // Their connections stay open while other requests are parked in their places.
        let mut before = waiting(&httpd, 8);
        before.iter_mut().for_each(|client| assert!(client.response("GET").is_some()));
        let next = waiting(&httpd, 8);
        assert!(wait_until(PATIENCE, || number(&httpd, "w1", "busy") == "8"));
        thread::sleep(Duration::from_millis(30));
        drop(before);
        for mut client in next {
            let response = client.response("GET").expect("an answer");
            assert_eq!(response.status, 200, "round {round}");
        }
    }
}

#[test]
fn httpd_says_what_it_lacks_for_parking() {
    let workers = "worker.list=w1\nworker.w1.type=ajp13\n";
    for (mpm, config, code) in [
        (
            "event",
            "JkAsync Auto\n",
            Some("JK-114 JkAsync is on and AsyncRequestWorkerFactor is not set"),
        ),
        ("event", "JkAsync Auto\nAsyncRequestWorkerFactor 20\n", None),
        ("event", "JkAsync Off\n", None),
        ("prefork", "JkAsync Auto\n", None),
        (
            "prefork",
            "JkAsync On\n",
            Some("JK-113 JkAsync On has no effect: it needs the event MPM"),
        ),
    ] {
        let name = format!("parked-says-{mpm}-{}", config.len());
        let mut httpd = Setup { name: &name, mpm, config, workers }.prepare();
        httpd.write("httpd.conf", &httpd.log("httpd.conf").replace(&waiting_lines(), ""));
        httpd.expect("JK-11");
        httpd.launch();
        let says = |code: &str| httpd.log("error.log").contains(code);
        match code {
            Some(code) => assert!(wait_until(PATIENCE, || says(code)), "{mpm} {config}"),
            None => {
                let is_silent = !says("JK-113") && !says("JK-114");
                assert!(is_silent, "{mpm} {config}: {}", httpd.log("error.log"));
            }
        }
    }
}

#[test]
fn more_requests_than_one_descriptor_can_wake_are_woken_at_once() {
    const COUNT: usize = 700;
    if !many_descriptors(3 * COUNT + 300) {
        return;
    }
    let port = hung();
    let workers = "w1.reply_timeout=20000\nw1.retries=1\n";
    let mut httpd = one_worker("parked-woken", port, workers, "Timeout 300\n");
    httpd.expect("JK-");
    let mut clients = waiting(&httpd, COUNT);
    assert!(wait_until(PATIENCE, || parked(&httpd) == COUNT));
    // While the child is halted the time of all of them comes.
    let child: u32 = httpd.children()[0].parse().expect("a number");
    halt(child);
    thread::sleep(Duration::from_secs(21));
    crate::support::signal("CONT", child);
    for client in &mut clients {
        assert_eq!(client.response("GET").expect("an answer").status, 504);
    }
}
