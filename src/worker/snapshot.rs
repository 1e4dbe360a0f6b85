//! The live records as the status worker shows them.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use super::ajp13::Ajp13;
use super::balancer::Lb;
use super::workers::{Worker, Workers};
use crate::clock::{self, Millis};
use crate::health::Health;
use crate::lb::MemberState;
use crate::metrics::FAILURES;
use crate::shm::MemberRecord;
use crate::status::view::{Ajp, Balancer, Member, Moment, Rule, Server, Snapshot};

/// Joins configuration and records into one picture.
pub fn snapshot(workers: &Workers, server: Server) -> Snapshot {
    let (mut balancers, mut alone, mut others) = (Vec::new(), Vec::new(), Vec::new());
    for (name, worker) in workers.in_order() {
        match worker {
            Worker::Lb(lb) => balancers.push(balancer(workers, lb)),
            Worker::Ajp13(own, place) => {
                let record = workers.places.segment.member(*place);
                let mut view = ajp(workers, own, record, *place);
                view.rules = workers.rules_of(name);
                view.map_count = view.rules.len() as u64;
                alone.push(view);
            }
            Worker::Status(_) => others.push(name.to_owned()),
        }
    }
    let properties = Arc::clone(&workers.properties);
    Snapshot {
        server,
        balancers,
        workers: alone,
        others,
        properties,
        config: Some(workers.config()),
        broken_configuration: workers.fallback.clone(),
        is_unprotected: false,
    }
}

fn balancer(workers: &Workers, lb: &Lb) -> Balancer {
    let config = &lb.config;
    let rules: Vec<Rule> = workers.rules_of(&lb.name);
    let decayed = Millis(workers.places.segment.header().decayed_ms.load(Relaxed));
    // Before the first round the whole interval is ahead.
    let since = if decayed.0 == 0 { Duration::ZERO } else { clock::now().since(decayed) };
    let next = workers.maintain.saturating_sub(since);
    let members: Vec<_> = (0..lb.members.len()).map(|place| member(workers, lb, place)).collect();
    Balancer {
        name: lb.name.clone(),
        sticky_session: config.sticky_session,
        sticky_session_force: config.sticky_session_force,
        retries: config.retries,
        retry_interval_ms: millis(config.retry_interval),
        recover_time: config.recover_time.as_secs(),
        error_escalation_time: config.error_escalation_time.as_secs(),
        max_reply_timeouts: config.max_reply_timeouts,
        method: config.method,
        busy: lb.record.busy.load(Relaxed).into(),
        max_busy: lb.record.max_busy.load(Relaxed).into(),
        map_count: rules.len() as u64,
        time_to_maintenance_min: next.as_secs(),
        time_to_maintenance_max: (next + workers.maintain).as_secs(),
        last_reset_at: members.iter().map(|own| own.ajp.last_reset_at).max().unwrap_or(0),
        last_reset_ago: members.iter().map(|own| own.ajp.last_reset_ago).min().unwrap_or(0),
        is_pessimistic: config.is_pessimistic,
        unserved: lb.record.unserved.load(Relaxed),
        members,
        rules,
    }
}

fn member(workers: &Workers, lb: &Lb, place: usize) -> Member {
    let (own, record, config) =
        (&lb.balancer.members[place], lb.records[place], &lb.config.members[place]);
    let state = lb.state(place);
    let last = Millis(record.error_last_ms.load(Relaxed));
    let left = match state {
        MemberState::Error => lb.config.recover_time.saturating_sub(clock::now().since(last)),
        _ => Duration::ZERO,
    };
    Member {
        ajp: ajp(workers, &lb.members[place], record, lb.places[place]),
        activation: lb.activation(place),
        lbfactor: config.lbfactor,
        route: own.route.clone(),
        redirect: own.redirect.clone(),
        domain: own.domain.clone(),
        distance: own.distance,
        state,
        lbmult: own.multiplicity,
        lbvalue: lb.balancer.method.load(record, own.multiplicity),
        sessions: record.sessions.load(Relaxed),
        time_to_recover_min: left.as_secs(),
        time_to_recover_max: left.as_secs(),
        recent_sessions: record.recent.count(clock::now().0),
        health: lb.config.health_check.as_ref().map(|_| Health::of(record).word()),
        health_status: record.health_status.load(Relaxed),
        last_session_ago: record.recent.last().map(|at| clock::now().since(Millis(at)).as_secs()),
    }
}

fn ajp(workers: &Workers, own: &Ajp13, record: &MemberRecord, place: usize) -> Ajp {
    let config = &own.config;
    let timeout = |limit: Option<Duration>| limit.map_or(0, millis);
    let (connections, idle) = workers.shares.refreshed(place, own.pool.counts());
    record.max_connected.fetch_max(u32::try_from(connections).unwrap_or(u32::MAX), Relaxed);
    let address = match (config.port, own.pool.target().addresses()) {
        (0, _) => "invalid".to_owned(),
        (port, Ok(known)) => known.first().map_or_else(String::new, |first| {
            // Without brackets, as scripts know it. Most hosts are addresses already.
            match config.host.parse::<std::net::IpAddr>() {
                Ok(ip) if first.ip() == ip => [&config.host, ":", &port.to_string()].concat(),
                _ => format!("{}:{port}", first.ip()),
            }
        }),
        (port, Err(_)) => format!("UnresolvedIP:{port}"),
    };
    let first = record.error_first_ms.load(Relaxed);
    let reset = record.reset_unix.load(Relaxed);
    Ajp {
        last_reset_at: reset,
        last_reset_ago: clock::unix_now().as_secs() as i64 - reset,
        name: own.name.clone(),
        host: config.host.clone(),
        port: config.port,
        address,
        source: config.source.clone(),
        connection_pool_timeout: config.connection_pool_timeout.map_or(0, |limit| limit.as_secs()),
        ping_timeout: millis(config.ping_timeout),
        connect_timeout: timeout(config.connect_timeout),
        prepost_timeout: timeout(config.prepost_timeout),
        reply_timeout: timeout(config.reply_timeout),
        retries: config.retries,
        retry_interval_ms: millis(config.retry_interval),
        connection_ping_interval: config
            .connection_ping_interval
            .map_or(0, |limit| limit.as_secs()),
        recovery_options: config.recovery_options.unwrap_or(0),
        busy_limit: config.busy_limit.unwrap_or(0),
        max_packet_size: config.max_packet_size as u64,
        used: record.used.load(Relaxed),
        errors: record.errors.load(Relaxed),
        client_errors: record.client_errors.load(Relaxed),
        reply_timeouts: record.reply_timeouts.load(Relaxed).into(),
        transferred: record.transferred.load(Relaxed),
        read: record.read.load(Relaxed),
        busy: record.busy.load(Relaxed).into(),
        max_busy: record.max_busy.load(Relaxed).into(),
        connected: connections,
        max_connected: record.max_connected.load(Relaxed).into(),
        error_time: (first != 0).then(|| {
            let ago = clock::now().since(Millis(first)).as_secs();
            let unix = clock::unix_now().as_secs().saturating_sub(ago) as i64;
            (Moment::at(unix, clock::utc_offset()), ago as i64)
        }),
        last_failure: (record.last_failure.load(Relaxed) as usize)
            .checked_sub(1)
            .and_then(|place| FAILURES.get(place).copied()),
        idle,
        counts: workers.shares.totals(place),
        pool_size: config.connection_pool_size.map(|size| size as u64),
        ..Ajp::default()
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
