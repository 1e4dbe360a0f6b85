//! What an administrator does about something that is out or degraded.

use crate::messages::MessageCode::{JK312, JK408, JK409};
use crate::messages::{CATALOGUE, MessageCode};
use crate::status::condition::Assessment;
use crate::status::condition::reason::Reason;

impl Assessment {
    /// Says what to do, in words and without a full stop: the remedy of the weightiest reason that has
    /// one; nothing where there is nothing to do but wait.
    pub fn remedy(&self) -> Option<&'static str> {
        self.reasons.iter().find_map(Reason::remedy)
    }
}

impl Reason {
    /// Says what to do about it.
    fn remedy(&self) -> Option<&'static str> {
        match self {
            Self::NoNewSessions { .. } => {
                Some("activate a member that is disabled or stopped, or repair one that is out")
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
            Self::Flapping { .. } => Some(
                "see httpd's error log for the cause of each outage; drain the member until it is stable",
            ),
            Self::Slow { .. } => Some(
                "take a thread dump of the backend while it is slow, and see its garbage collection and database",
            ),
            Self::AtBusyLimit(_) => of(JK312),
        }
    }
}

fn of(code: MessageCode) -> Option<&'static str> {
    CATALOGUE.iter().find(|own| own.code == code.text()).map(|own| own.remedy)
}
