//! Everything about one member or worker.

use crate::config::rows::ACTIVATION;
use crate::config::{Settings, ValueKind};
use crate::lb::{Activation, MemberState};
use crate::messages::CATALOGUE;
use crate::messages::MessageCode::JK413;
use crate::metrics::{CLASSES, COUNTERS, FAILURES};
use crate::status::condition::{Assessment, SESSION_TIMEOUT, is_in_use, spelled};
use crate::status::history;
use crate::status::render::escape::prose;
use crate::status::render::html::assessed::AssessedWorkers;
use crate::status::render::html::numbers::{Percentiles, bytes, span};
use crate::status::render::html::rows;
use crate::status::render::html::rows::Lately;
use crate::status::request::{Action, StatusRequest, encode};
use crate::status::view::{MemberView, ServerView, Snapshot, ThreadsView, WorkerView};

pub(super) struct Detail<'a> {
    pub balancer: Option<&'a str>,
    pub lb_query: String,
    pub query: String,
    pub ajp: &'a WorkerView,
    pub member: Option<&'a MemberView>,
    pub class: &'static str,
    /// Its condition.
    pub word: &'static str,
    pub failure: Option<String>,
    /// What to do, as HTML.
    pub remedy: Option<String>,
    pub edit: String,
    pub progress: Option<DrainBar>,
    /// Where a button leads, and its word.
    pub actions: Vec<(String, &'static str)>,
    pub tiles: Vec<(&'static str, String)>,
    /// What was counted lately, and over which time.
    pub lately: Vec<(&'static str, String)>,
    pub span: String,
    /// Its latest failure, outages and health check, also when they are over.
    pub history: Vec<(&'static str, String)>,
    pub since: Vec<(String, String)>,
    pub settings: Vec<SettingRow<'a>>,
    /// Those that only the file can change.
    pub further: Vec<SettingRow<'a>>,
    pub failures: Vec<FailureRow>,
}

/// How far a member is drained.
pub(super) struct DrainBar {
    pub headline: String,
    pub label: String,
    pub part: u64,
    pub whole: u64,
}

pub(super) struct SettingRow<'a> {
    pub name: String,
    pub value: String,
    /// Where it comes from; empty if that is not known.
    pub from: &'a str,
    pub help: &'static str,
}

pub(super) struct FailureRow {
    pub code: &'static str,
    pub count: u64,
    /// What happened and what to do, as HTML.
    pub what: String,
    pub remedy: String,
}

impl<'a> Detail<'a> {
    /// Finds what `w` and `sw` name; `None` where a list is wanted.
    pub fn of(
        command: &StatusRequest,
        assessed: &AssessedWorkers<'a>,
        snapshot: &'a Snapshot,
    ) -> Option<Self> {
        let (server, origins) = (&snapshot.server, snapshot.origins.as_slice());
        let name = command.worker.as_deref().filter(|_| command.action == Action::Show)?;
        if let Some((ajp, found)) = assessed.workers.iter().find(|(ajp, _)| ajp.name == name) {
            return Some(Self::new(ajp, None, found, (server, origins)));
        }
        let lb = assessed.balancers.iter().find(|lb| lb.view.name == name)?;
        let wanted = command.member.as_deref()?;
        let (member, found) = lb.members.iter().find(|(own, _)| own.ajp.name == wanted)?;
        let mut detail = Self::new(&member.ajp, Some(&lb.view.name), found, (server, origins));
        detail.add_member(member, found, origins);
        detail.history.extend(Some("Latest health check").zip(history::last_check(member, server)));
        Some(detail)
    }

    fn new(
        ajp: &'a WorkerView,
        balancer: Option<&'a str>,
        found: &Assessment,
        (server, origins): (&ServerView, &'a [(String, String)]),
    ) -> Self {
        let (query, lb_query) = (encode(&ajp.name), balancer.map(encode).unwrap_or_default());
        let counts = &ajp.counts;
        let failures = FAILURES.iter().zip(counts.failures).filter(|(_, count)| *count > 0);
        let failures = failures.filter_map(|(code, count)| {
            let known = CATALOGUE.iter().find(|own| own.code == *code)?;
            Some(FailureRow { code, count, what: prose(known.what), remedy: prose(known.remedy) })
        });
        let shown = COUNTERS.iter().filter(|row| !row.label.is_empty());
        let shown = shown.map(|row| (row.label.to_owned(), (row.get)(counts).to_string()));
        let replies = CLASSES.iter().zip(counts.responses);
        let replies = replies.map(|(class, count)| (format!("Replies {class}"), count.to_string()));
        let since = shown.chain(replies).collect();
        let pool = match ajp.config.connection_pool_size {
            Some(size) => format!("{} ({} idle, {size} a child)", ajp.connected, ajp.idle),
            None => format!("{} ({} idle)", ajp.connected, ajp.idle),
        };
        Self {
            edit: match balancer {
                Some(_) => format!("?cmd=edit&w={lb_query}&sw={query}"),
                None => format!("?cmd=edit&w={query}"),
            },
            balancer,
            lb_query: lb_query.into_owned(),
            query: query.into_owned(),
            ajp,
            member: None,
            class: rows::class(found.condition),
            word: rows::word(found.condition),
            failure: (!found.reasons.is_empty()).then(|| sentence(&found.text())),
            remedy: found.remedy().map(prose),
            progress: None,
            actions: Vec::new(),
            tiles: vec![
                ("In flight", in_flight(ajp)),
                ("Threads held", threads(ajp.threads)),
                ("Waiting for room", ajp.waits.queued.to_string()),
                ("Waiting without a thread", ajp.waits.parked.to_string()),
                ("Requests", ajp.used.to_string()),
                ("Failed", ajp.errors.to_string()),
                ("Client errors", ajp.client_errors.to_string()),
                ("Late replies", ajp.reply_timeouts.to_string()),
                ("Connections", pool),
                ("Sent", bytes(ajp.transferred)),
                ("Received", bytes(ajp.read)),
            ],
            lately: lately(ajp),
            span: span(&ajp.recent),
            history: vec![
                ("Latest failure", history::last_failure(ajp, server)),
                ("Out of service", history::outages(ajp.outages, ajp.downtime)),
            ],
            since,
            settings: settings(&*ajp.config, true, origins),
            further: settings(&*ajp.config, false, origins),
            failures: failures.collect(),
        }
    }

    fn add_member(
        &mut self,
        member: &'a MemberView,
        found: &Assessment,
        origins: &'a [(String, String)],
    ) {
        let base = format!("w={}&sw={}", self.lb_query, self.query);
        let change = |to: &str| format!("?cmd=update&{base}&vwa={to}");
        self.actions = match member.activation {
            Activation::Active => vec![(change("d"), "Drain"), (change("s"), "Stop")],
            Activation::Disabled => vec![(change("a"), "Activate"), (change("s"), "Stop")],
            Activation::Stopped => vec![(change("a"), "Activate"), (change("d"), "Drain")],
        };
        if member.state == MemberState::Error {
            self.actions.push((format!("?cmd=recover&{base}"), "Recover"));
        }
        if self.failure.is_none() && member.foreign_routes > 0 {
            let text = "Its session ids end in another route than its own, so sessions do not return to it (JK-413)";
            self.failure = Some(text.to_owned());
            self.remedy =
                CATALOGUE.iter().find(|own| own.code == JK413.text()).map(|own| prose(own.remedy));
        }
        self.actions.push((format!("?cmd=reset&{base}"), "Reset counters"));
        self.progress = progress(member, found);
        self.tiles.insert(1, ("Load", member.lbvalue.to_string()));
        self.tiles.insert(2, ("Sessions of the last ½ h", member.recent_sessions.to_string()));
        self.tiles.insert(3, ("New sessions", member.sessions.to_string()));
        self.settings.splice(0..0, settings(&*member.config, true, origins));
        self.member = Some(member);
    }
}

/// Threads of httpd that its requests hold, and how many they may.
fn threads(threads: ThreadsView) -> String {
    let allowed = threads.allowed.map(|allowed| format!(" (at most {allowed})"));
    format!("{}{}", threads.held, allowed.unwrap_or_default())
}

/// Begins a text with a capital letter.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

/// What was counted in the last minutes; nothing before there is a sample to compare with.
fn lately(ajp: &WorkerView) -> Vec<(&'static str, String)> {
    let Some(own) = Lately::of(ajp) else { return Vec::new() };
    let recent = &ajp.recent;
    let mut pairs = vec![
        ("Rate now", own.rate.to_string()),
        ("Highest rate", own.most.to_string()),
        ("Attempts", recent.attempts.to_string()),
        ("Failed", recent.failures.to_string()),
        ("Repeats", recent.retries.to_string()),
        ("Replies 5xx", recent.server_errors.to_string()),
        (
            "Out of service",
            match recent.outages {
                1 => "once".to_owned(),
                times => format!("{times} times"),
            },
        ),
        ("Sent", bytes(recent.sent_bytes)),
        ("Received", bytes(recent.received_bytes)),
    ];
    if let Some(times) = own.times.map(Percentiles::in_words) {
        let names = [
            "50 of 100 replies begin within",
            "95 of 100 replies begin within",
            "99 of 100 replies begin within",
        ];
        pairs.extend(names.into_iter().zip(times.map(|time| format!("{time} ms"))));
    }
    pairs
}

/// A member that shall get no new sessions: how much of the half hour has passed in which its old
/// ones may still come back.
fn progress(member: &MemberView, found: &Assessment) -> Option<DrainBar> {
    if member.activation == Activation::Active {
        return None;
    }
    let (busy, sessions) = (member.ajp.busy, member.recent_sessions);
    let requests = if busy == 1 { "1 request" } else { "requests" };
    let under_way = match busy {
        0 => "no request is in flight".to_owned(),
        1 => format!("{requests} is in flight"),
        _ => format!("{busy} {requests} are in flight"),
    };
    let (headline, part) = if is_in_use(member) {
        let quiet = if busy > 0 { 0 } else { member.last_session_ago.unwrap_or(0) };
        let coming = match sessions {
            0 => "a session that has just begun may come back".to_owned(),
            1 => "1 session may come back".to_owned(),
            _ => format!("{sessions} sessions may come back"),
        };
        (
            format!("{}: {under_way}, {coming}", rows::word(found.condition)),
            quiet.min(SESSION_TIMEOUT - 1),
        )
    } else {
        ("Drained: nothing is lost if it is taken down now".to_owned(), SESSION_TIMEOUT)
    };
    let label = match member.last_session_ago {
        Some(ago) => {
            let ago = spelled(ago);
            format!(
                "The last request that had or began a session was {ago} ago; after half an hour it may be taken \
                 for empty"
            )
        }
        None => "No request that had or began a session was seen".to_owned(),
    };
    Some(DrainBar { headline, label, part, whole: SESSION_TIMEOUT })
}

/// Returns the settings that can change at run time, or the others.
fn settings<'a, C: Settings>(
    config: &C,
    is_live: bool,
    origins: &'a [(String, String)],
) -> Vec<SettingRow<'a>> {
    let rows = C::rows().filter(|(row, own)| {
        // The one in the record counts, and is shown above.
        own.parameter.is_some() == is_live && row.name != ACTIVATION
    });
    let shown = rows.map(|(row, own)| {
        let name = match row.kind {
            ValueKind::Secret => row.key(),
            _ => row.name.to_owned(),
        };
        let from = origins.iter().find(|(name, _)| name == row.name);
        SettingRow {
            name,
            value: row.with_unit(&own.get(row, config)),
            from: from.map_or("", |(_, from)| from),
            help: row.doc,
        }
    });
    shown.collect()
}

/// Requests in flight, the most there were, and those that there may be.
fn in_flight(ajp: &WorkerView) -> String {
    let kind = if ajp.config.is_adaptive { "adaptive limit" } else { "limit" };
    let limit = ajp.limit.map(|limit| format!(", {kind} {limit}")).unwrap_or_default();
    format!("{} (most {}{limit})", ajp.busy, ajp.max_busy)
}
