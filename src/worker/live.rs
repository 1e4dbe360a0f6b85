//! The workers as they are now: those of the configuration with what was changed since.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use parking_lot::{Mutex, RwLock};

use super::edits;
use super::workers::Workers;

/// Follows the changes. Requests keep the workers they began with; those that come later get the
/// changed ones.
#[derive(Debug)]
pub struct Live {
    /// As configured.
    base: Arc<Workers>,
    current: RwLock<Arc<Workers>>,
    /// Which changes `current` has.
    generation: AtomicU64,
    building: Mutex<()>,
}

impl Live {
    /// Begins with the workers as configured.
    pub fn new(base: Arc<Workers>) -> Self {
        let (current, generation) = (RwLock::new(Arc::clone(&base)), AtomicU64::new(0));
        Self { base, current, generation, building: Mutex::new(()) }
    }

    /// Returns the workers as configured.
    pub fn base(&self) -> &Arc<Workers> {
        &self.base
    }

    /// Returns the workers with all changes. One thread takes up new ones, while the others go on
    /// with what there was.
    pub fn current(&self) -> Arc<Workers> {
        let board = self.base.places.segment.board();
        if board.generation() != self.generation.load(Relaxed)
            && let Some(_building) = self.building.try_lock()
        {
            let (generation, text) = board.read();
            let before = Arc::clone(&self.current.read());
            // Lines for another configuration are those of children that go or come.
            let (config, _) = edits::lay_over(&self.base.config, &text);
            let next = Arc::new(self.base.with(&config, &before));
            *self.current.write() = next;
            self.generation.store(generation, Relaxed);
        }
        Arc::clone(&self.current.read())
    }

    /// Returns what there is to say about changes of settings that the file has changed since: the
    /// file wins. It only reads, as root's process has to.
    pub fn outdated(&self) -> Vec<String> {
        let (_, text) = self.base.places.segment.board().read();
        let (_, gone) = edits::lay_over(&self.base.config, &text);
        let said = gone.iter().map(|line| {
            let words: Vec<_> = line.split('\t').collect();
            let word = |place: usize| words.get(place).copied().unwrap_or_default();
            format!(
                "JK-503 {} {}: the file has other settings now; {}={} of the status page is dropped",
                word(0),
                word(1),
                word(2),
                word(4)
            )
        });
        said.collect()
    }

    /// Drops them, so that they do not come back with the old settings. For one child of this
    /// configuration.
    pub fn prune(&self) {
        let board = self.base.places.segment.board();
        let is_clean = |text: &str| edits::lay_over(&self.base.config, text).1.is_empty();
        if is_clean(&board.read().1) {
            return;
        }
        let Some(held) = board.lock.hold() else { return };
        let (_, text) = board.read();
        let (_, gone) = edits::lay_over(&self.base.config, &text);
        let left = text.lines().filter(|line| !gone.contains(line));
        let left: String = left.flat_map(|line| [line, "\n"]).collect();
        // It is shorter than what was there.
        let _ = board.write(&held, &left);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Properties, WorkersConfig, resolve};
    use crate::status::carry::change_of;

    fn config(port: u16) -> WorkersConfig {
        let mut properties = Properties::default();
        let text = format!("worker.list=n1,n2\nworker.n1.port=1\nworker.n2.port={port}\n");
        assert!(properties.read(&text, "workers.properties", &|_| None).is_empty());
        resolve(&properties).0
    }

    #[test]
    fn a_change_of_settings_that_the_file_changed_is_named_and_removed() {
        let old = Workers::build(&config(2), 1, None).expect("memory");
        let board = old.places.segment.board();
        let changes = ["n1", "n2"].map(|name| change_of("", name, "vaprt", "3").expect("a change"));
        let text = edits::add(&old.config, "", &changes);
        assert!(board.write(&board.lock.hold().expect("nobody has it"), &text));

        let new = Workers::build(&config(20), 1, Some(old.places.clone())).expect("memory");
        let live = Live::new(Arc::new(new));
        // The parent does without the lock, whoever has it.
        let held = board.lock.hold().expect("nobody has it");
        let said = live.outdated();
        drop(held);
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].starts_with("JK-503  n2: "), "{said:?}");
        assert_eq!(board.read().1, text, "it only reads");

        live.prune();
        let left = board.read();
        assert_eq!(left.1.lines().collect::<Vec<_>>(), text.lines().take(1).collect::<Vec<_>>());
        live.prune();
        assert_eq!(board.read(), left, "once is enough");
    }
}
