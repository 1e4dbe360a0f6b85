//! A command that fails has changed nothing: each step says how it is taken back.

use std::fmt;

/// How to take back what was done, in reverse order, unless all of it succeeds.
#[derive(Default)]
pub struct Rollback(Vec<Box<dyn FnOnce()>>);

impl Rollback {
    /// Adds how the step just taken is taken back.
    pub fn push(&mut self, step: impl FnOnce() + 'static) {
        self.0.push(Box::new(step));
    }

    /// Leaves everything as it is now.
    pub fn keep(mut self) {
        self.0.clear();
    }
}

impl Drop for Rollback {
    fn drop(&mut self) {
        while let Some(step) = self.0.pop() {
            step();
        }
    }
}

impl fmt::Debug for Rollback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Rollback").field(&self.0.len()).finish()
    }
}
