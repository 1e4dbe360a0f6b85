//! A site in memory: the files of a configuration, read as httpd reads them as far as Jk directives
//! go, so that the checks run without httpd.

use std::collections::BTreeMap;

use mod_jk::config::check::{Checked, Files, check};
use mod_jk::config::{Context, Diagnostic, Origin, ServerSettings};

/// Directory the files seem to lie in.
pub const DIR: &str = "/site";

/// Files by name, without directory.
#[derive(Debug, Default)]
pub struct Site {
    pub files: BTreeMap<String, String>,
}

impl Files for Site {
    fn rooted(&self, path: &str) -> String {
        if path.starts_with('/') { path.to_owned() } else { format!("{DIR}/{path}") }
    }

    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        let name = path.strip_prefix(DIR).and_then(|rest| rest.strip_prefix('/'));
        let text = name.and_then(|name| self.files.get(name));
        let missing = std::io::Error::from_raw_os_error(2).to_string();
        text.map(|text| text.as_bytes().to_vec()).ok_or(missing)
    }

    fn variable(&self, _: &str) -> Option<String> {
        None
    }
}

impl Site {
    /// Reads jk.conf and checks everything. A directive that is refused ends it, as it does in httpd.
    pub fn check(&self) -> (Vec<ServerSettings>, Checked) {
        match self.servers() {
            Ok(servers) => {
                let every: Vec<_> = servers.iter().collect();
                let checked = check(&every, None, self);
                (servers, checked)
            }
            Err(refused) => (Vec::new(), Checked { problems: vec![refused], ..Checked::default() }),
        }
    }

    fn servers(&self) -> Result<Vec<ServerSettings>, Diagnostic> {
        let mut main = ServerSettings::default();
        let origin = Origin::new(&format!("{DIR}/httpd.conf"), 1);
        let context = Context { is_virtual: false, section: None, origin: origin.clone() };
        main.set("JkWorkersFile", &format!("{DIR}/workers.properties"), None, &context)
            .map_err(|why| Diagnostic::error(&origin, why))?;
        let mut servers = vec![main];
        let mut section: Option<String> = None;
        let mut is_virtual = false;
        for (number, line) in self.files["jk.conf"].lines().enumerate() {
            let origin = Origin::new(&format!("{DIR}/jk.conf"), number as u32 + 1);
            let line = line.trim();
            let (name, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
            // httpd hands the rest of the line over as it is for two directives.
            let is_raw =
                ["jkoptions", "jkworkerproperty"].iter().any(|own| name.eq_ignore_ascii_case(own));
            let argument = match is_raw {
                true => rest.trim(),
                false => rest.trim().trim_end_matches('>').trim_matches('"'),
            };
            let place = if is_virtual { servers.len() - 1 } else { 0 };
            match name.to_ascii_lowercase().as_str() {
                "" => {}
                _ if name.starts_with('#') => {}
                "<virtualhost" => {
                    let port = argument.rsplit(':').next().unwrap_or_default();
                    let (host, host_origin) = (format!("?:{port}"), origin);
                    servers.push(ServerSettings { host, host_origin, ..<_>::default() });
                    is_virtual = true;
                }
                "</virtualhost>" => is_virtual = false,
                "<location" => section = Some(argument.to_owned()),
                "</location>" => section = None,
                "servername" => {
                    servers[place].host = servers[place].host.replace('?', argument);
                }
                own if own.starts_with("jk") => {
                    let context =
                        Context { is_virtual, section: section.as_deref(), origin: origin.clone() };
                    let (first, second) = match argument.split_once(' ') {
                        Some((first, second)) if !is_raw && !rest.trim().starts_with('"') => {
                            (first, Some(second.trim()))
                        }
                        _ => (argument, None),
                    };
                    servers[place]
                        .set(name, first, second, &context)
                        .map_err(|why| Diagnostic::error(&origin, why))?;
                }
                _ => {}
            }
        }
        let main = servers[0].clone();
        let hosts = servers.iter().skip(1).map(|own| ServerSettings::merge(&main, own));
        let hosts: Vec<_> = hosts.collect();
        servers.truncate(1);
        servers.extend(hosts);
        Ok(servers)
    }
}
