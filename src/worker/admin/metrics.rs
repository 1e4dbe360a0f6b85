//! What all children counted, and in what condition everything is, as metrics.

use std::sync::atomic::Ordering::Relaxed;

use crate::lb::{Activation, Health, MemberState};
use crate::metrics::{BalancerSeries, Dialect, Gauges, Scrape, Series};
use crate::status::condition::{self, Assessment, Condition};
use crate::status::view::{MemberView, WorkerView};
use crate::text;
use crate::worker::admin::snapshot::{Present, ajp, balancer};
use crate::worker::workers::{VERSION, Worker, Workers};

/// Writes everything. It takes no lock and stops no request. `is_full` is the status worker's
/// property `metrics=full`.
pub fn scrape(workers: &Workers, dialect: Dialect, is_full: bool) -> String {
    let mut all = Scrape {
        version: VERSION,
        started: workers.records.segment.header().started_unix.load(Relaxed),
        conditions: Condition::ALL.map(Condition::word).to_vec(),
        ..Scrape::default()
    };
    let present = Present::read();
    for (name, worker) in workers.in_order() {
        match worker {
            Worker::Ajp13(own, record_index) => {
                let record = workers.records.segment.member(*record_index);
                let view = ajp(workers, own, record, *record_index, present);
                let gauges = Gauges {
                    state: MemberState::of(record).code(),
                    activation: Activation::Active.code(),
                    ..gauges(&view, &condition::of_worker(&view), true)
                };
                all.series.push(series("", view, gauges));
            }
            Worker::Lb(lb) => {
                // Rules are no part of the metrics, and there may be thousands.
                let view = balancer(workers, lb, Vec::new(), present);
                let assessed = condition::of_members(&view);
                let found = condition::of_assessed(&view, &assessed);
                all.balancers.push(BalancerSeries {
                    name: name.to_owned(),
                    condition: found.condition.word(),
                    since: since(&found),
                    unserved: view.unserved,
                    queued: view.waits.queued,
                });
                let outages = |index: usize| lb.records[index].outages.get();
                let gauges: Vec<_> = assessed
                    .iter()
                    .enumerate()
                    .map(|(index, (member, found))| {
                        of_member(member, found, outages(index), lb.config.queue_size > 0)
                    })
                    .collect();
                let members = view.members.into_iter().zip(gauges);
                all.series.extend(members.map(|(own, gauges)| series(name, own.ajp, gauges)));
            }
            Worker::Status(_) => {}
        }
    }
    // Names may be in any encoding; the format is UTF-8.
    text::shown_in_quotes(&all.text(dialect, is_full)).into_owned()
}

fn series(balancer: &str, view: WorkerView, gauges: Gauges) -> Series {
    Series { balancer: balancer.to_owned(), worker: view.name, totals: view.counts, gauges }
}

fn of_member(member: &MemberView, found: &Assessment, outages: u64, has_queue: bool) -> Gauges {
    Gauges {
        state: member.state.code(),
        activation: member.activation.code(),
        outages: Some(outages),
        is_healthy: match member.health {
            Some(Health::Healthy) => Some(true),
            Some(Health::Unhealthy) => Some(false),
            Some(Health::Unknown) | None => None,
        },
        recent_sessions: Some(member.recent_sessions),
        ..gauges(&member.ajp, found, has_queue)
    }
}

fn gauges(view: &WorkerView, found: &Assessment, has_queue: bool) -> Gauges {
    Gauges {
        condition: found.condition.word(),
        since: since(found),
        in_flight: view.busy,
        connections: view.connected,
        idle: view.idle,
        last_failure: view.last_failure.map(|own| (own.code(), view.last_failure_at)),
        parked: view.waits.parked,
        queued: has_queue.then_some(view.waits.queued),
        busy_limit: view.limit.filter(|_| !view.config.is_adaptive),
        adaptive_limit: view.limit.filter(|_| view.config.is_adaptive),
        pool_size: view.config.connection_pool_size.map(|size| size as u64),
        ..Gauges::default()
    }
}

/// Unix seconds of the beginning of what is wrong.
fn since(found: &Assessment) -> Option<i64> {
    found.since.as_ref().map(|(at, _)| at.unix)
}
