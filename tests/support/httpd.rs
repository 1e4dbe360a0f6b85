//! A real httpd with the module, below cargo's target directory, on a port of its own.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::client::{Client, Response};
use super::lifeline::Lifeline;
use super::{free_port, fresh_dir, module, signal, wait_until};

/// A running httpd; it is stopped when dropped, and its logs are read then.
pub struct Httpd {
    pub dir: PathBuf,
    pub port: u16,
    process: Option<(Child, Lifeline)>,
    expected: Vec<String>,
    /// Variables httpd is started with.
    pub environment: Vec<(String, String)>,
}

/// What an httpd is made from.
pub struct Setup<'s> {
    pub name: &'s str,
    /// event, worker or prefork.
    pub mpm: &'s str,
    /// Lines of httpd.conf behind the usual ones.
    pub config: &'s str,
    /// Text of workers.properties.
    pub workers: &'s str,
}

impl Setup<'_> {
    /// Writes the files and starts httpd.
    pub fn start(&self) -> Httpd {
        let mut httpd = self.prepare();
        httpd.launch();
        httpd
    }

    /// The same with another module, the original for example.
    pub fn start_with(&self, module: Option<PathBuf>) -> Httpd {
        let mut httpd = self.prepare();
        httpd.use_module(module);
        httpd.launch();
        httpd
    }

    /// Writes the files only.
    pub fn prepare(&self) -> Httpd {
        let (dir, port) = (fresh_dir(self.name), free_port());
        let modules = modules_dir();
        let load = |name: &str| {
            format!(
                "LoadModule {name}_module {}\n",
                modules.join(format!("mod_{name}.so")).display()
            )
        };
        let user = match is_root() {
            true => "User www-data\nGroup www-data\n",
            false => "",
        };
        let text = format!(
            "ServerRoot {dir}\nListen 127.0.0.1:{port}\nServerName localhost\nPidFile {dir}/pid\n\
             ErrorLog {dir}/error.log\nDocumentRoot {dir}/htdocs\nDefaultRuntimeDir {dir}\n{}{}{}{}{user}\
             LoadModule jk_module {}\nTimeout 20\nGracefulShutdownTimeout 2\nStartServers 2\nJkWorkersFile {dir}/workers.properties\n\
             JkLogFile {dir}/jk.log\n{}\n",
            load(&format!("mpm_{}", self.mpm)),
            load("authz_core"),
            load("dir"),
            load("setenvif"),
            module().display(),
            self.config.replace("@DIR@", &dir.display().to_string()),
            dir = dir.display(),
        );
        fs::create_dir_all(dir.join("htdocs")).expect("a directory");
        fs::write(dir.join("httpd.conf"), text).expect("a file");
        fs::write(dir.join("workers.properties"), self.workers).expect("a file");
        Httpd { dir, port, process: None, expected: Vec::new(), environment: Vec::new() }
    }
}

impl Httpd {
    /// Loads another module in place of the one under test.
    pub fn use_module(&self, module: Option<PathBuf>) {
        if let Some(other) = module {
            let own = super::module().display().to_string();
            self.write(
                "httpd.conf",
                &self.log("httpd.conf").replace(&own, &other.display().to_string()),
            );
        }
    }

    /// Adds a virtual host of that name on httpd's port, with its lines.
    pub fn host(&self, name: &str, lines: &str) {
        let lines = lines.replace("@DIR@", &self.dir.display().to_string());
        let port = self.port;
        let host =
            format!("<VirtualHost 127.0.0.1:{port}>\nServerName {name}\n{lines}\n</VirtualHost>\n");
        self.write("httpd.conf", &(self.log("httpd.conf") + &host));
    }

    /// Asks a virtual host.
    pub fn ask(&self, host: &str, path: &str, headers: &str) -> Response {
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{headers}\r\n");
        Client::connect(self.port).raw(request.as_bytes(), "GET")
    }

    /// Asks each path of a virtual host: the status, and how the body begins.
    pub fn check(&self, cases: &[(&str, &str, u16, &str)]) {
        for (host, path, status, text) in cases {
            let response = self.ask(host, path, "");
            let own = response.text();
            assert_eq!(response.status, *status, "{host} {path}: {own}");
            assert!(own.starts_with(text), "{host} {path}: {own}");
        }
    }

    pub fn launch(&mut self) {
        let child = self.command().arg("-DFOREGROUND").spawn().expect("apache2 can be started");
        let lifeline = Lifeline::tie(child.id());
        self.process = Some((child, lifeline));
        // httpd listens before it is ready for signals; only its own word says that it is.
        let up = wait_until(Duration::from_secs(20), || {
            self.log("error.log").contains("resuming normal operations")
        });
        assert!(up, "httpd did not come up: {}{}", self.log("error.log"), self.log("stderr"));
    }

    /// Says that a line with this text may be in the logs.
    pub fn expect(&mut self, text: &str) {
        self.expected.push(text.to_owned());
    }

    /// Runs `httpd -t` and returns whether it was content, with what it printed.
    pub fn configtest(&self) -> (bool, String) {
        let output = Command::new(program())
            .arg("-f")
            .arg(self.dir.join("httpd.conf"))
            .arg("-t")
            .output()
            .expect("apache2 can be started");
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    }

    /// Restarts gracefully and waits until it has.
    pub fn graceful(&self) {
        let ready = || self.log("error.log").matches("resuming normal operations").count();
        let before = ready();
        self.signal("USR1");
        assert!(wait_until(Duration::from_secs(20), || ready() > before), "graceful restart");
    }

    pub fn log(&self, name: &str) -> String {
        fs::read_to_string(self.dir.join(name)).unwrap_or_default()
    }

    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.dir.join(name), text).expect("a file");
    }

    pub fn pid(&self) -> u32 {
        self.process.as_ref().expect("it runs").0.id()
    }

    fn command(&self) -> Command {
        let stderr = fs::File::create(self.dir.join("stderr")).expect("a file");
        let mut command = Command::new(program());
        command.arg("-f").arg(self.dir.join("httpd.conf"));
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        // httpd passes the signal that stops it on to its whole process group.
        command.process_group(0);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(stderr);
        command
    }

    fn signal(&self, name: &str) {
        assert!(signal(name, self.pid()), "kill -{name}");
    }

    /// Stops httpd and returns the lines of its logs that no test expected.
    pub fn stop(&mut self) -> Vec<String> {
        let Some((mut process, _lifeline)) = self.process.take() else { return Vec::new() };
        // Gracefully: told to stop at once, the event MPM closes the sockets of its workers while they
        // still use them, and now and then a child dies of it; with static files alone as well.
        signal("WINCH", process.id());
        if !wait_until(Duration::from_secs(20), || matches!(process.try_wait(), Ok(Some(_)))) {
            let _ = process.kill();
            let _ = process.wait();
            return vec!["httpd did not stop and was killed".to_owned()];
        }
        let text = self.log("error.log") + &self.log("jk.log") + &self.log("stderr");
        let serious = ["warn]", "error]", "crit]", "alert]", "emerg]", "exit signal", "panicked"];
        let lines = text.lines().filter(|line| serious.iter().any(|word| line.contains(word)));
        let surprising = lines.filter(|line| !self.expected.iter().any(|text| line.contains(text)));
        surprising.map(str::to_owned).collect()
    }
}

impl Drop for Httpd {
    fn drop(&mut self) {
        let surprising = self.stop();
        if !std::thread::panicking() {
            assert_eq!(
                surprising,
                Vec::<String>::new(),
                "unexpected lines in {}",
                self.dir.display()
            );
        }
    }
}

/// Returns the httpd program.
pub fn program() -> PathBuf {
    let names = ["/usr/sbin/apache2", "/usr/sbin/httpd", "/usr/local/apache2/bin/httpd"];
    let found = names.iter().map(PathBuf::from).find(|path| path.exists());
    found.expect("httpd is missing; Debian package: apache2-bin")
}

/// Returns the lines that load modules of httpd's own.
pub fn load(names: &[&str]) -> String {
    let line = |name: &&str| {
        format!("LoadModule {name}_module {}/mod_{name}.so\n", modules_dir().display())
    };
    names.iter().map(line).collect()
}

/// Returns where httpd's modules are.
pub fn modules_dir() -> PathBuf {
    let names =
        ["/usr/lib/apache2/modules", "/usr/lib64/httpd/modules", "/usr/local/apache2/modules"];
    let found = names.iter().map(Path::new).find(|path| path.exists());
    found.expect("httpd's modules are missing; Debian package: apache2-bin").to_owned()
}

pub fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0)
}
