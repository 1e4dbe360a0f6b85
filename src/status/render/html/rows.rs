//! Balancers, members, workers and rules as lines of tables.

use crate::lb::{Activation, MemberState};
use crate::status::condition::{Assessment, Condition};
use crate::status::render::html::assessed::AssessedBalancer;
use crate::status::render::html::numbers::{Percentiles, Rate};
use crate::status::request::{Action, StatusRequest, encode};
use crate::status::view::{BalancerView, MemberView, RuleView, WorkerView};

pub(super) struct BalancerRow<'a> {
    pub view: &'a BalancerView,
    pub query: String,
    pub method: &'static str,
    /// How many members there are of each condition, the most urgent first.
    pub counts: Vec<ConditionCount>,
    /// Whether its members are shown without a click.
    pub is_open: bool,
    /// Of all its members.
    pub rate: Rate,
    pub members: Vec<MemberRow<'a>>,
}

/// Members of one condition.
#[derive(Clone, Copy)]
pub(super) struct ConditionCount {
    pub class: &'static str,
    pub count: usize,
    pub word: &'static str,
}

/// A member, or a worker without a balancer.
pub(super) struct MemberRow<'a> {
    /// Of a member only.
    pub member: Option<&'a MemberView>,
    pub view: &'a WorkerView,
    /// The parameters that name it, as they stand in a link of the page.
    pub link: String,
    pub class: &'static str,
    /// Its condition in a word.
    pub word: &'static str,
    /// Why, since when, and what ends it; empty for one that serves.
    pub why: String,
    pub lately: Option<Lately>,
    /// Value of `vwa` behind the button, and its word.
    pub toggle: (&'static str, &'static str),
    pub is_error: bool,
}

/// What was counted in the last minutes.
pub(super) struct Lately {
    pub rate: Rate,
    pub most: Rate,
    pub failures: u64,
    pub server_errors: u64,
    pub retries: u64,
    /// To the first byte of the reply.
    pub times: Option<Percentiles>,
}

impl Lately {
    /// Returns nothing before there is a sample to compare with.
    pub fn of(ajp: &WorkerView) -> Option<Self> {
        let own = &ajp.recent;
        (!own.span.is_zero()).then(|| Self {
            rate: Rate(own.per_minute),
            most: Rate(own.most_per_minute),
            failures: own.failures,
            server_errors: own.server_errors,
            retries: own.retries,
            times: Percentiles::of(&own.first_byte),
        })
    }
}

pub(super) struct RuleRow<'a> {
    pub worker: &'a str,
    pub view: &'a RuleView,
    pub extensions: String,
}

impl RuleRow<'_> {
    /// Tells whether a word in lower case stands anywhere in the line.
    pub fn has(&self, word: &str) -> bool {
        let RuleView { uri, server, source, .. } = self.view;
        [self.worker, uri, server, source, &self.view.kind(), &self.extensions]
            .iter()
            .any(|text| text.to_lowercase().contains(word))
    }
}

/// Returns the style of a condition.
pub(super) fn class(condition: Condition) -> &'static str {
    match condition {
        Condition::Out => "bad",
        Condition::Degraded => "degraded",
        Condition::Serving => "good",
        Condition::Draining | Condition::Drained | Condition::Disabled | Condition::Stopped => {
            "away"
        }
    }
}

/// Returns the word of a condition, as it begins a sentence.
pub(super) fn word(condition: Condition) -> &'static str {
    match condition {
        Condition::Out => "Out",
        Condition::Degraded => "Degraded",
        Condition::Draining => "Draining",
        Condition::Drained => "Drained",
        Condition::Disabled => "Disabled",
        Condition::Stopped => "Stopped",
        Condition::Serving => "Serving",
    }
}

/// Makes the row of a member, or of a worker without a balancer.
pub(super) fn member<'a>(
    view: &'a WorkerView,
    of: Option<(&str, &'a MemberView)>,
    found: &Assessment,
) -> MemberRow<'a> {
    let member = of.map(|(_, member)| member);
    MemberRow {
        member,
        view,
        link: match of {
            Some((balancer, _)) => ["w=", balancer, "&amp;sw=", &encode(&view.name)].concat(),
            None => ["w=", &encode(&view.name)].concat(),
        },
        class: class(found.condition),
        word: word(found.condition),
        why: found.text(),
        lately: Lately::of(view),
        // Draining: sessions stay, new ones go elsewhere.
        toggle: match member.map(|member| member.activation) {
            Some(Activation::Active) | None => ("d", "Drain"),
            Some(Activation::Disabled | Activation::Stopped) => ("a", "Activate"),
        },
        is_error: member.is_some_and(|member| member.state == MemberState::Error),
    }
}

pub(super) fn balancer<'a>(
    lb: &AssessedBalancer<'a>,
    command: &StatusRequest,
    is_open: bool,
) -> BalancerRow<'a> {
    let wanted = command.member.as_deref().filter(|_| command.action == Action::Show);
    let count = |(condition, count): (Condition, usize)| ConditionCount {
        class: class(condition),
        count,
        word: condition.word(),
    };
    let members = lb.members.iter();
    let members = members.filter(|(own, _)| wanted.is_none_or(|name| name == own.ajp.name));
    let members = members.filter(|_| !command.hidden.members());
    let query = encode(&lb.view.name);
    BalancerRow {
        view: lb.view,
        method: lb.view.config.method.word(),
        counts: lb.counts.present().map(count).collect(),
        is_open,
        rate: Rate(lb.view.members.iter().map(|own| own.ajp.recent.per_minute).sum()),
        members: members.map(|(own, found)| member(&own.ajp, Some((&query, own)), found)).collect(),
        query: query.into_owned(),
    }
}

pub(super) fn rule<'a>(worker: &'a str, view: &'a RuleView) -> RuleRow<'a> {
    RuleRow { worker, view, extensions: extensions(view) }
}

fn extensions(rule: &RuleView) -> String {
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
