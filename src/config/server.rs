//! The Jk directives of one server.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::config::async_settings::AsyncSettings;
use crate::config::error::Origin;
use crate::config::options::Options;
use crate::config::request_log::{FormatPart, LogField, RequestLogFormat};
use crate::config::rows::{DIRECTIVES, DirectiveName, OPTIONS, Place, ValueKind, hint};
use crate::config::section::Section;
use crate::config::uri_map_file::{MountDirective, add_directive};
use crate::uri_map::RuleSeverity;
use crate::uri_map::merge::{MountCopy, Mounts};

/// Where a directive stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context<'a> {
    /// Inside VirtualHost.
    pub is_virtual: bool,
    /// The section around it.
    pub section: Section<'a>,
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
    pub parking: AsyncSettings,
    /// Names of environment variables, by directive.
    pub indicators: BTreeMap<&'static str, String>,
    /// Variables to forward with their default.
    pub env_vars: Vec<(String, Option<String>)>,
    /// What is accepted and does nothing.
    pub notes: Vec<(String, Origin)>,
    /// What is often meant as it is.
    pub hints: Vec<(String, Origin)>,
    /// The same about rules, with the worker each one names.
    pub rule_hints: Vec<(String, String, Origin)>,
    /// The directives as they stand in the file, for showing where a setting comes from.
    pub given: Vec<SetDirectives>,
    /// Those of the main server, which a virtual host may inherit.
    pub inherited: Vec<SetDirectives>,
    /// Name of the virtual host; empty for the main server.
    pub host: String,
    /// Where the virtual host begins.
    pub host_origin: Origin,
    /// Addresses: of the main server those of `Listen`, of a virtual host its own. Empty if they are
    /// not known.
    pub addresses: Vec<String>,
}

/// One directive as it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetDirectives {
    /// Its name, as the table spells it.
    pub name: &'static str,
    /// What stood behind it.
    pub words: String,
    /// Where.
    pub origin: Origin,
}

/// How names of attributes begin that Tomcat gives a meaning of its own.
const RESERVED: &[&str] = &["AJP_", "JK_LB_ACTIVATION", "javax.servlet.", "jakarta.servlet."];

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
        let row = DIRECTIVES.iter().find(|row| row.name.eq_ignore_ascii_case(directive));
        let Some(row) = row else {
            let hint = hint(directive, DIRECTIVES.iter().map(|row| row.name));
            return Err(format!("unknown directive {directive}{hint}"));
        };
        // check: workers-file-in-a-virtual-host
        if row.place == Place::Global && context.is_virtual {
            return Err(format!("{directive} is not allowed inside VirtualHost"));
        }
        let origin = context.origin.clone();
        let words = second.map_or(first.to_owned(), |second| format!("{first} {second}"));
        self.given.push(SetDirectives { name: row.name, words, origin: origin.clone() });
        let owned = || Some(first.to_owned());
        match row.id {
            DirectiveName::JkWorkersFile => {
                // check: two-workers-files
                if let Some((_, earlier)) = &self.workers_file {
                    return Err(format!("JkWorkersFile is already set at {earlier}"));
                }
                self.workers_file = Some((first.to_owned(), origin));
            }
            DirectiveName::JkWorkerProperty => {
                self.worker_properties.push((first.to_owned(), origin))
            }
            DirectiveName::JkShmFile | DirectiveName::JkShmSize => {
                let text = format!(
                    "{directive} has no effect: the shared memory needs no file and its size is computed"
                );
                // Nearly every file has them, and nothing is lost.
                // check: file-of-shared-memory
                self.hints.push((text, origin));
            }
            DirectiveName::JkMount => self.mount(MountDirective::Mount, first, second, context)?,
            DirectiveName::JkUnMount => {
                self.mount(MountDirective::UnMount, first, second, context)?
            }
            DirectiveName::JkMountFile => self.mount_file = Some((first.to_owned(), origin)),
            DirectiveName::JkMountFileReload => {
                self.mount_file_reload = Some(self.seconds(directive, first, &origin));
            }
            DirectiveName::JkMountCopy => {
                self.mount_copy = Some(match first.to_ascii_lowercase().as_str() {
                    // check: jkmountcopy-all-in-a-virtual-host
                    "all" if context.is_virtual => {
                        return Err("JkMountCopy All is not allowed inside VirtualHost".to_owned());
                    }
                    "all" => MountCopy::All,
                    "on" => MountCopy::On,
                    "off" => MountCopy::Off,
                    // check: jkmountcopy-with-another-word
                    _ => return Err(expected(directive, first, "On, Off or All")),
                });
            }
            DirectiveName::JkAutoAlias => self.auto_alias = owned(),
            DirectiveName::JkStripSession => {
                let name = second.unwrap_or(";jsessionid").to_owned();
                self.strip_session = Some(on_off(directive, first)?.then_some(name));
            }
            DirectiveName::JkLogFile => self.log_file = owned(),
            DirectiveName::JkLogLevel => {
                self.log_level = Some(match first.to_ascii_lowercase().as_str() {
                    "trace" => LogLevel::Trace,
                    "debug" => LogLevel::Debug,
                    "warn" | "warning" => LogLevel::Warn,
                    "error" => LogLevel::Error,
                    "emerg" => LogLevel::Emerg,
                    "info" => LogLevel::Info,
                    _ => {
                        let levels = ["trace", "debug", "info", "warn", "error", "emerg"];
                        let hint = hint(first, levels.into_iter());
                        let text = format!(
                            "JkLogLevel: unknown level \"{first}\", expected trace, debug, info, warn, error or emerg; info is used{hint}"
                        );
                        // check: unknown-log-level
                        self.notes.push((text, origin));
                        LogLevel::Info
                    }
                });
            }
            DirectiveName::JkLogStampFormat if first.is_empty() => {
                return Err(expected(directive, first, "a strftime format"));
            }
            DirectiveName::JkLogStampFormat => self.log_stamp_format = owned(),
            DirectiveName::JkRequestLogFormat => {
                let parsed = RequestLogFormat::parse(first).unwrap_or_else(|unknown| {
                    // check: unknown-code-of-the-request-log
                    let text =
                        format!("JkRequestLogFormat: {unknown}; this server writes no request log");
                    self.notes.push((text, origin));
                    RequestLogFormat::default()
                });
                self.request_log_format = Some(Arc::new(parsed));
            }
            DirectiveName::JkLogFormat => {
                self.log_json = Some(match first.to_ascii_lowercase().as_str() {
                    "text" => false,
                    "json" => true,
                    // check: log-lines-in-another-shape
                    _ => return Err(expected(directive, first, "Text or JSON")),
                });
            }
            DirectiveName::JkExtractSSL => self.extract_ssl = Some(on_off(directive, first)?),
            DirectiveName::JkStatusLoopback => {
                self.status_loopback = Some(on_off(directive, first)?)
            }
            DirectiveName::JkAsync => {
                let set = self.parking.set_mode(first);
                set.map_err(|what| expected(directive, first, what))?
            }
            DirectiveName::JkAsyncAfter => {
                let set = self.parking.set_after(first);
                set.map_err(|what| expected(directive, first, what))?
            }
            DirectiveName::JkStrict => self.strict = Some(on_off(directive, first)?),
            DirectiveName::JkOptions => self.set_options(first, &origin)?,
            DirectiveName::JkEnvVar => self.env_var(first, second, origin),
            DirectiveName::JkWatchdogInterval => {
                self.watchdog_interval = Some(self.seconds(directive, first, &origin));
            }
            #[rustfmt::skip]
            DirectiveName::JkWorkerIndicator | DirectiveName::JkRequestIdIndicator
            | DirectiveName::JkRemoteAddrIndicator | DirectiveName::JkRemotePortIndicator
            | DirectiveName::JkRemoteHostIndicator | DirectiveName::JkRemoteUserIndicator
            | DirectiveName::JkAuthTypeIndicator | DirectiveName::JkLocalNameIndicator
            | DirectiveName::JkLocalAddrIndicator | DirectiveName::JkLocalPortIndicator
            | DirectiveName::JkIgnoreCLIndicator | DirectiveName::JkHTTPSIndicator
            | DirectiveName::JkSSLPROTOCOLIndicator | DirectiveName::JkCERTSIndicator
            | DirectiveName::JkCIPHERIndicator | DirectiveName::JkSESSIONIndicator
            | DirectiveName::JkKEYSIZEIndicator | DirectiveName::JkCERTCHAINPrefix => {
                self.indicators.insert(row.name, first.to_owned());
            }
        }
        Ok(())
    }

    /// Takes a variable to forward; of one name in any case the last directive counts.
    fn env_var(&mut self, name: &str, default: Option<&str>, origin: Origin) {
        let begins = |prefix: &&str| {
            name.get(..prefix.len()).is_some_and(|own| own.eq_ignore_ascii_case(prefix))
        };
        // check: attribute-that-tomcat-takes-for-its-own
        if RESERVED.iter().any(begins) {
            let text = format!(
                "JkEnvVar {name}: Tomcat takes an attribute of this name for its own; use another name"
            );
            self.notes.push((text, origin));
        }
        let default = default.filter(|default| !default.is_empty()).map(str::to_owned);
        let known = self.env_vars.iter_mut().find(|(own, _)| own.eq_ignore_ascii_case(name));
        match known {
            Some((_, known)) => *known = default,
            None => self.env_vars.push((name.to_owned(), default)),
        }
    }

    /// Reads leading digits, else 0, as mod_jk does, and says so where that is not all.
    fn seconds(&mut self, directive: &str, word: &str, origin: &Origin) -> u32 {
        let read = crate::config::value::integer(word).and_then(|value| u32::try_from(value).ok());
        let value = read.unwrap_or(0);
        // check: interval-that-is-no-number
        if word.parse() != Ok(value) {
            let instead = crate::config::value::instead(word, ValueKind::Seconds, value.into());
            let text = format!(
                "{directive}: invalid value \"{word}\", expected a whole number of seconds; {value} is used{instead}"
            );
            self.notes.push((text, origin.clone()));
        }
        value
    }

    /// Takes the words of `JkOptions`, with a note about those that have no effect.
    fn set_options(&mut self, words: &str, origin: &Origin) -> Result<(), String> {
        let before = self.options.forward_uri;
        let bare = |word: &str| word.trim_start_matches(['+', '-']).to_ascii_lowercase();
        if let Err(why) = self.options.set(words) {
            let wrong = words.split_whitespace().find(|word| why.contains(&format!("\"{word}\"")));
            let names = OPTIONS.iter().map(|row| row.name);
            return Err(why + &wrong.map_or(String::new(), |word| hint(&bare(word), names)));
        }
        for word in words.split_whitespace().filter(|word| !word.starts_with('-')) {
            // check: option-without-effect
            if bare(word).starts_with("collapseslashes") {
                let text = format!("JkOptions {word} has no effect: slashes are always collapsed");
                self.notes.push((text, origin.clone()));
            }
        }
        let is_mode = |word: &&str| bare(word).starts_with("forwarduri");
        let modes =
            words.split_whitespace().filter(is_mode).count() + usize::from(before.is_some());
        let is_new = self.options.forward_uri != before
            || words.split_whitespace().filter(is_mode).count() > 1;
        // check: two-ways-to-forward-the-uri
        if modes > 1 && is_new {
            let text = "JkOptions: only one ForwardURI option can be set, the last one is used";
            self.notes.push((text.to_owned(), origin.clone()));
        }
        Ok(())
    }

    fn mount(
        &mut self,
        directive: MountDirective,
        first: &str,
        second: Option<&str>,
        context: &Context<'_>,
    ) -> Result<(), String> {
        let words: Vec<_> = std::iter::once(first).chain(second).collect();
        let problems =
            add_directive(&mut self.mounts, directive, &words, context.section, &context.origin)?;
        let worker = words.last().and_then(|word| word.split(';').next()).unwrap_or_default();
        for problem in problems {
            match problem.severity {
                RuleSeverity::Hint => {
                    self.rule_hints.push((worker.to_owned(), problem.text, problem.origin));
                }
                _ => self.notes.push((problem.text, problem.origin)),
            }
        }
        Ok(())
    }

    /// Returns the settings of a virtual host: its own, else the main server's. Mounts are joined
    /// elsewhere, as they follow `JkMountCopy`.
    pub fn merge(base: &Self, over: &Self) -> Self {
        let mut merged = over.clone();
        merged.inherited = base.given.clone();
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
        merged.parking = AsyncSettings::merge(&base.parking, &over.parking);
        merged.strict = over.strict.or(base.strict);
        for (name, variable) in &base.indicators {
            merged.indicators.entry(name).or_insert_with(|| variable.clone());
        }
        for (name, default) in &base.env_vars {
            if !merged.env_vars.iter().any(|(own, _)| own.eq_ignore_ascii_case(name)) {
                merged.env_vars.push((name.clone(), default.clone()));
            }
        }
        if base.mount_copy == Some(MountCopy::All) && over.mount_copy.is_none() {
            merged.mount_copy = Some(MountCopy::On);
        }
        if merged.mount_copy == Some(MountCopy::On) {
            merged.auto_alias = over.auto_alias.clone().or(base.auto_alias.clone());
        }
        merged
    }

    /// Tells whether the request log shows how long requests took.
    pub fn logs_duration(&self) -> bool {
        let wanted = FormatPart::Field(LogField::Duration);
        self.request_log_format.as_ref().is_some_and(|format| format.pieces.contains(&wanted))
    }

    /// Returns the variable a directive names, or the usual one.
    pub fn indicator(&self, directive: &str) -> &str {
        let usual = DIRECTIVES.iter().find(|row| row.name == directive);
        self.indicators.get(directive).map_or(usual.map_or("", |row| row.default), String::as_str)
    }
}

fn on_off(directive: &str, word: &str) -> Result<bool, String> {
    match word.to_ascii_lowercase().as_str() {
        "on" => Ok(true),
        "off" => Ok(false),
        // check: on-or-off
        _ => Err(expected(directive, word, "On or Off")),
    }
}

fn expected(directive: &str, word: &str, what: &str) -> String {
    format!("{directive}: invalid value \"{word}\", expected {what}")
}
