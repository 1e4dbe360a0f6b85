//! Which keys an object has, in their order.

use super::rating::{Rating, Rules};
use super::request::Mime;
use super::view::{Ajp, Balancer, Member, Rule, method_name};

/// Key, value, and whether txt quotes it.
pub(super) type Field = (&'static str, String, bool);

pub(super) fn number(key: &'static str, value: impl ToString) -> Field {
    (key, value.to_string(), false)
}

pub(super) fn truth(key: &'static str, value: bool) -> Field {
    (key, if value { "True" } else { "False" }.to_owned(), false)
}

pub(super) fn balancer_fields(balancer: &Balancer, rules: &Rules) -> Vec<Field> {
    let count =
        |rating| balancer.members.iter().filter(|member| rules.rate(member) == rating).count();
    let lock = if balancer.is_pessimistic { "Pessimistic" } else { "Optimistic" };
    vec![
        ("name", balancer.name.clone(), false),
        ("type", "lb".to_owned(), false),
        truth("sticky_session", balancer.sticky_session),
        truth("sticky_session_force", balancer.sticky_session_force),
        number("retries", balancer.retries),
        number("recover_time", balancer.recover_time),
        number("error_escalation_time", balancer.error_escalation_time),
        number("max_reply_timeouts", balancer.max_reply_timeouts),
        ("method", method_name(balancer.method).to_owned(), false),
        ("lock", lock.to_owned(), false),
        number("member_count", balancer.members.len()),
        number("good", count(Rating::Good)),
        number("degraded", count(Rating::Degraded)),
        number("bad", count(Rating::Bad)),
        number("busy", balancer.busy),
        number("max_busy", balancer.max_busy),
        number("map_count", balancer.map_count),
        number("time_to_maintenance_min", balancer.time_to_maintenance_min),
        number("time_to_maintenance_max", balancer.time_to_maintenance_max),
        number("last_reset_at", balancer.last_reset_at),
        number("last_reset_ago", balancer.last_reset_ago),
    ]
}

pub(super) fn ajp_fields(ajp: &Ajp, mime: Mime) -> Vec<Field> {
    let mut fields = vec![
        ("name", ajp.name.clone(), false),
        ("type", "ajp13".to_owned(), false),
        ("host", ajp.host.clone(), false),
        number("port", ajp.port),
        ("address", ajp.address.clone(), false),
        ("source", ajp.source.clone().unwrap_or_else(|| "undefined".to_owned()), false),
        number("connection_pool_timeout", ajp.connection_pool_timeout),
        number("ping_timeout", ajp.ping_timeout),
        number("connect_timeout", ajp.connect_timeout),
        number("prepost_timeout", ajp.prepost_timeout),
        number("reply_timeout", ajp.reply_timeout),
        number("connection_ping_interval", ajp.connection_ping_interval),
        number("retries", ajp.retries),
        number("recovery_options", ajp.recovery_options),
        number("busy_limit", ajp.busy_limit),
        number("max_packet_size", ajp.max_packet_size),
    ];
    if mime != Mime::Xml {
        fields.swap(11, 12);
    }
    fields
}

pub(super) fn member_fields(member: &Member, mime: Mime) -> Vec<Field> {
    let mut fields = ajp_fields(&member.ajp, mime);
    fields.extend([
        ("activation", member.activation.code().to_owned(), false),
        number("lbfactor", member.lbfactor),
        ("route", member.route.clone(), true),
        ("redirect", member.redirect.clone(), true),
        ("domain", member.domain.clone(), true),
        number("distance", member.distance),
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

pub(super) fn traffic_fields(ajp: &Ajp) -> [Field; 8] {
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

pub(super) fn reset_fields(ajp: &Ajp) -> [Field; 2] {
    [number("last_reset_at", ajp.last_reset_at), number("last_reset_ago", ajp.last_reset_ago)]
}

pub(super) fn error_fields(ajp: &Ajp, mime: Mime) -> Vec<Field> {
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

pub(super) fn rule_fields(id: usize, rule: &Rule) -> Vec<Field> {
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
