//! What one more request costs: instructions outside the kernel, system calls and allocations. They
//! are the difference between a run and one of twice the length, so no noise touches them.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Child;
use std::time::Duration;

use crate::responder::byte;
use crate::servers::{Peer, Place, Setting, family, quiet};
use crate::support::installation::{self, is_root};
use crate::support::{lifeline::Lifeline, signal, wait_until};

/// A kind of request.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    pub name: &'static str,
    /// Bytes of the response, or of the request if it is a POST.
    pub bytes: usize,
    pub is_post: bool,
    pub rules: usize,
    pub members: usize,
    /// Requests of the shorter run. Once in its life a child asks the backend by CPING over its idle connection, so
    /// that a request may open another one: six allocations in one of two runs, which many requests make small.
    pub times: usize,
}

impl Kind {
    const fn get(name: &'static str, bytes: usize, times: usize) -> Self {
        Self { name, bytes, is_post: false, rules: 0, members: 1, times }
    }

    pub const SMALL: Self = Self::get("128 B GET", 128, 400);
    pub const MEDIUM: Self = Self::get("16 KiB GET", 16 * 1024, 400);
    pub const LARGE: Self = Self::get("1 MiB GET", 1024 * 1024, 200);
    pub const POST: Self = Self { is_post: true, ..Self::get("64 KiB POST", 64 * 1024, 200) };
    pub const RULES: Self = Self { rules: 2000, ..Self::get("2,000 more rules", 128, 400) };
    pub const MEMBERS: Self = Self { members: 200, ..Self::get("200 members", 128, 400) };

    /// The part of one request in the difference between two runs.
    fn each(&self, less: u64, more: u64) -> f64 {
        (more as f64 - less as f64) / self.times as f64
    }

    fn path(&self) -> String {
        if self.is_post { "/x/p".to_owned() } else { format!("/x/b/{}", self.bytes) }
    }
}

/// What one request costs.
#[derive(Clone, Debug, Default)]
pub struct Cost {
    pub instructions: f64,
    pub system_calls: f64,
    pub allocations: f64,
    pub calls: BTreeMap<String, f64>,
}

/// Counts one request of a peer.
pub fn cost(place: &Place, peer: Peer, kind: &Kind) -> Cost {
    let setting = Setting { rules: kind.rules, members: kind.members, ..Setting::PREFORK };
    let run = |tool, times| watched(place, peer, kind, &setting, tool, times);
    let (few, many) = (run(Tool::Strace, kind.times), run(Tool::Strace, 2 * kind.times));
    let (calls_less, calls_more) = (system_calls(&few), system_calls(&many));
    let calls: BTreeMap<_, _> = calls_more
        .iter()
        .map(|(name, count)| {
            (name.clone(), kind.each(calls_less.get(name).copied().unwrap_or(0), *count))
        })
        // What the background does once a second is no part of a request.
        .filter(|(_, each)| *each > 0.02)
        .collect();
    Cost {
        system_calls: calls.values().sum(),
        calls,
        ..computed(kind, |times| run(Tool::Callgrind, times))
    }
}

/// Counts one request to a fast backend with the event MPM, with `JkAsync Off` and where it is not set: how often its
/// threads wait for each other is up to the machine, so that system calls are left out.
pub fn parking(place: &Place) -> [Cost; 2] {
    // What the background does meanwhile counts as well: many requests make it small.
    let kind = Kind { times: 2000, ..Kind::SMALL };
    // No request is parked.
    ["JkAsync Off\n", "JkAsyncAfter 1000\n"].map(|waiting| {
        let setting =
            Setting { mpm: "event", children: 1, threads: 4, waiting, ..Setting::PREFORK };
        computed(&kind, |times| watched(place, Peer::Ours, &kind, &setting, Tool::Callgrind, times))
    })
}

/// Counts instructions and allocations.
fn computed(kind: &Kind, run: impl Fn(usize) -> String) -> Cost {
    let (less, more) = (run(kind.times), run(2 * kind.times));
    Cost {
        instructions: kind.each(instructions(&less), instructions(&more)),
        allocations: kind.each(allocations(&less), allocations(&more)),
        ..Cost::default()
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Tool {
    Callgrind,
    Strace,
}

/// Runs a server under a tool for so many requests and returns what the tool wrote.
fn watched(
    place: &Place,
    peer: Peer,
    kind: &Kind,
    setting: &Setting,
    tool: Tool,
    times: usize,
) -> String {
    let (server, port) = place.server(peer, setting, true);
    let out = place.dir.join(format!("out-{port}"));
    let file = out.display();
    let words = match tool {
        Tool::Callgrind => {
            let threads = "--separate-threads=yes";
            format!("valgrind --tool=callgrind {threads} --callgrind-out-file={file} --quiet")
        }
        Tool::Strace => format!("strace -f -c -U calls,name -o {file}"),
    };
    // The tools cannot follow httpd from root to another user.
    let user = installation::user();
    let user = match is_root() {
        true => format!("setpriv --reuid={user} --regid={user} --clear-groups "),
        false => String::new(),
    };
    let mut words: Vec<String> = format!("{user}{words}").split(' ').map(str::to_owned).collect();
    words.extend(server);
    let mut process = quiet(&words).spawn().expect("Debian packages: valgrind, strace, util-linux");
    let _lifeline = Lifeline::tie(process.id());
    let is_up =
        wait_until(Duration::from_secs(60), || TcpStream::connect(("127.0.0.1", port)).is_ok());
    assert!(is_up, "{} did not come up", peer.name());
    let mut client = Client::connect(port);
    for _ in 0..20 + times {
        client.request(kind, &kind.path());
    }
    drop(client);
    let pid = match tool {
        Tool::Callgrind => process.id(),
        Tool::Strace => family(process.id()).get(1).copied().unwrap_or(process.id()),
    };
    // httpd misses a signal that comes between its look at the flag and its wait for a connection.
    let has_ended = |process: &mut Child| {
        signal("TERM", pid);
        wait_until(Duration::from_secs(5), || matches!(process.try_wait(), Ok(Some(_))))
    };
    let ended = (0..12).any(|_| has_ended(&mut process));
    if !ended {
        let _ = process.kill();
        let _ = process.wait();
        panic!("{} did not end", peer.name());
    }
    match tool {
        // The first thread, which serves. What the background does depends on how long all takes.
        Tool::Callgrind if setting.mpm == "prefork" => {
            read(&out.with_file_name(format!("out-{port}-01")))
        }
        // Any thread serves.
        Tool::Callgrind => (1..=setting.threads + OTHER_THREADS)
            .map(|number| read(&out.with_file_name(format!("out-{port}-{number:02}"))))
            .collect(),
        Tool::Strace => read(&out),
    }
}

fn read(path: &Path) -> String {
    String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned()
}

/// More threads than httpd and the module have in a child besides those that serve.
const OTHER_THREADS: usize = 16;

/// Adds what callgrind says of each thread.
fn instructions(text: &str) -> u64 {
    let sums = text.lines().filter_map(|line| line.strip_prefix("totals: "));
    let sums: Vec<u64> = sums.filter_map(|number| number.trim().parse().ok()).collect();
    assert!(!sums.is_empty(), "callgrind's sums");
    sums.iter().sum()
}

/// Counts calls of the allocator. A name stands where it is used first, later only its number.
fn allocations(text: &str) -> u64 {
    let names = ["malloc", "calloc", "realloc", "posix_memalign", "aligned_alloc"];
    let (mut wanted, mut count, mut is_next) = (Vec::new(), 0, false);
    for line in text.lines() {
        for mark in ["cfn=", "fn="] {
            let Some((number, name)) =
                line.strip_prefix(mark).and_then(|rest| rest.split_once(' '))
            else {
                continue;
            };
            if names.contains(&name) {
                wanted.push(number.to_owned());
            }
        }
        if let Some(callee) = line.strip_prefix("cfn=") {
            let number = callee.split(' ').next().unwrap_or_default();
            is_next = wanted.iter().any(|own| own == number);
        } else if let Some(calls) = line.strip_prefix("calls=") {
            let calls: u64 =
                calls.split(' ').next().and_then(|word| word.parse().ok()).unwrap_or(0);
            count += if is_next { calls } else { 0 };
        }
    }
    count
}

fn system_calls(text: &str) -> BTreeMap<String, u64> {
    let row = |line: &str| {
        let mut words = line.split_whitespace();
        let count = words.next()?.parse().ok()?;
        Some((words.next()?.to_owned(), count)).filter(|(name, _)| name != "total")
    };
    text.lines().filter_map(row).collect()
}

/// A keep-alive client that looks at every byte.
pub struct Client {
    stream: BufReader<TcpStream>,
    body: Vec<u8>,
}

impl Client {
    pub fn connect(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("the server accepts");
        stream.set_nodelay(true).expect("a socket option");
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a socket option");
        Self { stream: BufReader::with_capacity(256 * 1024, stream), body: Vec::new() }
    }

    pub fn request(&mut self, kind: &Kind, path: &str) {
        let expected = match kind.is_post {
            true => {
                let head = format!(
                    "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n",
                    kind.bytes
                );
                let bytes = [head.as_bytes(), &vec![b'a'; kind.bytes]].concat();
                self.stream.get_mut().write_all(&bytes).expect("the server reads");
                kind.bytes.to_string().into_bytes()
            }
            false => {
                let head = format!(
                    "GET {path} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: Mozilla/5.0\r\n\
                     Accept: text/html,application/xhtml+xml\r\nAccept-Language: en-US,en;q=0.5\r\n\
                     Cookie: JSESSIONID=0123456789ABCDEF0123456789ABCDEF.w0\r\n\r\n"
                );
                self.stream.get_mut().write_all(head.as_bytes()).expect("the server reads");
                (0..kind.bytes).map(byte).collect()
            }
        };
        self.response();
        assert!(self.body == expected, "another body came back");
    }

    fn response(&mut self) {
        let (mut line, mut length, mut is_chunked) = (String::new(), None, false);
        let mut next = |line: &mut String| {
            line.clear();
            self.stream.read_line(line).expect("the server answers");
        };
        next(&mut line);
        assert!(line.starts_with("HTTP/1.1 200 "), "{line}");
        while !line.trim_end().is_empty() {
            let (name, value) = line.split_once(':').unwrap_or_default();
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().ok();
            }
            is_chunked |= name.eq_ignore_ascii_case("transfer-encoding");
            next(&mut line);
        }
        self.body.clear();
        if let Some(length) = length {
            self.body.resize(length, 0);
            self.stream.read_exact(&mut self.body).expect("the whole body");
            return;
        }
        assert!(is_chunked, "a body has a length or chunks");
        loop {
            line.clear();
            self.stream.read_line(&mut line).expect("a chunk");
            let size = usize::from_str_radix(line.trim(), 16).expect("a chunk's size");
            let before = self.body.len();
            self.body.resize(before + size + 2, 0);
            self.stream.read_exact(&mut self.body[before..]).expect("a whole chunk");
            self.body.truncate(before + size);
            if size == 0 {
                return;
            }
        }
    }
}
