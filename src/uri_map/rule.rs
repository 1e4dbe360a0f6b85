//! One rule: pattern, worker, modifiers and extensions.

use super::pattern;

/// Where a rule comes from; earlier ones win among equals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// The file of `JkMountFile`.
    MountFile,
    /// `JkMount` or `JkUnMount`.
    Directive,
    /// The property `mount` of a worker.
    Worker,
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Compared with the cleaned URI.
    pub pattern: String,
    /// Name of the worker, `*` in an exclusion for all of them.
    pub worker: String,
    /// Whether it takes URIs away from its worker.
    pub is_exclusion: bool,
    /// Whether it is only kept for show.
    pub is_disabled: bool,
    /// Where it comes from.
    pub source: Source,
    /// File and line.
    pub origin: String,
    /// What holds for its requests.
    pub extensions: Extensions,
    is_wildcard: bool,
}

/// What a rule sets for its requests, `;name=value` behind the worker.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)] // named after the extensions
pub struct Extensions {
    /// Milliseconds; 0 is no limit, and a negative number leaves the worker's.
    pub reply_timeout: Option<i32>,
    pub sticky_ignore: bool,
    pub stateless: bool,
    pub active: Vec<String>,
    pub disabled: Vec<String>,
    pub stopped: Vec<String>,
    pub fail_on_status: Vec<i32>,
    /// Statuses from here on get httpd's own error page; 0 is none.
    pub use_server_errors: u16,
    pub session_cookie: Option<String>,
    pub session_path: Option<String>,
    pub set_session_cookie: bool,
    pub session_cookie_path: Option<String>,
}

impl Rule {
    /// Tells whether the rule's pattern matches a cleaned URI.
    pub fn matches(&self, uri: &[u8]) -> bool {
        match self.is_wildcard {
            true => pattern::matches(self.pattern.as_bytes(), uri),
            false => self.pattern.as_bytes() == uri,
        }
    }
}

/// Makes the one or two rules of a line: `X|Y` stands for `X` and `XY`. Returns warnings with
/// them.
///
/// # Errors
///
/// If the pattern cannot be one.
pub fn split(
    pattern: &str,
    worker: &str,
    source: Source,
    origin: &str,
) -> Result<(Vec<Rule>, Vec<String>), String> {
    let (rest, is_disabled) = modifier(pattern, '-');
    let (rest, is_exclusion) = modifier(rest, '!');
    // Both orders mean the same.
    let (rest, is_disabled) = match modifier(rest, '-') {
        (behind, true) if is_exclusion && !is_disabled => (behind, true),
        _ => (rest, is_disabled),
    };
    let mut warnings = Vec::new();
    let star;
    let rest = match rest.starts_with('*') {
        true => {
            warnings.push(format!("pattern \"{pattern}\" begins with *, taken as \"/{rest}\""));
            star = format!("/{rest}");
            star.as_str()
        }
        false => rest,
    };
    if !rest.starts_with('/') {
        return Err(format!(
            "invalid pattern \"{pattern}\", expected / behind an optional - and !"
        ));
    }
    let mut tokens = worker.split(';');
    let name = tokens.next().unwrap_or_default().trim();
    if name.is_empty() {
        return Err(format!("pattern \"{pattern}\" names no worker"));
    }
    let extensions = extensions(tokens, &mut warnings);
    let rule = |pattern: String| Rule {
        is_wildcard: pattern.contains(['*', '?']),
        pattern,
        worker: name.to_owned(),
        is_exclusion,
        is_disabled,
        source,
        origin: origin.to_owned(),
        extensions: extensions.clone(),
    };
    let rules = match rest.split_once('|') {
        Some((first, more)) => {
            if more.contains('|') {
                warnings.push(format!("pattern \"{pattern}\" has a second |, which is literal"));
            }
            vec![rule(first.to_owned()), rule(format!("{first}{more}"))]
        }
        None => vec![rule(rest.to_owned())],
    };
    Ok((rules, warnings))
}

fn modifier(text: &str, letter: char) -> (&str, bool) {
    text.strip_prefix(letter).map_or((text, false), |rest| (rest, true))
}

fn extensions<'a>(
    mut tokens: impl Iterator<Item = &'a str>,
    warnings: &mut Vec<String>,
) -> Extensions {
    let mut all = Extensions::default();
    let list = |value: &str| {
        let words = value.split([',', ' ', '\t']).filter(|word| !word.is_empty());
        words.map(str::to_owned).collect::<Vec<_>>()
    };
    while let Some(token) = tokens.next() {
        let token = token.trim();
        if token.is_empty() {
            continue;
        }
        let (name, value) = token.split_once('=').unwrap_or((token, ""));
        let (name, value) = (name.trim(), value.trim());
        let mut number = || {
            value.parse::<i32>().unwrap_or_else(|_| {
                warnings.push(format!("{name}: invalid value \"{value}\", expected a number"));
                0
            })
        };
        match name {
            "reply_timeout" => all.reply_timeout = Some(number()),
            "sticky_ignore" => all.sticky_ignore = number() != 0,
            "stateless" => all.stateless = number() != 0,
            "use_server_errors" => all.use_server_errors = u16::try_from(number()).unwrap_or(0),
            "active" => all.active = list(value),
            "disabled" => all.disabled = list(value),
            "stopped" => all.stopped = list(value),
            "fail_on_status" => {
                all.fail_on_status =
                    list(value).iter().filter_map(|word| word.parse().ok()).collect();
            }
            "session_cookie" => all.session_cookie = Some(value.to_owned()),
            // The identifier itself usually begins with the semicolon that ends tokens.
            "session_path" if value.is_empty() => {
                all.session_path = tokens.next().map(|rest| format!(";{}", rest.trim()));
            }
            "session_path" => all.session_path = Some(value.to_owned()),
            "set_session_cookie" => all.set_session_cookie |= number() != 0,
            "session_cookie_path" => all.session_cookie_path = Some(value.to_owned()),
            _ => warnings.push(format!("unknown rule extension \"{token}\" ignored")),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s1_1_modifiers() {
        let cases: &[(&str, Option<(bool, bool, &str)>)] = &[
            ("/a", Some((false, false, "/a"))),
            ("-/a", Some((true, false, "/a"))),
            ("!/a", Some((false, true, "/a"))),
            ("-!/a", Some((true, true, "/a"))),
            ("!-/a", Some((true, true, "/a"))),
            ("*.jsp", Some((false, false, "/*.jsp"))),
            ("!!/a", None),
            ("! /a", None),
            ("a", None),
            ("", None),
        ];
        for (pattern, expected) in cases {
            let rules = split(pattern, "w", Source::MountFile, "").map(|(rules, _)| rules);
            let got = rules.as_ref().ok().and_then(|rules| rules.first());
            let got = got.map(|rule| (rule.is_disabled, rule.is_exclusion, rule.pattern.as_str()));
            assert_eq!(got, *expected, "{pattern}");
        }
    }

    #[test]
    fn s8_extensions() {
        let text = "w;reply_timeout=500;disabled=a,b;session_path=;sid;stateless=1;bogus=2;";
        let (rules, warnings) = split("/a", text, Source::MountFile, "").expect("valid");
        let extensions = &rules[0].extensions;
        assert_eq!(extensions.reply_timeout, Some(500));
        assert_eq!(extensions.disabled, ["a", "b"]);
        assert_eq!(extensions.session_path.as_deref(), Some(";sid"));
        assert!(extensions.stateless);
        assert_eq!(warnings, ["unknown rule extension \"bogus=2\" ignored"]);
    }
}
