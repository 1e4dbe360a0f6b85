//! What a request to a status worker may ask.

use crate::config::rows::{Entry, entry};

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
    entry("events", "w, sw, since", "2.0.0", "The latest changes of state and edits."),
    entry("metrics", "", "2.0.0", "OpenMetrics text."),
];

/// Other parameters; those that change a property stand in its row.
#[rustfmt::skip]
pub const PARAMETERS: &[Entry] = &[
    entry("mime", "html, xml, txt, prop, json", "1.2.20", "Format of the answer."),
    entry("w", "worker", "1.2.20", "Worker the command is for."),
    entry("sw", "member", "1.2.20", "Member of it."),
    entry("re", "seconds", "1.2.20", "Loads the page again after this time."),
    entry("att", "setting", "1.2.20", "One setting for several members."),
    entry("val<i>", "value", "1.2.20", "Its value for member i, from 0."),
    entry("from", "command", "1.2.20", "Page to return to."),
    entry("since", "number", "2.0.0", "Only events behind this one, for list and events."),
    entry("psw", "member", "1.2.28", "Member shown before."),
    entry("opt", "sum", "1.2.20", "What to hide: 1 members, 2 rules, 4 legend, 8 balancers, 16 ajp13 workers, 64 and 256 settings, 128 summary, 512 events; 32 forbids changes."),
];
