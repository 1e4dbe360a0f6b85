//! Everything about one member or worker.

use serde_json::Value;

use super::super::further;
use super::super::rating::Rules;
use super::super::request::{Action, Command, encode};
use super::super::view::{Ajp, Balancer, Member, Snapshot, percentiles};
use super::rows::{self, MemberRow, SESSION_TIMEOUT};
use super::verdict::{explain, span};
use crate::lb::{Activation, MemberState};
use crate::messages::CATALOGUE;
use crate::metrics::{CLASSES, FAILURES};

pub(super) struct Detail<'a> {
    pub balancer: Option<&'a str>,
    pub lb_query: String,
    pub query: String,
    pub ajp: &'a Ajp,
    pub member: Option<MemberRow<'a>>,
    pub failure: Option<String>,
    pub remedy: Option<&'static str>,
    pub edit: String,
    pub progress: Option<Progress>,
    /// Where a button leads, and its word.
    pub actions: Vec<(String, &'static str)>,
    pub tiles: Vec<(&'static str, String)>,
    pub times: Vec<(&'static str, Option<[u64; 3]>)>,
    pub since: Vec<(String, String)>,
    pub settings: Vec<(&'static str, String)>,
    /// Those that only the file can change.
    pub further: Vec<(&'static str, String)>,
    pub failures: Vec<Failure>,
}

/// How far a member is drained.
pub(super) struct Progress {
    pub headline: String,
    pub label: String,
    pub part: u64,
    pub whole: u64,
}

pub(super) struct Failure {
    pub code: &'static str,
    pub count: u64,
    pub what: &'static str,
    pub remedy: &'static str,
}

impl<'a> Detail<'a> {
    /// Finds what `w` and `sw` name; `None` where a list is wanted.
    pub fn of(command: &'a Command, snapshot: &'a Snapshot, rules: &Rules) -> Option<Self> {
        let name = command.worker.as_deref().filter(|_| command.action == Action::Show)?;
        if let Some(ajp) = snapshot.workers.iter().find(|ajp| ajp.name == name) {
            return Some(Self::new(ajp, None).with(snapshot));
        }
        let lb = snapshot.balancers.iter().find(|lb| lb.name == name)?;
        let wanted = command.member.as_deref()?;
        let member = lb.members.iter().find(|own| own.ajp.name == wanted)?;
        let mut detail = Self::new(&member.ajp, Some(&lb.name));
        detail.add_member(lb, member, rules);
        Some(detail.with(snapshot))
    }

    fn with(mut self, snapshot: &Snapshot) -> Self {
        let further = further::of(snapshot.config.as_deref(), &self.ajp.name);
        self.further = further.into_iter().map(|(name, value)| (name, plain(&value))).collect();
        self
    }

    fn new(ajp: &'a Ajp, balancer: Option<&'a str>) -> Self {
        let (query, lb_query) = (encode(&ajp.name), balancer.map(encode).unwrap_or_default());
        let counts = &ajp.counts;
        let failures = FAILURES.iter().zip(counts.failures).filter(|(_, count)| *count > 0);
        let failures = failures.filter_map(|(code, count)| {
            let known = CATALOGUE.iter().find(|own| own.code == *code)?;
            Some(Failure { code, count, what: known.what, remedy: known.remedy })
        });
        let mut since = vec![
            ("Attempts".to_owned(), counts.requests.to_string()),
            ("of them repeats".to_owned(), counts.retries.to_string()),
        ];
        for (class, count) in CLASSES.iter().zip(counts.responses) {
            since.push((format!("Replies {class}"), count.to_string()));
        }
        since.extend([
            ("Connections opened".to_owned(), counts.connects.to_string()),
            ("Requests on open ones".to_owned(), counts.reuses.to_string()),
            ("Waits for one".to_owned(), counts.queued.to_string()),
            ("Pings answered".to_owned(), counts.probes_ok.to_string()),
            ("not answered".to_owned(), counts.probes_failed.to_string()),
        ]);
        let pool = match ajp.pool_size {
            Some(size) => format!("{} ({} idle, {size} a child)", ajp.connected, ajp.idle),
            None => format!("{} ({} idle)", ajp.connected, ajp.idle),
        };
        Self {
            edit: match balancer {
                Some(_) => format!("?cmd=edit&w={lb_query}&sw={query}"),
                None => format!("?cmd=edit&w={query}"),
            },
            balancer,
            lb_query,
            query,
            ajp,
            member: None,
            failure: None,
            remedy: None,
            progress: None,
            actions: Vec::new(),
            tiles: vec![
                ("In flight", format!("{} (most {})", ajp.busy, ajp.max_busy)),
                ("Requests", ajp.used.to_string()),
                ("Errors", ajp.errors.to_string()),
                ("Client errors", ajp.client_errors.to_string()),
                ("Late replies", ajp.reply_timeouts.to_string()),
                ("Connections", pool),
                ("Sent", bytes(ajp.transferred)),
                ("Received", bytes(ajp.read)),
            ],
            times: vec![
                ("connected", percentiles(&counts.connect)),
                ("first byte of the reply", percentiles(&counts.first_byte)),
                ("end of the reply", percentiles(&counts.total)),
            ],
            since,
            settings: settings(ajp),
            further: Vec::new(),
            failures: failures.collect(),
        }
    }

    fn add_member(&mut self, lb: &Balancer, member: &'a Member, rules: &Rules) {
        let row = rows::member(member, rules);
        let base = format!("w={}&sw={}", self.lb_query, self.query);
        let change = |to: &str| format!("?cmd=update&{base}&vwa={to}");
        self.actions = match member.activation {
            Activation::Active => vec![(change("d"), "Drain"), (change("s"), "Stop")],
            Activation::Disabled => vec![(change("a"), "Activate"), (change("s"), "Stop")],
            Activation::Stopped => vec![(change("a"), "Activate"), (change("d"), "Drain")],
        };
        if member.state == MemberState::Error {
            self.actions.push((format!("?cmd=recover&{base}"), "Recover"));
            let last = member.ajp.last_failure;
            self.remedy = CATALOGUE.iter().find(|own| Some(own.code) == last).map(|own| own.remedy);
            self.failure = Some(explain(member, lb.recover_time).replacen('i', "I", 1));
        }
        self.actions.push((format!("?cmd=reset&{base}"), "Reset counters"));
        self.progress = progress(member);
        self.tiles.insert(1, ("Load", member.lbvalue.to_string()));
        self.tiles.insert(2, ("Sessions of the last ½ h", member.recent_sessions.to_string()));
        self.tiles.insert(3, ("New sessions", member.sessions.to_string()));
        let own = [
            ("lbfactor", member.lbfactor.to_string()),
            ("route", member.route.clone()),
            ("redirect", member.redirect.clone()),
            ("domain", member.domain.clone()),
            ("distance", member.distance.to_string()),
        ];
        self.settings.splice(0..0, own);
        self.member = Some(row);
    }
}

/// A member that shall get no new sessions: how much of the half hour has passed in which its old
/// ones may still come back.
fn progress(member: &Member) -> Option<Progress> {
    if member.activation == Activation::Active {
        return None;
    }
    let (busy, sessions) = (member.ajp.busy, member.recent_sessions);
    let requests = if busy == 1 { "1 request" } else { "requests" };
    let under_way = match busy {
        0 => "no request is under way".to_owned(),
        1 => format!("{requests} is under way"),
        _ => format!("{busy} {requests} are under way"),
    };
    let (headline, part) = if rows::is_in_use(member) {
        let quiet = if busy > 0 { 0 } else { member.last_session_ago.unwrap_or(0) };
        let coming = match sessions {
            0 => "a session that has just begun may come back".to_owned(),
            1 => "1 session may come back".to_owned(),
            _ => format!("{sessions} sessions may come back"),
        };
        (format!("{}: {under_way}, {coming}", rows::word(member)), quiet.min(SESSION_TIMEOUT - 1))
    } else {
        ("Drained: nothing is lost if it is taken down now".to_owned(), SESSION_TIMEOUT)
    };
    let label = match member.last_session_ago {
        Some(ago) => {
            let ago = span(ago.try_into().unwrap_or(0));
            format!(
                "The last request that had or began a session was {ago} ago; after half an hour it may be taken \
                 for empty"
            )
        }
        None => "No request that had or began a session was seen".to_owned(),
    };
    Some(Progress { headline, label, part, whole: SESSION_TIMEOUT })
}

fn settings(ajp: &Ajp) -> Vec<(&'static str, String)> {
    let ms = |value: u64| if value == 0 { "none".to_owned() } else { format!("{value} ms") };
    let s = |value: u64| if value == 0 { "none".to_owned() } else { format!("{value} s") };
    let limit = |value: u64| if value == 0 { "none".to_owned() } else { value.to_string() };
    vec![
        ("host", ajp.host.clone()),
        ("port", ajp.port.to_string()),
        ("source", ajp.source.clone().unwrap_or_else(|| "any".to_owned())),
        ("connect_timeout", ms(ajp.connect_timeout)),
        ("prepost_timeout", ms(ajp.prepost_timeout)),
        ("ping_timeout", ms(ajp.ping_timeout)),
        ("reply_timeout", ms(ajp.reply_timeout)),
        ("connection_ping_interval", s(ajp.connection_ping_interval)),
        ("connection_pool_timeout", s(ajp.connection_pool_timeout)),
        ("connection_pool_size", limit(ajp.pool_size.unwrap_or(0))),
        ("busy_limit", limit(ajp.busy_limit.into())),
        ("retries", ajp.retries.to_string()),
        ("retry_interval", ms(ajp.retry_interval_ms)),
        ("recovery_options", ajp.recovery_options.to_string()),
        ("max_packet_size", ajp.max_packet_size.to_string()),
    ]
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(all) if all.is_empty() => "none".to_owned(),
        Value::Array(all) => all.iter().map(plain).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

fn bytes(count: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut unit = 0;
    let mut whole = count;
    while whole >= 10_240 && unit + 1 < units.len() {
        whole /= 1024;
        unit += 1;
    }
    format!("{whole} {}", units[unit])
}
