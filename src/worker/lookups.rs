//! Looks names up again. A name server may take half a minute to say nothing, so this has a thread of
//! its own, while there is something to look up and no longer.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use super::ajp13::Ajp13;
use super::workers::Workers;
use crate::clock::Millis;
use crate::log::{self, Log};

/// The look-ups of one child.
#[derive(Debug, Default)]
pub struct LookUps {
    thread: Option<JoinHandle<()>>,
    last: BTreeMap<String, Millis>,
}

impl LookUps {
    /// Begins those that are due: all names in a round, at any time those that nobody could be
    /// reached by.
    pub fn plan(&mut self, workers: &Workers, log: Option<&Arc<Log>>, is_round: bool, now: Millis) {
        if self.thread.as_ref().is_some_and(|thread| !thread.is_finished()) {
            return;
        }
        self.join();
        let is_due = |ajp: &Arc<Ajp13>| {
            let target = ajp.pool.target();
            let is_fresh = self.last.get(&ajp.name).is_some_and(|at| now.since(*at) < PAUSE);
            let is_wanted = target.is_name() && (is_round || target.wants_look_up());
            is_wanted && !is_fresh && ajp.config.port != 0
        };
        let due: Vec<_> = workers.containers().filter(|ajp| is_due(ajp)).cloned().collect();
        if due.is_empty() {
            return;
        }
        self.last.extend(due.iter().map(|ajp| (ajp.name.clone(), now)));
        let log = log.cloned();
        let work = move || log::within(log.as_ref(), || due.iter().for_each(|ajp| look_up(ajp)));
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

fn look_up(ajp: &Ajp13) {
    let target = ajp.pool.target();
    match target.look_up() {
        Ok(false) => {}
        Ok(true) => {
            tracing::info!(
                worker = ajp.name.as_str(),
                "JK-319 worker {} at {}: the name has other addresses now; new connections go there",
                ajp.name,
                target.name()
            );
            ajp.pool.close_all();
        }
        Err(why) => tracing::debug!("worker {} at {}: {why}", ajp.name, target.name()),
    }
}

/// Between two look-ups of the same name.
const PAUSE: Duration = Duration::from_secs(2);
