//! The page for people: one document, no foreign resource, of use without JavaScript.

mod assessed;
mod changed;
mod detail;
mod events;
mod filter;
mod forms;
mod numbers;
mod rows;
mod verdict;

use std::borrow::Cow;

use askama::Template;

use crate::status::change_text::Changed;
use crate::status::confirm::Question;
use crate::status::history;
use crate::status::render::html::assessed::AssessedWorkers;
use crate::status::render::html::changed::ChangedRow;
use crate::status::render::html::detail::Detail;
use crate::status::render::html::events::EventRow;
use crate::status::render::html::filter::Filter;
use crate::status::render::html::forms::Form;
use crate::status::render::html::rows::{BalancerRow, MemberRow, RuleRow};
use crate::status::render::html::verdict::StatusVerdict;
use crate::status::request::{Action, StatusRequest, encode};
use crate::status::view::{RuleView, Snapshot};
use crate::status::{StatusError, shown};
use crate::text;

#[derive(Template)]
#[template(path = "status/page.html")]
struct HtmlPage<'a> {
    s: &'a Snapshot,
    nonce: &'a str,
    refresh: u32,
    refreshes: Vec<Refresh>,
    /// The command whose page this is.
    here: &'static str,
    read_only: bool,
    error: Option<String>,
    done: Option<String>,
    verdict: Option<StatusVerdict>,
    /// Colour of the icon.
    icon: &'static str,
    detail: Option<Detail<'a>>,
    filter: Option<Filter<'a>>,
    balancers: Vec<BalancerRow<'a>>,
    workers: Vec<MemberRow<'a>>,
    forms: Vec<Form>,
    question: Option<&'a Question>,
    /// What a question's yes sends again, and where its no leads.
    sent: Vec<(&'a str, &'a str)>,
    back: String,
    /// By the form that led here, and since httpd read its configuration.
    changed: Vec<ChangedRow>,
    changes: Vec<ChangedRow>,
    rules: Vec<RuleRow<'a>>,
    /// How many there are without the search.
    rule_count: usize,
    /// How many of them are only found by the search.
    rules_left_out: usize,
    rules_of: Option<&'a str>,
    rules_open: bool,
    search: &'a str,
    properties: Vec<&'a (String, String)>,
    events: Vec<EventRow>,
    /// How many there are that the page does not show.
    events_left_out: usize,
    /// Where a change leads back to, with what was asked for there.
    then: &'static str,
    kept: Vec<(&'static str, &'a str)>,
    /// Since when httpd runs and with which configuration.
    httpd: Vec<String>,
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
#[derive(Clone, Copy, Debug, Default)]
pub struct PageSettings<'a> {
    /// `read_only`: hides what changes something.
    pub is_read_only: bool,
    /// As in [`content_security_policy`](crate::status::access::content_security_policy).
    pub nonce: &'a str,
    /// What is to be asked before the command is carried out.
    pub question: Option<&'a Question>,
    /// The form of the page that was refused, to be corrected.
    pub refused: Option<&'a StatusRequest>,
}

/// Writes the page. After a change `snapshot` shows what has come of it.
///
/// # Errors
///
/// None that could happen: the engine writes to memory.
pub fn render<'a>(
    command: Result<&'a StatusRequest, &StatusError>,
    snapshot: &'a Snapshot,
    setting: &PageSettings<'a>,
) -> Result<String, askama::Error> {
    let hidden = command.map(|command| command.hidden).unwrap_or_default();
    let mut page = HtmlPage {
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
        filter: None,
        balancers: Vec::new(),
        workers: Vec::new(),
        forms: Vec::new(),
        question: setting.question,
        sent: Vec::new(),
        back: String::new(),
        changed: Vec::new(),
        changes: Vec::new(),
        rules: Vec::new(),
        rule_count: 0,
        rules_left_out: 0,
        rules_of: None,
        rules_open: false,
        search: "",
        properties: Vec::new(),
        events: Vec::new(),
        events_left_out: 0,
        then: "list",
        kept: Vec::new(),
        httpd: history::of_httpd(&snapshot.server),
        shows_ajp: !hidden.worker_settings(),
        shows_legend: false,
        shows_settings: !hidden.balancer_settings(),
        shows_summary: !hidden.summary(),
    };
    match (command, setting.refused) {
        (Ok(command), _) if setting.question.is_some() => page.ask(command),
        (Ok(command), _) => page.fill(command, snapshot),
        (Err(error), Some(refused)) if refused.action == Action::Update => {
            page.here = "edit";
            page.forms = forms::refused(refused, snapshot, error);
        }
        (Err(_), _) => {}
    }
    page.render_with_room(snapshot)
}

/// Parameters that say how a page is looked at, which a change made there leaves alone.
fn kept(command: &StatusRequest) -> impl Iterator<Item = (&'static str, &str)> {
    ["opt", "re", "name", "condition"].into_iter().filter_map(|name| {
        let value = command.parameters.get(name).filter(|value| !value.is_empty())?;
        Some((name, value.as_str()))
    })
}

/// Returns where a form of the page leads when it has done its work, if it was one: to the page
/// named in its field `then`.
pub fn way_back(command: &StatusRequest, changed: &[Changed]) -> Option<String> {
    let then = command
        .parameters
        .get("then")
        .filter(|_| command.action.is_change() && !command.is_dry_run)?;
    let done = match command.action {
        Action::Recover => "recover",
        Action::Reset => "reset",
        _ => "update",
    };
    let changed = match command.action {
        Action::Update => changed::in_query(changed),
        _ => String::new(),
    };
    Some(format!("{}&done={done}{changed}", place_of(command, then)))
}

/// Returns the page that a form was on.
fn place_of(command: &StatusRequest, then: &str) -> String {
    let worker = command.worker.as_deref().unwrap_or_default();
    let mut place = match (then, &command.member) {
        ("show", _) | ("member", None) => format!("?cmd=show&w={}", encode(worker)),
        ("member", Some(member)) => {
            format!("?cmd=show&w={}&sw={}", encode(worker), encode(member))
        }
        _ => "?cmd=list".to_owned(),
    };
    for (name, value) in kept(command) {
        place.push_str(&format!("&{name}={}", encode(value)));
    }
    place
}

impl<'a> HtmlPage<'a> {
    fn render_with_room(&self, snapshot: &Snapshot) -> Result<String, askama::Error> {
        let members: usize = snapshot.balancers.iter().map(|lb| lb.members.len()).sum();
        let mut text = String::with_capacity(24 * 1024 + members * 1024);
        self.render_into(&mut text)?;
        // Names and values may be in any encoding; the page is UTF-8.
        Ok(match text::shown(&text) {
            Cow::Borrowed(_) => text,
            Cow::Owned(shown) => shown,
        })
    }

    fn fill(&mut self, command: &'a StatusRequest, snapshot: &'a Snapshot) {
        let done = command.parameters.get("done").map(String::as_str);
        self.done = match (command.action.is_change(), done) {
            (true, _) | (_, Some("update")) => Some(String::new()),
            (_, Some("recover")) => Some(": its next request is a trial".to_owned()),
            (_, Some("reset")) => Some(": counters are 0".to_owned()),
            _ => None,
        };
        self.here = match command.action {
            Action::Dump => "dump",
            Action::Events => "events",
            Action::Show => "show",
            _ => "list",
        };
        let events = snapshot.events.about(command, snapshot);
        let most = if command.action == Action::Events { usize::MAX } else { MOST_EVENTS };
        self.events = events::rows(&events, most, snapshot);
        self.events_left_out = events.len() - self.events.len();
        match command.action {
            Action::Dump => {
                self.properties = shown(&snapshot.properties);
                return;
            }
            Action::Events => return self.refresh(command),
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
        let mut assessed = AssessedWorkers::of(snapshot, is_wanted);
        let verdict = verdict::of(&assessed);
        self.icon = verdict.as_ref().map_or("7a8594", StatusVerdict::icon);
        self.verdict = verdict.filter(|_| command.member.is_none() && !hidden.summary());
        self.detail = Detail::of(command, &assessed, snapshot);
        self.then = if list { "list" } else { "show" };
        self.kept = kept(command).collect();
        self.changed = changed::from_query(command, snapshot);
        self.changes = changed::since_start(snapshot, is_wanted);
        for lb in &assessed.balancers {
            self.add_rules(&lb.view.name, &lb.view.rules, command);
        }
        for (ajp, _) in &assessed.workers {
            self.add_rules(&ajp.name, &ajp.rules, command);
        }
        if self.detail.is_none() {
            let shows_all = !list || assessed.balancers.len() == 1;
            let mut filter = list.then(|| Filter::of(command));
            if let Some(filter) = filter.as_mut().filter(|filter| filter.is_active()) {
                filter.apply(&mut assessed);
            }
            let shows_all = shows_all || filter.as_ref().is_some_and(Filter::is_active);
            self.filter = filter;
            assessed.sort();
            if !(list && hidden.balancers()) {
                let rows = assessed.balancers.iter();
                let rows = rows.map(|lb| rows::balancer(lb, command, shows_all || lb.is_trouble()));
                self.balancers = rows.collect();
            }
            if !(list && hidden.workers()) {
                let rows = assessed.workers.iter();
                self.workers = rows.map(|(ajp, found)| rows::member(ajp, None, found)).collect();
            }
        }
        self.rules_of = command.worker.as_deref().filter(|_| !list);
        self.rules_open = !self.search.is_empty() || (!list && self.rule_count <= 20);
        self.shows_legend = !hidden.legend() && self.detail.is_none() && !self.balancers.is_empty();
    }

    /// Asks before a change: the form that says yes sends the same again.
    fn ask(&mut self, command: &'a StatusRequest) {
        self.here = "edit";
        let sent = command.parameters.iter();
        self.sent = sent.map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let then = command.parameters.get("then").map_or("", String::as_str);
        self.back = place_of(command, then);
    }

    fn add_rules(&mut self, worker: &'a str, rules: &'a [RuleView], command: &'a StatusRequest) {
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
    fn refresh(&mut self, command: &StatusRequest) {
        self.refresh = command.refresh;
        let same = ["cmd", "w", "sw", "q", "opt", "name", "condition"].iter().filter_map(|name| {
            command.parameters.get(*name).map(|value| format!("{name}={}&", encode(value)))
        });
        let same: String = same.collect();
        let link = |seconds: u32| Refresh {
            href: format!("?{same}re={seconds}"),
            label: if seconds == 0 { "off".to_owned() } else { format!("{seconds} s") },
            is_current: seconds == command.refresh,
        };
        self.refreshes = [0, 5, 15, 60].map(link).into();
    }
}

/// Events that are shown where they are not all there is to see.
const MOST_EVENTS: usize = 20;

/// Rules that are shown without a search.
const MOST_RULES: usize = 500;
