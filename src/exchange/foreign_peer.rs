//! What answers where a backend of another protocol is expected: a port was mistaken for another.

use thiserror::Error;

/// A protocol that is not the backend's.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum ForeignPeer {
    /// HTTP without TLS.
    #[error("an HTTP connector answered, not an AJP connector")]
    Http,
    /// TLS, whatever is inside.
    #[error("a TLS connector answered, not an AJP connector")]
    Tls,
    /// Anything else.
    #[error("the peer does not speak AJP")]
    Unknown,
}

impl ForeignPeer {
    /// Recognizes an answer by how it begins, of which a few bytes are enough.
    pub fn of(answer: &[u8]) -> Self {
        let begins = |beginning: &[u8]| {
            let shorter = answer.len().min(beginning.len());
            shorter >= 2 && answer[..shorter] == beginning[..shorter]
        };
        match answer {
            // Records of TLS: an alert or a handshake, of version 3.x.
            [0x15 | 0x16, 3, ..] => Self::Tls,
            // Servers that know no better send their page without a head.
            _ if begins(b"HTTP/") || begins(b"<!DOCTYPE ") || begins(b"<html") => Self::Http,
            _ => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_bytes_are_enough() {
        for (answer, peer) in [
            (&b"HTTP/1.1 400 \r\n"[..], ForeignPeer::Http),
            (b"HT", ForeignPeer::Http),
            (b"H", ForeignPeer::Unknown),
            (b"<html><body>", ForeignPeer::Http),
            (b"\x15\x03\x03\0\x02\x02\x50", ForeignPeer::Tls),
            (b"\x16\x03", ForeignPeer::Tls),
            (b"\x15\x04", ForeignPeer::Unknown),
            (b"SSH-2.0-OpenSSH_9.2", ForeignPeer::Unknown),
            (b"", ForeignPeer::Unknown),
        ] {
            assert_eq!(ForeignPeer::of(answer), peer, "{answer:02x?}");
        }
    }
}
