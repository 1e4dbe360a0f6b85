//! Says in words what is wrong with a malformed response: who answered in place of a backend, or which
//! header of the response is at fault.

use crate::ajp::{HeaderFault, ProtocolError, header_name};
use crate::exchange::{ExplainFault, FaultKind, ForeignPeer, ProtocolFault};
use crate::log::{LONGEST_NAME, excerpt};

impl ExplainFault for ProtocolError {
    fn explain(self, bytes: &[u8]) -> ProtocolFault {
        let kind = match self {
            Self::BadMagic { found } => FaultKind::Foreign(ForeignPeer::of(&found)),
            _ if self.is_no_packet() => FaultKind::NoMessage,
            _ => FaultKind::Malformed,
        };
        ProtocolFault { tag: self.tag(), words: words(self, bytes), kind }
    }
}

fn words(error: ProtocolError, bytes: &[u8]) -> String {
    let tag = error.tag();
    match error {
        ProtocolError::BadMagic { .. } => match ForeignPeer::of(bytes) {
            ForeignPeer::Unknown => format!(
                "{}: its answer begins with \"{}\"",
                ForeignPeer::Unknown,
                excerpt(bytes, SHOWN_BYTES)
            ),
            peer => peer.to_string(),
        },
        ProtocolError::BadHeader { index, fault } => {
            format!("malformed response: {} ({tag})", header_problem(bytes, index, fault))
        }
        _ => format!("malformed response: {error} ({tag})"),
    }
}

fn header_problem(payload: &[u8], index: u16, fault: HeaderFault) -> String {
    let name = |index| header_name(payload, index).map(|name| excerpt(name, LONGEST_NAME));
    let before = || match index.checked_sub(1).and_then(name) {
        Some(name) => format!("after the response header \"{name}\""),
        None => "before the first response header".to_owned(),
    };
    match fault {
        HeaderFault::Missing => {
            format!("the headers end {}, although more are announced", before())
        }
        HeaderFault::NullName => format!("{} follows a header without a name", before()),
        _ => match name(index) {
            Some(name) => format!("the response header \"{name}\": {fault}"),
            None => format!("a response header: {fault}"),
        },
    }
}

/// Bytes of a foreign answer that are shown.
const SHOWN_BYTES: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ajp::parse_packet;

    /// A SEND_HEADERS payload that announces `count` headers; `None` is the null string.
    fn payload(count: u16, headers: &[(Option<&str>, Option<&str>)]) -> Vec<u8> {
        let text = |text: &Option<&str>| match text {
            Some(text) => [&(text.len() as u16).to_be_bytes()[..], text.as_bytes(), b"\0"].concat(),
            None => vec![0xff, 0xff],
        };
        let mut bytes = vec![4, 0, 200, 0, 0, 0];
        bytes.extend(count.to_be_bytes());
        for (name, value) in headers {
            bytes.extend([text(name), text(value)].concat());
        }
        bytes
    }

    #[test]
    fn headers_are_named() {
        let long = "X".repeat(80);
        let cut = format!("the response header \"{}...\": the value is null", &long[..64]);
        let good = (Some("Server"), Some("x"));
        for (bytes, problem) in [
            (
                payload(2, &[good, (Some("X-A"), Some("a\nb"))]),
                "the response header \"X-A\": the value contains a control byte (bad_header_value)",
            ),
            (
                payload(2, &[good, (Some("X A\n"), Some("a"))]),
                "the response header \"X A\\x0a\": the name is not a token (bad_header_name)",
            ),
            (payload(1, &[(Some(&long), None)]), &format!("{cut} (bad_header_value)")),
            (
                payload(2, &[good]),
                "the headers end after the response header \"Server\", although more are announced (header_missing)",
            ),
            (
                payload(1, &[]),
                "the headers end before the first response header, although more are announced (header_missing)",
            ),
            (
                payload(2, &[good, (None, Some("a"))]),
                "after the response header \"Server\" follows a header without a name (bad_header_name)",
            ),
            (
                payload(1, &[(Some("content-length"), Some("1x"))]),
                "the response header \"Content-Length\" is malformed or contradicts another one (bad_content_length)",
            ),
            (vec![99], "unknown packet type 0x63 (bad_type)"),
        ] {
            let error = parse_packet(&bytes).expect_err("it is malformed");
            assert_eq!(error.explain(&bytes).words, format!("malformed response: {problem}"));
        }
    }

    #[test]
    fn peers_of_other_protocols_are_named() {
        for (stream, said) in [
            (&b"HTTP/1.1 400 \r\n"[..], "an HTTP connector answered, not an AJP connector"),
            (b"\x15\x03\x03\0\x02\x02\x50", "a TLS connector answered, not an AJP connector"),
            (
                b"SSH-2.0-OpenSSH_9.2p1",
                "the peer does not speak AJP: its answer begins with \"SSH-2.0-OpenSSH_...\"",
            ),
            (b"\0\xff", "the peer does not speak AJP: its answer begins with \"\\x00\\xff\""),
        ] {
            let error = ProtocolError::BadMagic { found: [stream[0], stream[1]] };
            assert_eq!(error.explain(stream).words, said);
        }
    }
}
