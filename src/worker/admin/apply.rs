//! Carries out what the status worker was asked to change, and logs who asked.

use std::sync::atomic::Ordering::Relaxed;

use crate::clock;
use crate::config::rows::{ACTIVATION, HOST, PORT};
use crate::config::{Value, WorkerKind};
use crate::events::{EventFacts, EventKind};
use crate::lb::{Activation, Event};
use crate::log::excerpt;
use crate::messages::MessageCode::JK502;
use crate::net::Endpoint;
use crate::status::change::Change;
use crate::status::change_text::{Changed, parameter};
use crate::status::{StatusError, is_secret};
use crate::text;
use crate::worker::Downstream;
use crate::worker::ajp13::worker::endpoint;
use crate::worker::error_log::{client, subject};
use crate::worker::overrides::overlay;
use crate::worker::workers::{Worker, Workers};

/// Carries out changes: all of them, or none if one is not possible. Returns the workers as they
/// are then, if settings have changed.
pub fn apply<D: Downstream>(
    workers: &Workers,
    changes: &[Change],
    changed: &[Changed],
    downstream: &D,
) -> Result<Option<Workers>, StatusError> {
    let settings = settings_of(changes);
    let edited = if settings.is_empty() { None } else { Some(write(workers, &settings)?) };
    for change in changes {
        match change {
            Change::Member { balancer, member, value: Value::Activation(value), .. } => {
                set_activation(workers, balancer, member, *value);
            }
            Change::Recover { balancer, member } => recover(workers, balancer, member),
            Change::Reset { worker, member } => reset(workers, worker, member.as_deref()),
            // Written above.
            Change::Balancer { .. } | Change::Member { .. } | Change::Ajp { .. } => {}
        }
    }
    let who = client(downstream);
    let address = downstream.remote().to_string();
    let user = downstream.user().map(text::owned).unwrap_or_default();
    for one in changed {
        log(one, &who);
        keep_event(workers, one, &address, &user);
    }
    Ok(edited)
}

/// Keeps a change among the events.
fn keep_event(workers: &Workers, changed: &Changed, client: &str, user: &str) {
    let kind = match changed.attribute.as_str() {
        "counters" => EventKind::Reset,
        "state" => EventKind::Recovered,
        _ => EventKind::Changed,
    };
    let (balancer, worker) = (changed.balancer.as_deref(), changed.worker.as_deref());
    let is_hidden = is_secret(&changed.attribute);
    let value = |value: &'_ str| if is_hidden { HIDDEN.into() } else { value.to_owned().into() };
    let facts = EventFacts {
        attribute: changed.attribute.as_str().into(),
        old: value(&changed.old),
        new: value(&changed.new),
        client: client.into(),
        user: user.into(),
        ..EventFacts::new(kind, balancer.unwrap_or_default(), worker.unwrap_or_default())
    };
    workers.keep_event(&facts);
}

/// Stands in place of a value that must not be shown.
const HIDDEN: &str = "(not shown)";

/// Says whether changes could be carried out, and carries out none.
pub fn rehearse(workers: &Workers, changes: &[Change]) -> Result<(), StatusError> {
    find_hosts(workers, &settings_of(changes)).map(|_| ())
}

/// Those that are written to the overrides; an activation stands in the record of its member.
fn settings_of(changes: &[Change]) -> Vec<Change> {
    let is_setting = |change: &&Change| {
        !matches!(
            change,
            Change::Recover { .. }
                | Change::Reset { .. }
                | Change::Member { setting: ACTIVATION, .. }
        )
    };
    changes.iter().filter(is_setting).cloned().collect()
}

fn log(changed: &Changed, who: &str) {
    let of = subject(
        changed.balancer.as_deref().unwrap_or_default(),
        changed.worker.as_deref().unwrap_or_default(),
    );
    if changed.attribute == "counters" {
        return tracing::info!("{JK502} {of}: counters reset by {who}");
    }
    let effect = if changed.attribute == "lock" { " (no effect)" } else { "" };
    tracing::info!(
        "{JK502} {of}: {} changed from \"{}\" to \"{}\"{effect} by {who}",
        changed.attribute,
        excerpt(&text::raw(&changed.old), LONGEST_VALUE),
        excerpt(&text::raw(&changed.new), LONGEST_VALUE)
    );
}

/// Most bytes of a value in a line.
const LONGEST_VALUE: usize = 256;

/// Checks that settings can be changed, and looks up the hosts among them.
fn find_hosts(
    workers: &Workers,
    settings: &[Change],
) -> Result<Vec<(String, Endpoint)>, StatusError> {
    let before = workers.records.segment.overrides().read().1;
    let text = overlay::add(&workers.config, &before, settings);
    let (config, _) = overlay::apply(&workers.config, &text);
    let mut found: Vec<(String, Endpoint)> = Vec::new();
    for change in settings {
        if !overlay::is_possible(&workers.config, change) {
            let name = parameter(change).unwrap_or_default();
            return Err(StatusError::value(
                name,
                "it has no effect here and cannot be changed".to_owned(),
            ));
        }
        // A name that has no address is refused. Only the administrator waits for the answer: the
        // lock is not taken yet, and other requests go on with what there was.
        if let Change::Ajp { worker, setting: HOST | PORT, .. } = change
            && let Some(WorkerKind::Ajp13(ajp)) = config.workers.get(worker).map(|own| &own.kind)
            && !found.iter().any(|(own, _)| own == worker)
        {
            let target = endpoint(ajp);
            if let Err(why) = target.look_up() {
                return Err(StatusError::value("vahst", why.to_string()));
            }
            found.push((worker.clone(), target));
        }
    }
    Ok(found)
}

fn refuse<T>(text: String) -> Result<T, StatusError> {
    Err(StatusError::Update(text))
}

/// Writes changed settings where all children see them.
fn write(workers: &Workers, settings: &[Change]) -> Result<Workers, StatusError> {
    let found = find_hosts(workers, settings)?;
    let overrides = workers.records.segment.overrides();
    let Some(held) = overrides.lock.hold() else {
        return refuse("another child process holds the lock for changes; if it is stopped, end it, then repeat the change".to_owned());
    };
    if workers.records.are_outdated() {
        return Err(StatusError::Restarted);
    }
    // Another request may have been faster; both changes apply.
    let text = overlay::add(&workers.config, &overrides.read().1, settings);
    if !overrides.write(&held, &text) {
        return refuse(
            "there is no room for more runtime changes: move some to the configuration file"
                .to_owned(),
        );
    }
    drop(held);
    let edited = workers.with(&overlay::apply(&workers.config, &text).0, workers);
    for (name, target) in &found {
        // Another change that came in between may have named another host.
        if let Some(ajp) = edited.backend(name)
            && ajp.pool.target().name() == target.name()
        {
            ajp.pool.target().adopt(target);
        }
    }
    for (name, worker) in workers.in_order() {
        if let (Worker::Lb(before), Some(Worker::Lb(after))) = (worker, edited.get(name)) {
            // Once for all children, as only this one has written.
            after.balancer.rescale(&after.records, &before.balancer);
        }
    }
    Ok(edited)
}

fn set_activation(workers: &Workers, balancer: &str, member: &str, to: Activation) {
    let Some(Worker::Lb(lb)) = workers.get(balancer) else { return };
    let Some(index) = lb.members.iter().position(|own| own.name == member) else { return };
    // What the file says is no edit, so that a later change of the file counts.
    let is_own = lb.balancer.members[index].activation == to;
    if lb.activation(index) != to {
        lb.records[index].activated_ms.store(clock::now().0.max(1), Relaxed);
    }
    lb.records[index].activation.store(if is_own { 0 } else { to as u32 + 1 }, Relaxed);
    if to == Activation::Active {
        // It was given nothing for a while; without this it would be given everything now.
        lb.balancer.level(&lb.records, index);
    }
}

fn recover(workers: &Workers, balancer: &str, member: &str) {
    let Some(Worker::Lb(lb)) = workers.get(balancer) else { return };
    let Some(index) = lb.members.iter().position(|own| own.name == member) else { return };
    // Also from a half-open state whose request was lost.
    lb.report(index, Event::Recovered, clock::now());
}

/// Sets what is counted to 0. A member that is in error stays so: only an answer of its backend
/// or `recover` brings it back.
fn reset(workers: &Workers, worker: &str, member: Option<&str>) {
    let now = clock::unix_now().as_secs() as i64;
    match workers.get(worker) {
        Some(Worker::Ajp13(_, index)) => workers.records.segment.member(*index).clear_counters(now),
        Some(Worker::Lb(lb)) => {
            if member.is_none() {
                lb.record.max_busy.store(lb.record.busy.load(Relaxed), Relaxed);
            }
            let wanted = lb.members.iter().zip(&lb.records).enumerate();
            let wanted = wanted.filter(|(_, (own, _))| member.is_none_or(|name| name == own.name));
            for (index, (_, record)) in wanted {
                record.clear_counters(now);
                lb.report(index, Event::Reset, clock::now());
                // One member alone would get all requests until it has caught up.
                if member.is_none() && lb.balancer.method.is_counted() {
                    record.lb_value.store(0, Relaxed);
                }
            }
        }
        Some(Worker::Status(_)) | None => {}
    }
}
