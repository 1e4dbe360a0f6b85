//! Configurations of mod_proxy as ours, and back. Pure: texts come in, texts and remarks go out.

mod backend_url;
mod file_edits;
mod jk_balancer;
mod jk_rules;
mod jk_workers;
mod parameters;
mod proxy_conf;
mod proxy_rules;
mod proxy_sections;
mod regex;
mod remark;
#[cfg(test)]
mod tests;
mod without_counterpart;
mod words;

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::config::Origin;
use crate::config::validate::{Checked, Files, read_text};
use crate::tool::httpd_conf::Conf;
use file_edits::FileEdits;
use jk_rules::JkRules;
use jk_workers::JkWorkers;
use proxy_conf::{ProxyConf, ProxyMatch, ProxyPass};
use remark::sorted;
pub use remark::{Loss, Remark};

/// A file that a conversion makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConvertedFile {
    /// Its name, below the directory for all of them.
    pub name: String,
    /// Its text.
    pub text: String,
    /// Whether only owner and group may read it.
    pub is_secret: bool,
}

/// What a configuration comes to.
#[derive(Clone, Debug, Default)]
pub struct Conversion {
    /// New files, and those of the configuration that change.
    pub files: Vec<ConvertedFile>,
    /// What has no counterpart, or is another thing on the other side.
    pub remarks: Vec<Remark>,
}

/// Converts the lines of mod_proxy. `dir` is where the new files will lie.
pub fn to_jk(conf: &Conf, dir: &str, files: &dyn Files) -> Conversion {
    let proxy = proxy_conf::read(&conf.tree);
    let mut workers = JkWorkers::default();
    let rules: Vec<JkRules> = (0..proxy.servers.len())
        .map(|server| jk_rules::rules(&proxy, server, &mut workers))
        .collect();
    let mut remarks = proxy.remarks.clone();
    remarks.append(&mut workers.remarks);
    remarks.extend(rules.iter().flat_map(|own| own.remarks.iter().cloned()));
    let edits = edits(&proxy, &rules);
    let mut made = Vec::new();
    if rules.iter().any(|own| !own.lines.is_empty()) {
        let (text, is_secret) = (workers.text(), workers.has_secret());
        made.push(ConvertedFile { name: WORKERS.to_owned(), text, is_secret });
        made.push(ConvertedFile {
            name: JK_CONF.to_owned(),
            text: jk_conf(dir, &rules[0]),
            is_secret: false,
        });
    }
    changed(&edits, conf, files, &mut made);
    Conversion { files: made, remarks: sorted(remarks) }
}

/// Converts our lines to those of mod_proxy.
pub fn to_proxy(conf: &Conf, checked: &Checked, files: &dyn Files) -> Conversion {
    let mut sections = proxy_sections::ProxySections::new(checked);
    let (mut edits, mut remarks, mut made) = (FileEdits::default(), Vec::new(), Vec::new());
    let mut main = Vec::new();
    for (place, server) in conf.servers.iter().enumerate() {
        let lines = proxy_rules::lines(checked, place, &mut sections, &mut remarks);
        proxy_rules::directives(&server.settings, &mut edits, &mut remarks);
        match place {
            0 => main = lines,
            _ => edits.add(&server.origin, lines),
        }
    }
    remarks.append(&mut sections.remarks);
    let text = format!("{PROXY_HEAD}{}\n", main.join("\n"));
    let is_secret = sections.has_secret();
    made.push(ConvertedFile { name: PROXY_CONF.to_owned(), text, is_secret });
    changed(&edits, conf, files, &mut made);
    Conversion { files: made, remarks: sorted(remarks) }
}

/// Adds the files of the configuration that change.
fn changed(edits: &FileEdits, conf: &Conf, files: &dyn Files, made: &mut Vec<ConvertedFile>) {
    let root = format!("{}/", conf.root.trim_end_matches('/'));
    let mut names = BTreeSet::from([WORKERS, JK_CONF, PROXY_CONF].map(str::to_owned));
    for file in edits.files() {
        let Ok(text) = read_text(files, file) else { continue };
        let base = file.rsplit('/').next().unwrap_or(file);
        let mut name = file.strip_prefix(&root).unwrap_or(base).to_owned();
        for number in 2.. {
            if names.insert(name.clone()) {
                break;
            }
            name = format!("{number}-{base}");
        }
        let (text, is_secret) = (edits.apply(file, &text), text.contains("secret="));
        made.push(ConvertedFile { name, text, is_secret });
    }
}

/// What becomes of the lines of mod_proxy.
fn edits(proxy: &ProxyConf, rules: &[JkRules]) -> FileEdits {
    let keeps_proxy = proxy.needs_proxy || rules.iter().any(|own| own.keeps_proxy);
    let mut edits = FileEdits::new(!keeps_proxy);
    let has = |list: fn(&JkRules) -> &Vec<Origin>, pass: &ProxyPass| {
        rules.iter().any(|own| list(own).contains(&pass.origin))
    };
    for (server, passes) in proxy.servers.iter().map(|own| &own.passes).enumerate() {
        for pass in passes {
            // One of the main server counts in virtual hosts too, and may be another thing there.
            let is_everywhere = rules.iter().enumerate().all(|(place, own)| {
                let sees = place == server
                    || proxy.ordered(place).iter().any(|own| own.origin == pass.origin);
                !sees || own.converted.contains(&pass.origin)
            });
            if !is_everywhere || has(|own| &own.kept_exclusions, pass) {
                continue;
            }
            match has(|own| &own.to_exclude, pass) {
                true => edits.replace(&pass.origin, exclusion(pass)),
                false => edits.take_out(&pass.origin),
            }
        }
    }
    if !keeps_proxy {
        proxy.lines.iter().for_each(|own| edits.take_out(own));
    }
    for (server, own) in proxy.servers.iter().zip(rules) {
        if let Some(origin) = server.origin.as_ref().filter(|_| !own.lines.is_empty()) {
            edits.add(origin, own.lines.clone());
        }
    }
    edits
}

/// The line that keeps mod_proxy from a path.
fn exclusion(pass: &ProxyPass) -> String {
    let (name, path) = match &pass.on {
        ProxyMatch::Path(path) => ("ProxyPass", path),
        ProxyMatch::Regex(regex) => ("ProxyPassMatch", regex),
    };
    match pass.is_in_section {
        true => "ProxyPass !".to_owned(),
        false => format!("{name} \"{path}\" !"),
    }
}

fn jk_conf(dir: &str, main: &JkRules) -> String {
    let dir = dir.trim_end_matches('/');
    let mut text = format!(
        "# Made by jkctl convert: include it in the main server, before the virtual hosts.\n\
         # Without effect where another file has loaded the module, as a2enmod jk does on Debian.\n\
         <IfModule !jk_module>\n    LoadModule jk_module modules/mod_jk.so\n</IfModule>\n\
         JkWorkersFile \"{dir}/{WORKERS}\"\n"
    );
    for line in &main.lines {
        let _ = writeln!(text, "{line}");
    }
    text
}

const WORKERS: &str = "workers.properties";
const JK_CONF: &str = "jk.conf";
const PROXY_CONF: &str = "proxy.conf";
const PROXY_HEAD: &str = "# Made by jkctl convert: include it in the main server, before the virtual hosts. It needs mod_proxy, mod_proxy_ajp,\n\
                          # mod_proxy_balancer, mod_slotmem_shm and the mod_lbmethod_ of each lbmethod.\n";
