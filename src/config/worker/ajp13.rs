//! Workers that talk to one container.

use std::time::Duration;

use super::Resolver;
use super::values::positive;
use crate::ajp::{DEFAULT_PACKET_SIZE, MAX_PACKET_SIZE};
use crate::config::error::Diagnostic;
use crate::config::kinds::{Ajp13Config, Secret};
use crate::config::value::integer;

impl Resolver<'_> {
    pub(super) fn ajp13(&mut self, name: &str) -> Ajp13Config {
        let ping_mode = self.text(name, "ping_mode").unwrap_or_default().to_ascii_uppercase();
        let ping_timeout = self.millis(name, "ping_timeout");
        // An explicit 0 switches the pings of ping_mode off.
        let ping = |letter| {
            (ping_mode.contains(letter) || ping_mode.contains('A')) && ping_timeout.is_some()
        };
        let ping_timeout = ping_timeout.unwrap_or(Duration::from_secs(10));
        let socket_timeout = self.seconds(name, "socket_timeout");
        let retry_interval = self.millis(name, "retry_interval").unwrap_or_default();
        let retries = self.at_least(name, "retries", 1).unsigned_abs();
        let pool_size = self.given(name, "connection_pool_size").unwrap_or(0);
        let config = Ajp13Config {
            host: self.short_text(name, "host").unwrap_or_else(|| "localhost".to_owned()),
            port: self.port(name),
            source: self.short_text(name, "source"),
            prefer_ipv6: self.boolean(name, "prefer_ipv6"),
            socket_timeout,
            socket_connect_timeout: self
                .given(name, "socket_connect_timeout")
                .and_then(positive)
                .map(|ms| Duration::from_millis(ms.into()))
                .or(socket_timeout)
                .unwrap_or(Duration::from_secs(5)),
            socket_keepalive: self.boolean(name, "socket_keepalive"),
            socket_buffer: positive(self.integer(name, "socket_buffer")).map(|n| n as usize),
            ping_timeout,
            connection_ping_interval: self
                .seconds(name, "connection_ping_interval")
                // The original counts a hundredth of the milliseconds as seconds.
                .or(ping('I').then(|| ping_timeout * 10)),
            response_probe: self.boolean(name, "response_probe"),
            idle_guard: self.millis(name, "idle_guard"),
            replay_size: usize::try_from(self.integer(name, "replay_size")).unwrap_or(0),
            connect_timeout: self
                .millis(name, "connect_timeout")
                .or(ping('C').then_some(ping_timeout)),
            prepost_timeout: self
                .millis(name, "prepost_timeout")
                .or(ping('P').then_some(ping_timeout)),
            reply_timeout: self.millis(name, "reply_timeout"),
            connection_pool_size: positive(pool_size).map(|n| n as usize),
            connection_pool_minsize: self
                .given(name, "connection_pool_minsize")
                .and_then(positive)
                .map_or(usize::try_from(pool_size).unwrap_or(0).div_ceil(2), |n| n as usize),
            connection_pool_timeout: self.seconds(name, "connection_pool_timeout"),
            connection_acquire_timeout: self
                .given(name, "connection_acquire_timeout")
                .and_then(positive)
                .map_or(retry_interval * retries, |ms| Duration::from_millis(ms.into())),
            retries,
            retry_interval,
            recovery_options: self
                .given(name, "recovery_options")
                .and_then(|value| u32::try_from(value).ok()),
            fail_on_status: self.statuses(name),
            busy_limit: positive(self.integer(name, "busy_limit")),
            max_packet_size: self.packet_size(name),
            secret: self.text(name, "secret").map(Secret),
            secret_mark: 0,
        };
        self.check_ajp13(name, &config);
        config
    }

    fn port(&mut self, name: &str) -> u16 {
        // The older protocols had ports of their own.
        let port = match self.text(name, "type").as_deref() {
            Some("ajp12") => self.given(name, "port").unwrap_or(8007),
            Some("ajp14") => self.given(name, "port").unwrap_or(8011),
            _ => self.integer(name, "port"),
        };
        let origin = self.place(name, "port");
        if matches!(port, 80 | 443 | 8000 | 8080 | 8081 | 8443) {
            let text = format!(
                "worker.{name}.port: {port} is usually an HTTP port, expected the port of the container's AJP connector, such as 8009"
            );
            self.problems.push(Diagnostic::warning(&origin, text));
        }
        u16::try_from(port).unwrap_or_else(|_| {
            let text = format!(
                "worker.{name}.port: invalid port {port}, expected 0 to 65535; the worker cannot connect"
            );
            self.problems.push(Diagnostic::warning(&origin, text));
            0
        })
    }

    fn packet_size(&mut self, name: &str) -> usize {
        let asked = self.integer(name, "max_packet_size");
        let size = usize::try_from(asked).unwrap_or(0).next_multiple_of(1024);
        let size = size.clamp(DEFAULT_PACKET_SIZE, MAX_PACKET_SIZE);
        if usize::try_from(asked) != Ok(size)
            && let Some(line) = self.find(name, "max_packet_size")
        {
            let text = format!(
                "{}: {asked} counts as {size}, expected a multiple of 1024 from {DEFAULT_PACKET_SIZE} to {MAX_PACKET_SIZE}",
                line.name
            );
            self.warn(line, text);
        }
        size
    }

    fn statuses(&mut self, name: &str) -> Vec<i32> {
        let mut statuses = Vec::new();
        for (word, line) in self.lines(name, "fail_on_status") {
            let status = integer(word).filter(|_| word.trim_start_matches('-').len() == 3);
            match status.filter(|status| (100..=999).contains(&status.abs())) {
                Some(status) => statuses.push(status),
                None => {
                    let text = format!(
                        "{}: \"{word}\" is no status and counts for nothing, expected three digits, possibly with a - before",
                        line.name
                    );
                    self.warn(line, text);
                }
            }
        }
        statuses
    }
}
