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
    fn line<D: Downstream>(&self, downstream: &D, cause: &Cause, fate: &str) -> String {
        let (worker, address) = (&self.worker.name, self.worker.pool.target().name());
        let who = match self.balancer {
            Some(balancer) => format!("balancer {balancer}: member {worker} at {address}"),
            None => format!("worker {worker} at {address}"),
        };
        let took = clock::now().since(self.begun).as_millis();
        let hint = cause.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
        let (code, request) = (cause.code(), downstream.label());
        format!("{code} {who}: {request}: {cause}, after {took} ms; {fate}{hint}")
    }

    /// Says that an attempt failed and another one follows.
    pub fn log_repeat<D: Downstream>(&self, downstream: &D, cause: &Cause, fate: &str) {
        tracing::info!("{}", self.line(downstream, cause, fate));
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
        let line = self.line(downstream, cause, &fate);
        match cause {
            // What a client does wrong is nobody's to mend here; scanners do it all day.
            Cause::Client(_) => tracing::info!("{line}"),
            Cause::Encode(_) if status == 400 => tracing::info!("{line}"),
            _ => {
                tracing::error!("{line}");
                if result.is_ok() {
                    downstream.break_off();
                }
            }
        }
        result
    }
}

/// Says that the request's body could not be read before a container was asked.
pub fn log_client<D: Downstream>(downstream: &D, worker: &str, error: ClientError) -> u16 {
    tracing::info!(
        "JK-308 worker {worker}: {}: {error} before the request was sent; answered {}",
        downstream.label(),
        error.status
    );
    error.status
}
