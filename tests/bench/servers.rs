//! The servers under comparison and their configuration: the same for each but for the connector.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::lighttpd;
use crate::support::{self, free_port, httpd, installation};

/// A server with one connector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Peer {
    /// The yardstick: see `mod_limit.c`.
    Limit,
    /// This module.
    Ours,
    /// The same over a Unix-domain socket.
    OursUnix,
    /// The original mod_jk.
    ModJk,
    ProxyAjp,
    ProxyHttp,
    /// lighttpd's mod_ajp13, the only one outside httpd.
    Lighttpd,
}

impl Peer {
    /// Modules of httpd.
    pub const HTTPD: [Self; 5] =
        [Self::Limit, Self::ModJk, Self::ProxyAjp, Self::ProxyHttp, Self::Ours];
    /// Those that are compared under load.
    pub const ALL: [Self; 6] =
        [Self::Limit, Self::ModJk, Self::ProxyAjp, Self::ProxyHttp, Self::Lighttpd, Self::Ours];

    pub fn name(self) -> &'static str {
        match self {
            Self::Limit => "limit",
            Self::Ours => "this module",
            Self::OursUnix => "this module, Unix-domain socket",
            Self::ModJk => "mod_jk 1.2.48",
            Self::ProxyAjp => "mod_proxy_ajp",
            Self::ProxyHttp => "mod_proxy_http",
            Self::Lighttpd => "lighttpd",
        }
    }
}

/// Where everything lies, readable for httpd's user.
pub struct Place {
    pub dir: PathBuf,
    module: PathBuf,
    /// Ports of the responder, and its Unix-domain socket for AJP.
    pub ajp: u16,
    pub http: u16,
    socket: PathBuf,
}

/// What differs between two runs of the same peer.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    pub mpm: &'static str,
    pub rules: usize,
    pub members: usize,
    pub children: usize,
    /// Threads of each child.
    pub threads: usize,
    /// Our lines about waiting without a thread.
    pub waiting: &'static str,
}

impl Setting {
    pub const PREFORK: Self =
        Self { mpm: "prefork", rules: 0, members: 1, children: 2, threads: 50, waiting: "" };
}

impl Place {
    /// Makes the directory, copies the module and builds the yardstick.
    pub fn new(module: &Path, ajp: u16, http: u16, socket: PathBuf) -> Self {
        let dir = std::env::temp_dir().join(format!("jk-bench-{}-{ajp}", std::process::id()));
        fs::create_dir_all(dir.join("limit")).expect("a directory for temporary files");
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o755)).expect("our own directory");
        let own = dir.join("mod_jk.so");
        fs::copy(module, &own).expect("the released module: run cargo build --release first");
        let source = support::root().join("tests/bench/mod_limit.c");
        fs::copy(source, dir.join("limit/mod_limit.c")).expect("a file of the package");
        let built = Command::new(installation::apxs())
            .args(["-c", "mod_limit.c"])
            .current_dir(dir.join("limit"))
            .output()
            .expect("apxs is missing; Debian package: apache2-dev");
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        Self { dir, module: own, ajp, http, socket }
    }

    /// Writes the files of a server and returns the command that runs it in the foreground, `-X`
    /// or not, and its port.
    pub fn server(&self, peer: Peer, setting: &Setting, is_single: bool) -> (Vec<String>, u16) {
        let port = free_port();
        let dir = self.dir.join(format!("{peer:?}-{port}"));
        fs::create_dir_all(&dir).expect("a directory");
        if peer == Peer::Lighttpd {
            let words = lighttpd::prepare(&dir, port, self.ajp);
            self.give_away();
            return (words, port);
        }
        let word = |path: PathBuf| path.display().to_string();
        let load = |name: &str| installation::load(&[name]);
        let processes = match setting.mpm {
            "prefork" => "StartServers 32\nServerLimit 64\nMinSpareServers 32\nMaxSpareServers 64\nMaxRequestWorkers 64\n".to_owned(),
            _ => format!(
                "StartServers {0}\nServerLimit {0}\nThreadLimit {1}\nThreadsPerChild {1}\nMaxRequestWorkers {2}\n\
                 MinSpareThreads {1}\nMaxSpareThreads {2}\n",
                setting.children,
                setting.threads,
                setting.children * setting.threads
            ),
        };
        let basics = installation::load_basics() + &installation::user_lines();
        let text = format!(
            "ServerRoot {0}\nListen 127.0.0.1:{port}\nServerName localhost\nPidFile {0}/pid\n\
             ErrorLog {0}/error.log\nLogLevel warn\nDocumentRoot {0}\nDefaultRuntimeDir {0}\n{1}{2}{basics}\
             MaxKeepAliveRequests 0\nKeepAliveTimeout 60\nMaxConnectionsPerChild 0\n{processes}{3}",
            dir.display(),
            load(&format!("mpm_{}", setting.mpm)),
            load("authz_core"),
            self.connector(peer, setting, &dir, &load),
        );
        fs::write(dir.join("httpd.conf"), text).expect("a file");
        self.give_away();
        let how = if is_single { "-X" } else { "-DFOREGROUND" };
        let program = word(httpd::program());
        (vec![program, "-f".into(), word(dir.join("httpd.conf")), how.into()], port)
    }

    fn connector(
        &self,
        peer: Peer,
        setting: &Setting,
        dir: &Path,
        load: &dyn Fn(&str) -> String,
    ) -> String {
        let rules = 0..setting.rules;
        match peer {
            Peer::Lighttpd => String::new(),
            Peer::Limit => format!(
                "LoadModule limit_module {}/limit/.libs/mod_limit.so\nLimitPort {}\n\
                 <Location /x/>\nSetHandler limit\n</Location>\n",
                self.dir.display(),
                self.ajp
            ),
            Peer::Ours | Peer::OursUnix | Peer::ModJk => {
                let names: Vec<_> = (0..setting.members).map(|n| format!("w{n}")).collect();
                let mut workers = format!(
                    "worker.list=app\nworker.app.type=lb\nworker.app.balance_workers={}\n",
                    names.join(",")
                );
                for name in names {
                    workers += &format!("worker.{name}.type=ajp13\n");
                    workers += &match peer {
                        Peer::OursUnix => {
                            format!("worker.{name}.host=unix:{}\n", self.socket.display())
                        }
                        _ => format!(
                            "worker.{name}.host=127.0.0.1\nworker.{name}.port={}\n",
                            self.ajp
                        ),
                    };
                }
                fs::write(dir.join("workers.properties"), workers).expect("a file");
                let module = match peer {
                    Peer::Ours | Peer::OursUnix => self.module.clone(),
                    _ => httpd::modules_dir().join("mod_jk.so"),
                };
                let mut mounts: String =
                    rules.map(|n| format!("JkMount /app{n}/* app\n")).collect();
                mounts += setting.waiting;
                format!(
                    "LoadModule jk_module {}\nJkWorkersFile {d}/workers.properties\n\
                     JkShmFile {d}/jk.shm\nJkLogFile {d}/jk.log\nJkLogLevel warn\n{mounts}JkMount /x/* app\n",
                    module.display(),
                    d = dir.display()
                )
            }
            Peer::ProxyAjp | Peer::ProxyHttp => {
                let (scheme, port) = match peer {
                    Peer::ProxyAjp => ("ajp", self.ajp),
                    _ => ("http", self.http),
                };
                let modules = ["proxy", "slotmem_shm", "proxy_balancer", "lbmethod_byrequests"];
                let mut text: String = modules.iter().map(|name| load(name)).collect();
                text += &load(&format!("proxy_{scheme}"));
                text += &format!(
                    "<Proxy balancer://app>\nBalancerMember {scheme}://127.0.0.1:{port} route=w0\n</Proxy>\n"
                );
                for n in rules {
                    text += &format!("ProxyPass /app{n}/ balancer://app/app{n}/\n");
                }
                text + "ProxyPass /x/ balancer://app/x/\n"
            }
        }
    }

    /// Lets httpd's user write here, which tools that watch it need to be as well.
    fn give_away(&self) {
        if httpd::is_root() {
            let _ =
                Command::new("chown").arg("-R").arg(installation::user()).arg(&self.dir).status();
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.dir);
    }
}

/// Makes a command that says nothing, in a process group of its own.
pub fn quiet(words: &[String]) -> Command {
    use std::os::unix::process::CommandExt;

    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.process_group(0);
    command
}

/// Returns a process and its descendants.
pub fn family(pid: u32) -> Vec<u32> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    let children = children.unwrap_or_default();
    let below = children.split_whitespace().filter_map(|word| word.parse().ok()).flat_map(family);
    [pid].into_iter().chain(below).collect()
}
