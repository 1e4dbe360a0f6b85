//! A site in memory: the files of a configuration, read as httpd reads them as far as Jk directives
//! go, so that the checks run without httpd.

use std::collections::BTreeMap;

use mod_jk::config::validate::{Checked, Files, check};
use mod_jk::config::{Context, Diagnostic, Origin, Section, ServerSettings, stored_path};

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
        let why = std::io::Error::from_raw_os_error(2);
        let missing = format!("{why}, create the file or correct the path");
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
        let context =
            Context { is_virtual: false, section: Section::Server, origin: origin.clone() };
        main.set("JkWorkersFile", &format!("{DIR}/workers.properties"), None, &context)
            .map_err(|why| Diagnostic::error(&origin, why))?;
        let mut servers = vec![main];
        let mut open: Vec<(String, String)> = Vec::new();
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
                    let addresses = argument.split_whitespace().map(str::to_owned).collect();
                    servers.push(ServerSettings { host, host_origin, addresses, ..<_>::default() });
                    is_virtual = true;
                }
                "</virtualhost>" => is_virtual = false,
                own if own.starts_with("</") => drop(open.pop()),
                own if own.starts_with('<') => {
                    let name = name.trim_start_matches('<').trim_end_matches('>');
                    open.push((name.to_owned(), argument.to_owned()));
                }
                "listen" => servers[0].addresses.push(argument.to_owned()),
                "servername" => {
                    servers[place].host = servers[place].host.replace('?', argument);
                }
                own if own.starts_with("jk") => {
                    let words = |text: &str| {
                        let words = text.split_whitespace();
                        words.map(|own| own.trim_matches('"').to_owned()).collect::<Vec<_>>()
                    };
                    let outer = open.iter().rev();
                    let path =
                        outer.clone().find_map(|(name, text)| stored_path(name, &words(text)));
                    let outer = outer.map(|(name, text)| (name.as_str(), text.as_str()));
                    let section = Section::inside(outer, path.as_deref());
                    let context = Context { is_virtual, section, origin: origin.clone() };
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
