//! Answers that come before the client has sent its whole body.

use std::process::Command;
use std::time::Instant;

use crate::bare::{Then, give, serving};
use crate::support::backend::{chunk_packet, end, head};
use crate::support::client::Client;
use crate::support::http2::stalled_post;
use crate::support::httpd::{Httpd, Setup, load};
use crate::support::{free_port, times};

/// A backend that answers every request at once, whatever body is to come.
fn hasty() -> u16 {
    serving(|stream, _| {
        give(stream, &[head(413, &[]), chunk_packet(b"too much"), end(true)].concat());
        Then::Keep
    })
}

fn start(name: &str, mpm: &str) -> Httpd {
    let config = format!(
        "{}Protocols h2c http/1.1\nJkMount /app/* w\nJkMount /down/* down\n\
         JkMount /page/* w;use_server_errors=400\n",
        load(&["http2"])
    );
    let workers = format!(
        "worker.list=w,down\nworker.w.host=127.0.0.1\nworker.w.port={}\n\
         worker.down.host=127.0.0.1\nworker.down.port={}\nworker.down.retries=1\n",
        hasty(),
        free_port()
    );
    let mut httpd = Setup { name, mpm, config: &config, workers: &workers }.start();
    httpd.expect("JK-303");
    httpd
}

/// Sends a body with curl; its exit status, the status of the answer and the body.
fn upload(httpd: &Httpd, path: &str, kind: &[&str], bytes: usize) -> (Option<i32>, String) {
    httpd.write("body", &"x".repeat(bytes));
    let output = Command::new("curl")
        .args(["-s", "-m", "30", "-w", " %{http_code}", "-H", "Expect:", "--data-binary"])
        .arg(format!("@{}/body", httpd.dir.display()))
        .args(kind)
        .arg(format!("http://127.0.0.1:{}{path}", httpd.port))
        .output()
        .expect("curl runs");
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn an_early_answer_to_an_upload_reaches_the_client() {
    for mpm in ["event", "worker"] {
        let httpd = start(&format!("early-{mpm}"), mpm);
        let http2 = ["--http2-prior-knowledge"];
        let unknown = ["--http2-prior-knowledge", "-H", "Content-Length:"];
        for kind in [&http2[..], &unknown, &["--http1.1"]] {
            for (path, text) in
                [("/app/x", "too much 413"), ("/page/x", " 413"), ("/down/x", " 503")]
            {
                for round in 0..times(3, 10) {
                    let (code, answer) = upload(&httpd, path, kind, 200_000);
                    assert_eq!(code, Some(0), "{mpm} {kind:?} {path} {round}: {answer}");
                    assert!(answer.ends_with(text), "{mpm} {kind:?} {path} {round}: {answer}");
                }
            }
        }
    }
}

#[test]
fn a_client_that_never_sends_its_body_waits_two_seconds_at_most() {
    let httpd = start("early-stalled", "event");
    for headers in [&[][..], &[("content-length", "50")]] {
        let begun = Instant::now();
        let answer = stalled_post(httpd.port, "/app/x", headers, b"hello");
        let took = begun.elapsed();
        assert_eq!(answer.body, b"too much", "{headers:?}");
        assert!(answer.is_complete, "{headers:?}: {answer:?}");
        // Not as long as httpd waits for a client, which is 20 s here.
        assert!((1900..12_000).contains(&took.as_millis()), "{headers:?}: it took {took:?}");
    }
    assert_eq!(Client::connect(httpd.port).get("/app/x").status, 413);
}
