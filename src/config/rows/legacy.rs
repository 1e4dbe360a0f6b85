//! What old files hold: properties without effect, and the rules of the files themselves.

use crate::config::rows::{Entry, entry};

/// Properties that are accepted and do nothing, with what to do instead.
pub const RETIRED: &[(&str, &str)] = &[
    ("recycle_timeout", "use connection_pool_timeout"),
    ("local_worker", "use distance and activation"),
    ("local_worker_only", "use distance and activation"),
    ("lock", "nothing is locked, so there is nothing to choose"),
    ("lb_retries", "every usable member is tried"),
    ("secretkey", "ajp14 is treated as ajp13, use secret"),
    ("css", "the status page brings its own style"),
    // Left over from workers that ran the Java machine inside the web server.
    ("bridge", IN_PROCESS),
    ("class_path", IN_PROCESS),
    ("cmd_line", IN_PROCESS),
    ("jvm_lib", IN_PROCESS),
    ("ld_path", IN_PROCESS),
    ("ms", IN_PROCESS),
    ("mx", IN_PROCESS),
    ("native_lib", IN_PROCESS),
    ("stderr", IN_PROCESS),
    ("stdout", IN_PROCESS),
    ("sysprops", IN_PROCESS),
    // Of connectors that vendors have changed.
    ("cache_acquire_timeout", "use connection_acquire_timeout"),
    ("max_reuse_connections", "use connection_pool_size to limit connections"),
];

const IN_PROCESS: &str = "in-process workers are not supported";

/// How workers files are written.
#[rustfmt::skip]
pub const FILE_SYNTAX: &[Entry] = &[
    entry("name=value", "", "1.2.0", "One property a line, split at the first =; white space around both sides does not count. A line without = or without a value is left out with a warning. Lines may end with CRLF; a byte order mark is skipped."),
    entry("# comment", "", "1.2.0", "Everything from the first # to the end of the line, also inside a value: a secret cannot hold a #. JkWorkerProperty knows no comments."),
    entry("no continuation", "", "1.2.0", "A backslash at the end of a line has no meaning."),
    entry("variables", "any name that does not begin with worker.", "1.2.7", "Kept, so that later lines can use it."),
    entry("$(name)", "", "1.2.7", "Replaced by an earlier property or, failing that, a variable of httpd's environment; what comes out is not replaced again. An unknown name stays as it is, with a warning."),
    entry("$(ServerRoot)", "", "1.2.9", "httpd's ServerRoot, unless a property of that name is defined."),
    entry("reference", "worker.<other>", "1.2.19", "Takes over each property of the other worker that this one does not set, up to 20 workers on. Lists are taken over as a whole."),
    entry("repeated list properties", "", "1.2.19", "The values of all lines together."),
    entry("repeated single properties", "", "1.2.21", "The last line counts, with a warning."),
    entry("list separators", "comma, blank, tab", "1.2.0", "Between the words of a list."),
    entry("integers", "digits, possibly with a sign before and k or m behind", "1.2.0", "k is 1024, m is 1048576, and no unit of time: a time with one is used so, with a warning. What cannot be read, or does not fit into 31 bits, counts as not set, with a warning; with a port that cannot be read the worker does not connect."),
    entry("booleans", "on, 1, t…, y…; off, 0, f…, n…", "1.2.0", "In any case. A word that is only like one of these in its first letter is read like it, other words count as not set, both with a warning."),
    entry("unknown attribute", "", "1.2.21", "Keeps httpd from starting; the message names the nearest known one."),
    entry("worker names", "at most 63 bytes", "1.2.0", "Letters, digits, - and _; other characters are taken with a warning."),
];
