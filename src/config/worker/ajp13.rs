//! Workers that talk to one backend.

use crate::config::error::Diagnostic;
use crate::config::model::Ajp13Config;
use crate::config::rows::{HOST, PORT, Settings, Value};
use crate::config::unix_host::unix_path;
use crate::config::value::integer;
use crate::config::worker::resolver::Resolver;

impl Resolver<'_> {
    pub(super) fn ajp13(&mut self, name: &str) -> Ajp13Config {
        let mut config = Ajp13Config::default();
        config.fill(|row| match row.name {
            PORT if self.text(name, HOST).as_deref().and_then(unix_path).is_some() => {
                Some(Value::Number(self.unused_port(name).into()))
            }
            PORT => Some(Value::Number(self.port(name).into())),
            _ => self.value(name, row),
        });
        config.fail_on_status = self.statuses(name);
        // An explicit 0 switches the pings of ping_mode off.
        if self.integer(name, "ping_timeout") > 0 {
            let (mode, wait) = (config.ping_mode.to_ascii_uppercase(), config.ping_timeout);
            let ping = |letter, wait| mode.contains([letter, 'A']).then_some(wait);
            config.connect_timeout = config.connect_timeout.or(ping('C', wait));
            config.prepost_timeout = config.prepost_timeout.or(ping('P', wait));
            // The original counts a hundredth of the milliseconds as seconds.
            config.connection_ping_interval =
                config.connection_ping_interval.or(ping('I', wait * 10));
        }
        self.check_ajp13(name, &config);
        config
    }

    /// Returns the port of a worker whose host is a Unix-domain socket: only a later host needs it.
    fn unused_port(&mut self, name: &str) -> u16 {
        // check: a-port-beside-a-unix-domain-socket
        if let Some(line) = self.find(name, "port") {
            let text = format!(
                "{} is ignored, as the host of the worker is a Unix-domain socket; remove it",
                line.name
            );
            self.warn(line, text);
        }
        u16::try_from(self.any_port(name)).unwrap_or(0)
    }

    fn any_port(&mut self, name: &str) -> i32 {
        // A value that is no number may mean any Tomcat; the default would be one that was not meant.
        if let Some(line) = self.find(name, "port").filter(|line| !line.value.is_empty()) {
            return self.number(line).unwrap_or(0);
        }
        // The older protocols had ports of their own.
        match self.text(name, "type").as_deref() {
            Some("ajp12") => 8007,
            Some("ajp14") => 8011,
            _ => self.integer(name, "port"),
        }
    }

    fn port(&mut self, name: &str) -> u16 {
        let port = self.any_port(name);
        let origin = self.place(name, "port");
        // check: http-port
        if matches!(port, 80 | 443 | 8000 | 8080 | 8081 | 8443) {
            let text = format!(
                "worker.{name}.port: {port} is usually an HTTP port, expected the port of the backend's AJP connector, such as 8009"
            );
            self.problems.push(Diagnostic::warning(&origin, text));
        }
        // check: port-out-of-range
        u16::try_from(port).unwrap_or_else(|_| {
            let text = format!(
                "worker.{name}.port: invalid port {port}, expected 0 to 65535; the worker cannot connect"
            );
            self.problems.push(Diagnostic::warning(&origin, text));
            0
        })
    }

    fn statuses(&mut self, name: &str) -> Vec<i32> {
        let mut statuses = Vec::new();
        for (word, line) in self.lines(name, "fail_on_status") {
            let status = integer(word).filter(|_| word.trim_start_matches('-').len() == 3);
            match status.filter(|status| (100..=999).contains(&status.abs())) {
                Some(status) => statuses.push(status),
                // check: no-status
                None => {
                    let text = format!(
                        "{}: \"{word}\" is not a status and is ignored, expected three digits, optionally with a - before them",
                        line.name
                    );
                    self.warn(line, text);
                }
            }
        }
        statuses
    }
}
