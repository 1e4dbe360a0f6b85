//! A turn in a queue: a thread waits for it, or a parked request is woken by it.

use std::sync::Arc;
use std::task::Wake;

use parking_lot::{Condvar, Mutex};

use crate::clock::{self, Millis};
use crate::net::gate::Bell;

/// A turn in a queue, which another thread gives.
#[derive(Debug, Default)]
pub struct Turn {
    state: Mutex<TurnState>,
    woken: Condvar,
}

#[derive(Debug, Default)]
struct TurnState {
    is_given: bool,
    /// Wakes the request that waits for it, if it is parked.
    bell: Option<Arc<Bell>>,
}

impl Turn {
    /// Waits for it; returns whether it was given before the deadline.
    pub fn wait(&self, deadline: Millis) -> bool {
        let mut state = self.state.lock();
        while !state.is_given {
            let left = deadline.since(clock::now());
            if left.is_zero() {
                break;
            }
            self.woken.wait_for(&mut state, left);
        }
        state.is_given
    }

    /// Gives it.
    pub fn give(&self) {
        let mut state = self.state.lock();
        state.is_given = true;
        let bell = state.bell.take();
        drop(state);
        self.woken.notify_one();
        if let Some(bell) = bell {
            bell.wake();
        }
    }

    /// Tells whether it was given.
    pub fn is_given(&self) -> bool {
        self.state.lock().is_given
    }

    /// The same for a request that is parked otherwise, and woken when it is given.
    pub(super) fn is_given_or_wakes(&self, bell: &Arc<Bell>) -> bool {
        let mut state = self.state.lock();
        if !state.is_given {
            state.bell = Some(Arc::clone(bell));
        }
        state.is_given
    }
}
