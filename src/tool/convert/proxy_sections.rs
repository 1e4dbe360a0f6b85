//! Workers as backends and balancers of mod_proxy.

use std::collections::BTreeSet;

use crate::config::rows::{RETIRED, find};
use crate::config::validate::Checked;
use crate::config::{Origin, Property, WorkerKind};
use crate::tool::convert::parameters::{Of, by_property, to_parameter};
use crate::tool::convert::remark::Remark;
use crate::tool::convert::words::quoted;

/// The workers, and what was said of them.
pub(super) struct ProxySections<'c> {
    checked: &'c Checked,
    /// Servers and workers that are written.
    written: BTreeSet<(usize, String)>,
    /// Properties that were reported, by the line they stand on.
    reported: BTreeSet<(String, u32)>,
    has_secret: bool,
    pub remarks: Vec<Remark>,
}

/// Where a `ProxyPass` leads.
pub(super) enum ProxyTarget {
    /// A URL without a path, and the parameters of the first line with it.
    Url(String, String),
    /// The page of balancers.
    Manager,
}

impl<'c> ProxySections<'c> {
    pub fn new(checked: &'c Checked) -> Self {
        let (written, reported) = (BTreeSet::new(), BTreeSet::new());
        Self { checked, written, reported, has_secret: false, remarks: Vec::new() }
    }

    pub fn has_secret(&self) -> bool {
        self.has_secret
    }

    /// Returns where a worker leads; the section of a balancer is added to the lines of the server.
    pub fn target(
        &mut self,
        worker: &str,
        server: usize,
        lines: &mut Vec<String>,
    ) -> Option<ProxyTarget> {
        let checked = self.checked;
        let is_new = self.written.insert((server, worker.to_owned()));
        match &checked.workers.workers.get(worker)?.kind {
            WorkerKind::Status(_) => Some(ProxyTarget::Manager),
            WorkerKind::Ajp13(_) => {
                let parameters = self.backend(worker, None);
                let parameters = if is_new { parameters } else { String::new() };
                Some(ProxyTarget::Url(self.url(worker), parameters))
            }
            WorkerKind::Lb(lb) => {
                if is_new {
                    let members = lb.member_names.clone();
                    self.balancer(worker, &members, lines);
                }
                Some(ProxyTarget::Url(format!("balancer://{worker}"), String::new()))
            }
        }
    }

    /// Finds a property of a worker, its own or by `reference`.
    fn property(&self, worker: &str, name: &str) -> Option<&'c Property> {
        let mut prefix = format!("worker.{worker}");
        for _ in 0..20 {
            if let Some(own) = self.checked.properties.get(&format!("{prefix}.{name}")) {
                return Some(own);
            }
            prefix = self.checked.properties.get(&format!("{prefix}.reference"))?.value.clone();
        }
        None
    }

    /// All properties of a worker by their names of today, with what other workers lend.
    fn properties(&self, worker: &str) -> Vec<(&'static str, &'c Property)> {
        let prefix = format!("worker.{worker}.");
        let all = self.checked.workers.properties.iter();
        let names = all.filter_map(|(name, _)| name.strip_prefix(&prefix)?.split('.').next());
        let mut found: Vec<(&'static str, &'c Property)> = Vec::new();
        for name in names {
            let Some(own) = self.property(worker, name) else { continue };
            match (find(name), RETIRED.iter().find(|(retired, _)| *retired == name)) {
                (Some(row), _) if !found.iter().any(|(known, _)| *known == row.name) => {
                    found.push((row.name, own))
                }
                (None, Some((retired, _))) => found.push((retired, own)),
                _ => {}
            }
        }
        found
    }

    fn text_of(&self, worker: &str, name: &str) -> Option<&'c str> {
        self.property(worker, name).map(|own| own.value.as_str())
    }

    fn url(&self, worker: &str) -> String {
        let host = self.text_of(worker, "host").unwrap_or("localhost");
        let port = self.text_of(worker, "port").unwrap_or("8009");
        match host {
            own if own.starts_with("unix:") => format!("{own}|ajp://{worker}"),
            own if own.contains(':') => format!("ajp://[{own}]:{port}"),
            own => format!("ajp://{own}:{port}"),
        }
    }

    /// Writes the parameters of a backend; `most` is the largest share of the balancer that it is a member of.
    fn backend(&mut self, worker: &str, most: Option<f64>) -> String {
        let mut text = String::new();
        let mut ping = None;
        for (name, own) in self.properties(worker) {
            let value = own.value.as_str();
            match (name, by_property(name)) {
                ("type" | "reference" | "host" | "port" | "mount" | "route", _) => {}
                ("ping_mode", _) if value.to_ascii_uppercase().contains(['P', 'A']) => {
                    ping = Some("10000")
                }
                ("ping_timeout", _) => {}
                ("prepost_timeout", _) => ping = Some(value),
                ("lbfactor" | "distance" | "activation" | "redirect", _)
                    if let Some(most) = most =>
                {
                    text.push_str(&self.of_member(name, own, most));
                }
                ("fail_on_status", _) if most.is_some() => {}
                ("secret", _) => {
                    self.has_secret = true;
                    text.push_str(&format!(" secret={}", quoted(value)));
                }
                (_, Some(row)) if row.of == Of::Backend => match to_parameter(row.unit, value) {
                    Some(value) => text.push_str(&format!(" {}={}", row.proxy, quoted(&value))),
                    None => self.lost(name, own),
                },
                _ => self.lost(name, own),
            }
        }
        if let Some(usual) = ping {
            let wait = self.text_of(worker, "ping_timeout").unwrap_or(usual);
            text.push_str(&format!(" ping={wait}ms"));
        }
        text
    }

    fn of_member(&mut self, name: &str, own: &Property, most: f64) -> String {
        let value = own.value.as_str();
        match (name, value.chars().next().map(|c| c.to_ascii_uppercase())) {
            ("activation", Some('S')) => " status=+D".to_owned(),
            ("activation", Some('D')) => " status=+N".to_owned(),
            ("activation", _) => String::new(),
            ("lbfactor", _) => {
                // A loadfactor is 1 to 100, with two digits behind the point.
                let share = value.parse::<f64>().unwrap_or(1.0) * 100.0 / most.max(100.0);
                if share < 1.0 {
                    let text = "is too small a share for mod_proxy, where the largest may be 100 times the smallest";
                    self.remarks.push(Remark::changed(&own.origin, &own.name, text));
                }
                format!(" loadfactor={}", (share.max(1.0) * 100.0).round() / 100.0)
            }
            ("distance", _) => format!(" lbset={value}"),
            _ => format!(" redirect={}", quoted(value)),
        }
    }

    fn balancer(&mut self, name: &str, members: &[String], lines: &mut Vec<String>) {
        let mut of_members = String::new();
        let mut settings = Vec::new();
        let is_sticky = self
            .text_of(name, "sticky_session")
            .is_none_or(|own| crate::config::boolean(own) != Some(false));
        if is_sticky {
            let cookie = self.text_of(name, "session_cookie").unwrap_or("JSESSIONID");
            let path =
                self.text_of(name, "session_path").unwrap_or(";jsessionid").trim_start_matches(';');
            settings.push(format!("stickysession={cookie}|{path}"));
        }
        for (property, own) in self.properties(name) {
            let value = own.value.as_str();
            match (property, by_property(property)) {
                (
                    "type" | "reference" | "balance_workers" | "mount" | "sticky_session"
                    | "session_cookie" | "session_path",
                    _,
                ) => {}
                ("health_check", _) => {
                    let (method, path) = value.split_once(' ').unwrap_or(("GET", value));
                    of_members.push_str(&format!(" hcmethod={method} hcuri={}", quoted(path)));
                }
                ("secret", _) => {
                    self.has_secret = true;
                    of_members.push_str(&format!(" secret={}", quoted(value)));
                }
                (_, Some(row)) if matches!(row.of, Of::Balancer | Of::MemberOfAll) => {
                    match to_parameter(row.unit, value) {
                        Some(value) if row.of == Of::Balancer => {
                            settings.push(format!("{}={value}", row.proxy))
                        }
                        Some(value) => of_members.push_str(&format!(" {}={value}", row.proxy)),
                        None => self.lost(property, own),
                    }
                }
                _ => self.lost(property, own),
            }
        }
        let shares = members.iter().filter_map(|own| self.text_of(own, "lbfactor")?.parse().ok());
        let most = shares.fold(1.0, f64::max);
        let mut failing: Vec<&str> = Vec::new();
        let mut section = vec![format!("<Proxy \"balancer://{name}\">")];
        for member in members {
            let parameters = self.backend(member, Some(most));
            let route = self.text_of(member, "route").unwrap_or(member);
            let url = quoted(&self.url(member));
            if let Some(own) = self.property(member, "fail_on_status") {
                let words = own.value.split([',', ' ', '\t']).filter(|own| !own.is_empty());
                failing.extend(words.map(|own| own.trim_start_matches('-')));
            }
            section.push(format!("    # worker {member}"));
            section.push(format!(
                "    BalancerMember {url} route={}{parameters}{of_members}",
                quoted(route)
            ));
        }
        failing.dedup();
        failing.sort_unstable();
        failing.dedup();
        if !failing.is_empty() {
            settings.push(format!("failonstatus={}", failing.join(",")));
        }
        section.extend(settings.iter().map(|own| format!("    ProxySet {own}")));
        section.push("</Proxy>".to_owned());
        lines.extend(section);
    }

    /// Reports a property once.
    fn lost(&mut self, name: &str, own: &Property) {
        if !self.reported.insert((own.origin.file.to_string(), own.origin.line)) {
            return;
        }
        if let Some((_, why)) = RETIRED.iter().find(|(retired, _)| *retired == name) {
            self.remarks.push(Remark::needless(
                &own.origin,
                &own.name,
                &format!("has no effect here either: {why}"),
            ));
            return;
        }
        let doc = find(name).map_or("", |row| row.doc).trim_end_matches('.');
        let text =
            format!("has no counterpart in mod_proxy and is left out. What it does here: {doc}");
        self.remarks.push(Remark::lost(&own.origin, &own.name, &text));
    }

    /// Reports what stands in the file and is in no rule.
    pub fn rest(&mut self) {
        let used: BTreeSet<&String> = self.written.iter().map(|(_, worker)| worker).collect();
        let unused: Vec<String> =
            self.checked.workers.list.iter().filter(|own| !used.contains(own)).cloned().collect();
        for name in unused {
            let origin = self.checked.properties.first_below(&format!("worker.{name}."));
            let origin = origin.map_or_else(Origin::default, |own| own.origin.clone());
            let text = "is in no rule, and is left out";
            self.remarks.push(Remark::needless(&origin, &format!("worker {name}"), text));
        }
        if let Some(own) = self.checked.properties.get("worker.maintain") {
            let text = "is the time between rounds of maintenance, which mod_proxy does not have";
            self.remarks.push(Remark::needless(&own.origin, &own.name, text));
        }
    }
}
