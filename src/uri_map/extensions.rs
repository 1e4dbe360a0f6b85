//! Rule extensions: the `;name=value` tail of a worker name.
//!
//! Reading is as lenient as it always was (a number is its leading digits, else 0), but whatever
//! was not understood is reported.

use std::time::Duration;

use crate::text;
use crate::uri_map::problem::{Origin, Problem, printable};

/// What a rule changes for the requests it maps. The default changes nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extensions {
    /// Longest wait between two packets of a response, written in milliseconds. `None` leaves it
    /// to the worker; zero waits forever.
    pub reply_timeout: Option<Duration>,
    /// Ignores the session when a balancer member is chosen.
    pub sticky_ignore: bool,
    /// Keeps the request out of the session count and the load values.
    pub stateless: bool,
    /// Members that are active for this rule.
    pub active: Vec<String>,
    /// Members that are disabled for this rule.
    pub disabled: Vec<String>,
    /// Members that are stopped for this rule.
    pub stopped: Vec<String>,
    /// Replaces the worker's list; a negative status fails softly.
    pub fail_on_status: Option<Vec<i32>>,
    /// httpd's own error page replaces responses of this status and above; 0 is off.
    pub use_server_errors: i32,
    /// Cookie that carries the session id.
    pub session_cookie: Option<String>,
    /// Path parameter that carries the session id.
    pub session_path: Option<String>,
    /// Makes the balancer set its own session cookie.
    pub set_session_cookie: bool,
    /// Path of that cookie.
    pub session_cookie_path: Option<String>,
}

/// What a rule makes of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleActivation {
    /// Takes all requests.
    Active,
    /// Takes only requests of its own sessions.
    Disabled,
    /// Takes nothing.
    Stopped,
}

impl Extensions {
    /// Parses the tokens behind the worker's name, `a=1;b=2`.
    pub fn parse(text: &str, origin: &Origin, problems: &mut Vec<Problem>) -> Self {
        let mut reader = ExtensionReader { extensions: Extensions::default(), origin, problems };
        let mut tokens = text.split(';').map(str::trim).filter(|token| !token.is_empty());
        while let Some(token) = tokens.next() {
            let Some((name, value)) = token.split_once('=') else {
                reader.warn(format!("rule extension \"{token}\" has no value, it is ignored"));
                continue;
            };
            let (name, mut value) = (text::trim(name), text::trim(value));
            // `session_path=;id` is how an identifier with its semicolon is written.
            if name == "session_path" && value.is_empty() {
                value = tokens.next().unwrap_or("");
            }
            reader.set(name, value);
        }
        reader.check_members();
        reader.extensions
    }

    /// Returns what this rule makes of `member`, or `None` when it leaves it alone.
    pub fn activation(&self, member: &str) -> Option<RuleActivation> {
        let named = |list: &[String]| list.iter().any(|name| name == member);
        // Evaluated in the order active, disabled, stopped; the last one stands.
        if named(&self.stopped) {
            Some(RuleActivation::Stopped)
        } else if named(&self.disabled) {
            Some(RuleActivation::Disabled)
        } else if named(&self.active) {
            Some(RuleActivation::Active)
        } else {
            None
        }
    }

    /// Returns all members that the rule names.
    pub fn members(&self) -> impl Iterator<Item = &str> {
        self.active.iter().chain(&self.disabled).chain(&self.stopped).map(String::as_str)
    }

    /// Returns the name of an extension that means nothing to a worker that is no balancer.
    pub fn for_balancers_only(&self) -> Option<&'static str> {
        match self {
            Extensions { active, .. } if !active.is_empty() => Some("active"),
            Extensions { disabled, .. } if !disabled.is_empty() => Some("disabled"),
            Extensions { stopped, .. } if !stopped.is_empty() => Some("stopped"),
            Extensions { session_cookie: Some(_), .. } => Some("session_cookie"),
            Extensions { session_path: Some(_), .. } => Some("session_path"),
            Extensions { set_session_cookie: true, .. } => Some("set_session_cookie"),
            Extensions { session_cookie_path: Some(_), .. } => Some("session_cookie_path"),
            _ => None,
        }
    }
}

struct ExtensionReader<'r> {
    extensions: Extensions,
    origin: &'r Origin,
    problems: &'r mut Vec<Problem>,
}

impl ExtensionReader<'_> {
    fn set(&mut self, name: &str, value: &str) {
        match name {
            "reply_timeout" => {
                let ms = self.number(name, value);
                self.extensions.reply_timeout = u64::try_from(ms).ok().map(Duration::from_millis);
            }
            "sticky_ignore" => self.extensions.sticky_ignore = self.number(name, value) != 0,
            "stateless" => self.extensions.stateless = self.number(name, value) != 0,
            "set_session_cookie" => {
                self.extensions.set_session_cookie |= self.number(name, value) != 0;
            }
            "use_server_errors" => {
                self.extensions.use_server_errors = self.number(name, value);
            }
            "active" | "disabled" | "stopped" => self.set_members(name, value),
            "fail_on_status" => match self.extensions.fail_on_status {
                Some(_) => self.warn_repeated(name),
                None => {
                    let list = words(value).map(|word| self.number(name, word)).collect();
                    self.extensions.fail_on_status = Some(list);
                }
            },
            "session_cookie" | "session_path" | "session_cookie_path" => {
                self.set_string(name, value);
            }
            // check: unknown-rule-extension
            _ => self.warn(format!("unknown rule extension \"{name}\", it is ignored")),
        }
    }

    fn set_members(&mut self, name: &str, value: &str) {
        let list = match name {
            "active" => &mut self.extensions.active,
            "disabled" => &mut self.extensions.disabled,
            _ => &mut self.extensions.stopped,
        };
        if !list.is_empty() {
            return self.warn_repeated(name);
        }
        list.extend(words(value).map(String::from));
        if list.is_empty() {
            self.warn(format!("rule extension \"{name}\" names no member, it is ignored"));
        }
    }

    fn set_string(&mut self, name: &str, value: &str) {
        let slot = match name {
            "session_cookie" => &mut self.extensions.session_cookie,
            "session_path" => &mut self.extensions.session_path,
            _ => &mut self.extensions.session_cookie_path,
        };
        match (slot.is_some(), value) {
            (true, _) => self.warn_repeated(name),
            (false, "") => {
                self.warn(format!("rule extension \"{name}\" has no value, it is ignored"));
            }
            (false, _) => *slot = Some(value.to_owned()),
        }
    }

    fn check_members(&mut self) {
        let members: Vec<String> = self.extensions.members().map(String::from).collect();
        for (n, member) in members.iter().enumerate() {
            if members[..n].contains(member) {
                self.warn(format!(
                    "member \"{member}\" is named twice, \
                     of active, disabled and stopped the last one counts"
                ));
            }
        }
    }

    fn number(&mut self, name: &str, value: &str) -> i32 {
        // check: rule-extension-without-a-number
        if let Ok(number) = value.parse() {
            return number;
        }
        let (sign, digits) = match value.strip_prefix('-') {
            Some(digits) => (-1, digits),
            None => (1, value.strip_prefix('+').unwrap_or(value)),
        };
        let end = digits.bytes().position(|b| !b.is_ascii_digit()).unwrap_or(digits.len());
        let number = match digits[..end].parse::<i64>() {
            Ok(number) => (sign * number).clamp(i32::MIN.into(), i32::MAX.into()) as i32,
            // Only too many digits fail here, apart from none at all.
            Err(_) if end > 0 => {
                if sign < 0 {
                    i32::MIN
                } else {
                    i32::MAX
                }
            }
            Err(_) => 0,
        };
        self.warn(format!(
            "rule extension \"{name}\": invalid value \"{value}\", \
             expected a whole number, using {number}"
        ));
        number
    }

    fn warn_repeated(&mut self, name: &str) {
        self.warn(format!("rule extension \"{name}\" is repeated, the first one counts"));
    }

    fn warn(&mut self, text: String) {
        // Names and values are the file's: no control byte of theirs may reach a terminal.
        self.problems.push(Problem::warning(self.origin, printable(&text::raw(&text))));
    }
}

fn words(value: &str) -> impl Iterator<Item = &str> {
    value.split([',', ' ', '\t']).filter(|word| !word.is_empty())
}
