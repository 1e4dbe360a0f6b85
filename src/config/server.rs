//! The Jk directives of one server.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::error::Origin;
use super::options::Options;
use super::request_log::{Field, Piece, RequestLogFormat};
use super::uri_map_file::{MountDirective, Section, add_directive};
use crate::uri_map::merge::{MountCopy, Mounts};

/// Where a directive stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context<'a> {
    /// Inside VirtualHost.
    pub is_virtual: bool,
    /// Argument of the enclosing section such as Location.
    pub section: Option<&'a str>,
    /// File and line.
    pub origin: Origin,
}

/// `JkLogLevel`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)] // the words of the directive
pub enum LogLevel {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
    Emerg,
}

/// What one server says; `None` where it says nothing.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)] // named after their directives
pub struct ServerSettings {
    pub workers_file: Option<(String, Origin)>,
    pub worker_properties: Vec<(String, Origin)>,
    pub mounts: Mounts,
    pub mount_file: Option<(String, Origin)>,
    pub mount_file_reload: Option<u32>,
    pub mount_copy: Option<MountCopy>,
    pub strip_session: Option<Option<String>>,
    pub auto_alias: Option<String>,
    pub log_file: Option<String>,
    pub log_level: Option<LogLevel>,
    pub log_stamp_format: Option<String>,
    pub request_log_format: Option<Arc<RequestLogFormat>>,
    pub log_json: Option<bool>,
    pub options: Options,
    pub extract_ssl: Option<bool>,
    pub watchdog_interval: Option<u32>,
    pub strict: Option<bool>,
    pub status_loopback: Option<bool>,
    /// Names of environment variables, by directive.
    pub indicators: BTreeMap<&'static str, String>,
    /// Variables to forward with their default.
    pub env_vars: Vec<(String, Option<String>)>,
    /// What is accepted and does nothing.
    pub notes: Vec<(String, Origin)>,
}

/// Directives that rename an environment variable, with the variable's usual name.
const INDICATORS: &[(&str, &str)] = &[
    ("JkWorkerIndicator", "JK_WORKER_NAME"),
    ("JkRequestIdIndicator", "UNIQUE_ID"),
    ("JkRemoteAddrIndicator", "JK_REMOTE_ADDR"),
    ("JkRemotePortIndicator", "JK_REMOTE_PORT"),
    ("JkRemoteHostIndicator", "JK_REMOTE_HOST"),
    ("JkRemoteUserIndicator", "JK_REMOTE_USER"),
    ("JkAuthTypeIndicator", "JK_AUTH_TYPE"),
    ("JkLocalNameIndicator", "JK_LOCAL_NAME"),
    ("JkLocalAddrIndicator", "JK_LOCAL_ADDR"),
    ("JkLocalPortIndicator", "JK_LOCAL_PORT"),
    ("JkIgnoreCLIndicator", "JK_IGNORE_CL"),
    ("JkHTTPSIndicator", "HTTPS"),
    ("JkSSLPROTOCOLIndicator", "SSL_PROTOCOL"),
    ("JkCERTSIndicator", "SSL_CLIENT_CERT"),
    ("JkCIPHERIndicator", "SSL_CIPHER"),
    ("JkSESSIONIndicator", "SSL_SESSION_ID"),
    ("JkKEYSIZEIndicator", "SSL_CIPHER_USEKEYSIZE"),
    ("JkCERTCHAINPrefix", "SSL_CLIENT_CERT_CHAIN_"),
];

impl ServerSettings {
    /// Takes one directive; the words are as httpd split them.
    ///
    /// # Errors
    ///
    /// What is wrong, for httpd to report with file and line.
    pub fn set(
        &mut self,
        directive: &str,
        first: &str,
        second: Option<&str>,
        context: &Context<'_>,
    ) -> Result<(), String> {
        let is_global = matches!(
            directive.to_ascii_lowercase().as_str(),
            "jkworkersfile" | "jkworkerproperty" | "jkshmfile" | "jkshmsize" | "jkwatchdoginterval"
        );
        if is_global && context.is_virtual {
            return Err(format!("{directive} is not allowed inside VirtualHost"));
        }
        let origin = context.origin.clone();
        let owned = || Some(first.to_owned());
        match directive.to_ascii_lowercase().as_str() {
            "jkworkersfile" => {
                if let Some((_, earlier)) = &self.workers_file {
                    return Err(format!("JkWorkersFile was given at {earlier} already"));
                }
                self.workers_file = Some((first.to_owned(), origin));
            }
            "jkworkerproperty" => self.worker_properties.push((first.to_owned(), origin)),
            "jkshmfile" | "jkshmsize" => {
                let text = format!(
                    "{directive} has no effect: the shared memory needs no file and its size is computed"
                );
                self.notes.push((text, origin));
            }
            "jkmount" => self.mount(MountDirective::Mount, first, second, context)?,
            "jkunmount" => self.mount(MountDirective::UnMount, first, second, context)?,
            "jkmountfile" => self.mount_file = Some((first.to_owned(), origin)),
            "jkmountfilereload" => {
                self.mount_file_reload = Some(number(first));
            }
            "jkmountcopy" => {
                self.mount_copy = Some(match first.to_ascii_lowercase().as_str() {
                    "all" if context.is_virtual => {
                        return Err("JkMountCopy All is not allowed inside VirtualHost".to_owned());
                    }
                    "all" => MountCopy::All,
                    "on" => MountCopy::On,
                    "off" => MountCopy::Off,
                    _ => return Err(expected(directive, first, "On, Off or All")),
                });
            }
            "jkautoalias" => {
                self.auto_alias = owned();
                self.not_yet(directive, "use Alias", origin);
            }
            "jkstripsession" => {
                let name = second.unwrap_or(";jsessionid").to_owned();
                self.strip_session = Some(on_off(directive, first)?.then_some(name));
            }
            "jklogfile" => self.log_file = owned(),
            "jkloglevel" => {
                self.log_level = Some(match first.to_ascii_lowercase().as_str() {
                    "trace" => LogLevel::Trace,
                    "debug" => LogLevel::Debug,
                    "warn" => LogLevel::Warn,
                    "error" => LogLevel::Error,
                    "emerg" => LogLevel::Emerg,
                    "info" => LogLevel::Info,
                    _ => {
                        let text = format!(
                            "JkLogLevel: unknown level \"{first}\", expected trace, debug, info, warn, error or emerg; info is used"
                        );
                        self.notes.push((text, origin));
                        LogLevel::Info
                    }
                });
            }
            "jklogstampformat" if first.is_empty() => {
                return Err(expected(directive, first, "a strftime format"));
            }
            "jklogstampformat" => self.log_stamp_format = owned(),
            "jkrequestlogformat" => {
                let parsed = RequestLogFormat::parse(first).unwrap_or_else(|unknown| {
                    let text =
                        format!("JkRequestLogFormat: {unknown}; this server writes no request log");
                    self.notes.push((text, origin));
                    RequestLogFormat::default()
                });
                self.request_log_format = Some(Arc::new(parsed));
            }
            "jklogformat" => {
                self.log_json = Some(match first.to_ascii_lowercase().as_str() {
                    "text" => false,
                    "json" => true,
                    _ => return Err(expected(directive, first, "Text or JSON")),
                });
            }
            "jkextractssl" => self.extract_ssl = Some(on_off(directive, first)?),
            "jkstatusloopback" => self.status_loopback = Some(on_off(directive, first)?),
            "jkstrict" => self.strict = Some(on_off(directive, first)?),
            "jkoptions" => self.options.set(first)?,
            "jkenvvar" => {
                let default = second.filter(|default| !default.is_empty()).map(str::to_owned);
                self.env_vars.push((first.to_owned(), default));
            }
            "jkwatchdoginterval" => self.watchdog_interval = Some(number(first)),
            _ => {
                let row = INDICATORS.iter().find(|(name, _)| name.eq_ignore_ascii_case(directive));
                let (name, _) = row.ok_or_else(|| format!("unknown directive {directive}"))?;
                self.indicators.insert(name, first.to_owned());
            }
        }
        Ok(())
    }

    /// Says that a directive is accepted and not written yet.
    fn not_yet(&mut self, directive: &str, instead: &str, origin: Origin) {
        self.notes.push((format!("{directive} has no effect in this version: {instead}"), origin));
    }

    fn mount(
        &mut self,
        directive: MountDirective,
        first: &str,
        second: Option<&str>,
        context: &Context<'_>,
    ) -> Result<(), String> {
        let words: Vec<_> = std::iter::once(first).chain(second).collect();
        let section = context.section.map_or(Section::Server, Section::Location);
        let problems =
            add_directive(&mut self.mounts, directive, &words, section, &context.origin)?;
        self.notes.extend(problems.into_iter().map(|problem| (problem.text, problem.origin)));
        Ok(())
    }

    /// Returns the settings of a virtual host: its own, else the main server's. Mounts are joined
    /// elsewhere, as they follow `JkMountCopy`.
    pub fn merge(base: &Self, over: &Self) -> Self {
        let mut merged = over.clone();
        merged.workers_file = base.workers_file.clone();
        merged.mount_file_reload = over.mount_file_reload.or(base.mount_file_reload);
        merged.strip_session = over.strip_session.clone().or(base.strip_session.clone());
        merged.log_file = over.log_file.clone().or(base.log_file.clone());
        merged.log_level = over.log_level.or(base.log_level);
        merged.log_stamp_format = over.log_stamp_format.clone().or(base.log_stamp_format.clone());
        merged.request_log_format =
            over.request_log_format.clone().or(base.request_log_format.clone());
        merged.log_json = over.log_json.or(base.log_json);
        merged.options = Options::merge(&base.options, &over.options);
        merged.extract_ssl = over.extract_ssl.or(base.extract_ssl);
        merged.watchdog_interval = base.watchdog_interval;
        merged.status_loopback = over.status_loopback.or(base.status_loopback);
        merged.strict = over.strict.or(base.strict);
        for (name, variable) in &base.indicators {
            merged.indicators.entry(name).or_insert_with(|| variable.clone());
        }
        for (name, default) in &base.env_vars {
            if !merged.env_vars.iter().any(|(own, _)| own == name) {
                merged.env_vars.push((name.clone(), default.clone()));
            }
        }
        if base.mount_copy == Some(MountCopy::All) && over.mount_copy.is_none() {
            merged.mount_copy = Some(MountCopy::On);
        }
        merged
    }

    /// Tells whether the request log shows how long requests took.
    pub fn logs_duration(&self) -> bool {
        let wanted = Piece::Field(Field::Duration);
        self.request_log_format.as_ref().is_some_and(|format| format.pieces.contains(&wanted))
    }

    /// Returns the variable a directive names, or the usual one.
    pub fn indicator(&self, directive: &str) -> &str {
        let usual = INDICATORS.iter().find(|(name, _)| *name == directive);
        self.indicators
            .get(directive)
            .map_or(usual.map_or("", |(_, variable)| variable), String::as_str)
    }
}

fn on_off(directive: &str, word: &str) -> Result<bool, String> {
    match word.to_ascii_lowercase().as_str() {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err(expected(directive, word, "On or Off")),
    }
}

fn expected(directive: &str, word: &str, what: &str) -> String {
    format!("{directive}: invalid value \"{word}\", expected {what}")
}

/// Reads leading digits, else 0, as mod_jk does.
fn number(word: &str) -> u32 {
    super::value::integer(word).and_then(|value| u32::try_from(value).ok()).unwrap_or(0)
}
