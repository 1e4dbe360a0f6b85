//! The catalogue of messages: every line of the module that asks for attention begins with one of
//! these codes. The manual's list is made from it.
#![forbid(unsafe_code)]

/// One kind of message.
#[derive(Clone, Copy, Debug)]
pub struct Message {
    /// Its stable code: JK-1nn configuration, 2nn mapping, 3nn containers, 4nn balancers, 5nn the
    /// status page, 9nn defects.
    pub code: &'static str,
    /// What happened.
    pub what: &'static str,
    /// What an administrator can do about it.
    pub remedy: &'static str,
}

/// All messages by code.
pub const CATALOGUE: &[Message] = &[
    Message {
        code: "JK-101",
        what: "the configuration has an error; the line names file, line and value",
        remedy: "mend that line; httpd does not start with it",
    },
    Message {
        code: "JK-102",
        what: "the configuration has something that is probably not meant",
        remedy: "mend it or leave it; `JkStrict On` makes it an error",
    },
    Message {
        code: "JK-103",
        what: "a child has no background thread",
        remedy: "raise the limit of threads; members in error come back by requests only",
    },
    Message {
        code: "JK-104",
        what: "the workers file is broken at a graceful restart; the last good one stays in force",
        remedy: "mend what JK-101 names, restart gracefully",
    },
    Message {
        code: "JK-105",
        what: "the log file cannot be opened or there is no shared memory",
        remedy: "the line names path and reason",
    },
    Message {
        code: "JK-106",
        what: "more children than shared memory has rows for",
        remedy: "restart httpd if ServerLimit was raised",
    },
    Message {
        code: "JK-107",
        what: "JkLogFile cannot be written; its lines go to httpd's error log until it can",
        remedy: "free space on its disk, see to its owner, or to the program behind the pipe",
    },
    Message {
        code: "JK-108",
        what: "`httpd -t` found something that is often meant as it is",
        remedy: "look at it once; it is not said at a start, and `JkStrict On` makes it an error",
    },
    Message {
        code: "JK-201",
        what: "a path climbs above the root; answered 400",
        remedy: "nothing: usually a scan",
    },
    Message {
        code: "JK-202",
        what: "RejectUnsafeURI or ForbidUnsafeURI kept a path from a worker; the line says whether it was answered 400 or left to httpd",
        remedy: "nothing, or turn the option off",
    },
    Message {
        code: "JK-203",
        what: "`no-jk` was set after the request was mapped",
        remedy: "set it with SetEnvIf outside of sections",
    },
    Message {
        code: "JK-204",
        what: "the handler jakarta-servlet without a worker; answered 500",
        remedy: "add a JkMount, or set JK_WORKER_NAME",
    },
    Message {
        code: "JK-205",
        what: "a mount names a worker that is not in worker.list; answered 500",
        remedy: "correct the name",
    },
    Message {
        code: "JK-206",
        what: "what would be forwarded means another path to Tomcat than to the rules or to httpd's sections; the line says what makes the difference; answered 400",
        remedy: "nothing: usually a scan; with ForwardURICompatUnparsed and a RewriteRule see which worker the client's own path has",
    },
    Message {
        code: "JK-207",
        what: "the worker variable has an extension that is not understood",
        remedy: "correct the value that names the worker",
    },
    Message {
        code: "JK-208",
        what: "a request that mod_proxy shall serve has our handler; answered 500",
        remedy: "remove SetHandler jakarta-servlet, or the ProxyPass or [P] for that path",
    },
    Message {
        code: "JK-209",
        what: "a RewriteRule without `[PT]` changed a path, and the path the client sent is mapped; the rule is lost",
        remedy: "add `[PT]` to the rule, or JkUnMount the path",
    },
    Message {
        code: "JK-211",
        what: "a mount file has changed and its rules are in force",
        remedy: "nothing",
    },
    Message {
        code: "JK-212",
        what: "a changed mount file has a line that is no rule, or a rule for an unknown worker, that was not there before; the rules read before stay in force, over a graceful restart too",
        remedy: "mend the line; the file is read again when it changes",
    },
    Message {
        code: "JK-213",
        what: "a mount file is gone or cannot be read; the rules read before stay in force, over a graceful restart too",
        remedy: "the line names the reason; children read the file as httpd's User",
    },
    Message {
        code: "JK-301",
        what: "no free connection within connection_acquire_timeout",
        remedy: "raise connection_pool_size, or find out why Tomcat is slow",
    },
    Message {
        code: "JK-302",
        what: "the host name of a worker has no address",
        remedy: "correct `host`, or the name server; it is looked up again in the background",
    },
    Message {
        code: "JK-303",
        what: "the connection was refused or timed out",
        remedy: "is Tomcat up, has it an AJP connector on that address and port, does a firewall or SELinux (httpd_can_network_connect) forbid it",
    },
    Message {
        code: "JK-304",
        what: "a container does not answer a ping",
        remedy: "Tomcat hangs or is overloaded: take a thread dump; or the port is no AJP port",
    },
    Message {
        code: "JK-305",
        what: "the request could not be sent",
        remedy: "Tomcat closed the connection: see its log",
    },
    Message {
        code: "JK-306",
        what: "the connection broke or timed out before the answer was complete",
        remedy: "see Tomcat's log; socket_timeout may be too short",
    },
    Message {
        code: "JK-307",
        what: "the answer is not AJP13 or not allowed; answered 502",
        remedy: "the line says which rule, how the packet begins, and whether an HTTP or TLS connector answered",
    },
    Message {
        code: "JK-308",
        what: "the client gave up or its body is malformed",
        remedy: "nothing",
    },
    Message {
        code: "JK-309",
        what: "the request does not fit into max_packet_size; answered 414, 431 or 500",
        remedy: "raise max_packet_size here and packetSize at the connector to the same value",
    },
    Message {
        code: "JK-310",
        what: "no answer within reply_timeout; answered 504",
        remedy: "raise reply_timeout for slow pages, or find out why they are slow",
    },
    Message { code: "JK-311", what: "a status of fail_on_status", remedy: "see the application" },
    Message {
        code: "JK-312",
        what: "busy_limit is reached; answered 503",
        remedy: "raise it, or add members",
    },
    Message { code: "JK-313", what: "the worker's port is 0", remedy: "set `port`" },
    Message {
        code: "JK-314",
        what: "the container has given a response up: it was silent, and answered a ping in the middle of it",
        remedy: "see Tomcat's log for an exception after the response had begun, or a header larger than packetSize; `response_probe=false` switches the ping off",
    },
    Message {
        code: "JK-315",
        what: "403 and the end of the connection",
        remedy: "compare `secret` here and at the connector; allow the names of JkEnvVar with allowedRequestAttributesPattern",
    },
    Message {
        code: "JK-316",
        what: "the application sent more than its Content-Length; the rest is cut off",
        remedy: "mend the application",
    },
    Message {
        code: "JK-317",
        what: "idle connections had received something nobody asked for and were closed",
        remedy: "see what stands between here and Tomcat; no answer went astray",
    },
    Message {
        code: "JK-318",
        what: "`source` has no address or cannot be bound; another address is used",
        remedy: "correct `source`",
    },
    Message { code: "JK-319", what: "a host name has other addresses now", remedy: "nothing" },
    Message {
        code: "JK-401",
        what: "a member went into error",
        remedy: "see the reason in the line; it is asked for a sign of life in the background",
    },
    Message {
        code: "JK-402",
        what: "no member can serve a request, or none is left to try",
        remedy: "the line names every member with activation, state and what last went wrong with it",
    },
    Message {
        code: "JK-403",
        what: "a member answers again and is back in service",
        remedy: "nothing",
    },
    Message {
        code: "JK-404",
        what: "more workers than shared memory has room for; it is made anew at a graceful restart",
        remedy: "nothing; counters and states begin anew",
    },
    Message {
        code: "JK-405",
        what: "the settings of a member changed at a graceful restart",
        remedy: "nothing; its counters and its state begin anew",
    },
    Message {
        code: "JK-406",
        what: "a member does not answer the balancer's health check as it should; it is in error",
        remedy: "see the status in the line and the application; it is back after health_check_rise good answers",
    },
    Message {
        code: "JK-407",
        what: "a member answers the health check as it should again",
        remedy: "nothing",
    },
    Message {
        code: "JK-408",
        what: "a member does not answer the health check as it should and stays in service, as no other member can serve",
        remedy: "if all members are named, see health_check and health_check_status first; otherwise the applications",
    },
    Message {
        code: "JK-501",
        what: "somebody who is not in the status worker's `user` list asked for the page; answered \"Access denied.\"",
        remedy: "add the user, or nothing",
    },
    Message {
        code: "JK-502",
        what: "somebody has changed a member or set counters to 0 over the status page",
        remedy: "nothing; the line says who, from where, old and new",
    },
    Message {
        code: "JK-503",
        what: "the file changes settings of a worker that had been changed through the status page",
        remedy: "nothing: the file wins; repeat the change if it is still wanted",
    },
    Message {
        code: "JK-504",
        what: "somebody on another machine asked for the status page while JkStatusLoopback is On; answered 403",
        remedy: "nothing, or JkStatusLoopback Off and a Require for the path",
    },
    Message {
        code: "JK-505",
        what: "a browser was sent to the status page by another site to change something; refused",
        remedy: "nothing; if it was you, follow a link or a form of the page itself",
    },
    Message {
        code: "JK-506",
        what: "the status page refuses a request; the line says why",
        remedy: "mend the script or the link that asks",
    },
    Message {
        code: "JK-901",
        what: "a defect of the module was caught; the request failed",
        remedy: "please report it with the lines around it",
    },
];

/// Returns the manual's list.
pub fn manual() -> String {
    let mut text = String::from(HEAD);
    for message in CATALOGUE {
        text += &format!("| {} | {} | {} |\n", message.code, message.what, message.remedy);
    }
    text
}

const HEAD: &str = "\
# Messages

Every line of the module that asks for attention begins with a number. This list is made from
`src/messages.rs`.

| number | what happened | what to do |
|---|---|---|
";
