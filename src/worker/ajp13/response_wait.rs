//! How long a response is waited for, and how the backend is asked meanwhile whether it is still at
//! work on it.

use std::io::IoSlice;
use std::time::Duration;

use crate::clock::{self, Millis};
use crate::exchange::Exchange;
use crate::net::{Connection, NetError};
use crate::worker::ajp13::response::ResponseReader;

impl<E: Exchange> ResponseReader<'_, E> {
    /// Waits for more.
    pub(super) async fn wait(&mut self, connection: &mut Connection) -> Result<(), NetError> {
        // The first wait begins right after the request was sent.
        let is_first = !std::mem::replace(&mut self.has_waited, true);
        let mut now =
            if is_first && !self.has_received { self.last_packet_at } else { clock::now() };
        if std::mem::take(&mut self.has_received) {
            self.last_packet_at = now;
            self.flushing = match self.exchange.flushes_in_a_row() {
                0 => None,
                _ => Some(self.flushing.unwrap_or(now)),
            };
        }
        let mut looked = None;
        loop {
            let deadline = if self.broken.is_some() { Some(now) } else { self.reply_deadline().0 };
            // Decided again at each look: the backend may become known to answer during the wait.
            let look = self.look_at(looked).filter(|at| deadline.is_none_or(|end| *at < end));
            let waits = self.settings.waits;
            match connection.receive_for(waits, now, look.or(deadline), looked.is_some()).await {
                // check: B7
                Ok(()) => return Ok(()),
                Err(error) if look.is_some() && error.is_timeout() => {
                    now = clock::now();
                    looked = Some(now);
                    if !self.worker.capabilities.answers_cping() {
                        self.worker.capabilities.want();
                        continue;
                    }
                    // Answered before the end of the response, it means that there is none to
                    // come: Tomcat gives a response up without a word in some cases.
                    connection.send(&mut [IoSlice::new(E::PING.question)], self.send_deadline())?;
                    self.exchange.probe_sent();
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// When to look whether the backend can be asked if it is still at work on the response, with
    /// the last look at `looked`.
    fn look_at(&self, looked: Option<Millis>) -> Option<Millis> {
        let may = self.exchange.may_probe() && self.worker.config.response_probe;
        let first = || self.last_packet_at.plus(self.worker.config.ping_timeout.max(PROBE_SILENCE));
        // Thousands may wait: the longer one has waited, the longer it is to the next look.
        let pause = |looked: Millis| looked.since(first()).clamp(LOOK_AGAIN, LOOK_AGAIN_MOST);
        may.then(|| looked.map_or_else(first, |looked| looked.plus(pause(looked))))
    }

    fn reply_timeout(&self) -> Option<Duration> {
        self.settings.reply_timeout.unwrap_or(self.worker.config.reply_timeout.get())
    }

    /// When the next packet must be complete, counted from the last one, and whether it is the
    /// reply timeout that says so: where it is set, it alone limits this wait. Flushes alone do not
    /// put it off for ever.
    #[inline(always)]
    pub(super) fn reply_deadline(&self) -> (Option<Millis>, bool) {
        let Some(limit) = self.reply_timeout() else {
            let limit = self.worker.config.socket_timeout.get();
            return (limit.map(|limit| self.last_packet_at.plus(limit)), false);
        };
        let next = self.last_packet_at.plus(limit);
        let last = self.flushing.map(|since| since.plus(limit * 10));
        (Some(last.map_or(next, |last| last.min(next))), true)
    }

    /// When the backend must have taken what is sent to it from now on: the socket's timeout, and
    /// where there is none the reply's, so that no send waits for ever.
    pub(super) fn send_deadline(&self) -> Option<Millis> {
        let limit = self.worker.config.socket_timeout.get().or_else(|| self.reply_timeout())?;
        Some(clock::now().plus(limit))
    }
}

/// Silence after which a backend is asked, at least.
const PROBE_SILENCE: Duration = Duration::from_secs(10);

/// How often a wait looks whether the backend is known to answer, at first and after a while.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
const LOOK_AGAIN_MOST: Duration = Duration::from_secs(30);
