//! All properties of workers, a row each. A new one is a row here, a field in `config/model.rs`, and
//! its use.

use std::time::Duration;

use crate::config::model::{Ajp13Config, HashKey, LbConfig, MemberConfig, StatusConfig, same_site};
use crate::config::rows::property::PropertyScope::{Ajp13, All, Both, Lb, Member, Status};
use crate::config::rows::property::{PropertyRow, PropertyScope, Setting};
use crate::config::rows::stored::Stored;
use crate::config::rows::value::ValueKind::{
    Bool, Bytes, Host, Int, List, Millis, Name, Seconds, Secret, Text, Word,
};
use crate::config::rows::value::{Range, Value, ValueKind, Words};
use crate::health::HealthCheck;
use crate::lb::{Activation, Method};

/// The field of a configuration.
macro_rules! field {
    (ajp13.$name:ident) => {
        field!(crate::config::model::Ajp13Config, $name)
    };
    (lb.$name:ident) => {
        field!(crate::config::model::LbConfig, $name)
    };
    (member.$name:ident) => {
        field!(crate::config::model::MemberConfig, $name)
    };
    (status.$name:ident) => {
        field!(crate::config::model::StatusConfig, $name)
    };
    ($config:ty, $name:ident) => {
        Setting::new(
            |own: &$config, kind| own.$name.to_value(kind),
            Some(|own: &mut $config, value, kind| own.$name.put(value, kind)),
        )
    };
}

const fn row(
    name: &'static str,
    scope: PropertyScope,
    kind: ValueKind,
    default: &'static str,
    since: &'static str,
    doc: &'static str,
) -> PropertyRow {
    PropertyRow::new(name, scope, kind, default, since, doc)
}

/// A field that a reader of its own fills.
const fn read_apart<C>(get: fn(&C, ValueKind) -> Value) -> Setting<C> {
    Setting::new(get, None)
}

/// All properties of workers, by scope in the order in which they are shown.
#[rustfmt::skip]
pub const PROPERTIES: &[PropertyRow] = &[
    row("type", All, Text, "ajp13", "1.2.0", "Kind of worker: ajp13, lb or status."),
    row("reference", All, Text, "", "1.2.19", "Another worker whose properties apply where this one does not set them."),
    row("mount", All, List, "", "1.2.9", "URI patterns that the worker serves in the main server."),
    row("host", Ajp13, Host, "localhost", "1.2.0", "Name or address of the backend, or unix: and the absolute path of its Unix-domain socket.")
        .ajp13(field!(ajp13.host).changed_by("vahst", "1.2.28")),
    row("port", Ajp13, Int, "8009", "1.2.0", "Port of the backend's AJP connector; 0 keeps the worker from connecting. Ignored where host is a Unix-domain socket.")
        .range(Range::Port)
        .ajp13(Setting::new(|own: &Ajp13Config, kind| own.port_in_use().to_value(kind), Some(|own: &mut Ajp13Config, value, kind| own.port.put(value, kind))).changed_by("vaprt", "1.2.28")),
    row("source", Ajp13, Name, "", "1.2.41", "Local address to connect from.")
        .ajp13(field!(ajp13.source)),
    row("prefer_ipv6", Ajp13, Bool, "off", "1.2.38", "Tries the IPv6 addresses of a name first.")
        .ajp13(field!(ajp13.prefer_ipv6)),
    row("socket_timeout", Ajp13, Seconds, "", "1.2.0", "Longest wait of one send or receive; 0 for no limit. Where a reply_timeout is set, it alone limits the wait for a reply.")
        .ajp13(field!(ajp13.socket_timeout).keeping_connections()),
    row("socket_connect_timeout", Ajp13, Millis, "socket_timeout, else 5000", "1.2.27", "Time for opening a connection, all addresses together.")
        .range(Range::SetFrom(1))
        .ajp13(field!(ajp13.socket_connect_timeout).otherwise(|own| own.socket_timeout.get().unwrap_or(Duration::from_secs(5)).to_value(Millis))),
    row("socket_keepalive", Ajp13, Bool, "off", "1.2.0", "Turns TCP keep-alive on.")
        .ajp13(field!(ajp13.socket_keepalive)),
    row("socket_buffer", Ajp13, Bytes, "", "1.2.9", "Size of the kernel's buffers; 0 leaves the system's.")
        .ajp13(field!(ajp13.socket_buffer)),
    row("ping_mode", Ajp13, Text, "", "1.2.27", "When to send a CPING: C after connecting, P before each request, I while idle, A always.")
        .ajp13(field!(ajp13.ping_mode).keeping_connections()),
    row("ping_timeout", Ajp13, Millis, "10000", "1.2.27", "Longest wait for the answer to a CPING.")
        .range(Range::SetFrom(1)).ajp13(field!(ajp13.ping_timeout).keeping_connections().changed_by("vapng", "1.2.27")),
    row("connection_ping_interval", Ajp13, Seconds, "", "1.2.27", "Idle time after which a connection is pinged; 0 for never.")
        .ajp13(field!(ajp13.connection_ping_interval).keeping_connections().changed_by("vacpi", "1.2.27")),
    row("response_probe", Ajp13, Bool, "true", "2.0.0", "Whether a backend that has been silent for ping_timeout, at least 10 s, during a response is sent a CPING, to find out whether it abandoned the response.")
        .ajp13(field!(ajp13.response_probe).keeping_connections()),
    row("refusal_detection", Ajp13, Bool, "on", "2.0.0", "Counts it as a failure when the connector itself refuses a request: for its secret or an attribute (status 403), or for its size (status 400). Off for an application that answers 403 and has the connection closed.")
        .ajp13(field!(ajp13.refusal_detection).keeping_connections()),
    row("idle_guard", Ajp13, Millis, "1000", "2.0.0", "Idle time after which a connection is pinged before a request that must not be sent twice; 0 for never.")
        .ajp13(field!(ajp13.idle_guard).keeping_connections()),
    row("replay_size", Ajp13, Bytes, "65536", "2.0.0", "Bytes of a request's body that are kept, so that they can be sent to another backend.")
        .ajp13(field!(ajp13.replay_size).keeping_connections()),
    row("connect_timeout", Ajp13, Millis, "", "1.2.6", "Turns the ping after connecting on, with this wait; 0 for none.")
        .ajp13(field!(ajp13.connect_timeout).changed_by("vact", "1.2.27")),
    row("prepost_timeout", Ajp13, Millis, "", "1.2.6", "Turns the ping before each request on, with this wait; 0 for none.")
        .ajp13(field!(ajp13.prepost_timeout).keeping_connections().changed_by("vapt", "1.2.27")),
    row("reply_timeout", Ajp13, Millis, "", "1.2.6", "Longest wait between two packets of a reply, whatever socket_timeout says; 0 for no such limit.")
        .ajp13(field!(ajp13.reply_timeout).keeping_connections().changed_by("vart", "1.2.27")),
    row("connection_pool_size", Ajp13, Int, "", "1.2.12", "Most connections of one child; as many as there are requests where it is unset.")
        .once(&["cachesize"]).range(Range::SetFrom(1)).ajp13(field!(ajp13.connection_pool_size)),
    row("connection_pool_minsize", Ajp13, Int, "half of connection_pool_size", "1.2.16", "Idle connections that are kept.")
        .range(Range::SetFrom(1))
        .ajp13(field!(ajp13.connection_pool_minsize).otherwise(|own| own.connection_pool_size.unwrap_or(0).div_ceil(2).to_value(Int))),
    row("connection_pool_timeout", Ajp13, Seconds, "", "1.2.16", "Idle time after which a connection is closed; 0 keeps it.")
        .once(&["cache_timeout"]).ajp13(field!(ajp13.connection_pool_timeout).changed_by("vacpt", "1.2.27")),
    row("connection_acquire_timeout", Ajp13, Millis, "retries * retry_interval", "1.2.27", "How long a request waits for a free connection of a full pool.")
        .range(Range::SetFrom(1))
        .ajp13(field!(ajp13.connection_acquire_timeout).otherwise(|own| (own.retry_interval * own.retries).to_value(Millis))),
    row("retries", Both, Int, "2", "1.2.7", "Attempts on one worker.")
        .range(Range::AtLeast(1))
        .ajp13(field!(ajp13.retries).keeping_connections().changed_by("var", "1.2.27"))
        .lb(field!(lb.retries).changed_by_either("vlr", "lr", "1.2.27")),
    row("retry_interval", Both, Millis, "100", "1.2.27", "Pause before another attempt.")
        .ajp13(field!(ajp13.retry_interval).keeping_connections().changed_by("vari", "1.2.27"))
        .lb(field!(lb.retry_interval).changed_by("vlri", "1.2.27")),
    row("recovery_options", Ajp13, Int, "", "1.2.6", "Which failed requests are sent again, a sum of 1, 2, 4, 8 and 16; explained below.")
        .range(Range::Bits(31)).ajp13(field!(ajp13.recovery_options).keeping_connections().changed_by("varo", "1.2.27")),
    row("fail_on_status", Ajp13, List, "", "1.2.20", "Statuses that count as failure; negative ones without consequence for the member.")
        .ajp13(read_apart(|own: &Ajp13Config, _| Value::List(own.fail_on_status.clone())).keeping_connections()),
    row("busy_limit", Ajp13, Int, "", "1.2.41", "Most requests in flight over all httpd child processes; 0 for no limit.")
        .ajp13(field!(ajp13.busy_limit).keeping_connections().changed_by("vabl", "1.2.41")),
    row("concurrency", Ajp13, Word(CONCURRENCY), "fixed", "2.0.0", "fixed: busy_limit is the limit of requests in flight. adaptive: the limit is found from the times of answers, up to busy_limit.")
        .ajp13(Setting::new(concurrency, Some(set_concurrency)).keeping_connections()),
    row("queue_size", Both, Int, "0", "2.0.0", "Most requests, over all httpd child processes, that wait until a member below its busy_limit has room; 0 answers them with 503 at once.")
        .ajp13(field!(ajp13.queue_size).keeping_connections())
        .lb(field!(lb.queue_size)),
    row("queue_timeout", Both, Millis, "connection_acquire_timeout", "2.0.0", "How long a request waits for room and for a connection, together; of a balancer the longest connection_acquire_timeout of its members where it is unset or 0.")
        .range(Range::SetFrom(1))
        .ajp13(field!(ajp13.queue_timeout).keeping_connections().otherwise(|own| own.connection_acquire_timeout.to_value(Millis)))
        .lb(field!(lb.queue_timeout)),
    row("max_threads_share", Both, Int, "0", "2.0.0", "Per cent of all threads of httpd (MaxRequestWorkers) that may be held at once, at least one, over all httpd child processes; further requests are answered 503 at once. Requests that wait without a thread do not count. 0 for no limit.")
        .range(Range::Percent)
        .ajp13(field!(ajp13.max_threads_share).keeping_connections().changed_by("vamts", "2.0.0"))
        .lb(field!(lb.max_threads_share).changed_by("vlmts", "2.0.0")),
    row("max_packet_size", Ajp13, Bytes, "8192", "1.2.19", "Largest packet; the connector's packetSize must not be smaller.")
        .range(Range::Packet).ajp13(field!(ajp13.max_packet_size).changed_by("vamps", "1.2.27")),
    row("secret", Both, Secret, "", "1.2.12", "The value of the connector's secret attribute.")
        .ajp13(field!(ajp13.secret).keeping_connections()),
    row("secretkey", Ajp13, Secret, "", "1.2.0", "Accepted for ajp14, which is treated as ajp13."),
    row("lb_retries", Both, Int, "2", "1.2.44", "Accepted; every usable member is tried."),
    row("lbfactor", Member, Int, "1", "1.2.0", "Share of the load, relative to the other members.")
        .range(Range::AtLeast(1)).member(field!(member.lbfactor).changed_by_either("vwf", "wf", "1.2.27")),
    row("activation", Member, Word(ACTIVATIONS), "Active", "1.2.19", "Active, Disabled or Stopped.")
        .once(&["disabled", "stopped"]).member(field!(member.activation).changed_by_either("vwa", "wa", "1.2.27")),
    row("route", Member, Name, "the name of the worker", "1.2.20", "Text that the backend appends to its session ids.")
        .once(&["jvm_route"])
        .member(Setting::new(|own: &MemberConfig, kind| own.route.to_value(kind), Some(set_route)).otherwise(|own| own.worker.to_value(Name)).changed_by_either("vwn", "wn", "1.2.27")),
    row("domain", Member, Name, "", "1.2.8", "Members that share their sessions.")
        .member(field!(member.domain).changed_by_either("vwc", "wc", "1.2.27")),
    row("redirect", Member, Name, "", "1.2.9", "Route of the member that takes over.")
        .member(field!(member.redirect).changed_by_either("vwr", "wr", "1.2.27")),
    row("distance", Member, Int, "0", "1.2.16", "Members of the smallest distance are used first.")
        .range(Range::Signed).member(field!(member.distance).changed_by_either("vwd", "wd", "1.2.27")),
    row("balance_workers", Lb, List, "", "1.2.7", "The members.")
        .once(&["balanced_workers"]).lb(read_apart(|own: &LbConfig, kind| own.member_names.to_value(kind))),
    row("sticky_session", Lb, Bool, "on", "1.2.6", "Sends requests of a session to the member that has it.")
        .lb(field!(lb.sticky_session).changed_by_either("vls", "ls", "1.2.27")),
    row("sticky_session_force", Lb, Bool, "off", "1.2.9", "Fails such requests rather than send them elsewhere.")
        .lb(field!(lb.sticky_session_force).changed_by_either("vlf", "lf", "1.2.27")),
    row("method", Lb, Word(METHODS), "Request", "1.2.9", "Request, Session, Next, Traffic, Busyness, LeastTime or Hash; docs/balancing.md compares them.")
        .lb(field!(lb.method).changed_by_either("vlm", "lm", "1.2.27")),
    row("lock", Lb, Word(LOCKS), "Optimistic", "1.2.13", "Accepted without effect: requests take no lock.")
        .lb(Setting::new(lock, Some(set_lock)).changed_by_either("vll", "ll", "1.2.27")),
    row("recover_time", Lb, Seconds, "60", "1.2.7", "Time after which a request may try a member in error that is not known to be down; one that answers CPING is tried earlier.")
        .range(Range::AtLeast(1)).lb(field!(lb.recover_time).changed_by_either("vlt", "lt", "1.2.27")),
    row("probe", Lb, Bool, "on", "2.0.0", "Probes members in error with CPING in the background; if off, a request tries them after recover_time.")
        .lb(field!(lb.probe)),
    row("health_check", Lb, Text, "", "2.0.0", "Request that shows whether a member is healthy, such as GET /health. Without it members are only probed with CPING.")
        .lb(read_apart(|own, kind| health(own, "health_check", kind))),
    row("health_check_host", Lb, Text, "localhost", "2.0.0", "Host header of that request.")
        .lb(read_apart(|own, kind| health(own, "health_check_host", kind))),
    row("health_check_status", Lb, Text, "200-399", "2.0.0", "Statuses of a healthy member: numbers and ranges, separated by commas.")
        .lb(read_apart(|own, kind| health(own, "health_check_status", kind))),
    row("health_check_interval", Lb, Seconds, "5", "2.0.0", "Time between two such requests to a member.")
        .lb(read_apart(|own, kind| health(own, "health_check_interval", kind))),
    row("health_check_timeout", Lb, Millis, "2000", "2.0.0", "Longest wait for the whole answer.")
        .lb(read_apart(|own, kind| health(own, "health_check_timeout", kind))),
    row("health_check_rise", Lb, Int, "2", "2.0.0", "Passed checks in a row after which a member is healthy again.")
        .lb(read_apart(|own, kind| health(own, "health_check_rise", kind))),
    row("health_check_fall", Lb, Int, "3", "2.0.0", "Failed checks in a row after which a member is unhealthy, as long as another one is usable.")
        .lb(read_apart(|own, kind| health(own, "health_check_fall", kind))),
    row("error_escalation_time", Lb, Seconds, "recover_time / 2", "1.2.28", "Time of failures after which a member is in error; 0 for the first one. A second broken connection in a row is enough in any case.")
        .lb(field!(lb.error_escalation_time).otherwise(|own| (own.recover_time / 2).to_value(Seconds)).changed_by("vlee", "1.2.28")),
    row("max_reply_timeouts", Lb, Int, "0", "1.2.24", "Reply timeouts a member may have before it is in error.")
        .range(Range::OrEndless).lb(field!(lb.max_reply_timeouts).changed_by("vlx", "1.2.27")),
    row("session_cookie", Lb, Name, "JSESSIONID", "1.2.27", "Cookie with the session id.")
        .lb(field!(lb.session_cookie)),
    row("session_path", Lb, Name, ";jsessionid", "1.2.27", "Path parameter with the session id.")
        .lb(field!(lb.session_path)),
    row("set_session_cookie", Lb, Bool, "off", "1.2.38", "Sets a cookie that makes requests sticky.")
        .lb(field!(lb.set_session_cookie)),
    row("session_cookie_path", Lb, Name, "/", "1.2.38", "Path of that cookie; - for none.")
        .lb(field!(lb.session_cookie_path).or_dash()),
    row("session_cookie_samesite", Lb, Word(SAME_SITE), "-", "2.0.0", "SameSite attribute of that cookie: Strict, Lax or None; - for none.")
        .lb(field!(lb.session_cookie_samesite)),
    row("hash_key", Lb, Word(HASH_KEYS), "uri", "2.0.0", "The value that method=Hash uses: uri, query, remote, cookie:NAME or header:NAME.")
        .lb(field!(lb.hash_key)),
    row("slow_start", Lb, Seconds, "10", "2.0.0", "Time over which a member that is back takes up its share; 0 for at once.")
        .lb(field!(lb.slow_start)),
    row("retry_budget", Lb, Int, "20", "2.0.0", "Requests of a hundred that may be delivered a second time, beyond a reserve of 1000; 0 for any number.")
        .range(Range::Percent).lb(field!(lb.retry_budget)),
    row("failover_timeout", Lb, Millis, "60000", "2.0.0", "Time after which a request is not tried again; 0 for no limit.")
        .lb(field!(lb.failover_timeout)),
    row("css", Status, Text, "", "1.2.9", "Address of a style sheet for the status page."),
    row("read_only", Status, Bool, "off", "1.2.20", "Allows no changes.")
        .status(field!(status.read_only)),
    row("user", Status, List, "", "1.2.20", "Users who may use it.")
        .status(field!(status.users)),
    row("user_case_insensitive", Status, Bool, "off", "1.2.21", "Compares their names in any case.")
        .status(field!(status.user_case_insensitive)),
    row("good", Status, List, "a.o,a.i,a.b,a.r", "1.2.20", "States that xml, txt, prop and json count as good.")
        .status(field!(status.good)),
    row("bad", Status, List, "s,e", "1.2.20", "States that xml, txt, prop and json count as bad.")
        .status(field!(status.bad)),
    row("prefix", Status, Text, "worker", "1.2.20", "First word of the keys of mime=prop.")
        .status(field!(status.prefix)),
    row("ns", Status, Text, "jk:", "1.2.20", "Namespace prefix of mime=xml.")
        .status(field!(status.ns).or_dash()),
    row("xmlns", Status, Text, "xmlns:jk=\"http://tomcat.apache.org\"", "1.2.20", "Namespace declaration of mime=xml.")
        .status(field!(status.xmlns).or_dash()),
    row("doctype", Status, Text, "", "1.2.20", "Document type of mime=xml.")
        .status(field!(status.doctype)),
    row("metrics", Status, Word(METRICS), "default", "2.0.0", "What cmd=metrics writes: default, or full for all families and all buckets, more than twice as many series.")
        .status(Setting::new(metrics, Some(set_metrics))),
];

const METHODS: &Words = &Words {
    names: &["Request", "Session", "Next", "Traffic", "Busyness", "LeastTime", "Hash"],
    other: &["Sessions"],
    by_letter: 5,
    read: |word| Method::from_word(word).map(Value::Method),
};

const ACTIVATIONS: &Words = &Words {
    names: &["Active", "Disabled", "Stopped"],
    other: &["act", "dis", "stp"],
    by_letter: 3,
    read: |word| Activation::from_word(word).map(Value::Activation),
};

const LOCKS: &Words = &Words {
    names: &["Optimistic", PESSIMISTIC],
    other: &[],
    by_letter: 0,
    read: |word| {
        let name = match word.bytes().next()?.to_ascii_lowercase() {
            b'o' | b'0' => "Optimistic",
            b'p' | b'1' => PESSIMISTIC,
            _ => return None,
        };
        Some(Value::Text(name.to_owned()))
    },
};

const SAME_SITE: &Words = &Words {
    names: &["Strict", "Lax", "None", "-"],
    other: &[],
    by_letter: 0,
    read: |word| same_site(word).map(|_| Value::Text(word.to_owned())),
};

const HASH_KEYS: &Words = &Words {
    names: &["uri", "query", "remote", "cookie:NAME", "header:NAME"],
    other: &[],
    by_letter: 0,
    read: |word| HashKey::from_word(word).map(|_| Value::Text(word.to_owned())),
};

const CONCURRENCY: &Words = &Words {
    names: &["fixed", "adaptive"],
    other: &[],
    by_letter: 0,
    read: |word| match word.to_ascii_lowercase().as_str() {
        word @ ("fixed" | "adaptive") => Some(Value::Text(word.to_owned())),
        _ => None,
    },
};

fn concurrency(own: &Ajp13Config, _: ValueKind) -> Value {
    Value::Text(if own.is_adaptive { "adaptive" } else { "fixed" }.to_owned())
}

fn set_concurrency(own: &mut Ajp13Config, value: &Value, _: ValueKind) -> bool {
    let Value::Text(word) = value else { return false };
    own.is_adaptive = word == "adaptive";
    true
}

const METRICS: &Words = &Words {
    names: &["default", "full"],
    other: &[],
    by_letter: 0,
    read: |word| match word.to_ascii_lowercase().as_str() {
        word @ ("default" | "full") => Some(Value::Text(word.to_owned())),
        _ => None,
    },
};

fn metrics(own: &StatusConfig, _: ValueKind) -> Value {
    Value::Text(if own.is_metrics_full { "full" } else { "default" }.to_owned())
}

fn set_metrics(own: &mut StatusConfig, value: &Value, _: ValueKind) -> bool {
    let Value::Text(word) = value else { return false };
    own.is_metrics_full = word == "full";
    true
}

const PESSIMISTIC: &str = "Pessimistic";

fn lock(own: &LbConfig, _: ValueKind) -> Value {
    Value::Text(if own.is_pessimistic { PESSIMISTIC } else { "Optimistic" }.to_owned())
}

fn set_lock(own: &mut LbConfig, value: &Value, _: ValueKind) -> bool {
    let Value::Text(word) = value else { return false };
    own.is_pessimistic = word == PESSIMISTIC;
    true
}

/// As in the file, what stands before a dot is the domain, unless one is set.
fn set_route(own: &mut MemberConfig, value: &Value, kind: ValueKind) -> bool {
    let is_one = own.route.put(value, kind);
    if let Some((domain, _)) = own.route.split_once('.').filter(|_| is_one && own.domain.is_empty())
    {
        domain.clone_into(&mut own.domain);
    }
    is_one
}

/// A health check has all of its properties, or none.
fn health(own: &LbConfig, name: &str, kind: ValueKind) -> Value {
    let settings = HealthCheck::settings(own.health_check.as_ref()).into_iter();
    let found = settings.filter(|_| own.health_check.is_some()).find(|row| row.0 == name);
    found.map_or(Value::Unset, |(_, value)| match value.parse() {
        Ok(number) if kind.is_number() => Value::Number(number),
        _ => Value::Text(value),
    })
}
