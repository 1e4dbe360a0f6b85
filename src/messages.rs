//! The catalogue of messages: every log line that needs an administrator's attention begins with one
//! of these codes. The manual's list is generated from it.
#![forbid(unsafe_code)]

use std::fmt;

mod failure_detail;

pub use failure_detail::FailureDetail;

/// What to do about a member that goes out of service again and again, whatever takes it out: one look finds
/// that the backend runs.
pub const REMEDY_OF_FLAPPING: &str = "see the backend's log, and that of what starts it, for why it stops and comes back; drain the member until it is stable";

/// One kind of message.
#[derive(Clone, Copy, Debug)]
pub struct Message {
    /// Its stable code: JK-1nn configuration, 2nn mapping, 3nn backends, 4nn balancers, 5nn the
    /// status page, 9nn defects.
    pub code: &'static str,
    /// What happened.
    pub what: &'static str,
    /// What an administrator can do about it.
    pub remedy: &'static str,
}

/// Makes the codes and the catalogue from one table, so that a code without a row does not compile.
macro_rules! messages {
    ($($code:ident $text:literal: $what:literal, $remedy:literal;)*) => {
        /// A code of the catalogue. In a format string `{JK306}` writes it.
        #[allow(missing_docs)]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum MessageCode {
            $($code,)*
        }

        impl MessageCode {
            /// Returns it as it is written: `JK-306`.
            pub const fn text(self) -> &'static str {
                match self {
                    $(Self::$code => $text,)*
                }
            }
        }

        /// All messages by code.
        pub const CATALOGUE: &[Message] = &[$(Message {
            code: $text,
            what: $what,
            remedy: $remedy,
        },)*];
    };
}

impl fmt::Display for MessageCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

messages! {
    JK101 "JK-101":
        "the configuration has an error; the line names the file, the line and the value",
        "correct that line; httpd does not start until it is correct";
    JK102 "JK-102":
        "the configuration has a setting that is probably not intended",
        "correct it, or leave it if it is intended; `JkStrict On` makes it an error";
    JK103 "JK-103":
        "a child process could not start its background thread; it runs no probes or health checks",
        "raise the limit on threads; until then, failed members recover only when recover_time has passed and a request succeeds";
    JK104 "JK-104":
        "a graceful restart found errors in the workers file, or the file is empty or half-written; the previous configuration stays in use",
        "correct what the line itself or the JK-101 lines name, then restart gracefully; a worker that goes needs its rules removed as well";
    JK105 "JK-105":
        "the log file cannot be opened, or shared memory cannot be created",
        "correct what the line names: the path or the reason";
    JK106 "JK-106":
        "there are more child processes than rows in shared memory; if this child is killed, its requests in flight are not subtracted",
        "restart httpd if ServerLimit was raised";
    JK107 "JK-107":
        "JkLogFile cannot be written; until it can, its lines go to httpd's error log",
        "free space on its disk, correct its owner, or repair the program behind the pipe";
    JK108 "JK-108":
        "`httpd -t` found a setting that is often intended",
        "check it once; it is not reported when httpd starts, and `JkStrict On` makes it an error";
    JK111 "JK-111":
        "httpd is older than 2.4.18 and lacks functions that the module needs; it does not start",
        "upgrade httpd, or remove the LoadModule line of jk_module";
    JK112 "JK-112":
        "JkLogFile cannot be opened at a graceful restart; its lines go to httpd's error log",
        "create the directory, or correct the path or the program, then restart gracefully";
    JK113 "JK-113":
        "`JkAsync On` has no effect, because this httpd cannot wait for a backend without a thread, or a child lacks what that needs; each request that waits holds a thread",
        "use the event MPM of httpd 2.4.63 or later, or set `JkAsync Auto` to accept it silently";
    JK114 "JK-114":
        "requests may wait without a thread (`JkAsync`), but the event MPM accepts few connections beside them: three for each thread of a child",
        "set `AsyncRequestWorkerFactor` to the number of requests that may wait in a child, divided by `ThreadsPerChild`";
    JK115 "JK-115":
        "requests cannot wait for room in a child, as it may have no further thread; those above busy_limit are answered 503 at once in spite of `queue_size`, and where JkAsync is not set backends may get more requests than httpd has threads",
        "raise the limit on threads of httpd's user or service";
    JK116 "JK-116":
        "how many requests and connections httpd's settings allow, what those need that wait without a thread (`JkAsync`) or in a queue, and how many reach one backend; said at each start and by `httpd -t` where requests wait so",
        "no action needed where the numbers are what you want; `busy_limit` limits what reaches a backend";
    JK117 "JK-117":
        "requests that wait without a thread (`JkAsync`) need more descriptors than a child process may have; beyond that, requests fail",
        "raise the limit of the service (`LimitNOFILE`, `ulimit -n`), or lower `AsyncRequestWorkerFactor`";
    JK201 "JK-201":
        "a path climbs above the root; answered 400",
        "no action needed: this is usually a scan";
    JK202 "JK-202":
        "RejectUnsafeURI or ForbidUnsafeURI kept a path from a worker; the line says whether the request was answered 400 or left to httpd",
        "no action needed, or turn the option off";
    JK203 "JK-203":
        "`no-jk` was set after the request was mapped, so httpd answers it itself, in most cases with 404",
        "set it with SetEnvIf outside of sections";
    JK204 "JK-204":
        "a request has the handler jakarta-servlet but no worker; answered 500",
        "add a JkMount, or set JK_WORKER_NAME";
    JK205 "JK-205":
        "a mount names a worker that is not in worker.list; answered 500",
        "correct the name";
    JK206 "JK-206":
        "Tomcat would read the forwarded path as another path than the rules or httpd's sections did; the line names the difference; answered 400",
        "no action needed: this is usually a scan; with ForwardURICompatUnparsed and a RewriteRule, check which worker the client's own path is mapped to";
    JK207 "JK-207":
        "the value of the worker variable has an unknown extension",
        "correct the value that names the worker";
    JK208 "JK-208":
        "a request for mod_proxy has the handler of this module; answered 500",
        "remove SetHandler jakarta-servlet, or the ProxyPass or [P] for that path";
    JK209 "JK-209":
        "a RewriteRule without `[PT]` changed a path that is mapped as the client sent it; the request does not reach the worker",
        "add `[PT]` to the rule, or JkUnMount the path";
    JK211 "JK-211":
        "a mount file changed, and its new rules are in use",
        "no action needed";
    JK212 "JK-212":
        "a changed mount file has a new mistake: a line that is not a rule, or a rule for an unknown worker; the previous rules stay in use, also over a graceful restart",
        "correct the line; the file is read again when it changes";
    JK213 "JK-213":
        "a mount file is missing or cannot be read; the previous rules stay in use, also over a graceful restart",
        "correct the reason in the line; child processes read the file as httpd's User";
    JK301 "JK-301":
        "no connection became free within connection_acquire_timeout; answered 503",
        "raise connection_pool_size, or find out why Tomcat is slow";
    JK302 "JK-302":
        "the host name of a worker has no address; the worker cannot be used, and its requests are answered 503",
        "correct `host` or the name server; the name is looked up again in the background";
    JK303 "JK-303":
        "the connection to a backend was refused or timed out; answered 503 unless another member served the request",
        "check that Tomcat is running, that it has an AJP connector on that address and port, and that no firewall or SELinux policy (httpd_can_network_connect) blocks it";
    JK304 "JK-304":
        "a backend does not answer CPING; answered 503 unless another connection or member served the request",
        "if Tomcat hangs or is overloaded, take a thread dump; otherwise check that the port is an AJP port";
    JK305 "JK-305":
        "the request could not be sent; answered 503 unless another member served it",
        "Tomcat closed the connection: see its log";
    JK306 "JK-306":
        "the connection broke or timed out before the response was complete; answered 502 or 504, or the response is broken off, unless another member served the request",
        "see Tomcat's log; socket_timeout may be too short";
    JK307 "JK-307":
        "the response is not valid AJP13; answered 502",
        "the line says whether an HTTP or a TLS connector answered, or else which rule the response breaks, with the header by its name; correct the port or the application accordingly";
    JK308 "JK-308":
        "the client closed the connection early, or its request body is malformed, too large or late; a response that has begun is broken off",
        "no action needed; if bodies are late, check Timeout and RequestReadTimeout";
    JK309 "JK-309":
        "the request does not fit into max_packet_size, or has a byte that AJP13 cannot carry; the line names the header or variable; answered 400, 414, 431 or 500",
        "raise max_packet_size here and packetSize at the connector to the same value";
    JK310 "JK-310":
        "no response within reply_timeout; answered 504",
        "raise reply_timeout for slow pages, or find out why they are slow";
    JK311 "JK-311":
        "the response has a status that fail_on_status counts as a failure",
        "see the application's log";
    JK312 "JK-312":
        "busy_limit, or with `concurrency=adaptive` the limit that was found, is reached; answered 503",
        "raise busy_limit, or add members";
    JK313 "JK-313":
        "the worker's port is 0, which disables it",
        "set `port`";
    JK314 "JK-314":
        "the backend abandoned a response: it sent nothing more, yet answered CPING while the response was due",
        "see Tomcat's log for an exception after the response had begun, or for a header larger than packetSize; `response_probe=false` switches this CPING off";
    JK315 "JK-315":
        "the connector refused a request with status 403 and closes the connection: the worker's secret differs from the connector's, or a request attribute is not allowed; the client received the 403",
        "make `secret` the same here and at the connector; allow the names of JkEnvVar with the connector's allowedRequestAttributesPattern; if an application answers like this itself, set `refusal_detection=off`";
    JK316 "JK-316":
        "the application sent more than its Content-Length; the excess is discarded",
        "correct the application";
    JK317 "JK-317":
        "idle connections held unexpected data and were closed",
        "find out what sends the data: the backend, or a device in between; see JK-327";
    JK318 "JK-318":
        "`source` has no address or cannot be bound; connections use another address",
        "correct `source`";
    JK319 "JK-319":
        "the addresses of a host name changed, or a name that had none has one; new connections use the new ones",
        "no action needed";
    JK320 "JK-320":
        "an output filter of httpd ended the response before the backend did; the rest is not sent",
        "no action needed if the filter is meant to do that, for example a filter that inspects content";
    JK321 "JK-321":
        "a filter of httpd failed; answered 500, or the response is broken off",
        "see httpd's error log for messages of the filter";
    JK322 "JK-322":
        "a request waited in the queue, and no member had room within queue_timeout; answered 503 with Retry-After",
        "find out why the backends are slow, add members, or raise busy_limit where it is set and they can take more; raise queue_timeout if clients may wait longer";
    JK323 "JK-323":
        "no member has room, and queue_size requests wait for it already; answered 503 with Retry-After",
        "find out why the backends are slow, add members, or raise busy_limit where it is set and they can take more; a longer queue helps with short bursts only";
    JK324 "JK-324":
        "a worker holds as many threads of httpd as max_threads_share allows; answered 503 with Retry-After, unless another member served the request",
        "find out why the backends are slow; raise max_threads_share or MaxRequestWorkers if they are not; JkAsync lets requests wait without a thread";
    JK327 "JK-327":
        "a backend sent data that belongs to no request; its idle connections are closed, and for 5 minutes each connection must answer CPING before it is used again",
        "find out what sends the data: if it arrives just as a request is sent, it can be taken for the response to that request";
    JK328 "JK-328":
        "a response was followed by data that belongs to no request; the connection is closed",
        "as for JK-327; the line names the request";
    JK329 "JK-329":
        "the adaptive limit of a worker (`concurrency=adaptive`) is twice or half of what the log was told last, as its backend can work on more or fewer requests at once than before",
        "no action needed where the load or the application changed; a limit that stays far below the connector's maxThreads shows what the backend waits for: its processor, its database";
    JK330 "JK-330":
        "the connector refused a request with status 400 or 500 and closes the connection: the request is larger than the connector's packetSize; the client received that status",
        "make the connector's packetSize equal to the worker's max_packet_size; if an application answers like this itself, set `refusal_detection=off`";
    JK331 "JK-331":
        "the backends of a worker have as many requests as httpd has threads (MaxRequestWorkers), which is the limit where JkAsync is not set; further requests wait, without a thread, each until another one has ended",
        "find out why the backends are slow: set `reply_timeout` so that hung requests end; if the backends can serve more, set `busy_limit` to what they can and `JkAsync Auto`";
    JK401 "JK-401":
        "a member failed and is in error; it receives no requests until it recovers. Reported once for each outage: trials that fail are reported at level debug",
        "see the reason in the line; the member is probed in the background, and JK-403 reports its return";
    JK402 "JK-402":
        "no member can serve a request, or none is left to try",
        "see the line: it says of every member why it did not serve the request, and what to do";
    JK403 "JK-403":
        "a member is back in service: a request to it succeeded, so it takes its share of the requests again; the line names how long it was out",
        "no action needed";
    JK404 "JK-404":
        "shared memory has no room for more workers; a graceful restart creates a new segment, and counters and states are reset",
        "no action needed";
    JK405 "JK-405":
        "the settings of a member changed at a graceful restart; its counters and its state are reset",
        "no action needed";
    JK406 "JK-406":
        "a member fails the balancer's health check; it is in error",
        "see the status in the line and the application; the member is back after health_check_rise passed checks in a row";
    JK407 "JK-407":
        "a member passes its health check again; if it was out of service, the next request tries it",
        "no action needed";
    JK408 "JK-408":
        "a member fails the health check but stays in service, because no other member can serve",
        "if all members are named, check health_check and health_check_status first; otherwise check the applications";
    JK409 "JK-409":
        "a member's connector refused three requests in a row (JK-315, JK-330), with no other response between them; the member is in error",
        "see the JK-315 or JK-330 lines for the cause; one request tries the member after each recover_time, or as soon as its Tomcat was restarted";
    JK410 "JK-410":
        "a member's connector refused three requests in a row (JK-315, JK-330); the member stays in service, because no other member can serve",
        "see the JK-315 or JK-330 lines for the cause: the clients receive these refusals";
    JK411 "JK-411":
        "a member that was out of service may be tried: it answered CPING, recover_time has passed, or the administrator recovered it; the next request tries it. Reported once for each outage, later trials at level debug",
        "no action needed; JK-403 follows when the request succeeds";
    JK413 "JK-413":
        "the session ids of a member end in another route than its own, or in none; later requests of these sessions do not return to the member",
        "set jvmRoute at the Engine in its server.xml to the member's route, or `route` to its jvmRoute";
    JK414 "JK-414":
        "a member or worker serves, but not as it should: its application answers many requests with a status 5xx, its replies take long to begin, or requests wait and no reply begins. Reported once when it begins",
        "see the line: it says which of these, since when, and what to do";
    JK415 "JK-415":
        "the replies of a member or worker are as they should be again (JK-414)",
        "no action needed";
    JK501 "JK-501":
        "a user who is not in the status worker's `user` list requested the page; answered \"Access denied.\"",
        "add the user to the list, or no action if access is not wanted";
    JK502 "JK-502":
        "a setting was changed or counters were reset over the status page",
        "no action needed; the line names the user, the client's address, the old and the new value";
    JK503 "JK-503":
        "runtime change discarded: the configuration file changed settings of a worker that had been changed through the status page",
        "no action needed: the file takes precedence; repeat the change if it is still wanted";
    JK504 "JK-504":
        "a client on another machine requested the status page while JkStatusLoopback is On; answered 403",
        "no action needed, or set JkStatusLoopback Off and add a Require for the path";
    JK505 "JK-505":
        "rejected a cross-site request: another site sent a browser to the status page to change something",
        "no action needed; if it was intended, use a link or a form of the page itself";
    JK506 "JK-506":
        "the status page rejected a request; the line names the reason",
        "correct the script or the link that sends the request";
    JK901 "JK-901":
        "a defect of the module was caught; the request failed",
        "please report it with the lines around it";
    JK902 "JK-902":
        "a defect of the module was caught in the background thread of a child, which restarts; probes, health checks and checks of mount files pause for half a second",
        "please report it with the lines around it";
}

/// Returns the manual's list.
pub fn manual() -> String {
    let mut text = String::from(HEAD);
    for message in CATALOGUE {
        // The place that links lead to, such as messages.md#jk-101.
        let place = message.code.to_lowercase();
        let (code, what, remedy) = (message.code, message.what, message.remedy);
        text += &format!("| <a id=\"{place}\"></a>{code} | {what} | {remedy} |\n");
    }
    text
}

const HEAD: &str = "\
# Messages

Every log line of the module that needs attention begins with a code. This list is generated from
`src/messages.rs`.

| code | what happened | what to do |
|---|---|---|
";
