//! Whether a request is delivered again, and how: the most dangerous decision of the module. It is
//! made here and nowhere else, for balancers and for workers used directly.

/// How far a delivery got before it failed. Nothing was handed to the client yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// No byte of the request left this machine.
    NotSent,
    /// Part of its first packet did: it cannot be executed, but it has cost the backend something.
    Begun,
    /// All of its first packet did, so that it may have been executed.
    Sent,
}

/// What a failed delivery says beside its stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The client is gone, or its request cannot be sent to any backend.
    Client,
    /// The member has as many requests as it may have.
    Full,
    /// The worker is switched off, or the time for a place among its connections is over.
    NoPlace,
    /// Anything else: the backend, the network, this machine.
    Backend,
}

/// A delivery that failed.
#[derive(Clone, Copy, Debug)]
pub struct FailedDelivery<'a> {
    /// How far it got.
    pub stage: Stage,
    /// Whether the connection had carried a request before and broke without a byte of answer:
    /// most likely the backend had closed it just before the request came.
    pub is_stale: bool,
    /// What it says.
    pub fault: Fault,
    /// The method token.
    pub method: &'a [u8],
    /// `recovery_options` as configured; `None` if unset.
    pub options: Option<u32>,
    /// Whether body data beyond the replay copy was given to the backend.
    pub is_body_not_replayable: bool,
    /// Whether the request has a session at this member.
    pub is_sticky: bool,
    /// Whether the member answers CPINGs; `None` if that is not known yet.
    pub answers_cping: Option<bool>,
    /// Whether another member is there that may get the request.
    pub has_others: bool,
    /// Whether `failover_timeout` is over.
    pub is_late: bool,
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// The same member gets it over a new connection.
    ReplaceConnection,
    /// The same, once the member has answered a CPING over the new connection. Without an answer
    /// the request was not sent.
    ReplaceAfterCping,
    /// It waits for room at the same member, and goes to another one if there is none.
    WaitForRoom,
    /// Another member gets it.
    AnotherMember,
    /// It goes on after `retry_interval`.
    Pause,
    /// It fails.
    GiveUp,
}

/// The deliveries of one request so far, and how many there may be.
#[derive(Clone, Copy, Debug)]
pub struct RetryPolicy {
    is_single: bool,
    /// Attempts of a worker used directly; turns through the members of a balancer.
    rounds: u32,
    round: u32,
    /// Most deliveries that may have been executed where `recovery_options` allows them expressly.
    most_deliveries: u32,
    deliveries: u32,
    has_waited: bool,
}

impl RetryPolicy {
    /// Begins a request to a worker used directly, which may be tried `retries` times.
    pub fn single(retries: u32) -> Self {
        Self::new(true, retries, retries)
    }

    /// Begins a request to a balancer of so many members, with `retries` turns through them.
    pub fn balanced(members: usize, retries: u32) -> Self {
        Self::new(false, retries, u32::try_from(members).unwrap_or(u32::MAX))
    }

    fn new(is_single: bool, rounds: u32, most_deliveries: u32) -> Self {
        let most_deliveries = most_deliveries.max(MOST_BY_DEFAULT);
        Self { is_single, rounds, round: 1, most_deliveries, deliveries: 0, has_waited: false }
    }

    /// Books a failed delivery and decides what follows. `spend` takes one repetition out of
    /// `retry_budget` and says whether there was one; it is asked only for a request that may have
    /// cost a backend something and goes on.
    pub fn failed(&mut self, failed: &FailedDelivery<'_>, spend: impl FnOnce() -> bool) -> Next {
        let was_delivered = failed.stage != Stage::NotSent;
        self.deliveries += u32::from(was_delivered);
        let next = self.next(failed);
        if next != Next::GiveUp && was_delivered && !spend() {
            return Next::GiveUp;
        }
        match next {
            Next::Pause => self.round += 1,
            Next::WaitForRoom => self.has_waited = true,
            _ => {}
        }
        next
    }

    /// Decides when no member of a balancer is left to try. A pause is worth while if a member may
    /// have room or be back after it.
    pub fn refused(&mut self, is_worth_a_pause: bool, is_late: bool) -> Next {
        if self.round >= self.rounds || !is_worth_a_pause || is_late {
            return Next::GiveUp;
        }
        self.round += 1;
        Next::Pause
    }

    fn next(&self, failed: &FailedDelivery<'_>) -> Next {
        if failed.fault == Fault::Client || failed.is_late || !self.may_repeat(failed) {
            return Next::GiveUp;
        }
        if failed.is_stale {
            return self.replaced(failed);
        }
        if !self.is_single {
            let may_wait = failed.fault == Fault::Full && failed.is_sticky && !self.has_waited;
            return if may_wait { Next::WaitForRoom } else { Next::AnotherMember };
        }
        // The one backend gets a request again that it may have executed only where the
        // administrator asks for that.
        let is_asked_for = failed.stage != Stage::Sent || failed.options.is_some();
        let may_pause = is_asked_for && failed.fault == Fault::Backend && self.round < self.rounds;
        if may_pause { Next::Pause } else { Next::GiveUp }
    }

    /// Decides after a kept connection broke. Another member would lose the session, and this one is
    /// healthy most likely; but if it has died, its listener may accept one more connection, and the
    /// last delivery must not go there.
    fn replaced(&self, failed: &FailedDelivery<'_>) -> Next {
        if self.is_single || failed.stage == Stage::NotSent || !failed.has_others {
            // It costs no delivery, or no other backend could do better.
            return Next::ReplaceConnection;
        }
        match failed.answers_cping {
            Some(true) | None => Next::ReplaceAfterCping,
            Some(false) if failed.is_sticky => Next::ReplaceConnection,
            Some(false) => Next::AnotherMember,
        }
    }

    /// Tells whether any backend may get the request again, with this delivery booked.
    fn may_repeat(&self, failed: &FailedDelivery<'_>) -> bool {
        let most = match failed.options {
            None => MOST_BY_DEFAULT,
            Some(_) => self.most_deliveries,
        };
        let may_be_executed_again =
            || self.deliveries < most && may_execute_again(failed.method, failed.options);
        !failed.is_body_not_replayable && (failed.stage != Stage::Sent || may_be_executed_again())
    }
}

/// Tells whether a request that may have been executed may be sent again. Otherwise nothing of its
/// body beyond what goes out unasked need be kept.
pub fn may_execute_again(method: &[u8], options: Option<u32>) -> bool {
    match options {
        None => is_idempotent(method),
        Some(options) if options & 1 == 0 => true,
        Some(options) => match method {
            b"HEAD" => options & 8 != 0,
            b"GET" => options & 16 != 0,
            _ => false,
        },
    }
}

/// Tells whether executing a request twice equals executing it once (RFC 9110, WebDAV).
pub fn is_idempotent(method: &[u8]) -> bool {
    matches!(
        method,
        b"GET"
            | b"HEAD"
            | b"OPTIONS"
            | b"TRACE"
            | b"PUT"
            | b"DELETE"
            | b"PROPFIND"
            | b"REPORT"
            | b"SEARCH"
    )
}

/// Deliveries of a request that may have been executed, unless `recovery_options` is set.
const MOST_BY_DEFAULT: u32 = 2;

#[cfg(test)]
mod tests;
