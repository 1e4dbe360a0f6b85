//! What a row is.

use std::time::Duration;

use crate::peer::{Act, Seen};
use crate::support::client::Response;

/// What the client sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// A GET.
    Get,
    /// A HEAD.
    Head,
    /// A POST of so many bytes.
    Post(usize),
}

/// What becomes of the connection to the backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// It carries the next request.
    Kept,
    /// It is closed.
    Closed,
}

/// One row of group B: what a backend may send, and what must become of it.
#[derive(Clone)]
pub struct Row {
    pub id: &'static str,
    /// What is wrong, and what becomes of it.
    pub text: &'static str,
    pub ask: Ask,
    pub script: Vec<Act>,
    /// The client's status; 0 for a response that had begun and is broken off.
    pub status: u16,
    /// The code of the one line of level warn or above; empty for none.
    pub code: &'static str,
    pub backend: Backend,
    /// How long the backend may take for what it does behind the response.
    pub pause: Duration,
    /// What else must be true of the response and of the connection.
    pub check: fn(&Response, &Seen) -> bool,
}

impl Row {
    /// A malformed answer: 502, one line JK-307, connection closed.
    pub fn bad(id: &'static str, text: &'static str, answer: Vec<u8>) -> Self {
        Self {
            id,
            text,
            ask: Ask::Post(5),
            script: vec![Act::Send(answer), Act::Hold],
            status: 502,
            code: "JK-307",
            backend: Backend::Closed,
            pause: Duration::ZERO,
            check: |_, _| true,
        }
    }

    /// An answer that is accepted.
    pub fn good(id: &'static str, text: &'static str, answer: Vec<u8>) -> Self {
        Self {
            script: vec![Act::Send(answer)],
            status: 200,
            code: "",
            backend: Backend::Kept,
            ..Self::bad(id, text, Vec::new())
        }
    }

    pub fn ask(self, ask: Ask) -> Self {
        Self { ask, ..self }
    }

    pub fn script(self, script: Vec<Act>) -> Self {
        Self { script, ..self }
    }

    pub fn status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    pub fn code(self, code: &'static str) -> Self {
        Self { code, ..self }
    }

    pub fn closed(self) -> Self {
        Self { backend: Backend::Closed, ..self }
    }

    pub fn pause(self, millis: u64) -> Self {
        Self { pause: Duration::from_millis(millis), ..self }
    }

    pub fn check(self, check: fn(&Response, &Seen) -> bool) -> Self {
        Self { check, ..self }
    }
}
