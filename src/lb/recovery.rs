//! Whether a request may be sent again: the most dangerous decision of the module.

/// How far an attempt got before it failed. Nothing was handed to the client yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// No byte of the request can have been read by a container.
    NotSent,
    /// A kept-alive connection broke while the request was sent, without a byte of answer.
    StaleConnection,
    /// The request may have been executed.
    Sent,
}

/// What decides beside the stage.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    /// How far it got.
    pub stage: Stage,
    /// The method token.
    pub method: &'a [u8],
    /// `recovery_options` as configured; `None` if unset.
    pub options: Option<u32>,
    /// Whether body data beyond the replay copy was given to the container.
    pub is_body_gone: bool,
    /// Deliveries of this request that may have been executed already, this one included.
    pub deliveries: u32,
}

/// Tells whether the request may go to a container again.
pub fn may_resend(attempt: &Attempt<'_>) -> bool {
    if attempt.is_body_gone {
        return false;
    }
    match (attempt.stage, attempt.options) {
        (Stage::NotSent | Stage::StaleConnection, _) => true,
        // Unset: one further delivery, and only of what may be executed twice by definition.
        (Stage::Sent, None) => attempt.deliveries <= 1 && is_idempotent(attempt.method),
        (Stage::Sent, Some(options)) if options & 1 == 0 => true,
        (Stage::Sent, Some(options)) => match attempt.method {
            b"HEAD" => options & 8 != 0,
            b"GET" => options & 16 != 0,
            _ => false,
        },
    }
}

/// Tells whether the request may go to another container when one has begun to read its body.
/// Otherwise nothing of the body beyond what went out unasked need be kept.
pub fn may_resend_once_read(method: &[u8], options: Option<u32>) -> bool {
    let stage = Stage::Sent;
    may_resend(&Attempt { stage, method, options, is_body_gone: false, deliveries: 1 })
}

/// Tells whether executing a request twice equals executing it once (RFC 9110, WebDAV).
pub fn is_idempotent(method: &[u8]) -> bool {
    matches!(
        method,
        b"GET"
            | b"HEAD"
            | b"OPTIONS"
            | b"TRACE"
            | b"PUT"
            | b"DELETE"
            | b"PROPFIND"
            | b"REPORT"
            | b"SEARCH"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s3_4_table() {
        use Stage::{NotSent, Sent, StaleConnection};
        type Case = (&'static str, Stage, &'static str, Option<u32>, bool, u32, bool);
        let cases: &[Case] = &[
            ("refused", NotSent, "POST", None, false, 0, true),
            ("refused, bit 1", NotSent, "POST", Some(1), false, 0, true),
            ("stale socket", StaleConnection, "POST", None, false, 1, true),
            ("GET lost", Sent, "GET", None, false, 1, true),
            ("GET lost twice", Sent, "GET", None, false, 2, false),
            ("PUT lost", Sent, "PUT", None, false, 1, true),
            ("POST lost", Sent, "POST", None, false, 1, false),
            ("PATCH lost", Sent, "PATCH", None, false, 1, false),
            ("lower case get", Sent, "get", None, false, 1, false),
            ("POST, explicit 0", Sent, "POST", Some(0), false, 1, true),
            ("POST, explicit 0, again", Sent, "POST", Some(0), false, 3, true),
            ("GET, bit 1", Sent, "GET", Some(1), false, 1, false),
            ("GET, 1 and 16", Sent, "GET", Some(17), false, 1, true),
            ("HEAD, 1 and 16", Sent, "HEAD", Some(17), false, 1, false),
            ("HEAD, 1 and 8", Sent, "HEAD", Some(9), false, 1, true),
            ("GET, 27", Sent, "GET", Some(27), false, 1, true),
            ("HEAD, 27", Sent, "HEAD", Some(27), false, 1, true),
            ("POST, 27", Sent, "POST", Some(27), false, 1, false),
            ("bit 2 alone", Sent, "POST", Some(2), false, 1, true),
            ("body gone", Sent, "PUT", Some(0), true, 1, false),
            ("body gone, refused", NotSent, "PUT", Some(0), true, 1, false),
        ];
        for (name, stage, method, options, is_body_gone, deliveries, expected) in cases {
            let attempt = Attempt {
                stage: *stage,
                method: method.as_bytes(),
                options: *options,
                is_body_gone: *is_body_gone,
                deliveries: *deliveries,
            };
            assert_eq!(may_resend(&attempt), *expected, "case: {name}");
            if attempt.stage == Sent && attempt.deliveries == 1 && !is_body_gone {
                let is_kept = may_resend_once_read(attempt.method, *options);
                assert_eq!(is_kept, *expected, "case: {name}, kept");
            }
        }
    }
}
