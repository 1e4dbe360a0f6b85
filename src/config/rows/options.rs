//! The words of `JkOptions`.

use crate::config::rows::{Entry, entry};

/// All options.
#[rustfmt::skip]
pub const OPTIONS: &[Entry] = &[
    entry("ForwardURIProxy", "on unless another ForwardURI is named; no -", "1.2.24", "Forwards the decoded path, encoded again."),
    entry("ForwardURICompat", "no -", "1.2.0", "Forwards the decoded path as it is."),
    entry("ForwardURICompatUnparsed", "no -", "1.2.0", "Forwards the path as the client sent it, even if mod_rewrite changed it; answered 400 if the rules exclude that path from the worker, or map it to another one."),
    entry("ForwardURIEscaped", "no -", "1.2.0", "Forwards the decoded path, encoded as httpd does it."),
    entry("CollapseSlashesAll", "+ or -", "1.2.41", "Accepted without effect: slashes are always collapsed for matching."),
    entry("CollapseSlashesNone", "+ or -", "1.2.41", "Accepted without effect: slashes are always collapsed for matching."),
    entry("CollapseSlashesUnmount", "+ or -", "1.2.41", "Accepted without effect: slashes are always collapsed for matching."),
    entry("ForwardDirectories", "+ or -; off", "1.2.0", "Takes requests for directories without an index page too, if a rule maps them."),
    entry("ForwardLocalAddress", "+ or -; off", "1.2.12", "Sends the backend the server's address as the client's."),
    entry("ForwardPhysicalAddress", "+ or -; off", "1.2.38", "Sends the backend the TCP peer's address, not the one mod_remoteip found."),
    entry("FlushPackets", "+ or -; off", "1.2.13", "Sends each packet of a response on at once."),
    entry("FlushHeader", "+ or -; off", "1.2.20", "Sends the headers of a response on at once."),
    entry("DisableReuse", "+ or -; off", "1.2.19", "Closes the connection to the backend after each request."),
    entry("ForwardSSLCertChain", "+ or -; off", "1.2.22", "Appends the client certificate's chain."),
    entry("ForwardKeySize", "+ or -; on", "1.2.0", "Sends the key size of the TLS cipher."),
    entry("RejectUnsafeURI", "+ or -; off", "1.2.24", "Does not map paths that hold % or a backslash after decoding; answers 400 where the handler is set without a rule."),
    entry("ForbidUnsafeURI", "+ or -; off", "2.0.0", "Answers 400 where a path that holds % or a backslash after decoding would go to a worker."),
];
