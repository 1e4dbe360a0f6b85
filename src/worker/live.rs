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

    /// Drops changes of settings that the file has changed since: the file wins. Returns what there
    /// is to say. Only the parent calls this.
    pub fn prune(&self) -> Vec<String> {
        let board = self.base.places.segment.board();
        let Some(held) = board.lock.hold() else { return Vec::new() };
        let (_, text) = board.read();
        let (_, gone) = edits::lay_over(&self.base.config, &text);
        if gone.is_empty() {
            return Vec::new();
        }
        let left: String = text
            .lines()
            .filter(|line| !gone.contains(line))
            .flat_map(|line| [line, "\n"])
            .collect();
        // It is shorter than what was there.
        let _ = board.write(&held, &left);
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
}
