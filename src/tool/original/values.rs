//! Forms of values that only this module reads.

use crate::config::rows::{PropertyRow, ValueKind};
use crate::config::{Properties, Property, unix_path};
use crate::tool::original::{Effect, OriginalCheck};

impl OriginalCheck<'_> {
    /// Looks at the value of a property whose name the original knows.
    pub(super) fn value(
        &mut self,
        properties: &Properties,
        worker: &str,
        row: &PropertyRow,
        line: &Property,
    ) {
        let (origin, value) = (&line.origin, line.value.as_str());
        let shown = format!("{}={value}", line.name);
        if row.name == "type" {
            let secret = format!("worker.{worker}.secretkey");
            match value {
                "ajp14" if properties.get(&secret).is_none() => {
                    let remedy = "the original refuses ajp14 without a secretkey: write type=ajp13, which it is here";
                    self.form(origin, "type", &shown, Effect::Refused, remedy);
                }
                own if TYPES.contains(&own) => {}
                _ => {
                    let remedy = format!(
                        "expected one of {}: take the worker out of worker.list and of its rules, or give it another type",
                        TYPES.join(", ")
                    );
                    self.form(origin, "type", &shown, Effect::Refused, &remedy);
                }
            }
        } else if row.kind == ValueKind::Host && unix_path(value).is_some() {
            let remedy = "it is taken for a host name there, which has no address, so that the worker answers 503: give the \
                 connector a port and write its address";
            self.form(origin, "value", &shown, Effect::Different, remedy);
        } else if let ValueKind::Word(words) = row.kind {
            // By the first letter go those of the original.
            let own = words.names.iter().position(|name| name.eq_ignore_ascii_case(value));
            if words.by_letter > 0 && own.is_some_and(|place| place >= words.by_letter) {
                let remedy = format!(
                    "{} counts there: write one of {}",
                    row.default,
                    words.names[..words.by_letter].join(", ")
                );
                self.form(origin, "value", &shown, Effect::Different, &remedy);
            }
        } else if value.starts_with('-') && row.lb.as_ref().is_some_and(|own| own.takes_dash()) {
            let remedy = "the dash is the value there: remove the line, or write a value";
            self.form(origin, "value", &shown, Effect::Different, remedy);
        }
    }
}

/// The types that the original has.
const TYPES: &[&str] = &["ajp12", "ajp13", "ajp14", "lb", "status"];
