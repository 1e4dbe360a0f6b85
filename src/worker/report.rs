//! One line for each failed request, with all that is known at the place where it failed.

use super::Downstream;
use super::ajp13::Ajp13;
use super::failure::{Cause, ClientError, Failure};
use crate::clock::{self, Millis};

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
    fn line<D: Downstream>(&self, downstream: &D, cause: &Cause, fate: &str) -> Line {
        let (worker, address) = (&self.worker.name, self.worker.pool.target().name());
        let who = match self.balancer {
            Some(balancer) => format!("balancer {balancer}: member {worker} at {address}"),
            None => format!("worker {worker} at {address}"),
        };
        let ms = clock::now().since(self.begun).as_millis() as u64;
        let hint = cause.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
        let (code, request, cause) = (cause.code(), downstream.label(), cause.to_string());
        let text = format!("{code} {who}: {request}: {cause}, after {ms} ms; {fate}{hint}");
        Line { text, address, request, cause, ms }
    }

    /// Says that an attempt failed and another one follows.
    pub fn log_repeat<D: Downstream>(&self, downstream: &D, failed: &Cause, fate: &str) {
        let Line { text, address, request, cause, ms } = self.line(downstream, failed, fate);
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
        let (fate, result) = match failure {
            Failure::Committed(broken) => {
                let fate = format!("broken off after {} bytes of body", broken.passed);
                (fate, Ok(()))
            }
            Failure::Uncommitted(_) => (format!("answered {status}"), Err(status)),
        };
        // What a client does wrong is nobody's to mend here; scanners do it all day.
        let is_clients = match cause {
            Cause::Client(_) => true,
            Cause::Encode(_) => status == 400,
            _ => false,
        };
        let tag = cause.tag();
        let Line { text, address, request, cause, ms } = self.line(downstream, cause, &fate);
        let (worker, balancer) = (self.worker.name.as_str(), self.balancer);
        if is_clients {
            tracing::info!(worker, balancer, address, request, cause, tag, status, ms, "{text}");
        } else {
            tracing::error!(worker, balancer, address, request, cause, tag, status, ms, "{text}");
            if result.is_ok() {
                downstream.break_off();
            }
        }
        result
    }
}

/// What is known of a failure: the text for people, and its parts for programs.
struct Line {
    text: String,
    address: String,
    request: String,
    cause: String,
    ms: u64,
}

/// Says that the request's body could not be read before a container was asked.
pub fn log_client<D: Downstream>(downstream: &D, worker: &str, error: ClientError) -> u16 {
    tracing::info!(
        worker,
        "JK-308 worker {worker}: {}: {error} before the request was sent; answered {}",
        downstream.label(),
        error.status
    );
    error.status
}
