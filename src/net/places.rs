//! Places that requests take and wait for in turn: the connections of a pool. What keeps them has the lock; a place that
//! becomes free goes to the first that waits.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use crate::net::turn::Turn;

/// Places, of which some are taken, and who waits for one.
#[derive(Debug, Default)]
pub struct Places {
    taken: usize,
    waiting: VecDeque<Arc<Turn>>,
}

impl Places {
    /// Returns how many are taken.
    pub fn taken(&self) -> usize {
        self.taken
    }

    /// Takes one of `most` places; `None` is any number. Returns whether there was one.
    #[inline]
    pub fn take(&mut self, most: Option<usize>) -> bool {
        let is_there = most.is_none_or(|most| self.taken < most);
        self.taken += usize::from(is_there);
        is_there
    }

    /// Stands at the end of the queue. Returns the turn to wait for.
    pub fn stand(&mut self) -> Arc<Turn> {
        let turn = Arc::new(Turn::default());
        self.waiting.push_back(Arc::clone(&turn));
        turn
    }

    /// Gives a place back.
    #[inline]
    pub fn give_back(&mut self) {
        match self.waiting.pop_front() {
            Some(turn) => turn.give(),
            None => self.taken -= 1,
        }
    }

    /// Leaves the queue. Returns whether the turn was given in the meantime: the place is taken then.
    fn leave(&mut self, turn: &Arc<Turn>) -> bool {
        // Turns are given under the lock of the places, so the answer cannot change now.
        let is_given = turn.is_given();
        if !is_given {
            self.waiting.retain(|other| !Arc::ptr_eq(other, turn));
        }
        is_given
    }
}

/// What keeps places behind a lock.
pub trait PlaceKeeper {
    /// Runs something with the places, which are locked meanwhile.
    fn with_places<T>(&self, run: impl FnOnce(&mut Places) -> T) -> T;
}

/// A request in the queue for a place.
#[derive(Debug)]
pub struct Queued<'k, K: PlaceKeeper> {
    keeper: &'k K,
    turn: Arc<Turn>,
    is_over: bool,
}

impl<'k, K: PlaceKeeper> Queued<'k, K> {
    /// Makes it of the turn that [`Places::stand`] gave.
    pub fn new(keeper: &'k K, turn: Arc<Turn>) -> Self {
        Self { keeper, turn, is_over: false }
    }

    /// Returns what it waits for.
    pub fn turn(&self) -> &Turn {
        &self.turn
    }

    /// Ends the wait, which said whether the turn was given. Returns whether the place is taken: it may have been
    /// given at the last moment.
    ///
    /// # Errors
    ///
    /// Those of the wait. No place is taken then.
    pub fn end(mut self, waited: io::Result<bool>) -> io::Result<bool> {
        let is_given = waited?;
        self.is_over = true;
        Ok(is_given || self.leave())
    }

    fn leave(&self) -> bool {
        self.keeper.with_places(|places| places.leave(&self.turn))
    }
}

impl<K: PlaceKeeper> Drop for Queued<'_, K> {
    /// A request that is given up while it waits takes nothing with it.
    fn drop(&mut self) {
        if !self.is_over && self.leave() {
            self.keeper.with_places(Places::give_back);
        }
    }
}

#[cfg(test)]
mod tests;
