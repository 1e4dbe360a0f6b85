//! One httpd for many rows, and what must be true of it after each.

use std::fs;

use crate::SETTLED;
use crate::peer::Peer;
use crate::support::client::Client;
use crate::support::httpd::{Httpd, Setup};
use crate::support::wait_until;

pub struct Site {
    pub httpd: Httpd,
    pub peer: Peer,
}

/// What was before a row.
pub struct Watch {
    children: String,
    log: usize,
}

impl Site {
    pub fn start(name: &str, peer: Peer) -> Self {
        let workers = format!(
            "worker.list=w1,st\n{}worker.w1.reply_timeout=2000\n\
             worker.w1.socket_timeout=5\nworker.w1.retries=1\nworker.st.type=status\n",
            peer.place
        );
        let config = "JkMount /app/* w1\nJkMount /jkstatus st\nTimeout 3\nServerLimit 1\nStartServers 1\n\
                      ThreadsPerChild 25\nMaxRequestWorkers 25\nMinSpareThreads 1\nMaxSpareThreads 25\n\
                      LimitRequestFieldSize 70000\nLimitRequestLine 70000\nLimitRequestFields 200\n";
        let mut httpd = Setup { name, mpm: "event", config, workers: &workers }.start();
        httpd.expect("JK-3");
        Self { httpd, peer }
    }

    pub fn port(&self) -> u16 {
        self.httpd.port
    }

    fn children(&self) -> String {
        let pid = self.httpd.pid();
        fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).expect("httpd has children")
    }

    /// Lines of level warn and above.
    fn serious(&self) -> Vec<String> {
        let log = self.httpd.log("jk.log");
        let is_serious = |line: &&str| line.contains("[warn]") || line.contains("[error]");
        // What is learned from unexpected data is said once for many rows.
        let is_learned = |line: &&str| line.contains("JK-327");
        log.lines().filter(is_serious).filter(|line| !is_learned(line)).map(str::to_owned).collect()
    }

    pub fn watch(&self) -> Watch {
        Watch { children: self.children(), log: self.serious().len() }
    }

    /// Checks what must be true after every row; `code` is that of the one line in the log.
    pub fn check(&self, watch: &Watch, row: &str, code: &str) -> Result<(), String> {
        // Four requests: an answer that went astray moves on from each to the next.
        for number in 0..4 {
            let token = format!("TOKEN-{row}{number}");
            // The first one may not be sent twice, which would hide a dead connection.
            let (method, body) =
                if number == 0 { ("POST", &b"body"[..]) } else { ("GET", &b""[..]) };
            let headers = [("X-Token", token.as_str())];
            let response = Client::connect(self.port()).request(method, "/app/x", &headers, body);
            let expected = token.replace("TOKEN-", "MARK-");
            if (response.status, response.text()) != (200, expected) {
                return Err(format!("then {} {}", response.status, response.text()));
            }
        }
        let is_idle = || {
            let page = Client::connect(self.port()).get("/jkstatus?mime=txt").text();
            page.contains(" busy=0 ")
        };
        if !wait_until(SETTLED, is_idle) {
            return Err("something is left in flight".to_owned());
        }
        if self.children() != watch.children {
            return Err("a child ended".to_owned());
        }
        let lines = self.serious().split_off(watch.log);
        match (code, lines.as_slice()) {
            ("", []) => Ok(()),
            ("", lines) => Err(format!("unexpected: {lines:?}")),
            (code, [line]) if line.contains(code) => Ok(()),
            (code, lines) => Err(format!("not one line {code}: {lines:?}")),
        }
    }
}
