//! Carries out what the status worker was asked to change, and logs who asked.

use std::sync::atomic::Ordering::Relaxed;

use super::workers::{Worker, Workers};
use super::{Downstream, edits};
use crate::clock;
use crate::config::WorkerKind;
use crate::lb::{Activation, MemberState};
use crate::log::escaped;
use crate::net::Target;
use crate::status::Refusal;
use crate::status::carry::{Changed, parameter};
use crate::status::edit::{Attribute, Change, Value};

/// Carries out changes: all of them, or none if one is not possible. Returns the workers as they
/// are then, if settings have changed.
pub fn apply<D: Downstream>(
    workers: &Workers,
    changes: &[Change],
    changed: &[Changed],
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
    let who =
        format!("{} from {}", escaped(downstream.user().unwrap_or(b"-")), downstream.remote());
    changed.iter().for_each(|one| log(one, &who));
    Ok(edited)
}

fn log(changed: &Changed, who: &str) {
    let of = match (&changed.balancer, &changed.worker) {
        (Some(balancer), Some(member)) => format!("balancer {balancer}: member {member}"),
        (Some(balancer), None) => format!("balancer {balancer}"),
        (None, worker) => format!("worker {}", worker.as_deref().unwrap_or_default()),
    };
    if changed.attribute == "counters" {
        return tracing::info!("JK-502 {of}: counters are 0 now, by {who}");
    }
    let effect = if changed.attribute == "lock" { " (it has no effect)" } else { "" };
    tracing::info!(
        "JK-502 {of}: {} \"{}\" is \"{}\" now{effect}, by {who}",
        changed.attribute,
        escaped(changed.old.as_bytes()),
        escaped(changed.new.as_bytes())
    );
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
    let Some(held) = board.lock.hold() else {
        return refuse("another child keeps the lock for changes: is it stopped?".to_owned());
    };
    // Somebody else may have been faster; both changes count.
    let text = edits::add(&workers.config, &board.read().1, settings);
    if !board.write(&held, &text) {
        return refuse("there is no room for more changes: put some into the file".to_owned());
    }
    drop(held);
    let edited = workers.with(&edits::lay_over(&workers.config, &text).0, workers);
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
    let Some(place) = lb.members.iter().position(|own| own.name == member) else { return };
    // What the file says is no edit, so that a later change of the file counts.
    let is_own = lb.balancer.members[place].activation == to;
    lb.records[place].activation.store(if is_own { 0 } else { to as u32 + 1 }, Relaxed);
    if to == Activation::Active {
        // It was given nothing for a while; without this it would be given everything now.
        lb.balancer.level(&lb.records, place);
    }
}

fn recover(workers: &Workers, balancer: &str, member: &str) {
    let Some(Worker::Lb(lb)) = workers.get(balancer) else { return };
    let Some(place) = lb.members.iter().position(|own| own.name == member) else { return };
    // Also from a trial that nobody finishes any more.
    lb.balancer.readmit(&lb.records, place, clock::now());
}

/// Sets what is counted to 0. A member that is in error stays so: only an answer of its container
/// or `recover` brings it back.
fn reset(workers: &Workers, worker: &str, member: Option<&str>) {
    let now = clock::unix_now().as_secs() as i64;
    match workers.get(worker) {
        Some(Worker::Ajp13(_, place)) => workers.places.segment.member(*place).clear_counters(now),
        Some(Worker::Lb(lb)) => {
            if member.is_none() {
                lb.record.max_busy.store(lb.record.busy.load(Relaxed), Relaxed);
            }
            let wanted = lb.members.iter().zip(&lb.records);
            let wanted = wanted.filter(|(own, _)| member.is_none_or(|name| name == own.name));
            for (_, record) in wanted {
                record.clear_counters(now);
                let (ok, idle) = (MemberState::Ok as u32, MemberState::Idle as u32);
                // Lost only to a request that has just settled the matter itself.
                let _ = record.state.compare_exchange(ok, idle, Relaxed, Relaxed);
                // One member alone would get all requests until it has caught up.
                if member.is_none() && lb.balancer.method.is_counted() {
                    record.lb_value.store(0, Relaxed);
                }
            }
        }
        Some(Worker::Status(_)) | None => {}
    }
}
