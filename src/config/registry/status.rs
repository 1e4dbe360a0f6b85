//! What a request to a status worker may ask.

use super::{Entry, entry};

/// Commands, `cmd=…`.
pub const COMMANDS: &[Entry] = &[
    entry("list", "", "1.2.20", "All workers; what is shown without a command."),
    entry("show", "w, sw", "1.2.20", "One worker or member."),
    entry("edit", "w, sw or att", "1.2.20", "A form for changes."),
    entry("update", "w, sw, settings", "1.2.20", "Changes settings; sw may hold * and ?."),
    entry("reset", "w, sw", "1.2.20", "Sets counters to 0."),
    entry("recover", "w, sw", "1.2.21", "Lets a member in error be tried at once."),
    entry("version", "", "1.2.20", "Server, time and version."),
    entry("dump", "", "1.2.27", "The properties httpd was started with, without secrets."),
    entry("metrics", "", "2.0.0", "OpenMetrics text."),
];

/// Other parameters.
#[rustfmt::skip]
pub const PARAMETERS: &[Entry] = &[
    entry("mime", "html, xml, txt, prop, json", "1.2.20", "Format of the answer."),
    entry("w", "worker", "1.2.20", "Worker the command is for."),
    entry("sw", "member", "1.2.20", "Member of it."),
    entry("re", "seconds", "1.2.20", "Loads the page again after this time."),
    entry("att", "setting", "1.2.20", "One setting for several members."),
    entry("val<i>", "value", "1.2.20", "Its value for member i, from 0."),
    entry("from", "command", "1.2.20", "Page to return to."),
    entry("psw", "member", "1.2.28", "Member shown before."),
    entry("opt", "sum", "1.2.20", "What to hide: 1 members, 2 rules, 4 legend, 8 balancers, 16 ajp13 workers, 64 and 256 settings, 128 summary; 32 forbids changes."),
    entry("vlr", "number", "1.2.27", "Balancer: retries."),
    entry("vlri", "milliseconds", "1.2.27", "Balancer: retry_interval."),
    entry("vlt", "seconds", "1.2.27", "Balancer: recover_time."),
    entry("vlee", "seconds", "1.2.28", "Balancer: error_escalation_time."),
    entry("vlx", "number", "1.2.27", "Balancer: max_reply_timeouts."),
    entry("vls", "true or false", "1.2.27", "Balancer: sticky_session."),
    entry("vlf", "true or false", "1.2.27", "Balancer: sticky_session_force."),
    entry("vlm", "method", "1.2.27", "Balancer: method."),
    entry("vll", "Optimistic", "1.2.27", "Balancer: lock; accepted without effect."),
    entry("vwa", "Active, Disabled, Stopped", "1.2.27", "Member: activation."),
    entry("vwf", "number", "1.2.27", "Member: lbfactor."),
    entry("vwn", "route", "1.2.27", "Member: route."),
    entry("vwr", "route", "1.2.27", "Member: redirect."),
    entry("vwc", "domain", "1.2.27", "Member: domain."),
    entry("vwd", "number", "1.2.27", "Member: distance."),
    entry("vahst", "host", "1.2.28", "ajp13: host."),
    entry("vaprt", "port", "1.2.28", "ajp13: port."),
    entry("vacpt", "seconds", "1.2.27", "ajp13: connection_pool_timeout."),
    entry("vapng", "milliseconds", "1.2.27", "ajp13: ping_timeout."),
    entry("vact", "milliseconds", "1.2.27", "ajp13: connect_timeout."),
    entry("vapt", "milliseconds", "1.2.27", "ajp13: prepost_timeout."),
    entry("vart", "milliseconds", "1.2.27", "ajp13: reply_timeout."),
    entry("var", "number", "1.2.27", "ajp13: retries."),
    entry("vari", "milliseconds", "1.2.27", "ajp13: retry_interval."),
    entry("vacpi", "seconds", "1.2.27", "ajp13: connection_ping_interval."),
    entry("varo", "number", "1.2.27", "ajp13: recovery_options."),
    entry("vabl", "number", "1.2.41", "ajp13: busy_limit."),
    entry("vamps", "bytes", "1.2.27", "ajp13: max_packet_size."),
];
