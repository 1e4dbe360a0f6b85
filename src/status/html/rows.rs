//! Balancers, members, workers and rules as lines of tables.

use std::borrow::Cow;

use super::super::rating::{Rating, Rules};
use super::super::request::{Action, Command, encode};
use super::super::view::{Ajp, Balancer, Member, Rule, method_name};
use crate::lb::{Activation, MemberState};

pub(super) struct BalancerRow<'a> {
    pub view: &'a Balancer,
    pub query: String,
    pub method: &'static str,
    pub good: usize,
    pub degraded: usize,
    pub bad: usize,
    /// Its worst rating, for the overview.
    pub worst: &'static str,
    pub members: Vec<MemberRow<'a>>,
}

pub(super) struct MemberRow<'a> {
    pub view: &'a Member,
    pub query: String,
    pub rating: &'static str,
    /// Its state in a word.
    pub word: &'static str,
    pub latency: Option<[u64; 3]>,
    pub recovery: Cow<'static, str>,
    /// Value of `vwa` behind the button.
    pub toggle: &'static str,
    pub action: &'static str,
    pub is_error: bool,
}

pub(super) struct WorkerRow<'a> {
    pub view: &'a Ajp,
    pub query: String,
    pub latency: Option<[u64; 3]>,
}

pub(super) struct RuleRow<'a> {
    pub worker: &'a str,
    pub view: &'a Rule,
    pub extensions: String,
}

impl RuleRow<'_> {
    /// Tells whether a word in lower case stands anywhere in the line.
    pub fn has(&self, word: &str) -> bool {
        let Rule { uri, server, source, .. } = self.view;
        [self.worker, uri, server, source, &self.view.kind(), &self.extensions]
            .iter()
            .any(|text| text.to_lowercase().contains(word))
    }
}

/// Returns the word for a member's state: what the administrator wants comes first.
pub(super) fn word(member: &Member) -> &'static str {
    match (member.activation, member.state) {
        (Activation::Stopped, _) => "Stopped",
        (_, MemberState::Error) => "Error",
        (_, MemberState::Recover | MemberState::Force | MemberState::Probe) => "On trial",
        (Activation::Disabled, _) if is_in_use(member) => "Draining",
        (Activation::Disabled, _) => "Drained",
        (_, MemberState::Busy) => "Busy",
        (_, MemberState::Ok | MemberState::Idle) => "OK",
    }
}

/// Tells whether requests are under way or sessions may come back.
pub(super) fn is_in_use(member: &Member) -> bool {
    member.ajp.busy > 0 || member.last_session_ago.is_some_and(|ago| ago < SESSION_TIMEOUT)
}

/// Tomcat's usual session timeout in seconds.
pub(super) const SESSION_TIMEOUT: u64 = 30 * 60;

pub(super) fn rating(member: &Member, rules: &Rules) -> &'static str {
    match rules.rate(member) {
        Rating::Bad => "bad",
        Rating::Degraded => "degraded",
        Rating::Good => "good",
    }
}

pub(super) fn recovery(member: &Member) -> Cow<'static, str> {
    match (member.state, member.time_to_recover_min) {
        (MemberState::Error, 0) => "now".into(),
        (MemberState::Error, left) => format!("in {left} s").into(),
        _ => "–".into(),
    }
}

pub(super) fn member<'a>(view: &'a Member, rules: &Rules) -> MemberRow<'a> {
    // Draining: sessions stay, new ones go elsewhere.
    let (toggle, action) = match view.activation {
        Activation::Active => ("d", "Drain"),
        Activation::Disabled | Activation::Stopped => ("a", "Activate"),
    };
    MemberRow {
        view,
        query: encode(&view.ajp.name),
        rating: rating(view, rules),
        word: word(view),
        latency: view.ajp.latency_ms(),
        recovery: recovery(view),
        toggle,
        action,
        is_error: view.state == MemberState::Error,
    }
}

pub(super) fn balancer<'a>(lb: &'a Balancer, command: &Command, rules: &Rules) -> BalancerRow<'a> {
    let mut counts = [0; 3];
    for member in &lb.members {
        counts[rules.rate(member) as usize] += 1;
    }
    let wanted = command.member.as_deref().filter(|_| command.action == Action::Show);
    let members = lb.members.iter().filter(|own| wanted.is_none_or(|name| name == own.ajp.name));
    let members = members.filter(|_| !command.hidden.members());
    BalancerRow {
        view: lb,
        query: encode(&lb.name),
        method: method_name(lb.method),
        good: counts[Rating::Good as usize],
        degraded: counts[Rating::Degraded as usize],
        bad: counts[Rating::Bad as usize],
        worst: match counts {
            [0, 0, _] => "good",
            [0, _, _] => "degraded",
            _ => "bad",
        },
        members: members.map(|view| member(view, rules)).collect(),
    }
}

pub(super) fn worker(view: &Ajp) -> WorkerRow<'_> {
    WorkerRow { view, query: encode(&view.name), latency: view.latency_ms() }
}

pub(super) fn rule<'a>(worker: &'a str, view: &'a Rule) -> RuleRow<'a> {
    RuleRow { worker, view, extensions: extensions(view) }
}

fn extensions(rule: &Rule) -> String {
    let mut words = Vec::new();
    if let Some(ms) = rule.reply_timeout {
        words.push(format!("reply_timeout={ms}"));
    }
    for (name, is_set) in [("sticky_ignore", rule.sticky_ignore), ("stateless", rule.stateless)] {
        if is_set {
            words.push(name.to_owned());
        }
    }
    for (name, value) in [
        ("fail_on_status", &rule.fail_on_status),
        ("active", &rule.active),
        ("disabled", &rule.disabled),
        ("stopped", &rule.stopped),
    ] {
        if !value.is_empty() {
            words.push(format!("{name}={value}"));
        }
    }
    if rule.use_server_errors > 0 {
        words.push(format!("use_server_errors={}", rule.use_server_errors));
    }
    words.join(" ")
}
