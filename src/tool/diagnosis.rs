//! What is wrong with a backend that does not serve, in words, and what helps.

use crate::net::{PeerAddress, UnixFault};
use crate::tool::step_fault::{DiagnosisStep, StepFault};

/// Everything that was seen of a backend that does not serve.
#[derive(Clone, Debug)]
pub struct Observations {
    /// `host:port` as it was given.
    pub target: String,
    /// Where it failed.
    pub step: DiagnosisStep,
    /// How.
    pub fault: StepFault,
    /// Addresses that accepted a connection to the same port, though not those that were asked for.
    pub listens_at: Vec<PeerAddress>,
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
pub fn diagnose(seen: &Observations) -> Diagnosis {
    let target = &seen.target;
    if let Some(found) = other_protocol(seen) {
        return found;
    }
    let (kind, cause, remedies): (_, String, Vec<&str>) = match (&seen.fault, seen.step) {
        (_, DiagnosisStep::LookUp) => (
            "no-address",
            format!("the host of {target} has no address ({})", seen.fault.label()),
            vec!["correct host, or repair the name server of this machine"],
        ),
        (StepFault::Unix(fault), _) => return unix(target, *fault),
        (StepFault::Refused, _) if !seen.listens_at.is_empty() => return wrong_address(seen),
        (StepFault::Refused, _) => (
            "refused",
            format!("nothing listens on {target}"),
            vec![
                "start Tomcat, or correct host and port",
                "since Tomcat 9.0.31 the AJP connector is commented out in server.xml, and listens on loopback unless it has an address",
            ],
        ),
        (StepFault::TimedOut, DiagnosisStep::Connect) => (
            "timeout",
            format!("{target} does not answer at all"),
            vec![
                "a firewall drops the packets, or the machine is down",
                "if it is only slow, try a longer --timeout",
            ],
        ),
        (StepFault::Unreachable, _) => (
            "unreachable",
            format!("there is no route from this machine to {target}"),
            vec!["check the routes and firewalls in between"],
        ),
        (StepFault::Forbidden, _) => (
            "forbidden",
            format!("this machine forbids the connection to {target}"),
            vec![
                "a local firewall or SELinux rejects it: for httpd run setsebool -P httpd_can_network_connect 1",
            ],
        ),
        (StepFault::TimedOut, DiagnosisStep::Cping) => (
            "hangs",
            format!("{target} accepts connections but does not answer CPING"),
            vec![
                "all threads of the connector are busy, or the JVM hangs: take a thread dump (jstack)",
                "check that this is an AJP connector",
            ],
        ),
        (StepFault::TimedOut, _) => (
            "slow",
            format!("{target} answers CPING but not the request"),
            vec![
                "the application is slow or waits for something: take a thread dump (jstack), or try a longer --timeout",
            ],
        ),
        (StepFault::Closed, DiagnosisStep::LargeRequest(size)) => (
            "packet-size",
            format!("{target} closes the connection after a request of {size} bytes"),
            vec![
                "the connector's packetSize is smaller than max_packet_size: set both to the same value, 65536 at most",
            ],
        ),
        (StepFault::Closed, DiagnosisStep::Cping) => (
            "no-ajp",
            format!("{target} accepts the connection and closes it after a CPING"),
            vec![
                "check that this is an AJP connector",
                "some versions of Undertow with a secret close it too, but serve requests",
            ],
        ),
        (StepFault::Closed, _) if !seen.has_secret => (
            "closed",
            format!("{target} closes the connection after the request"),
            vec![
                "see Tomcat's log",
                "if the connector has a secret, set it for the worker as well",
            ],
        ),
        (StepFault::Closed, _) => (
            "closed",
            format!("{target} closes the connection after the request"),
            vec!["see Tomcat's log", "compare the secret here and at the connector"],
        ),
        (StepFault::Status { status: 403, closed: true }, _) => {
            let (cause, first) = match seen.has_secret {
                true => ("refuses the secret", "compare secret of the worker and of the connector"),
                false => (
                    "requires a secret, or forbids this request",
                    "set worker.<name>.secret to the value of the connector's secret attribute",
                ),
            };
            (
                "secret",
                format!("{target} {cause}: it answers 403 and ends the connection"),
                vec![first, "a # in the workers file begins a comment, also inside a secret"],
            )
        }
        (StepFault::Status { status, .. }, DiagnosisStep::LargeRequest(size)) => (
            "packet-size",
            format!("{target} answers {status} to a request of {size} bytes"),
            vec!["check the connector's packetSize and the application's limits for headers"],
        ),
        (StepFault::Status { status, .. }, _) => (
            "status",
            format!("{target} answers {status}"),
            vec!["AJP works, the application fails: see its log, or try another --uri"],
        ),
        (StepFault::Malformed(why), _) => (
            "malformed",
            format!("{target} sends a packet that is not allowed: {why}"),
            vec!["see Tomcat's log, and check the devices in between"],
        ),
        (StepFault::NotAjp(begins), _) => (
            "no-ajp",
            format!("{target} does not speak AJP; its response begins with {}", hex(begins)),
            vec!["set the port to that of an AJP connector, 8009 by default"],
        ),
        (StepFault::Other(why), _) => ("other", format!("{target}: {why}"), Vec::new()),
    };
    let remedies = remedies.into_iter().map(str::to_owned).collect();
    Diagnosis { kind, cause, remedies }
}

/// Knows HTTP and TLS by what they say, unasked or to an HTTP request.
fn other_protocol(seen: &Observations) -> Option<Diagnosis> {
    let unasked = match &seen.fault {
        StepFault::NotAjp(begins) => begins.as_slice(),
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
    let port = "set the worker's port to that of the AJP connector, 8009 by default".to_owned();
    let target = &seen.target;
    if answers.iter().any(is_tls) {
        let cause = format!("{target} is a TLS connector for HTTPS, not an AJP connector");
        return Some(Diagnosis { kind: "tls", cause, remedies: vec![port] });
    }
    if answers.iter().any(|text| text.starts_with(b"HTTP/")) {
        let cause = format!("{target} is an HTTP connector, not an AJP connector");
        return Some(Diagnosis { kind: "http", cause, remedies: vec![port] });
    }
    None
}

/// Says what is wrong with a Unix-domain socket.
fn unix(target: &str, fault: UnixFault) -> Diagnosis {
    let (kind, cause, remedies): (_, _, &[&str]) = match fault {
        UnixFault::Missing => (
            "no-socket",
            format!("there is no file {target}"),
            &[
                "start Tomcat, or make host equal to the unixDomainSocketPath of its AJP connector",
                "with PrivateTmp of systemd each service has a /tmp of its own: choose a path below /run",
            ],
        ),
        UnixFault::NoSocket => (
            "not-a-socket",
            format!("the file at {target} is not a socket"),
            &["make host equal to the unixDomainSocketPath of the AJP connector"],
        ),
        UnixFault::Stale => (
            "refused",
            format!("no process listens on {target}"),
            &[
                "start Tomcat; one that was killed leaves its socket file behind and cannot start again before the file is removed",
            ],
        ),
        UnixFault::NoStream => (
            "no-ajp",
            format!("{target} is a socket for datagrams"),
            &["make host equal to the unixDomainSocketPath of the AJP connector"],
        ),
        UnixFault::Forbidden => (
            "forbidden",
            format!("this user may not write to {target}"),
            &[
                "set unixDomainSocketPathPermissions=\"rw-rw-rw-\" at the connector, or \"rw-rw----\" and let Tomcat's and httpd's users share the file's group",
                "with SELinux see the audit log",
            ],
        ),
        UnixFault::ForbiddenDirectory => (
            "forbidden",
            format!("this user may not enter a directory of {target}"),
            &["give httpd's user the right to search it (chmod o+x), or choose another directory"],
        ),
        UnixFault::QueueFull => (
            "hangs",
            format!("{target} accepts no connection: its listen queue is full"),
            &[
                "all threads of the connector are busy, or the JVM hangs: take a thread dump (jstack)",
                "if it only gets many connections at once, raise acceptCount at the connector",
            ],
        ),
    };
    let remedies = remedies.iter().map(|own| (*own).to_owned()).collect();
    Diagnosis { kind, cause, remedies }
}

/// The port is open at another address of the same machine.
fn wrong_address(seen: &Observations) -> Diagnosis {
    let open: Vec<_> = seen.listens_at.iter().map(ToString::to_string).collect();
    let open = open.join(" and ");
    let first = seen.listens_at.first().map(PeerAddress::host).unwrap_or_default();
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::Endpoint;

    fn seen(step: DiagnosisStep, fault: StepFault) -> Observations {
        Observations {
            target: "h:8009".to_owned(),
            step,
            fault,
            listens_at: Vec::new(),
            has_secret: false,
            says_to_http: Vec::new(),
            answers_cping: !matches!(
                step,
                DiagnosisStep::LookUp | DiagnosisStep::Connect | DiagnosisStep::Cping
            ),
        }
    }

    #[test]
    fn each_fault_has_its_words() {
        use DiagnosisStep::{Connect, Cping, LargeRequest, LookUp, Request};

        let end = |status| StepFault::Status { status, closed: true };
        let cases: &[(DiagnosisStep, StepFault, &str, &str)] = &[
            (LookUp, StepFault::Other("x".to_owned()), "no-address", "has no address (x)"),
            (Connect, StepFault::Refused, "refused", "nothing listens on h:8009"),
            (Connect, StepFault::TimedOut, "timeout", "does not answer at all"),
            (Connect, StepFault::Unreachable, "unreachable", "no route"),
            (Connect, StepFault::Forbidden, "forbidden", "forbids"),
            (Cping, StepFault::TimedOut, "hangs", "does not answer CPING"),
            (Cping, StepFault::Closed, "no-ajp", "closes it after a CPING"),
            (Cping, StepFault::NotAjp(b"HTTP/1.1 400".to_vec()), "http", "an HTTP connector"),
            (Cping, StepFault::NotAjp(vec![0x15, 3, 3]), "tls", "a TLS connector"),
            (Cping, StepFault::NotAjp(b"220 mail".to_vec()), "no-ajp", "begins with 32 32 30"),
            (Request, StepFault::TimedOut, "slow", "but not the request"),
            (Request, StepFault::Closed, "closed", "after the request"),
            (Request, end(403), "secret", "requires a secret"),
            (Request, end(500), "status", "answers 500"),
            (Request, StepFault::Malformed("x".to_owned()), "malformed", "not allowed: x"),
            (LargeRequest(65_536), StepFault::Closed, "packet-size", "of 65536 bytes"),
            (LargeRequest(65_536), end(400), "packet-size", "answers 400"),
            (Connect, StepFault::Unix(UnixFault::Missing), "no-socket", "there is no file h:8009"),
            (Connect, StepFault::Unix(UnixFault::NoSocket), "not-a-socket", "is not a socket"),
            (Connect, StepFault::Unix(UnixFault::Stale), "refused", "no process listens on"),
            (Connect, StepFault::Unix(UnixFault::NoStream), "no-ajp", "for datagrams"),
            (Connect, StepFault::Unix(UnixFault::Forbidden), "forbidden", "may not write to"),
            (
                Connect,
                StepFault::Unix(UnixFault::ForbiddenDirectory),
                "forbidden",
                "may not enter a directory",
            ),
            (Connect, StepFault::Unix(UnixFault::QueueFull), "hangs", "queue is full"),
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
        let mut own = seen(DiagnosisStep::Cping, StepFault::TimedOut);
        own.says_to_http =
            b"HTTP/1.1 400 \r\n\r\nThis combination of host and port requires TLS.".to_vec();
        assert_eq!(diagnose(&own).kind, "tls");
        own.says_to_http = b"HTTP/1.1 200 OK".to_vec();
        assert_eq!(diagnose(&own).kind, "http");

        let mut own = seen(DiagnosisStep::Connect, StepFault::Refused);
        own.target = "[::1]:8009".to_owned();
        let loopback = Endpoint::new("127.0.0.1", 8009, false);
        own.listens_at = loopback.addresses().expect("an address").to_vec();
        let found = diagnose(&own);
        assert_eq!(found.kind, "address");
        assert!(found.remedies[0].contains("host to 127.0.0.1"), "{found:?}");
        assert!(found.remedies[1].contains("address=\"::1\""), "{found:?}");

        let mut own = seen(DiagnosisStep::Request, StepFault::Status { status: 403, closed: true });
        own.has_secret = true;
        assert!(diagnose(&own).cause.contains("refuses the secret"));
    }
}
