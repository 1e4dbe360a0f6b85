//! Where in shared memory each worker has its record, from one configuration to the next.

use std::sync::atomic::Ordering::Relaxed;

use crate::clock;
use crate::config::{Ajp13Config, LbConfig, LogLevel, Settings, WorkerKind, WorkersConfig};
use crate::events::{EventFacts, EventKind};
use crate::messages::MessageCode::{JK404, JK405, JK503};
use crate::shm::{
    COUNTED, Capacity, Owner, Segment, SegmentError, SlotKey, SlotOutcome, Slots, fingerprint,
};
use crate::worker::error_log::subject;

/// The segment and who has which place in it.
#[derive(Clone, Debug)]
pub struct Records {
    /// What all children share.
    pub segment: Segment,
    /// Records of members, and of workers used directly.
    pub members: Slots,
    /// Records of balancers.
    pub balancers: Slots,
    /// Which configuration they are for, counted in the segment.
    pub configuration: u32,
    /// For what stands there of secrets.
    pub key: SlotKey,
}

impl Records {
    /// Gives every worker of a configuration a place: that of before where nothing changed.
    ///
    /// # Errors
    ///
    /// If there is no shared memory.
    pub(super) fn assign(
        config: &WorkersConfig,
        children: usize,
        before: Option<Self>,
        key: SlotKey,
        notes: &mut Vec<(LogLevel, String)>,
    ) -> Result<Self, SegmentError> {
        let (members, balancers) = wanted(config);
        if let Some(before) = &before {
            if let Some(records) = before.carry(&members, &balancers, notes) {
                return Ok(records);
            }
            let text = format!(
                "{JK404} shared memory is too small for the new workers: a new segment is created, and counters and states are reset"
            );
            notes.push((LogLevel::Info, text));
        }
        let capacity = Capacity {
            balancers: (balancers.len() * 2).max(16),
            members: (members.len() * 2).max(64),
            children: (children * 2).max(16),
        };
        let empty = Slots::default();
        let fresh = Self {
            segment: Segment::create(capacity)?,
            members: empty.clone(),
            balancers: empty,
            configuration: 0,
            key,
        };
        if let Some(before) = &before {
            // Those who stay with the segment of before shall know that theirs is not the latest.
            before.segment.header().configuration.fetch_add(1, Relaxed);
            fresh.segment.events().adopt(before.segment.events());
        }
        // There is room: the capacity was computed for it.
        Ok(fresh.carry(&members, &balancers, notes).unwrap_or(fresh))
    }

    fn carry(
        &self,
        members: &[(Owner, u64)],
        balancers: &[(Owner, u64)],
        notes: &mut Vec<(LogLevel, String)>,
    ) -> Option<Self> {
        let segment = self.segment;
        let Capacity { children, .. } = segment.capacity();
        let workers = segment.capacity().workers();
        let is_free = |worker: usize| {
            (0..children).filter(|child| segment.children()[*child].owner() != 0).all(|child| {
                let counts = segment.child_counts(child).iter().skip(worker).step_by(workers);
                // Of the kinds that are counted of each worker, and not of all that wait.
                counts.take(COUNTED).all(|count| count.load(Relaxed) == 0)
            })
        };
        let room = segment.capacity();
        let (slots, kept) = self.members.assign(members, room.members, is_free)?;
        let is_free = |index: usize| is_free(room.members + index);
        let (balancer_slots, kept_balancers) =
            self.balancers.assign(balancers, room.balancers, is_free)?;
        for ((owner, _), kept) in balancers.iter().zip(kept_balancers) {
            if kept != SlotOutcome::Same
                && let Some(index) = balancer_slots.index(owner)
            {
                segment.clear_balancer(index);
            }
        }
        // A member that is new has no load yet, and factors may weigh differently: all begin even.
        let is_new = |balancer: &str| {
            let mut of = members.iter().zip(&kept);
            of.any(|((owner, _), kept)| owner.balancer == balancer && *kept != SlotOutcome::Same)
        };
        for (owner, _) in members.iter().filter(|(owner, _)| is_new(&owner.balancer)) {
            if let Some(index) = slots.index(owner) {
                segment.member(index).lb_value.store(0, Relaxed);
            }
        }
        for ((owner, _), kept) in members.iter().zip(kept) {
            if kept == SlotOutcome::Same {
                continue;
            }
            if let Some(index) = slots.index(owner) {
                segment.clear_member(index);
                segment.member(index).clear_counters(clock::unix_now().as_secs() as i64);
                segment.member(index).activated_ms.store(clock::now().0.max(1), Relaxed);
            }
            if kept == SlotOutcome::Changed {
                let name = subject(&owner.balancer, &owner.worker);
                notes.push((
                    LogLevel::Info,
                    format!(
                        "{JK405} {name}: its settings changed; its counters and state are reset"
                    ),
                ));
                let edited = self.members.index(owner).map(|index| segment.member(index));
                if edited.is_some_and(|record| record.activation.load(Relaxed) != 0) {
                    notes.push((
                        LogLevel::Warn,
                        format!("{JK503} {name}: runtime change discarded: the configuration file changed; the activation set over the status page no longer applies"),
                    ));
                    let discarded = EventFacts {
                        attribute: "activation".into(),
                        ..EventFacts::new(EventKind::Discarded, &owner.balancer, &owner.worker)
                    };
                    segment.events().keep(&discarded, clock::unix_now().as_millis() as u64);
                }
            }
        }
        let configuration = segment.header().configuration.fetch_add(1, Relaxed).wrapping_add(1);
        let (members, balancers, key) = (slots, balancer_slots, self.key);
        Some(Self { segment, members, balancers, configuration, key })
    }

    /// Tells whether a later configuration has replaced this one, at a graceful restart: then this
    /// process ends soon, and what it changes by its own settings would not count for the others.
    pub(super) fn are_outdated(&self) -> bool {
        self.segment.header().configuration.load(Relaxed) != self.configuration
    }

    /// Returns the place of a member, or with no balancer of a worker used directly.
    pub(super) fn member(&self, balancer: &str, worker: &str) -> usize {
        // Every worker of the configuration has a record; an index that does not exist is harmless.
        self.members.index(&Owner::new(balancer, worker)).unwrap_or(usize::MAX)
    }

    /// Returns the place of a balancer.
    pub(super) fn balancer(&self, name: &str) -> usize {
        self.balancers.index(&Owner::new(name, "")).unwrap_or(usize::MAX)
    }
}

type WantedSlots = Vec<(Owner, u64)>;

/// Lists who needs a place, with what it is configured as.
fn wanted(config: &WorkersConfig) -> (WantedSlots, WantedSlots) {
    let (mut members, mut balancers) = (Vec::new(), Vec::new());
    for name in &config.list {
        match config.workers.get(name).map(|worker| &worker.kind) {
            Some(WorkerKind::Ajp13(ajp)) => {
                members.push((Owner::new("", name), fingerprint(&settings_of_ajp(ajp))));
            }
            Some(WorkerKind::Lb(lb)) => {
                balancers.push((Owner::new(name, ""), 0));
                members.extend(lb.members.iter().map(|member| {
                    (Owner::new(name, &member.worker), settings_of(config, lb, &member.worker))
                }));
            }
            Some(WorkerKind::Status(_)) | None => {}
        }
    }
    (members, balancers)
}

/// What a member's state and load value depend on.
fn settings_of(config: &WorkersConfig, lb: &LbConfig, name: &str) -> u64 {
    let own = lb.members.iter().find(|member| member.worker == name).map(|own| own.differing());
    let ajp = match config.workers.get(name).map(|worker| &worker.kind) {
        Some(WorkerKind::Ajp13(ajp)) => Some(settings_of_ajp(ajp)),
        _ => None,
    };
    fingerprint(&(lb.method.word(), own, ajp))
}

/// Returns what a fingerprint of a worker is made of. A secret is in it only as the mark that
/// does not reveal it.
pub(super) fn settings_of_ajp(ajp: &Ajp13Config) -> (Vec<(&'static str, String)>, u64) {
    (ajp.differing(), ajp.secret_mark)
}

#[cfg(test)]
mod tests {
    use std::any::Any;

    use super::*;
    use crate::config::{Properties, resolve};
    use crate::worker::in_flight::ChildCounts;

    fn config(more: &str) -> WorkersConfig {
        let text = format!(
            "worker.list=lb,other\nworker.lb.type=lb\nworker.lb.balance_workers=a,b\n\
             worker.other.type=lb\nworker.other.balance_workers=a,b\n{more}"
        );
        let mut properties = Properties::default();
        properties.read(&text, "workers.properties", &|_| None);
        resolve(&properties).0
    }

    #[test]
    fn members_of_a_balancer_that_changes_begin_with_the_same_load() {
        let assign = |config: &WorkersConfig, before| {
            Records::assign(config, 1, before, SlotKey::random(), &mut Vec::new()).expect("memory")
        };
        let records = assign(&config(""), None);
        for (balancer, member) in [("lb", "a"), ("lb", "b"), ("other", "a"), ("other", "b")] {
            let index = records.member(balancer, member);
            records.segment.member(index).lb_value.store(1000, Relaxed);
        }
        let loads = |records: &Records, balancer: &str, members: &[&str]| -> Vec<u64> {
            let record = |member: &&str| records.segment.member(records.member(balancer, member));
            members.iter().map(|member| record(member).lb_value.load(Relaxed)).collect()
        };
        let same = assign(&config(""), Some(records));
        assert_eq!(loads(&same, "lb", &["a", "b"]), [1000, 1000], "nothing has changed");
        let more = assign(&config("worker.lb.balance_workers=c\n"), Some(same));
        assert_eq!(loads(&more, "lb", &["a", "b", "c"]), [0, 0, 0], "no flood to the new one");
        assert_eq!(loads(&more, "other", &["a", "b"]), [1000, 1000]);
    }

    #[test]
    fn a_place_is_not_used_again_while_anything_counts_there() {
        let config = |name: &str| {
            let mut properties = Properties::default();
            properties.read(&format!("worker.list={name}\n"), "workers.properties", &|_| None);
            resolve(&properties).0
        };
        let is_used_again = |begin: &dyn Fn(&ChildCounts, usize) -> Box<dyn Any>| {
            let assign = |name: &str, before| {
                let (key, notes) = (SlotKey::random(), &mut Vec::new());
                Records::assign(&config(name), 1, before, key, notes).expect("memory")
            };
            let first = assign("a", None);
            let (child, place) = (ChildCounts::new(first.segment), first.member("", "a"));
            assert!(child.claim(std::process::id()));
            let _held = begin(&child, place);
            let mut last = first;
            // A place of before rests for a generation.
            (0..4).any(|number| {
                let name = format!("b{number}");
                last = assign(&name, Some(last.clone()));
                last.member("", &name) == place
            })
        };
        assert!(is_used_again(&|_, _| Box::new(())));
        assert!(!is_used_again(&|child, place| {
            Box::new(child.admit_within(child.admission_counters(place), 9))
        }));
        assert!(!is_used_again(&|child, place| Box::new(child.count_unadmitted(place))));
        assert!(!is_used_again(&|child, place| Box::new(child.count_waiting(place))));
    }
}
