//! Runs group A.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use crate::asks::{self, Sent, Then};
use crate::peer::{Act, Peer};
use crate::site::Site;
use crate::support::backend::{ok, packet};
use crate::support::wait_until;
use crate::{SETTLED, is_wanted, report};

/// Reads the whole body of a row's request, then answers.
fn script(id: &str) -> Vec<Act> {
    let ask = || Act::Send(packet(&[6, 0x1f, 0xfa]));
    let answer = Act::Send(ok(&[], b"row"));
    match id {
        // Bodies without a length, and those that are cut: the backend wants more.
        id if ["A2", "A3", "A4", "A10", "A13", "A34", "A91", "A92", "A94"].contains(&id) => {
            vec![ask(), Act::Take, ask(), Act::Take, answer]
        }
        id if ["A30", "A31", "A32", "A33", "A50", "A51", "A52"]
            .iter()
            .any(|own| id.starts_with(own)) =>
        {
            vec![ask(), Act::Take, ask(), Act::Take, ask(), Act::Take, ask(), Act::Take, answer]
        }
        _ => vec![answer],
    }
}

#[test]
fn group_a_what_clients_send() {
    let mut site = Site::start("hazards-a", Peer::start(script));
    let mut wrong = Vec::new();
    for row in asks::rows().iter().filter(|row| is_wanted(row.id)) {
        let result = run(&mut site, row);
        report(row.id, row.text, &result);
        if let Err(why) = result {
            wrong.push(format!("{}: {why}", row.id));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn run(site: &mut Site, row: &Sent) -> Result<(), String> {
    let watch = site.watch();
    let behind = site.peer.of("behind").len();
    let mut stream = TcpStream::connect(("127.0.0.1", site.port())).expect("httpd accepts");
    stream.set_read_timeout(Some(Duration::from_secs(8))).expect("a valid timeout");
    stream.write_all(&row.bytes).expect("httpd reads");
    let mut answer = Vec::new();
    match row.then {
        Then::Vanishes => {
            // The backend has the request by now, or soon.
            wait_until(SETTLED, || !site.peer.of(row.id).is_empty());
            drop(stream);
        }
        Then::HalfCloses | Then::Reads => {
            if row.then == Then::HalfCloses {
                stream.shutdown(Shutdown::Write).expect("the connection is open");
            } else {
                // Lets httpd end the connection when it has answered everything.
                let is_open_end = row.statuses == [408];
                if !is_open_end {
                    let last =
                        b"GET /app/row/last HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
                    let _ = stream.write_all(last);
                }
            }
            let _ = stream.read_to_end(&mut answer);
        }
    }
    let text = String::from_utf8_lossy(&answer).into_owned();
    let status = text.split(' ').nth(1).and_then(|word| word.parse::<u16>().ok());
    if !row.statuses.is_empty() && !status.is_some_and(|own| row.statuses.contains(&own)) {
        return Err(format!("status {status:?} instead of {:?}", row.statuses));
    }
    if text.contains("MARK-") {
        return Err(format!("foreign bytes: {text}"));
    }
    site.check(&watch, row.id, row.code)?;
    let delivered = site.peer.of(row.id).len();
    if delivered != row.delivered {
        return Err(format!("delivered {delivered} times instead of {}", row.delivered));
    }
    let behind = site.peer.of("behind").len() - behind;
    if behind != row.behind {
        return Err(format!("what lay behind was delivered {behind} times"));
    }
    let is_right = wait_until(SETTLED, || (row.check)(&site.peer.of(row.id)));
    if is_right { Ok(()) } else { Err("the row's own check".to_owned()) }
}
