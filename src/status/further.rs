//! Settings that cannot be changed while httpd runs, and that the frozen formats do not have. Each
//! field of a configuration is named here, so that a new one is not forgotten.

use std::time::Duration;

use serde_json::{Value, json};

use crate::config::{Ajp13Config, LbConfig, WorkerKind, WorkersConfig};
use crate::health::HealthCheck;

/// Names as in JSON, with their unit, and values.
pub(super) type Further = Vec<(&'static str, Value)>;

/// Returns those of a worker; nothing for one that is not there.
pub(super) fn of(config: Option<&WorkersConfig>, name: &str) -> Further {
    match config.and_then(|all| all.workers.get(name)).map(|worker| &worker.kind) {
        Some(WorkerKind::Ajp13(ajp)) => of_ajp(ajp),
        Some(WorkerKind::Lb(lb)) => of_lb(lb),
        Some(WorkerKind::Status(_)) | None => Vec::new(),
    }
}

fn ms(time: Duration) -> Value {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX).into()
}

fn of_ajp(config: &Ajp13Config) -> Further {
    let Ajp13Config {
        // Shown among the others.
        host: _,
        port: _,
        source: _,
        ping_timeout: _,
        connection_ping_interval: _,
        connect_timeout: _,
        prepost_timeout: _,
        reply_timeout: _,
        connection_pool_size: _,
        connection_pool_timeout: _,
        retries: _,
        retry_interval: _,
        recovery_options: _,
        busy_limit: _,
        max_packet_size: _,
        // Shown nowhere; whether there is one is.
        secret,
        secret_mark: _,
        prefer_ipv6,
        socket_timeout,
        socket_connect_timeout,
        socket_keepalive,
        socket_buffer,
        response_probe,
        idle_guard,
        replay_size,
        connection_pool_minsize,
        connection_acquire_timeout,
        fail_on_status,
    } = config;
    vec![
        ("socket_connect_timeout_ms", ms(*socket_connect_timeout)),
        ("socket_timeout_s", json!(socket_timeout.map(|time| time.as_secs()))),
        ("socket_keepalive", json!(socket_keepalive)),
        ("socket_buffer", json!(socket_buffer)),
        ("prefer_ipv6", json!(prefer_ipv6)),
        ("connection_pool_minsize", json!(connection_pool_minsize)),
        ("connection_acquire_timeout_ms", ms(*connection_acquire_timeout)),
        ("response_probe", json!(response_probe)),
        ("idle_guard_ms", json!(idle_guard.map(ms))),
        ("replay_size", json!(replay_size)),
        ("fail_on_status", json!(fail_on_status)),
        ("has_secret", json!(secret.is_some())),
    ]
}

fn of_lb(config: &LbConfig) -> Further {
    let LbConfig {
        // Shown among the others.
        members: _,
        member_names: _,
        method: _,
        sticky_session: _,
        sticky_session_force: _,
        retries: _,
        retry_interval: _,
        recover_time: _,
        error_escalation_time: _,
        max_reply_timeouts: _,
        is_pessimistic: _,
        probe,
        health_check,
        session_cookie,
        session_path,
        set_session_cookie,
        session_cookie_path,
        session_cookie_samesite,
        slow_start,
        retry_budget,
        failover_timeout,
        hash_key,
    } = config;
    let mut all = vec![
        ("session_cookie", json!(session_cookie)),
        ("session_path", json!(session_path)),
        ("set_session_cookie", json!(set_session_cookie)),
        ("session_cookie_path", json!(session_cookie_path)),
        ("session_cookie_samesite", json!(session_cookie_samesite)),
        ("probe", json!(probe)),
        ("slow_start_s", json!(slow_start.as_secs())),
        ("retry_budget", json!(retry_budget)),
        ("failover_timeout_ms", json!(failover_timeout.map(ms))),
        ("hash_key", json!(hash_key.to_string())),
    ];
    // A health check has all of its settings or none.
    let settings = HealthCheck::settings(health_check.as_ref());
    let is_set = health_check.is_some();
    all.extend(settings.map(|(name, value)| (name, json!(is_set.then_some(value)))));
    all
}
