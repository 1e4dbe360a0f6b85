//! One event: what happened to whom, why, and who asked for it.

use std::borrow::Cow;

use crate::messages::FailureDetail;

/// Makes an enum, its numbers in shared memory and its words in JSON from one table.
macro_rules! worded {
    ($(#[$doc:meta])* $name:ident { $($(#[$case_doc:meta])* $case:ident = $number:literal, $word:literal;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub enum $name {
            $($(#[$case_doc])* $case = $number,)*
        }

        impl $name {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$case,)*];

            /// Returns the one with a number; nothing for a number that none has.
            pub fn numbered(number: u8) -> Option<Self> {
                Self::ALL.iter().copied().find(|own| *own as u8 == number)
            }

            /// Returns its word in JSON.
            pub fn word(self) -> &'static str {
                match self {
                    $(Self::$case => $word,)*
                }
            }
        }
    };
}

worded! {
    /// What happened.
    EventKind {
        /// A member went out of service, or a worker without a balancer began to fail.
        Out = 1, "out";
        /// A request tried a member that was out, and failed as well.
        TrialFailed = 2, "trial_failed";
        /// No member was usable, so that a request tries one that is out.
        Forced = 3, "forced";
        /// The next request tries a member that was out.
        Recovering = 4, "recovering";
        /// A member takes its share of the requests again.
        Back = 5, "back";
        /// The health check of a member fails, and the member stays in service all the same.
        Unhealthy = 6, "unhealthy";
        /// The health check of a member passes again.
        Healthy = 7, "healthy";
        /// The connector refuses the requests of a member that stays in service all the same.
        Refusing = 8, "refusing";
        /// The connector serves requests again.
        RefusingEnded = 9, "refusing_ended";
        /// The last session of a disabled member has ended.
        Drained = 10, "drained";
        /// A setting was changed.
        Changed = 11, "changed";
        /// Counters were set to 0.
        Reset = 12, "reset";
        /// The administrator lets a member that is out be tried at once.
        Recovered = 13, "recovered";
        /// A change made at run time no longer applies, as the configuration file has changed.
        Discarded = 14, "discarded";
        /// httpd was started.
        Started = 15, "started";
        /// httpd was restarted gracefully.
        Restarted = 16, "restarted";
        /// A restart rejected the configuration file; the previous configuration is still in use.
        Rejected = 17, "rejected";
        /// A balancer or a worker had no room for a request, which was answered 503.
        Overloaded = 18, "overloaded";
    }
}

worded! {
    /// What led to a change of state.
    EventReason {
        /// Nothing that is not said by the kind.
        None = 0, "none";
        /// A request.
        Request = 1, "request";
        /// A CPING in the background.
        Probe = 2, "probe";
        /// The health check.
        HealthCheck = 3, "health_check";
        /// The end of `recover_time`.
        RecoverTime = 4, "recover_time";
        /// The administrator.
        Administrator = 5, "administrator";
        /// No other member can serve.
        NoOtherMember = 6, "no_other_member";
        /// The connector refused requests.
        Refusals = 7, "refusals";
    }
}

impl EventKind {
    /// Tells whether it is about what an administrator did or what httpd was told. These are kept
    /// apart from changes of state, which come by themselves and may be many.
    pub fn is_administration(self) -> bool {
        match self {
            Self::Out
            | Self::TrialFailed
            | Self::Forced
            | Self::Recovering
            | Self::Back
            | Self::Unhealthy
            | Self::Healthy
            | Self::Refusing
            | Self::RefusingEnded
            | Self::Drained
            | Self::Overloaded => false,
            Self::Changed
            | Self::Reset
            | Self::Recovered
            | Self::Discarded
            | Self::Started
            | Self::Restarted
            | Self::Rejected => true,
        }
    }
}

/// What is known of an event when it happens. Texts are empty where there is nothing to say; long ones
/// are kept cut off, with `…` at their end.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct EventFacts<'t> {
    pub kind: EventKind,
    pub reason: EventReason,
    /// Number of the message about the cause; 0 for none.
    pub code: u16,
    /// Status the backend answered with; 0 for none.
    pub status: u16,
    /// What the failure was, more exactly than its message says.
    pub detail: Option<FailureDetail>,
    pub balancer: Cow<'t, str>,
    /// The member, or the worker without a balancer.
    pub worker: Cow<'t, str>,
    /// The property that was changed.
    pub attribute: Cow<'t, str>,
    pub old: Cow<'t, str>,
    pub new: Cow<'t, str>,
    /// Address of the client that asked for a change.
    pub client: Cow<'t, str>,
    /// Its user.
    pub user: Cow<'t, str>,
}

impl<'t> EventFacts<'t> {
    /// Begins with what every event has.
    pub fn new(kind: EventKind, balancer: &'t str, worker: &'t str) -> Self {
        let none = || Cow::Borrowed("");
        Self {
            kind,
            reason: EventReason::None,
            code: 0,
            status: 0,
            detail: None,
            balancer: balancer.into(),
            worker: worker.into(),
            attribute: none(),
            old: none(),
            new: none(),
            client: none(),
            user: none(),
        }
    }
}

/// An event that was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedEvent {
    /// Its number. Later ones are larger; an event that happens again gets another one.
    pub seq: u64,
    /// When it happened last, in Unix milliseconds.
    pub time_ms: u64,
    /// When it happened first.
    pub first_ms: u64,
    /// How often it happened.
    pub count: u32,
    /// The rest.
    pub facts: EventFacts<'static>,
}

/// Returns the number of a message's code: 303 of `JK-303`, 0 of what is none.
pub fn code_number(code: &str) -> u16 {
    code.strip_prefix("JK-").and_then(|number| number.parse().ok()).unwrap_or(0)
}
