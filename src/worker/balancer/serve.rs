//! How a balancer serves a request.

use crate::clock::{self, Millis};
use crate::config::HashKey;
use crate::exchange::RequestBody;
use crate::lb::retry_policy::RetryPolicy;
use crate::lb::session::SessionIds;
use crate::lb::{Method, hash, retry_budget};
use crate::worker::admission::Admission;
use crate::worker::ajp13::request_body::ReplayableBody;
use crate::worker::balancer::failover::MemberSelection;
use crate::worker::balancer::members::Lb;
use crate::worker::dispatch::dispatch;
use crate::worker::error_log::log_client;
use crate::worker::in_flight::ChildCounts;
use crate::worker::queue::Queue;
use crate::worker::{Downstream, RequestSettings};

impl Lb {
    /// Serves a request. Returns the status to answer with if there is no response.
    ///
    /// # Errors
    ///
    /// The status of the last failure, 503 if no member could be tried.
    pub async fn serve<D: Downstream>(
        &self,
        downstream: &mut D,
        settings: &RequestSettings<'_>,
        child_counts: &ChildCounts,
        limits: (Option<Queue<'_>>, Option<Admission<'_>>),
    ) -> Result<(), u16> {
        retry_budget::earn(self.record, self.config.retry_budget);
        let begun = clock::micros();
        let first = || self.members.iter().map(|own| own.first_block()).max().unwrap_or_default();
        let keep = |method: &[u8]| {
            self.members.iter().map(|own| own.replay_size(method)).max().unwrap_or_default()
        };
        let mut request_body = match ReplayableBody::begin(downstream, first, keep) {
            Ok(request_body) => request_body,
            Err(error) => return log_client(downstream, &self.name, error),
        };
        // The client may have been slow to send its body.
        let first_us = Some(begun).filter(|_| request_body.length() == RequestBody::None);
        let begun = Millis::of_micros(begun);
        // It ends after the route, with which the request is in flight.
        let mut admitted = None;
        let mut route = MemberSelection::new(self, settings, child_counts, limits, begun, first_us);
        self.session_ids(downstream, settings, &mut route.ids);
        route.hash = self.hash_of(downstream);
        let policy = RetryPolicy::balanced(self.members.len(), self.config.retries);
        let (admitted, body) = (&mut admitted, &mut request_body);
        let result =
            dispatch(&mut route, policy, downstream, body, settings, begun, admitted).await;
        route.leave_notes(downstream);
        result
    }

    /// Adds the session ids of a request to `ids`.
    fn session_ids<D: Downstream>(
        &self,
        downstream: &D,
        settings: &RequestSettings<'_>,
        ids: &mut SessionIds,
    ) {
        if !self.config.sticky_session || settings.sticky_ignore {
            return;
        }
        if let Some(route) = &settings.route {
            ids.add(&[b".", *route].concat());
            return;
        }
        let cookie = settings.session_cookie.unwrap_or(&self.config.session_cookie);
        let path = settings.session_path.unwrap_or(&self.config.session_path);
        downstream.session_ids(cookie, path, ids);
    }

    /// Hashes what the method Hash goes by; `None` if the request has no such value.
    fn hash_of<D: Downstream>(&self, downstream: &D) -> Option<u64> {
        if self.balancer.method != Method::Hash {
            return None;
        }
        match &self.config.hash_key {
            HashKey::Cookie(name) => {
                let mut values = SessionIds::new();
                downstream.cookie(name, &mut values);
                let values = values.as_bytes();
                (!values.is_empty()).then(|| hash(values))
            }
            HashKey::Header(name) => downstream.header(name).map(hash),
            HashKey::Query => downstream.query().map(hash),
            HashKey::Remote => Some(hash(downstream.remote().as_bytes())),
            HashKey::Uri => Some(hash(downstream.path())),
        }
    }
}
