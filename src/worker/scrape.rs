//! What all children counted, as OpenMetrics text.

use std::sync::atomic::Ordering::Relaxed;

use super::ajp13::Ajp13;
use super::workers::{VERSION, Worker, Workers};
use crate::clock;
use crate::lb::{Activation, MemberState};
use crate::metrics::{Balancer, Dialect, Gauges, Series, render};

/// Adds everything up. It takes no lock and stops no request.
pub fn scrape(workers: &Workers, dialect: Dialect) -> String {
    let (mut balancers, mut all) = (Vec::new(), Vec::new());
    for (name, worker) in workers.in_order() {
        match worker {
            Worker::Ajp13(own, place) => {
                all.push(series(workers, None, own, *place, Activation::Active))
            }
            Worker::Lb(lb) => {
                let unserved = lb.record.unserved.load(Relaxed);
                balancers.push(Balancer { name: name.to_owned(), unserved });
                for (index, (member, place)) in lb.members.iter().zip(&lb.places).enumerate() {
                    let activation = lb.activation(index);
                    all.push(series(workers, Some(name), member, *place, activation));
                }
            }
            Worker::Status(_) => {}
        }
    }
    render(dialect, VERSION, &balancers, &all)
}

fn series(
    workers: &Workers,
    balancer: Option<&str>,
    own: &Ajp13,
    place: usize,
    activation: Activation,
) -> Series {
    let record = workers.places.segment.member(place);
    let (connections, idle) = workers.shares.refreshed(place, own.pool.counts());
    Series {
        balancer: balancer.unwrap_or_default().to_owned(),
        worker: own.name.clone(),
        totals: workers.shares.totals(place),
        gauges: Gauges {
            in_flight: record.busy.load(Relaxed).into(),
            connections,
            idle,
            state: MemberState::of(record).code(),
            activation: activation.code(),
            pool_size: own.config.connection_pool_size.map(|size| size as u64),
            recent_sessions: balancer.map(|_| record.recent.count(clock::now().0)),
        },
    }
}
