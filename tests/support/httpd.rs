//! A real httpd with the module, below cargo's target directory, on a port of its own.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::client::{Client, Response};
pub use super::installation::*;
use super::lifeline::Lifeline;
use super::{PATIENCE, free_port, fresh_dir, module, signal, wait_until};

/// A running httpd; it is stopped when dropped, and its logs are read then.
pub struct Httpd {
    pub dir: PathBuf,
    pub port: u16,
    process: Option<(Child, Lifeline)>,
    expected: Vec<String>,
    /// Lines of its logs that no test expected, once it was stopped.
    surprising: Vec<String>,
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
        let mpm = format!("mpm_{}", self.mpm);
        let modules = load_basics() + &load(&[&mpm, "authz_core", "dir", "setenvif"]);
        let text = format!(
            "ServerRoot {dir}\nListen 127.0.0.1:{port}\nServerName localhost\nPidFile {dir}/pid\n\
             ErrorLog {dir}/error.log\nDocumentRoot {dir}/htdocs\nDefaultRuntimeDir {dir}\n{modules}{}\
             LoadModule jk_module {}\nTimeout 20\nGracefulShutdownTimeout 2\nStartServers 2\nJkWorkersFile {dir}/workers.properties\n\
             JkLogFile {dir}/jk.log\n{}{}\n",
            user_lines(),
            module().display(),
            waiting_lines(),
            self.config.replace("@DIR@", &dir.display().to_string()),
            dir = dir.display(),
        );
        fs::create_dir_all(dir.join("htdocs")).expect("a directory");
        fs::write(dir.join("httpd.conf"), text).expect("a file");
        fs::write(dir.join("workers.properties"), self.workers).expect("a file");
        Httpd {
            dir,
            port,
            process: None,
            expected: Vec::new(),
            surprising: Vec::new(),
            environment: Vec::new(),
        }
    }
}

/// The lines by which all tests run in another mode of waiting: `MOD_JK_TEST_ASYNC=Auto`. Scripted backends answer
/// at once, so a request is parked whenever its answer is not there yet.
pub fn waiting_lines() -> String {
    let factor = "<IfModule mpm_event_module>\nAsyncRequestWorkerFactor 2\n</IfModule>";
    let mode = std::env::var("MOD_JK_TEST_ASYNC");
    mode.map(|mode| format!("JkAsync {mode}\nJkAsyncAfter 0\n{factor}\n")).unwrap_or_default()
}

impl Httpd {
    /// Loads another module in place of the one under test.
    pub fn use_module(&self, module: Option<PathBuf>) {
        if let Some(other) = module {
            let own = super::module().display().to_string();
            self.write(
                "httpd.conf",
                &self
                    .log("httpd.conf")
                    .replace(&own, &other.display().to_string())
                    .replace(&waiting_lines(), ""),
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
        let up =
            wait_until(PATIENCE, || self.log("error.log").contains("resuming normal operations"));
        assert!(up, "httpd did not come up: {}{}", self.log("error.log"), self.log("stderr"));
        wait_until(PATIENCE, || self.children_are_up(&[]));
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
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .output()
            .expect("apache2 can be started");
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    }

    /// Restarts gracefully and waits until it has. Returns the children of before.
    ///
    /// httpd may start a child until it says that it obeys the signal, and then none until it says that it
    /// is ready: the children between these two lines are those of before, and all of them.
    pub fn graceful(&self) -> Vec<String> {
        let said = |texts: &[&str]| {
            let log = self.log("error.log");
            texts.iter().map(|text| log.matches(text).count()).sum::<usize>()
        };
        // The first is the event and worker MPM's, the second that of prefork.
        let obeys = || said(&["Doing graceful restart", "Graceful restart requested"]);
        let ready = || said(&["resuming normal operations"]);
        let (obeyed, was_ready) = (obeys(), ready());
        let mut before = self.children();
        self.signal("USR1");
        let begun = Instant::now();
        while ready() == was_ready {
            assert!(begun.elapsed() < PATIENCE, "graceful restart");
            if obeys() > obeyed {
                let children = self.children();
                if ready() == was_ready {
                    before = children;
                }
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        before
    }

    /// Restarts gracefully and waits until no child of before is left: such a child still answers on
    /// its old connections, by the configuration it began with.
    pub fn graceful_for_all(&self) {
        let before = self.graceful();
        let are_new = || self.children_are_up(&before);
        assert!(
            wait_until(PATIENCE, are_new),
            "not all children are new: {before:?}, {:?}",
            self.children()
        );
    }

    /// Tells whether no child of `before` is left, and all that httpd starts at once have their threads: one
    /// that is told to end before that may not hear it, and stays until httpd ends.
    fn children_are_up(&self, before: &[String]) -> bool {
        let is_prefork = self.log("httpd.conf").contains("mpm_prefork");
        let threads = if is_prefork { 1 } else { self.number_of("ThreadsPerChild").min(25) };
        let most = self.number_of("ServerLimit").min(self.number_of("MaxRequestWorkers") / threads);
        let children = self.children();
        let is_up = |pid: &String| {
            // Those that serve, the one that listens, and the first.
            fs::read_dir(format!("/proc/{pid}/task"))
                .is_ok_and(|tasks| tasks.count() >= if is_prefork { 1 } else { threads + 2 })
        };
        children.len() >= self.number_of("StartServers").min(most)
            && children.iter().all(|pid| !before.contains(pid) && is_up(pid))
    }

    /// Returns the last value of a directive that takes a number; the largest there is without it.
    fn number_of(&self, directive: &str) -> usize {
        let text = self.log("httpd.conf");
        let mut values = text
            .lines()
            .filter_map(|line| line.trim().strip_prefix(directive)?.trim().parse().ok());
        values.next_back().unwrap_or(usize::MAX)
    }

    /// Returns the numbers of httpd's children, without the programs that it has started for logs.
    pub fn children(&self) -> Vec<String> {
        let name = |pid: &str| fs::read(format!("/proc/{pid}/comm")).ok();
        let own = name(&self.pid().to_string());
        let mut children = children_of(self.pid()).expect("httpd runs");
        children.retain(|pid| name(pid) == own);
        children
    }

    pub fn log(&self, name: &str) -> String {
        fs::read_to_string(self.dir.join(name)).unwrap_or_default()
    }

    /// Waits until the module's log has a text so often, and fails if it has it more often: a line may come
    /// after its answer.
    pub fn says(&self, text: &str, times: usize) {
        let count = || self.log("jk.log").matches(text).count();
        wait_until(PATIENCE, || count() >= times);
        assert_eq!(count(), times, "{text}: {}", self.log("jk.log"));
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

    /// Stops httpd gracefully. Lines of its logs that no test expected fail the test at its end.
    pub fn stop(&mut self) {
        let surprising = self.stop_by("WINCH");
        self.surprising.extend(surprising);
    }

    /// Stops httpd gracefully and returns the lines of its logs that no test expected.
    #[must_use]
    pub fn stopped_lines(&mut self) -> Vec<String> {
        self.stop();
        std::mem::take(&mut self.surprising)
    }

    /// Stops httpd by a signal, `WINCH` or `TERM`, and returns the lines of its logs that no test
    /// expected.
    ///
    /// Told to stop at once, the event MPM closes the sockets of its workers while they still use
    /// them, with static files alone as well. What it says of that itself is known as a class
    /// ([`is_noise_of_stop`]); a child that ends by a signal is not.
    #[must_use]
    pub fn stop_by(&mut self, word: &str) -> Vec<String> {
        let Some((mut process, _lifeline)) = self.process.take() else { return Vec::new() };
        signal(word, process.id());
        let mut is_told = false;
        let has_ended = || {
            // Stopping gracefully, the parent looks once a second whether its children are gone. A second
            // signal ends that sleep, and the parent ends at once if they are.
            if !is_told && word == "WINCH" && running_children(process.id()) == 0 {
                is_told = signal(word, process.id());
            }
            matches!(process.try_wait(), Ok(Some(_)))
        };
        if !wait_until(PATIENCE, has_ended) {
            let _ = process.kill();
            let _ = process.wait();
            return vec!["httpd did not stop and was killed".to_owned()];
        }
        let text = self.all_logs();
        let lines = text.lines().filter(|line| SERIOUS.iter().any(|word| line.contains(word)));
        let is_at_once = word == "TERM";
        let surprising = lines
            .filter(|line| !self.expected.iter().any(|text| line.contains(text)))
            .filter(|line| !(is_at_once && is_noise_of_stop(line)))
            .filter(|line| !is_about_size(line) && !is_about_replies(line));
        surprising.map(str::to_owned).collect()
    }

    /// Reads what httpd and the module have written, of all virtual hosts.
    fn all_logs(&self) -> String {
        let entries = fs::read_dir(&self.dir).into_iter().flatten().flatten();
        let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
        let mut names: Vec<_> =
            names.filter(|name| name.ends_with(".log") || name == "stderr").collect();
        names.sort();
        names.iter().map(|name| self.log(name)).collect()
    }
}

/// Returns the numbers of a process's children, those that have ended and that it has not looked at among them.
fn children_of(pid: u32) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
    Some(text.split_whitespace().map(str::to_owned).collect())
}

/// Returns how many children of a process have not ended.
fn running_children(pid: u32) -> usize {
    let runs = |child: &String| {
        let text = fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
        // Behind the name, which is in parentheses and may have any other character in it.
        text.rsplit_once(") ").is_some_and(|(_, state)| !state.starts_with(['Z', 'X']))
    };
    children_of(pid).unwrap_or_default().iter().filter(|child| runs(child)).count()
}

/// What a line of level warn or above, or of a child that ended, has in it: as text or as JSON.
const SERIOUS: &[&str] = &[
    "warn]",
    "error]",
    "crit]",
    "alert]",
    "emerg]",
    "\"level\":\"warn\"",
    "\"level\":\"error\"",
    "exit signal",
    "panicked",
];

/// Tells whether a line is the event MPM's own about a socket that it has closed itself while it was
/// told to stop at once: any message of that module about an operation on a closed descriptor or on
/// its set of descriptors.
fn is_noise_of_stop(line: &str) -> bool {
    line.contains(" [mpm_event:")
        && (line.contains("Bad file descriptor") || line.contains("apr_pollset_"))
}

/// Tells whether a line says that replies are not as they should be. The child that leads looks at them each few
/// seconds: whether a test with slow or failing replies meets that depends on how long it takes.
fn is_about_replies(line: &str) -> bool {
    line.contains("JK-414")
}

/// Tells whether a line is the MPM's own about its number of threads and children, which tests choose small: it is
/// written or not as its look once a second happens to find them at work, or children of before that still end.
fn is_about_size(line: &str) -> bool {
    const SIZES: [&str; 2] = [
        "consider raising the MaxRequestWorkers setting",
        "scoreboard is full, not at MaxRequestWorkers",
    ];
    line.contains(" [mpm_") && SIZES.iter().any(|text| line.contains(text))
        || line.contains("JK-117 ")
}

impl Drop for Httpd {
    fn drop(&mut self) {
        self.stop();
        let surprising = std::mem::take(&mut self.surprising);
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
