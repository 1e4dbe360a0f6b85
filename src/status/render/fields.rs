//! Which keys an object has, in their order.

use crate::config::{Settings, Value};
use crate::status::rating::{Rating, RatingRules};
use crate::status::request::Mime;
use crate::status::view::{BalancerView, MemberView, RuleView, WorkerView};

/// Key, value, and whether txt quotes it.
pub(in crate::status) type LegacyField = (&'static str, String, bool);

pub(in crate::status) fn number(key: &'static str, value: impl ToString) -> LegacyField {
    (key, value.to_string(), false)
}

pub(in crate::status) fn truth(key: &'static str, value: bool) -> LegacyField {
    (key, if value { "True" } else { "False" }.to_owned(), false)
}

/// A setting as a number; one that is unset is 0 in these formats.
fn count(key: &'static str, of: &impl Settings) -> LegacyField {
    number(key, of.value(key).as_ref().map_or(0, Value::number))
}

/// A setting as text; one that is unset is empty in these formats.
fn word(key: &'static str, of: &impl Settings) -> (&'static str, String) {
    (key, of.value(key).as_ref().map(Value::bare).unwrap_or_default())
}

fn plain(key: &'static str, of: &impl Settings) -> LegacyField {
    let (key, text) = word(key, of);
    (key, text, false)
}

fn quoted(key: &'static str, of: &impl Settings) -> LegacyField {
    let (key, text) = word(key, of);
    (key, text, true)
}

fn on_off(key: &'static str, of: &impl Settings) -> LegacyField {
    truth(key, of.value(key) == Some(Value::Flag(true)))
}

pub(in crate::status) fn balancer_fields(
    balancer: &BalancerView,
    rules: &RatingRules,
) -> Vec<LegacyField> {
    let config = &*balancer.config;
    let rated =
        |rating| balancer.members.iter().filter(|member| rules.rate(member) == rating).count();
    vec![
        ("name", balancer.name.clone(), false),
        ("type", "lb".to_owned(), false),
        on_off("sticky_session", config),
        on_off("sticky_session_force", config),
        count("retries", config),
        count("recover_time", config),
        count("error_escalation_time", config),
        count("max_reply_timeouts", config),
        plain("method", config),
        plain("lock", config),
        number("member_count", balancer.members.len()),
        number("good", rated(Rating::Good)),
        number("degraded", rated(Rating::Degraded)),
        number("bad", rated(Rating::Bad)),
        number("busy", balancer.busy),
        number("max_busy", balancer.max_busy),
        number("map_count", balancer.map_count),
        number("time_to_maintenance_min", balancer.time_to_maintenance_min),
        number("time_to_maintenance_max", balancer.time_to_maintenance_max),
        number("last_reset_at", balancer.last_reset_at),
        number("last_reset_ago", balancer.last_reset_ago),
    ]
}

pub(in crate::status) fn ajp_fields(ajp: &WorkerView, mime: Mime) -> Vec<LegacyField> {
    let config = &*ajp.config;
    let mut fields = vec![
        ("name", ajp.name.clone(), false),
        ("type", "ajp13".to_owned(), false),
        plain("host", config),
        count("port", config),
        ("address", ajp.address.clone(), false),
        ("source", ajp.config.source.clone().unwrap_or_else(|| "undefined".to_owned()), false),
        count("connection_pool_timeout", config),
        count("ping_timeout", config),
        count("connect_timeout", config),
        count("prepost_timeout", config),
        count("reply_timeout", config),
        count("connection_ping_interval", config),
        count("retries", config),
        count("recovery_options", config),
        count("busy_limit", config),
        count("max_packet_size", config),
    ];
    if mime != Mime::Xml {
        fields.swap(11, 12);
    }
    fields
}

pub(in crate::status) fn member_fields(member: &MemberView, mime: Mime) -> Vec<LegacyField> {
    let mut fields = ajp_fields(&member.ajp, mime);
    fields.extend([
        ("activation", member.activation.code().to_owned(), false),
        count("lbfactor", &*member.config),
        quoted("route", &*member.config),
        quoted("redirect", &*member.config),
        quoted("domain", &*member.config),
        count("distance", &*member.config),
        ("state", member.state.code().to_owned(), false),
        number("lbmult", member.lbmult),
        number("lbvalue", member.lbvalue),
        number("elected", member.ajp.used),
        number("sessions", member.sessions),
        number("errors", member.ajp.errors),
    ]);
    fields.extend(traffic_fields(&member.ajp));
    fields.extend([
        number("time_to_recover_min", member.time_to_recover_min),
        number("time_to_recover_max", member.time_to_recover_max),
    ]);
    fields
}

pub(in crate::status) fn traffic_fields(ajp: &WorkerView) -> [LegacyField; 8] {
    [
        number("client_errors", ajp.client_errors),
        number("reply_timeouts", ajp.reply_timeouts),
        number("transferred", ajp.transferred),
        number("read", ajp.read),
        number("busy", ajp.busy),
        number("max_busy", ajp.max_busy),
        number("connected", ajp.connected),
        number("max_connected", ajp.max_connected),
    ]
}

pub(in crate::status) fn reset_fields(ajp: &WorkerView) -> [LegacyField; 2] {
    [number("last_reset_at", ajp.last_reset_at), number("last_reset_ago", ajp.last_reset_ago)]
}

pub(in crate::status) fn error_fields(ajp: &WorkerView, mime: Mime) -> Vec<LegacyField> {
    let Some((moment, ago)) = &ajp.error_time else { return Vec::new() };
    let (unix, since) = match mime {
        Mime::Prop => ("error_time_unix seconds", "error_time_ago seconds"),
        _ => ("error_time_unix_seconds", "error_time_ago"),
    };
    vec![
        ("error_time_datetime", moment.datetime.clone(), false),
        ("error_time_tz", moment.tz.clone(), false),
        number(unix, moment.unix),
        number(since, ago),
    ]
}

pub(in crate::status) fn rule_fields(id: usize, rule: &RuleView) -> Vec<LegacyField> {
    let flag = |value: bool| u8::from(value).to_string();
    let timeout = rule.reply_timeout.map_or_else(|| "-1".to_owned(), |ms| ms.to_string());
    vec![
        number("id", id),
        ("server", rule.server.clone(), true),
        ("uri", rule.uri.clone(), true),
        ("type", rule.kind(), true),
        ("source", rule.source.clone(), true),
        ("reply_timeout", timeout, true),
        ("sticky_ignore", flag(rule.sticky_ignore), true),
        ("stateless", flag(rule.stateless), true),
        ("fail_on_status", rule.fail_on_status.clone(), true),
        ("active", rule.active.clone(), true),
        ("disabled", rule.disabled.clone(), true),
        ("stopped", rule.stopped.clone(), true),
        ("use_server_errors", rule.use_server_errors.to_string(), true),
    ]
}
