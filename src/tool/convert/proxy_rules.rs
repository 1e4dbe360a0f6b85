//! Rules as `ProxyPass` lines, in the order in which rules are looked at; exclusions come before the rule that
//! they take paths from.

use std::sync::Arc;

use crate::config::ServerSettings;
use crate::config::rows::DIRECTIVES;
use crate::config::validate::Checked;
use crate::text;
use crate::tool::convert::file_edits::FileEdits;
use crate::tool::convert::proxy_sections::{ProxySections, ProxyTarget};
use crate::tool::convert::remark::Remark;
use crate::tool::convert::words::{is_below, quoted};
use crate::uri_map::merge::{main_rules, mounts_seen};
use crate::uri_map::pattern::matches;
use crate::uri_map::{Extensions, Rule};

/// What one line looks at.
enum PassShape {
    /// A path, and what lies below it.
    Path(String),
    /// A regular expression.
    Regex(String),
}

impl PassShape {
    /// The path that is matched and all below it, as far as it is one.
    fn path(&self) -> Option<&str> {
        match self {
            Self::Path(path) => Some(path),
            Self::Regex(_) => None,
        }
    }

    fn as_regex(&self) -> String {
        match self {
            Self::Path(path) if path.ends_with('/') => format!("{}.*", escaped(path)),
            Self::Path(path) => format!("{}(?:/.*)?", escaped(path)),
            Self::Regex(regex) => regex.clone(),
        }
    }
}

/// Returns the lines of a server.
pub(super) fn lines(
    checked: &Checked,
    place: usize,
    sections: &mut ProxySections<'_>,
    remarks: &mut Vec<Remark>,
) -> Vec<String> {
    let mut rules = mounts_seen(&checked.mounts, place);
    // The sort is stable, as that of the map.
    rules.sort_by_cached_key(|rule| rule.sort_key());
    for rule in rules.iter().filter(|own| own.is_disabled) {
        let text = "is a disabled rule, and is left out";
        remarks.push(Remark::needless(&rule.origin, &shown(rule), text));
    }
    rules.retain(|own| !own.is_disabled);
    if place > 0 && is_apart(checked, place) {
        let first = main_rules(&checked.mounts[0]).first().map(|own| own.origin.clone());
        let text = "is a rule of the main server alone, and mod_proxy has its lines in virtual hosts as well: put them into a virtual \
                    host of their own, if the main server gets requests at all";
        remarks.push(Remark::changed(&first.unwrap_or_default(), "JkMount", text));
    }
    let (excluding, mapping): (Vec<_>, Vec<_>) =
        rules.into_iter().partition(|own| own.is_exclusion);
    let shapes = |rules: &[Arc<Rule>]| {
        let found =
            (0..rules.len()).filter_map(|at| Some((Arc::clone(&rules[at]), shape(rules, at)?)));
        found.collect::<Vec<_>>()
    };
    let (excluding, mapping) = (shapes(&excluding), shapes(&mapping));
    let (mut lines, mut passes): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    for (rule, own) in &mapping {
        let Some(target) = sections.target(&rule.worker, place, &mut lines) else {
            let text = format!("leads to {}, which is no worker of these files", rule.worker);
            remarks.push(Remark::lost(&rule.origin, &shown(rule), &text));
            continue;
        };
        let (url, parameters) = match target {
            ProxyTarget::Url(url, parameters) => (url, parameters),
            ProxyTarget::Manager => {
                manager(rule, own, &mut passes, remarks);
                continue;
            }
        };
        if *rule.extensions != Extensions::default() {
            let text = "has rule extensions, which mod_proxy does not know: use_server_errors is ProxyErrorOverride of the server, \
                        reply_timeout a balancer of its own with timeout; they are left out";
            remarks.push(Remark::lost(&rule.origin, &shown(rule), text));
        }
        let for_it =
            excluding.iter().filter(|(own, _)| &*own.worker == "*" || own.worker == rule.worker);
        for (exclusion, other) in for_it {
            let line = match (own.path(), other) {
                (Some(path), PassShape::Path(inner)) if is_below(path, inner) => {
                    format!("ProxyPass {} !", quoted(inner))
                }
                (Some(path), _) if !may_meet(path, &exclusion.pattern) => continue,
                _ => format!("ProxyPassMatch \"^(?={}$){}$\" !", own.as_regex(), other.as_regex()),
            };
            if !passes.contains(&line) {
                passes.push(format!("# {}", exclusion.origin));
                passes.push(line);
            }
        }
        passes.push(format!("# {}", rule.origin));
        passes.push(match own {
            PassShape::Path(path) => format!(
                "ProxyPass {} {}{parameters}",
                quoted(path),
                quoted(&format!("{url}{path}"))
            ),
            PassShape::Regex(regex) => {
                format!("ProxyPassMatch \"^{regex}$\" {}{parameters}", quoted(&url))
            }
        });
    }
    if place == 0 {
        sections.rest();
    }
    lines.extend(passes);
    lines
}

/// Tells whether a virtual host has none of the rules that the main server has.
fn is_apart(checked: &Checked, place: usize) -> bool {
    let rules = mounts_seen(&checked.mounts, place);
    let is_there = |own: &Arc<Rule>| {
        rules.iter().any(|one| one.pattern == own.pattern && one.worker == own.worker)
    };
    checked.mounts.first().is_some_and(|main| !main_rules(main).iter().all(is_there))
}

/// Returns what a rule looks at; `None` for an exact one that belongs to the rule for what lies below it.
fn shape(rules: &[Arc<Rule>], at: usize) -> Option<PassShape> {
    let rule = &rules[at];
    let pattern = text::decode(&rule.pattern).into_owned();
    let twin = |pattern: &str| {
        let bytes = text::raw(pattern);
        rules.iter().position(|own| {
            *own.pattern == *bytes && own.worker == rule.worker && own.extensions == rule.extensions
        })
    };
    // Another rule may come between both halves of "X|/*".
    let is_one = |exact: usize, below: usize, path: &str| {
        let between = exact.min(below) + 1..exact.max(below);
        !rules[between].iter().any(|own| matches(&own.pattern, &text::raw(path)))
    };
    let is_plain = |path: &str| !path.contains(['*', '?']);
    if let Some(path) = pattern.strip_suffix("/*").filter(|own| is_plain(own)) {
        let exact = twin(path).filter(|exact| !path.is_empty() && is_one(*exact, at, path));
        return Some(PassShape::Path(if exact.is_some() {
            path.to_owned()
        } else {
            format!("{path}/")
        }));
    }
    if is_plain(&pattern)
        && twin(&format!("{pattern}/*")).is_some_and(|below| is_one(at, below, &pattern))
    {
        return None;
    }
    let regex = pattern.chars().map(|c| match c {
        '*' => ".*".to_owned(),
        '?' => ".".to_owned(),
        c => escaped(&c.to_string()),
    });
    Some(PassShape::Regex(regex.collect()))
}

/// The page of balancers in place of a status worker.
fn manager(rule: &Rule, own: &PassShape, passes: &mut Vec<String>, remarks: &mut Vec<Remark>) {
    let path = match own {
        PassShape::Path(path) => path.trim_end_matches('/').to_owned(),
        PassShape::Regex(_) => text::decode(&rule.pattern).into_owned(),
    };
    let text = "leads to a status worker: balancer-manager takes its place, with another page and without its formats for programs; \
                it needs a Require";
    remarks.push(Remark::changed(&rule.origin, &shown(rule), text));
    let line = format!("<Location {}>", quoted(if path.is_empty() { "/" } else { &path }));
    if !passes.contains(&line) {
        passes.extend([format!("# {}", rule.origin), line]);
        passes.extend(
            ["    SetHandler balancer-manager", "    ProxyPass !", "</Location>"]
                .map(str::to_owned),
        );
    }
}

fn shown(rule: &Rule) -> String {
    format!("{}={}", text::decode(&rule.pattern), rule.worker)
}

/// Tells whether a pattern may match a path or what lies below it.
fn may_meet(path: &str, pattern: &[u8]) -> bool {
    let pattern = text::decode(pattern).into_owned();
    let head = pattern.split(['*', '?']).next().unwrap_or_default();
    head.starts_with(path) || path.starts_with(head)
}

fn escaped(text: &str) -> String {
    let mut made = String::new();
    for c in text.chars() {
        if ".+()[]{}^$|\\*?\"".contains(c) {
            made.push('\\');
        }
        made.push(c);
    }
    made
}

/// Takes the directives out, and reports those that are more than rules and workers.
pub(super) fn directives(
    settings: &ServerSettings,
    edits: &mut FileEdits,
    remarks: &mut Vec<Remark>,
) {
    for own in &settings.given {
        edits.take_out(&own.origin);
        let text = match own.name {
            "JkMount" | "JkUnMount" | "JkMountFile" | "JkMountCopy" | "JkWorkersFile" | "JkWorkerProperty" => continue,
            "JkShmFile" | "JkShmSize" => {
                remarks.push(Remark::needless(&own.origin, own.name, "has no effect here either"));
                continue;
            }
            "JkEnvVar" => {
                let name = own.words.split(' ').next().unwrap_or_default();
                format!("{}: mod_proxy_ajp sends each variable AJP_NAME as the attribute NAME: set AJP_{name}", own.words)
            }
            "JkLogFile" | "JkLogLevel" | "JkLogStampFormat" | "JkLogFormat" => {
                "is about this module's log: mod_proxy writes to the error log, at LogLevel proxy:LEVEL".to_owned()
            }
            "JkRequestLogFormat" => {
                "is the request log: CustomLog with %{BALANCER_WORKER_NAME}e and %{BALANCER_WORKER_ROUTE}e".to_owned()
            }
            "JkOptions" => format!(
                "{}: at mod_proxy flushpackets=on and disablereuse=On are parameters of a worker, nocanon of ProxyPass for \
                 ForwardURICompatUnparsed; the others have no counterpart",
                own.words
            ),
            name => {
                let row = DIRECTIVES.iter().find(|row| row.name == name);
                let doc = row.map_or("", |row| row.doc);
                format!("has no counterpart in mod_proxy and is left out. What it does here: {doc}")
            }
        };
        remarks.push(Remark::lost(&own.origin, own.name, &text));
    }
}
