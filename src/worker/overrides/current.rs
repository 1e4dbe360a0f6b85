//! The workers as they are now: those of the configuration with what was changed since.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use parking_lot::{Mutex, RwLock};

use crate::events::{EventFacts, EventKind};
use crate::messages::MessageCode::JK503;
use crate::status::change_text::property_of;
use crate::worker::error_log::subject;
use crate::worker::overrides::overlay;
use crate::worker::workers::Workers;

/// Follows the changes. Requests keep the workers they began with; those that come later get the
/// changed ones.
#[derive(Debug)]
pub struct RuntimeConfig {
    /// As configured.
    base: Arc<Workers>,
    current: RwLock<Arc<Workers>>,
    /// Which changes `current` has.
    generation: AtomicU64,
    building: Mutex<()>,
}

impl RuntimeConfig {
    /// Begins with the workers as configured.
    pub fn new(base: Arc<Workers>) -> Self {
        let (current, generation) = (RwLock::new(Arc::clone(&base)), AtomicU64::new(0));
        Self { base, current, generation, building: Mutex::new(()) }
    }

    /// Returns the workers as configured.
    pub fn base(&self) -> &Arc<Workers> {
        &self.base
    }

    /// Returns the workers with all changes. One thread takes up new ones, and the others wait for it:
    /// who has made a change may rely on it, and a new child must not serve by the file alone.
    pub fn current(&self) -> Arc<Workers> {
        let overrides = self.base.records.segment.overrides();
        if overrides.generation() != self.generation.load(Relaxed) {
            let _building = self.building.lock();
            let (generation, text) = overrides.read();
            if generation == self.generation.load(Relaxed) {
                return Arc::clone(&self.current.read());
            }
            let before = Arc::clone(&self.current.read());
            // Lines for another configuration are those of children that go or come.
            let (config, _) = overlay::apply(&self.base.config, &text);
            let next = Arc::new(self.base.with(&config, &before));
            *self.current.write() = next;
            self.generation.store(generation, Relaxed);
        }
        Arc::clone(&self.current.read())
    }

    /// Returns what there is to say about changes of settings that the file has changed since: the
    /// file wins. It only reads, as root's process has to.
    pub fn outdated(&self) -> Vec<String> {
        let (_, text) = self.base.records.segment.overrides().read();
        let (_, stale) = overlay::apply(&self.base.config, &text);
        let lines = stale.iter().map(|line| {
            let words: Vec<_> = line.split('\t').collect();
            let word = |at: usize| words.get(at).copied().unwrap_or_default();
            format!(
                "{JK503} {}: runtime change discarded: the configuration file changed; {}={} no longer applies",
                subject(word(0), word(1)),
                word(2),
                word(4)
            )
        });
        lines.collect()
    }

    /// Drops them, so that they do not come back with the old settings. For one child of this
    /// configuration.
    pub fn remove_stale(&self) {
        let overrides = self.base.records.segment.overrides();
        let is_clean = |text: &str| overlay::apply(&self.base.config, text).1.is_empty();
        if is_clean(&overrides.read().1) {
            return;
        }
        let Some(held) = overrides.lock.hold() else { return };
        let (_, text) = overrides.read();
        let (_, stale) = overlay::apply(&self.base.config, &text);
        let left = text.lines().filter(|line| !stale.contains(line));
        let left: String = left.flat_map(|line| [line, "\n"]).collect();
        // It is shorter than what was there.
        if overrides.write(&held, &left) {
            stale.iter().for_each(|line| self.keep_discarded(line));
        }
    }

    /// Keeps among the events that a line no longer applies.
    fn keep_discarded(&self, line: &str) {
        let words: Vec<_> = line.splitn(5, '\t').collect();
        let [balancer, worker, parameter, _, value] = words[..] else { return };
        let facts = EventFacts {
            attribute: property_of(parameter).unwrap_or(parameter).into(),
            old: value.into(),
            ..EventFacts::new(EventKind::Discarded, balancer, worker)
        };
        self.base.keep_event(&facts);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::*;
    use crate::config::{Properties, WorkersConfig, resolve};
    use crate::status::change_text::change_of;
    use crate::worker::workers::Processes;

    const ONE: Processes = Processes { children: 1, threads: 1, most_idle: None };

    fn config(port: u16) -> WorkersConfig {
        let mut properties = Properties::default();
        let text = format!("worker.list=n1,n2\nworker.n1.port=1\nworker.n2.port={port}\n");
        assert!(properties.read(&text, "workers.properties", &|_| None).is_empty());
        resolve(&properties).0
    }

    #[test]
    fn every_thread_has_a_change_as_soon_as_it_is_made() {
        const THREADS: usize = 4;
        let workers = Workers::build(&config(2), ONE, None).expect("memory");
        let records = workers.records.clone();
        let overrides = records.segment.overrides();
        for port in 1_000..1_200 {
            // Of a new child, which knows the file only, and of one that has served before.
            let base = Workers::build(&config(2), ONE, Some(records.clone())).expect("memory");
            let runtime_config = RuntimeConfig::new(Arc::new(base));
            for port in [port, port + 1_000] {
                let change = change_of("", "n1", "vaprt", &port.to_string()).expect("a change");
                let text = overlay::add(&workers.config, &overrides.read().1, &[change]);
                assert!(overrides.write(&overrides.lock.hold().expect("it is free"), &text));
                let start = Barrier::new(THREADS);
                let seen = || {
                    start.wait();
                    runtime_config.current().backend("n1").expect("a worker").config.port
                };
                let ports: Vec<_> = std::thread::scope(|scope| {
                    let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(seen)).collect();
                    threads.into_iter().map(|own| own.join().expect("no panic")).collect()
                });
                assert_eq!(ports, [port; THREADS]);
            }
        }
    }

    #[test]
    fn a_change_of_settings_that_the_file_changed_is_named_and_removed() {
        let old = Workers::build(&config(2), ONE, None).expect("memory");
        let overrides = old.records.segment.overrides();
        let changes = ["n1", "n2"].map(|name| change_of("", name, "vaprt", "3").expect("a change"));
        let text = overlay::add(&old.config, "", &changes);
        assert!(overrides.write(&overrides.lock.hold().expect("it is free"), &text));

        let new = Workers::build(&config(20), ONE, Some(old.records.clone())).expect("memory");
        let runtime_config = RuntimeConfig::new(Arc::new(new));
        // The parent does without the lock, even while it is held.
        let held = overrides.lock.hold().expect("it is free");
        let lines = runtime_config.outdated();
        drop(held);
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].starts_with("JK-503 worker n2: "), "{lines:?}");
        assert_eq!(overrides.read().1, text, "it only reads");

        runtime_config.remove_stale();
        let left = overrides.read();
        assert_eq!(left.1.lines().collect::<Vec<_>>(), text.lines().take(1).collect::<Vec<_>>());
        runtime_config.remove_stale();
        assert_eq!(overrides.read(), left, "once is enough");
        let events = old.records.segment.events().since(0);
        let discarded = EventFacts {
            attribute: "port".into(),
            old: "3".into(),
            ..EventFacts::new(EventKind::Discarded, "", "n2")
        };
        assert_eq!(events.iter().map(|own| &own.facts).collect::<Vec<_>>(), [&discarded]);
    }
}
