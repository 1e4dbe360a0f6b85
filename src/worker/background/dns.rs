//! Looks names up again. A name server may take half a minute to say nothing, so this has a thread of
//! its own, while there is something to look up and no longer.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use crate::clock::Millis;
use crate::log::{self, Log};
use crate::messages::MessageCode::JK319;
use crate::worker::ajp13::worker::{Ajp13, no_address};
use crate::worker::workers::Workers;

/// The look-ups of one child.
#[derive(Debug, Default)]
pub struct LookUps {
    thread: Option<JoinHandle<()>>,
    last: BTreeMap<String, Millis>,
}

impl LookUps {
    /// Begins those that are due: all names in a round, at any time those to which no connection
    /// succeeded.
    pub fn plan(
        &mut self,
        workers: &Workers,
        log: Option<&Arc<Log>>,
        is_round: bool,
        is_leader: bool,
        now: Millis,
    ) {
        if self.thread.as_ref().is_some_and(|thread| !thread.is_finished()) {
            return;
        }
        self.join();
        let is_due = |ajp: &Arc<Ajp13>| {
            let target = ajp.pool.target();
            let is_fresh = self.last.get(&target.name()).is_some_and(|at| now.since(*at) < PAUSE);
            // A stopped worker may have a name that is not known yet, so it does not hurry.
            let is_wanted = is_round || !ajp.config.is_off() && target.wants_look_up();
            target.is_name() && is_wanted && !is_fresh
        };
        let due: Vec<_> = workers.backends().filter(|ajp| is_due(ajp)).cloned().collect();
        if due.is_empty() {
            return;
        }
        self.last.retain(|_, at| now.since(*at) < PAUSE);
        self.last.extend(due.iter().map(|ajp| (ajp.pool.target().name(), now)));
        let log = log.cloned();
        let work = move || {
            log::within(log.as_ref(), || due.iter().for_each(|ajp| look_up(ajp, is_leader)))
        };
        // It inherits the blocked signals. Without a thread the next round tries again.
        self.thread = std::thread::Builder::new().name("jk-lookup".to_owned()).spawn(work).ok();
    }

    /// Waits for the thread, if it is done or as good as done.
    fn join(&mut self) {
        if let Some(thread) = self.thread.take_if(|thread| thread.is_finished()) {
            // A thread that panicked is gone as well.
            let _ = thread.join();
        }
    }
}

impl Drop for LookUps {
    fn drop(&mut self) {
        // One that waits for a name server is left behind: a child must not wait for it to end.
        self.join();
    }
}

/// Looks a name up. All children do, and see the same: the leader says so.
fn look_up(ajp: &Ajp13, is_leader: bool) {
    let (worker, target) = (ajp.name.as_str(), ajp.pool.target());
    let (is_new, had_none) = (target.is_new(), target.addresses().is_err());
    let line = match target.look_up() {
        Ok(false) => return,
        Ok(true) => {
            ajp.pool.close_all();
            let what = match had_none {
                true => "the host name has an address; the worker can be used",
                false => "the addresses of the host name changed; new connections use the new ones",
            };
            format!("{JK319} worker {worker} at {}: {what}", target.name())
        }
        Err(why) if is_new => {
            let line = no_address(worker, target, &why);
            match is_leader {
                true => tracing::error!(worker, "{line}"),
                false => tracing::debug!(worker, "{line}"),
            }
            return;
        }
        Err(why) => {
            tracing::debug!("worker {worker} at {}: {why}", target.name());
            return;
        }
    };
    match is_leader {
        true => tracing::info!(worker, "{line}"),
        false => tracing::debug!(worker, "{line}"),
    }
}

/// Between two look-ups of the same name.
const PAUSE: Duration = Duration::from_secs(2);
