//! The status worker, its page and the metrics.

mod alerts;
mod browser;
mod conditions;
mod edits;
mod events;
mod forms;
mod history;
mod markup;
mod metrics;
mod scripts;
mod server_status;
mod worker;
