//! Where in shared memory each worker has its record, from one configuration to the next.

use std::sync::atomic::Ordering::Relaxed;

use crate::clock;
use crate::config::{LbConfig, LogLevel, WorkerKind, WorkersConfig};
use crate::shm::{Capacity, Kept, Key, Owner, Segment, SegmentError, Slots, fingerprint};

/// The segment and who has which place in it.
#[derive(Clone, Debug)]
pub struct Places {
    /// What all children share.
    pub segment: Segment,
    /// Places of members, and of workers used directly.
    pub members: Slots,
    /// Places of balancers.
    pub balancers: Slots,
    /// Which configuration they are for, counted in the segment.
    pub configuration: u32,
    /// For what stands there of secrets.
    pub key: Key,
}

impl Places {
    /// Gives every worker of a configuration a place: that of before where nothing changed.
    ///
    /// # Errors
    ///
    /// If there is no shared memory.
    pub(super) fn assign(
        config: &WorkersConfig,
        children: usize,
        before: Option<Self>,
        key: Key,
        notes: &mut Vec<(LogLevel, String)>,
    ) -> Result<Self, SegmentError> {
        let (members, balancers) = wanted(config);
        if let Some(before) = &before {
            if let Some(places) = before.carry(&members, &balancers, notes) {
                return Ok(places);
            }
            let text = "JK-404 the shared memory is too small for the new workers: a new one is made, and counters and states begin anew";
            notes.push((LogLevel::Info, text.to_owned()));
        }
        let capacity = Capacity {
            balancers: (balancers.len() * 2).max(16),
            members: (members.len() * 2).max(64),
            children: (children * 2).max(16),
        };
        let nobody = Slots::default();
        let fresh = Self {
            segment: Segment::create(capacity)?,
            members: nobody.clone(),
            balancers: nobody,
            configuration: 0,
            key,
        };
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
        let is_free = |share: usize| {
            (0..children).all(|child| {
                let has_owner = segment.children()[child].owner.load(Relaxed) != 0;
                !has_owner || segment.shares(child)[share].load(Relaxed) == 0
            })
        };
        let room = segment.capacity();
        let (slots, kept) = self.members.assign(members, room.members, is_free)?;
        let is_free = |place: usize| is_free(room.members + place);
        let (balancer_slots, kept_balancers) =
            self.balancers.assign(balancers, room.balancers, is_free)?;
        for ((owner, _), kept) in balancers.iter().zip(kept_balancers) {
            if kept != Kept::Same
                && let Some(place) = balancer_slots.place(owner)
            {
                segment.clear_balancer(place);
            }
        }
        // A member that is new has no load yet, and factors may weigh differently: all begin even.
        let is_new = |balancer: &str| {
            let mut of = members.iter().zip(&kept);
            of.any(|((owner, _), kept)| owner.balancer == balancer && *kept != Kept::Same)
        };
        for (owner, _) in members.iter().filter(|(owner, _)| is_new(&owner.balancer)) {
            if let Some(place) = slots.place(owner) {
                segment.member(place).lb_value.store(0, Relaxed);
            }
        }
        for ((owner, _), kept) in members.iter().zip(kept) {
            if kept == Kept::Same {
                continue;
            }
            if let Some(place) = slots.place(owner) {
                segment.clear_member(place);
                segment.member(place).clear_counters(clock::unix_now().as_secs() as i64);
            }
            if kept == Kept::Changed {
                let balancer = if owner.balancer.is_empty() { "worker" } else { &owner.balancer };
                let name = format!("{balancer} {}", owner.worker);
                notes.push((
                    LogLevel::Info,
                    format!(
                        "JK-405 {name}: its settings changed, its counters and state begin anew"
                    ),
                ));
                let edited = self.members.place(owner).map(|place| segment.member(place));
                if edited.is_some_and(|record| record.activation.load(Relaxed) != 0) {
                    notes.push((
                        LogLevel::Warn,
                        format!("JK-503 {name}: the file has other settings now; the activation of the status page is dropped"),
                    ));
                }
            }
        }
        let configuration = segment.header().configuration.fetch_add(1, Relaxed).wrapping_add(1);
        let (members, balancers, key) = (slots, balancer_slots, self.key);
        Some(Self { segment, members, balancers, configuration, key })
    }

    /// Returns the place of a member, or with no balancer of a worker used directly.
    pub(super) fn member(&self, balancer: &str, worker: &str) -> usize {
        // Everybody in the configuration has a place; a place that does not exist is harmless.
        self.members.place(&Owner::new(balancer, worker)).unwrap_or(usize::MAX)
    }

    /// Returns the place of a balancer.
    pub(super) fn balancer(&self, name: &str) -> usize {
        self.balancers.place(&Owner::new(name, "")).unwrap_or(usize::MAX)
    }
}

type Wanted = Vec<(Owner, u64)>;

/// Lists who needs a place, with what it is configured as.
fn wanted(config: &WorkersConfig) -> (Wanted, Wanted) {
    let (mut members, mut balancers) = (Vec::new(), Vec::new());
    for name in &config.list {
        match config.workers.get(name).map(|worker| &worker.kind) {
            Some(WorkerKind::Ajp13(ajp)) => {
                members.push((Owner::new("", name), fingerprint(&format!("{ajp:?}"))));
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
    let own = lb.members.iter().find(|member| member.worker == name);
    let ajp = config.workers.get(name).map(|worker| &worker.kind);
    fingerprint(&format!("{:?} {own:?} {ajp:?}", lb.method))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Properties, resolve};

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
            Places::assign(config, 1, before, Key::random(), &mut Vec::new()).expect("memory")
        };
        let places = assign(&config(""), None);
        for (balancer, member) in [("lb", "a"), ("lb", "b"), ("other", "a"), ("other", "b")] {
            let place = places.member(balancer, member);
            places.segment.member(place).lb_value.store(1000, Relaxed);
        }
        let loads = |places: &Places, balancer: &str, members: &[&str]| -> Vec<u64> {
            let record = |member: &&str| places.segment.member(places.member(balancer, member));
            members.iter().map(|member| record(member).lb_value.load(Relaxed)).collect()
        };
        let same = assign(&config(""), Some(places));
        assert_eq!(loads(&same, "lb", &["a", "b"]), [1000, 1000], "nothing has changed");
        let more = assign(&config("worker.lb.balance_workers=c\n"), Some(same));
        assert_eq!(loads(&more, "lb", &["a", "b", "c"]), [0, 0, 0], "no flood to the new one");
        assert_eq!(loads(&more, "other", &["a", "b"]), [1000, 1000]);
    }
}
