//! Requests that the AJP connector refused itself, before any application saw them.
//!
//! Tomcat answers them with its ordinary error page, so that only the end of the response tells them
//! from an application's own: the connector does not keep the connection after it. For an
//! application's answer it does, unless a part of the request's body is left. That holds for each 500 of an
//! application as well, after any exception and from its other threads.

use crate::exchange::Exchange;
use crate::messages::MessageCode::{JK315, JK330};

/// Whose answer a complete response is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The application's, or that of the backend for it.
    Ordinary,
    /// The connector's own.
    Rejected(Rejection),
}

/// Why the connector refused a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// The secret is not the connector's, or it does not allow a request attribute.
    Forbidden,
    /// The request is larger than the packets of the connector, which answered with this status: Tomcat reads
    /// on in what its buffer holds of the request before, so that it answers the same request now with 400
    /// and now with 500.
    TooLarge(u16),
}

impl Answer {
    /// Judges a complete response to a request whose head had `head_bytes`.
    #[inline]
    pub fn of<E: Exchange>(status: u16, exchange: &E, head_bytes: usize) -> Self {
        match status {
            400 | 403 | 500 => Self::refused(status, exchange, head_bytes),
            _ => Self::Ordinary,
        }
    }

    #[cold]
    fn refused<E: Exchange>(status: u16, exchange: &E, head_bytes: usize) -> Self {
        // What is left of a body ends the connection as well, whether Tomcat or the application answered.
        // check: B67c
        // check: B67b
        if !exchange.is_body_sent() || !exchange.ends_connection() {
            return Self::Ordinary;
        }
        match status {
            // check: B67a
            403 => Self::Rejected(Rejection::Forbidden),
            400 | 500 if head_bytes > SMALLEST_PACKET => {
                Self::Rejected(Rejection::TooLarge(status))
            }
            _ => Self::Ordinary,
        }
    }
}

impl Rejection {
    /// Returns the stable code of the message.
    pub fn code(self) -> &'static str {
        match self {
            Self::Forbidden => JK315.text(),
            Self::TooLarge(_) => JK330.text(),
        }
    }

    /// Says what happened to a request whose head had `head_bytes`.
    pub fn text(self, head_bytes: usize) -> String {
        match self {
            Self::Forbidden => {
                "the connector refused the request and closed the connection".to_owned()
            }
            Self::TooLarge(_) => format!(
                "the connector refused the request, whose head has {head_bytes} bytes, and closed the connection"
            ),
        }
    }

    /// Returns the status that the client received.
    pub fn status(self) -> u16 {
        match self {
            Self::Forbidden => 403,
            Self::TooLarge(status) => status,
        }
    }

    /// Says what to do.
    pub fn remedy(self) -> &'static str {
        match self {
            Self::Forbidden => {
                "make the worker's secret equal to the connector's, and allow the names of JkEnvVar with the connector's allowedRequestAttributesPattern"
            }
            Self::TooLarge(_) => {
                "make the connector's packetSize equal to the worker's max_packet_size"
            }
        }
    }
}

/// A connector takes packets of at least this size.
const SMALLEST_PACKET: usize = 8192;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ajp::AjpExchange;
    use crate::exchange::RequestBody;

    /// The exchange of a complete response, of which `body` was announced and `sent` was sent.
    fn exchange(status: u16, body: RequestBody, sent: usize, reuse: bool) -> AjpExchange {
        let mut exchange = AjpExchange::new(false, body);
        exchange.body_sent(sent);
        let [high, low] = status.to_be_bytes();
        let head = [4, high, low, 0, 0, 0, 0, 0];
        exchange.on_message(&head).expect("a head");
        exchange.on_message(&[5, u8::from(reuse)]).expect("an end");
        exchange
    }

    #[test]
    fn only_the_connectors_own_answers_are_refusals() {
        use RequestBody::{Known, None, Unknown};
        let forbidden = Answer::Rejected(Rejection::Forbidden);
        let too_large = |status| Answer::Rejected(Rejection::TooLarge(status));
        type Case = (&'static str, u16, RequestBody, usize, bool, usize, Answer);
        #[rustfmt::skip]
        let cases: &[Case] = &[
            ("wrong secret, GET", 403, None, 0, false, 500, forbidden),
            ("wrong secret, small POST", 403, Known(100), 100, false, 500, forbidden),
            ("an application's 403", 403, None, 0, true, 500, Answer::Ordinary),
            ("an upload refused half-way", 403, Known(20_000), 8_186, false, 500, Answer::Ordinary),
            ("a refused upload without length", 403, Unknown, 8_186, false, 500, Answer::Ordinary),
            ("packet too large", 400, None, 0, false, 8_193, too_large(400)),
            ("packet too large, 500", 500, None, 0, false, 8_193, too_large(500)),
            ("an application's 500 to a large request", 500, None, 0, true, 9_000, Answer::Ordinary),
            ("an upload that fails half-way", 500, Known(20_000), 8_186, false, 9_000, Answer::Ordinary),
            ("a small request that fails", 500, None, 0, false, 8_192, Answer::Ordinary),
            ("a large request the application refuses", 400, None, 0, true, 9_000, Answer::Ordinary),
            ("a small request with a bad Host", 400, None, 0, false, 8_192, Answer::Ordinary),
            ("an ordinary end of the connection", 200, None, 0, false, 500, Answer::Ordinary),
            ("missing page", 404, None, 0, false, 9_000, Answer::Ordinary),
        ];
        for (name, status, body, sent, reuse, head_bytes, expected) in cases {
            let exchange = exchange(*status, *body, *sent, *reuse);
            assert_eq!(Answer::of(*status, &exchange, *head_bytes), *expected, "case: {name}");
        }
    }
}
