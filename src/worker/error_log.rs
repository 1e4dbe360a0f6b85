//! One line for each failed request, with all that is known at the place where it failed.

use crate::clock::{self, Millis};
use crate::log::{LONGEST_NAME, excerpt};
use crate::worker::Downstream;
use crate::worker::ajp13::worker::Ajp13;
use crate::worker::error::{Cause, ClientError, Failure, FailureLevel};

/// Who served a request, and since when.
#[derive(Clone, Copy, Debug)]
pub struct Attempted<'a> {
    /// The balancer, unless the worker is used directly.
    pub balancer: Option<&'a str>,
    /// The worker or member.
    pub worker: &'a Ajp13,
    /// When the request began.
    pub begun: Millis,
}

impl Attempted<'_> {
    /// Describes a failure; `fate` says what becomes of the request.
    fn line<D: Downstream>(&self, downstream: &D, cause: &Cause, fate: &str) -> FailureLine {
        let (who, address) = who(self.balancer, self.worker);
        let ms = clock::now().since(self.begun).as_millis() as u64;
        let (code, remedy) = (cause.code(), cause.remedy());
        let (request, cause) = (downstream.label(), cause.to_string());
        let text = format!("{code} {who}: {request}: {cause}, after {ms} ms; {fate}; {remedy}");
        FailureLine { text, address, request, cause, ms }
    }

    /// Says that an attempt failed and the same worker is tried again, which decides about the request.
    pub fn log_second_try<D: Downstream>(&self, downstream: &D, failed: &Cause) {
        let text = self.line(downstream, failed, "the worker is tried again").text;
        tracing::debug!(worker = self.worker.name.as_str(), "{text}");
    }

    /// Says that an attempt failed and another member is tried: if it serves the request, users notice
    /// nothing.
    pub fn log_failover<D: Downstream>(&self, downstream: &D, failed: &Cause) {
        // Whether there is one is not known yet.
        let fate = "another member is tried, if there is one";
        let FailureLine { text, address, request, cause, ms } = self.line(downstream, failed, fate);
        let (worker, balancer) = (self.worker.name.as_str(), self.balancer);
        let tag = failed.tag();
        tracing::info!(worker, balancer, address, request, cause, tag, ms, "{text}");
    }

    /// Says that the request failed for good, and ends a response that had begun. Returns what to
    /// answer.
    ///
    /// # Errors
    ///
    /// The status of the failure, unless the response had begun.
    pub fn give_up<D: Downstream>(&self, downstream: &mut D, failure: &Failure) -> Result<(), u16> {
        let cause = failure.cause();
        let status = cause.http_status();
        let client = if let Cause::Client(error) = cause { Some(*error) } else { None };
        let (fate, result) = match failure {
            _ if client.is_some_and(|error| error.http_status().is_none()) => {
                ("nothing more is sent".to_owned(), Ok(()))
            }
            Failure::Committed(broken) => {
                let fate = format!("broken off after {} bytes of body", broken.passed);
                (fate, Ok(()))
            }
            Failure::Uncommitted(_) if client == Some(ClientError::Gone) => {
                ("the client received nothing".to_owned(), Err(status))
            }
            Failure::Uncommitted(_) => (format!("answered {status}"), Err(status)),
        };
        let level = cause.level();
        let tag = cause.tag();
        let FailureLine { text, address, request, cause, ms } = self.line(downstream, cause, &fate);
        let (worker, balancer) = (self.worker.name.as_str(), self.balancer);
        // The level of a line is a constant of its place in the code.
        match level {
            FailureLevel::Outage => {
                tracing::error!(
                    worker, balancer, address, request, cause, tag, status, ms, "{text}"
                );
            }
            FailureLevel::Limit => {
                tracing::warn!(
                    worker, balancer, address, request, cause, tag, status, ms, "{text}"
                );
            }
            FailureLevel::Client => {
                tracing::info!(
                    worker, balancer, address, request, cause, tag, status, ms, "{text}"
                );
            }
        }
        if result.is_ok() && client.is_none_or(ClientError::needs_break) {
            downstream.break_off();
        }
        result
    }
}

/// What is known of a failure: the text for people, and its parts for programs.
struct FailureLine {
    text: String,
    address: String,
    request: String,
    cause: String,
    ms: u64,
}

/// Names who has a request, as lines about it begin, and the address.
pub(in crate::worker) fn who(balancer: Option<&str>, worker: &Ajp13) -> (String, String) {
    let address = worker.pool.target().name();
    let subject = match balancer {
        Some(balancer) => subject(balancer, &worker.name),
        None => subject("", &worker.name),
    };
    (format!("{subject} at {address}"), address)
}

/// Says that a request is refused before any attempt, and why. Returns the status to answer with.
#[cold]
pub fn log_refusal<D: Downstream>(
    downstream: &D,
    subject: &str,
    worker: &str,
    cause: &Cause,
    begun: Millis,
) -> u16 {
    log_refusal_of(downstream, subject, worker, (cause, "", cause.remedy()), begun)
}

/// The same with what else is known of the cause, and what to do.
#[cold]
pub fn log_refusal_of<D: Downstream>(
    downstream: &D,
    subject: &str,
    worker: &str,
    (cause, more, remedy): (&Cause, &str, &str),
    begun: Millis,
) -> u16 {
    let (code, status) = (cause.code(), cause.http_status());
    let (request, cause) = (downstream.label(), format!("{cause}{more}"));
    let ms = clock::now().since(begun).as_millis() as u64;
    tracing::error!(
        worker,
        request,
        cause,
        status,
        ms,
        "{code} {subject}: {request}: {cause}, after {ms} ms; answered {status}; {remedy}"
    );
    status
}

/// Names a balancer, a member or a worker of its own, as log lines begin. Either name may be empty.
pub(in crate::worker) fn subject(balancer: &str, worker: &str) -> String {
    match (balancer, worker) {
        ("", worker) => format!("worker {worker}"),
        (balancer, "") => format!("balancer {balancer}"),
        (balancer, member) => format!("balancer {balancer}: member {member}"),
    }
}

/// Names who sends a request, by the user that httpd has authenticated and the address.
pub(in crate::worker) fn client<D: Downstream>(downstream: &D) -> String {
    let at = downstream.remote();
    match downstream.user().filter(|user| !user.is_empty()) {
        Some(user) => format!("user \"{}\" at {at}", excerpt(user, LONGEST_NAME)),
        None => format!("a client at {at} without authentication"),
    }
}

/// Says that the request's body could not be read before a backend was asked.
///
/// # Errors
///
/// The status to answer with, unless the client has its answer.
pub fn log_client<D: Downstream>(
    downstream: &D,
    worker: &str,
    error: ClientError,
) -> Result<(), u16> {
    let (code, request) = (error.code(), downstream.label());
    let ms = downstream.elapsed().as_millis() as u64;
    let (fate, result) = match error.http_status() {
        Some(status) => (format!("answered {status}"), Err(status)),
        None => ("nothing more is sent".to_owned(), Ok(())),
    };
    let cause = Cause::Client(error);
    let text = format!(
        "{code} worker {worker}: {request}: {cause}, before the request was sent, after {ms} ms; {fate}; {}",
        cause.remedy()
    );
    let (level, cause) = (cause.level(), cause.to_string());
    match level {
        FailureLevel::Client => tracing::info!(worker, request, cause, ms, "{text}"),
        _ => tracing::error!(worker, request, cause, ms, "{text}"),
    }
    result
}
