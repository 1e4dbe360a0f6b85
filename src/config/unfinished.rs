//! Workers files that are empty or half-written when httpd restarts: valid, and not meant.

use crate::config::model::{WorkerKind, WorkersConfig};
use crate::config::properties::Properties;
use crate::config::validate::Checked;
use crate::config::value::words;
use crate::text;
use crate::uri_map::merge::main_rules;
use crate::uri_map::problem::printable;

/// Says why the workers of `now` must not take the place of those of `before`, which are checked with
/// the same directives and rules: they lack what was there and is still needed. `file` is the workers
/// file, if there is one. A worker that no rule names may go.
pub fn unfinished(before: &Checked, now: &Checked, file: Option<&str>) -> Option<String> {
    let place = file.unwrap_or("JkWorkerProperty");
    if file.is_some()
        && let Some(line) = cut_off(&now.text)
        && cut_off(&before.text).is_none()
    {
        return Some(format!("{place}:{line}: the last line is cut off, expected name=value"));
    }
    let listed = names(&before.properties);
    let kept = names(&now.properties);
    if file.is_some() && kept.is_empty() && !listed.is_empty() {
        let names = printable(&text::raw(&listed.join(", ")));
        return Some(format!("{place}: worker.list names no worker any more, it named {names}"));
    }
    let rules: Vec<_> = now.mounts.iter().flat_map(main_rules).collect();
    rules.iter().filter(|rule| !rule.is_exclusion && !rule.is_disabled).find_map(|rule| {
        let own = &*rule.worker;
        if !listed.contains(&own) {
            return None;
        }
        if !kept.contains(&own) {
            let (pattern, origin) = (printable(&rule.pattern), &rule.origin);
            return Some(format!(
                "{place}: worker {own} is gone, but rule \"{pattern}\" at {origin} names it, expected the worker, or no rule for it"
            ));
        }
        let lost = members(&before.workers, own)
            .filter(|name| has_any(&before.properties, name) && !has_any(&now.properties, name))
            .find(|name| *name == own || members(&now.workers, own).any(|other| other == *name))?;
        Some(format!("{place}: the properties of worker {lost} are gone"))
    })
}

/// The workers that `worker.list` names.
fn names(properties: &Properties) -> Vec<&str> {
    properties.all("worker.list").flat_map(|line| words(&line.value)).collect()
}

/// A worker and the members of a balancer.
fn members<'w>(config: &'w WorkersConfig, name: &'w str) -> impl Iterator<Item = &'w str> {
    let members = config.workers.get(name).and_then(|worker| match &worker.kind {
        WorkerKind::Lb(lb) => Some(&lb.member_names),
        WorkerKind::Ajp13(_) | WorkerKind::Status(_) => None,
    });
    std::iter::once(name).chain(members.into_iter().flatten().map(String::as_str))
}

fn has_any(properties: &Properties, name: &str) -> bool {
    properties.first_below(&format!("worker.{name}.")).is_some()
}

/// Returns the number of a last line without an end that is neither a property nor a comment.
fn cut_off(text: &str) -> Option<usize> {
    let file = text.split_once(super::validate::END_OF_DIRECTIVES).map_or(text, |(_, file)| file);
    let last = file.rsplit('\n').next().map(text::trim)?;
    let is_cut = !last.is_empty() && !last.starts_with('#') && !last.contains('=');
    is_cut.then(|| file.lines().count())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::in_memory::InMemory;
    use crate::config::validate::check;
    use crate::config::{Context, Section, ServerSettings};
    use crate::uri_map::Origin;

    /// Checks a workers file with a rule each for `w` and `lb`.
    fn checked(workers: &str) -> Checked {
        let mut main = ServerSettings::default();
        let directives = [
            ("JkWorkersFile", "w", None),
            ("JkMount", "/a", Some("w")),
            ("JkMount", "/l", Some("lb")),
        ];
        for (line, (name, first, second)) in directives.into_iter().enumerate() {
            let origin = Origin::new("jk.conf", line as u32 + 1);
            let context = Context { is_virtual: false, section: Section::Server, origin };
            main.set(name, first, second, &context).expect("a directive");
        }
        check(&[&main], None, &InMemory::new(&[("w", workers)]))
    }

    const WHOLE: &str = "worker.list=w,lb,other\nworker.w.host=h\nworker.lb.type=lb\n\
        worker.lb.balance_workers=a,b\nworker.a.host=h1\nworker.b.host=h2\nworker.other.host=h3\n";

    #[test]
    fn what_is_lost_is_named() {
        let before = checked(WHOLE);
        let without = |from: &str| WHOLE.replace(from, "");
        let cases = [
            ("the same", WHOLE.to_owned(), None),
            (
                "an unused worker goes",
                without("worker.other.host=h3\n").replace(",other", ""),
                None,
            ),
            ("a member goes", without("worker.b.host=h2\n").replace("a,b", "a"), None),
            ("a worker comes", WHOLE.replace("w,lb", "w,lb,new"), None),
            ("no line end", WHOLE.trim_end().to_owned(), None),
            ("a comment at the end", format!("{WHOLE}# end"), None),
            (
                "empty",
                String::new(),
                Some("w: worker.list names no worker any more, it named w, lb, other"),
            ),
            (
                "no list",
                without("worker.list=w,lb,other\n"),
                Some("w: worker.list names no worker any more, it named w, lb, other"),
            ),
            (
                "a worker of a rule goes",
                WHOLE.replace("w,lb", "lb"),
                Some(
                    "w: worker w is gone, but rule \"/a\" at jk.conf:2 names it, expected the worker, or no rule for it",
                ),
            ),
            (
                "its properties go",
                without("worker.w.host=h\n"),
                Some("w: the properties of worker w are gone"),
            ),
            (
                "those of a member go",
                without("worker.b.host=h2\n"),
                Some("w: the properties of worker b are gone"),
            ),
            (
                "cut in a name",
                WHOLE.replace("worker.other.host=h3\n", "worker.oth"),
                Some("w:7: the last line is cut off, expected name=value"),
            ),
        ];
        for (name, text, expected) in cases {
            let now = checked(&text);
            assert_eq!(unfinished(&before, &now, Some("w")).as_deref(), expected, "{name}");
        }
    }

    #[test]
    fn what_was_never_there_is_not_lost() {
        let before = checked("worker.list=other\nworker.other.host=h\n");
        let now = checked("worker.list=other\nworker.other.host=h2\n");
        assert_eq!(unfinished(&before, &now, Some("w")), None);
        let cut = checked("worker.list=other\nworker.other.host=h\nline");
        assert_eq!(unfinished(&cut, &cut, Some("w")), None, "it began with such a line");
    }
}
