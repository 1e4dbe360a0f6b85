//! Asks idle connections for a sign of life: one of each container at a time, but all containers at
//! once.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::time::Duration;

use super::ajp13::Ajp13;
use super::prober::PROBE_LIMIT;
use super::workers::Workers;
use crate::clock::Millis;
use crate::net::{Lease, NetError, Pool, Wanted};

/// The pings under way.
#[derive(Debug, Default)]
pub struct Pings {
    under_way: Vec<Ping>,
}

#[derive(Debug)]
struct Ping {
    ajp: Arc<Ajp13>,
    lease: Lease<Arc<Pool>>,
    deadline: Millis,
}

impl Pings {
    /// Pings connections that have been idle for `connection_ping_interval`. Without such an
    /// interval one connection is asked once, to learn whether the container answers at all: only
    /// then can a response it has given up be told from a slow one.
    pub fn plan(&mut self, workers: &Workers, now: Millis) {
        for ajp in workers.containers().filter(|ajp| ajp.config.port != 0) {
            let is_asked = |ping: &Ping| Arc::ptr_eq(&ping.ajp.pool, &ajp.pool);
            let silence = match ajp.config.connection_ping_interval {
                Some(interval) => interval,
                None if ajp.learned.wants_trial() => Duration::ZERO,
                None => continue,
            };
            if !self.under_way.iter().any(is_asked) {
                self.begin(ajp, silence, now);
            }
        }
    }

    /// Returns what to wait for.
    pub fn wants(&self) -> impl Iterator<Item = (BorrowedFd<'_>, Wanted)> {
        self.under_way.iter().map(|ping| (ping.lease.as_fd(), Wanted::Read))
    }

    /// Returns when something is due, if anything is.
    pub fn due(&self) -> Option<Millis> {
        self.under_way.iter().map(|ping| ping.deadline).min()
    }

    /// Takes what has come.
    pub fn advance(&mut self, now: Millis) {
        for mut ping in std::mem::take(&mut self.under_way) {
            match ping.lease.answer(now) {
                Err(why) if why.is_timeout() && now < ping.deadline => self.under_way.push(ping),
                Ok(()) => {
                    ping.ajp.learned.answered_cping();
                    ping.lease.keep();
                    if let Some(interval) = ping.ajp.config.connection_ping_interval {
                        self.begin(&ping.ajp, interval, now);
                    }
                }
                Err(why) => give_up(&ping.ajp, ping.lease, &why),
            }
        }
    }

    fn begin(&mut self, ajp: &Arc<Ajp13>, silence: Duration, now: Millis) {
        let Some(lease) = ajp.pool.take_silent(now, silence) else { return };
        ajp.learned.tried();
        match lease.ask(now) {
            Ok(()) => {
                let deadline = now.plus(ajp.config.ping_timeout.min(PROBE_LIMIT));
                self.under_way.push(Ping { ajp: Arc::clone(ajp), lease, deadline });
            }
            Err(why) => give_up(ajp, lease, &why),
        }
    }
}

fn give_up(ajp: &Ajp13, lease: Lease<Arc<Pool>>, why: &NetError) {
    drop(lease);
    tracing::info!(
        worker = ajp.name.as_str(),
        "JK-304 worker {} at {}: an idle connection does not answer: {why}; it is closed",
        ajp.name,
        ajp.pool.target().name()
    );
    if why.is_timeout() {
        // The others would only add their silence; requests open new ones.
        ajp.pool.close_idle();
    }
}
