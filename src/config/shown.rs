//! Settings of a worker as text, by the names of the table: what is in force, defaults included.

use std::time::Duration;

use super::kinds::{Ajp13Config, LbConfig, MemberConfig, StatusConfig, WorkerConfig, WorkerKind};
use crate::health::HealthCheck;

/// Returns every property of a worker with the value in force; empty for none. A secret is `***`.
pub(super) fn shown(worker: &WorkerConfig) -> Vec<(&'static str, String)> {
    match &worker.kind {
        WorkerKind::Ajp13(config) => ajp13(config),
        WorkerKind::Lb(config) => lb(config),
        WorkerKind::Status(config) => status(config),
    }
}

fn ajp13(own: &Ajp13Config) -> Vec<(&'static str, String)> {
    vec![
        ("host", own.host.clone()),
        ("port", own.port.to_string()),
        ("source", own.source.clone().unwrap_or_default()),
        ("prefer_ipv6", own.prefer_ipv6.to_string()),
        ("socket_timeout", seconds(own.socket_timeout)),
        ("socket_connect_timeout", millis(Some(own.socket_connect_timeout))),
        ("socket_keepalive", own.socket_keepalive.to_string()),
        ("socket_buffer", own.socket_buffer.unwrap_or(0).to_string()),
        ("ping_timeout", millis(Some(own.ping_timeout))),
        ("connection_ping_interval", seconds(own.connection_ping_interval)),
        ("response_probe", own.response_probe.to_string()),
        ("idle_guard", millis(own.idle_guard)),
        ("replay_size", own.replay_size.to_string()),
        ("connect_timeout", millis(own.connect_timeout)),
        ("prepost_timeout", millis(own.prepost_timeout)),
        ("reply_timeout", millis(own.reply_timeout)),
        ("connection_pool_size", number(own.connection_pool_size)),
        ("connection_pool_minsize", own.connection_pool_minsize.to_string()),
        ("connection_pool_timeout", seconds(own.connection_pool_timeout)),
        ("connection_acquire_timeout", millis(Some(own.connection_acquire_timeout))),
        ("retries", own.retries.to_string()),
        ("retry_interval", millis(Some(own.retry_interval))),
        ("recovery_options", number(own.recovery_options.map(|bits| bits as usize))),
        ("fail_on_status", list(&own.fail_on_status)),
        ("busy_limit", own.busy_limit.unwrap_or(0).to_string()),
        ("max_packet_size", own.max_packet_size.to_string()),
        ("secret", own.secret.as_ref().map_or(String::new(), |_| "***".to_owned())),
    ]
}

fn lb(own: &LbConfig) -> Vec<(&'static str, String)> {
    let mut all = vec![
        ("balance_workers", own.member_names.join(",")),
        ("method", format!("{:?}", own.method)),
        ("sticky_session", own.sticky_session.to_string()),
        ("sticky_session_force", own.sticky_session_force.to_string()),
        ("retries", own.retries.to_string()),
        ("retry_interval", millis(Some(own.retry_interval))),
        ("recover_time", seconds(Some(own.recover_time))),
        ("probe", own.probe.to_string()),
        ("error_escalation_time", seconds(Some(own.error_escalation_time))),
        ("max_reply_timeouts", own.max_reply_timeouts.to_string()),
        ("session_cookie", own.session_cookie.clone()),
        ("session_path", own.session_path.clone()),
        ("set_session_cookie", own.set_session_cookie.to_string()),
        ("session_cookie_path", own.session_cookie_path.clone()),
        ("session_cookie_samesite", own.session_cookie_samesite.unwrap_or("-").to_owned()),
        ("hash_key", own.hash_key.to_string()),
        ("slow_start", own.slow_start.as_secs().to_string()),
        ("retry_budget", own.retry_budget.to_string()),
        ("failover_timeout", own.failover_timeout.unwrap_or_default().as_millis().to_string()),
    ];
    all.extend(HealthCheck::settings(own.health_check.as_ref()));
    all
}

/// Returns what a worker is as member of a balancer.
pub(super) fn member(own: &MemberConfig) -> Vec<(&'static str, String)> {
    vec![
        ("lbfactor", own.lbfactor.to_string()),
        ("activation", format!("{:?}", own.activation)),
        ("route", own.route.clone()),
        ("domain", own.domain.clone()),
        ("redirect", own.redirect.clone()),
        ("distance", own.distance.to_string()),
    ]
}

fn status(own: &StatusConfig) -> Vec<(&'static str, String)> {
    vec![
        ("read_only", own.read_only.to_string()),
        ("user", own.users.join(",")),
        ("user_case_insensitive", own.user_case_insensitive.to_string()),
        ("good", own.good.join(",")),
        ("bad", own.bad.join(",")),
        ("prefix", own.prefix.clone()),
        ("ns", own.ns.clone()),
        ("xmlns", own.xmlns.clone()),
        ("doctype", own.doctype.clone()),
    ]
}

fn millis(time: Option<Duration>) -> String {
    time.map_or(0, |time| time.as_millis()).to_string()
}

fn seconds(time: Option<Duration>) -> String {
    time.map_or(0, |time| time.as_secs()).to_string()
}

fn number(value: Option<usize>) -> String {
    value.map_or(String::new(), |value| value.to_string())
}

fn list(values: &[i32]) -> String {
    values.iter().map(i32::to_string).collect::<Vec<_>>().join(",")
}
