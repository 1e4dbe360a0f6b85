//! A real Tomcat 10 with its own base directory below the target directory.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::{end_with_us, free_port, root};

/// One of two clustered Tomcats.
pub struct Tomcat {
    pub route: &'static str,
    pub ajp_port: u16,
    receiver_port: u16,
    mcast_port: u16,
    base: PathBuf,
    process: Option<Child>,
}

/// Returns where Tomcat is installed: `CATALINA_HOME`, or Debian's place.
pub fn home() -> Option<PathBuf> {
    let given = std::env::var_os("CATALINA_HOME").map(PathBuf::from);
    let home = given.unwrap_or_else(|| PathBuf::from("/usr/share/tomcat10"));
    home.join("bin/bootstrap.jar").exists().then_some(home)
}

impl Tomcat {
    /// Prepares a Tomcat below `dir`; `mcast_port` is the same for all of a cluster.
    pub fn new(dir: &Path, route: &'static str, mcast_port: u16) -> Self {
        let base = dir.join(route);
        for part in ["conf", "logs", "temp", "work", "webapps"] {
            fs::create_dir_all(base.join(part)).expect("a directory");
        }
        for file in ["server.xml", "web.xml"] {
            let own = root().join("apache-conf/cluster").join(file);
            fs::copy(own, base.join("conf").join(file)).expect("the cluster's files");
        }
        let (ajp_port, receiver_port) = (free_port(), free_port());
        Self { route, ajp_port, receiver_port, mcast_port, base, process: None }
    }

    /// Starts it; [`is_up`](Self::is_up) says when it serves.
    pub fn start(&mut self) {
        let home = home().expect("Tomcat is installed");
        let log = fs::File::create(self.base.join("logs/catalina.out")).expect("a log file");
        let classpath = ["bootstrap.jar", "tomcat-juli.jar"]
            .map(|jar| home.join("bin").join(jar).display().to_string())
            .join(":");
        let own = |name: &str, value: &dyn std::fmt::Display| format!("-D{name}={value}");
        let mut command = Command::new("java");
        end_with_us(&mut command);
        let process = command
            .args([
                "-Xmx192m",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-Djava.net.preferIPv4Stack=true",
            ])
            .arg(own("catalina.home", &home.display()))
            .arg(own("catalina.base", &self.base.display()))
            .arg(own("java.io.tmpdir", &self.base.join("temp").display()))
            .arg(own("shutdown.port", &-1))
            .arg(own("ajp.port", &self.ajp_port))
            .arg(own("route", &self.route))
            .arg(own("receiver.port", &self.receiver_port))
            .arg(own("mcast.port", &self.mcast_port))
            .arg(own("webapp.dir", &root().join("apache-conf/cluster/webapp").display()))
            .args(["-classpath", &classpath, "org.apache.catalina.startup.Bootstrap", "start"])
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a second handle"))
            .stderr(log)
            .spawn()
            .expect("java can be started; Debian package: default-jre-headless");
        self.process = Some(process);
    }

    /// Tells whether it answers a CPING and says that it has started.
    pub fn is_up(&self) -> bool {
        self.answers() && self.log().contains("Server startup in")
    }

    /// Tells whether it knows the other member of its cluster.
    pub fn sees_other(&self) -> bool {
        self.log().contains("Replication member added")
    }

    /// Stops it hard, as a crash would.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.base.join("logs/catalina.out")).unwrap_or_default()
    }

    fn answers(&self) -> bool {
        let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.ajp_port)) else { return false };
        let _ = stream.set_read_timeout(Some(Duration::from_secs(2)));
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
