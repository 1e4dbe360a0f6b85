//! The formats programs read: xml, txt and prop. Keys, their order and the layout are those of
//! mod_jk 1.2.48, as scripts count columns; a new key may only come at an end.

use std::fmt::Write;

use crate::status::rating::RatingRules;
use crate::status::render::escape::{bare, property_key, property_value, quoted, xml};
use crate::status::render::fields::{
    LegacyField, ajp_fields, balancer_fields, error_fields, member_fields, number, reset_fields,
    rule_fields, traffic_fields,
};
use crate::status::request::{Action, Mime, StatusRequest};
use crate::status::view::{BalancerView, MemberView, RuleView, Snapshot, WorkerView};
use crate::status::{StatusError, shown};

/// The status worker's properties about the formats.
#[derive(Clone, Debug)]
pub struct Shape {
    /// `prefix`.
    pub prefix: String,
    /// `ns`, empty for none.
    pub ns: String,
    /// `xmlns`, empty for none.
    pub xmlns: String,
    /// `doctype`, empty for none.
    pub doctype: String,
    /// `good` and `bad`.
    pub rules: RatingRules,
}

impl Default for Shape {
    fn default() -> Self {
        Self {
            prefix: "worker".to_owned(),
            ns: "jk:".to_owned(),
            xmlns: "xmlns:jk=\"http://tomcat.apache.org\"".to_owned(),
            doctype: String::new(),
            rules: RatingRules::default(),
        }
    }
}

/// Writes an answer. `snapshot` holds all workers; `show` picks the one it names.
pub fn render(
    mime: Mime,
    command: Result<&StatusRequest, &StatusError>,
    snapshot: &Snapshot,
    shape: &Shape,
) -> String {
    let mut page = LegacyPage { mime, shape, out: String::new() };
    page.open();
    if let Ok(command) = command {
        page.body(command, snapshot);
    }
    let (kind, message) = match command {
        Ok(_) => ("OK", "Action finished".to_owned()),
        Err(refusal) => ("ERROR", refusal.to_string()),
    };
    page.result(kind, message);
    page.out
}

struct LegacyPage<'a> {
    mime: Mime,
    shape: &'a Shape,
    out: String,
}

impl LegacyPage<'_> {
    fn line(&mut self, text: std::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = self.out.write_fmt(text);
        self.out.push('\n');
    }

    fn open(&mut self) {
        if self.mime != Mime::Xml {
            return;
        }
        let shape = self.shape;
        self.line(format_args!("<?xml version=\"1.0\" encoding=\"UTF-8\" ?>"));
        if !shape.doctype.is_empty() {
            self.line(format_args!("{}", shape.doctype));
        }
        self.line(format_args!("<{}status", shape.ns));
        match shape.xmlns.is_empty() {
            true => self.line(format_args!(">")),
            false => self.line(format_args!("  {}>", shape.xmlns)),
        }
    }

    /// An object: its attributes in xml, its line in txt.
    fn object(
        &mut self,
        level: usize,
        element: &str,
        title: &str,
        fields: &[LegacyField],
        end: &str,
    ) {
        let ns = &self.shape.ns;
        match self.mime {
            Mime::Xml => {
                let pad = " ".repeat(level);
                self.out.push_str(&format!("{pad}<{ns}{element}\n"));
                for (key, value, _) in fields {
                    self.line(format_args!("{pad}  {key}=\"{}\"", xml(value)));
                }
                self.line(format_args!("{pad}{end}"));
            }
            _ => {
                let _ = write!(self.out, "{title}:");
                for (key, value, is_quoted) in fields {
                    let _ = match is_quoted {
                        true => write!(self.out, " {key}=\"{}\"", quoted(value)),
                        false => write!(self.out, " {key}={}", bare(value)),
                    };
                }
                self.out.push('\n');
            }
        }
    }

    fn property(&mut self, key: &str, value: &str) {
        let prefix = property_key(&self.shape.prefix);
        self.line(format_args!("{prefix}.{key}={}", property_value(value)));
    }

    fn properties(&mut self, owner: &str, fields: &[LegacyField]) {
        for (key, value, _) in fields {
            self.property(&format!("{owner}.{key}"), value);
        }
    }

    fn body(&mut self, command: &StatusRequest, snapshot: &Snapshot) {
        if command.action.is_change() {
            return;
        }
        self.server(snapshot, command.action != Action::Edit);
        match command.action {
            Action::List => {
                let hidden = command.hidden;
                if !snapshot.balancers.is_empty() && !hidden.balancers() {
                    let count = snapshot.balancers.len();
                    self.group("balancers", "Balancer Workers", "lb_count", count);
                    self.balancers(command, snapshot.balancers.iter());
                    self.close("balancers");
                }
                if !snapshot.workers.is_empty() && !hidden.workers() {
                    let count = snapshot.workers.len();
                    self.group("ajp_workers", "AJP Workers", "ajp_count", count);
                    self.workers(command, snapshot.workers.iter());
                    self.close("ajp_workers");
                }
            }
            Action::Show => {
                let name = command.worker.as_deref();
                let one = |other: &str| name == Some(other);
                let balancers = snapshot.balancers.iter().filter(|balancer| one(&balancer.name));
                self.balancers(command, balancers);
                self.workers(command, snapshot.workers.iter().filter(|ajp| one(&ajp.name)));
            }
            Action::Dump => self.dump(&snapshot.properties),
            _ => {}
        }
    }

    fn server(&mut self, snapshot: &Snapshot, is_full: bool) {
        let server = &snapshot.server;
        let groups: [(&str, &str, Vec<LegacyField>); 3] = [
            (
                "server",
                "Server",
                vec![("name", server.name.clone(), false), number("port", server.port)],
            ),
            (
                "time",
                "Time",
                vec![
                    ("datetime", server.now.datetime.clone(), false),
                    ("tz", server.now.tz.clone(), false),
                    number("unix", server.now.unix),
                ],
            ),
            (
                "software",
                "Software",
                vec![
                    ("web_server", server.software.clone(), true),
                    ("jk_version", server.version.clone(), false),
                ],
            ),
        ];
        for (element, title, fields) in &groups[..if is_full { 3 } else { 1 }] {
            if self.mime != Mime::Prop {
                self.object(0, element, title, fields, "/>");
                continue;
            }
            for (key, value, _) in fields {
                match *element {
                    "software" => self.property(key, value),
                    _ => self.property(&format!("{element}_{key}"), value),
                }
            }
        }
    }

    fn group(&mut self, element: &str, title: &str, key: &str, count: usize) {
        match self.mime {
            Mime::Prop => self.property(key, &count.to_string()),
            _ => self.object(0, element, title, &[number("count", count)], ">"),
        }
    }

    fn close(&mut self, element: &str) {
        if self.mime == Mime::Xml {
            let ns = &self.shape.ns;
            self.out.push_str(&format!("</{ns}{element}>\n"));
        }
    }

    fn balancers<'v>(
        &mut self,
        command: &StatusRequest,
        balancers: impl Iterator<Item = &'v BalancerView>,
    ) {
        for balancer in balancers {
            let name = property_key(&balancer.name);
            let fields = balancer_fields(balancer, &self.shape.rules);
            match self.mime {
                Mime::Prop => {
                    self.property("list", &balancer.name);
                    self.properties(&name, &fields[1..]);
                }
                _ => self.object(2, "balancer", "Balancer Worker", &fields, ">"),
            }
            let wanted = command.member.as_deref().filter(|_| command.action == Action::Show);
            for member in balancer.members.iter().filter(|_| !command.hidden.members()) {
                if wanted.is_none_or(|wanted| wanted == member.ajp.name) {
                    self.member(&name, member);
                }
            }
            if !command.hidden.rules() {
                self.rules(&name, &balancer.rules);
            }
            if self.mime == Mime::Xml {
                let ns = &self.shape.ns;
                self.out.push_str(&format!("  </{ns}balancer>\n"));
            }
        }
    }

    fn member(&mut self, balancer: &str, member: &MemberView) {
        let mut fields = member_fields(member, self.mime);
        let (reset, error) = (reset_fields(&member.ajp), error_fields(&member.ajp, self.mime));
        if self.mime == Mime::Prop {
            let name = property_key(&member.ajp.name);
            self.property(&format!("{balancer}.balance_workers"), &member.ajp.name);
            self.properties(&name, &fields[1..]);
            // mod_jk files these under the balancer; the member's own keys are ours.
            self.properties(balancer, &reset);
            self.properties(balancer, &error);
            self.properties(&name, &reset);
            self.properties(&name, &error_fields(&member.ajp, Mime::Txt));
        } else {
            fields.extend(reset);
            fields.extend(error);
            self.object(6, "member", "Member", &fields, "/>");
        }
    }

    fn workers<'v>(
        &mut self,
        command: &StatusRequest,
        workers: impl Iterator<Item = &'v WorkerView>,
    ) {
        for worker in workers {
            let mut fields = ajp_fields(worker, self.mime);
            fields.extend([number("used", worker.used), number("errors", worker.errors)]);
            fields.extend(traffic_fields(worker));
            fields.push(number("map_count", worker.map_count));
            fields.extend(reset_fields(worker));
            fields.extend(error_fields(worker, self.mime));
            let name = property_key(&worker.name);
            match self.mime {
                Mime::Prop => {
                    self.property(&format!("{name}.list"), &worker.name);
                    self.properties(&name, &fields[1..]);
                }
                _ => self.object(2, "ajp", "AJP Worker", &fields, "/>"),
            }
            if !command.hidden.rules() {
                self.rules(&name, &worker.rules);
            }
        }
    }

    fn rules(&mut self, owner: &str, rules: &[RuleView]) {
        for (index, rule) in rules.iter().enumerate() {
            let fields = rule_fields(index + 1, rule);
            match self.mime {
                Mime::Prop => {
                    self.properties(&format!("{owner}.map.{}", index + 1), &fields[1..]);
                }
                _ => self.object(6, "map", "Map", &fields, "/>"),
            }
        }
    }

    fn dump(&mut self, properties: &[(String, String)]) {
        let shown = shown(properties);
        if self.mime != Mime::Xml {
            if self.mime == Mime::Txt {
                self.line(format_args!("Configuration:"));
            }
            for (name, value) in shown {
                self.line(format_args!("{}={}", property_key(name), property_value(value)));
            }
            return;
        }
        let ns = &self.shape.ns;
        self.out.push_str(&format!("  <{ns}configuration\n"));
        let mut seen = std::collections::BTreeSet::new();
        for (name, value) in shown {
            // An attribute may stand once, and only a name may be one.
            let is_name = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
                && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
            if is_name && seen.insert(name) {
                self.line(format_args!("    {name}=\"{}\"", xml(value)));
            }
        }
        self.line(format_args!("  />"));
    }

    fn result(&mut self, kind: &str, message: String) {
        let fields = [("type", kind.to_owned(), false), ("message", message, true)];
        match self.mime {
            Mime::Prop => self.properties("result", &fields),
            _ => self.object(2, "result", "Result", &fields, "/>"),
        }
        self.close("status");
    }
}
