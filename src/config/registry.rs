//! THE table of worker properties: which names exist, for whom, in which unit. The parser, the
//! messages and the reference are made from it. It never parses.

/// Which workers a property is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Every worker.
    All,
    /// ajp13 workers.
    Ajp13,
    /// Balancers.
    Lb,
    /// ajp13 workers as members of a balancer.
    Member,
    /// Status workers.
    Status,
}

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// On or off.
    Bool,
    /// A number of bytes, possibly with k or m.
    Bytes,
    /// A number.
    Int,
    /// Words, collected over repeated lines.
    List,
    /// A time in milliseconds.
    Millis,
    /// A time in seconds.
    Seconds,
    /// Text.
    Text,
}

/// One property.
#[derive(Debug)]
pub struct PropertyRow {
    /// Its name, without `worker.<name>.`.
    pub name: &'static str,
    /// Older names of it.
    pub aliases: &'static [&'static str],
    /// Whom it is for.
    pub scope: Scope,
    /// What its value is.
    pub kind: Kind,
    /// Value if it is not set.
    pub default: &'static str,
    /// What it does.
    pub doc: &'static str,
}

const fn row(
    name: &'static str,
    aliases: &'static [&'static str],
    scope: Scope,
    kind: Kind,
    default: &'static str,
    doc: &'static str,
) -> PropertyRow {
    PropertyRow { name, aliases, scope, kind, default, doc }
}

use Kind::{Bool, Bytes, Int, List, Millis, Seconds, Text};
use Scope::{Ajp13, All, Lb, Member, Status};

/// All properties of workers.
#[rustfmt::skip]
pub const PROPERTIES: &[PropertyRow] = &[
    row("type", &[], All, Text, "ajp13", "Kind of worker: ajp13, lb or status."),
    row("reference", &[], All, Text, "", "Another worker whose properties apply where this one sets none."),
    row("mount", &[], All, List, "", "URI patterns that the worker serves in the main server."),
    row("host", &[], Ajp13, Text, "localhost", "Name or address of the container."),
    row("port", &[], Ajp13, Int, "8009", "Port of the container's AJP connector; 0 keeps the worker from connecting."),
    row("source", &[], Ajp13, Text, "", "Local address to connect from."),
    row("prefer_ipv6", &[], Ajp13, Bool, "off", "Tries the IPv6 addresses of a name first."),
    row("socket_timeout", &[], Ajp13, Seconds, "0", "Longest wait of one send or receive; 0 for no limit."),
    row("socket_connect_timeout", &[], Ajp13, Millis, "5000", "Time for opening a connection, all addresses together."),
    row("socket_keepalive", &[], Ajp13, Bool, "off", "Turns TCP keep-alive on."),
    row("socket_buffer", &[], Ajp13, Bytes, "0", "Size of the kernel's buffers; 0 leaves the system's."),
    row("ping_mode", &[], Ajp13, Text, "", "When to ask whether the container answers: C after connecting, P before each request, I while idle, A always."),
    row("ping_timeout", &[], Ajp13, Millis, "10000", "Longest wait for the answer to a ping."),
    row("connection_ping_interval", &[], Ajp13, Seconds, "0", "Idle time after which a connection is pinged."),
    row("response_probe", &[], Ajp13, Bool, "true", "Whether a container that has been silent for ping_timeout, at least 10 s, is asked if it is still at work on the response."),
    row("idle_guard", &[], Ajp13, Millis, "1000", "Idle time after which a connection is pinged before a request that must not be sent twice; 0 for never."),
    row("replay_size", &[], Ajp13, Bytes, "65536", "Bytes of a request's body that are kept, so that another container can have them."),
    row("connect_timeout", &[], Ajp13, Millis, "0", "Turns the ping after connecting on, with this wait."),
    row("prepost_timeout", &[], Ajp13, Millis, "0", "Turns the ping before each request on, with this wait."),
    row("reply_timeout", &[], Ajp13, Millis, "0", "Longest wait between two packets of a reply; 0 for no limit."),
    row("connection_pool_size", &["cachesize"], Ajp13, Int, "", "Most connections of one child; without it as many as there are requests."),
    row("connection_pool_minsize", &[], Ajp13, Int, "", "Idle connections that are kept."),
    row("connection_pool_timeout", &["cache_timeout", "recycle_timeout"], Ajp13, Seconds, "0", "Idle time after which a connection is closed; 0 keeps it."),
    row("connection_acquire_timeout", &[], Ajp13, Millis, "200", "How long a request waits for a place in a full pool."),
    row("retries", &[], Ajp13, Int, "2", "Attempts on one worker."),
    row("retry_interval", &[], Ajp13, Millis, "100", "Pause before another attempt."),
    row("recovery_options", &[], Ajp13, Int, "", "Which failed requests are sent again; see the manual."),
    row("fail_on_status", &[], Ajp13, List, "", "Statuses that count as failure; negative ones without consequence for the member."),
    row("busy_limit", &[], Ajp13, Int, "0", "Most requests in flight; 0 for no limit."),
    row("max_packet_size", &[], Ajp13, Bytes, "8192", "Largest packet; the connector's packetSize must not be smaller."),
    row("secret", &[], Ajp13, Text, "", "What the connector's secret attribute says."),
    row("secretkey", &[], Ajp13, Text, "", "Accepted for ajp14, which is treated as ajp13."),
    row("lb_retries", &[], Ajp13, Int, "2", "Accepted; every usable member is tried."),
    row("lbfactor", &[], Member, Int, "1", "Share of the load, relative to the other members."),
    row("activation", &["disabled", "stopped"], Member, Text, "Active", "Active, Disabled or Stopped."),
    row("route", &["jvm_route"], Member, Text, "the worker's name", "What the container appends to its session ids."),
    row("domain", &[], Member, Text, "", "Members that share their sessions."),
    row("redirect", &[], Member, Text, "", "Route of the member that takes over."),
    row("distance", &[], Member, Int, "0", "Members of the smallest distance are used first."),
    row("balance_workers", &["balanced_workers"], Lb, List, "", "The members."),
    row("sticky_session", &[], Lb, Bool, "on", "Sends requests of a session to the member that has it."),
    row("sticky_session_force", &[], Lb, Bool, "off", "Fails such requests rather than send them elsewhere."),
    row("method", &[], Lb, Text, "Request", "Request, Session, Next, Traffic or Busyness."),
    row("lock", &[], Lb, Text, "Optimistic", "Accepted without effect: nothing is locked."),
    row("recover_time", &[], Lb, Seconds, "60", "Time after which a request may try a member in error that is not known to be dead; one that answers a ping is back earlier."),
    row("probe", &[], Lb, Bool, "on", "Pings members in error in the background, so that no request has to find out; off leaves them to recover_time."),
    row("error_escalation_time", &[], Lb, Seconds, "recover_time / 2", "Time of failures after which a member is in error."),
    row("max_reply_timeouts", &[], Lb, Int, "0", "Reply timeouts a member may have before it is in error."),
    row("session_cookie", &[], Lb, Text, "JSESSIONID", "Cookie with the session id."),
    row("session_path", &[], Lb, Text, ";jsessionid", "Path parameter with the session id."),
    row("set_session_cookie", &[], Lb, Bool, "off", "Sets a cookie that makes requests sticky."),
    row("session_cookie_path", &[], Lb, Text, "/", "Path of that cookie."),
    row("css", &[], Status, Text, "", "Style sheet of the status page."),
    row("read_only", &[], Status, Bool, "off", "Allows looking only."),
    row("user", &[], Status, List, "", "Users who may use it."),
    row("user_case_insensitive", &[], Status, Bool, "off", "Compares their names in any case."),
    row("good", &[], Status, List, "a.o,a.i,a.b,a.r", "States shown as good."),
    row("bad", &[], Status, List, "s,e", "States shown as bad."),
    row("prefix", &[], Status, Text, "worker", "First word of the keys of mime=prop."),
    row("ns", &[], Status, Text, "jk:", "Namespace prefix of mime=xml."),
    row("xmlns", &[], Status, Text, "xmlns:jk=\"http://tomcat.apache.org\"", "Namespace declaration of mime=xml."),
    row("doctype", &[], Status, Text, "", "Document type of mime=xml."),
];

/// Properties that an older or another connector knows and that do nothing here.
pub(super) const EXPLAINED: &[(&str, &str)] = &[
    ("max_reuse_connections", "use connection_pool_size to limit connections"),
    ("css", "the status page brings its own style"),
    ("cache_acquire_timeout", "use connection_acquire_timeout"),
    ("sysprops", "in-process workers are not supported"),
    ("class_path", "in-process workers are not supported"),
    ("stdout", "in-process workers are not supported"),
    ("stderr", "in-process workers are not supported"),
];

/// Finds a property by its name or an older name of it.
pub(super) fn find(name: &str) -> Option<&'static PropertyRow> {
    PROPERTIES.iter().find(|row| row.name == name || row.aliases.contains(&name))
}

/// Returns the candidate closest to `word`, if it is close enough to be what was meant.
pub fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .map(|candidate| (distance(word, candidate), candidate))
        .min()
        .filter(|(distance, _)| *distance <= 2.max(word.len() / 4))
        .map(|(_, candidate)| candidate)
}

/// Number of letters to insert, delete or replace.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, right) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(left != *right);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
