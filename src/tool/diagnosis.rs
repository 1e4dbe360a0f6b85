//! What is wrong with a container that does not serve, in words, and what helps.

use std::io;
use std::net::SocketAddr;

use crate::ajp::ProtocolError;
use crate::net::NetError;

/// What was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The host's addresses.
    LookUp,
    /// A connection.
    Connect,
    /// A CPING.
    Cping,
    /// A request.
    Request,
    /// A request that fills a packet of this size.
    LargeRequest(usize),
}

/// How it failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It was closed without an answer.
    Closed,
    /// This machine does not allow it.
    Forbidden,
    /// The answer is a packet, and a wrong one.
    Malformed(String),
    /// What came is no AJP; how it begins.
    NotAjp(Vec<u8>),
    /// Anything else, as the system says it.
    Other(String),
    /// Nobody listens.
    Refused,
    /// The answer has this status and, perhaps, the connection's end.
    Status {
        /// The status.
        status: u16,
        /// Whether the container closed the connection behind it.
        closed: bool,
    },
    /// Nothing came in time.
    TimedOut,
    /// There is no way to the host.
    Unreachable,
}

impl Fault {
    /// Names a failure of the network; `begins` is what had arrived.
    pub fn of(error: &NetError, begins: &[u8]) -> Self {
        use io::ErrorKind::{
            ConnectionAborted, ConnectionRefused, ConnectionReset, HostUnreachable,
            NetworkUnreachable, PermissionDenied, TimedOut, UnexpectedEof,
        };

        if !begins.is_empty() && !is_ajp(begins) {
            return Self::NotAjp(begins[..begins.len().min(BEGINNING)].to_vec());
        }
        match error.source.kind() {
            ConnectionRefused => Self::Refused,
            TimedOut => Self::TimedOut,
            UnexpectedEof | ConnectionReset | ConnectionAborted => Self::Closed,
            PermissionDenied => Self::Forbidden,
            HostUnreachable | NetworkUnreachable => Self::Unreachable,
            _ => Self::Other(error.source.to_string()),
        }
    }

    /// Names a packet that is not allowed.
    pub fn of_packet(error: &ProtocolError, begins: &[u8]) -> Self {
        match error {
            ProtocolError::BadMagic { .. } => {
                Self::NotAjp(begins[..begins.len().min(BEGINNING)].to_vec())
            }
            _ => Self::Malformed(error.to_string()),
        }
    }

    /// Says it in a word or two, for the line of the step.
    pub fn label(&self) -> String {
        match self {
            Self::Closed => "closed without an answer".to_owned(),
            Self::Forbidden => "forbidden".to_owned(),
            Self::Malformed(why) => format!("malformed: {why}"),
            Self::NotAjp(_) => "an answer that is not AJP".to_owned(),
            Self::Other(why) => why.clone(),
            Self::Refused => "refused".to_owned(),
            Self::Status { status, closed: true } => format!("status {status} and the end"),
            Self::Status { status, closed: false } => format!("status {status}"),
            Self::TimedOut => "no answer in time".to_owned(),
            Self::Unreachable => "no way there".to_owned(),
        }
    }
}

fn is_ajp(begins: &[u8]) -> bool {
    begins.iter().zip(b"AB").all(|(found, wanted)| found == wanted)
}

/// Everything that was seen of a container that does not serve.
#[derive(Clone, Debug)]
pub struct Seen {
    /// `host:port` as it was given.
    pub target: String,
    /// Where it failed.
    pub step: Step,
    /// How.
    pub fault: Fault,
    /// Addresses that accepted a connection to the same port, though not those that were asked for.
    pub listens_at: Vec<SocketAddr>,
    /// Whether a secret was sent.
    pub has_secret: bool,
    /// What the port says to an HTTP request, if it does.
    pub says_to_http: Vec<u8>,
    /// Whether a CPING was answered.
    pub answers_cping: bool,
}

/// What it means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnosis {
    /// A word for programs, which stays the same.
    pub kind: &'static str,
    /// What is wrong: one sentence without a full stop.
    pub cause: String,
    /// What helps, one thing each.
    pub remedies: Vec<String>,
}

/// Says what is wrong and what helps.
pub fn diagnose(seen: &Seen) -> Diagnosis {
    let target = &seen.target;
    if let Some(found) = other_protocol(seen) {
        return found;
    }
    let (kind, cause, remedies): (_, String, Vec<&str>) = match (&seen.fault, seen.step) {
        (_, Step::LookUp) => (
            "no-address",
            format!("the host of {target} has no address ({})", seen.fault.label()),
            vec!["correct host, or the name server of this machine"],
        ),
        (Fault::Refused, _) if !seen.listens_at.is_empty() => return wrong_address(seen),
        (Fault::Refused, _) => (
            "refused",
            format!("nothing listens on {target}"),
            vec![
                "start Tomcat, or correct host and port",
                "since Tomcat 9.0.31 the AJP connector is commented out in server.xml, and listens on loopback unless it has an address",
            ],
        ),
        (Fault::TimedOut, Step::Connect) => (
            "timeout",
            format!("{target} does not answer at all"),
            vec![
                "a firewall drops the packets, or the machine is down",
                "if it is only slow, try a longer --timeout",
            ],
        ),
        (Fault::Unreachable, _) => (
            "unreachable",
            format!("there is no way from this machine to {target}"),
            vec!["see the routes and firewalls in between"],
        ),
        (Fault::Forbidden, _) => (
            "forbidden",
            format!("this machine forbids the connection to {target}"),
            vec![
                "a local firewall rejects it, or SELinux does: for httpd, setsebool -P httpd_can_network_connect 1",
            ],
        ),
        (Fault::TimedOut, Step::Cping) => (
            "hangs",
            format!("{target} accepts connections and does not answer a CPING"),
            vec![
                "all threads of the connector are busy, or the JVM stands still: take a thread dump (jstack)",
                "perhaps this is no AJP connector",
            ],
        ),
        (Fault::TimedOut, _) => (
            "slow",
            format!("{target} answers a CPING and not the request"),
            vec![
                "the application is slow or waits for something: take a thread dump (jstack), or try a longer --timeout",
            ],
        ),
        (Fault::Closed, Step::LargeRequest(size)) => (
            "packet-size",
            format!("{target} closes the connection over a request of {size} bytes"),
            vec![
                "the connector's packetSize is smaller than max_packet_size: set both to the same value, 65536 at most",
            ],
        ),
        (Fault::Closed, Step::Cping) => (
            "no-ajp",
            format!("{target} accepts the connection and closes it over a CPING"),
            vec![
                "perhaps this is no AJP connector",
                "some versions of Undertow with a secret close it too, and serve requests all the same",
            ],
        ),
        (Fault::Closed, _) if !seen.has_secret => (
            "closed",
            format!("{target} closes the connection over the request"),
            vec![
                "see Tomcat's log",
                "if the connector has a secret, set it for the worker as well",
            ],
        ),
        (Fault::Closed, _) => (
            "closed",
            format!("{target} closes the connection over the request"),
            vec!["see Tomcat's log", "compare the secret here and at the connector"],
        ),
        (Fault::Status { status: 403, closed: true }, _) => {
            let (cause, first) = match seen.has_secret {
                true => ("refuses the secret", "compare secret of the worker and of the connector"),
                false => (
                    "wants a secret, or was asked for something it forbids",
                    "set worker.<name>.secret to what the connector's secret attribute says",
                ),
            };
            (
                "secret",
                format!("{target} {cause}: it answers 403 and ends the connection"),
                vec![first, "a # in the workers file begins a comment, also inside a secret"],
            )
        }
        (Fault::Status { status, .. }, Step::LargeRequest(size)) => (
            "packet-size",
            format!("{target} answers {status} to a request of {size} bytes"),
            vec!["see the connector's packetSize and the application's limits for headers"],
        ),
        (Fault::Status { status, .. }, _) => (
            "status",
            format!("{target} answers {status}"),
            vec!["AJP works; the application is what fails: see its log, or ask for another --uri"],
        ),
        (Fault::Malformed(why), _) => (
            "malformed",
            format!("{target} sends a packet that is not allowed: {why}"),
            vec!["see Tomcat's log, and what stands between here and there"],
        ),
        (Fault::NotAjp(begins), _) => (
            "no-ajp",
            format!("{target} does not speak AJP; its answer begins with {}", hex(begins)),
            vec!["the port must be that of an AJP connector, 8009 by default"],
        ),
        (Fault::Other(why), _) => ("other", format!("{target}: {why}"), Vec::new()),
    };
    let remedies = remedies.into_iter().map(str::to_owned).collect();
    Diagnosis { kind, cause, remedies }
}

/// Knows HTTP and TLS by what they say, unasked or to an HTTP request.
fn other_protocol(seen: &Seen) -> Option<Diagnosis> {
    let unasked = match &seen.fault {
        Fault::NotAjp(begins) => begins.as_slice(),
        _ => b"",
    };
    let answers = [unasked, &seen.says_to_http];
    if seen.answers_cping {
        return None;
    }
    let is_tls = |text: &&[u8]| {
        matches!(text, [0x15 | 0x16, 3, ..])
            // What Tomcat and httpd answer to HTTP on a port for HTTPS.
            || memchr::memmem::find(text, b"requires TLS").is_some()
            || memchr::memmem::find(text, b"speaking plain HTTP to an SSL").is_some()
    };
    let port = "the worker's port must be that of the AJP connector, 8009 by default".to_owned();
    let target = &seen.target;
    if answers.iter().any(is_tls) {
        let cause = format!("{target} is a TLS connector, for HTTPS, and no AJP connector");
        return Some(Diagnosis { kind: "tls", cause, remedies: vec![port] });
    }
    if answers.iter().any(|text| text.starts_with(b"HTTP/")) {
        let cause = format!("{target} is an HTTP connector and no AJP connector");
        return Some(Diagnosis { kind: "http", cause, remedies: vec![port] });
    }
    None
}

/// The port is open at another address of the same machine.
fn wrong_address(seen: &Seen) -> Diagnosis {
    let open: Vec<_> = seen.listens_at.iter().map(ToString::to_string).collect();
    let open = open.join(" and ");
    let first = seen.listens_at.first().map(|own| own.ip().to_string()).unwrap_or_default();
    let host = seen.target.rsplit_once(':').map_or(seen.target.as_str(), |(host, _)| host);
    Diagnosis {
        kind: "address",
        cause: format!("nothing listens on {}, but something does on {open}", seen.target),
        remedies: vec![
            format!("if that is Tomcat, set the worker's host to {first}"),
            format!(
                "or give the connector an address that {} reaches, such as address=\"{}\"",
                seen.target,
                host.trim_matches(['[', ']'])
            ),
        ],
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
}

/// So much of a foreign answer is kept.
const BEGINNING: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::Phase;

    fn seen(step: Step, fault: Fault) -> Seen {
        Seen {
            target: "h:8009".to_owned(),
            step,
            fault,
            listens_at: Vec::new(),
            has_secret: false,
            says_to_http: Vec::new(),
            answers_cping: !matches!(step, Step::LookUp | Step::Connect | Step::Cping),
        }
    }

    #[test]
    fn each_fault_has_its_words() {
        use Step::{Connect, Cping, LargeRequest, LookUp, Request};

        let end = |status| Fault::Status { status, closed: true };
        let cases: &[(Step, Fault, &str, &str)] = &[
            (LookUp, Fault::Other("x".to_owned()), "no-address", "has no address (x)"),
            (Connect, Fault::Refused, "refused", "nothing listens on h:8009"),
            (Connect, Fault::TimedOut, "timeout", "does not answer at all"),
            (Connect, Fault::Unreachable, "unreachable", "no way"),
            (Connect, Fault::Forbidden, "forbidden", "forbids"),
            (Cping, Fault::TimedOut, "hangs", "does not answer a CPING"),
            (Cping, Fault::Closed, "no-ajp", "closes it over a CPING"),
            (Cping, Fault::NotAjp(b"HTTP/1.1 400".to_vec()), "http", "an HTTP connector"),
            (Cping, Fault::NotAjp(vec![0x15, 3, 3]), "tls", "a TLS connector"),
            (Cping, Fault::NotAjp(b"220 mail".to_vec()), "no-ajp", "begins with 32 32 30"),
            (Request, Fault::TimedOut, "slow", "and not the request"),
            (Request, Fault::Closed, "closed", "over the request"),
            (Request, end(403), "secret", "wants a secret"),
            (Request, end(500), "status", "answers 500"),
            (Request, Fault::Malformed("x".to_owned()), "malformed", "not allowed: x"),
            (LargeRequest(65_536), Fault::Closed, "packet-size", "of 65536 bytes"),
            (LargeRequest(65_536), end(400), "packet-size", "answers 400"),
        ];
        for (step, fault, kind, part) in cases {
            let found = diagnose(&seen(*step, fault.clone()));
            assert_eq!(found.kind, *kind, "{step:?} {fault:?}");
            assert!(found.cause.contains(part), "{}", found.cause);
            assert!(!found.remedies.is_empty(), "{kind}");
        }
    }

    #[test]
    fn what_is_known_besides_counts() {
        let mut own = seen(Step::Cping, Fault::TimedOut);
        own.says_to_http =
            b"HTTP/1.1 400 \r\n\r\nThis combination of host and port requires TLS.".to_vec();
        assert_eq!(diagnose(&own).kind, "tls");
        own.says_to_http = b"HTTP/1.1 200 OK".to_vec();
        assert_eq!(diagnose(&own).kind, "http");

        let mut own = seen(Step::Connect, Fault::Refused);
        own.target = "[::1]:8009".to_owned();
        own.listens_at = vec!["127.0.0.1:8009".parse().expect("an address")];
        let found = diagnose(&own);
        assert_eq!(found.kind, "address");
        assert!(found.remedies[0].contains("host to 127.0.0.1"), "{found:?}");
        assert!(found.remedies[1].contains("address=\"::1\""), "{found:?}");

        let mut own = seen(Step::Request, Fault::Status { status: 403, closed: true });
        own.has_secret = true;
        assert!(diagnose(&own).cause.contains("refuses the secret"));
    }

    #[test]
    fn errors_of_the_network_are_sorted() {
        let error = |kind: io::ErrorKind| NetError::new(Phase::Connect, io::Error::from(kind));
        let cases = [
            (io::ErrorKind::ConnectionRefused, Fault::Refused),
            (io::ErrorKind::TimedOut, Fault::TimedOut),
            (io::ErrorKind::UnexpectedEof, Fault::Closed),
            (io::ErrorKind::ConnectionReset, Fault::Closed),
            (io::ErrorKind::PermissionDenied, Fault::Forbidden),
            (io::ErrorKind::HostUnreachable, Fault::Unreachable),
        ];
        for (kind, expected) in cases {
            assert_eq!(Fault::of(&error(kind), b""), expected, "{kind:?}");
        }
        let closed = error(io::ErrorKind::UnexpectedEof);
        assert_eq!(Fault::of(&closed, b"HTTP"), Fault::NotAjp(b"HTTP".to_vec()));
        assert_eq!(Fault::of(&closed, b"AB"), Fault::Closed);
    }
}
