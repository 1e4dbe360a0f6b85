//! What an administrator does about something that is out or degraded.

use crate::messages::MessageCode::{JK312, JK322, JK324, JK331, JK408, JK409};
use crate::messages::REMEDY_OF_FLAPPING;
use crate::messages::{CATALOGUE, MessageCode};
use crate::status::condition::Assessment;
use crate::status::condition::reason::Reason;

impl Assessment {
    /// Says what to do, in words and without a full stop: the remedy of the weightiest reason that has
    /// one; nothing where there is nothing to do but wait.
    pub fn remedy(&self) -> Option<&'static str> {
        // One that is there again was started, and goes down again: why it does that is the question.
        let comes_back = |own: &&Reason| match own {
            Reason::LatestFailure(latest) => !(latest.is_unreachable() && self.is_flapping()),
            _ => true,
        };
        self.reasons.iter().filter(comes_back).find_map(Reason::remedy)
    }

    fn is_flapping(&self) -> bool {
        self.reasons.iter().any(|own| matches!(own, Reason::Flapping { .. }))
    }
}

impl Reason {
    /// Says what to do about it.
    fn remedy(&self) -> Option<&'static str> {
        match self {
            Self::NoNewSessions { disabled, stopped, out, refusing } => {
                match (disabled + stopped > 0, out + refusing > 0) {
                    (true, false) => {
                        Some("activate a member: none is out, all are disabled or stopped")
                    }
                    (true, true) => Some(
                        "activate a member that is disabled or stopped, or repair one that is out",
                    ),
                    (false, true) => Some("repair a member: each says below what is wrong with it"),
                    (false, false) => Some("name members in balance_workers"),
                }
            }
            // Each of them has its own.
            Self::Members { .. } => None,
            Self::Failed(Some(detail))
            | Self::LatestFailure(detail)
            | Self::Refusing(_, Some(detail)) => Some(detail.remedy()),
            Self::Failed(None) => Some("see httpd's error log for the messages of this worker"),
            Self::Unhealthy(0, Some(detail)) => Some(detail.remedy()),
            Self::Unhealthy(0, None) => Some(
                "check that the backend runs, and that the page of health_check answers within health_check_timeout",
            ),
            Self::Unhealthy(..) => Some(
                "see the application's log for why the page of health_check answers so; health_check_status says which statuses are healthy",
            ),
            Self::Refusing(_, None) => of(JK409),
            Self::KeptInService => of(JK408),
            // The request that is to prove it decides without the administrator.
            Self::OnTrial => None,
            Self::Failing { .. } => Some(
                "see the failures by message in the details, and httpd's error log; drain the member if users are hurt",
            ),
            Self::Flapping { .. } => Some(REMEDY_OF_FLAPPING),
            Self::Slow { .. } => Some(
                "take a thread dump of the backend while it is slow, and see its garbage collection and database",
            ),
            Self::ServerErrors { .. } => Some(
                "see the application's log: httpd passes its answers on; fail_on_status names statuses for which another member is tried",
            ),
            Self::Silent(_) => Some(
                "take a thread dump of the backend: it hangs, or its threads wait for something such as a database; with ping_mode and reply_timeout such a backend is taken out of service by itself",
            ),
            Self::AtBusyLimit(_) => of(JK312),
            Self::OutOfThreads(_) => of(JK324),
            Self::AtAdaptiveLimit(_) => Some(
                "find out what the backend waits for, or add members; a queue (queue_size) lets short bursts wait",
            ),
            Self::Queued(..) => of(JK322),
            Self::AtThreads(..) => of(JK331),
        }
    }
}

fn of(code: MessageCode) -> Option<&'static str> {
    CATALOGUE.iter().find(|own| own.code == code.text()).map(|own| own.remedy)
}
