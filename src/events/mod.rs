//! What happened to workers and who changed them: one event as it is written, kept as numbers, and
//! read again. Where events lie is for `shm/`, how they are shown for `status/`.
#![forbid(unsafe_code)]

mod event;
mod words;

pub use event::{EventFacts, EventKind, EventReason, LoggedEvent, code_number};
pub use words::{EventWords, WORDS};
