//! The status worker's machine interface: both modules are brought into the same states by the same
//! requests and must answer the same bytes, but for what [`normal`] and [`REPAIRED`] list.

use std::cell::{Cell, RefCell};
use std::path::PathBuf;

use crate::support::backend::{Backend, echo};
use crate::support::client::{Client, Response};
use crate::support::httpd::{Httpd, Setup};
use crate::support::{PATIENCE, free_port, fresh_dir, skip, wait_until};

const MOUNTS: &str = "/ext/*=lb;reply_timeout=500;fail_on_status=404,503;sticky_ignore=1;\
                      stateless=1;active=n1;disabled=n2;stopped=n3;use_server_errors=500\n\
                      !/ext/no/*=lb\n-/off/*=solo\n/a&b/*=solo\n";

/// Values that differ because time passes between two answers, or because the modules do.
const TIMES_AND_VERSIONS: &[&str] = &[
    "datetime",
    "tz",
    "unix",
    "time_datetime",
    "time_tz",
    "time_unix",
    "web_server",
    "jk_version",
    "time_to_maintenance_min",
    "time_to_maintenance_max",
    "time_to_recover_min",
    "time_to_recover_max",
    "last_reset_at",
    "last_reset_ago",
    "error_time_datetime",
    "error_time_tz",
    "error_time_unix",
    "error_time_unix_seconds",
    "error_time_ago",
];

/// Brings an answer into a form that both modules should share: times and versions are blanked.
fn normal(text: &str, more: &[&str]) -> Vec<String> {
    let mut lines = Vec::new();
    for line in text.lines() {
        let mut words: Vec<String> = Vec::new();
        // A word ends at a blank outside quotes.
        let mut is_quoted = false;
        let pieces = line.split(|c: char| {
            is_quoted ^= c == '"';
            c == ' ' && !is_quoted
        });
        for word in pieces {
            let Some((key, value)) = word.split_once('=') else {
                words.push(word.to_owned());
                continue;
            };
            let last = key.rsplit('.').next().unwrap_or(key);
            let quote = if value.starts_with('"') { "\"" } else { "" };
            words.push(match TIMES_AND_VERSIONS.contains(&last) || more.contains(&last) {
                true => format!("{key}={quote}*{quote}"),
                false => word.to_owned(),
            });
        }
        lines.push(words.join(" "));
    }
    // A value of prop may hold blanks; what stands behind the version is part of it.
    for line in &mut lines {
        if let Some(at) = line.find("web_server=*") {
            line.truncate(at + "web_server=*".len());
        }
        for key in ["error_time_unix seconds=", "error_time_ago seconds="] {
            if let Some(at) = line.find(key) {
                line.truncate(at + key.len());
            }
        }
    }
    lines
}

struct Both {
    own: Httpd,
    theirs: Httpd,
    wrong: RefCell<Vec<String>>,
    /// Keys whose values differ from now on.
    repaired: Cell<&'static [&'static str]>,
}

impl Both {
    fn start(oracle: PathBuf, ports: [u16; 3]) -> Self {
        let [n1, n2, solo] = ports;
        let workers = format!(
            "worker.list=lb,bad,solo,st,named,closed,anycase,readonly\nworker.maintain=3600\n\
             worker.lb.type=lb\nworker.lb.balance_workers=n1,n2,n3,n4\nworker.lb.recover_time=600\n\
             worker.lb.max_reply_timeouts=3\nworker.lb.error_escalation_time=200\nworker.lb.lock=P\n\
             worker.n1.host=127.0.0.1\nworker.n1.port={n1}\nworker.n1.route=r1\n\
             worker.n1.reply_timeout=30000\nworker.tpl.retry_interval=90\n\
             worker.tpl.busy_limit=40\nworker.n2.busy_limit=41\nworker.n2.reference=worker.tpl\nworker.n2.connect_timeout=2000\n\
             worker.n2.host=127.0.0.1\nworker.n2.port={n2}\nworker.n2.distance=1\n\
             worker.n2.lbfactor=2\nworker.n2.redirect=r1\nworker.n2.domain=dom\n\
             worker.n2.activation=d\nworker.n2.socket_connect_timeout=1500\n\
             worker.n4.host=127.0.0.1\nworker.n4.port=0\nworker.n3.host=127.0.0.1\nworker.n3.port=9\nworker.n3.activation=s\n\
             worker.n3.busy_limit=17\nworker.n3.connection_ping_interval=100\n\
             worker.solo.host=127.0.0.1\nworker.solo.port={solo}\nworker.solo.retries=1\n\
             worker.solo.max_packet_size=16384\nworker.solo.recovery_options=3\n\
             worker.bad.type=lb\nworker.bad.balance_workers=d1\nworker.bad.retries=1\nworker.d1.host=127.0.0.1\n\
             worker.d1.port={solo}\nworker.d1.retries=1\n\
             worker.st.type=status\n\
             worker.named.type=status\nworker.named.ns=x:\nworker.named.prefix=jk\n\
             worker.named.xmlns=xmlns:x=\"urn:x\"\nworker.named.doctype=<!DOCTYPE x:status>\n\
             worker.named.good=a.o,a.i\nworker.named.bad=d\n\
             worker.closed.type=status\nworker.closed.user=root adm\nworker.closed.user=ops\n\
             worker.anycase.type=status\nworker.anycase.user=root\n\
             worker.anycase.user_case_insensitive=1\n\
             worker.readonly.type=status\nworker.readonly.read_only=true\n\
             worker.readonly.ns=-\nworker.readonly.xmlns=-\n"
        );
        let dir = fresh_dir("oracle-mounts");
        let mounts = dir.join("mounts");
        std::fs::write(&mounts, MOUNTS).expect("a file");
        let config = format!(
            "JkMount /app/* lb\nJkUnMount /app/static/* lb\nJkMount /solo solo\nJkMount /bad bad\n\
             JkMount /jkstatus st\nJkMount /jkstatus/ st\nJkMount /named named\n\
             JkMount /closed closed\nJkMount /anycase anycase\n\
             SetEnvIf X-User (.+) JK_REMOTE_USER=$1\nJkMount /readonly readonly\nJkMountFile {}\n\
             JkMountFileReload 0\nServerLimit 1\nMaxRequestWorkers 25\nStartServers 1\nUseCanonicalName On\n\
             ServerName oracle.example:80\n",
            mounts.display()
        );
        // In the original nothing but a request looks whether a backend is back.
        let own_workers = format!("{workers}worker.bad.probe=off\n");
        let setup =
            Setup { name: "oracle-own", mpm: "event", config: &config, workers: &own_workers };
        let mut own = setup.start();
        // Refusals and the failures that are wanted here are warnings of both.
        own.expect("JK-");
        let config = format!("{config}JkShmFile @DIR@/shm\n");
        let setup = Setup { name: "oracle-theirs", config: &config, workers: &workers, ..setup };
        let mut theirs = setup.start_with(Some(oracle));
        theirs.expect("");
        Self { own, theirs, wrong: RefCell::default(), repaired: Cell::default() }
    }

    /// Sends a request to both.
    fn send(&self, method: &str, path: &str, user: Option<&str>) -> [Response; 2] {
        let headers: Vec<_> = user.map(|user| ("X-User", user)).into_iter().collect();
        [&self.own, &self.theirs]
            .map(|httpd| Client::connect(httpd.port).request(method, path, &headers, b""))
    }

    fn same(&self, method: &str, path: &str) {
        self.same_for(method, path, None);
    }

    /// Sends a request to both and compares.
    ///
    /// A child of the original learns of a change that another child made some time later. So what only
    /// reads is asked again for a while before a difference counts.
    fn same_for(&self, method: &str, path: &str, user: Option<&str>) -> String {
        let is_change = ["cmd=update", "cmd=reset", "cmd=recover"];
        let is_read = method == "GET" && !is_change.iter().any(|word| path.contains(word));
        let mut result = self.compare(method, path, user);
        if is_read {
            wait_until(PATIENCE, || {
                result.1.is_none() || {
                    result = self.compare(method, path, user);
                    result.1.is_none()
                }
            });
        }
        let (answer, difference) = result;
        self.wrong.borrow_mut().extend(difference);
        answer
    }

    /// Sends a request to both and returns our answer and how they differ.
    fn compare(&self, method: &str, path: &str, user: Option<&str>) -> (String, Option<String>) {
        let [own, theirs] = self.send(method, path, user);
        let answer = own.text();
        if (own.status, theirs.status) != (200, 200) {
            let text = format!("{method} {path}: {} and {}", own.status, theirs.status);
            return (answer, Some(text));
        }
        let kinds = [&own, &theirs].map(|answer| answer.header("Content-Type").map(str::to_owned));
        assert_eq!(kinds[0], kinds[1], "{method} {path}");
        let clean = |answer: &Response, httpd: &Httpd| {
            let text = answer.text().replace(&httpd.dir.display().to_string(), "@DIR@");
            normal(&text, self.repaired.get())
        };
        let own: Vec<_> =
            clean(&own, &self.own).into_iter().filter(|line| !is_added(line)).collect();
        let theirs: Vec<_> =
            clean(&theirs, &self.theirs).iter().map(|line| repaired(line)).collect();
        let difference = (own != theirs).then(|| {
            let at = own.iter().zip(&theirs).position(|(a, b)| a != b).unwrap_or(own.len());
            format!(
                "{method} {path}, line {at}:\n  own      {}\n  original {}",
                own.get(at).map_or("", String::as_str),
                theirs.get(at).map_or("", String::as_str)
            )
        });
        (answer, difference)
    }
}

/// What only this module writes: in prop, keys of members under the members' names.
fn is_added(line: &str) -> bool {
    if line.trim_start().starts_with("worker.bad.probe=") {
        return true;
    }
    ["d1", "n1", "n2", "n3", "n4"].iter().any(|name| {
        ["last_reset_", "error_time_"].iter().any(|key| {
            line.strip_prefix("worker.")
                .or(line.strip_prefix("jk."))
                .and_then(|rest| rest.strip_prefix(name))
                .and_then(|rest| rest.strip_prefix('.'))
                .is_some_and(|rest| rest.starts_with(key))
        })
    })
}

/// What the original writes wrongly, and what this module writes instead.
const REPAIRED: &[(&str, &str)] = &[
    // A value in an attribute is escaped.
    ("uri=\"/a&b/*\"", "uri=\"/a&amp;b/*\""),
    ("xmlns=\"xmlns:x=\"urn:x\"\"", "xmlns=\"xmlns:x=&quot;urn:x&quot;\""),
    ("doctype=\"<!DOCTYPE x:status>\"", "doctype=\"&lt;!DOCTYPE x:status&gt;\""),
];

fn repaired(line: &str) -> String {
    let is_xml = line.starts_with("    ");
    let pairs = REPAIRED.iter().filter(|_| is_xml);
    pairs.fold(line.to_owned(), |line, (wrong, right)| line.replace(wrong, right))
}

const READS: &[&str] = &[
    "",
    "cmd=list",
    "cmd=show&w=lb",
    "cmd=show&w=lb&sw=n1",
    "cmd=show&w=lb&sw=n2",
    "cmd=show&w=solo",
    "cmd=version",
    "cmd=edit&w=lb",
    "cmd=edit&w=lb&sw=n1",
    "cmd=edit&w=lb&att=vwf",
    "opt=1",
    "opt=2",
    "opt=4",
    "opt=8",
    "opt=16",
    "opt=24",
    "opt=511",
    "opt=31&cmd=show&w=lb",
    "re=10",
    "cmd=list&cmd=version",
    "cmd=list&from=show&psw=n1&x&=y",
];

const REFUSED: &[&str] = &[
    "cmd=foo",
    "cmd=LIST",
    "cmd=",
    "cmd=show",
    "cmd=show&w=",
    "cmd=show&w=nope",
    "cmd=show&w=n1",
    "cmd=show&w=lb&sw=",
    "cmd=show&w=lb&sw=nope",
    "cmd=show&w=lb&sw=n*",
    "cmd=show&w=solo&sw=n1",
    "cmd=show&w=st&sw=n1",
    "cmd=update",
    "cmd=update&w=lb&sw=x*",
    "cmd=update&w=lb&sw=n1&opt=32",
    "cmd=edit&w=lb&opt=32",
    "cmd=reset&w=lb&sw=*",
    "cmd=recover&w=lb&sw=n1",
    "cmd=list&w=%zz",
    "cmd=list&w=%00",
];

/// Each change, sent to both, and what the list says then.
const CHANGES: &[&str] = &[
    "cmd=update&w=lb&sw=n1&vwa=1",
    "cmd=update&w=lb&sw=n1&vwa=a",
    "cmd=update&w=lb&sw=n2&vwa=S",
    "cmd=update&w=lb&sw=n2&vwa=Disabled",
    "cmd=update&w=lb&sw=n1&vwf=3",
    "cmd=update&w=lb&sw=n2&vwf=5&vwd=2",
    "cmd=update&w=lb&sw=n1&vwn=r9",
    "cmd=update&w=lb&sw=n1&vwn=east.r1",
    "cmd=update&w=lb&sw=n1&vwr=r2&vwc=east",
    "cmd=update&w=lb&sw=n1&vwr=&vwc=",
    "cmd=update&w=lb&sw=n1&vacpt=60",
    "cmd=update&w=lb&sw=n1&vapng=2500",
    "cmd=update&w=lb&sw=n1&vact=1500",
    "cmd=update&w=lb&sw=n1&vapt=1700",
    "cmd=update&w=lb&sw=n1&vart=33000",
    "cmd=update&w=lb&sw=n1&var=3",
    "cmd=update&w=lb&sw=n1&vari=70",
    "cmd=update&w=lb&sw=n1&vacpi=40",
    "cmd=update&w=lb&sw=n1&varo=7",
    "cmd=update&w=lb&sw=n1&vabl=100",
    "cmd=update&w=lb&sw=n1&vamps=9000",
    "cmd=update&w=solo&vacpt=61&vapng=2600&vact=1600&vapt=1800&vart=34000&var=4&varo=15&vabl=50",
    "cmd=update&w=lb&vlr=4",
    "cmd=update&w=lb&vlt=90&vlee=45&vlx=7",
    "cmd=update&w=lb&vls=false&vlf=true",
    "cmd=update&w=lb&vls=1&vlf=0",
    "cmd=update&w=lb&vlm=t",
    "cmd=update&w=lb&vlm=2",
    "cmd=update&w=lb&vlm=S",
    "cmd=update&w=lb&vlm=Next",
    "cmd=update&w=lb&vlm=0",
    "cmd=update&w=lb&sw=n*&vart=700",
    "cmd=update&w=lb&sw=*&vwd=1",
    "cmd=update&w=lb&att=vwf&val0=1&val1=2&val2=3",
    "cmd=update&w=lb&att=vwa&val2=d",
    "cmd=update&w=lb&att=vart&val0=0&val2=5000",
    "cmd=update&w=lb&sw=n1&vwf=1&vwn=r1&vwa=0&vwd=0&vwr=&vwc=",
    "cmd=update&w=lb&sw=n2&vahst=127.0.0.9&vaprt=7777",
    "cmd=update&w=solo&vahst=localhost",
    "cmd=update&w=lb&vlri=150",
    "cmd=update&w=lb&vll=o",
    "cmd=update&w=lb&vll=1",
    "cmd=update&w=lb&vll=Optimistic",
    "cmd=update&w=lb&att=vwn&val0=a1&val1=b1",
    "cmd=update&w=lb&att=vabl&val1=6&val2=7",
    "cmd=update&w=lb&att=vamps&val1=8193",
    "cmd=update&w=lb&sw=n1",
    "cmd=update&w=lb",
];

#[test]
fn machine_formats_are_the_originals() {
    let Some(oracle) = super::oracle() else {
        skip("parity", "the original mod_jk is missing; Debian package: libapache2-mod-jk");
        return;
    };
    let (n1, dead) = (Backend::start(echo("n1")), free_port());
    let both = Both::start(oracle, [n1.port, free_port(), dead]);
    let every = |query: &str| {
        for mime in ["xml", "txt", "prop"] {
            both.same("GET", &format!("/jkstatus?mime={mime}&{query}"));
        }
    };
    // Requests that succeed and one that fails are counted alike.
    for _ in 0..3 {
        assert_eq!(both.send("GET", "/app/x", None).map(|answer| answer.status), [200, 200]);
    }
    assert_eq!(both.send("GET", "/solo", None).map(|answer| answer.status), [503, 503]);
    READS.iter().for_each(|query| every(query));
    REFUSED.iter().for_each(|query| every(query));
    both.same("GET", "/jkstatus?mime=foo");
    both.same("GET", "/jkstatus?mime=XML&cmd=version");
    for path in ["/named", "/closed", "/readonly", "/jkstatus/"] {
        for mime in ["xml", "txt", "prop"] {
            both.same("GET", &format!("{path}?mime={mime}"));
            both.same("POST", &format!("{path}?mime={mime}&cmd=update&w=lb&sw=n1&vwa=a"));
        }
    }
    // A member in error, and the trial that recover asks for.
    assert_eq!(both.send("GET", "/bad", None).map(|answer| answer.status), [503, 503]);
    every("cmd=show&w=bad");
    every("cmd=show&w=bad&sw=d1");
    both.same("GET", "/jkstatus?mime=txt&cmd=recover&w=bad&sw=d1");
    every("cmd=show&w=bad");
    let users = [
        ("/closed", "root", true),
        ("/closed", "ops", true),
        ("/closed", "Root", false),
        ("/closed", "roo", false),
        ("/anycase", "ROOT", true),
        ("/anycase", "other", false),
    ];
    for (path, user, is_allowed) in users {
        let answer = both.same_for("GET", &format!("{path}?mime=txt"), Some(user));
        assert_eq!(answer.contains("type=OK"), is_allowed, "{path} {user}: {answer}");
        assert_eq!(answer.contains("message=\"Access denied.\""), !is_allowed, "{answer}");
    }
    // From here on loads are 0: an activation levels one member here, and sets all to 0 there.
    both.same("POST", "/jkstatus?mime=xml&cmd=reset&w=lb");
    both.same("GET", "/jkstatus?mime=prop&cmd=reset&w=solo");
    // The original's maximum is below what it has open, until the next connection; and this module
    // opens new connections when the settings of the pool change.
    both.repaired.set(&["connected", "max_connected"]);
    every("");
    for query in CHANGES {
        both.same("GET", &format!("/jkstatus?mime=txt&{query}"));
        both.same("GET", "/jkstatus?mime=txt");
        both.same("POST", &format!("/jkstatus/?mime=xml&from=list&{query}"));
    }
    every("");
    every("cmd=dump");
    let wrong = both.wrong.take();
    assert!(wrong.is_empty(), "{} answers differ:\n{}", wrong.len(), wrong.join("\n"));
}
