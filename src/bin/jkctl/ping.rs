//! `jkctl ping`: a connection, a CPING, a request, and words for what fails.

mod talk;

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use mod_jk::config::{Ajp13Config, WorkerKind};
use mod_jk::net::Target;
use mod_jk::tool::diagnosis::{Diagnosis, Fault, Seen, Step, diagnose};
use serde_json::{Value, json};

use crate::cli::{Format, Ping};
use crate::{NO, Outcome, WELL, disk, inputs};
use talk::Peer;

/// Asks everything that was named, and prints.
pub fn run(args: &Ping) -> Outcome {
    let secret = args.secret_file.as_deref().map(disk::first_line).transpose()?;
    let wanted = wanted(args, secret.as_deref())?;
    let mut serve = true;
    let mut pages = Vec::new();
    for peer in &wanted {
        let report = ask(peer, args);
        serve &= report.diagnosis.is_none();
        match args.format {
            Format::Text => print(peer, &report),
            Format::Json => pages.push(page(peer, &report)),
        }
    }
    if args.format == Format::Json {
        say!("{}", json!({ "containers": pages }));
    }
    Ok(if serve { WELL } else { NO })
}

/// Finds out who is meant.
fn wanted(args: &Ping, secret: Option<&str>) -> Result<Vec<Peer>, String> {
    let address = args.target.as_deref().and_then(|target| {
        let (host, port) = target.rsplit_once(':')?;
        Some((host.to_owned(), port.parse::<u16>().ok().filter(|port| *port > 0)?))
    });
    if let Some((host, port)) = address {
        return Ok(vec![Peer {
            name: None,
            target: Target::new(&host, port, false),
            secret: secret.map(str::to_owned),
            packet_size: args.packet_size,
        }]);
    }
    if args.files.is_empty() {
        return Err(match &args.target {
            Some(name) => {
                format!("{name} is not host:port: give the workers file with -f, or a port")
            }
            None => "nothing to ask: give host:port, or the workers file with -f".to_owned(),
        });
    }
    let read = inputs::read(&args.files, &args.reading)?;
    if !read.has_workers {
        return Err(
            "the files name no workers: give workers.properties, or the httpd.conf that names it"
                .to_owned(),
        );
    }
    let workers = &read.checked.workers;
    let names: Vec<&String> = match &args.target {
        None => workers.workers.keys().collect(),
        Some(name) => match workers.workers.get(name).map(|own| &own.kind) {
            None => {
                let known: Vec<_> = workers.workers.keys().map(String::as_str).collect();
                return Err(format!("there is no worker {name}; there are {}", known.join(", ")));
            }
            Some(WorkerKind::Lb(lb)) => lb.member_names.iter().collect(),
            Some(WorkerKind::Status(_)) => {
                return Err(format!("{name} is a status worker: there is no container behind it"));
            }
            Some(WorkerKind::Ajp13(_)) => vec![name],
        },
    };
    let kinds = names.into_iter().filter_map(|name| match &workers.workers.get(name)?.kind {
        WorkerKind::Ajp13(own) => Some(peer(name, own, secret, args)),
        WorkerKind::Lb(_) | WorkerKind::Status(_) => None,
    });
    let peers: Vec<_> = kinds.collect();
    match peers.is_empty() {
        true => Err("the files name no ajp13 worker".to_owned()),
        false => Ok(peers),
    }
}

fn peer(name: &str, config: &Ajp13Config, secret: Option<&str>, args: &Ping) -> Peer {
    let own = config.secret.as_ref().map(|own| own.0.clone());
    // Small requests fit everywhere; only a raised size can be more than the connector takes.
    let raised =
        Some(config.max_packet_size).filter(|size| *size > mod_jk::ajp::DEFAULT_PACKET_SIZE);
    Peer {
        name: Some(name.to_owned()),
        target: Target::new(&config.host, config.port, config.prefer_ipv6),
        secret: secret.map(str::to_owned).or(own),
        packet_size: args.packet_size.or(raised),
    }
}

/// One line of the report.
struct Line {
    step: &'static str,
    took: Duration,
    text: String,
}

/// What came of it.
#[derive(Default)]
struct Report {
    lines: Vec<Line>,
    /// Things to know although it serves.
    remarks: Vec<String>,
    diagnosis: Option<Diagnosis>,
}

fn ask(peer: &Peer, args: &Ping) -> Report {
    let mut report = Report::default();
    match attempt(peer, args, &mut report) {
        Ok(()) => {}
        Err(mut seen) => {
            complete(&mut seen, peer, args);
            report.diagnosis = Some(diagnose(&seen));
        }
    }
    report
}

/// Goes through the steps; returns what was seen where they end.
fn attempt(peer: &Peer, args: &Ping, report: &mut Report) -> Result<(), Box<Seen>> {
    let seen = |step, fault, answers_cping| {
        Box::new(Seen {
            target: peer.target.name(),
            step,
            fault,
            listens_at: Vec::new(),
            has_secret: peer.secret.is_some(),
            says_to_http: Vec::new(),
            answers_cping,
        })
    };
    let mut line =
        |step, took, text: &str| report.lines.push(Line { step, took, text: text.to_owned() });

    let (took, found) = talk::timed(|| peer.target.look_up().and_then(|_| peer.target.addresses()));
    let addresses = found.map_err(|why| {
        line("look up", took, "no address");
        seen(Step::LookUp, Fault::Other(why.source.to_string()), false)
    })?;
    if peer.target.is_name() {
        let list: Vec<_> = addresses.iter().map(|own| own.ip().to_string()).collect();
        line("look up", took, &list.join(", "));
    }

    let mut refused = Vec::new();
    let mut open = None;
    let mut last = Fault::Refused;
    for address in addresses.iter() {
        let (took, result) = talk::timed(|| talk::connect(*address, args.timeout));
        match result {
            Ok(connection) => {
                line("connect", took, &address.to_string());
                open = Some((connection, *address));
                break;
            }
            Err(fault) => {
                line("connect", took, &format!("{address}: {}", fault.label()));
                refused.push(*address);
                last = fault;
            }
        }
    }
    let (mut connection, address) = open.ok_or_else(|| seen(Step::Connect, last, false))?;

    let (took, pong) = talk::timed(|| talk::cping(&mut connection, args.timeout));
    line("CPING", took, &pong.as_ref().map_or_else(Fault::label, |()| "CPONG".to_owned()));
    if pong.is_err() {
        // A container may refuse the CPING alone; whether it serves is what counts.
        connection = talk::connect(address, args.timeout)
            .map_err(|fault| seen(Step::Connect, fault, false))?;
    }
    let (took, reply) = talk::timed(|| {
        talk::request(&mut connection, peer, &args.uri, &args.host, None, args.timeout)
    });
    match (&pong, reply) {
        (Err(fault), Err(_)) => return Err(seen(Step::Cping, fault.clone(), false)),
        (_, Err(fault)) => {
            line("request", took, &fault.label());
            return Err(seen(Step::Request, fault, true));
        }
        (_, Ok(reply)) => {
            line(
                "request",
                took,
                &format!("GET {}: {}, {} bytes", args.uri, reply.status, reply.bytes),
            );
            if reply.status >= 500 || (reply.status == 403 && reply.closed) {
                let fault = Fault::Status { status: reply.status, closed: reply.closed };
                return Err(seen(Step::Request, fault, pong.is_ok()));
            }
        }
    }

    if let Some(size) = peer.packet_size {
        let step = Step::LargeRequest(size);
        let mut connection =
            talk::connect(address, args.timeout).map_err(|fault| seen(step, fault, true))?;
        let (took, reply) = talk::timed(|| {
            talk::request(&mut connection, peer, &args.uri, &args.host, Some(size), args.timeout)
        });
        let fault = match reply {
            Ok(reply) if reply.status < 400 || reply.status == 404 => {
                line("large", took, &format!("a request of {size} bytes: {}", reply.status));
                None
            }
            Ok(reply) => Some(Fault::Status { status: reply.status, closed: reply.closed }),
            Err(fault) => Some(fault),
        };
        if let Some(fault) = fault {
            line("large", took, &format!("a request of {size} bytes: {}", fault.label()));
            return Err(seen(step, fault, true));
        }
    }
    if pong.is_err() {
        report.remarks.push(
            "it serves requests and does not answer a CPING: leave ping_mode and connection_ping_interval unset".to_owned(),
        );
    }
    if let (false, Some(first)) = (refused.is_empty(), refused.first()) {
        report.remarks.push(format!(
            "{} does not accept connections and {} does: with host={} for the worker the first attempt is spared",
            first, address, address.ip()
        ));
    }
    Ok(())
}

/// Looks at what may explain a failure.
fn complete(seen: &mut Seen, peer: &Peer, args: &Ping) {
    let limit = args.timeout.min(Duration::from_secs(2));
    let Ok(addresses) = peer.target.addresses() else { return };
    match (seen.step, &seen.fault) {
        (Step::Connect, Fault::Refused) => {
            let own =
                addresses.iter().any(|address| address.ip().is_loopback() || is_own(*address));
            let port = addresses.first().map_or(0, SocketAddr::port);
            let loopbacks = [[127, 0, 0, 1].into(), std::net::Ipv6Addr::LOCALHOST.into()]
                .map(|ip: std::net::IpAddr| SocketAddr::new(ip, port));
            let others = loopbacks.into_iter().filter(|other| own && !addresses.contains(other));
            seen.listens_at = others.filter(|other| talk::connect(*other, limit).is_ok()).collect();
        }
        (Step::Cping, _) => {
            let Some(address) = addresses.first() else { return };
            seen.says_to_http = talk::says_to_http(*address, limit);
        }
        _ => {}
    }
}

/// Tells whether an address is one of this machine: then it would be the local end as well.
fn is_own(address: SocketAddr) -> bool {
    let any: SocketAddr = match address {
        SocketAddr::V4(_) => ([0, 0, 0, 0], 0).into(),
        SocketAddr::V6(_) => (std::net::Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    // Nothing is sent: connecting a UDP socket only asks for the route.
    UdpSocket::bind(any)
        .and_then(|socket| socket.connect(address).and_then(|()| socket.local_addr()))
        .is_ok_and(|local| local.ip() == address.ip())
}

fn label(peer: &Peer) -> String {
    match &peer.name {
        Some(name) => format!("{name} at {}", peer.target.name()),
        None => peer.target.name(),
    }
}

fn print(peer: &Peer, report: &Report) {
    say!("{}", label(peer));
    for line in &report.lines {
        let ms = line.took.as_secs_f64() * 1000.0;
        say!("  {:<8} {ms:>8.1} ms  {}", line.step, line.text);
    }
    match &report.diagnosis {
        None => say!("  serves"),
        Some(found) => {
            say!("  does not serve: {}", found.cause);
            for remedy in &found.remedies {
                say!("    - {remedy}");
            }
        }
    }
    for remark in &report.remarks {
        say!("  note: {remark}");
    }
}

fn page(peer: &Peer, report: &Report) -> Value {
    let steps = report.lines.iter().map(|line| {
        json!({ "step": line.step, "ms": line.took.as_secs_f64() * 1000.0, "result": line.text })
    });
    json!({
        "worker": peer.name, "target": peer.target.name(), "serves": report.diagnosis.is_none(),
        "steps": steps.collect::<Vec<_>>(), "remarks": report.remarks,
        "diagnosis": report.diagnosis.as_ref().map(|own| {
            json!({ "kind": own.kind, "cause": own.cause, "remedies": own.remedies })
        }),
    })
}
