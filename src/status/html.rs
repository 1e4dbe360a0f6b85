//! The page for people: one document, no foreign resource, of use without JavaScript.

use askama::Template;

use super::rating::{Rating, Rules};
use super::request::{Action, Command, encode};
use super::view::{Ajp, Balancer, Member, Rule, Snapshot, method_name};
use super::{Refusal, is_secret};
use crate::lb::{Activation, MemberState};

#[derive(Template)]
#[template(path = "status.html")]
struct Page<'a> {
    s: &'a Snapshot,
    nonce: &'a str,
    refresh: u32,
    read_only: bool,
    error: Option<String>,
    done: bool,
    balancers: Vec<BalancerRow<'a>>,
    workers: Vec<WorkerRow<'a>>,
    forms: Vec<Form>,
    rules: Vec<RuleRow<'a>>,
    properties: Vec<&'a (String, String)>,
}

struct BalancerRow<'a> {
    view: &'a Balancer,
    query: String,
    method: &'static str,
    good: usize,
    degraded: usize,
    bad: usize,
    members: Vec<MemberRow<'a>>,
}

struct MemberRow<'a> {
    view: &'a Member,
    query: String,
    rating: &'static str,
    toggle: &'static str,
    action: &'static str,
    is_error: bool,
}

struct WorkerRow<'a> {
    view: &'a Ajp,
    query: String,
}

struct RuleRow<'a> {
    worker: &'a str,
    view: &'a Rule,
    extensions: String,
}

struct Form {
    title: String,
    action: String,
    fields: Vec<Field>,
}

struct Field {
    name: &'static str,
    label: &'static str,
    value: String,
}

/// What the page needs beside the view.
#[derive(Clone, Copy, Debug)]
pub struct Setting<'a> {
    /// `good` and `bad`.
    pub rules: &'a Rules,
    /// `read_only`: hides what changes something.
    pub is_read_only: bool,
    /// As in [`content_security_policy`](super::guard::content_security_policy).
    pub nonce: &'a str,
}

/// Writes the page. After a change `snapshot` shows what has come of it.
///
/// # Errors
///
/// None that could happen: the engine writes to memory.
pub fn render(
    command: Result<&Command, &Refusal>,
    snapshot: &Snapshot,
    setting: &Setting<'_>,
) -> Result<String, askama::Error> {
    let read_only =
        setting.is_read_only || command.is_ok_and(|command| command.hidden.is_read_only());
    let mut page = Page {
        s: snapshot,
        nonce: setting.nonce,
        refresh: 0,
        read_only,
        error: command.err().map(ToString::to_string),
        done: false,
        balancers: Vec::new(),
        workers: Vec::new(),
        forms: Vec::new(),
        rules: Vec::new(),
        properties: Vec::new(),
    };
    if let Ok(command) = command {
        page.fill(command, snapshot, setting.rules);
    }
    page.render()
}

/// Returns where a form of the page leads when it has done its work, if it was one: to the page
/// named in its field `then`.
pub fn way_back(command: &Command) -> Option<String> {
    let then = command.parameters.get("then").filter(|_| command.action.is_change())?;
    let worker = command.worker.as_deref().unwrap_or_default();
    let mut back = match then.as_str() {
        "show" => format!("?cmd=show&w={}", encode(worker)),
        "member" => {
            let member = command.member.as_deref().unwrap_or_default();
            format!("?cmd=show&w={}&sw={}", encode(worker), encode(member))
        }
        _ => "?cmd=list".to_owned(),
    };
    let done = match command.action {
        Action::Recover => "recover",
        Action::Reset => "reset",
        _ => "update",
    };
    back.push_str(&format!("&done={done}"));
    Some(back)
}

impl<'a> Page<'a> {
    fn fill(&mut self, command: &Command, snapshot: &'a Snapshot, rules: &Rules) {
        self.done = command.action.is_change();
        match command.action {
            Action::Dump => {
                let shown = snapshot.properties.iter().filter(|(name, _)| !is_secret(name));
                self.properties = shown.collect();
                return;
            }
            Action::Metrics | Action::Version => return,
            Action::Edit => self.edit(command, snapshot),
            Action::List | Action::Show => self.refresh = command.refresh,
            Action::Recover | Action::Reset | Action::Update => {}
        }
        let all = command.action == Action::List || command.worker.is_none();
        let is_wanted = |name: &str| all || command.worker.as_deref() == Some(name);
        let (hidden, list) = (command.hidden, command.action == Action::List);
        for lb in snapshot.balancers.iter().filter(|lb| is_wanted(&lb.name)) {
            if !(list && hidden.balancers()) {
                self.balancers.push(balancer(lb, command, rules));
            }
            self.rules(&lb.name, &lb.rules, command);
        }
        for ajp in snapshot.workers.iter().filter(|ajp| is_wanted(&ajp.name)) {
            if !(list && hidden.workers()) {
                self.workers.push(WorkerRow { view: ajp, query: encode(&ajp.name) });
            }
            self.rules(&ajp.name, &ajp.rules, command);
        }
    }

    fn rules(&mut self, worker: &'a str, rules: &'a [Rule], command: &Command) {
        if !command.hidden.rules() {
            self.rules.extend(rules.iter().map(|view| RuleRow {
                worker,
                view,
                extensions: extensions(view),
            }));
        }
    }

    fn edit(&mut self, command: &Command, snapshot: &Snapshot) {
        let name = command.worker.as_deref().unwrap_or_default();
        let action = format!("?cmd=update&w={}", encode(name));
        if let Some(ajp) = snapshot.workers.iter().find(|ajp| ajp.name == name) {
            let title = format!("Worker {name}");
            self.forms.push(Form { title, action, fields: ajp_fields(ajp) });
            return;
        }
        let Some(lb) = snapshot.balancers.iter().find(|lb| lb.name == name) else { return };
        let members = lb.members.iter();
        let member = command.member.as_deref();
        match members.clone().find(|own| Some(own.ajp.name.as_str()) == member) {
            Some(own) => {
                let title = format!("Member {} of balancer {name}", own.ajp.name);
                let action = format!("{action}&sw={}", encode(&own.ajp.name));
                let mut fields = member_fields(own);
                fields.extend(ajp_fields(&own.ajp));
                self.forms.push(Form { title, action, fields });
            }
            None => {
                let title = format!("Balancer {name}");
                self.forms.push(Form { title, action, fields: balancer_fields(lb) });
            }
        }
    }
}

fn balancer<'a>(lb: &'a Balancer, command: &Command, rules: &Rules) -> BalancerRow<'a> {
    let count = |rating| lb.members.iter().filter(|member| rules.rate(member) == rating).count();
    let wanted = command.member.as_deref().filter(|_| command.action == Action::Show);
    let members = lb.members.iter().filter(|own| wanted.is_none_or(|name| name == own.ajp.name));
    BalancerRow {
        view: lb,
        query: encode(&lb.name),
        method: method_name(lb.method),
        good: count(Rating::Good),
        degraded: count(Rating::Degraded),
        bad: count(Rating::Bad),
        members: members
            .filter(|_| !command.hidden.members())
            .map(|view| {
                // Draining: sessions stay, new ones go elsewhere.
                let (toggle, action) = match view.activation {
                    Activation::Active => ("d", "Drain"),
                    Activation::Disabled | Activation::Stopped => ("a", "Activate"),
                };
                let rating = match rules.rate(view) {
                    Rating::Bad => "bad",
                    Rating::Degraded => "degraded",
                    Rating::Good => "good",
                };
                let is_error = view.state == MemberState::Error;
                MemberRow { view, query: encode(&view.ajp.name), rating, toggle, action, is_error }
            })
            .collect(),
    }
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

fn field(name: &'static str, label: &'static str, value: impl ToString) -> Field {
    Field { name, label, value: value.to_string() }
}

fn balancer_fields(lb: &Balancer) -> Vec<Field> {
    vec![
        field("vlr", "retries", lb.retries),
        field("vlri", "retry_interval (ms)", lb.retry_interval_ms),
        field("vlt", "recover_time (s)", lb.recover_time),
        field("vlee", "error_escalation_time (s)", lb.error_escalation_time),
        field("vlx", "max_reply_timeouts", lb.max_reply_timeouts),
        field("vls", "sticky_session (true, false)", lb.sticky_session),
        field("vlf", "sticky_session_force (true, false)", lb.sticky_session_force),
        field(
            "vlm",
            "method (Request, Traffic, Busyness, Sessions, Next, LeastTime, Hash)",
            method_name(lb.method),
        ),
    ]
}

fn member_fields(member: &Member) -> Vec<Field> {
    vec![
        field("vwa", "activation (ACT, DIS, STP)", member.activation.code()),
        field("vwf", "lbfactor", member.lbfactor),
        field("vwn", "route", &member.route),
        field("vwr", "redirect", &member.redirect),
        field("vwc", "domain", &member.domain),
        field("vwd", "distance", member.distance),
    ]
}

fn ajp_fields(ajp: &Ajp) -> Vec<Field> {
    vec![
        field("vahst", "host", &ajp.host),
        field("vaprt", "port", ajp.port),
        field("vacpt", "connection_pool_timeout (s)", ajp.connection_pool_timeout),
        field("vapng", "ping_timeout (ms)", ajp.ping_timeout),
        field("vact", "connect_timeout (ms)", ajp.connect_timeout),
        field("vapt", "prepost_timeout (ms)", ajp.prepost_timeout),
        field("vart", "reply_timeout (ms)", ajp.reply_timeout),
        field("var", "retries", ajp.retries),
        field("vari", "retry_interval (ms)", ajp.retry_interval_ms),
        field("vacpi", "connection_ping_interval (s)", ajp.connection_ping_interval),
        field("varo", "recovery_options", ajp.recovery_options),
        field("vabl", "busy_limit", ajp.busy_limit),
        field("vamps", "max_packet_size", ajp.max_packet_size),
    ]
}
