//! A workers file with a mount for it: it is read as a parser of a few lines reads it, and what comes
//! of it keeps its promises.

#![no_main]

use std::collections::BTreeSet;

use libfuzzer_sys::fuzz_target;
use mod_jk::config::validate::{Files, check};
use mod_jk::config::{
    Context, Origin, Properties, Section, ServerSettings, Severity, WorkerKind, WorkersConfig, dump,
};

const SECRET: &str = "mark-of-a-secret";

struct OneFile<'f>(&'f str);

impl Files for OneFile<'_> {
    fn rooted(&self, path: &str) -> String {
        format!("/{path}")
    }

    fn read(&self, _: &str) -> Result<Vec<u8>, String> {
        Ok(self.0.as_bytes().to_vec())
    }

    fn variable(&self, name: &str) -> Option<String> {
        variable(name)
    }
}

fn variable(name: &str) -> Option<String> {
    (name == "HOME").then(|| "/home/$(x)".to_owned())
}

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    same_as_a_plain_reader(&text);
    let text = format!("{text}\nworker.w.secret={SECRET}\n");
    let context = Context { is_virtual: false, section: Section::Server, origin: Origin::new("conf", 1) };
    let mut main = ServerSettings::default();
    main.set("JkWorkersFile", "w", None, &context).expect("a directive");
    let _ = main.set("JkMount", "/a/*", Some("w"), &context);
    let checked = check(&[&main], None, &OneFile(&text));
    let lines = text.lines().count() as u32;
    for problem in &checked.problems {
        assert!(!problem.text.is_empty() && !problem.text.chars().any(char::is_control));
        assert!(!problem.text.contains(SECRET), "{problem}");
        assert!(problem.origin.line <= lines, "{problem}");
    }
    assert!(!dump(&[&main], &checked).contains(SECRET));
    if checked.problems.iter().all(|problem| problem.severity != Severity::Error) {
        promises(&checked.workers);
    }
});

/// White space is what C's `isspace` says: other blanks are part of a text.
fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t', '\n', '\r', '\x0b', '\x0c'])
}

/// Reads names and values the slow way.
fn same_as_a_plain_reader(text: &str) {
    let mut properties = Properties::default();
    properties.read(text, "w", &variable);
    let mut plain: Vec<(String, String)> = Vec::new();
    for line in text.strip_prefix('\u{feff}').unwrap_or(text).split('\n') {
        let line = &line[..line.find('#').unwrap_or(line.len())];
        let Some(at) = line.find('=') else { continue };
        let (name, mut rest) = (trim(&line[..at]), trim(&line[at + 1..]));
        if name.is_empty() || rest.is_empty() {
            continue;
        }
        let mut value = String::new();
        while let Some(start) = rest.find("$(") {
            let Some(length) = rest[start..].find(')') else { break };
            let wanted = &rest[start + 2..start + length];
            let known = plain.iter().rev().find(|(own, _)| own == wanted);
            let found = known.map(|(_, value)| value.clone()).or_else(|| variable(wanted));
            value += &rest[..start];
            match found {
                Some(found) if value.len() + found.len() > 65_536 => {}
                Some(found) => value += &found,
                None => value += &rest[start..=start + length],
            }
            rest = &rest[start + length + 1..];
        }
        plain.push((name.to_owned(), value + rest));
    }
    let read: Vec<_> =
        properties.iter().map(|line| (line.name.clone(), line.value.clone())).collect();
    assert_eq!(read, plain);
}

fn promises(config: &WorkersConfig) {
    assert!(!config.list.is_empty());
    assert!(config.list.iter().all(|name| config.workers.contains_key(name)));
    for worker in config.workers.values() {
        assert!(worker.name.len() <= 63);
        match &worker.kind {
            WorkerKind::Ajp13(ajp) => {
                assert!((8192..=65_536).contains(&ajp.max_packet_size));
                assert!(ajp.max_packet_size % 1024 == 0 && ajp.retries >= 1);
                // The path of a socket is limited by the kernel, in bytes of the file system.
                let fits = match ajp.host.strip_prefix("unix:") {
                    Some(path) => mod_jk::text::raw(path).len() <= 107,
                    None => ajp.host.len() <= 63,
                };
                assert!(fits && !ajp.socket_connect_timeout.is_zero());
                let statuses = &ajp.fail_on_status;
                assert!(statuses.iter().all(|status| (100..=999).contains(&status.abs())));
            }
            WorkerKind::Lb(lb) => {
                assert!(!lb.members.is_empty() && lb.retries >= 1 && !lb.recover_time.is_zero());
                let routes: BTreeSet<_> = lb.members.iter().map(|own| &own.route).collect();
                assert_eq!(routes.len(), lb.members.len(), "each its own route");
                for member in &lb.members {
                    assert!(member.lbfactor >= 1);
                    let kind = &config.workers[&member.worker].kind;
                    assert!(matches!(kind, WorkerKind::Ajp13(_)));
                }
            }
            WorkerKind::Status(_) => {}
        }
    }
}
