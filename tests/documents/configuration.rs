//! Configurations that pages show, loaded by a real `httpd -t` and read by the checks.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::page::{Block, Page};
use crate::site::Site;
use crate::support::httpd::{Httpd, Setup, has_module, load, modules_dir};

/// Modules that the blocks may use, in the order in which they can be loaded.
const MODULES: &[&str] = &[
    "alias",
    "authn_core",
    "authn_file",
    "auth_basic",
    "authz_host",
    "authz_user",
    "dav",
    "dav_fs",
    "env",
    "filter",
    "deflate",
    "headers",
    "http2",
    "mime",
    "proxy",
    "slotmem_shm",
    "lbmethod_byrequests",
    "proxy_ajp",
    "proxy_balancer",
    "remoteip",
    "reqtimeout",
    "rewrite",
    "socache_shmcb",
    "ssl",
    "status",
    "unique_id",
];

/// Directories of the system that blocks name: their files are made below the test's own.
const SYSTEM: &[&str] = &["/etc/", "/var/", "/run/", "/opt/", "/srv/"];

/// Variables of httpd's environment that workers files read.
const ENVIRONMENT: &[&str] = &["AJP_SECRET"];

/// The workers of a page that shows none.
const WORKERS: &str = "worker.list=app\nworker.app.type=ajp13\n";

/// An httpd that is never started, for `httpd -t`.
pub struct Tester {
    httpd: Httpd,
    /// httpd.conf without a block.
    base: String,
}

impl Tester {
    pub fn new(name: &str) -> Self {
        let mut httpd = Setup { name, mpm: "event", config: "", workers: "" }.prepare();
        httpd.environment = ENVIRONMENT.iter().map(|name| ((*name).into(), "x".into())).collect();
        let modules: Vec<_> = MODULES.iter().copied().filter(|own| has_module(own)).collect();
        // A block that sets it shows where the lines go on the reader's machine.
        let config = httpd.log("httpd.conf");
        let lines = config.lines().filter(|line| !line.starts_with("JkLogFile"));
        let base: String = lines.flat_map(|line| [line, "\n"]).collect();
        certificate(&httpd.dir);
        Self { base: base + &load(&modules), httpd }
    }

    /// Loads each `apache` block of the page with the workers and mounts of its section.
    pub fn load(&self, page: &Page) -> Vec<String> {
        let (blocks, _) = page.blocks();
        let mut wrong = Vec::new();
        for block in blocks.iter().filter(|block| block.language == "apache") {
            let (fine, printed) = self.configtest(block, &blocks);
            // A note is about what is often meant.
            let lines = printed
                .lines()
                .filter(|line| ["JK-101", "JK-102"].iter().any(|code| line.contains(code)));
            let lines: Vec<_> = lines.collect();
            if !fine || !lines.is_empty() {
                let said = if fine { lines.join("\n") } else { printed };
                wrong.push(format!("{}: {said}", block.place));
            }
        }
        wrong
    }

    fn configtest(&self, block: &Block, blocks: &[Block]) -> (bool, String) {
        let workers = joined(blocks, block.section, "properties");
        let workers = if workers.is_empty() { WORKERS.to_owned() } else { workers };
        let mounts = joined(blocks, block.section, "mounts");
        self.httpd.write("workers.properties", &self.moved(&workers));
        self.httpd.write("block.conf", &self.moved(&block.text));
        for line in block.text.lines().map(str::trim) {
            let (name, rest) = line.split_once(' ').unwrap_or_default();
            let file = rest.trim().trim_matches('"');
            let path = self.httpd.dir.join(self.moved(&format!(" {file}")).trim());
            let text = match name.to_ascii_lowercase().as_str() {
                "jkworkersfile" => self.moved(&workers),
                "jkmountfile" => mounts.clone(),
                "jklogfile" => String::new(),
                "sslcertificatefile" | "sslcertificatekeyfile" | "sslcacertificatefile" => {
                    self.httpd.log("certificate.pem")
                }
                "authuserfile" => "admin:$apr1$x$x\n".to_owned(),
                "jkautoalias" => {
                    fs::create_dir_all(path).expect("ours");
                    continue;
                }
                _ => continue,
            };
            fs::create_dir_all(path.parent().expect("a file has a directory")).expect("ours");
            fs::write(path, text).expect("ours");
        }
        let own = self.httpd.dir.join("block.conf");
        // httpd takes one JkWorkersFile: that of the block, if it has one.
        let has_own = block.text.lines().any(|line| line.trim().starts_with("JkWorkersFile"));
        let lines = self.base.lines();
        let lines = lines.filter(|line| !(has_own && line.starts_with("JkWorkersFile")));
        let base: String = lines.flat_map(|line| [line, "\n"]).collect();
        let text = format!("{base}Include {}\n", own.display());
        self.httpd.write("httpd.conf", &text);
        self.httpd.configtest()
    }

    /// Moves absolute paths of the system below the test's directory.
    fn moved(&self, text: &str) -> String {
        let dir = self.httpd.dir.display().to_string();
        let mut moved = String::new();
        for line in text.lines() {
            // The module and httpd's own modules are those under test.
            let is_module = line.trim_start().starts_with("LoadModule");
            if is_module {
                let name =
                    line.split_whitespace().nth(2).and_then(|path| Path::new(path).file_name());
                let name = name.unwrap_or_default();
                let path = match name.to_str() {
                    Some("mod_jk.so") => crate::support::module(),
                    _ => modules_dir().join(name),
                };
                let words: Vec<_> = line.split_whitespace().take(2).collect();
                moved += &format!("{} {}\n", words.join(" "), path.display());
                continue;
            }
            let mut line = line.to_owned();
            for place in SYSTEM {
                // Where a path begins; a URI pattern of the same beginning is moved with it and
                // stays a pattern.
                for before in [" ", "\"", ":", "="] {
                    let from = format!("{before}{place}");
                    line = line.replace(&from, &format!("{before}{dir}{place}"));
                }
            }
            moved += &line;
            moved.push('\n');
        }
        moved
    }
}

/// Writes a certificate and its key into one file, and makes the directories that blocks name.
fn certificate(dir: &Path) {
    let file = dir.join("certificate.pem");
    let run = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=localhost",
        ])
        .arg("-keyout")
        .arg(dir.join("key.pem"))
        .arg("-out")
        .arg(&file)
        .output()
        .expect("openssl is there; Debian package: openssl");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let key = fs::read_to_string(dir.join("key.pem")).expect("openssl has written it");
    let whole = fs::read_to_string(&file).expect("openssl has written it") + &key;
    fs::write(file, whole).expect("ours");
}

/// Joins the blocks of a language in a section.
fn joined(blocks: &[Block], section: usize, language: &str) -> String {
    let own = blocks.iter().filter(|own| own.section == section && own.language == language);
    own.map(|own| own.text.as_str()).collect()
}

/// Reads the `properties` blocks of each section as one workers file. Returns what is an error.
pub fn workers(page: &Page) -> Vec<String> {
    let (blocks, _) = page.blocks();
    let mut wrong = Vec::new();
    let mut last = usize::MAX;
    for block in blocks.iter().filter(|block| block.language == "properties") {
        if block.section == last {
            continue;
        }
        last = block.section;
        let mut site = Site::default();
        site.files.insert("jk.conf".into(), String::new());
        site.files
            .insert("workers.properties".into(), joined(&blocks, block.section, "properties"));
        let (_, checked) = site.check();
        for problem in &checked.problems {
            if format!("{:?}", problem.severity) == "Error" {
                wrong.push(format!("{}: {problem}", block.place));
            }
        }
    }
    wrong
}

/// Has a foreign parser read the `xml` and `json` blocks. Returns what is not well-formed.
pub fn data(page: &Page) -> Vec<String> {
    let mut wrong = Vec::new();
    for block in page.blocks().0 {
        let problem = match block.language.as_str() {
            "xml" => xml(&block.text),
            "json" => serde_json::from_str::<serde_json::Value>(&block.text)
                .err()
                .map(|why| why.to_string()),
            _ => None,
        };
        wrong.extend(problem.map(|why| format!("{}: {why}", block.place)));
    }
    wrong
}

/// Parts of a server.xml have no root of their own.
fn xml(text: &str) -> Option<String> {
    let script = "import sys, xml.dom.minidom as m; m.parseString('<part>'+sys.argv[1]+'</part>')";
    let run = Command::new("python3").args(["-c", script, text]).output();
    let run = run.expect("python3 is there; Debian package: python3-prometheus-client needs it");
    let said = String::from_utf8_lossy(&run.stderr).into_owned();
    (!run.status.success()).then(|| said.lines().last().unwrap_or_default().to_owned())
}
