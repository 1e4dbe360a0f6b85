//! Numbers that other processes see: of what goes on here, until it is over.

use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;

/// Where something is counted: for all processes, and as this one's share.
#[derive(Clone, Copy, Debug)]
pub struct Tally {
    /// For all.
    pub total: &'static AtomicU32,
    /// This one's share.
    pub share: Option<&'static AtomicU32>,
}

impl Tally {
    /// Counts one more.
    #[inline]
    pub fn raise(self) {
        self.total.fetch_add(1, Relaxed);
        if let Some(share) = self.share {
            share.fetch_add(1, Relaxed);
        }
    }

    /// Counts one less, and never less than none.
    #[inline]
    pub fn lower(self) {
        lower(self.total);
        if let Some(share) = self.share {
            lower(share);
        }
    }
}

#[inline]
fn lower(counter: &AtomicU32) {
    let _ = counter.fetch_update(Relaxed, Relaxed, |count| count.checked_sub(1));
}
