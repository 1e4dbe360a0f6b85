//! The workers file: a worker for each backend and balancer of mod_proxy.

use std::fmt::Write;

use crate::config::Origin;
use crate::tool::convert::backend_url::BackendUrl;
use crate::tool::convert::parameters::{LOST, Of, by_proxy, millis, to_property};
use crate::tool::convert::proxy_conf::{ProxyConf, ProxyParameter, ProxyPass, ProxyServer};
use crate::tool::convert::remark::Remark;

/// Properties of one worker, each with the line it comes from.
pub(super) type JkSettings = Vec<(&'static str, String, Origin)>;

/// One worker.
#[derive(Clone, Debug)]
struct JkWorker {
    name: String,
    settings: JkSettings,
    origin: Origin,
    /// The members of a balancer.
    members: Vec<String>,
}

/// The workers so far.
#[derive(Clone, Debug, Default)]
pub(super) struct JkWorkers {
    workers: Vec<JkWorker>,
    /// Those that rules may name.
    list: Vec<String>,
    pub remarks: Vec<Remark>,
}

impl JkWorkers {
    /// Returns the name of the worker for a pass, which is made if there is none like it.
    ///
    /// # Errors
    ///
    /// Why there is no counterpart.
    pub fn for_pass(
        &mut self,
        conf: &ProxyConf,
        server: usize,
        pass: &ProxyPass,
    ) -> Result<String, Remark> {
        let lost = |text: &str| Remark::lost(&pass.origin, "ProxyPass", text);
        let url = BackendUrl::parse(&pass.target).ok_or_else(|| {
            lost(&format!(
                "leads to {}, which names no backend; the line stays as it is",
                pass.target
            ))
        })?;
        let section = conf.section_for(&url, server);
        let parameters = section.map_or(&[][..], |own| own.parameters.as_slice());
        let parameters: Vec<_> = parameters.iter().chain(&pass.parameters).cloned().collect();
        let name = match (url.is_balancer(), section) {
            (true, Some(section)) => {
                if let Some(odd) = section.members.iter().find(|own| !is_ajp(&own.url)) {
                    return Err(no_ajp(&odd.origin, "BalancerMember", &odd.url));
                }
                if section.members.is_empty() {
                    return Err(lost(
                        "leads to a balancer without members; the line stays as it is",
                    ));
                }
                self.balancer(conf, server, section, &url, &parameters)
            }
            (true, None) => {
                return Err(lost(&format!(
                    "leads to balancer://{}, which these files do not define; the line stays as it is",
                    url.host
                )));
            }
            (false, _) if url.scheme != "ajp" => {
                return Err(no_ajp(&pass.origin, "ProxyPass", &pass.target));
            }
            (false, _) => {
                let settings = self.backend(conf, server, &url, &parameters, &pass.origin, false);
                self.add(url.worker_name(), settings, &pass.origin, Vec::new())
            }
        };
        if !self.list.contains(&name) {
            self.list.push(name.clone());
        }
        Ok(name)
    }

    /// Returns the name of a second worker with all that another one has, for rules that an exclusion of the
    /// first one must not reach.
    pub fn twin(&mut self, name: &str, origin: &Origin) -> String {
        let settings = vec![("reference", format!("worker.{name}"), origin.clone())];
        let twin = self.add(format!("{name}-2"), settings, origin, Vec::new());
        if !self.list.contains(&twin) {
            self.list.push(twin.clone());
        }
        twin
    }

    /// Adds a worker, or finds an equal one.
    pub(super) fn add(
        &mut self,
        name: String,
        settings: JkSettings,
        origin: &Origin,
        members: Vec<String>,
    ) -> String {
        let plain = |own: &JkSettings| {
            own.iter().map(|(name, value, _)| (*name, value.clone())).collect::<Vec<_>>()
        };
        let is_it =
            |own: &&JkWorker| own.members == members && plain(&own.settings) == plain(&settings);
        if let Some(own) = self.workers.iter().find(is_it) {
            return own.name.clone();
        }
        let is_taken = |name: &str| self.workers.iter().any(|own| own.name == name);
        let mut unique = name.clone();
        for number in 2.. {
            if !is_taken(&unique) {
                break;
            }
            unique = format!("{name}-{number}");
        }
        let origin = origin.clone();
        self.workers.push(JkWorker { name: unique.clone(), settings, origin, members });
        unique
    }

    /// What a backend has, alone or as a member.
    pub(super) fn backend(
        &mut self,
        conf: &ProxyConf,
        server: usize,
        url: &BackendUrl,
        parameters: &[ProxyParameter],
        origin: &Origin,
        is_member: bool,
    ) -> JkSettings {
        let mut settings: JkSettings = vec![("type", "ajp13".to_owned(), origin.clone())];
        settings.push(("host", url.host.clone(), origin.clone()));
        if !url.host.starts_with("unix:") {
            settings.push(("port", url.port_or_usual().to_string(), origin.clone()));
        }
        for own in parameters {
            match (own.name.as_str(), by_proxy(&own.name)) {
                ("ping", _) => match millis(&own.value) {
                    Some(millis) => {
                        settings.push(("ping_mode", "P".to_owned(), own.origin.clone()));
                        settings.push(("ping_timeout", millis.to_string(), own.origin.clone()));
                    }
                    None => self.unreadable(own),
                },
                ("secret", _) if own.value.contains('#') || own.value.contains("$(") => {
                    let text = "has a # or $( in it, which a workers file cannot hold: give the connector another one";
                    self.remarks.push(Remark::lost(&own.origin, "secret", text));
                }
                ("hcmethod", _) if value_of(parameters, "hcuri").is_some() => {}
                (_, Some(row)) if row.of == Of::Backend => {
                    match to_property(row.unit, &own.value) {
                        Some(value) => settings.push((row.property, value, own.origin.clone())),
                        None => self.unreadable(own),
                    }
                }
                (_, Some(row)) if is_member && row.of != Of::Balancer => {}
                (name, Some(_)) => {
                    let text = match is_member {
                        true => "is a setting of the balancer: write it there",
                        false => {
                            "is for balancers and their members: a worker alone is tried by each request, and has no shares"
                        }
                    };
                    self.remarks.push(Remark::lost(&own.origin, name, text));
                }
                (_, None) => self.lost(own),
            }
        }
        self.of_server(conf, server, &mut settings, origin);
        settings
    }

    /// What directives of the server say of all backends.
    fn of_server(
        &mut self,
        conf: &ProxyConf,
        server: usize,
        settings: &mut JkSettings,
        origin: &Origin,
    ) {
        let (own, main) = (&conf.servers[server], &conf.servers[0]);
        let has = |settings: &JkSettings, name| settings.iter().any(|own| own.0 == name);
        if !has(settings, "reply_timeout") {
            let timeout = own.timeout.as_ref().or(main.timeout.as_ref());
            let (value, origin) =
                timeout.map_or(("60", origin), |(_, value, at)| (value.as_str(), at));
            if let Some(millis) = millis(value) {
                settings.push(("reply_timeout", millis.to_string(), origin.clone()));
            }
        }
        type Field = fn(&ProxyServer) -> Option<&(String, Origin)>;
        let fields: [(&str, Field); 3] = [
            ("max_packet_size", |own| own.io_buffer.as_ref()),
            ("socket_buffer", |own| own.receive_buffer.as_ref()),
            ("source", |own| own.source.as_ref()),
        ];
        for (name, field) in fields {
            if let Some((value, at)) = field(own).or(field(main)).filter(|_| !has(settings, name)) {
                settings.push((name, value.clone(), at.clone()));
            }
        }
    }

    pub(super) fn unreadable(&mut self, own: &ProxyParameter) {
        let text =
            format!("has the value {}, which has no counterpart: the default is used", own.value);
        self.remarks.push(Remark::lost(&own.origin, &own.name, &text));
    }

    pub(super) fn lost(&mut self, own: &ProxyParameter) {
        let known = LOST.iter().find(|(name, ..)| *name == own.name);
        let text = match (known, own.name.as_str()) {
            (Some((_, meaning, remedy)), _) => format!("({meaning}): {remedy}"),
            (None, "nocanon") => "passes the client's path as it is: JkOptions +ForwardURICompatUnparsed for the server".to_owned(),
            (None, "interpolate") => "has variables replaced for each request: write the rules in full".to_owned(),
            (None, _) => "is not known to jkctl".to_owned(),
        };
        self.remarks.push(Remark::lost(&own.origin, &own.name, &text));
    }

    /// Writes workers.properties.
    pub fn text(&self) -> String {
        let mut text = String::from(
            "# Made by jkctl convert from the configuration of mod_proxy; the comments say where each line comes from.\n",
        );
        let _ = writeln!(text, "worker.list={}", self.list.join(","));
        for own in &self.workers {
            let _ = writeln!(text, "\n# {}", own.origin);
            let mut last = own.origin.clone();
            for (name, value, origin) in &own.settings {
                if *origin != last {
                    let _ = writeln!(text, "# {origin}");
                    last = origin.clone();
                }
                let _ = writeln!(text, "worker.{}.{name}={value}", own.name);
                if *name == "type" && !own.members.is_empty() {
                    let _ = writeln!(
                        text,
                        "worker.{}.balance_workers={}",
                        own.name,
                        own.members.join(",")
                    );
                }
            }
        }
        text
    }

    /// Tells whether any worker has a secret.
    pub fn has_secret(&self) -> bool {
        self.workers.iter().any(|own| own.settings.iter().any(|setting| setting.0 == "secret"))
    }
}

fn is_ajp(url: &str) -> bool {
    BackendUrl::parse(url).is_some_and(|url| url.scheme == "ajp")
}

fn no_ajp(origin: &Origin, subject: &str, url: &str) -> Remark {
    let scheme = url.split_once("://").map_or(url, |(scheme, _)| scheme).to_ascii_uppercase();
    let text = format!(
        "leads to a backend by {scheme}, and workers speak AJP: if it is a Tomcat, open its AJP connector, write ajp:// with that \
         port, and convert again; until then the lines stay with mod_proxy"
    );
    Remark::lost(origin, subject, &text)
}

/// Returns the last value of a parameter.
pub(super) fn value_of<'p>(parameters: &'p [ProxyParameter], name: &str) -> Option<&'p str> {
    parameters.iter().rev().find(|own| own.name == name).map(|own| own.value.as_str())
}
