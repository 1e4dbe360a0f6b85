//! Which of many workers are shown: by name and by condition.

use crate::status::condition::Condition;
use crate::status::render::html::assessed::{AssessedBalancer, AssessedWorkers};
use crate::status::request::StatusRequest;
use crate::status::view::WorkerView;

pub(super) struct Filter<'a> {
    /// As it was asked for.
    pub name: &'a str,
    pub condition: &'a str,
    name_in_lower_case: String,
    /// How many members and workers were left, of how many.
    pub found: usize,
    pub all: usize,
}

/// Out and degraded.
const TROUBLE: &str = "trouble";

impl<'a> Filter<'a> {
    pub fn of(command: &'a StatusRequest) -> Self {
        let parameter = |name| command.parameters.get(name).map_or("", |text| text.trim());
        let (name, condition) = (parameter("name"), parameter("condition"));
        Self { name, condition, name_in_lower_case: name.to_lowercase(), found: 0, all: 0 }
    }

    pub fn is_active(&self) -> bool {
        !self.name.is_empty() || !self.condition.is_empty()
    }

    /// Returns what can be chosen: value, words, and whether it is chosen.
    pub fn choices(&self) -> Vec<(&'static str, &'static str, bool)> {
        let both = [("", "any"), (TROUBLE, "out or degraded")];
        let each = Condition::ALL.map(|own| (own.word(), own.word()));
        let all = both.into_iter().chain(each);
        all.map(|(value, words)| (value, words, value == self.condition)).collect()
    }

    /// Leaves only what matches. A balancer whose name matches keeps its members.
    pub fn apply(&mut self, assessed: &mut AssessedWorkers<'_>) {
        let members = assessed.balancers.iter().map(|lb| lb.members.len());
        self.all = members.sum::<usize>() + assessed.workers.len();
        for AssessedBalancer { view, members, .. } in &mut assessed.balancers {
            let is_named = self.is_named(&view.name);
            members.retain(|(member, own)| {
                self.is_wanted(own.condition) && (is_named || self.is_about(&member.ajp))
            });
        }
        assessed.balancers.retain(|lb| {
            let is_empty = lb.view.members.is_empty() || !lb.members.is_empty();
            is_empty
                && (!lb.members.is_empty()
                    || self.is_named(&lb.view.name) && self.is_wanted(lb.own.condition))
        });
        assessed.workers.retain(|(ajp, own)| self.is_wanted(own.condition) && self.is_about(ajp));
        let members = assessed.balancers.iter().map(|lb| lb.members.len());
        self.found = members.sum::<usize>() + assessed.workers.len();
    }

    fn is_wanted(&self, condition: Condition) -> bool {
        match self.condition {
            "" => true,
            TROUBLE => condition.is_trouble(),
            word => condition.word() == word,
        }
    }

    fn is_about(&self, ajp: &WorkerView) -> bool {
        self.is_named(&ajp.name) || self.is_named(&ajp.shown_address())
    }

    fn is_named(&self, text: &str) -> bool {
        self.name_in_lower_case.is_empty() || text.to_lowercase().contains(&self.name_in_lower_case)
    }
}
