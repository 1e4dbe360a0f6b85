//! Log lines: where they go, what they look like, and the `tracing` subscriber that makes them.
//!
//! Code calls `tracing` macros: the text for people as message, and as fields what a program would
//! want to read from it. `worker` is one of them; it also says which lines are the same, see
//! `rate_limit.rs`. A thread serves one request at a time, and the edge knows which: [`Present`]. What
//! serves none says whose log it writes by [`within`].

mod escape;
mod json;
mod line;
mod rate_limit;
mod request;
mod request_id;
mod server;
mod sink;
mod span;
mod stamp;
mod subscriber;

use std::any::Any;

pub use escape::{LONGEST_NAME, LONGEST_PATH, escaped, excerpt, request_label};
pub use rate_limit::FIRST as LINES_BEFORE_COUNTING;
pub use request::Facts;
pub use server::Log;
pub use sink::{Output, ServerLog};
pub use span::span;
pub use stamp::TimeFormat;
pub use subscriber::{Present, close, flush, install, is_installed, within, within_as};

/// Returns what a panic says, and what to do about it.
pub fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("{}; please report this with the lines before", text.unwrap_or("no message"))
}

#[cfg(test)]
mod tests;
