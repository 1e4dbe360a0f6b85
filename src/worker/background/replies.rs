//! Tells the log of members and workers whose replies are not as they should be: no request fails by that and no
//! state changes, so that no other line says it.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use crate::clock::{self, Millis};
use crate::messages::MessageCode::{JK414, JK415};
use crate::shm::SampleRing;
use crate::status::condition::{self, Assessment, Condition};
use crate::status::view::WorkerView;
use crate::worker::admin::snapshot::{self, Present};
use crate::worker::workers::{Worker, Workers};

/// Looks at all of them. Only the child that leads does so.
pub fn report(workers: &Workers) {
    let present = Present::read();
    let segment = workers.records.segment;
    for worker in workers.iter() {
        match worker {
            Worker::Lb(lb) => {
                let view = snapshot::balancer(workers, lb, Vec::new(), present);
                let found = condition::of_members(&view);
                for ((member, found), index) in found.iter().zip(&lb.record_indexes) {
                    let subject = Subject { balancer: Some(&lb.name), ajp: &member.ajp };
                    subject.tell(found, segment.samples(*index));
                }
            }
            Worker::Ajp13(own, index) => {
                let record = segment.member(*index);
                let view = snapshot::ajp(workers, own, record, *index, present);
                let subject = Subject { balancer: None, ajp: &view };
                subject.tell(&condition::of_worker(&view), segment.samples(*index));
            }
            Worker::Status(_) => {}
        }
    }
}

/// What a line is about.
struct Subject<'s> {
    balancer: Option<&'s str>,
    ajp: &'s WorkerView,
}

impl Subject<'_> {
    fn tell(&self, found: &Assessment, samples: &SampleRing) {
        let told = samples.told_ms.load(Relaxed);
        let news = news(told, found, clock::now());
        match news {
            None => return,
            Some(News::Degraded(now)) | Some(News::StillDegraded(now)) => {
                samples.told_ms.store(now.0.max(1), Relaxed);
            }
            Some(News::Over) | Some(News::Out) => samples.told_ms.store(0, Relaxed),
        }
        let name = self.ajp.name.as_str();
        let subject = match self.balancer {
            Some(lb) => format!("balancer {lb}: member {name} at {}", self.ajp.shown_address()),
            None => format!("worker {name} at {}", self.ajp.shown_address()),
        };
        let balancer = self.balancer.unwrap_or_default();
        match (news, found.about_replies()) {
            (Some(News::Degraded(_)), Some(own)) => tracing::warn!(
                worker = name,
                balancer,
                "{JK414} {subject} is degraded: {}; {}",
                own.text(),
                own.remedy().unwrap_or_default()
            ),
            (Some(News::Over), _) => tracing::info!(
                worker = name,
                balancer,
                "{JK415} {subject} replies as it should again"
            ),
            _ => {}
        }
    }
}

/// What has changed for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum News {
    /// It is degraded now, which no line has said.
    Degraded(Millis),
    /// A line has said it.
    StillDegraded(Millis),
    /// It has been well for a while.
    Over,
    /// It is out of service, which has a line of its own.
    Out,
}

/// Finds out what is new, if a line has told at `told` that it was degraded, 0 for none.
fn news(told: u64, found: &Assessment, now: Millis) -> Option<News> {
    match (told, found.about_replies()) {
        (0, None) => None,
        (0, Some(_)) => Some(News::Degraded(now)),
        (_, Some(_)) => Some(News::StillDegraded(now)),
        (_, None) if found.condition == Condition::Out => Some(News::Out),
        (told, None) => (now.since(Millis(told)) >= WELL_FOR).then_some(News::Over),
    }
}

/// How long nothing must be the matter until that is said: what comes and goes would fill the log.
const WELL_FOR: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::condition::Reason;

    #[test]
    fn each_spell_is_told_once_when_it_begins_and_once_when_it_is_over() {
        let of =
            |condition, reasons| Assessment { condition, reasons, since: None, way_back: None };
        let silent = Reason::Silent(5);
        let silent = of(Condition::Degraded, vec![silent]);
        let serving = of(Condition::Serving, Vec::new());
        let out = of(Condition::Out, vec![Reason::Failed(None)]);
        let at = Millis;
        assert_eq!(news(0, &serving, at(1)), None);
        assert_eq!(news(0, &out, at(1)), None);
        assert_eq!(news(0, &silent, at(5_000)), Some(News::Degraded(at(5_000))));
        assert_eq!(news(5_000, &silent, at(9_000)), Some(News::StillDegraded(at(9_000))));
        assert_eq!(news(9_000, &serving, at(68_999)), None, "it may come again");
        assert_eq!(news(9_000, &serving, at(69_000)), Some(News::Over));
        assert_eq!(news(9_000, &out, at(10_000)), Some(News::Out));
        // Each failure of these has a line of its own.
        let failing = Reason::Failing { failed: 5, attempts: 9, span: Duration::from_secs(20) };
        assert_eq!(news(0, &of(Condition::Degraded, vec![failing]), at(1)), None);
    }
}
