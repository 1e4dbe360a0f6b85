//! What is wrong, in one sentence, for somebody who has just been woken.

use super::super::request::encode;
use super::super::view::{Balancer, Member};
use super::rows::word;
use crate::lb::{Activation, MemberState};
use crate::messages::CATALOGUE;

pub(super) struct Verdict {
    pub class: &'static str,
    /// For the title of the window.
    pub short: String,
    pub headline: String,
    pub detail: String,
    pub troubles: Vec<Trouble>,
}

pub(super) struct Trouble {
    pub name: String,
    pub lb_query: String,
    pub query: String,
    pub text: String,
}

impl Verdict {
    /// Returns the colour of the window's icon.
    pub fn icon(&self) -> &'static str {
        match self.class {
            "bad" => "c41c2c",
            "degraded" => "c98a00",
            _ => "1d8a4d",
        }
    }
}

/// Judges balancers; `None` without any.
pub(super) fn of<'a>(balancers: impl Iterator<Item = &'a Balancer>) -> Option<Verdict> {
    let mut count = Count::default();
    let (mut troubles, mut dead) = (Vec::new(), Vec::new());
    let mut is_any = false;
    for lb in balancers {
        is_any = true;
        if !lb.members.iter().any(may_serve) {
            dead.push(lb.name.as_str());
        }
        for member in &lb.members {
            count.add(member);
            if is_error(member) && troubles.len() < MOST {
                troubles.push(Trouble {
                    name: format!("{} / {}", lb.name, member.ajp.name),
                    lb_query: encode(&lb.name),
                    query: encode(&member.ajp.name),
                    text: explain(member, lb.recover_time),
                });
            }
        }
    }
    if !is_any {
        return None;
    }
    let all = count.all;
    let (class, short, headline) = if !dead.is_empty() {
        let names = dead.join(", ");
        ("bad", "No member usable".to_owned(), format!("No member is usable: {names}"))
    } else if count.error > 0 {
        let verb = if count.error == 1 { "is" } else { "are" };
        let headline = format!("{} of {all} members {verb} in error", count.error);
        ("bad", format!("{} in error", count.error), headline)
    } else if count.trial + count.busy > 0 {
        let headline = "All members answer, not all are back".to_owned();
        ("degraded", "Degraded".to_owned(), headline)
    } else if count.away() > 0 {
        let headline = "All members in service are well".to_owned();
        ("degraded", "Out of service".to_owned(), headline)
    } else {
        ("good", "OK".to_owned(), format!("All {all} members are in service"))
    };
    let rest = (count.error as usize).saturating_sub(troubles.len());
    let mut parts = Vec::new();
    for (number, what) in [
        (count.ok, "in service"),
        (count.error, "in error"),
        (count.trial, "on trial"),
        (count.busy, "at busy_limit"),
        (count.draining, "draining or drained"),
        (count.stopped, "stopped"),
    ] {
        if number > 0 {
            parts.push(format!("{number} {what}"));
        }
    }
    if rest > 0 {
        parts.push(format!("the first {MOST} in error are named here"));
    }
    let detail = if class == "good" { String::new() } else { parts.join(" · ") };
    Some(Verdict { class, short, headline, detail, troubles })
}

/// Members in error that are named.
const MOST: usize = 10;

#[derive(Default)]
struct Count {
    all: u32,
    ok: u32,
    error: u32,
    trial: u32,
    busy: u32,
    draining: u32,
    stopped: u32,
}

impl Count {
    fn add(&mut self, member: &Member) {
        self.all += 1;
        *match word(member) {
            "Stopped" => &mut self.stopped,
            "Error" => &mut self.error,
            "On trial" => &mut self.trial,
            "Busy" => &mut self.busy,
            "Draining" | "Drained" => &mut self.draining,
            _ => &mut self.ok,
        } += 1;
    }

    fn away(&self) -> u32 {
        self.draining + self.stopped
    }
}

fn is_error(member: &Member) -> bool {
    member.state == MemberState::Error && member.activation != Activation::Stopped
}

fn may_serve(member: &Member) -> bool {
    member.state != MemberState::Error && member.activation != Activation::Stopped
}

/// Says since when, why, and when it is tried again.
pub(super) fn explain(member: &Member, recover_time: u64) -> String {
    let since = member.ajp.error_time.as_ref().map(|(at, ago)| {
        let clock = at.clock();
        format!(" since {clock} ({} ago)", span(*ago))
    });
    let known = member
        .ajp
        .last_failure
        .and_then(|code| CATALOGUE.iter().find(|own| own.code == code).map(|own| (code, own.what)));
    let why = known.map(|(code, what)| format!(", {what} ({code})")).unwrap_or_default();
    let left = match member.time_to_recover_min {
        0 => "the next request tries it".to_owned(),
        left => format!(
            "requests try it in {left} of {recover_time} s, a ping may bring it back earlier"
        ),
    };
    format!("in error{}{why}; {left}", since.unwrap_or_default())
}

/// Writes seconds for people.
pub(super) fn span(seconds: i64) -> String {
    match seconds.max(0) {
        s @ 0..=119 => format!("{s} s"),
        s @ 120..=7_199 => format!("{} min", s / 60),
        s @ 7_200..=172_799 => format!("{} h", s / 3_600),
        s => format!("{} days", s / 86_400),
    }
}
