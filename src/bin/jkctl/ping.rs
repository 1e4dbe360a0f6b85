//! `jkctl ping`: a connection, a CPING, a request, and words for what fails.

mod talk;

use std::net::Ipv6Addr;
use std::time::Duration;

use mod_jk::config::{Ajp13Config, WorkerKind, WorkersConfig, unix_path, unix_path_fault};
use mod_jk::net::{Endpoint, PeerAddress};
use mod_jk::text;
use mod_jk::tool::diagnosis::{Diagnosis, Observations, diagnose};
use mod_jk::tool::step_fault::{DiagnosisStep, StepFault};
use serde_json::{Value, json};

use crate::cli::files::PingArgs;
use crate::output::{Emphasis, Printer};
use crate::{CommandResult, NO, WELL, disk, inputs};
use talk::Peer;

/// Asks everything that was named, and prints.
pub fn run(args: &PingArgs, output: Printer) -> CommandResult {
    let secret = args.secret_file.as_deref().map(disk::first_line).transpose()?;
    let (wanted, refused) = wanted(args, secret.as_deref())?;
    if let (Some(refused), false) = (&refused, output.is_json()) {
        say!("{refused}\n");
    }
    let mut serve = true;
    let mut pages = Vec::new();
    for peer in &wanted {
        let mut report = ask(peer, args);
        if let Some(found) = report.diagnosis.as_mut().filter(|own| own.kind == "no-address")
            && args.files.is_empty()
        {
            found
                .remedies
                .push("if it is the name of a worker, give the workers file with -f".to_owned());
        }
        serve &= report.diagnosis.is_none();
        match output.is_json() {
            false => print(peer, &report, output),
            true => pages.push(page(peer, &report)),
        }
    }
    if output.is_json() {
        output.json(&json!({ "backends": pages, "refused": refused }));
    }
    Ok(if serve { WELL } else { NO })
}

/// Asks everything that was named.
pub fn ask_all(args: &PingArgs) -> Result<Vec<(Peer, Report)>, String> {
    let (wanted, _) = wanted(args, None)?;
    let asked = wanted.into_iter().map(|peer| {
        let report = ask(&peer, args);
        (peer, report)
    });
    Ok(asked.collect())
}

/// Finds out who is meant, and whether httpd would refuse the files that say so.
fn wanted(args: &PingArgs, secret: Option<&str>) -> Result<(Vec<Peer>, Option<String>), String> {
    let address = |own| address(own, args.files.is_empty());
    if let Some(target) = args.target.as_deref().map(address).transpose()?.flatten() {
        let peer = Peer {
            name: None,
            target,
            secret: secret.map(|own| text::raw(own).into_owned()),
            session: None,
            packet_size: args.packet_size,
        };
        return Ok((vec![peer], None));
    }
    if args.files.is_empty() {
        return Err(match &args.target {
            Some(name) => format!(
                "{name} is no host, host:port or unix:/path: correct it, or give the workers file with -f"
            ),
            None => "no target: give host:port, unix:/path, or the workers file with -f".to_owned(),
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
                return Err(format!("{name} is a status worker: it has no backend"));
            }
            Some(WorkerKind::Ajp13(_)) => vec![name],
        },
    };
    let kinds = names.into_iter().filter_map(|name| match &workers.workers.get(name)?.kind {
        WorkerKind::Ajp13(own) => {
            let session = session_of(workers, name);
            Some(Peer { session, ..peer(name, own, secret, args) })
        }
        WorkerKind::Lb(_) | WorkerKind::Status(_) => None,
    });
    let peers: Vec<_> = kinds.collect();
    match peers.is_empty() {
        true => Err("the files name no ajp13 worker".to_owned()),
        false => Ok((peers, inputs::refusal(&read.checked))),
    }
}

/// Reads `host:port` or `unix:` and a path, and where no files name workers, a host alone, whose port is
/// that of AJP connectors; anything else may be the name of a worker.
fn address(target: &str, is_host: bool) -> Result<Option<Endpoint>, String> {
    if let Some(path) = unix_path(target) {
        return match unix_path_fault(path) {
            Some(fault) => Err(format!("{target}: {fault}")),
            None => Ok(Some(Endpoint::unix(target, &text::path(path)))),
        };
    }
    // An address of IPv6 has colons of its own, and brackets around it where a port follows.
    let bare = |host: &str| {
        let inner = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        inner.filter(|own| own.parse::<Ipv6Addr>().is_ok()).unwrap_or(host).to_owned()
    };
    let is_v6 = bare(target).parse::<Ipv6Addr>().is_ok();
    let found = target.rsplit_once(':').filter(|_| !is_v6).and_then(|(host, port)| {
        let port = port.parse::<u16>().ok().filter(|port| *port > 0)?;
        Some(Endpoint::new(&bare(host), port, false))
    });
    let is_name = |own: &str| !own.is_empty() && !own.contains([':', '/', ' ']);
    let alone = (is_v6 || (is_host && is_name(target)))
        .then(|| Endpoint::new(&bare(target), DEFAULT_PORT, false));
    Ok(found.or(alone))
}

/// Port of AJP connectors, unless they are given another one.
const DEFAULT_PORT: u16 = 8009;

fn peer(name: &str, config: &Ajp13Config, secret: Option<&str>, args: &PingArgs) -> Peer {
    let own = config.secret.as_ref().map(|own| own.0.to_vec());
    // Small requests fit everywhere; only a raised size can be more than the connector takes.
    let raised =
        Some(config.max_packet_size).filter(|size| *size > mod_jk::ajp::DEFAULT_PACKET_SIZE);
    Peer {
        name: Some(name.to_owned()),
        target: match config.unix_path() {
            Some(path) => Endpoint::unix(&config.host, &path),
            None => Endpoint::new(&config.host, config.port, config.prefer_ipv6),
        },
        secret: secret.map(|own| text::raw(own).into_owned()).or(own),
        session: None,
        packet_size: args.packet_size.or(raised),
    }
}

/// Returns cookie and route of a member's sessions, where a balancer goes by them.
fn session_of(workers: &WorkersConfig, name: &str) -> Option<(String, String)> {
    workers.workers.values().find_map(|worker| match &worker.kind {
        WorkerKind::Lb(lb) if lb.sticky_session && !lb.set_session_cookie => {
            let own = lb.members.iter().find(|own| own.worker == name)?;
            Some((lb.session_cookie.clone(), own.route.clone()))
        }
        _ => None,
    })
}

/// One line of the report.
struct ReportLine {
    step: &'static str,
    took: Duration,
    text: String,
}

/// What came of it.
#[derive(Default)]
pub struct Report {
    lines: Vec<ReportLine>,
    /// Things to know although it serves.
    remarks: Vec<String>,
    /// Why it does not serve; `None` if it does.
    pub diagnosis: Option<Diagnosis>,
}

fn ask(peer: &Peer, args: &PingArgs) -> Report {
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
fn attempt(peer: &Peer, args: &PingArgs, report: &mut Report) -> Result<(), Box<Observations>> {
    let seen = |step, fault, answers_cping| {
        Box::new(Observations {
            target: peer.target.name(),
            step,
            fault,
            listens_at: Vec::new(),
            has_secret: peer.secret.is_some(),
            says_to_http: Vec::new(),
            answers_cping,
        })
    };
    let mut remarks = Vec::new();
    let mut line = |step, took, text: &str| {
        report.lines.push(ReportLine { step, took, text: text.to_owned() })
    };

    let (took, found) = talk::timed(|| peer.target.look_up().and_then(|_| peer.target.addresses()));
    let addresses = found.map_err(|why| {
        line("look up", took, "no address");
        seen(DiagnosisStep::LookUp, StepFault::Other(why.source.to_string()), false)
    })?;
    if peer.target.is_name() {
        let list: Vec<_> = addresses.iter().map(PeerAddress::host).collect();
        line("look up", took, &list.join(", "));
    }

    let mut refused = Vec::new();
    let mut open = None;
    let mut last = StepFault::Refused;
    for address in addresses.iter() {
        let (took, result) = talk::timed(|| talk::connect(address, args.timeout));
        match result {
            Ok(connection) => {
                line("connect", took, &address.to_string());
                open = Some((connection, address));
                break;
            }
            Err(fault) => {
                line("connect", took, &format!("{address}: {}", fault.label()));
                refused.push(address);
                last = fault;
            }
        }
    }
    let (mut connection, address) =
        open.ok_or_else(|| seen(DiagnosisStep::Connect, last, false))?;

    let (took, pong) = talk::timed(|| talk::cping(&mut connection, args.timeout));
    line("CPING", took, &pong.as_ref().map_or_else(StepFault::label, |()| "CPONG".to_owned()));
    if pong.is_err() {
        // A backend may refuse the CPING alone; whether it serves is what counts.
        connection = talk::connect(address, args.timeout)
            .map_err(|fault| seen(DiagnosisStep::Connect, fault, false))?;
    }
    let (took, reply) = talk::timed(|| {
        talk::request(&mut connection, peer, &args.uri, &args.host, None, args.timeout)
    });
    match (&pong, reply) {
        (Err(fault), Err(_)) => return Err(seen(DiagnosisStep::Cping, fault.clone(), false)),
        (_, Err(fault)) => {
            line("request", took, &fault.label());
            return Err(seen(DiagnosisStep::Request, fault, true));
        }
        (_, Ok(reply)) => {
            line(
                "request",
                took,
                &format!("GET {}: {}, {} bytes", args.uri, reply.status, reply.bytes),
            );
            if let (Some(route), Some((_, own))) = (&reply.session_route, &peer.session)
                && route != own
            {
                let found = match route.is_empty() {
                    true => "has no route".to_owned(),
                    false => format!("ends in the route \"{route}\""),
                };
                remarks.push(format!(
                    "its session id {found} instead of \"{own}\", so sessions do not return to it: set jvmRoute=\"{own}\" in its server.xml, or correct the worker's route"
                ));
            }
            if reply.status >= 500 || (reply.status == 403 && reply.closed) {
                let fault = StepFault::Status { status: reply.status, closed: reply.closed };
                return Err(seen(DiagnosisStep::Request, fault, pong.is_ok()));
            }
        }
    }

    if let Some(size) = peer.packet_size {
        let step = DiagnosisStep::LargeRequest(size);
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
            Ok(reply) => Some(StepFault::Status { status: reply.status, closed: reply.closed }),
            Err(fault) => Some(fault),
        };
        if let Some(fault) = fault {
            line("large", took, &format!("a request of {size} bytes: {}", fault.label()));
            return Err(seen(step, fault, true));
        }
    }
    report.remarks.append(&mut remarks);
    if pong.is_err() {
        // A Tomcat that is still starting accepts connections, and answers when it has started.
        let again = talk::connect(address, args.timeout)
            .and_then(|mut connection| talk::cping(&mut connection, args.timeout));
        report.remarks.push(match again {
            Ok(()) => "it did not answer the first CPING in time and answers CPING now: it was probably still starting",
            Err(_) => "it serves requests but does not answer CPING: leave ping_mode and connection_ping_interval unset",
        }.to_owned());
    }
    if let (false, Some(first)) = (refused.is_empty(), refused.first()) {
        report.remarks.push(format!(
            "{} does not accept connections, but {} does: set host={} for the worker to avoid the first attempt",
            first,
            address,
            address.host()
        ));
    }
    Ok(())
}

/// Looks at what may explain a failure.
fn complete(seen: &mut Observations, peer: &Peer, args: &PingArgs) {
    let limit = args.timeout.min(Duration::from_secs(2));
    let Ok(addresses) = peer.target.addresses() else { return };
    match (seen.step, &seen.fault) {
        (DiagnosisStep::Connect, StepFault::Refused) => {
            let loopbacks =
                addresses.iter().map(PeerAddress::loopbacks).find(|own| !own.is_empty());
            let others = loopbacks.unwrap_or_default().into_iter();
            let others = others.filter(|other| !addresses.contains(other));
            seen.listens_at = others.filter(|other| talk::connect(other, limit).is_ok()).collect();
        }
        (DiagnosisStep::Cping, _) => {
            let Some(address) = addresses.first() else { return };
            seen.says_to_http = talk::says_to_http(address, limit);
        }
        _ => {}
    }
}

fn label(peer: &Peer) -> String {
    match &peer.name {
        Some(name) => format!("{name} at {}", peer.target.name()),
        None => peer.target.name(),
    }
}

pub fn print(peer: &Peer, report: &Report, output: Printer) {
    say!("{}", label(peer));
    for line in &report.lines {
        let ms = line.took.as_secs_f64() * 1000.0;
        say!("  {:<8} {ms:>8.1} ms  {}", line.step, line.text);
    }
    match &report.diagnosis {
        None => say!("{}", output.paint(Emphasis::Good, "  serves")),
        Some(found) => {
            let text = format!("  does not serve: {}", found.cause);
            say!("{}", output.paint(Emphasis::Bad, &text));
            for remedy in &found.remedies {
                say!("    - {remedy}");
            }
        }
    }
    for remark in &report.remarks {
        say!("  note: {remark}");
    }
}

pub fn page(peer: &Peer, report: &Report) -> Value {
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
