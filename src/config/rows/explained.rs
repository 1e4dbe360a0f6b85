//! Properties that need more than the line of their row: the manual explains each with an example,
//! which a test reads.

/// A property of the table, explained.
#[derive(Debug)]
pub struct Explained {
    /// Its name.
    pub name: &'static str,
    /// What it does, when to set it, and what it does not do; Markdown.
    pub text: &'static str,
    /// Lines of a workers file that use it.
    pub example: &'static str,
}

const fn explained(name: &'static str, text: &'static str, example: &'static str) -> Explained {
    Explained { name, text, example }
}

/// The properties that are misunderstood most often.
pub const EXPLAINED: &[Explained] = &[
    explained(
        "recovery_options",
        "Which failed requests are delivered again. A request that did not reach a backend (no connection, \
         nothing sent) always goes to another member; these bits are about one that may have been executed. \
         A response that has begun is never repeated.\n\n\
         | value | meaning |\n|---|---|\n\
         | unset | the safe rule: an idempotent request (GET, HEAD, PUT, DELETE, PROPFIND ...) once more, anything else never |\n\
         | 0 | every request again, POST too, as long as nothing of the response reached the client |\n\
         | 1 | not again once the request was sent |\n\
         | 2 | not again once the response's headers were sent to the client: always so |\n\
         | 4 | close the connection to the backend hard after a client's error: always so |\n\
         | 8 | undoes 1 for HEAD |\n\
         | 16 | undoes 1 for GET |\n\n\
         The bits are added: 27 = 1 + 2 + 8 + 16 repeats HEAD and GET only. A worker without a balancer is asked again \
         only if this is set.",
        "recovery_options=27",
    ),
    explained(
        "ping_mode",
        "When the backend is asked by CPING whether it answers: `C` after connecting, `P` before each request, `I` \
         while idle (every `connection_ping_interval`, 100 s with this mode), `A` all of them. It sets `connect_timeout`, \
         `prepost_timeout` and `connection_ping_interval` where these are not set; each ping waits for `ping_timeout`. \
         Without it, connections that were idle are still pinged before requests that must not be sent twice \
         (`idle_guard`). `P` costs each request a round trip.",
        "ping_mode=CI\nworker.app.ping_timeout=5000",
    ),
    explained(
        "reply_timeout",
        "Milliseconds between two packets of a reply, not for the whole reply: a download that goes on is not limited. \
         Then the client gets 504 (JK-310), and Tomcat may still be working. `;reply_timeout=` behind a rule and the \
         variable JK_REPLY_TIMEOUT replace it for some requests. `max_reply_timeouts` says how many take a member out.",
        "reply_timeout=60000",
    ),
    explained(
        "socket_timeout",
        "Seconds, where most other times are milliseconds. It limits each send and receive, and the wait for a reply only \
         where no `reply_timeout` is set. Unless `socket_connect_timeout` is set it is also the time for connecting.",
        "socket_timeout=300\nworker.app.socket_connect_timeout=3000",
    ),
    explained(
        "connection_pool_size",
        "A limit of one httpd child process, not of the machine: with 16 children and 10 there are up to 160 connections. \
         Below ThreadsPerChild requests wait for `connection_acquire_timeout` and then fail with 503 (JK-301). \
         Leave it unset, and limit requests with `busy_limit`.",
        "connection_pool_size=25",
    ),
    explained(
        "connection_pool_timeout",
        "Seconds after which an idle connection is closed, looked at every JkWatchdogInterval. Set it below the idle limit \
         of a firewall between httpd and Tomcat, and below `keepAliveTimeout` of the connector.",
        "connection_pool_timeout=600",
    ),
    explained(
        "max_packet_size",
        "A request's head must fit into one packet. Set it to the same value as `packetSize` of the connector, at most \
         65536; change the connector first. Too small here: 414, 431 or 500 (JK-309); too small there: 400 or 500 \
         (JK-330).",
        "max_packet_size=65536",
    ),
    explained(
        "secret",
        "The connector's `secret`. A wrong one is answered 403 (JK-315), and CPING does not notice it. A `#` begins a comment \
         and cannot be a part of it. At a balancer it holds for all members. `$(NAME)` takes it from httpd's environment.",
        "secret=a-long-secret",
    ),
    explained(
        "busy_limit",
        "Requests in flight over all child processes of this httpd. At the limit the next member gets the request; if \
         there is none, the client gets 503 (JK-312, JK-402). It is no error of the member. Several httpds do not know \
         of each other: divide.",
        "busy_limit=180",
    ),
    explained(
        "concurrency",
        "With `adaptive` httpd finds out how many requests at once the backend can work on, and sends it no more: the \
         limit grows as long as answers take no longer than those of a backend with nothing to wait for, and falls when \
         they take 1.4 times as long. All child processes share it. It counts wherever `busy_limit` does; a `busy_limit` \
         that is set is the highest it may become, else 10000. It begins at 20, is at least 2, and is kept over a graceful \
         restart. Set `queue_size` with it, so that short bursts wait instead of being refused. Several httpds before one \
         backend do not know of each other: set `busy_limit` too. [Waiting](waiting.md#a-limit-that-is-found) says how it is found.",
        "concurrency=adaptive\nworker.app.queue_size=400\nworker.app.queue_timeout=10000",
    ),
    explained(
        "queue_size",
        "Requests that find every member at its `busy_limit` wait in turn until one has room, those of sessions first and \
         for their own member; older ones go before younger ones, over all child processes. One that waits longer than \
         `queue_timeout` gets 503 with Retry-After (JK-322), and one beyond `queue_size` gets it at once (JK-323). A session \
         that has waited in vain goes to another member with room, unless sticky_session_force forbids it. Who waits holds \
         no thread where requests can be parked; elsewhere each holds one. Of a member it is without effect: set it at the balancer.",
        "queue_size=400",
    ),
    explained(
        "max_threads_share",
        "Keeps a worker that hangs from taking all threads of httpd: static files and other workers are still served. Set it at \
         what is mounted, a balancer or a worker without one. It is a share of MaxRequestWorkers, rounded down, and at least one \
         thread. All requests count that hold a thread for the worker, over all child processes, those included that wait in \
         its queue, for a connection or for another try; a request that is parked holds none. A request beyond the \
         share gets 503 with Retry-After at once (JK-324) and never waits in the queue, unless it can be parked. Of a member it \
         limits that member: another one gets the request. Choose it well above what the worker needs when all is well: \
         requests a second, times the seconds that one of them takes.",
        "max_threads_share=40",
    ),
    explained(
        "fail_on_status",
        "Responses with these statuses are not passed on: the request goes to another member if it may be repeated, else \
         the client gets 503 (JK-311). A positive status takes the member out of service, a negative one does not.",
        "fail_on_status=-404,503",
    ),
    explained(
        "retries",
        "For a worker without a balancer: attempts in all, with `retry_interval` between them. For a balancer: how often a \
         request waits and looks again when members were only full or being tried. It does not multiply attempts at \
         members: each is tried once for a request.",
        "retries=3\nworker.app.retry_interval=200",
    ),
    explained(
        "idle_guard",
        "Milliseconds. Before a request that must not be sent twice goes over a connection that was idle for longer, the \
         backend is pinged: Tomcat may just have closed it. 0 switches this off.",
        "idle_guard=500",
    ),
    explained(
        "route",
        "The text that Tomcat appends to its session ids: `jvmRoute` of its Engine. Unless set it is the name of the worker. \
         If they differ sessions are lost (JK-413), which `jkctl ping -f FILE` and the log say.",
        "route=node-a",
    ),
    explained(
        "domain",
        "Members with the same domain share their sessions. If the member of a session cannot serve, another one of the \
         domain does, before any other member.",
        "domain=north",
    ),
    explained(
        "redirect",
        "The route of the member that takes over the sessions of this one. Together with `activation=Disabled` at the other \
         it makes a hot standby.",
        "redirect=node-b",
    ),
    explained(
        "distance",
        "Members of the smallest distance are used as long as one of them is usable; sessions go to their member all the \
         same. Use 0 for this data centre and 1 for the other.",
        "distance=1",
    ),
    explained(
        "activation",
        "What the administrator wants: Active; Disabled, which gets requests of its sessions only (draining); Stopped, which \
         gets none. Changed at run time by `jkctl drain`, `stop` and `activate`, and kept over graceful restarts.",
        "activation=Disabled",
    ),
    explained(
        "sticky_session_force",
        "If the member of a session cannot serve, the client gets 503 instead of a new session elsewhere. Only for sessions of \
         members that are configured.",
        "sticky_session_force=on",
    ),
    explained(
        "recover_time",
        "Seconds after which a request tries a member in error that was not found by a probe. Failed members are probed by CPING \
         in the background and are back about a second after their Tomcat answers, so that there is rarely a reason to \
         change it. With `probe=off` it counts alone.",
        "recover_time=30",
    ),
    explained(
        "error_escalation_time",
        "Seconds over which isolated failures may go on before a member is in error; 0 for the first one. Two broken \
         connections in a row, and a refused connection, do it at once.",
        "error_escalation_time=10",
    ),
    explained(
        "max_reply_timeouts",
        "Late replies (`reply_timeout`) that a member may have before it is in error. With 0 the first one takes it out: \
         raise it where single pages are slow.",
        "max_reply_timeouts=5",
    ),
];
