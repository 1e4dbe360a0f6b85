//! Talks to a status worker.

use std::fs;
use std::path::{Path, PathBuf};

use base64::prelude::{BASE64_STANDARD, Engine};
use serde_json::Value;
use ureq::Agent;
use ureq::http::{Response, StatusCode};

use crate::cli::Server;
use crate::disk;

/// A status worker.
pub struct Client {
    agent: Agent,
    url: String,
    authorization: Option<String>,
}

impl Client {
    /// Prepares to ask; nothing is sent yet.
    pub fn new(server: &Server) -> Result<Self, String> {
        let url = match server.url.split_once("://") {
            None if server.url.is_empty() => {
                return Err("the URL is empty: give --url, or set or unset JKCTL_URL".to_owned());
            }
            None => format!("http://{}", server.url),
            Some(("http", _)) => server.url.clone(),
            Some(("https", _)) => {
                return Err(format!(
                    "{}: https is not spoken here: give the http URL of a virtual host on this machine, or use curl",
                    server.url
                ));
            }
            Some(_) => return Err(format!("{}: expected http://host/path", server.url)),
        };
        let url = url.split('?').next().unwrap_or_default().to_owned();
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .timeout_global(Some(server.max_time))
            .user_agent(concat!("jkctl/", env!("CARGO_PKG_VERSION")))
            .build();
        let host = host_of(&url);
        let password = match (&server.user, &server.password_file) {
            (Some(user), Some(file)) => Some((user.clone(), disk::first_line(file)?)),
            (user, None) => from_netrc(server.netrc.as_deref(), host, user.as_deref())?,
            (None, Some(_)) => None,
        };
        if let (Some(user), None) = (&server.user, &password) {
            return Err(format!(
                "no password for {user}: give --password-file, or a line for {host} in ~/.netrc"
            ));
        }
        let authorization = password.map(|(user, password)| {
            format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}")))
        });
        Ok(Self { agent: config.new_agent(), url, authorization })
    }

    /// Asks for a page of JSON.
    pub fn get(&self, query: &[(&str, &str)]) -> Result<Value, String> {
        self.json(false, query)
    }

    /// Changes something.
    pub fn post(&self, query: &[(&str, &str)]) -> Result<Value, String> {
        self.json(true, query)
    }

    /// Asks for a page as text.
    pub fn text(&self, query: &[(&str, &str)]) -> Result<String, String> {
        let (status, text) = self.send(false, query)?;
        match status.is_success() {
            true => Ok(text),
            false => Err(self.refused(status)),
        }
    }

    fn json(&self, is_change: bool, query: &[(&str, &str)]) -> Result<Value, String> {
        let mut all = vec![("mime", "json")];
        all.extend(query);
        let (status, text) = self.send(is_change, &all)?;
        let page: Option<Value> = serde_json::from_str(&text).ok();
        // The status worker's own refusals are more exact than the status.
        match page.filter(|page| page["result"]["type"].is_string()) {
            Some(page) if page["result"]["type"] == "OK" => Ok(page),
            Some(page) => {
                let why = page["result"]["message"].as_str().unwrap_or("no reason given");
                let remedy = match status.as_u16() {
                    403 => ": the status worker is read_only, or belongs to others",
                    404 => ": jkctl status shows what there is",
                    _ => "",
                };
                Err(format!("{} refuses: {}{remedy}", self.url, why.trim_end_matches('.')))
            }
            None if status.is_success() => Err(format!(
                "{} is no status worker of mod_jk 2: give the URL a worker of type status is mounted at",
                self.url
            )),
            None => Err(self.refused(status)),
        }
    }

    fn send(
        &self,
        is_change: bool,
        query: &[(&str, &str)],
    ) -> Result<(StatusCode, String), String> {
        let pairs = query.iter().copied();
        let result = match is_change {
            true => {
                let request = self.agent.post(&self.url).query_pairs(pairs);
                match &self.authorization {
                    Some(own) => request.header("Authorization", own).send_empty(),
                    None => request.send_empty(),
                }
            }
            false => {
                let request = self.agent.get(&self.url).query_pairs(pairs);
                match &self.authorization {
                    Some(own) => request.header("Authorization", own).call(),
                    None => request.call(),
                }
            }
        };
        let mut response: Response<ureq::Body> = result.map_err(|error| self.failed(&error))?;
        let status = response.status();
        let limited = response.body_mut().with_config().limit(LARGEST_PAGE);
        let text = limited.read_to_string().map_err(|error| self.failed(&error))?;
        Ok((status, text))
    }

    fn failed(&self, error: &ureq::Error) -> String {
        let url = &self.url;
        match error {
            ureq::Error::Io(why) if why.kind() == std::io::ErrorKind::ConnectionRefused => format!(
                "{url}: refused: httpd is not running or listens elsewhere; give its URL with --url or JKCTL_URL"
            ),
            ureq::Error::Io(why) => {
                format!("{url}: {why}; give another URL with --url or JKCTL_URL")
            }
            ureq::Error::Timeout(_) => format!(
                "{url}: no answer in time: httpd is overloaded or stopped; --max-time waits longer"
            ),
            other => format!("{url}: {other}"),
        }
    }

    fn refused(&self, status: StatusCode) -> String {
        let what = match status.as_u16() {
            300..=399 => "it redirects: give the URL it redirects to",
            401 => "it wants a user: give --user and --password-file, or a line in ~/.netrc",
            403 => {
                "you may not: see Require for the path, user of the status worker, JkStatusLoopback, and httpd's error log"
            }
            404 => {
                "there is nothing: mount a worker of type status, and give its path with --url or JKCTL_URL"
            }
            _ => "see httpd's error log",
        };
        format!("{}: {} from httpd: {what}", self.url, status.as_u16())
    }
}

fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split('/').next().unwrap_or_default();
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    }
}

/// Looks a host up in `~/.netrc` or the file given; only the latter must exist.
fn from_netrc(
    given: Option<&Path>,
    host: &str,
    user: Option<&str>,
) -> Result<Option<(String, String)>, String> {
    let usual = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".netrc"));
    let Some(path) = given.map(Path::to_path_buf).or(usual) else { return Ok(None) };
    match fs::read_to_string(&path) {
        Ok(text) => Ok(entry(&text, host, user)),
        Err(_) if given.is_none() => Ok(None),
        Err(why) => Err(format!("{}: {}", path.display(), disk::reason(&why))),
    }
}

/// Finds user and password of a host among `machine … login … password …` and `default`.
fn entry(text: &str, host: &str, user: Option<&str>) -> Option<(String, String)> {
    let lines = text.lines().map(|line| {
        line.split_once('#').map_or(line, |(before, _)| match before.is_empty() {
            true => "",
            false => line,
        })
    });
    let mut words = lines.flat_map(str::split_whitespace);
    let (mut is_meant, mut login, mut password) = (false, None, None);
    while let Some(word) = words.next() {
        match word {
            "machine" | "default" => {
                if let (true, Some(login), Some(password)) = (is_meant, login, password) {
                    return Some((login, password));
                }
                is_meant = word == "default" || words.next() == Some(host);
                (login, password) = (None, None);
            }
            "login" => {
                login = words.next().map(str::to_owned);
                is_meant &= user.is_none_or(|own| login.as_deref() == Some(own));
            }
            "password" => password = words.next().map(str::to_owned),
            _ => {}
        }
    }
    (is_meant).then_some(())?;
    Some((login?, password?))
}

/// A page with a thousand members has less than this.
const LARGEST_PAGE: u64 = 64 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn netrc() {
        let text = "# a comment\nmachine a login u1 password p#1\nmachine b\n  login u2\n  password p2\n\
                    machine b login u3 password p3\ndefault login any password p4\n";
        let cases = [
            ("a", None, Some(("u1", "p#1"))),
            ("b", None, Some(("u2", "p2"))),
            ("b", Some("u3"), Some(("u3", "p3"))),
            ("c", None, Some(("any", "p4"))),
            ("c", Some("u9"), None),
        ];
        for (host, user, expected) in cases {
            let expected = expected.map(|(user, password)| (user.to_owned(), password.to_owned()));
            assert_eq!(entry(text, host, user), expected, "{host} {user:?}");
        }
    }

    #[test]
    fn hosts() {
        for (url, host) in [
            ("http://h:1/x", "h"),
            ("http://h/x", "h"),
            ("http://[::1]:80/x", "[::1]"),
            ("http://[::1]/", "[::1]"),
        ] {
            assert_eq!(host_of(url), host);
        }
    }
}
