//! A member's states, and what changes them.
//!
//! Whatever is seen of a member is an [`Event`]; `transition.rs` books it in the member's record. The
//! fields it writes are `Owned` (`owned.rs`), so that no other module can change them. `step.rs` says
//! what an event means in each state:
//!
//! ```text
//!  Idle, Ok ── connect refused; repeated failure; hard status; health check failed;
//!              three requests refused by the connector ──▶ Error
//!  Error ── CPING answered; health check passed; recover_time; administrator ──▶ Recover
//!  Error ── no other member usable ──▶ Force, for one request
//!  Recover ── elected ──▶ HalfOpen
//!  Recover, HalfOpen, Force ── success ──▶ Ok,   failure, or success while unhealthy ──▶ Error
//!  Ok ── unused for one round of maintenance; counters reset ──▶ Idle
//! ```

pub(super) mod owned;
mod step;
pub(super) mod transition;

use std::time::Duration;

use crate::clock::Millis;
use crate::lb::record::MemberRecord;

/// What has been observed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum MemberState {
    /// Not used yet.
    Idle = 0,
    /// Its last answer was fine.
    Ok = 1,
    /// May be tried again.
    Recover = 2,
    /// One request is trying it although it is in error, as no other member was usable.
    Force = 3,
    /// At its `busy_limit`. Only shown: elections go by the requests in flight.
    Busy = 4,
    /// Not used.
    Error = 5,
    /// One request is trying it.
    HalfOpen = 6,
}

impl MemberState {
    /// Returns the shared state; a number no state has counts as an error.
    pub fn of(record: &MemberRecord) -> Self {
        Self::numbered(record.state.get())
    }

    fn numbered(number: u32) -> Self {
        match number {
            0 => Self::Idle,
            1 => Self::Ok,
            2 => Self::Recover,
            3 => Self::Force,
            4 => Self::Busy,
            6 => Self::HalfOpen,
            _ => Self::Error,
        }
    }

    /// Tells the same of a member as [`is_usable`](Self::is_usable) of its state, in one comparison.
    #[inline]
    pub fn takes_any(record: &MemberRecord) -> bool {
        record.state.get() <= Self::Recover as u32
    }

    /// Tells whether any request may go to a member in this state.
    pub fn is_usable(self) -> bool {
        matches!(self, Self::Idle | Self::Ok | Self::Recover)
    }

    /// Tells whether a member in this state takes its share of the requests.
    pub fn is_in_service(self) -> bool {
        matches!(self, Self::Idle | Self::Ok | Self::Busy)
    }

    /// Returns the code of the status page and of notes.
    pub fn code(self) -> &'static str {
        match self {
            Self::Idle => "OK/IDLE",
            Self::Ok => "OK",
            Self::Recover => "ERR/REC",
            Self::Force => "ERR/FRC",
            Self::Busy => "OK/BUSY",
            Self::Error => "ERR",
            Self::HalfOpen => "ERR/PRB",
        }
    }
}

/// Why a member that was in error may be tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum ReadmitReason {
    /// It answered a CPING.
    Answered = 1,
    /// `recover_time` is over.
    RecoverTime = 2,
    /// Its health check passes again.
    Health = 3,
    /// An administrator wants it back.
    Administrator = 4,
}

impl ReadmitReason {
    /// Returns why a member was let be tried last.
    pub fn of(record: &MemberRecord) -> Option<Self> {
        Some(match record.readmitted.get() {
            1 => Self::Answered,
            2 => Self::RecoverTime,
            3 => Self::Health,
            4 => Self::Administrator,
            _ => return None,
        })
    }
}

/// What the health check says of a member.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u32)]
pub enum Health {
    /// Nothing yet, or there is none.
    #[default]
    Unknown = 0,
    /// Enough good answers in a row.
    Healthy = 1,
    /// Enough bad ones.
    Unhealthy = 2,
}

impl Health {
    /// Returns what was said last.
    pub fn of(record: &MemberRecord) -> Self {
        match record.health.get() {
            1 => Self::Healthy,
            2 => Self::Unhealthy,
            _ => Self::Unknown,
        }
    }

    /// Returns its word on the status page.
    pub fn word(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Healthy => "healthy",
            Self::Unhealthy => "unhealthy",
        }
    }
}

/// How an attempt on a member ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The backend answered in full.
    Success,
    /// The connector itself refused the request, and the client got that answer.
    Refused,
    /// The client gave up, or its request was at fault: says nothing about the backend.
    ClientError,
    /// This machine ran out of something or forbids it, `busy_limit` was reached, or a filter failed: says nothing
    /// about the backend.
    OwnFault,
    /// The connection was refused or did not come about.
    ConnectFailed,
    /// The connection broke before the response was complete, or what came is no AJP13.
    Broken,
    /// A packet of the answer was malformed or out of order, or the backend abandoned the response.
    Malformed,
    /// The reply took too long.
    ReplyTimeout,
    /// A status of `fail_on_status`.
    HardStatus,
    /// A negated status of `fail_on_status`.
    SoftStatus,
}

/// What is seen of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// An election gave it a request.
    Elected,
    /// No member is usable: an election wants to try it all the same.
    Forced,
    /// An attempt that began at `started` ended.
    #[allow(missing_docs)]
    Ended { outcome: Outcome, started: Millis },
    /// It answered a CPING in the background.
    ProbeAnswered,
    /// It did not.
    ProbeFailed,
    /// It is not known to be dead, so that `recover_time` may bring it back.
    RecoverTime,
    /// Enough health checks in a row were answered well.
    HealthPassed,
    /// Enough of them were not.
    HealthFailed,
    /// It is not checked any more.
    HealthUnchecked,
    /// The administrator wants it back.
    Recovered,
    /// The administrator set its counters to 0.
    Reset,
    /// A round of maintenance found that it had no request.
    Unused,
}

/// A change of state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct StateChange {
    pub before: MemberState,
    pub after: MemberState,
    /// When the failures began that no success has ended before this event.
    pub failing_since: Option<Millis>,
    /// Whether a request was already let try the member since then.
    pub was_tried: bool,
}

impl StateChange {
    /// Tells whether the member takes its share of the requests again.
    pub fn is_return(self) -> bool {
        self.after.is_in_service() && !self.before.is_in_service()
    }

    /// Tells whether the member has just gone out of service. One whose trial fails was out already.
    pub fn is_outage(self) -> bool {
        self.after == MemberState::Error && self.before.is_in_service()
    }
}

/// Which attempt of a request is made at a worker without a balancer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AloneAttempt {
    /// The first one.
    First,
    /// A repetition: if it fails as well, that is still one request.
    Repetition,
}

/// Requests that failed in a row after which a worker without a balancer counts as out: one may be at
/// fault itself.
pub const ALONE_OUT_AFTER: u32 = 2;

/// The balancer's rules about errors.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// Time after which a member in error may be tried again.
    pub recover_time: Duration,
    /// Time of failures without success after which a member is in error.
    pub error_escalation_time: Duration,
    /// Reply timeouts a member may have before it is in error.
    pub max_reply_timeouts: u32,
    /// Which attempt of a request it is, for a worker without a balancer: every request tries it, so
    /// that requests in a row say whether it is out. `None` for a member, whose state says so.
    pub alone: Option<AloneAttempt>,
}

/// Tells whether a success changes anything that is known of a member.
#[inline]
pub fn has_something_to_clear(record: &MemberRecord) -> bool {
    record.state.get() != MemberState::Ok as u32 || record.failures_in_row.get() != 0
}

/// Returns how long a member was out of service since httpd began, with the present outage.
pub fn downtime(record: &MemberRecord, now: Millis) -> Duration {
    let before = Duration::from_millis(record.down_ms.get());
    let began = record.out_ms.get();
    // Of two children one may be late to book the beginning of an outage that is over.
    let is_out = began != 0
        && (!MemberState::of(record).is_in_service() || record.failures_in_row.get() != 0);
    before + if is_out { now.since(Millis(began)) } else { Duration::ZERO }
}

/// Tells whether the connector refuses a member's requests: the latest answers were all refusals.
pub fn is_refusing(record: &MemberRecord) -> bool {
    record.refusals_in_row.get() >= REFUSALS
}

/// Refusals in a row, with no other answer between them, that take a member out. One may be an
/// application's own; a connector that refuses them refuses all.
const REFUSALS: u32 = 3;

#[cfg(test)]
mod tests;
