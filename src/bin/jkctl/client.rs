//! Talks to a status worker.

mod credentials;
mod trust;

use std::time::Duration;

use mod_jk::status::request::encode;
use serde_json::Value;
use ureq::Agent;
use ureq::http::{Response, StatusCode};

use crate::cli::changes::DryRun;
use crate::cli::server::ServerArgs;
use crate::effects;
use credentials::Manners;

/// A status worker.
pub struct Client {
    agent: Agent,
    url: String,
    authorization: Option<String>,
    is_dry_run: bool,
}

impl Client {
    /// Prepares to ask; nothing is sent yet. A password that is missing is asked for.
    pub fn new(server: &ServerArgs) -> Result<Self, String> {
        Self::prepare(server, Manners::Talking)
    }

    /// Prepares to ask without a word to the user, who is typing.
    pub fn for_completion(server: &ServerArgs) -> Option<Self> {
        Self::prepare(server, Manners::Silent).ok()
    }

    fn prepare(server: &ServerArgs, manners: Manners) -> Result<Self, String> {
        let url = match server.url.split_once("://") {
            None if server.url.is_empty() => {
                return Err("the URL is empty: give --url, or set or unset JKCTL_URL".to_owned());
            }
            None => format!("http://{}", server.url),
            Some(("http" | "https", _)) => server.url.clone(),
            Some(_) => {
                return Err(format!(
                    "{}: expected http://host/path or https://host/path",
                    server.url
                ));
            }
        };
        let url = url.split('?').next().unwrap_or_default().to_owned();
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .timeout_global(Some(server.max_time))
            .user_agent(concat!("jkctl/", env!("CARGO_PKG_VERSION")));
        if url.starts_with("https:") {
            config = config.tls_config(trust::tls_config(server.cacert.as_deref())?);
        }
        let authorization = credentials::authorization(server, &url, manners)?;
        Ok(Self { agent: config.build().new_agent(), url, authorization, is_dry_run: false })
    }

    /// With a dry run, changes are only asked about.
    pub fn rehearsing(self, dry: DryRun) -> Self {
        Self { is_dry_run: dry.dry_run, ..self }
    }

    /// Tells whether changes are only asked about.
    pub fn is_dry_run(&self) -> bool {
        self.is_dry_run
    }

    /// Returns the URL of the status worker.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Asks for a page of JSON.
    pub fn get(&self, query: &[(&str, &str)]) -> Result<Value, String> {
        self.json(false, query)
    }

    /// Asks for all workers, without the events, which take the server and the wire more than the rest.
    pub fn list(&self) -> Result<Value, String> {
        self.get(&[("cmd", "list"), ("opt", WITHOUT_EVENTS)])
    }

    /// Changes something, and notes what; in a dry run asks what would be changed.
    pub fn post(&self, query: &[(&str, &str)]) -> Result<Value, String> {
        if self.is_dry_run {
            return self.json(true, &[query, &[("dry_run", "true")]].concat());
        }
        let page = self.json(true, query)?;
        effects::record_answer(&page);
        Ok(page)
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
        let mut tries_left = TRIES;
        let (status, page) = loop {
            let (status, text) = self.send(is_change, &all)?;
            let page: Option<Value> = serde_json::from_str(&text).ok();
            let page = page.filter(|page| page["result"]["type"].is_string());
            tries_left -= 1;
            // A child that a graceful restart is about to end has changed nothing; the next
            // connection leads to one of the new configuration.
            if status != StatusCode::SERVICE_UNAVAILABLE || page.is_none() || tries_left == 0 {
                break (status, page);
            }
            std::thread::sleep(PAUSE);
        };
        // The status worker's own refusals are more exact than the status.
        match page {
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
            None => {
                // Only a redirect and a refusal say that no status worker has seen it. A success
                // that cannot be read may be an answer that ended early.
                if is_change && !status.is_redirection() && !status.is_client_error() {
                    self.record_unknown();
                }
                Err(match status.is_success() {
                    true if is_change => format!("{}: the answer cannot be read", self.url),
                    true => format!(
                        "{} is no status worker of mod_jk 2: give the URL a worker of type status is mounted at",
                        self.url
                    ),
                    false => self.refused(status),
                })
            }
        }
    }

    fn send(
        &self,
        is_change: bool,
        query: &[(&str, &str)],
    ) -> Result<(StatusCode, String), String> {
        // Encoded here: whatever a value holds, the status worker says what is wrong with it.
        let pairs = query.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value)));
        let url = format!("{}?{}", self.url, pairs.collect::<Vec<_>>().join("&"));
        let result = match is_change {
            true => {
                let request = self.agent.post(&url);
                match &self.authorization {
                    Some(own) => request.header("Authorization", own).send_empty(),
                    None => request.send_empty(),
                }
            }
            false => {
                let request = self.agent.get(&url);
                match &self.authorization {
                    Some(own) => request.header("Authorization", own).call(),
                    None => request.call(),
                }
            }
        };
        let mut response: Response<ureq::Body> = result.map_err(|error| {
            if is_change && may_have_arrived(&error) {
                self.record_unknown();
            }
            self.failed(&error)
        })?;
        let status = response.status();
        let limited = response.body_mut().with_config().limit(LARGEST_PAGE);
        let text = limited.read_to_string().map_err(|error| {
            if is_change {
                self.record_unknown();
            }
            self.failed(&error)
        })?;
        Ok((status, text))
    }

    /// Notes that it is not known whether a change was made; a dry run makes none.
    fn record_unknown(&self) {
        if !self.is_dry_run {
            effects::record(UNKNOWN.to_owned());
        }
    }

    fn failed(&self, error: &ureq::Error) -> String {
        let url = &self.url;
        if let Some(why) = trust::explain(error) {
            return format!("{url}: {why}");
        }
        match error {
            ureq::Error::Io(why) if why.kind() == std::io::ErrorKind::ConnectionRefused => format!(
                "{url}: refused: httpd is not running or listens elsewhere; give its URL with --url or JKCTL_URL"
            ),
            ureq::Error::Io(why) => {
                format!("{url}: {why}; give another URL with --url or JKCTL_URL")
            }
            ureq::Error::Timeout(_) => format!(
                "{url}: no answer in time: httpd is overloaded or stopped; a larger --max-time waits longer"
            ),
            ureq::Error::BadUri(_) | ureq::Error::Http(_) => {
                format!("{url:?} is no URL: give one such as http://localhost/jkstatus")
            }
            other => format!("{url}: {other}"),
        }
    }

    fn refused(&self, status: StatusCode) -> String {
        let what = match status.as_u16() {
            300..=399 => "redirected: give the URL that it redirects to",
            401 => {
                "authentication required: give --user, and the password with --password-file, JKCTL_PASSWORD, ~/.netrc, or when asked"
            }
            403 => {
                "access denied: check Require for the path, user of the status worker, JkStatusLoopback, and httpd's error log"
            }
            404 => {
                "not found: mount a worker of type status, and give its path with --url or JKCTL_URL"
            }
            _ => "see httpd's error log",
        };
        format!("{}: {} from httpd: {what}", self.url, status.as_u16())
    }
}

/// Tells whether httpd may have acted on a request of which there is no answer.
fn may_have_arrived(error: &ureq::Error) -> bool {
    let is_before = matches!(
        error,
        ureq::Error::HostNotFound | ureq::Error::BadUri(_) | ureq::Error::ConnectionFailed
    );
    let is_refused = matches!(error, ureq::Error::Io(why) if why.kind() == std::io::ErrorKind::ConnectionRefused);
    !is_before && !is_refused && !trust::is_handshake(error)
}

/// What `opt` hides.
const WITHOUT_EVENTS: &str = "512";

const UNKNOWN: &str =
    "it is not known whether the change was made: jkctl status shows what is in force";

/// How often a change is sent to a status worker that says that httpd is being restarted, and the
/// pause before the next time.
const TRIES: u32 = 30;
const PAUSE: Duration = Duration::from_millis(100);

/// A page with a thousand members has less than this.
const LARGEST_PAGE: u64 = 64 << 20;
