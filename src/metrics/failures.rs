//! Which failures are counted, and the few reasons that the metrics sum them up in.
//!
//! A counter of each code would be eighteen series of a worker, most of them 0 for ever; written only
//! once it is not 0, a counter is missed by `increase()` the first time. So the metrics have six reasons,
//! which always exist, and the code of the latest failure; JSON and the page count each code.

use crate::messages::MessageCode::{
    JK301, JK302, JK303, JK304, JK305, JK306, JK307, JK308, JK309, JK310, JK311, JK312, JK313,
    JK314, JK315, JK320, JK321, JK322, JK323, JK324, JK330,
};

/// Makes the codes and their reasons from rows.
macro_rules! failures {
    ($($code:ident: $reason:ident;)*) => {
        const ROWS: &[(&str, FailureReason)] = &[$(($code.text(), FailureReason::$reason),)*];

        /// Numbered messages that failures are counted by.
        pub const FAILURES: [&str; ROWS.len()] = [$($code.text(),)*];
    };
}

failures! {
    JK301: Limit;
    JK302: Connection;
    JK303: Connection;
    JK304: Connection;
    JK305: Connection;
    JK306: Response;
    JK307: Response;
    JK308: Client;
    JK309: Client;
    JK310: Timeout;
    JK311: Response;
    JK312: Limit;
    JK313: Connection;
    JK314: Response;
    JK315: Refused;
    JK320: Client;
    JK321: Client;
    JK322: Limit;
    JK323: Limit;
    JK324: Limit;
    JK330: Refused;
}

/// Why an attempt failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureReason {
    /// No connection that could take the request.
    Connection,
    /// A response that is incomplete, invalid, or counts as a failure by its status.
    Response,
    /// No response in time.
    Timeout,
    /// The AJP connector refused it.
    Refused,
    /// A limit of the worker kept it from being sent.
    Limit,
    /// The client, the request itself or a filter of httpd: it says nothing about the backend.
    Client,
}

impl FailureReason {
    /// All of them, in the order of [`WORDS`](Self::WORDS).
    pub const ALL: [Self; 6] =
        [Self::Connection, Self::Response, Self::Timeout, Self::Refused, Self::Limit, Self::Client];

    /// The values of the label `reason`.
    pub const WORDS: [&str; 6] =
        ["connection", "response", "timeout", "refused", "limit", "client"];

    /// Says what it means, for the manual.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Connection => {
                "no connection could take the request: no address, refused or timed out, no answer to CPING, or closed while the request was sent"
            }
            Self::Response => {
                "the response broke off, is not valid AJP13, or has a status that `fail_on_status` counts as a failure"
            }
            Self::Timeout => "no response within `reply_timeout`",
            Self::Refused => {
                "the AJP connector refused the request: secret, attribute or packet size"
            }
            Self::Limit => {
                "`busy_limit` or `max_threads_share` was reached, the queue was full or took too long, or no connection became free within `connection_acquire_timeout`"
            }
            Self::Client => {
                "the client hung up, the request does not fit or is malformed, or a filter of httpd ended it; this says nothing about the backend"
            }
        }
    }

    /// Returns the codes of the messages that it sums up.
    pub fn codes(self) -> impl Iterator<Item = &'static str> {
        ROWS.iter().filter(move |row| row.1 == self).map(|row| row.0)
    }
}

/// Sums up those that are not the client's.
pub(super) fn of_backend(failures: &[u64; FAILURES.len()]) -> u64 {
    let all = failures.iter().fold(0, |sum: u64, own| sum.wrapping_add(*own));
    CLIENTS.iter().fold(all, |sum, place| sum.wrapping_sub(failures[*place]))
}

/// Where those stand that are the client's: the rest is summed up without a look at each reason.
const CLIENTS: [usize; 4] = {
    let (mut places, mut found, mut at) = ([0; 4], 0, 0);
    while at < ROWS.len() {
        if matches!(ROWS[at].1, FailureReason::Client) {
            places[found] = at;
            found += 1;
        }
        at += 1;
    }
    assert!(found == places.len());
    places
};

/// Sums failures up by reason, in the order of [`FailureReason::ALL`].
pub(super) fn by_reason(failures: &[u64; FAILURES.len()]) -> [u64; FailureReason::ALL.len()] {
    let mut sums = [0_u64; FailureReason::ALL.len()];
    for ((_, reason), count) in ROWS.iter().zip(failures) {
        let sum = &mut sums[*reason as usize];
        *sum = sum.wrapping_add(*count);
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_is_summed_up_in_its_reason() {
        for (place, reason) in FailureReason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, place, "{}", FailureReason::WORDS[place]);
            for code in reason.codes() {
                let mut failures = [0; FAILURES.len()];
                failures[FAILURES.iter().position(|own| *own == code).expect("a code")] = 7;
                let mut expected = [0; FailureReason::ALL.len()];
                expected[place] = 7;
                assert_eq!(by_reason(&failures), expected, "{code}");
            }
        }
        let one = |code: &str| FAILURES.map(|own| u64::from(own == code));
        for code in FAILURES {
            let is_clients = FailureReason::Client.codes().any(|own| own == code);
            assert_eq!(of_backend(&one(code)), u64::from(!is_clients), "{code}");
        }
        assert_eq!(FailureReason::ALL.iter().flat_map(|own| own.codes()).count(), FAILURES.len());
    }
}
