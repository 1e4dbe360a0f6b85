//! What the administrator set, what has been observed, and how the second changes.
//!
//! ```text
//!  Idle, Ok ── connect refused; repeated failure; hard status ──▶ Error
//!  Error ── recover_time, or a probe answered ──▶ Recover ── elected ──▶ Probe
//!  Error ── nobody else left ──▶ Force, for one request
//!  Recover, Probe, Force ── success ──▶ Ok,   failure ──▶ Error
//!  Ok ── unused for one round of maintenance ──▶ Idle
//! ```

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use crate::clock::Millis;
use crate::shm::layout::MemberRecord;

/// What the administrator set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Activation {
    /// Takes all requests.
    #[default]
    Active,
    /// Takes only requests of its own sessions.
    Disabled,
    /// Takes none.
    Stopped,
}

impl Activation {
    /// Reads an activation as mod_jk does: by its first letter or digit.
    pub fn from_word(word: &str) -> Option<Self> {
        match word.bytes().next()?.to_ascii_lowercase() {
            b'a' | b'0' => Some(Self::Active),
            b'd' | b'1' => Some(Self::Disabled),
            b's' | b'2' => Some(Self::Stopped),
            _ => None,
        }
    }

    /// Tells whether a member takes requests of its own sessions.
    pub fn keeps_sessions(self) -> bool {
        self != Self::Stopped
    }

    /// Returns the code that goes to the container and into notes.
    pub fn code(self) -> &'static str {
        match self {
            Self::Active => "ACT",
            Self::Disabled => "DIS",
            Self::Stopped => "STP",
        }
    }
}

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
    /// One request is trying it although it is in error, as nobody else was left.
    Force = 3,
    /// At its `busy_limit`. Only shown: elections go by the requests in flight.
    Busy = 4,
    /// Not used.
    Error = 5,
    /// One request is trying it.
    Probe = 6,
}

impl MemberState {
    /// Returns the shared state; a number no state has counts as an error.
    pub fn of(record: &MemberRecord) -> Self {
        match record.state.load(Relaxed) {
            0 => Self::Idle,
            1 => Self::Ok,
            2 => Self::Recover,
            3 => Self::Force,
            4 => Self::Busy,
            6 => Self::Probe,
            _ => Self::Error,
        }
    }

    /// Tells the same of a member as [`is_usable`](Self::is_usable) of its state, in one comparison.
    #[inline]
    pub fn takes_any(record: &MemberRecord) -> bool {
        record.state.load(Relaxed) <= Self::Recover as u32
    }

    /// Tells whether any request may go to a member in this state.
    pub fn is_usable(self) -> bool {
        matches!(self, Self::Idle | Self::Ok | Self::Recover)
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
            Self::Probe => "ERR/PRB",
        }
    }
}

/// How an attempt on a member ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The container answered in full.
    Success,
    /// The client gave up, or its request was at fault: says nothing about the container.
    ClientError,
    /// This machine ran out of something: says nothing about the container.
    OwnFault,
    /// The connection was refused or did not come about.
    ConnectFailed,
    /// The connection broke before the response was complete.
    Broken,
    /// The answer was not AJP13.
    Malformed,
    /// The reply took too long.
    ReplyTimeout,
    /// A status of `fail_on_status`.
    HardStatus,
    /// A negated status of `fail_on_status`.
    SoftStatus,
}

/// The balancer's rules about errors.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// Time after which a member in error may be tried again.
    pub recover_time: Duration,
    /// Time of failures without success after which a member is in error.
    pub error_escalation_time: Duration,
    /// Reply timeouts a member may have before it is in error.
    pub max_reply_timeouts: u32,
}

/// Tells whether a success changes anything that is known of a member.
pub fn has_something_to_clear(record: &MemberRecord) -> bool {
    record.state.load(Relaxed) != MemberState::Ok as u32
        || record.failures_in_row.load(Relaxed) != 0
}

/// Books the outcome of an attempt that began at `started`. Returns whether the member went into
/// error by it.
pub fn report(
    record: &MemberRecord,
    outcome: Outcome,
    policy: &Policy,
    started: Millis,
    now: Millis,
) -> bool {
    match outcome {
        Outcome::Success | Outcome::SoftStatus => {
            // Only an answer that was asked for after the failure proves that it is over.
            if record.error_last_ms.load(Relaxed) <= started.0 {
                record.failures_in_row.store(0, Relaxed);
                record.error_first_ms.store(0, Relaxed);
                record.error_last_ms.store(0, Relaxed);
                set(record, MemberState::Ok);
            }
            false
        }
        Outcome::ClientError => {
            record.client_errors.fetch_add(1, Relaxed);
            release_probe(record);
            false
        }
        Outcome::OwnFault => {
            release_probe(record);
            false
        }
        Outcome::ConnectFailed | Outcome::HardStatus => fail(record, now, true),
        Outcome::Broken | Outcome::Malformed => {
            let first = record.error_first_ms.load(Relaxed);
            let limit = policy.error_escalation_time;
            let lasting = limit.is_zero() || first != 0 && now.since(Millis(first)) >= limit;
            // One broken connection may be one bad request; a second in a row is the member.
            let again = record.failures_in_row.load(Relaxed) > 0;
            let on_trial = !matches!(MemberState::of(record), MemberState::Idle | MemberState::Ok);
            fail(record, now, outcome == Outcome::Broken && (lasting || again) || on_trial)
        }
        Outcome::ReplyTimeout => {
            let count = record.reply_timeouts.fetch_add(1, Relaxed).saturating_add(1);
            fail(record, now, count > policy.max_reply_timeouts)
        }
    }
}

fn fail(record: &MemberRecord, now: Millis, is_global: bool) -> bool {
    let stamp = now.0.max(1);
    record.errors.fetch_add(1, Relaxed);
    record.failures_in_row.fetch_add(1, Relaxed);
    let _ = record.error_first_ms.compare_exchange(0, stamp, Relaxed, Relaxed);
    record.error_last_ms.store(stamp, Relaxed);
    if is_global {
        let before = record.state.swap(MemberState::Error as u32, Relaxed);
        return before != MemberState::Error as u32;
    }
    false
}

/// A trial that proved nothing leaves the next one to somebody else.
fn release_probe(record: &MemberRecord) {
    let (probe, recover) = (MemberState::Probe as u32, MemberState::Recover as u32);
    let _ = record.state.compare_exchange(probe, recover, Relaxed, Relaxed);
    let (force, error) = (MemberState::Force as u32, MemberState::Error as u32);
    let _ = record.state.compare_exchange(force, error, Relaxed, Relaxed);
}

fn set(record: &MemberRecord, state: MemberState) {
    record.state.store(state as u32, Relaxed);
}
