//! What the parameters `w` and `sw` name: an ajp13 worker, a balancer, or members by a pattern.

use crate::status::StatusError;
use crate::status::request::{Action, StatusRequest};
use crate::status::view::{BalancerView, MemberView, Snapshot, WorkerView};
use crate::text;

/// What a change is about.
pub(super) enum ChangeTarget<'a> {
    Ajp(&'a WorkerView),
    Balancer(&'a BalancerView),
    Members(&'a BalancerView, Vec<&'a MemberView>),
    /// A status worker: it can be named, and has nothing to show or to change.
    Other,
}

/// Finds what `w` and `sw` name.
///
/// # Errors
///
/// As mod_jk answers.
pub(super) fn find<'a>(
    command: &StatusRequest,
    snapshot: &'a Snapshot,
) -> Result<ChangeTarget<'a>, StatusError> {
    let name = command.worker.as_deref().ok_or(StatusError::NoWorker)?;
    if let Some(ajp) = snapshot.workers.iter().find(|ajp| ajp.name == name) {
        return match command.member {
            Some(_) => Err(StatusError::WithoutMembers),
            None => Ok(ChangeTarget::Ajp(ajp)),
        };
    }
    if snapshot.others.iter().any(|other| other == name) {
        return match command.member {
            Some(_) => Err(StatusError::WithoutMembers),
            None => Ok(ChangeTarget::Other),
        };
    }
    let lb =
        snapshot.balancers.iter().find(|lb| lb.name == name).ok_or(StatusError::UnknownWorker)?;
    let Some(pattern) = command.member.as_deref() else { return Ok(ChangeTarget::Balancer(lb)) };
    let matches = |member: &&MemberView| match command.action {
        Action::Update => glob(&text::raw(pattern), &text::raw(&member.ajp.name)),
        _ => pattern == member.ajp.name,
    };
    let members: Vec<_> = lb.members.iter().filter(matches).collect();
    match members.is_empty() {
        true => Err(StatusError::UnknownMember),
        false => Ok(ChangeTarget::Members(lb, members)),
    }
}

/// `*` for any run, `?` for any byte; goes back to the last star only, so never more than the
/// product of both lengths.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(byte) if *byte == b'?' || *byte == text[t] => {
                p += 1;
                t += 1;
            }
            _ => {
                let Some((at, from)) = star else { return false };
                star = Some((at, from + 1));
                p = at + 1;
                t = from + 1;
            }
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}
