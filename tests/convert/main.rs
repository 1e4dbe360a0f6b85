//! `jkctl convert`, judged by httpd: a configuration of mod_proxy, what it is converted to, and what that is
//! converted back to serve the same URIs from the same backends.
// Real servers take real time.
#![allow(missing_docs, clippy::unwrap_used, clippy::disallowed_methods)]

#[path = "../support/mod.rs"]
mod support;

mod http_backend;
mod uris;

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use http_backend::HttpBackend;
use support::backend::{Backend, echo};
use support::client::Client;
use support::httpd::{Httpd, Setup, has_module, load};
use support::{root, skip};
use uris::{Probe, probes};

/// Modules of httpd that the configurations use.
const MODULES: &[&str] = &[
    "alias",
    "proxy",
    "proxy_ajp",
    "proxy_http",
    "slotmem_shm",
    "lbmethod_byrequests",
    "lbmethod_bybusyness",
    "proxy_balancer",
];

/// What the configurations send to: each answers with its letter.
struct Backends {
    ajp: Vec<Backend>,
    http: HttpBackend,
}

impl Backends {
    fn start() -> Self {
        let ajp = ["A", "B", "C"].map(|name| Backend::start(echo(name)));
        Self { ajp: ajp.into(), http: HttpBackend::start("H") }
    }

    fn fill(&self, text: &str, dir: &Path) -> String {
        let letters = ["@A@", "@B@", "@C@"].iter().zip(&self.ajp);
        let text = letters.fold(text.to_owned(), |text, (letter, own)| {
            text.replace(letter, &own.port.to_string())
        });
        text.replace("@H@", &self.http.port.to_string())
            .replace("@DIR@", &dir.display().to_string())
    }
}

/// One of the configurations.
struct Site {
    name: String,
    text: String,
}

impl Site {
    fn all() -> Vec<Self> {
        let dir = root().join("tests/convert/configurations");
        let mut all: Vec<_> = fs::read_dir(dir)
            .unwrap()
            .map(|entry| {
                let path = entry.unwrap().path();
                let name = path.file_stem().unwrap().to_string_lossy().into_owned();
                Self { name, text: fs::read_to_string(path).unwrap() }
            })
            .collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }

    /// Backends that may take each other's requests.
    fn pool(&self) -> &str {
        self.text.lines().find_map(|line| line.strip_prefix("# pool: ")).unwrap_or_default()
    }

    /// Whether a part stays with mod_proxy.
    fn keeps_proxy(&self) -> bool {
        self.text.lines().any(|line| line == "# kept")
    }

    /// The backend of a route.
    fn member_of(&self, route: &str) -> Option<char> {
        let wanted = format!("route={route}");
        let line =
            self.text.lines().find(|line| line.split_whitespace().any(|word| word == wanted))?;
        line.split('@').nth(1)?.chars().next()
    }

    /// The answer to a request: the status, and the backend or the pool that has sent it.
    fn ask(&self, client: &mut Client, probe: &Probe) -> String {
        let cookie =
            probe.cookie.as_ref().map(|own| format!("Cookie: {own}\r\n")).unwrap_or_default();
        let request =
            format!("GET {} HTTP/1.1\r\nHost: {}\r\n{cookie}\r\n", probe.path, probe.host);
        let response = client.raw(request.as_bytes(), "GET");
        let text = response.text();
        let is_served = response.status == 200 && text.contains(" GET ");
        let name = text.chars().next().filter(|_| is_served);
        // A session leads to its member; without one, or with that of another balancer, any member will do.
        let member = probe.cookie.as_ref().and_then(|own| self.member_of(own.rsplit('.').next()?));
        let by = match name {
            Some(letter) if member != name && self.pool().contains(letter) => "pool".to_owned(),
            Some(letter) => letter.to_string(),
            None => "httpd".to_owned(),
        };
        format!("{} {by}", response.status)
    }

    fn answers(&self, httpd: &Httpd, probes: &[Probe]) -> Vec<String> {
        // A connection each: an error may end it.
        probes.iter().map(|probe| self.ask(&mut Client::connect(httpd.port), probe)).collect()
    }

    /// Starts httpd with these files in place of all that the harness says of mod_jk.
    fn start(&self, kind: &str, modules: &str, lines: &str) -> Httpd {
        let name = format!("convert-{}-{kind}", self.name);
        let config = format!("{modules}{lines}");
        let mut httpd = Setup { name: &name, mpm: "event", config: &config, workers: "" }.prepare();
        let text = httpd.log("httpd.conf");
        let is_ours = |line: &&str| {
            line.starts_with("Jk") || kind != "jk" && line.starts_with("LoadModule jk_")
        };
        let kept: Vec<_> = text.lines().filter(|line| !is_ours(line)).collect();
        httpd.write("httpd.conf", &(kept.join("\n") + "\n"));
        // What mod_proxy says of lines and paths of its own; paths that climb above the root.
        httpd.expect("[proxy");
        httpd.expect("AH10244: invalid URI path");
        httpd.launch();
        httpd
    }

    /// Compares the original with what it is converted to, and returns what differs.
    fn differences(&self, count: usize) -> String {
        let backends = Backends::start();
        let files = support::fresh_dir(&format!("convert-{}-files", self.name));
        let [from, there, back] = ["from", "there", "back"].map(|own| files.join(own));
        fs::create_dir(&from).unwrap();
        let conf = from.join("site.conf");
        fs::write(&conf, backends.fill(&self.text, &files)).unwrap();
        convert(&["--root", &shown(&from)], &there, std::slice::from_ref(&conf));
        let probes = probes(&self.text, count);
        let proxy = load(MODULES);
        let alias = load(&["alias"]);
        let httpd = self.start("proxy", &proxy, &format!("Include {}\n", conf.display()));
        let expected = self.answers(&httpd, &probes);
        drop(httpd);
        // Files without a line that changes are not copied.
        let copy = |dir: &Path, other: &Path| match dir.join("site.conf") {
            own if own.exists() => own,
            _ => other.to_owned(),
        };
        let site = copy(&there, &conf);
        let lines = format!("Include {}/jk.conf\nInclude {}\n", there.display(), site.display());
        let modules = if self.keeps_proxy() { &proxy } else { &alias };
        let httpd = self.start("jk", modules, &lines);
        let mut wrong = self.compare("mod_jk", &probes, &expected, &self.answers(&httpd, &probes));
        drop(httpd);
        if self.keeps_proxy() {
            return wrong;
        }
        let parts = [there.join("jk.conf"), site.clone()];
        convert(&["--to", "proxy", "--root", &shown(&there)], &back, &parts);
        let site = copy(&back, &site);
        let lines = format!("Include {}/proxy.conf\nInclude {}\n", back.display(), site.display());
        let httpd = self.start("back", &proxy, &lines);
        wrong += &self.compare("back", &probes, &expected, &self.answers(&httpd, &probes));
        wrong
    }

    fn compare(&self, kind: &str, probes: &[Probe], expected: &[String], own: &[String]) -> String {
        let mut wrong = String::new();
        for ((probe, expected), own) in probes.iter().zip(expected).zip(own) {
            if expected != own {
                let _ =
                    writeln!(wrong, "{} {kind}: {probe:?}: {own} instead of {expected}", self.name);
            }
        }
        let served = expected.iter().filter(|own| own.starts_with("200")).count();
        let local = expected.len() - served;
        assert!(
            served > expected.len() / 10 && local > 0,
            "{}: {served} served, {local} not",
            self.name
        );
        wrong
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// Runs jkctl convert.
fn convert(args: &[&str], into: &Path, files: &[PathBuf]) {
    let output = Command::new(env!("CARGO_BIN_EXE_jkctl"))
        .arg("convert")
        .args(args)
        .arg("--dir")
        .arg(into)
        .args(files)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn run(sites: &[Site], count: usize) {
    if !["proxy_ajp", "proxy_balancer"].iter().all(|name| has_module(name)) {
        return skip("httpd", "mod_proxy_ajp is not installed");
    }
    // An httpd that ends waits for its children: several at once take no longer.
    let some = sites.chunks(sites.len().div_ceil(4).max(1));
    let wrong: String = std::thread::scope(|scope| {
        let run = |sites: &[Site]| sites.iter().map(|site| site.differences(count)).collect();
        let all: Vec<_> = some.map(|sites| scope.spawn(move || -> String { run(sites) })).collect();
        all.into_iter().map(|own| own.join().unwrap()).collect()
    });
    assert!(wrong.is_empty(), "{wrong}");
}

/// All of it takes a minute; some of each kind are enough for a change.
#[test]
fn the_same_backends_serve_the_same_uris() {
    let mut sites = Site::all();
    assert_eq!(sites.len(), 30);
    if let Ok(name) = std::env::var("SITE") {
        sites.retain(|site| site.name.starts_with(&name));
        return run(&sites, 200);
    }
    match std::env::var_os("MOD_JK_TEST_ENDURANCE") {
        Some(_) => run(&sites, 200),
        None => {
            let sample = ["07", "11", "14", "18", "21", "27"];
            sites.retain(|site| sample.iter().any(|own| site.name.starts_with(own)));
            assert_eq!(sites.len(), sample.len());
            run(&sites, 60);
        }
    }
}
