//! What a failure of a backend was, more exactly than the number of its message: the status page names
//! the cause of an outage as the log did, and the remedy of that cause alone.

use crate::messages::MessageCode::{
    JK301, JK302, JK303, JK304, JK305, JK306, JK307, JK310, JK311, JK312, JK313, JK314, JK315,
    JK330,
};

/// Makes the details from rows: name, message, what happened, what to do.
macro_rules! details {
    ($($name:ident $code:ident: $what:literal, $remedy:literal;)*) => {
        /// What a failure of a backend was. Shared memory holds its [`number`](Self::number).
        #[allow(missing_docs)]
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum FailureDetail {
            $($name,)*
        }

        impl FailureDetail {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Returns the code of its message.
            pub fn code(self) -> &'static str {
                match self {
                    $(Self::$name => $code.text(),)*
                }
            }

            /// Says what happened, without a full stop.
            pub fn what(self) -> &'static str {
                match self {
                    $(Self::$name => $what,)*
                }
            }

            /// Says what to do, without a full stop.
            pub fn remedy(self) -> &'static str {
                match self {
                    $(Self::$name => $remedy,)*
                }
            }
        }
    };
}

details! {
    PoolFull JK301:
        "all connections of connection_pool_size were in use, and none became free in time",
        "raise connection_pool_size or remove it, or find out why Tomcat is slow";
    NoAddress JK302:
        "the host name has no address",
        "correct `host` or the name server";
    ConnectionRefused JK303:
        "the connection was refused: no process listens there",
        "start Tomcat, and check that it has an AJP connector with this address and port";
    ConnectTimeout JK303:
        "no answer to the connection request",
        "check that the machine is up, and that no firewall drops the packets";
    ConnectForbidden JK303:
        "httpd's machine forbids the connection",
        "with SELinux, run setsebool -P httpd_can_network_connect 1";
    ConnectFailed JK303:
        "no connection could be opened",
        "see the JK-303 line of the log for the system's reason; check the network between httpd and this address";
    SocketMissing JK303:
        "there is no file with the name of the socket",
        "start Tomcat, and check that its AJP connector has this unixDomainSocketPath; with PrivateTmp of systemd each service has another /tmp";
    SocketStale JK303:
        "no process listens on the socket file",
        "remove the file and start Tomcat: one that was killed leaves the file behind";
    SocketUnusable JK303:
        "the socket file cannot be used",
        "see the JK-303 line of the log for the reason: kind of file, permissions, or a full listen queue";
    CpingTimeout JK304:
        "it accepts connections, and does not answer CPING",
        "take a thread dump: all its threads are busy, or the JVM hangs";
    CpingFailed JK304:
        "it ended the connection, or sent something else, instead of answering CPING",
        "check that the port is that of an AJP connector, and see Tomcat's log";
    CpingByHttp JK304:
        "an HTTP connector answered the CPING",
        "set the worker's port to that of an AJP connector";
    CpingByTls JK304:
        "a TLS connector answered the CPING",
        "set the worker's port to that of an AJP connector";
    SendFailed JK305:
        "the connection broke while the request was sent",
        "see Tomcat's log: it closed the connection";
    ConnectionClosed JK306:
        "it closed the connection before the response was complete",
        "see Tomcat's log at that time: it stops, it crashed, or the request is larger than the connector's packetSize";
    ReceiveTimeout JK306:
        "the response did not go on within socket_timeout",
        "take a thread dump of the backend, or raise socket_timeout";
    HttpConnector JK307:
        "an HTTP connector answered",
        "set the worker's port to that of an AJP connector";
    TlsConnector JK307:
        "a TLS connector answered",
        "set the worker's port to that of an AJP connector";
    MalformedResponse JK307:
        "the response is not valid AJP13",
        "see the JK-307 line of the log for what is wrong with it; correct the port or the application";
    ReplyTimeout JK310:
        "no response within reply_timeout",
        "find out why the application is slow, or raise reply_timeout for slow pages";
    FailStatus JK311:
        "the response has a status that fail_on_status counts as a failure",
        "see the application's log";
    BusyLimit JK312:
        "busy_limit, or the adaptive limit, was reached",
        "raise busy_limit, or add members";
    PortZero JK313:
        "its port is 0",
        "set `port`";
    Abandoned JK314:
        "it gave up a response that had begun",
        "see Tomcat's log: an exception after the response had begun, or a header larger than packetSize";
    Forbidden JK315:
        "the connector answers 403: the secret is not its own, or it does not allow a request attribute",
        "make the worker's `secret` equal to the connector's, and allow the names of JkEnvVar with the connector's allowedRequestAttributesPattern";
    TooLarge JK330:
        "the connector answers 400 or 500 to a request that is larger than its packetSize",
        "make the connector's packetSize equal to the worker's max_packet_size";
}

impl FailureDetail {
    /// Returns what shared memory holds; never 0, which stands for none.
    pub fn number(self) -> u32 {
        self as u32 + 1
    }

    /// Returns the detail with this number; none for any other.
    pub fn of_number(number: u32) -> Option<Self> {
        Self::ALL.get((number as usize).checked_sub(1)?).copied()
    }

    /// Tells whether an answer to CPING shows that it is over.
    pub fn ends_with_cping(self) -> bool {
        self.is_unreachable() || self.code() == JK304.text()
    }

    /// Tells whether no connection could be opened: such a backend is not tried by a request while
    /// probes find the same.
    pub fn is_unreachable(self) -> bool {
        [JK302.text(), JK303.text()].contains(&self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_detail_has_a_number_of_its_own_and_plain_texts() {
        for (index, own) in FailureDetail::ALL.iter().enumerate() {
            assert_eq!(own.number() as usize, index + 1);
            assert_eq!(FailureDetail::of_number(own.number()), Some(*own));
            for text in [own.what(), own.remedy()] {
                assert!(!text.is_empty() && !text.ends_with('.'), "{own:?}: {text}");
            }
            // What the client received depends on whether another member served the request.
            assert!(!own.what().contains("answered 5"), "{own:?}");
        }
        let none = u32::try_from(FailureDetail::ALL.len()).expect("few") + 1;
        for number in [0, none, u32::MAX] {
            assert_eq!(FailureDetail::of_number(number), None);
        }
    }
}
