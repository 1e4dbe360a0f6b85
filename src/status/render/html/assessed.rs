//! The workers of a page, each assessed once: the verdict, the tables and the details go by it.

use crate::sorting;
use crate::status::condition::{self, Assessment, Condition};
use crate::status::view::{BalancerView, MemberView, Snapshot, WorkerView};

pub(super) struct AssessedWorkers<'a> {
    pub balancers: Vec<AssessedBalancer<'a>>,
    pub workers: Vec<(&'a WorkerView, Assessment)>,
}

pub(super) struct AssessedBalancer<'a> {
    pub view: &'a BalancerView,
    pub own: Assessment,
    pub members: Vec<(&'a MemberView, Assessment)>,
    /// Of its members.
    pub counts: ConditionCounts,
}

impl<'a> AssessedWorkers<'a> {
    /// Assesses those whose names are wanted.
    pub fn of(snapshot: &'a Snapshot, is_wanted: impl Fn(&str) -> bool) -> Self {
        let balancers = snapshot.balancers.iter().filter(|lb| is_wanted(&lb.name));
        let workers = snapshot.workers.iter().filter(|ajp| is_wanted(&ajp.name));
        Self {
            balancers: balancers.map(AssessedBalancer::of).collect(),
            workers: workers.map(|ajp| (ajp, condition::of_worker(ajp))).collect(),
        }
    }

    /// Puts the worst first, and leaves what is equal in the order of the configuration.
    pub fn sort(&mut self) {
        for lb in &mut self.balancers {
            sorting::by_key(&mut lb.members, |(_, own)| own.condition);
        }
        sorting::by_key(&mut self.balancers, |lb| (lb.own.condition, lb.counts.worst()));
        sorting::by_key(&mut self.workers, |(_, own)| own.condition);
    }
}

impl<'a> AssessedBalancer<'a> {
    fn of(view: &'a BalancerView) -> Self {
        let members = condition::of_members(view);
        let mut counts = ConditionCounts::default();
        members.iter().for_each(|(_, own)| counts.add(own.condition));
        Self { view, own: condition::of_assessed(view, &members), members, counts }
    }

    /// Tells whether users notice something of it or of a member.
    pub fn is_trouble(&self) -> bool {
        self.own.condition.is_trouble() || self.counts.worst().is_some_and(Condition::is_trouble)
    }
}

/// How many there are of each condition.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ConditionCounts([usize; Condition::ALL.len()]);

impl ConditionCounts {
    pub fn add(&mut self, condition: Condition) {
        self.0[condition as usize] += 1;
    }

    pub fn add_all(&mut self, other: &Self) {
        self.0.iter_mut().zip(other.0).for_each(|(own, other)| *own += other);
    }

    pub fn of(&self, condition: Condition) -> usize {
        self.0[condition as usize]
    }

    pub fn all(&self) -> usize {
        self.0.iter().sum()
    }

    /// Returns the most urgent condition that there is.
    pub fn worst(&self) -> Option<Condition> {
        self.present().next().map(|(condition, _)| condition)
    }

    /// Iterates over the conditions that there are, the most urgent first.
    pub fn present(&self) -> impl Iterator<Item = (Condition, usize)> {
        let each = Condition::ALL.into_iter().map(|condition| (condition, self.of(condition)));
        each.filter(|(_, count)| *count > 0)
    }
}
