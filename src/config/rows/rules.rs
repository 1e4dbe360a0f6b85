//! What rules are made of, in `JkMount`, mount files and `mount` attributes.

use crate::config::rows::{Entry, entry};

/// Tails of a worker's name in a rule, `;name=value`.
#[rustfmt::skip]
pub const EXTENSIONS: &[Entry] = &[
    entry("reply_timeout", "milliseconds; 0 for no limit, negative for the worker's", "1.2.27", "Replaces the worker's."),
    entry("sticky_ignore", "0 or 1", "1.2.33", "Ignores the session when a member is chosen."),
    entry("stateless", "0 or 1", "1.2.33", "Keeps the requests out of session counts and load."),
    entry("active", "members", "1.2.27", "Members that are active for this rule."),
    entry("disabled", "members", "1.2.27", "Members that are disabled for this rule."),
    entry("stopped", "members", "1.2.27", "Members that are stopped for this rule."),
    entry("fail_on_status", "statuses", "1.2.27", "Replaces the worker's list."),
    entry("use_server_errors", "status; 0 for never", "1.2.27", "Responses of this status and above are replaced by httpd's page."),
    entry("session_cookie", "name", "1.2.33", "Cookie with the session id."),
    entry("session_path", "parameter", "1.2.33", "Path parameter with the session id; may begin with a semicolon."),
    entry("set_session_cookie", "0 or 1", "1.2.38", "Sets a cookie that makes requests sticky."),
    entry("session_cookie_path", "path", "1.2.38", "Path of that cookie."),
];

/// How rules are written and which of them counts.
#[rustfmt::skip]
pub const RULE_SYNTAX: &[Entry] = &[
    entry("<uri-pattern>=<worker>", "", "1.2.9", "One rule a line in a mount file; in JkMount two words."),
    entry("# comment", "", "1.2.9", "In a mount file, from the first # to the end of the line."),
    entry("white space", "", "1.2.9", "Around both sides does not count."),
    entry("no continuation", "", "1.2.9", "A backslash at the end of a line has no meaning."),
    entry("exact pattern", "/path", "1.2.0", "This path and no other."),
    entry("* wildcard", "/path/*", "1.2.7", "Any number of characters, / too. /x/* does not match /x."),
    entry("? wildcard", "/a?c", "1.2.7", "One character, / too."),
    entry("/*=<worker>", "", "1.2.0", "Everything that no deeper rule maps."),
    entry("X|Y shortcut", "/app|/*", "1.2.9", "Two rules: X and XY."),
    entry("leading / required", "", "1.2.0", "A pattern that begins with * is read as /*, with a warning; others are left out."),
    entry("! exclusion", "!/app/static/*=worker", "1.2.9", "Takes paths away from this worker; what JkUnMount writes."),
    entry("! exclusion with worker *", "!/static/*=*", "1.2.26", "Takes paths away from every worker."),
    entry("- disabled rule", "-/app/*=worker", "1.2.9", "Is shown and maps nothing; an equal rule elsewhere stays."),
    entry("-! disabled exclusion", "-!/app/*=worker", "1.2.9", "Is shown and takes nothing away."),
    entry("rule priority", "", "1.2.0", "More slashes, then more characters, then mount file before JkMount before worker.<name>.mount."),
    entry("duplicate pattern", "", "1.2.9", "The later line counts, with a warning."),
    entry("URI normalisation before matching", "", "1.2.44", "Rules see the decoded path without path parameters, doubled slashes and dot segments."),
    entry("URI length limit", "", "1.2.0", "See docs/differences.md."),
    entry("$(name) in worker part", "", "1.2.9", "A variable of httpd's environment."),
    entry("; extension separator", "worker;name=value;name=value", "1.2.27", "Before each rule extension, behind the name of the worker."),
    entry("unknown worker in a rule", "", "1.2.27", "Warned of; requests are answered 500."),
    entry("reload", "JkMountFileReload", "1.2.9", "A changed mount file is read again as a whole."),
    entry("reload failure", "", "1.2.20", "The last good rules stay."),
    entry("size", "", "1.2.9", "Any number of rules."),
];
