//! Environment variables that are read, notes that are left, codes of log formats.

use crate::config::rows::{Entry, entry};

/// Variables of the request, as SetEnvIf and mod_rewrite set them. Those with a directive in
/// `values` can have another name.
#[rustfmt::skip]
pub const VARIABLES: &[Entry] = &[
    entry("no-jk", "any", "1.2.6", "Keeps the module away from the request."),
    entry("JK_WORKER_NAME", "worker[;extension=value…]; JkWorkerIndicator", "1.2.19", "Worker of a request whose handler is jakarta-servlet and that no rule maps."),
    entry("JK_REPLY_TIMEOUT", "milliseconds", "1.2.27", "Longest wait between two packets of the response; 0 for no limit, a negative number is ignored."),
    entry("JK_STICKY_IGNORE", "empty or not 0: on; 0: off", "1.2.33", "Ignores the session when a member is chosen, whatever the rule says."),
    entry("JK_STATELESS", "empty, true or not 0: on; 0: off", "1.2.33", "Keeps the request out of session counts and load, whatever the rule says."),
    entry("JK_ROUTE", "route", "1.2.33", "Route of the session, instead of the one in cookie or path."),
    entry("JK_IGNORE_CL", "any; JkIgnoreCLIndicator", "1.2.41", "Forwards the body as it comes, without its Content-Length."),
    entry("JK_REMOTE_ADDR", "text; JkRemoteAddrIndicator", "1.2.28", "The client's address that the backend receives; empty for none."),
    entry("JK_REMOTE_PORT", "text; JkRemotePortIndicator", "1.2.32", "The client's port that the backend receives; empty for none."),
    entry("JK_REMOTE_HOST", "text; JkRemoteHostIndicator", "1.2.28", "The client's host name that the backend receives; empty for none."),
    entry("JK_REMOTE_USER", "text; JkRemoteUserIndicator", "1.2.28", "The user for the backend and for status workers; empty for none."),
    entry("JK_AUTH_TYPE", "text; JkAuthTypeIndicator", "1.2.28", "How the user was authenticated; empty for none."),
    entry("JK_LOCAL_NAME", "text; JkLocalNameIndicator", "1.2.28", "The server's name that the backend receives."),
    entry("JK_LOCAL_ADDR", "text; JkLocalAddrIndicator", "1.2.41", "The server's address that the backend receives."),
    entry("JK_LOCAL_PORT", "number; JkLocalPortIndicator", "1.2.28", "The server's port that the backend receives."),
    entry("UNIQUE_ID", "text; JkRequestIdIndicator", "1.2.49", "The request's id in log lines."),
    entry("HTTPS", "on; JkHTTPSIndicator", "1.2.0", "Marks a request that came over TLS."),
    entry("SSL_PROTOCOL", "text; JkSSLPROTOCOLIndicator", "1.2.41", "TLS protocol."),
    entry("SSL_CLIENT_CERT", "PEM; JkCERTSIndicator", "1.2.0", "The client's certificate."),
    entry("SSL_CLIENT_CERT_CHAIN_<n>", "PEM; JkCERTCHAINPrefix", "1.2.22", "Its chain, with ForwardSSLCertChain."),
    entry("SSL_CIPHER", "text; JkCIPHERIndicator", "1.2.0", "TLS cipher."),
    entry("SSL_SESSION_ID", "text; JkSESSIONIndicator", "1.2.0", "TLS session id."),
    entry("SSL_CIPHER_USEKEYSIZE", "number; JkKEYSIZEIndicator", "1.2.0", "Key size of the cipher, with ForwardKeySize."),
    entry("<JkEnvVar name>", "text; JkEnvVar", "1.2.0", "Each variable that JkEnvVar names becomes a request attribute."),
    entry("<process environment>", "text", "1.2.7", "Variables httpd was started with, for $(name) in workers and mount files."),
];

/// Notes for log formats, `%{name}n`. Those of balancers exist twice: with FIRST for the member
/// tried first, with LAST for the one that served.
#[rustfmt::skip]
pub const NOTES: &[Entry] = &[
    entry("JK_WORKER_NAME", "every mapped request", "1.2.19", "Name of the worker; of the balancer, not of its member."),
    entry("JK_WORKER_TYPE", "every request of a worker", "1.2.19", "ajp13, lb or status."),
    entry("JK_WORKER_ROUTE", "requests with a route", "1.2.19", "Route of the member that served."),
    entry("JK_REQUEST_DURATION", "every request of a worker", "1.2.19", "Seconds with six decimals."),
    entry("JK_LB_FIRST_NAME JK_LB_LAST_NAME", "requests of a balancer", "1.2.19", "Name of the member."),
    entry("JK_LB_FIRST_VALUE JK_LB_LAST_VALUE", "requests of a balancer", "1.2.19", "Its load value."),
    entry("JK_LB_FIRST_ACCESSED JK_LB_LAST_ACCESSED", "requests of a balancer", "1.2.19", "Requests it has handled."),
    entry("JK_LB_FIRST_SESSIONS JK_LB_LAST_SESSIONS", "requests of a balancer", "1.2.33", "New sessions counted for the member."),
    entry("JK_LB_FIRST_READ JK_LB_LAST_READ", "requests of a balancer", "1.2.19", "Bytes read from it."),
    entry("JK_LB_FIRST_TRANSFERRED JK_LB_LAST_TRANSFERRED", "requests of a balancer", "1.2.19", "Bytes sent to it."),
    entry("JK_LB_FIRST_ERRORS JK_LB_LAST_ERRORS", "requests of a balancer", "1.2.19", "Its failed requests."),
    entry("JK_LB_FIRST_BUSY JK_LB_LAST_BUSY", "requests of a balancer", "1.2.19", "Its requests in flight."),
    entry("JK_LB_FIRST_ACTIVATION JK_LB_LAST_ACTIVATION", "requests of a balancer", "1.2.19", "ACT, DIS or STP."),
    entry("JK_LB_FIRST_STATE JK_LB_LAST_STATE", "requests of a balancer", "1.2.19", "OK, OK/IDLE, OK/BUSY, ERR, ERR/REC, ERR/FRC or ERR/PRB."),
];

/// Codes of JkRequestLogFormat.
#[rustfmt::skip]
pub const FORMATS: &[Entry] = &[
    entry("%b", "bytes or -", "1.2.1", "Bytes of the body."),
    entry("%B", "bytes or 0", "1.2.1", "Bytes of the body."),
    entry("%H", "text", "1.2.1", "Protocol of the request."),
    entry("%m", "text", "1.2.1", "Method."),
    entry("%p", "number", "1.2.1", "The server's port."),
    entry("%q", "?query or nothing", "1.2.1", "Query."),
    entry("%r", "text", "1.2.1", "Request line."),
    entry("%R", "text or -", "1.2.19", "Route."),
    entry("%s", "number or -", "1.2.1", "Status."),
    entry("%T", "s.uuuuuu", "1.2.1", "Duration."),
    entry("%U", "text", "1.2.1", "Path, decoded."),
    entry("%v", "text", "1.2.1", "ServerName."),
    entry("%V", "text", "1.2.1", "The server's name, as UseCanonicalName says."),
    entry("%w", "text or -", "1.2.1", "Worker."),
    entry("\\n \\t \\\\", "", "1.2.1", "New line, tab, backslash; other backslashes stay."),
    entry("other text", "", "1.2.1", "Unchanged. Another letter after % switches the request log off."),
];

/// Codes of JkLogStampFormat beside those of strftime.
pub const STAMPS: &[Entry] = &[
    entry("%Q", "000 to 999", "1.2.24", "Milliseconds."),
    entry("%q", "000000 to 999999", "1.2.24", "Microseconds, if there is no %Q."),
];
