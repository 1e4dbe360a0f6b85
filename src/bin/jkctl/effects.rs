//! What this run has changed, so that its exit status cannot say less: 1 and 2 promise that nothing
//! was.

use std::sync::{Mutex, PoisonError};

use serde_json::Value;

use crate::page::{array, text};
use crate::{FAILED, NO, PARTLY};

static MADE: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Notes a change, or that it is not known whether there was one.
pub fn record(what: String) {
    MADE.lock().unwrap_or_else(PoisonError::into_inner).push(what);
}

/// Notes the changes that an answer of the status worker names. What was so already is none.
pub fn record_answer(page: &Value) {
    for change in array(page, "changes") {
        record(format!("{} is in force", describe(change)));
    }
}

/// `app/tomcat1: lbfactor 2 (was 1)`.
pub fn describe(change: &Value) -> String {
    let owner = match (change["balancer"].as_str(), change["worker"].as_str()) {
        (Some(balancer), Some(member)) => format!("{balancer}/{member}"),
        (owner, other) => owner.or(other).unwrap_or_default().to_owned(),
    };
    let value = |key| match text(change, key) {
        "" => "nothing".to_owned(),
        value => value.to_owned(),
    };
    format!("{owner}: {} {} (was {})", text(change, "attribute"), value("new"), value("old"))
}

/// Returns what was changed, in words.
pub fn made() -> Vec<String> {
    MADE.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Returns the exit status for a status that would promise that nothing was changed.
pub fn honest(code: u8) -> u8 {
    match code {
        NO | FAILED if !made().is_empty() => PARTLY,
        code => code,
    }
}
