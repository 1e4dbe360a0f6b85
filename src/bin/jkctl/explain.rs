//! `jkctl explain`: which worker serves a URI, and why.

use mod_jk::tool::explain::{Considered, Decision, MappingSettings, RouteVerdict};
use mod_jk::tool::httpd_conf::{ConfServer, ServerChoice};
use mod_jk::uri_map::Rule;
use mod_jk::uri_map::problem::printable;
use serde_json::{Value, json};

use crate::cli::files::Explain;
use crate::inputs::{self, Inputs};
use crate::output::Printer;
use crate::{CommandResult, NO, WELL};

/// Explains and prints.
pub fn run(args: &Explain, output: Printer) -> CommandResult {
    let files = match args.files.is_empty() {
        true => vec![inputs::usual_conf()?],
        false => args.files.clone(),
    };
    let inputs = inputs::read(&files, &args.reading)?;
    let host = args.vhost.clone().or_else(|| host_of(&args.uri));
    let (places, choice) = match &host {
        Some(host) => {
            let choice = inputs.conf.server_for(host);
            (vec![choice.place()], Some(choice))
        }
        None => ((0..inputs.conf.servers.len()).collect(), None),
    };
    let refused = inputs::refusal(&inputs.checked);
    if let (Some(refused), false) = (&refused, output.is_json()) {
        say!("{refused}\n");
    }
    let mut is_mapped = false;
    let mut pages = Vec::new();
    for place in places {
        let map = inputs.map(place);
        let server = &inputs.conf.servers[place];
        let decision = map.decide(args.uri.as_bytes(), &setting(server));
        let elsewhere = elsewhere(&inputs, place, args.uri.as_bytes(), &decision);
        is_mapped |= matches!(decision.verdict, RouteVerdict::Worker { .. });
        match output.is_json() {
            false => {
                if place > 0 && !pages.is_empty() {
                    say!();
                }
                if let (Some(ServerChoice::First(_)), Some(host)) = (choice, &host) {
                    say!("no virtual host is named {host}: httpd takes the first one");
                }
                print(&inputs, server, &decision, &elsewhere, args.all);
                pages.push(Value::Null);
            }
            true => pages.push(page(server, &decision, &elsewhere, args.all)),
        }
    }
    if output.is_json() {
        output.json(&json!({ "uri": args.uri, "refused": refused, "servers": pages }));
    }
    Ok(if is_mapped { WELL } else { NO })
}

/// Host and port of a URL.
fn host_of(uri: &str) -> Option<String> {
    let (scheme, rest) = uri.split_once("://")?;
    let host = rest.split('/').next()?;
    match scheme {
        _ if host.contains(':') => Some(host.to_owned()),
        "https" => Some(format!("{host}:443")),
        _ => Some(format!("{host}:80")),
    }
}

fn setting(server: &ConfServer) -> MappingSettings {
    let options = &server.settings.options;
    MappingSettings {
        encoded_slashes: server.encoded_slashes.unwrap_or_default(),
        keeps_slashes: server.merge_slashes == Some(false),
        rejects_unsafe: options.reject_unsafe_uri == Some(true),
        forbids_unsafe: options.forbid_unsafe_uri == Some(true),
        forward: options.forward_uri.unwrap_or_default(),
    }
}

/// Other servers that would map a URI which this one does not.
fn elsewhere<'i>(
    inputs: &'i Inputs,
    own: usize,
    uri: &[u8],
    decision: &Decision<'_>,
) -> Vec<(&'i ConfServer, String)> {
    if !matches!(decision.verdict, RouteVerdict::NotMapped { .. }) {
        return Vec::new();
    }
    let others = inputs.conf.servers.iter().enumerate().filter(|(place, _)| *place != own);
    let mapped = others.filter_map(|(place, server)| {
        match inputs.map(place).decide(uri, &setting(server)).verdict {
            RouteVerdict::Worker { worker, .. } => Some((server, worker)),
            RouteVerdict::NotMapped { .. } | RouteVerdict::Answered { .. } => None,
        }
    });
    mapped.collect()
}

fn print(
    inputs: &Inputs,
    server: &ConfServer,
    decision: &Decision<'_>,
    elsewhere: &[(&ConfServer, String)],
    shows_all: bool,
) {
    say!("{}", server.label());
    let row = |label: &str, text: &str| say!("  {label:<12} {text}");
    if let Some(path) = &decision.path {
        row("httpd's path", &printable(path));
    }
    if let Some(uri) = &decision.match_uri {
        row("match URI", &printable(uri));
    }
    let close = close(decision, shows_all);
    let hidden = decision.considered.len() - close.len();
    if hidden > 0 {
        row("rules", &format!("{hidden} that match less (--all shows them)"));
    }
    for own in close {
        match &own.mismatch {
            Some(why) => row("no", &format!("{}: {why}", own.rule)),
            None => row("yes", &format!("{}: the first that matches", own.rule)),
        }
    }
    let most = if shows_all { usize::MAX } else { FEW };
    let more = decision.outranked.len().saturating_sub(most);
    for rule in decision.outranked.iter().take(most) {
        let winner = decision.explanation.as_ref().and_then(|own| own.winner);
        let why = winner.map(|winner| rank(winner, rule)).unwrap_or_default();
        row("later", &format!("{rule}: matches too, {why}"));
    }
    if more > 0 {
        row("later", &format!("{more} more that match too (--all shows them)"));
    }
    if let Some(explanation) = &decision.explanation {
        for rule in &explanation.exclusions_considered {
            let is_it =
                explanation.excluded_by.is_some_and(|own| std::sync::Arc::ptr_eq(own, rule));
            if is_it || shows_all {
                let word = if is_it { "matches" } else { "does not match" };
                row("exclusion", &format!("{rule}: {word}"));
            }
        }
        for rule in &explanation.disabled {
            row("disabled", &format!("{rule}: would match"));
        }
    }
    match &decision.verdict {
        RouteVerdict::Worker { worker, forwarded } => {
            row("worker", &format!("{worker}{}", remark(inputs, worker)));
            row("forwarded", &printable(forwarded));
        }
        RouteVerdict::NotMapped { why } => row("not mapped", why),
        RouteVerdict::Answered { status, why } => row("answered", &format!("{status}, {why}")),
    }
    for (other, worker) in elsewhere {
        let hint = match other.addresses.is_empty() && !server.addresses.is_empty() {
            true => "; virtual hosts see its rules with JkMountCopy On only",
            false => "",
        };
        row("elsewhere", &format!("{}: worker {worker}{hint}", other.label()));
    }
}

/// Says if the worker cannot serve.
fn remark(inputs: &Inputs, worker: &str) -> &'static str {
    match inputs.checked.workers.list.iter().any(|own| own == worker) {
        true => "",
        false if !inputs.has_workers => "",
        false => ", which is not in worker.list: answered 500",
    }
}

/// Rules worth showing, in their order: the one that matches, and the few that come closest to it.
fn close<'d, 'm>(decision: &'d Decision<'m>, shows_all: bool) -> Vec<&'d Considered<'m>> {
    let all = decision.considered.iter();
    if shows_all || decision.considered.len() <= FEW {
        return all.collect();
    }
    let uri = decision.match_uri.as_deref().unwrap_or_default();
    let shared = |rule: &Rule| {
        let both = rule.pattern.iter().zip(uri);
        both.take_while(|(a, b)| a.eq_ignore_ascii_case(b)).count()
    };
    // The slash at the beginning is common to all.
    let mut closest: Vec<_> = all
        .enumerate()
        .map(|(place, own)| (shared(own.rule), place))
        .filter(|(shared, place)| *shared > 1 || decision.considered[*place].mismatch.is_none())
        .collect();
    closest.sort_by_key(|(shared, place)| {
        (decision.considered[*place].mismatch.is_some(), std::cmp::Reverse(*shared))
    });
    closest.truncate(FEW);
    closest.sort_by_key(|(_, place)| *place);
    closest.into_iter().map(|(_, place)| &decision.considered[place]).collect()
}

/// Says why one matching rule comes before another.
fn rank(winner: &Rule, later: &Rule) -> String {
    let slashes = |rule: &Rule| rule.pattern.iter().filter(|byte| **byte == b'/').count();
    let (a, b) = (slashes(winner), slashes(later));
    match (a.cmp(&b), winner.pattern.len().cmp(&later.pattern.len())) {
        (std::cmp::Ordering::Greater, _) => format!("but has fewer slashes ({b}, not {a})"),
        (_, std::cmp::Ordering::Greater) => {
            format!("but is shorter ({} bytes, not {})", later.pattern.len(), winner.pattern.len())
        }
        _ if winner.source != later.source => {
            "but a mount file comes before directives, and both before worker mounts".to_owned()
        }
        _ => "but was defined later".to_owned(),
    }
}

fn page(
    server: &ConfServer,
    decision: &Decision<'_>,
    elsewhere: &[(&ConfServer, String)],
    shows_all: bool,
) -> Value {
    let text = |bytes: &Option<Vec<u8>>| bytes.as_deref().map(printable);
    let rule = |rule: &Rule| {
        json!({
            "pattern": printable(&rule.pattern), "worker": &*rule.worker,
            "file": &*rule.origin.file, "line": rule.origin.line,
        })
    };
    let explanation = decision.explanation.as_ref();
    let (worker, forwarded, status, why) = match &decision.verdict {
        RouteVerdict::Worker { worker, forwarded } => {
            (Some(worker), Some(printable(forwarded)), None, None)
        }
        RouteVerdict::NotMapped { why } => (None, None, None, Some(why)),
        RouteVerdict::Answered { status, why } => (None, None, Some(status), Some(why)),
    };
    json!({
        "server": server.label(), "path": text(&decision.path),
        "match_uri": text(&decision.match_uri),
        "considered_count": decision.considered.len(),
        "considered": close(decision, shows_all).into_iter().map(|own| {
            let mut page = rule(own.rule);
            page["mismatch"] = json!(own.mismatch);
            page
        }).collect::<Vec<_>>(),
        "later": decision.outranked.iter().map(|own| rule(own)).collect::<Vec<_>>(),
        "winner": explanation.and_then(|own| own.winner).map(|own| rule(own)),
        "excluded_by": explanation.and_then(|own| own.excluded_by).map(|own| rule(own)),
        "disabled": explanation.map(|own| own.disabled.iter().map(|own| rule(own)).collect::<Vec<_>>()),
        "worker": worker, "forwarded": forwarded, "status": status, "why": why,
        "elsewhere": elsewhere.iter()
            .map(|(server, worker)| json!({ "server": server.label(), "worker": worker }))
            .collect::<Vec<_>>(),
    })
}

/// So many rules are shown whatever they are.
const FEW: usize = 8;
