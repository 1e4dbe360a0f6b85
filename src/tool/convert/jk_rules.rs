//! `ProxyPass` lines of a server as rules.
//!
//! mod_proxy takes the first line that matches, in their order; rules take the one with more slashes, then the
//! longer one. Lines that an earlier one hides are left out, exclusions are written for the workers that lie
//! around them, and suffixes that come before a path are repeated below it.

use crate::config::Origin;
use crate::tool::convert::backend_url::BackendUrl;
use crate::tool::convert::jk_workers::JkWorkers;
use crate::tool::convert::proxy_conf::{ProxyConf, ProxyMatch, ProxyPass};
use crate::tool::convert::regex::{globs, keeps_path};
use crate::tool::convert::remark::Remark;
use crate::tool::convert::words::{is_below, quoted};

/// What one server comes to.
#[derive(Clone, Debug, Default)]
pub(super) struct JkRules {
    /// Lines of httpd.conf.
    pub lines: Vec<String>,
    /// Passes that are rules now.
    pub converted: Vec<Origin>,
    /// Of these the ones that mod_proxy must leave alone, as a line that stays would take them.
    pub to_exclude: Vec<Origin>,
    /// Exclusions that still keep paths from lines that stay.
    pub kept_exclusions: Vec<Origin>,
    pub remarks: Vec<Remark>,
    /// Whether a line stays with mod_proxy.
    pub keeps_proxy: bool,
}

/// One line that counts.
#[derive(Clone, Debug)]
struct OrderedPass {
    patterns: Vec<String>,
    /// The path of a `ProxyPass`, below which it matches whole segments.
    path: Option<String>,
    /// `None` for an exclusion.
    worker: Option<String>,
    origin: Origin,
}

/// Makes the rules of a server.
pub(super) fn rules(conf: &ProxyConf, server: usize, workers: &mut JkWorkers) -> JkRules {
    let mut made = JkRules::default();
    let mut steps: Vec<OrderedPass> = Vec::new();
    let passes = conf.ordered(server);
    for pass in passes {
        let patterns = match patterns(pass) {
            Ok(patterns) => patterns,
            Err(remark) => {
                made.stays(remark, &steps);
                continue;
            }
        };
        let path = match &pass.on {
            ProxyMatch::Path(path) => Some(path.clone()),
            ProxyMatch::Regex(_) => None,
        };
        if let Some(earlier) = steps.iter().find(|own| own.hides(&patterns, path.as_deref())) {
            let text =
                format!("is never reached, as {} matches first; it is left out", earlier.origin);
            made.remarks.push(Remark::needless(&pass.origin, "ProxyPass", &text));
            made.converted.push(pass.origin.clone());
            continue;
        }
        let worker = match pass.target.as_str() {
            "!" => None,
            _ => match keeps(conf, server, pass, &mut made.remarks)
                .and_then(|()| workers.for_pass(conf, server, pass))
            {
                Ok(worker) => Some(worker),
                Err(remark) => {
                    made.stays(remark, &steps);
                    continue;
                }
            },
        };
        steps.push(OrderedPass { patterns, path, worker, origin: pass.origin.clone() });
    }
    made.order(&mut steps, workers);
    let suffix = conf.servers[server].overrides_errors.or(conf.servers[0].overrides_errors);
    made.write(&steps, if suffix == Some(true) { ";use_server_errors=400" } else { "" });
    made
}

/// Returns the patterns that match the same paths.
fn patterns(pass: &ProxyPass) -> Result<Vec<String>, Remark> {
    match &pass.on {
        ProxyMatch::Path(path) if path.contains(['*', '?', '|']) || !path.starts_with('/') => {
            let text = format!("has the path {path}, which a pattern cannot say: *, ? and | have a meaning there; the line stays as it is");
            Err(Remark::lost(&pass.origin, "ProxyPass", &text))
        }
        ProxyMatch::Path(path) if path.ends_with('/') => Ok(vec![format!("{path}*")]),
        ProxyMatch::Path(path) => Ok(vec![path.clone(), format!("{path}/*")]),
        ProxyMatch::Regex(regex) => globs(regex).ok_or_else(|| {
            let text = format!(
                "has the expression {regex}, which patterns with * and ? cannot say; the line stays as it is. To have it here, write \
                 <LocationMatch \"{regex}\"> with SetHandler jakarta-servlet and SetEnv JK_WORKER_NAME"
            );
            Remark::lost(&pass.origin, "ProxyPassMatch", &text)
        }),
    }
}

/// Tells whether the backend gets the path that the client has asked for.
fn keeps(
    conf: &ProxyConf,
    server: usize,
    pass: &ProxyPass,
    remarks: &mut Vec<Remark>,
) -> Result<(), Remark> {
    let Some(mut url) = BackendUrl::parse(&pass.target) else { return Ok(()) };
    let section = conf.section_for(&url, server).filter(|_| url.is_balancer());
    let members = section.into_iter().flat_map(|own| &own.members);
    let mut paths: Vec<String> =
        members.filter_map(|own| Some(BackendUrl::parse(&own.url)?.path)).collect();
    paths.iter_mut().for_each(|own| own.truncate(own.trim_end_matches('/').len()));
    paths.dedup();
    // What stands behind the host of a member comes before the path.
    match paths.as_slice() {
        [] => {}
        [path] => url.path.insert_str(0, path),
        _ => {
            let text =
                "leads to a balancer whose members have different paths; the line stays as it is";
            return Err(Remark::lost(&pass.origin, "ProxyPass", text));
        }
    }
    let rewritten = |from: &str| {
        let text = format!(
            "sends {from} as {}, and a worker sends the path as it is; the line stays as it is. To have it here, give the \
             application that path, or write RewriteRule \"^{from}(.*)$\" \"{}$1\" [PT] and JkMount for {}",
            if url.path.is_empty() { "/" } else { &url.path },
            url.path,
            if url.path.is_empty() { "/*" } else { &url.path },
        );
        Remark::lost(&pass.origin, "ProxyPass", &text)
    };
    match &pass.on {
        ProxyMatch::Path(path) if *path == url.path => Ok(()),
        ProxyMatch::Path(path) if path.trim_end_matches('/') == url.path.trim_end_matches('/') => {
            let text = "has a slash at the end of only one of path and URL, so that mod_proxy sends one slash too many or too few; here \
                        the path is sent as it is";
            remarks.push(Remark::changed(&pass.origin, "ProxyPass", text));
            Ok(())
        }
        ProxyMatch::Path(path) => Err(rewritten(path)),
        ProxyMatch::Regex(regex) if keeps_path(regex, &url.path) => Ok(()),
        ProxyMatch::Regex(regex) => {
            Err(rewritten(regex.trim_start_matches('^').trim_end_matches("(.*)$")))
        }
    }
}

impl OrderedPass {
    /// Tells whether all that patterns match is matched here, earlier.
    fn hides(&self, patterns: &[String], path: Option<&str>) -> bool {
        match (&self.path, path) {
            (Some(own), Some(path)) => is_below(own, path),
            (Some(own), None) => patterns.iter().all(|pattern| is_below(own, head(pattern))),
            (None, _) => patterns.iter().all(|pattern| self.patterns.contains(pattern)),
        }
    }
}

impl OrderedPass {
    /// Tells whether both may match one path.
    fn meets(&self, other: &Self) -> bool {
        self.patterns.iter().any(|own| other.patterns.iter().any(|one| may_meet(own, one)))
    }
}

/// What stands before the first wildcard.
fn head(pattern: &str) -> &str {
    pattern.split(['*', '?']).next().unwrap_or_default()
}

/// Tells whether two patterns may match one path, as far as their beginnings say it.
fn may_meet(a: &str, b: &str) -> bool {
    head(a).starts_with(head(b)) || head(b).starts_with(head(a))
}

/// What rules are sorted by, the larger one first.
fn weight(pattern: &str) -> (usize, usize) {
    (pattern.matches('/').count(), pattern.len())
}

impl JkRules {
    /// A line stays with mod_proxy, which looks at it before this module looks at rules.
    fn stays(&mut self, remark: Remark, earlier: &[OrderedPass]) {
        self.remarks.push(remark);
        self.keeps_proxy = true;
        for step in earlier {
            let list = if step.worker.is_some() {
                &mut self.to_exclude
            } else {
                &mut self.kept_exclusions
            };
            if !list.contains(&step.origin) {
                list.push(step.origin.clone());
            }
        }
    }

    /// Makes the order of rules that of the lines.
    fn order(&mut self, steps: &mut [OrderedPass], workers: &mut JkWorkers) {
        // What comes before an exclusion and lies inside it needs a worker that the exclusion does not name.
        for at in 0..steps.len() {
            if steps[at].worker.is_some() {
                continue;
            }
            let around: Vec<String> = around(steps, at).into_iter().map(str::to_owned).collect();
            for inner in 0..at {
                let step = &steps[inner];
                let is_inside = step.patterns.iter().any(|own| match &steps[at].path {
                    Some(outer) => is_below(outer, head(own)),
                    None => steps[at].patterns.iter().any(|outer| may_meet(outer, own)),
                });
                let Some(worker) =
                    step.worker.clone().filter(|own| is_inside && around.contains(own))
                else {
                    continue;
                };
                let twin = workers.twin(&worker, &step.origin);
                let text = format!(
                    "may lie inside what {} excludes from {worker}: it has a worker of its own, {twin}, with the same settings",
                    steps[at].origin
                );
                self.remarks.push(Remark::changed(&step.origin, "ProxyPass", &text));
                steps[inner].worker = Some(twin);
            }
        }
        for at in 0..steps.len() {
            if steps[at].worker.is_none() {
                continue;
            }
            let (before, rest) = steps.split_at_mut(at + 1);
            let Some(first) = before.last_mut() else { continue };
            let mut more = Vec::new();
            for later in
                rest.iter().filter(|own| own.worker.is_some() && own.worker != first.worker)
            {
                for pattern in &first.patterns {
                    let meets =
                        |own: &&String| may_meet(pattern, own) && weight(own) > weight(pattern);
                    if !later.patterns.iter().any(|own| meets(&own)) || first.path.is_some() {
                        continue;
                    }
                    match (pattern.strip_prefix("/*"), &later.path) {
                        // A suffix: the same below the path, which has more slashes.
                        (Some(suffix), Some(path)) if !suffix.contains(['*', '?', '/']) => {
                            more.push(format!("{}/*{suffix}", path.trim_end_matches('/')));
                        }
                        _ => {
                            let text = format!(
                                "comes before {}, whose rule is looked at first here, as it has more slashes or is longer: see jkctl explain",
                                later.origin
                            );
                            self.remarks.push(Remark::changed(
                                &first.origin,
                                "ProxyPassMatch",
                                &text,
                            ));
                        }
                    }
                }
            }
            more.retain(|own| !first.patterns.contains(own));
            first.patterns.extend(more);
        }
    }

    fn write(&mut self, steps: &[OrderedPass], suffix: &str) {
        for (at, step) in steps.iter().enumerate() {
            self.converted.push(step.origin.clone());
            let comment = format!("# {}", step.origin);
            let two = match step.patterns.as_slice() {
                [path, below] if *below == format!("{path}/*") => vec![format!("{path}|/*")],
                other => other.to_vec(),
            };
            if let Some(worker) = &step.worker {
                self.lines.push(comment);
                self.lines.extend(
                    two.iter().map(|own| format!("JkMount {} {worker}{suffix}", quoted(own))),
                );
                continue;
            }
            let around = around(steps, at);
            if around.is_empty() {
                let text = "excludes a path that no later line maps, so it needs no rule";
                self.remarks.push(Remark::needless(&step.origin, "ProxyPass !", text));
                continue;
            }
            self.lines.push(comment);
            let has_inner = steps[..at].iter().any(|own| own.worker.is_some() && own.meets(step));
            if around.len() > 1 && !has_inner {
                // A pattern is excluded once, for one worker or for all.
                self.lines.extend(two.iter().map(|own| format!("JkUnMount {} *", quoted(own))));
                continue;
            }
            for (worker, number) in around.into_iter().zip(1..) {
                // Another number of stars is another pattern, which matches the same.
                let stars = |own: &String| own.replacen('*', &"*".repeat(number), 1);
                let own = two.iter().filter(|own| number == 1 || own.contains('*'));
                self.lines
                    .extend(own.map(|own| format!("JkUnMount {} {worker}", quoted(&stars(own)))));
            }
        }
    }
}

/// The workers of later lines that an exclusion keeps paths from. A path lies in the first one around it, and
/// patterns before that may take some of it.
fn around(steps: &[OrderedPass], at: usize) -> Vec<&str> {
    let mut found: Vec<&str> = Vec::new();
    for later in &steps[at + 1..] {
        if let Some(worker) =
            later.worker.as_deref().filter(|own| later.meets(&steps[at]) && !found.contains(own))
        {
            found.push(worker);
        }
        if steps[at].path.as_deref().is_some_and(|own| later.hides(&[], Some(own)))
            && later.path.is_some()
        {
            break;
        }
    }
    found
}
