//! Status workers.

use crate::config::error::Diagnostic;
use crate::config::model::StatusConfig;
use crate::config::rows::Settings;
use crate::config::worker::resolver::Resolver;

impl Resolver<'_> {
    pub(super) fn status(&mut self, name: &str) -> StatusConfig {
        let mut config = StatusConfig::default();
        config.fill(|row| self.value(name, row));
        self.check_ratings(name, &config);
        config
    }

    /// Reports ratings that no member can have, and those that are both good and bad.
    fn check_ratings(&mut self, name: &str, config: &StatusConfig) {
        for (attribute, ratings) in [("good", &config.good), ("bad", &config.bad)] {
            // check: unknown-rating
            for word in ratings.iter().filter(|word| !is_rating(word)) {
                let text = format!(
                    "worker.{name}.{attribute}: unknown rating \"{word}\", expected activation (a, d, s), \
                     state (o, i, n, b, r, e), or both as in a.o"
                );
                self.problems.push(Diagnostic::warning(&self.place(name, attribute), text));
            }
        }
        let lower = |word: &String| word.to_ascii_lowercase();
        let bad: Vec<_> = config.bad.iter().map(lower).collect();
        // check: good-and-bad
        if let Some(both) = config.good.iter().map(lower).find(|word| bad.contains(word)) {
            let text = format!("worker.{name}.good: {both} is bad too, and bad is looked at first");
            self.problems.push(Diagnostic::warning(&self.place(name, "good"), text));
        }
    }
}

fn is_rating(word: &str) -> bool {
    let is_one_of =
        |part: &str, letters: &str| part.len() == 1 && letters.contains(&part.to_ascii_lowercase());
    match word.split_once('.') {
        Some((activation, state)) => is_one_of(activation, "ads") && is_one_of(state, "oinbre"),
        None => is_one_of(word, "adsoinbre"),
    }
}
