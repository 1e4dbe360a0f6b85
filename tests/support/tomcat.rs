//! Real Tomcats 10, each with its own base directory below the target directory.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::lifeline::Lifeline;
use super::sockets::Stream;
use super::{free_port, root, signal, wait_until};

/// Two Tomcats that replicate their sessions, as `apache-conf/cluster` sets them up.
pub struct Cluster {
    /// `worker1` and `worker2`.
    pub members: [Tomcat; 2],
}

/// One of them.
pub struct Tomcat {
    /// Its jvmRoute, which is also the name of its worker.
    pub route: &'static str,
    pub ajp_port: u16,
    /// The Unix-domain socket that its AJP connector has instead of the port.
    socket: Option<PathBuf>,
    /// What is said to Java.
    pub options: &'static [&'static str],
    base: PathBuf,
    properties: Vec<(&'static str, String)>,
    process: Option<(Child, Lifeline)>,
}

/// Returns where Tomcat is installed: `CATALINA_HOME`, or Debian's place.
pub fn home() -> Option<PathBuf> {
    let given = std::env::var_os("CATALINA_HOME").map(PathBuf::from);
    let home = given.unwrap_or_else(|| PathBuf::from("/usr/share/tomcat10"));
    home.join("bin/bootstrap.jar").exists().then_some(home)
}

impl Cluster {
    /// Prepares two Tomcats below `dir`.
    pub fn new(dir: &Path) -> Self {
        let multicast = free_udp_port();
        let member = |route, folder| Tomcat::new(dir, route, folder, multicast);
        Self { members: [member("worker1", "tomcat1"), member("worker2", "tomcat2")] }
    }

    /// Gives a member a Unix-domain socket in place of its port, before it starts.
    pub fn use_socket(&mut self, route: &str, path: &Path) {
        self.by_route(route).use_socket(path);
    }

    /// Adds a web application below `/{name}` to both, before they start.
    pub fn deploy(&self, name: &str, folder: &Path) {
        for member in &self.members {
            member.deploy(name, folder);
        }
    }

    /// Starts both and waits until each serves and knows the other; `tell` hears what is awaited.
    ///
    /// One after the other: a Tomcat that starts asks its peer for the sessions, and two that ask
    /// each other wait a minute.
    ///
    /// # Errors
    ///
    /// What did not happen in time.
    pub fn start(&mut self, mut tell: impl FnMut(&str, Duration)) -> Result<(), String> {
        let begun = Instant::now();
        let [first, second] = &mut self.members;
        first.start();
        first.await_service(&mut |what| tell(what, begun.elapsed()))?;
        second.start();
        second.await_service(&mut |what| tell(what, begun.elapsed()))?;
        let joined = wait_until(START_LIMIT, || {
            tell("the two find each other", begun.elapsed());
            first.sees_other() && second.sees_other()
        });
        joined.then_some(()).ok_or_else(|| "the cluster did not form".to_owned())
    }

    /// Finds a member by its route.
    pub fn by_route(&mut self, route: &str) -> &mut Tomcat {
        let found = self.members.iter_mut().find(|member| member.route == route);
        found.expect("a route of the cluster")
    }

    /// Returns the text of a workers file with the ports or sockets of these Tomcats.
    pub fn with_own_ports(&self, workers: &str) -> String {
        let mut text = workers.to_owned();
        for member in &self.members {
            let host = format!("worker.{}.host=", member.route);
            let port = format!("worker.{}.port=", member.route);
            let lines: Vec<_> = text
                .lines()
                .filter_map(|line| match &member.socket {
                    Some(path) if line.starts_with(&host) => {
                        Some(format!("{host}unix:{}", path.display()))
                    }
                    Some(_) if line.starts_with(&port) => None,
                    None if line.starts_with(&port) => Some(format!("{port}{}", member.ajp_port)),
                    _ => Some(line.to_owned()),
                })
                .collect();
            text = lines.join("\n") + "\n";
        }
        text
    }
}

impl Tomcat {
    fn new(dir: &Path, route: &'static str, folder: &str, multicast: u16) -> Self {
        let base = dir.join(folder);
        for part in ["conf/Catalina/localhost", "logs", "temp", "work", "webapps"] {
            fs::create_dir_all(base.join(part)).expect("a directory");
        }
        let files = root().join("apache-conf/cluster");
        let copy = |from: PathBuf, to: &str| {
            fs::copy(from, base.join("conf").join(to)).expect("the cluster's files");
        };
        copy(files.join(folder).join("server.xml"), "server.xml");
        copy(files.join("web.xml"), "web.xml");
        let ajp_port = free_port();
        let properties = vec![
            ("catalina.base", base.display().to_string()),
            ("java.io.tmpdir", base.join("temp").display().to_string()),
            // No shutdown port: the process is stopped by signals.
            ("shutdown.port", "-1".to_owned()),
            ("ajp.port", ajp_port.to_string()),
            ("receiver.port", free_port().to_string()),
            ("mcast.port", multicast.to_string()),
            ("webapp.dir", files.join("webapp").display().to_string()),
            ("java.net.preferIPv4Stack", "true".to_owned()),
        ];
        Self { route, ajp_port, socket: None, options: SMALL, base, properties, process: None }
    }

    /// Prepares one of its own, without a cluster; `server` is the text of its server.xml, in which
    /// `${ajp.port}` is the port of its AJP connector.
    pub fn alone(dir: &Path, server: &str) -> Self {
        let base = dir.join("alone");
        for part in ["conf", "logs", "temp", "work", "webapps"] {
            fs::create_dir_all(base.join(part)).expect("a directory");
        }
        fs::write(base.join("conf/server.xml"), server).expect("a file");
        let web = root().join("apache-conf/cluster/web.xml");
        fs::copy(web, base.join("conf/web.xml")).expect("the cluster's files");
        let ajp_port = free_port();
        let properties = vec![
            ("catalina.base", base.display().to_string()),
            ("java.io.tmpdir", base.join("temp").display().to_string()),
            ("ajp.port", ajp_port.to_string()),
            ("java.net.preferIPv4Stack", "true".to_owned()),
        ];
        Self {
            route: "alone",
            ajp_port,
            socket: None,
            options: SMALL,
            base,
            properties,
            process: None,
        }
    }

    /// Gives its AJP connector a Unix-domain socket in place of the port.
    fn use_socket(&mut self, path: &Path) {
        let file = self.base.join("conf/server.xml");
        let server = fs::read_to_string(&file).expect("its server.xml");
        let start = "protocol=\"AJP/1.3\" ";
        let begin = server.find(start).expect("it has an AJP connector") + start.len();
        let end = begin + server[begin..].find(" secretRequired").expect("its next attribute");
        let by_path = format!(
            "unixDomainSocketPath=\"{}\" unixDomainSocketPathPermissions=\"rw-rw-rw-\"",
            path.display()
        );
        let server = [&server[..begin], &by_path, &server[end..]].concat();
        fs::write(file, server).expect("a file");
        self.socket = Some(path.to_owned());
    }

    fn deploy(&self, name: &str, folder: &Path) {
        let context = format!(
            "<Context docBase=\"{}\"><Parameter name=\"tomcat\" value=\"{}\"/></Context>\n",
            folder.display(),
            self.route
        );
        let file = self.base.join(format!("conf/Catalina/localhost/{name}.xml"));
        fs::write(file, context).expect("a context file");
    }

    /// Starts it; [`is_up`](Self::is_up) says when it serves.
    pub fn start(&mut self) {
        assert!(self.process.is_none(), "{} runs already", self.route);
        if let Some(path) = &self.socket {
            // Killed, it has left the file, to which the new one could not bind.
            let _ = fs::remove_file(path);
        }
        let home = home().expect("Tomcat is installed");
        let log = fs::File::create(self.log_path()).expect("a log file");
        let jar = |name: &str| home.join("bin").join(name).display().to_string();
        let process = Command::new("java")
            .args(self.options)
            .arg(format!("-Dcatalina.home={}", home.display()))
            .args(self.properties.iter().map(|(name, value)| format!("-D{name}={value}")))
            .arg("-classpath")
            .arg([jar("bootstrap.jar"), jar("tomcat-juli.jar")].join(":"))
            .args(["org.apache.catalina.startup.Bootstrap", "start"])
            // Ctrl-C is for the program that started it; the lifeline stops this one in order.
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a second handle"))
            .stderr(log)
            .spawn()
            .expect("java can be started; Debian package: default-jre-headless");
        let lifeline = Lifeline::tie(process.id());
        self.process = Some((process, lifeline));
    }

    /// Waits until it serves; `tell` hears so twice a second.
    ///
    /// # Errors
    ///
    /// The end of its log, if it ended or did not start in time.
    pub fn await_service(&mut self, tell: &mut dyn FnMut(&str)) -> Result<(), String> {
        let what = format!("{} starts", self.route);
        let begun = Instant::now();
        while !self.is_up() {
            tell(&what);
            let ended = self
                .process
                .as_mut()
                .is_none_or(|(child, _)| !matches!(child.try_wait(), Ok(None)));
            if ended || begun.elapsed() > START_LIMIT {
                let complaints = self.complaints();
                return Err(format!("{} did not start:\n{complaints}", self.route));
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        Ok(())
    }

    /// Tells whether it says that it has started, and answers a CPING.
    pub fn is_up(&self) -> bool {
        self.log().contains("Server startup in") && self.answers()
    }

    /// Tells whether it knows the other member of its cluster.
    pub fn sees_other(&self) -> bool {
        self.log().contains("Replication member added")
    }

    /// Stops it as `shutdown.sh` would: it finishes what it does and says goodbye to its cluster.
    pub fn stop(&mut self) {
        let Some((mut process, lifeline)) = self.process.take() else { return };
        signal("TERM", process.id());
        if !wait_until(STOP_LIMIT, || matches!(process.try_wait(), Ok(Some(_)))) {
            let _ = process.kill();
            let _ = process.wait();
        }
        drop(lifeline);
    }

    /// Stops it hard, as a crash would.
    pub fn kill(&mut self) {
        if let Some((mut process, lifeline)) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
            drop(lifeline);
        }
    }

    /// Returns what it printed since its last start, which is Tomcat's catalina.out.
    pub fn log(&self) -> String {
        fs::read(self.log_path())
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    /// What explains a start that failed: its log without the frames of stack traces, and how it ended.
    fn complaints(&mut self) -> String {
        let log = self.log();
        let lines: Vec<_> = log.lines().filter(|line| !line.starts_with("\tat ")).collect();
        let tail = lines[lines.len().saturating_sub(40)..].join("\n");
        let end = self.process.as_mut().map(|(child, _)| child.try_wait());
        format!("{tail}\n{end:?}")
    }

    fn log_path(&self) -> PathBuf {
        self.base.join("logs/catalina.out")
    }

    fn answers(&self) -> bool {
        let limit = Some(Duration::from_secs(2));
        let stream = match &self.socket {
            Some(path) => UnixStream::connect(path).and_then(|stream| {
                stream.set_read_timeout(limit)?;
                Ok(Stream::Unix(stream))
            }),
            None => TcpStream::connect(("127.0.0.1", self.ajp_port)).and_then(|stream| {
                stream.set_read_timeout(limit)?;
                Ok(Stream::Tcp(stream))
            }),
        };
        let Ok(mut stream) = stream else { return false };
        let mut answer = [0; 5];
        stream.write_all(&[0x12, 0x34, 0, 1, 0x0a]).is_ok()
            && stream.read_exact(&mut answer).is_ok()
            && answer == [0x41, 0x42, 0, 1, 9]
    }
}

impl Drop for Tomcat {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Multicast is UDP; a port that is free for TCP may be taken there.
fn free_udp_port() -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    socket.local_addr().expect("it is bound").port()
}

/// Two of them share a small machine and serve little.
const SMALL: &[&str] = &["-Xmx192m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"];

/// A JVM takes about four seconds; a busy machine may take many times that.
const START_LIMIT: Duration = Duration::from_secs(120);
const STOP_LIMIT: Duration = Duration::from_secs(20);
