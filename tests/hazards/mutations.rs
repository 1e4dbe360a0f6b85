//! B66: valid answers, damaged at random.

use crate::peer::{Act, Peer};
use crate::site::Site;
use crate::support::backend::{chunk_packet, end, head, ok, packet};
use crate::support::client::Client;

/// A small generator with a fixed seed, so that a finding can be repeated.
struct Random(u64);

impl Random {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % below as u64) as usize
    }
}

/// Number of answers; `MOD_JK_TEST_MUTATIONS` asks for more.
fn count() -> usize {
    let asked = std::env::var("MOD_JK_TEST_MUTATIONS").ok().and_then(|text| text.parse().ok());
    asked.unwrap_or(2000)
}

fn damaged(number: usize) -> Vec<u8> {
    let valid = [
        ok(&[("Content-Type", "text/plain"), ("X-A", "b")], b"hello"),
        [head(200, &[]), chunk_packet(b"one"), chunk_packet(b""), chunk_packet(b"two"), end(true)]
            .concat(),
        [packet(&[6, 0x1f, 0xfa]), ok(&[], b"hello")].concat(),
        [head(404, &[("Set-Cookie", "a=b"), ("Set-Cookie", "c=d")]), end(false)].concat(),
    ];
    let mut random = Random(0x9E37_79B9_7F4A_7C15 ^ ((number as u64 + 1) << 20));
    let mut bytes = valid[random.next(valid.len())].clone();
    for _ in 0..=random.next(4) {
        let at = random.next(bytes.len());
        match random.next(4) {
            0 => bytes[at] = random.next(256) as u8,
            1 => bytes[at] ^= 1 << random.next(8),
            2 => drop(bytes.remove(at)),
            _ => bytes.insert(at, random.next(256) as u8),
        }
    }
    bytes
}

#[test]
fn random_damage_of_replies_reaches_no_client_and_ends_no_child() {
    if !crate::is_wanted("B66") {
        return;
    }
    let peer = Peer::start(|id| {
        let number = id.parse().expect("a number");
        vec![Act::Send(damaged(number)), Act::Close]
    });
    let mut site = Site::start("hazards-b66", peer);
    // A damaged Content-Length or reason may make a response that is broken off.
    site.httpd.expect("AH");
    let watch = site.watch();
    for number in 0..count() {
        let text = format!("GET /app/row/{number} HTTP/1.1\r\nHost: h\r\n\r\n");
        let response = Client::connect(site.port()).try_raw(text.as_bytes(), "GET");
        let response = response.unwrap_or_else(|| panic!("{number}: no answer"));
        assert!(!response.text().contains("MARK-"), "{number}: foreign bytes");
        if number % 100 == 99 {
            let result = site.check(&watch, &format!("M{number}"), "");
            // Lines in the log are expected here, everything else is not.
            let is_fine = result.as_ref().is_err_and(|why| why.starts_with("unexpected: "));
            assert!(is_fine, "after {number}: {result:?}");
        }
    }
    crate::report("B66", &format!("{} damaged answers", count()), &Ok(()));
}
