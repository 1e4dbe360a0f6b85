//! The page for people: one document, no foreign resource, of use without JavaScript.

mod detail;
mod forms;
mod rows;
mod verdict;

use askama::Template;

use self::detail::Detail;
use self::forms::Form;
use self::rows::{BalancerRow, RuleRow, WorkerRow};
use self::verdict::Verdict;
use super::rating::Rules;
use super::request::{Action, Command, encode};
use super::view::{Rule, Snapshot};
use super::{Refusal, shown};

#[derive(Template)]
#[template(path = "status/page.html")]
struct Page<'a> {
    s: &'a Snapshot,
    nonce: &'a str,
    refresh: u32,
    refreshes: Vec<Refresh>,
    /// The command whose page this is.
    here: &'static str,
    read_only: bool,
    error: Option<String>,
    done: Option<String>,
    verdict: Option<Verdict>,
    /// Colour of the icon.
    icon: &'static str,
    detail: Option<Detail<'a>>,
    balancers: Vec<BalancerRow<'a>>,
    workers: Vec<WorkerRow<'a>>,
    forms: Vec<Form>,
    rules: Vec<RuleRow<'a>>,
    /// How many there are without the search.
    rule_count: usize,
    /// How many of them are only found by the search.
    rules_left_out: usize,
    rules_of: Option<&'a str>,
    rules_open: bool,
    search: &'a str,
    properties: Vec<&'a (String, String)>,
    /// Where a change leads back to.
    then: &'static str,
    shows_ajp: bool,
    shows_legend: bool,
    shows_settings: bool,
    shows_summary: bool,
}

struct Refresh {
    href: String,
    label: String,
    is_current: bool,
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
    let hidden = command.map(|command| command.hidden).unwrap_or_default();
    let mut page = Page {
        s: snapshot,
        nonce: setting.nonce,
        refresh: 0,
        refreshes: Vec::new(),
        here: "",
        read_only: setting.is_read_only || hidden.is_read_only(),
        error: command.err().map(ToString::to_string),
        done: None,
        verdict: None,
        icon: "7a8594",
        detail: None,
        balancers: Vec::new(),
        workers: Vec::new(),
        forms: Vec::new(),
        rules: Vec::new(),
        rule_count: 0,
        rules_left_out: 0,
        rules_of: None,
        rules_open: false,
        search: "",
        properties: Vec::new(),
        then: "list",
        shows_ajp: !hidden.worker_settings(),
        shows_legend: false,
        shows_settings: !hidden.balancer_settings(),
        shows_summary: !hidden.summary(),
    };
    if let Ok(command) = command {
        page.fill(command, snapshot, setting.rules);
    }
    page.render_with_room(snapshot)
}

/// Returns where a form of the page leads when it has done its work, if it was one: to the page
/// named in its field `then`.
pub fn way_back(command: &Command) -> Option<String> {
    let then = command.parameters.get("then").filter(|_| command.action.is_change())?;
    let worker = command.worker.as_deref().unwrap_or_default();
    let mut back = match (then.as_str(), &command.member) {
        ("show", _) | ("member", None) => format!("?cmd=show&w={}", encode(worker)),
        ("member", Some(member)) => {
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
    fn render_with_room(&self, snapshot: &Snapshot) -> Result<String, askama::Error> {
        let members: usize = snapshot.balancers.iter().map(|lb| lb.members.len()).sum();
        let mut text = String::with_capacity(24 * 1024 + members * 1024);
        self.render_into(&mut text)?;
        Ok(text)
    }

    fn fill(&mut self, command: &'a Command, snapshot: &'a Snapshot, rules: &Rules) {
        let done = command.parameters.get("done").map(String::as_str);
        self.done = match (command.action.is_change(), done) {
            (true, _) | (_, Some("update")) => Some(String::new()),
            (_, Some("recover")) => Some(": its next request is a trial".to_owned()),
            (_, Some("reset")) => Some(": counters are 0".to_owned()),
            _ => None,
        };
        self.here = match command.action {
            Action::Dump => "dump",
            Action::Show => "show",
            _ => "list",
        };
        match command.action {
            Action::Dump => {
                self.properties = shown(&snapshot.properties);
                return;
            }
            Action::Metrics | Action::Version => return,
            Action::Edit => {
                self.here = "edit";
                self.forms = forms::of(command, snapshot);
                return;
            }
            Action::List | Action::Show => self.refresh(command),
            Action::Recover | Action::Reset | Action::Update => {}
        }
        let all = command.action == Action::List || command.worker.is_none();
        let is_wanted = |name: &str| all || command.worker.as_deref() == Some(name);
        let (hidden, list) = (command.hidden, command.action == Action::List);
        let verdict = verdict::of(snapshot.balancers.iter().filter(|lb| is_wanted(&lb.name)));
        self.icon = verdict.as_ref().map_or("7a8594", Verdict::icon);
        self.verdict = verdict.filter(|_| command.member.is_none() && !hidden.summary());
        self.detail = Detail::of(command, snapshot, rules);
        self.then = if list { "list" } else { "show" };
        let is_lb_shown = self.detail.is_none() && !(list && hidden.balancers());
        for lb in snapshot.balancers.iter().filter(|lb| is_wanted(&lb.name)) {
            if is_lb_shown {
                self.balancers.push(rows::balancer(lb, command, rules));
            }
            self.add_rules(&lb.name, &lb.rules, command);
        }
        for ajp in snapshot.workers.iter().filter(|ajp| is_wanted(&ajp.name)) {
            if self.detail.is_none() && !(list && hidden.workers()) {
                self.workers.push(rows::worker(ajp));
            }
            self.add_rules(&ajp.name, &ajp.rules, command);
        }
        self.rules_of = command.worker.as_deref().filter(|_| !list);
        self.rules_open = !self.search.is_empty() || (!list && self.rule_count <= 20);
        self.shows_legend = !hidden.legend() && self.detail.is_none() && !self.balancers.is_empty();
    }

    fn add_rules(&mut self, worker: &'a str, rules: &'a [Rule], command: &'a Command) {
        if command.hidden.rules() || command.member.is_some() {
            return;
        }
        self.rule_count += rules.len();
        self.search = command.parameters.get("q").map(String::as_str).unwrap_or_default();
        let word = self.search.to_lowercase();
        // Thousands of rules would hide the members; a search finds them.
        if word.is_empty() && self.rules.len() + rules.len() > MOST_RULES {
            self.rules_left_out += rules.len();
            return;
        }
        let rows = rules.iter().map(|view| rows::rule(worker, view));
        self.rules.extend(rows.filter(|row| word.is_empty() || row.has(&word)));
    }

    /// Links to the same page with another refresh.
    fn refresh(&mut self, command: &Command) {
        self.refresh = command.refresh;
        let kept = ["cmd", "w", "sw", "opt", "q"].iter().filter_map(|name| {
            command.parameters.get(*name).map(|value| format!("{name}={}&", encode(value)))
        });
        let same: String = kept.collect();
        let link = |seconds: u32| Refresh {
            href: format!("?{same}re={seconds}"),
            label: if seconds == 0 { "off".to_owned() } else { format!("{seconds} s") },
            is_current: seconds == command.refresh,
        };
        self.refreshes = [0, 5, 15, 60].map(link).into();
    }
}

/// Rules that are shown without a search.
const MOST_RULES: usize = 500;
