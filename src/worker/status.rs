//! The status worker: who may ask, what is changed, in which form the answer goes out.

use std::sync::atomic::Ordering::Relaxed;

use super::workers::{VERSION, Worker, Workers};
use super::{Downstream, edits, scrape::scrape, snapshot::snapshot};
use crate::clock;
use crate::config::{StatusConfig, WorkerKind};
use crate::lb::{Activation, Method, level};
use crate::log::escaped;
use crate::metrics;
use crate::net::Target;
use crate::status::carry::{old_value, parameter, property};
use crate::status::edit::{Attribute, Change, Value, check, plan};
use crate::status::machine::Shape;
use crate::status::rating::Rules;
use crate::status::request::{Action, Command, Mime, parse};
use crate::status::view::{Moment, Server, Snapshot};
use crate::status::{Refusal, guard, html, json, machine};

/// Answers one request.
///
/// # Errors
///
/// 403 for somebody who may not look.
pub fn serve<D: Downstream>(
    workers: &Workers,
    config: &StatusConfig,
    downstream: &mut D,
    is_loopback_only: bool,
) -> Result<(), u16> {
    let remote = downstream.remote();
    if is_loopback_only && !guard::is_loopback(&remote) {
        tracing::warn!(
            "JK-504 the status page is for this machine only, not for {remote}; answered 403"
        );
        return Err(403);
    }
    if !guard::may_look(&config.users, config.user_case_insensitive, downstream.user()) {
        tracing::warn!("JK-501 the status page is not for this user; answered 403");
        return Err(403);
    }
    let query = query_of(downstream);
    let (mime, command) = parse(&query, config.read_only);
    let server = server_of(downstream);
    let picture = snapshot(workers, server.clone());
    if command.as_ref().is_ok_and(|command| command.action == Action::Metrics) {
        let headers: Vec<_> =
            guard::HEADERS.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        downstream.answer(200, metrics::CONTENT_TYPE, &headers, &scrape(workers));
        return Ok(());
    }
    let mut edited = None;
    let command = command.and_then(|command| {
        if command.action.is_change() {
            if !may_change(downstream) {
                return Err(Refusal::CrossSite);
            }
            let changes = plan(&command, &picture)?;
            edited = apply(workers, &changes, &picture, downstream)?;
        } else {
            check(&command, &picture)?;
        }
        Ok(command)
    });
    let picture = snapshot(edited.as_ref().unwrap_or(workers), server);
    answer(downstream, config, mime, command.as_ref(), &picture);
    Ok(())
}

/// Joins query and form fields, as pages send one value of theirs in the body.
fn query_of<D: Downstream>(downstream: &mut D) -> String {
    let mut query = String::from_utf8_lossy(downstream.query().unwrap_or_default()).into_owned();
    if downstream.method() == b"POST" {
        let mut body = vec![0; LARGEST_FORM];
        let mut len = 0;
        while len < body.len() {
            match downstream.read_body(&mut body[len..]) {
                Ok((0, _)) | Err(_) => break,
                Ok((got, ended)) => {
                    len += got;
                    if ended {
                        break;
                    }
                }
            }
        }
        if len > 0 {
            query.push('&');
            query.push_str(&String::from_utf8_lossy(&body[..len]));
        }
    }
    query
}

fn may_change<D: Downstream>(downstream: &D) -> bool {
    let text = |name: &str| {
        downstream.header(name).map(|value| String::from_utf8_lossy(value).into_owned())
    };
    let [site, origin, referer, host] = ["Sec-Fetch-Site", "Origin", "Referer", "Host"].map(text);
    guard::may_change(&guard::Provenance {
        method: &String::from_utf8_lossy(downstream.method()),
        sec_fetch_site: site.as_deref(),
        origin: origin.as_deref(),
        referer: referer.as_deref(),
        host: host.as_deref(),
    })
}

fn server_of<D: Downstream>(downstream: &D) -> Server {
    let (name, port, software) = downstream.server();
    let now = Moment::at(clock::unix_now().as_secs() as i64, clock::utc_offset());
    Server { name, port, software, version: format!("mod_jk/{VERSION}"), now }
}

/// Carries out changes: all of them, or none if one is not possible. Returns the workers as they
/// are then, if settings have changed.
fn apply<D: Downstream>(
    workers: &Workers,
    changes: &[Change],
    picture: &Snapshot,
    downstream: &D,
) -> Result<Option<Workers>, Refusal> {
    let is_setting = |change: &&Change| {
        !matches!(
            change,
            Change::Recover { .. }
                | Change::Reset { .. }
                | Change::Member { attribute: Attribute::Activation, .. }
        )
    };
    let settings: Vec<_> = changes.iter().filter(is_setting).cloned().collect();
    let edited = if settings.is_empty() { None } else { Some(write(workers, &settings)?) };
    let user = downstream.user().unwrap_or(b"-");
    let who = format!("{} from {}", escaped(user), downstream.remote());
    for change in changes {
        match change {
            Change::Member { balancer, member, value: Value::Activation(value), .. } => {
                set_activation(workers, balancer, member, *value, &who);
            }
            Change::Recover { balancer, member } => recover(workers, balancer, member, &who),
            Change::Reset { worker, member } => reset(workers, worker, member.as_deref(), &who),
            Change::Balancer { balancer, attribute, value } => {
                log_setting(
                    &format!("balancer {balancer}"),
                    *attribute,
                    change,
                    value,
                    picture,
                    &who,
                );
            }
            Change::Member { balancer, member, attribute, value } => {
                let of = format!("balancer {balancer}: member {member}");
                log_setting(&of, *attribute, change, value, picture, &who);
            }
            Change::Ajp { worker, attribute, value } => {
                log_setting(&format!("worker {worker}"), *attribute, change, value, picture, &who);
            }
        }
    }
    Ok(edited)
}

/// Writes changed settings where all children see them.
fn write(workers: &Workers, settings: &[Change]) -> Result<Workers, Refusal> {
    let refuse = |text: String| Err(Refusal::Update(text));
    let before = workers.places.segment.board().read().1;
    let text = edits::add(&workers.config, &before, settings);
    let (config, _) = edits::lay_over(&workers.config, &text);
    for change in settings {
        if !edits::is_possible(&workers.config, change) {
            let name = parameter(change).unwrap_or_default();
            return refuse(format!("{name} cannot be changed here: it has no effect"));
        }
        // Names are looked up before the lock is taken; that may take seconds.
        if let Change::Ajp { worker, attribute: Attribute::Host | Attribute::Port, .. } = change
            && let Some(WorkerKind::Ajp13(ajp)) = config.workers.get(worker).map(|own| &own.kind)
            && let Err(why) = Target::new(&ajp.host, ajp.port, ajp.prefer_ipv6).look_up()
        {
            return refuse(format!("vahst: {why}"));
        }
    }
    let board = workers.places.segment.board();
    let Some(held) = board.lock.hold() else { return refuse("no lock can be had".to_owned()) };
    // Somebody else may have been faster; both changes count.
    let text = edits::add(&workers.config, &board.read().1, settings);
    if !board.write(&held, &text) {
        return refuse("there is no room for more changes: put some into the file".to_owned());
    }
    drop(held);
    Ok(workers.with(&edits::lay_over(&workers.config, &text).0, workers))
}

fn log_setting(
    of: &str,
    attribute: Attribute,
    change: &Change,
    value: &Value,
    picture: &Snapshot,
    who: &str,
) {
    let old = old_value(change, picture).map(|old| old.text()).unwrap_or_default();
    tracing::info!(
        "JK-502 {of}: {} \"{}\" is \"{}\" now, by {who}",
        property(attribute),
        escaped(old.as_bytes()),
        escaped(value.text().as_bytes())
    );
}

fn set_activation(workers: &Workers, balancer: &str, member: &str, to: Activation, who: &str) {
    let Some(Worker::Lb(lb)) = workers.get(balancer) else { return };
    let Some(place) = lb.members.iter().position(|own| own.name == member) else { return };
    let from = lb.activation(place);
    // What the file says is no edit, so that a later change of the file counts.
    let is_own = lb.balancer.members[place].activation == to;
    lb.records[place].activation.store(if is_own { 0 } else { to as u32 + 1 }, Relaxed);
    if to == Activation::Active && lb.balancer.method != Method::Busyness {
        // It was given nothing for a while; without this it would be given everything now.
        let most = lb.records.iter().map(|record| record.lb_value.load(Relaxed)).max();
        lb.records[place].lb_value.fetch_max(most.unwrap_or(0), Relaxed);
    }
    tracing::info!(
        "JK-502 balancer {balancer}: member {member}: activation {} is {} now, by {who}",
        from.code(),
        to.code()
    );
}

fn recover(workers: &Workers, balancer: &str, member: &str, who: &str) {
    let Some(Worker::Lb(lb)) = workers.get(balancer) else { return };
    let Some(place) = lb.members.iter().position(|own| own.name == member) else { return };
    level(lb.records[place], lb.records.iter().copied());
    tracing::info!("JK-502 balancer {balancer}: member {member} is tried again, by {who}");
}

fn reset(workers: &Workers, worker: &str, member: Option<&str>, who: &str) {
    match workers.get(worker) {
        Some(Worker::Ajp13(_, place)) => {
            workers.places.segment.member(*place).clear_counters(clock::unix_now().as_secs() as i64)
        }
        Some(Worker::Lb(lb)) => {
            for (own, record) in lb.members.iter().zip(&lb.records) {
                if member.is_none_or(|name| name == own.name) {
                    record.clear_counters(clock::unix_now().as_secs() as i64);
                }
            }
        }
        Some(Worker::Status(_)) | None => return,
    }
    let of = member.map(|name| format!(", member {name}")).unwrap_or_default();
    tracing::info!("JK-502 worker {worker}{of}: counters are 0 now, by {who}");
}

fn answer<D: Downstream>(
    downstream: &mut D,
    config: &StatusConfig,
    mime: Mime,
    command: Result<&Command, &Refusal>,
    picture: &Snapshot,
) {
    let rules =
        Rules::new(config.good.iter().map(String::as_str), config.bad.iter().map(String::as_str));
    let mut headers: Vec<(&str, String)> =
        guard::HEADERS.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    // The machine formats keep 200 whatever happens; scripts read the answer's own word.
    let status = command.err().map_or(200, Refusal::http_status);
    let (status, kind, body) = match mime {
        Mime::Json => (status, "application/json", json::render(command, picture, &rules)),
        Mime::Html => {
            let nonce = clock::nonce();
            headers.push(("Content-Security-Policy", guard::content_security_policy(&nonce)));
            let setting =
                html::Setting { rules: &rules, is_read_only: config.read_only, nonce: &nonce };
            let page = html::render(command, picture, &setting).unwrap_or_default();
            (status, "text/html; charset=utf-8", page)
        }
        Mime::Xml | Mime::Txt | Mime::Prop => {
            let shape = Shape {
                prefix: config.prefix.clone(),
                ns: config.ns.clone(),
                xmlns: config.xmlns.clone(),
                doctype: config.doctype.clone(),
                rules,
            };
            let kind = if mime == Mime::Xml { "text/xml" } else { "text/plain" };
            (200, kind, machine::render(mime, command, picture, &shape))
        }
    };
    downstream.answer(status, kind, &headers, &body);
}

/// Longest form that is read.
const LARGEST_FORM: usize = 64 * 1024;
