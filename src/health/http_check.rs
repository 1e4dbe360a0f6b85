//! A request that tells whether a member's application is well: what is asked, which answers count,
//! and how many of them decide.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::ajp::{
    AjpExchange, Attribute, DEFAULT_PACKET_SIZE, ProtocolError, RequestHead, request_packet,
};
use crate::exchange::{EncodeError, Exchange, RequestBody, Step};
use crate::text;

/// The health check of a balancer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthCheck {
    /// GET or HEAD.
    method: &'static str,
    path: String,
    query: Option<String>,
    host: String,
    statuses: Vec<RangeInclusive<u16>>,
    /// Time between two checks of a member.
    pub interval: Duration,
    /// Longest wait for the whole answer.
    pub timeout: Duration,
    /// Passed checks in a row after which a member is healthy again.
    pub rise: u32,
    /// Bad ones in a row that take it out.
    pub fall: u32,
}

/// A property that is not as it should be: its name, and what is wrong with it.
pub type Mistake = (&'static str, String);

impl HealthCheck {
    /// Reads the properties of a balancer, which `property` returns by their names. Without a
    /// `health_check` that can be used there is none: a mistake takes no member out.
    pub fn read(property: impl Fn(&str) -> Option<String>) -> (Option<Self>, Vec<Mistake>) {
        let mut wrong = Vec::new();
        let Some(text) = property("health_check") else {
            let others = OTHERS.iter().filter(|name| property(name).is_some());
            // check: setting-of-a-health-check-that-is-not-there
            wrong.extend(
                others.map(|name| (*name, "has no effect without health_check".to_owned())),
            );
            return (None, wrong);
        };
        let mut number = |name, range: RangeInclusive<u32>, default| {
            let Some(text) = property(name) else { return default };
            let value = text.parse().ok().filter(|value| range.contains(value));
            value.unwrap_or_else(|| {
                let (least, most) = (range.start(), range.end());
                let text = format!("invalid value \"{text}\", expected a whole number from {least} to {most}; {default} is used");
                // check: health-check-with-a-number-out-of-range
                wrong.push((name, text));
                default
            })
        };
        let interval = number("health_check_interval", 1..=86_400, 5);
        let timeout = number("health_check_timeout", 1..=600_000, 2_000);
        let (rise, fall) =
            (number("health_check_rise", 1..=1_000, 2), number("health_check_fall", 1..=1_000, 3));
        let host = property("health_check_host").unwrap_or_else(|| "localhost".to_owned());
        let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
        let host = Some(host).filter(|host| host.bytes().all(is_host)).unwrap_or_else(|| {
            let text = "expected a host name, with or without a port; localhost is used";
            wrong.push(("health_check_host", text.to_owned()));
            "localhost".to_owned()
        });
        let statuses = property("health_check_status").unwrap_or_else(|| "200-399".to_owned());
        let statuses: Option<Vec<_>> =
            statuses.split([',', ' ', '\t']).filter(|word| !word.is_empty()).map(range).collect();
        let statuses = statuses.filter(|all| !all.is_empty()).unwrap_or_else(|| {
            let text = "expected statuses from 200 to 999 and ranges of them, such as \"200-299,404\"; 200-399 is used";
            wrong.push(("health_check_status", text.to_owned()));
            vec![200..=399]
        });
        let Some((method, target)) = request_line(&text) else {
            let text = format!(
                "invalid value \"{text}\", expected GET or HEAD and a path, such as \"GET /health\"; members are not checked"
            );
            // check: health-check-that-cannot-be-sent
            wrong.push(("health_check", text));
            return (None, wrong);
        };
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, Some(query.to_owned())),
            None => (target, None),
        };
        let check = Self {
            method,
            path: path.to_owned(),
            query,
            host,
            statuses,
            interval: Duration::from_secs(interval.into()),
            timeout: Duration::from_millis(timeout.into()),
            rise,
            fall,
        };
        if let Err(why) = check.question(None) {
            wrong.push(("health_check", format!("{why}; members are not checked")));
            return (None, wrong);
        }
        (Some(check), wrong)
    }

    /// Returns the request as one packet.
    ///
    /// # Errors
    ///
    /// If it has a byte that no request may have, or is too long.
    pub fn question(&self, secret: Option<&[u8]>) -> Result<Vec<u8>, EncodeError> {
        let (name, port) = match self.host.rsplit_once(':') {
            Some((name, port)) if !name.contains(':') || name.ends_with(']') => {
                (name, port.parse().unwrap_or(80))
            }
            _ => (self.host.as_str(), 80),
        };
        let head = RequestHead {
            method: self.method.as_bytes(),
            protocol: b"HTTP/1.1",
            uri: &text::raw(&self.path),
            remote_addr: Some(b"127.0.0.1"),
            remote_host: None,
            server_name: &text::raw(name),
            server_port: port,
            is_tls: false,
        };
        request_packet(DEFAULT_PACKET_SIZE, &head, |encoder| {
            encoder.header(b"host", &text::raw(&self.host));
            encoder.header(b"user-agent", b"mod_jk health check");
            encoder.header(b"content-length", b"0");
            if let Some(secret) = secret {
                encoder.attribute(Attribute::Secret(secret));
            }
            if let Some(query) = &self.query {
                encoder.attribute(Attribute::QueryString(&text::raw(query)));
            }
        })
    }

    /// Tells whether a status is as it should be.
    pub fn accepts(&self, status: u16) -> bool {
        self.statuses.iter().any(|range| range.contains(&status))
    }

    /// Returns the request in words.
    pub fn label(&self) -> String {
        let query = self.query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
        format!("{} {}{query}", self.method, self.path)
    }

    /// Returns the properties with the values in force; all are empty without a check.
    pub fn settings(check: Option<&Self>) -> [(&'static str, String); 7] {
        let text = |value: fn(&Self) -> String| check.map(value).unwrap_or_default();
        [
            ("health_check", text(Self::label)),
            ("health_check_host", text(|own| own.host.clone())),
            ("health_check_status", text(|own| own.statuses_in_words())),
            ("health_check_interval", text(|own| own.interval.as_secs().to_string())),
            ("health_check_timeout", text(|own| own.timeout.as_millis().to_string())),
            ("health_check_rise", text(|own| own.rise.to_string())),
            ("health_check_fall", text(|own| own.fall.to_string())),
        ]
    }

    fn statuses_in_words(&self) -> String {
        let word = |range: &RangeInclusive<u16>| match (range.start(), range.end()) {
            (first, last) if first == last => first.to_string(),
            (first, last) => format!("{first}-{last}"),
        };
        self.statuses.iter().map(word).collect::<Vec<_>>().join(",")
    }

    /// Begins to hear the answer.
    pub fn reader(&self) -> StatusReader {
        let exchange = AjpExchange::new(self.method == "HEAD", RequestBody::None);
        StatusReader { exchange, status: None, body: 0 }
    }
}

/// An answer that is coming in. Its body is counted and dropped.
#[derive(Debug)]
pub struct StatusReader {
    exchange: AjpExchange,
    status: Option<u16>,
    body: usize,
}

impl StatusReader {
    /// Takes the payload of the next packet. Returns the status when the answer is complete, or when
    /// so much has come that the rest would tell nothing new.
    ///
    /// # Errors
    ///
    /// If it is no answer.
    pub fn packet(&mut self, payload: &[u8]) -> Result<Option<u16>, ProtocolError> {
        match self.exchange.on_message(payload)? {
            Step::Head(head) => self.status = Some(head.status),
            Step::Body(range) => self.body += range.len(),
            Step::Done { .. } => return Ok(self.status),
            // A request without a body needs no more than its end, which the backend knows.
            Step::Flush | Step::NeedBody { .. } | Step::EndOfBodyAgain | Step::Ignored => {}
        }
        Ok(self.status.filter(|_| self.body > MOST_BODY))
    }
}

/// Answers in a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Streak {
    good: u32,
    bad: u32,
}

impl Streak {
    /// Books an answer.
    pub fn record(&mut self, is_good: bool) {
        let (row, other) =
            if is_good { (&mut self.good, &mut self.bad) } else { (&mut self.bad, &mut self.good) };
        *row = row.saturating_add(1);
        *other = 0;
    }

    /// Returns how many bad answers there were in a row.
    pub fn bad(self) -> u32 {
        self.bad
    }

    /// Says what the answers in a row amount to: whether the member is well, if they are enough.
    pub fn verdict(self, check: &HealthCheck) -> Option<bool> {
        match self {
            Self { good, .. } if good >= check.rise => Some(true),
            Self { bad, .. } if bad >= check.fall => Some(false),
            _ => None,
        }
    }
}

/// Splits `GET /path`.
fn request_line(text: &str) -> Option<(&'static str, &str)> {
    let (method, target) = text.split_once([' ', '\t'])?;
    let method = ["GET", "HEAD"].into_iter().find(|own| own.eq_ignore_ascii_case(method))?;
    let target = target.trim();
    let is_fine = target.starts_with('/') && target.bytes().all(|byte| byte.is_ascii_graphic());
    (is_fine && !target.contains('#')).then_some((method, target))
}

/// Reads `200` or `200-299`.
fn range(word: &str) -> Option<RangeInclusive<u16>> {
    let (first, last) = word.split_once('-').unwrap_or((word, word));
    let number = |text: &str| text.parse().ok().filter(|status| (200..=999).contains(status));
    let (first, last) = (number(first)?, number(last)?);
    (first <= last).then_some(first..=last)
}

const OTHERS: [&str; 6] = [
    "health_check_host",
    "health_check_status",
    "health_check_interval",
    "health_check_timeout",
    "health_check_rise",
    "health_check_fall",
];

/// The response of a health check is small; a backend that sends more has answered.
const MOST_BODY: usize = 1024 * 1024;

#[cfg(test)]
mod tests;
