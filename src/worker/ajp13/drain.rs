//! The rest of a response that no client gets, read to keep the connection.

use std::time::Duration;

use crate::clock;
use crate::exchange::{Exchange, Step};
use crate::net::Connection;
use crate::worker::ajp13::response::ResponseReader;

impl<E: Exchange> ResponseReader<'_, E> {
    /// Reads the rest of a response that is not needed, if it is short and about to come, to save
    /// the connection. Returns whether that worked.
    pub fn drain(&mut self, connection: &mut Connection) -> bool {
        let end = Some(clock::now().plus(DRAIN_TIME));
        let mut left = DRAIN_BYTES;
        loop {
            while let Ok(Some(payload)) = E::next_message(connection.bytes()) {
                let until = payload.end;
                let is_done = match self.exchange.on_message(&connection.bytes()[payload]) {
                    Ok(Step::Done { reuse }) => Some(reuse),
                    Ok(Step::NeedBody { .. } | Step::EndOfBodyAgain) | Err(_) => Some(false),
                    Ok(_) => None,
                };
                connection.consume(until);
                left = left.saturating_sub(until);
                if let Some(reuse) = is_done {
                    return reuse;
                }
            }
            if left == 0 || connection.receive(end).is_err() {
                return false;
            }
        }
    }
}

/// Longest time spent on the rest of a response that is not needed, to keep its connection.
const DRAIN_TIME: Duration = Duration::from_millis(20);
const DRAIN_BYTES: usize = 64 * 1024;
