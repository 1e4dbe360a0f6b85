//! States in one sentence what is wrong, for an administrator who was just called.

use crate::sorting;
use crate::status::condition::{Assessment, Condition};
use crate::status::render::escape::prose;
use crate::status::render::html::assessed::{AssessedBalancer, AssessedWorkers, ConditionCounts};
use crate::status::render::html::rows::class;
use crate::status::request::encode;

pub(super) struct StatusVerdict {
    pub class: &'static str,
    /// For the title of the window.
    pub short: String,
    pub headline: String,
    pub detail: String,
    pub troubles: Vec<VerdictReason>,
}

pub(super) struct VerdictReason {
    pub name: String,
    pub link: String,
    pub class: &'static str,
    pub word: &'static str,
    pub text: String,
    /// What to do, as HTML.
    pub remedy: Option<String>,
}

impl StatusVerdict {
    /// Returns the colour of the window's icon.
    pub fn icon(&self) -> &'static str {
        match self.class {
            "bad" => "c41c2c",
            "degraded" => "c98a00",
            _ => "1d8a4d",
        }
    }
}

/// Judges balancers and workers; `None` without any.
pub(super) fn of(assessed: &AssessedWorkers<'_>) -> Option<StatusVerdict> {
    let mut all = All::default();
    for lb in &assessed.balancers {
        all.add_balancer(lb);
    }
    for (ajp, own) in &assessed.workers {
        all.workers.add(own.condition);
        if own.condition == Condition::Out {
            all.workers_out.push(ajp.name.clone());
        }
        all.trouble(own, false, || ajp.name.clone(), || format!("w={}", encode(&ajp.name)));
    }
    (all.members.all() + all.workers.all() + assessed.balancers.len() > 0).then(|| all.verdict())
}

/// Those that are named; the rest is counted.
const MOST: usize = 10;

#[derive(Default)]
struct All {
    /// Names of balancers without a member for new sessions.
    out: Vec<String>,
    /// Names of workers without a balancer that serve no request.
    workers_out: Vec<String>,
    members: ConditionCounts,
    workers: ConditionCounts,
    /// With the condition, and whether it is a member's.
    troubles: Vec<((Condition, bool), VerdictReason)>,
}

impl All {
    fn add_balancer(&mut self, lb: &AssessedBalancer<'_>) {
        let AssessedBalancer { view, own, members, counts } = lb;
        let link = || format!("w={}", encode(&view.name));
        if own.condition == Condition::Out {
            self.out.push(view.name.clone());
            self.trouble(own, false, || view.name.clone(), link);
        }
        self.members.add_all(counts);
        for (member, own) in members {
            self.trouble(
                own,
                true,
                || format!("{} / {}", view.name, member.ajp.name),
                || format!("{}&sw={}", link(), encode(&member.ajp.name)),
            );
        }
    }

    fn trouble(
        &mut self,
        own: &Assessment,
        is_member: bool,
        name: impl Fn() -> String,
        link: impl Fn() -> String,
    ) {
        if own.condition.is_trouble() {
            let reason = VerdictReason {
                name: name(),
                link: link(),
                class: class(own.condition),
                word: own.condition.word(),
                text: own.text(),
                remedy: own.remedy().map(prose),
            };
            self.troubles.push(((own.condition, is_member), reason));
        }
    }

    fn verdict(mut self) -> StatusVerdict {
        let (members, workers) = (&self.members, &self.workers);
        let out = members.of(Condition::Out) + workers.of(Condition::Out);
        let degraded = members.of(Condition::Degraded) + workers.of(Condition::Degraded);
        let what = match (members.all(), workers.all()) {
            (_, 0) => "members",
            (0, _) => "workers",
            _ => "members and workers",
        };
        let all = members.all() + workers.all();
        let without_answers = [self.out.as_slice(), self.workers_out.as_slice()].concat();
        let (class, short, headline) = match (without_answers.as_slice(), out, degraded) {
            ([], 0, 0) => {
                let serving = members.of(Condition::Serving) + workers.of(Condition::Serving);
                let headline = match serving {
                    1 if all == 1 => format!("The {} is serving", what.trim_end_matches('s')),
                    many if many == all => format!("All {all} {what} are serving"),
                    _ => format!("All active {what} are serving"),
                };
                ("good", "OK".to_owned(), headline)
            }
            ([], 0, some) => {
                let headline = format!("{some} of {all} {what} {} degraded", is(some));
                ("degraded", "Degraded".to_owned(), headline)
            }
            ([], some, _) => {
                ("bad", format!("{some} out"), format!("{some} of {all} {what} {} out", is(some)))
            }
            (names, ..) => ("bad", format!("Out: {}", listed(names)), self.headline()),
        };
        let mut both = *members;
        both.add_all(workers);
        let parts =
            both.present().map(|(condition, count)| format!("{count} {}", condition.word()));
        let mut parts: Vec<String> = parts.collect();
        // What is worst comes first, in the order of the configuration: a balancer or a worker alone that is
        // out leaves its users without an answer, a member that is out does not.
        sorting::by_key(&mut self.troubles, |(order, _)| *order);
        let rest = self.troubles.len().saturating_sub(MOST);
        if rest > 0 {
            parts.push(format!("{rest} more have reasons that are not shown here"));
        }
        let detail = if parts.len() > 1 { parts.join(" · ") } else { String::new() };
        let troubles = self.troubles.into_iter().map(|(_, own)| own).take(MOST).collect();
        StatusVerdict { class, short, headline, detail, troubles }
    }
}

impl All {
    /// Names those whose users get no answer: balancers without a member for new sessions, and workers
    /// without a balancer.
    fn headline(&self) -> String {
        let workers = match self.workers_out.as_slice() {
            [] => None,
            [one] => Some(format!("Worker {one} is out")),
            many => Some(format!("Workers {} are out", listed(many))),
        };
        let balancers = (!self.out.is_empty())
            .then(|| format!("No member takes new sessions: {}", listed(&self.out)));
        [balancers, workers].into_iter().flatten().collect::<Vec<_>>().join(" · ")
    }
}

/// Lists names, and counts those that would make the line too long.
fn listed(names: &[String]) -> String {
    let shown = &names[..names.len().min(MOST)];
    match names.len() - shown.len() {
        0 => shown.join(", "),
        rest => format!("{} and {rest} more", shown.join(", ")),
    }
}

fn is(count: usize) -> &'static str {
    if count == 1 { "is" } else { "are" }
}
