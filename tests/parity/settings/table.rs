//! The table. Short limits are 1 s or less, long ones 20 s; what is late takes 5 s, so that a busy machine does not
//! change who is first.

use super::backend::Play;

/// Settings that meet, and what comes of it: the statuses of the requests, how often the backend got
/// one (d) and how often it was pinged (p).
pub struct Row {
    pub name: &'static str,
    /// Of the worker, or of each member.
    pub properties: &'static str,
    /// Of the balancer.
    pub balancer: &'static str,
    /// Extensions of the rule.
    pub rule: &'static str,
    /// Value of JK_REPLY_TIMEOUT.
    pub variable: &'static str,
    pub backends: &'static [Play],
    pub is_balanced: bool,
    pub requests: &'static [&'static str],
    pub at_once: bool,
    pub own: &'static str,
    /// What the original makes of it, if that differs.
    pub original: &'static str,
    /// The subject of the row of docs/differences.md that says so.
    pub because: &'static str,
}

const PLAIN: Row = Row {
    name: "",
    properties: "",
    balancer: "",
    rule: "",
    variable: "",
    backends: &[],
    is_balanced: false,
    requests: &["GET"],
    at_once: false,
    own: "",
    original: "",
    because: "",
};

const fn row(
    name: &'static str,
    properties: &'static str,
    backend: &'static [Play],
    own: &'static str,
) -> Row {
    Row { name, properties, backends: backend, own, ..PLAIN }
}

impl Row {
    const fn rule(self, rule: &'static str) -> Self {
        Self { rule, ..self }
    }

    const fn variable(self, variable: &'static str) -> Self {
        Self { variable, ..self }
    }

    const fn balancer(self, balancer: &'static str) -> Self {
        Self { balancer, is_balanced: true, ..self }
    }

    const fn requests(self, requests: &'static [&'static str]) -> Self {
        Self { requests, ..self }
    }

    const fn at_once(self, requests: &'static [&'static str]) -> Self {
        Self { requests, at_once: true, ..self }
    }

    const fn original(self, original: &'static str, because: &'static str) -> Self {
        Self { original, because, ..self }
    }
}

const ANSWERS: &[Play] = &[Play::Answers];
const LATE: &[Play] = &[Play::Late];
const LATE_END: &[Play] = &[Play::LateEnd];
const FLUSHED: &[Play] = &[Play::FlushedLateEnd];
const STEADY: &[Play] = &[Play::Steady];
const LATE_PONG: &[Play] = &[Play::LatePong];
const NO_PONG: &[Play] = &[Play::NoPong];
const SILENT: &[Play] = &[Play::Silent];
const HANGS_UP: &[Play] = &[Play::HangsUp];
const FAILS: &[Play] = &[Play::Fails];
const REFUSES: &[Play] = &[Play::Refuses];
const SWALLOWS: &[Play] = &[Play::Swallows];
const TWO_SILENT: &[Play] = &[Play::Silent, Play::Silent];
const TWO_HANG_UP: &[Play] = &[Play::HangsUp, Play::HangsUp];
const TWO_FAIL: &[Play] = &[Play::Fails, Play::Fails];
const TWO_REFUSE: &[Play] = &[Play::Refuses, Play::Refuses];

pub const ROWS: &[Row] = &[
    // ---- who limits the wait for a reply ----
    row("socket_timeout alone", "socket_timeout=1 retries=1", LATE, "504 d1 p0")
        .original("502 d1 p0", "socket_timeout while a response is awaited"),
    row(
        "reply_timeout over socket_timeout",
        "socket_timeout=1 reply_timeout=20000",
        LATE,
        "200 d1 p0",
    ),
    row("a rule's reply_timeout over socket_timeout", "socket_timeout=1", LATE, "200 d1 p0")
        .rule("reply_timeout=20000"),
    row("JK_REPLY_TIMEOUT over socket_timeout", "socket_timeout=1", LATE, "200 d1 p0")
        .variable("20000"),
    row(
        "socket_timeout where the rule has no reply_timeout",
        "socket_timeout=1 reply_timeout=20000 retries=1",
        LATE,
        "504 d1 p0",
    )
    .original("502 d1 p0", "socket_timeout while a response is awaited")
    .rule("reply_timeout=0"),
    row(
        "a short reply_timeout with a long socket_timeout",
        "socket_timeout=20 reply_timeout=800 retries=1",
        LATE,
        "504 d1 p0",
    ),
    row("a rule's longer reply_timeout over the worker's", "reply_timeout=800", LATE, "200 d1 p0")
        .rule("reply_timeout=20000"),
    row(
        "a rule's shorter reply_timeout over the worker's",
        "reply_timeout=20000 retries=1",
        LATE,
        "504 d1 p0",
    )
    .rule("reply_timeout=800"),
    row(
        "a rule without a limit over the worker's reply_timeout",
        "reply_timeout=800",
        LATE,
        "200 d1 p0",
    )
    .rule("reply_timeout=0"),
    row("a negative reply_timeout of a rule", "reply_timeout=800 retries=1", LATE, "504 d1 p0")
        .rule("reply_timeout=-1"),
    row("JK_REPLY_TIMEOUT, longer, over the rule's", "reply_timeout=800", LATE, "200 d1 p0")
        .rule("reply_timeout=800")
        .variable("20000"),
    row("JK_REPLY_TIMEOUT, shorter, over the rule's", "retries=1", LATE, "504 d1 p0")
        .rule("reply_timeout=20000")
        .variable("800"),
    row("JK_REPLY_TIMEOUT=0 over all", "reply_timeout=800", LATE, "200 d1 p0")
        .rule("reply_timeout=800")
        .variable("0"),
    row("a negative JK_REPLY_TIMEOUT", "reply_timeout=800 retries=1", LATE, "504 d1 p0")
        .variable("-1"),
    row(
        "reply_timeout between two packets",
        "reply_timeout=800 retries=1",
        FLUSHED,
        "200 cut d1 p0",
    )
    .original("200 d1 p0", "response under way"),
    row(
        "reply_timeout over socket_timeout between two packets",
        "socket_timeout=1 reply_timeout=20000",
        FLUSHED,
        "200 d1 p0",
    ),
    row(
        "socket_timeout between two packets",
        "socket_timeout=1 retries=1",
        FLUSHED,
        "200 cut d1 p0",
    )
    .original("200 d1 p0", "response under way"),
    row("reply_timeout is for each packet", "reply_timeout=4000", STEADY, "200 d1 p0"),
    row("socket_timeout is for each packet", "socket_timeout=4", STEADY, "200 d1 p0"),
    // ---- pings and the other limits ----
    row("connect_timeout", "connect_timeout=800 retries=1", NO_PONG, "503 d0 p1"),
    row("prepost_timeout", "prepost_timeout=800 retries=1", NO_PONG, "503 d0 p1"),
    row(
        "ping_mode with ping_timeout",
        "ping_mode=CP ping_timeout=800 retries=1",
        NO_PONG,
        "503 d0 p1",
    ),
    row("ping_mode without ping_timeout", "ping_mode=CP", LATE_PONG, "200 d1 p1"),
    row("ping_mode with a ping_timeout of 0", "ping_mode=A ping_timeout=0", NO_PONG, "200 d1 p0"),
    row(
        "connect_timeout over ping_timeout, longer",
        "ping_mode=C ping_timeout=800 connect_timeout=20000",
        LATE_PONG,
        "200 d1 p1",
    ),
    row(
        "connect_timeout over ping_timeout, shorter",
        "ping_mode=C ping_timeout=20000 connect_timeout=800 retries=1",
        LATE_PONG,
        "503 d0 p1",
    ),
    row(
        "prepost_timeout over ping_timeout, longer",
        "ping_mode=P ping_timeout=800 prepost_timeout=20000",
        LATE_PONG,
        "200 d1 p1",
    ),
    row(
        "prepost_timeout over ping_timeout, shorter",
        "ping_mode=P ping_timeout=20000 prepost_timeout=800 retries=1",
        LATE_PONG,
        "503 d0 p1",
    ),
    row("ping_timeout alone", "ping_timeout=800", NO_PONG, "200 d1 p0"),
    row(
        "no prepost ping on a connection that connect_timeout has tried",
        "connect_timeout=20000 prepost_timeout=800",
        LATE_PONG,
        "200 d1 p1",
    ),
    row(
        "both pings, two requests",
        "connect_timeout=20000 prepost_timeout=20000",
        ANSWERS,
        "200,200 d2 p2",
    )
    .requests(&["GET", "GET"]),
    row("ping_mode=A, two requests", "ping_mode=A", ANSWERS, "200,200 d2 p2")
        .requests(&["GET", "GET"]),
    row(
        "socket_timeout does not limit a ping",
        "socket_timeout=1 connect_timeout=20000",
        LATE_PONG,
        "200 d1 p1",
    ),
    row(
        "reply_timeout does not limit a ping",
        "reply_timeout=800 connect_timeout=20000",
        LATE_PONG,
        "200 d1 p1",
    ),
    row("retries of a ping that fails", "connect_timeout=800 retries=3", NO_PONG, "503 d0 p3"),
    // ---- connecting ----
    row("socket_connect_timeout", "socket_connect_timeout=800", SWALLOWS, "503 d0 p0"),
    row(
        "socket_timeout where there is no socket_connect_timeout",
        "socket_timeout=1",
        SWALLOWS,
        "503 d0 p0",
    ),
    row(
        "socket_connect_timeout over a long socket_timeout",
        "socket_timeout=60 socket_connect_timeout=800",
        SWALLOWS,
        "503 d0 p0",
    ),
    row(
        "reply_timeout and connect_timeout do not limit connecting",
        "reply_timeout=100 connect_timeout=100 socket_connect_timeout=800",
        SWALLOWS,
        "503 d0 p0",
    ),
    row("retries of a refused connection", "retries=3 retry_interval=1", REFUSES, "503 d0 p0"),
    // ---- repeating ----
    row("retries and a backend that hangs up", "retries=3 retry_interval=1", HANGS_UP, "502 d1 p0")
        .original("502 d3 p0", "repeating a request"),
    row(
        "retries, recovery_options=0 and a backend that hangs up",
        "retries=3 retry_interval=1 recovery_options=0",
        HANGS_UP,
        "502 d3 p0",
    ),
    row("retries=1 and recovery_options=0", "retries=1 recovery_options=0", HANGS_UP, "502 d1 p0"),
    row("recovery_options=1 over retries", "retries=3 recovery_options=1", HANGS_UP, "502 d1 p0"),
    row(
        "a POST, retries and recovery_options=0",
        "retries=3 retry_interval=1 recovery_options=0",
        HANGS_UP,
        "502 d3 p0",
    )
    .requests(&["POST"]),
    row("a POST and retries", "retries=3 retry_interval=1", HANGS_UP, "502 d1 p0")
        .original("502 d3 p0", "repeating a request")
        .requests(&["POST"]),
    row(
        "reply_timeout and retries",
        "reply_timeout=800 retries=3 retry_interval=1",
        SILENT,
        "504 d1 p0",
    )
    .original("504 d3 p0", "repeating a request"),
    row(
        "reply_timeout, retries and recovery_options=0",
        "reply_timeout=800 retries=3 retry_interval=1 recovery_options=0",
        SILENT,
        "504 d3 p0",
    ),
    row(
        "reply_timeout and recovery_options=1",
        "reply_timeout=800 retries=3 recovery_options=1",
        SILENT,
        "504 d1 p0",
    ),
    row(
        "reply_timeout in a response not passed on, recovery_options=0",
        "reply_timeout=800 retries=2 retry_interval=1 recovery_options=0",
        LATE_END,
        "504 d2 p0",
    ),
    row(
        "fail_on_status and retries",
        "fail_on_status=500 retries=3 retry_interval=1",
        FAILS,
        "503 d1 p0",
    )
    .original("503 d3 p0", "repeating a request"),
    row(
        "fail_on_status, retries and recovery_options=0",
        "fail_on_status=500 retries=3 retry_interval=1 recovery_options=0",
        FAILS,
        "503 d3 p0",
    ),
    row(
        "a rule's fail_on_status over the worker's",
        "fail_on_status=500 retries=1",
        FAILS,
        "500 d1 p0",
    )
    .rule("fail_on_status=404"),
    // ---- waiting for a connection ----
    row(
        "connection_acquire_timeout, shorter than a request",
        "connection_pool_size=1 connection_acquire_timeout=300 retries=1",
        LATE,
        "200,503 d1 p0",
    )
    .at_once(&["GET", "GET"]),
    row(
        "connection_acquire_timeout, longer than a request",
        "connection_pool_size=1 connection_acquire_timeout=20000",
        LATE,
        "200,200 d2 p0",
    )
    .at_once(&["GET", "GET"]),
    row(
        "no connection_acquire_timeout: retries and retry_interval, short",
        "connection_pool_size=1",
        LATE,
        "200,503 d1 p0",
    )
    .at_once(&["GET", "GET"]),
    row(
        "no connection_acquire_timeout: retries and retry_interval, long",
        "connection_pool_size=1 retries=3 retry_interval=6000",
        LATE,
        "200,200 d2 p0",
    )
    .at_once(&["GET", "GET"]),
    row(
        "reply_timeout does not count the wait for a connection",
        "connection_pool_size=1 connection_acquire_timeout=20000 reply_timeout=8000",
        LATE,
        "200,200 d2 p0",
    )
    .at_once(&["GET", "GET"]),
    row("retry_interval=0", "connection_pool_size=1 retry_interval=0", ANSWERS, "200 d1 p0")
        .original("503 d0 p0", "`retry_interval=0`, or a `connection_acquire_timeout` of 0"),
    // ---- balancers ----
    row(
        "a balancer's retries and its members'",
        "retries=2 retry_interval=1",
        TWO_HANG_UP,
        "502 d2",
    )
    .original("502 d8", "repeating a request")
    .balancer("retries=2 retry_interval=1"),
    row("lb_retries", "retries=1", TWO_HANG_UP, "502 d2")
        .original("502 d1", "`lb_retries`")
        .balancer("retries=1 lb_retries=1"),
    row(
        "a balancer with recovery_options=0",
        "retries=2 retry_interval=1 recovery_options=0",
        TWO_HANG_UP,
        "502 d2",
    )
    .original("502 d8", "`retries` of a member")
    .balancer("retries=2 retry_interval=1"),
    row(
        "a balancer with recovery_options=1",
        "retries=2 recovery_options=1",
        TWO_HANG_UP,
        "502 d1",
    )
    .balancer("retries=2"),
    row("a balancer of members that refuse", "retries=2 retry_interval=1", TWO_REFUSE, "503 d0")
        .balancer("retries=2 retry_interval=1"),
    row("reply_timeout in a balancer", "reply_timeout=800 retries=1", TWO_SILENT, "504 d2")
        .balancer("retries=1"),
    row(
        "reply_timeout in a balancer with recovery_options=1",
        "reply_timeout=800 recovery_options=1",
        TWO_SILENT,
        "504 d1",
    )
    .balancer("retries=2"),
    row(
        "max_reply_timeouts=0",
        "reply_timeout=800 retries=1 recovery_options=1",
        SILENT,
        "504,504 d2",
    )
    .balancer("max_reply_timeouts=0 recover_time=90")
    .requests(&["GET", "GET"]),
    row(
        "max_reply_timeouts=2",
        "reply_timeout=800 retries=1 recovery_options=1",
        SILENT,
        "504,504,504,504 d4",
    )
    .balancer("max_reply_timeouts=2 recover_time=90")
    .requests(&["GET", "GET", "GET", "GET"]),
    row(
        "max_reply_timeouts and a rule's reply_timeout",
        "retries=1 recovery_options=1",
        SILENT,
        "504,504,504 d3",
    )
    .rule("reply_timeout=800")
    .balancer("max_reply_timeouts=1 recover_time=90")
    .requests(&["GET", "GET", "GET"]),
    row("fail_on_status in a balancer", "fail_on_status=500 retries=1", TWO_FAIL, "503 d2")
        .balancer("retries=1"),
    row(
        "socket_timeout in a balancer",
        "socket_timeout=1 retries=1 recovery_options=1",
        SILENT,
        "504,504 d2",
    )
    .original("502,502 d2", "socket_timeout while a response is awaited")
    .balancer("max_reply_timeouts=5")
    .requests(&["GET", "GET"]),
];
