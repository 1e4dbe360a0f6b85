//! A recipe as it runs: its httpd, and its commands.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use super::page_of;
use crate::page::Block;
use crate::support::free_port;
use crate::support::httpd::{Httpd, Setup, has_module, load};

/// Modules of httpd that the recipes use, in the order in which they can be loaded.
const MODULES: &[&str] = &[
    "alias",
    "authn_core",
    "authn_file",
    "authz_host",
    "authz_user",
    "auth_basic",
    "env",
    "proxy",
    "slotmem_shm",
    "lbmethod_byrequests",
    "proxy_ajp",
    "proxy_balancer",
    "remoteip",
    "reqtimeout",
];

/// Directories of the system that recipes name: they lie below the test's own.
const SYSTEM: &[&str] = &["/etc/", "/opt/"];

/// A recipe, before its httpd is started.
pub struct Recipe {
    page: &'static str,
    section: usize,
    blocks: Vec<Block>,
    httpd: Httpd,
    /// The port in place of 443.
    pub tls: u16,
    config: String,
    workers: String,
}

/// What a command printed, and its status.
pub struct Run {
    pub text: String,
    pub code: i32,
}

impl Recipe {
    /// Takes the section of the page that has the page's `number`-th block of directives, with workers at
    /// these ports.
    pub fn new(name: &str, page: &'static str, number: usize, ports: &[(&str, u16)]) -> Self {
        let (blocks, _) = page_of(page).blocks();
        let directives = blocks.iter().filter(|block| block.language == "apache").nth(number);
        let section = directives.expect("a block of directives").section;
        let text = |language: &str| {
            let own =
                blocks.iter().filter(|own| own.section == section && own.language == language);
            own.map(|own| own.text.as_str()).collect::<String>()
        };
        let (config, mut workers) = (text("apache"), String::new());
        for line in text("properties").lines() {
            let own = ports.iter().find(|(worker, _)| {
                let rest = line.strip_prefix(&format!("worker.{worker}."));
                rest.is_some_and(|rest| rest.starts_with("host=") || rest.starts_with("port="))
            });
            match own {
                Some((worker, port)) if line.contains(".host=") => {
                    workers +=
                        &format!("worker.{worker}.host=127.0.0.1\nworker.{worker}.port={port}\n");
                }
                Some(_) => {}
                None => workers += &format!("{line}\n"),
            }
        }
        let httpd = Setup { name, mpm: "event", config: "", workers: "" }.prepare();
        let mounts = text("mounts");
        let recipe = Self { page, section, blocks, httpd, tls: free_port(), config, workers };
        for line in recipe.config.lines().filter_map(|line| line.strip_prefix("JkMountFile ")) {
            recipe.file(line, &mounts);
        }
        recipe
    }

    /// Where the files of the recipe lie.
    pub fn dir(&self) -> &Path {
        &self.httpd.dir
    }

    /// Replaces words of the page that must be there, a time for example.
    pub fn replace(mut self, from: &str, to: &str) -> Self {
        let found = self.config.contains(from) || self.workers.contains(from);
        assert!(found, "{}: {from:?} is not there", self.page);
        self.config = self.config.replace(from, to);
        self.workers = self.workers.replace(from, to);
        self
    }

    /// Says that a line with this text may be in the logs.
    pub fn expect(mut self, text: &str) -> Self {
        self.httpd.expect(text);
        self
    }

    /// Adds lines behind those of the page.
    pub fn add(mut self, directives: &str) -> Self {
        self.config += directives;
        self
    }

    /// Writes a file that the page names.
    pub fn file(&self, path: &str, text: &str) {
        let path = self.dir().join(path.trim_start_matches('/'));
        fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
        fs::write(path, text).expect("a file");
    }

    /// Starts httpd with it.
    pub fn start(mut self) -> Running {
        let dir = self.httpd.dir.display().to_string();
        let mut modules: Vec<_> = MODULES.iter().copied().filter(|own| has_module(own)).collect();
        if self.config.contains("SSLEngine") {
            modules.push("ssl");
            // Of the library that was updated, no cache of sessions, and a certificate of our own.
            for line in ["AH01882", "AH01873", "AH01906", "AH01909"] {
                self.httpd.expect(line);
            }
        }
        let mut text = self.httpd.log("httpd.conf") + &load(&modules);
        for line in self.config.lines() {
            let is_ours = line.starts_with("JkWorkersFile") || line.starts_with("JkLogFile");
            if !is_ours {
                text += &self.moved(line, &dir);
                text.push('\n');
            }
        }
        let text = text
            .replace("Listen 443", &format!("Listen 127.0.0.1:{}", self.tls))
            .replace("*:443>", &format!("*:{}>", self.tls))
            .replace("*:80>", &format!("*:{}>", self.httpd.port));
        self.httpd.write("httpd.conf", &text);
        self.httpd.write("workers.properties", &self.workers);
        self.httpd.launch();
        Running::new(self)
    }

    fn moved(&self, line: &str, dir: &str) -> String {
        SYSTEM.iter().fold(line.to_owned(), |line, place| {
            line.replace(&format!(" {place}"), &format!(" {dir}{place}"))
        })
    }
}

/// A recipe whose httpd runs.
pub struct Running {
    pub httpd: Httpd,
    page: &'static str,
    section: usize,
    blocks: Vec<Block>,
}

impl Running {
    fn new(recipe: Recipe) -> Self {
        let Recipe { page, section, blocks, httpd, tls, .. } = recipe;
        let bin = httpd.dir.join("bin");
        fs::create_dir_all(&bin).expect("a directory");
        symlink(env!("CARGO_BIN_EXE_jkctl"), bin.join("jkctl")).expect("a link");
        // The commands say localhost and the site's name without a port.
        let hosts = format!(
            "connect-to = \"localhost:80:127.0.0.1:{}\"\nconnect-to = \"shop.example.org:443:127.0.0.1:{tls}\"\ninsecure\nsilent\n",
            httpd.port
        );
        httpd.write(".curlrc", &hosts);
        Self { httpd, page, section, blocks }
    }

    /// Writes a program that the commands find first.
    pub fn program(&self, name: &str, text: &str) {
        let path = self.httpd.dir.join("bin").join(name);
        fs::write(&path, text).expect("a file");
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("a mode");
    }

    /// Returns the commands of the recipe's section that begin with a word.
    pub fn commands(&self, word: &str) -> Vec<String> {
        let own = self.blocks.iter().filter(|own| own.section == self.section);
        let text: String =
            own.filter(|own| own.language == "sh").map(|own| own.text.as_str()).collect();
        let found: Vec<_> =
            text.lines().filter(|line| line.contains(word)).map(str::to_owned).collect();
        assert!(!found.is_empty(), "{}: no command {word}", self.page);
        found
    }

    /// Returns those of the whole page.
    pub fn commands_of_page(&self, word: &str) -> Vec<String> {
        let text: String = self
            .blocks
            .iter()
            .filter(|own| own.language == "sh")
            .map(|own| own.text.as_str())
            .collect();
        text.lines().filter(|line| line.contains(word)).map(str::to_owned).collect()
    }

    /// Returns the section's only block of commands that has a word.
    pub fn script(&self, word: &str) -> String {
        let own = self.blocks.iter().filter(|own| own.section == self.section);
        let own = own.filter(|own| own.language == "sh" && own.text.contains(word));
        own.map(|own| own.text.as_str()).collect()
    }

    /// Runs commands as a reader would, in the test's directory.
    pub fn sh(&self, script: &str) -> Run {
        let dir = self.httpd.dir.display().to_string();
        let script = script
            .replace("/etc/jk/workers.properties", &format!("{dir}/workers.properties"))
            .replace("/etc/apache2/jk.users", &format!("{dir}/etc/apache2/jk.users"))
            .replace(
                "--url http://localhost/",
                &format!("--url http://127.0.0.1:{}/", self.httpd.port),
            );
        let path = std::env::var("PATH").unwrap_or_default();
        let output = Command::new("sh")
            .args(["-c", &script])
            .current_dir(&self.httpd.dir)
            .env("PATH", format!("{dir}/bin:{path}"))
            .env("HOME", &dir)
            .env("CURL_HOME", &dir)
            .env("JKCTL_URL", format!("http://127.0.0.1:{}/jk-status", self.httpd.port))
            .output()
            .expect("a shell");
        let text = [output.stdout, output.stderr].concat();
        let code = output.status.code().unwrap_or(-1);
        Run { text: String::from_utf8_lossy(&text).into_owned(), code }
    }

    /// Runs the commands of the page that begin with a word; each must succeed.
    pub fn run_commands(&self, word: &str) -> String {
        let run = |line: String| {
            let run = self.sh(&line);
            assert_eq!(run.code, 0, "{}: {line}: {}", self.page, run.text);
            run.text
        };
        self.commands(word).into_iter().map(run).collect()
    }
}
