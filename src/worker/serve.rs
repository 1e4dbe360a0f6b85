//! How a worker of any kind serves a request.

use std::sync::atomic::Ordering::Relaxed;

use crate::clock::{self, Millis};
use crate::exchange::RequestBody;
use crate::lb::retry_policy::RetryPolicy;
use crate::worker::admin::handler;
use crate::worker::admission::Admission;
use crate::worker::ajp13::request_body::ReplayableBody;
use crate::worker::ajp13::worker::Ajp13;
use crate::worker::dispatch::{Route, dispatch};
use crate::worker::error::Cause;
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
        let admission = match settings.is_limited_by_threads {
            true => self.admission(worker),
            false => None,
        };
        match worker {
            Worker::Ajp13(ajp, place) => {
                self.alone((ajp, *place, admission), downstream, settings).await
            }
            Worker::Lb(lb) => {
                let counts = &self.child_counts;
                let (_in_flight, busy) = counts.enter_balancer(lb.record_index);
                if lb.share.is_exceeded_by(busy) {
                    lb.admit(busy, settings.waits, downstream)?;
                }
                settings
                    .waits
                    .count_with_worker(|| counts.parked(counts.balancer_place(lb.record_index)));
                let queue = match lb.config.queue_size {
                    0 => None,
                    size => {
                        let place = self.child_counts.balancer_place(lb.record_index);
                        self.queues.of(&self.child_counts, place, size, lb.queue_timeout())
                    }
                };
                lb.serve(downstream, settings, &self.child_counts, (queue, admission)).await
            }
            Worker::Status(config) => handler::serve(self, config, downstream, settings),
        }
    }

    /// Serves a request by one backend only.
    async fn alone<D: Downstream>(
        &self,
        (ajp, place, admission): (&Ajp13, usize, Option<Admission<'_>>),
        downstream: &mut D,
        settings: &RequestSettings<'_>,
    ) -> Result<(), u16> {
        let begun = clock::micros();
        let keep = |method: &[u8]| ajp.replay_size(method);
        let mut request_body = match ReplayableBody::begin(downstream, || ajp.first_block(), keep) {
            Ok(request_body) => request_body,
            Err(error) => return log_client(downstream, &ajp.name, error),
        };
        let config = &ajp.config;
        settings.waits.count_with_worker(|| self.child_counts.parked(place));
        let queue =
            self.queues.of(&self.child_counts, place, config.queue_size, config.queue_timeout);
        // It ends after the route, with which the request is in flight.
        let mut admitted = None;
        let mut route = Single {
            worker: ajp,
            data: MemberData {
                secret: ajp.config.secret.as_ref().map(|secret| &*secret.0),
                route: settings.route,
                activation: "ACT",
                session_cookie: None,
            },
            place,
            child_counts: &self.child_counts,
            admission,
            queue,
            record: self.records.segment.member(place),
            events: self.records.segment.events(),
            in_flight: None,
            busy: 0,
            count: 0,
            begun: Millis::of_micros(begun),
            // The client may have been slow to send its body.
            begun_us: Some(begun).filter(|_| request_body.length() == RequestBody::None),
        };
        if let Some(queue) = queue
            && let Some(places) = ajp.places_in_queue(route.record, settings.waits)
        {
            route.queue = Some(queue.within(places));
            if route.record.queued.load(Relaxed) >= places {
                return Err(route.refuse_waiting(&Cause::ThreadShare, downstream));
            }
        }
        let policy = RetryPolicy::single(ajp.config.retries);
        let begun = Millis::of_micros(begun);
        let (admitted, body) = (&mut admitted, &mut request_body);
        dispatch(&mut route, policy, downstream, body, settings, begun, admitted).await
    }
}
