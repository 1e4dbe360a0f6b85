//! How a worker of any kind serves a request.

use std::sync::atomic::Ordering::Relaxed;

use crate::clock::{self, Millis};
use crate::exchange::RequestBody;
use crate::lb::retry_policy::RetryPolicy;
use crate::worker::admin::handler;
use crate::worker::ajp13::request_body::ReplayableBody;
use crate::worker::ajp13::worker::Ajp13;
use crate::worker::dispatch::dispatch;
use crate::worker::error_log::log_client;
use crate::worker::single::Single;
use crate::worker::workers::{Worker, Workers};
use crate::worker::{Downstream, MemberData, RequestSettings};

impl Workers {
    /// Serves a request.
    ///
    /// # Errors
    ///
    /// The status to answer with.
    pub async fn serve<D: Downstream>(
        &self,
        worker: &Worker,
        downstream: &mut D,
        settings: &RequestSettings<'_>,
    ) -> Result<(), u16> {
        match worker {
            Worker::Ajp13(ajp, place) => self.alone(ajp, *place, downstream, settings).await,
            Worker::Lb(lb) => {
                let _in_flight = self.child_counts.enter_balancer(lb.record_index);
                lb.serve(downstream, settings, &self.child_counts).await
            }
            Worker::Status(config) => handler::serve(self, config, downstream, settings),
        }
    }

    /// Serves a request by one backend only.
    async fn alone<D: Downstream>(
        &self,
        ajp: &Ajp13,
        place: usize,
        downstream: &mut D,
        settings: &RequestSettings<'_>,
    ) -> Result<(), u16> {
        let begun = clock::micros();
        let keep = |method: &[u8]| ajp.replay_size(method);
        let mut request_body = match ReplayableBody::begin(downstream, || ajp.first_block(), keep) {
            Ok(request_body) => request_body,
            Err(error) => return log_client(downstream, &ajp.name, error),
        };
        let record = self.records.segment.member(place);
        let busy = record.busy.fetch_add(1, Relaxed).wrapping_add(1);
        let in_flight = self.child_counts.enter(place);
        record.max_busy.fetch_max(busy, Relaxed);
        record.used.fetch_add(1, Relaxed);
        let mut route = Single {
            worker: ajp,
            data: MemberData {
                secret: ajp.config.secret.as_ref().map(|secret| &*secret.0),
                route: settings.route,
                activation: "ACT",
                session_cookie: None,
            },
            record,
            shard: in_flight.shard,
            events: self.records.segment.events(),
            busy,
            count: 0,
            // The client may have been slow to send its body.
            begun_us: Some(begun).filter(|_| request_body.length() == RequestBody::None),
        };
        let policy = RetryPolicy::single(ajp.config.retries);
        let begun = Millis::of_micros(begun);
        dispatch(&mut route, policy, downstream, &mut request_body, settings, begun).await
    }
}
