//! How many of httpd's threads requests of a worker hold, and what happens beyond its `max_threads_share`.

use std::sync::atomic::Ordering::Relaxed;

use crate::clock;
use crate::lb::MemberRecord;
use crate::lb::thread_share::held;
use crate::net::waiting::Waits;
use crate::worker::Downstream;
use crate::worker::ajp13::worker::Ajp13;
use crate::worker::balancer::members::Lb;
use crate::worker::dispatch::RETRY_AFTER;
use crate::worker::error::Cause;
use crate::worker::error_log::{log_refusal, subject};

impl Lb {
    /// Returns how many threads its requests hold, with `busy` of them in flight or waiting.
    pub fn threads_held(&self, busy: u32) -> u32 {
        held(busy, self.record.parked.load(Relaxed))
    }

    /// Refuses a request, which is the last of `busy`, if its thread is one too many.
    ///
    /// # Errors
    ///
    /// The status to answer with.
    #[cold]
    pub fn admit<D: Downstream>(
        &self,
        busy: u32,
        waits: Waits<'_>,
        downstream: &mut D,
    ) -> Result<(), u16> {
        let may_wait = self.config.queue_size > 0 && waits.can_park();
        if may_wait || !self.share.is_exceeded_by(self.threads_held(busy)) {
            return Ok(());
        }
        let (cause, begun) = (Cause::ThreadShare, clock::now());
        self.overloaded(&cause);
        downstream.retry_after(RETRY_AFTER);
        Err(log_refusal(downstream, &subject(&self.name, ""), &self.name, &cause, begun))
    }
}

impl Ajp13 {
    /// Returns how many threads its requests hold over all balancers, with `busy` of them by the record `own`.
    pub fn threads_held(&self, own: &MemberRecord, busy: u32) -> u32 {
        let others = self.records.get().into_iter().flatten();
        let others = others.filter(|record| !std::ptr::eq(**record, own));
        let others = others.map(|one| held(one.busy.load(Relaxed), one.parked.load(Relaxed)));
        others.fold(held(busy, own.parked.load(Relaxed)), u32::saturating_add)
    }

    /// Tells whether the thread of a request is one too many. It is the last of `busy` by the record
    /// `own`, which also has those in the queue if the worker is used directly.
    #[cold]
    pub fn is_out_of_threads(&self, own: &MemberRecord, busy: u32, is_direct: bool) -> bool {
        let queued = if is_direct { own.queued.load(Relaxed) } else { 0 };
        self.share.is_exceeded_by(self.threads_held(own, busy.saturating_add(queued)))
    }

    /// Returns how many requests may wait in its queue, if one more would hold a thread.
    pub fn places_in_queue(&self, own: &MemberRecord, waits: Waits<'_>) -> Option<u32> {
        let is_limited = self.share.is_on() && !waits.can_park();
        let (busy, parked) = (own.busy.load(Relaxed), own.parked.load(Relaxed));
        is_limited.then(|| self.share.places_in_queue(busy, parked))
    }
}
