//! The version of httpd, as `<IfVersion>` compares it.

use std::fmt;

use regex_lite::Regex;

/// A version of httpd: the one a configuration is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetVersion {
    numbers: [u32; 3],
    /// What stands behind the numbers, such as `-dev`.
    more: String,
}

impl TargetVersion {
    /// Returns the version of the httpd whose headers this was built with.
    pub fn built_for() -> Self {
        // The pure modules are also built alone, without httpd and without the build script.
        option_env!("MOD_JK_HTTPD_VERSION")
            .and_then(Self::parse)
            .unwrap_or(Self { numbers: [2, 4, 0], more: String::new() })
    }

    /// Reads a version: `2.4.71`, `2.4.71-dev`, or a text with `Apache/2.4.71` in it, as `httpd -v`
    /// prints it.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.split("Apache/").nth(1).unwrap_or(text).trim_start();
        let text = text.split([' ', '\n', '(']).next()?;
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let mut parts = text[..end].split('.').map(|part| part.parse().ok());
        let numbers =
            [parts.next()??, parts.next().unwrap_or(Some(0))?, parts.next().unwrap_or(Some(0))?];
        parts.next().is_none().then(|| Self { numbers, more: text[end..].to_owned() })
    }

    /// Tells whether the argument of an `<IfVersion>` holds, as mod_version reads it.
    ///
    /// # Errors
    ///
    /// In words, what httpd refuses as well.
    pub(super) fn satisfies(&self, argument: &str) -> Result<bool, String> {
        let words = crate::tool::httpd_conf::words(argument);
        let (operator, wanted) = match words.as_slice() {
            [] => return Err("expected a version, such as >= 2.4.10".to_owned()),
            [wanted] => ("=", wanted.as_str()),
            [operator, wanted] => (operator.as_str(), wanted.as_str()),
            [..] => {
                return Err(format!("expected an operator and a version, there is \"{argument}\""));
            }
        };
        let (plain, is_negated) = match operator.strip_prefix('!') {
            Some(rest) => (rest, true),
            None => (operator, false),
        };
        let pattern = wanted.strip_prefix('/').and_then(|rest| rest.strip_suffix('/'));
        let holds = match (plain, pattern) {
            ("=" | "==", Some(pattern)) => self.matches(pattern)?,
            ("~", _) => self.matches(wanted)?,
            ("=" | "==", None) => self.numbers == numbers(wanted)?,
            (">", _) => self.numbers > numbers(wanted)?,
            (">=", _) => self.numbers >= numbers(wanted)?,
            ("<", _) => self.numbers < numbers(wanted)?,
            ("<=", _) => self.numbers <= numbers(wanted)?,
            _ => {
                return Err(format!(
                    "unknown operator \"{operator}\", expected =, >, >=, <, <= or ~"
                ));
            }
        };
        Ok(holds != is_negated)
    }

    fn matches(&self, pattern: &str) -> Result<bool, String> {
        let compiled = Regex::new(pattern);
        let compiled = compiled.map_err(|_| format!("\"{pattern}\" is no regular expression"))?;
        Ok(compiled.is_match(&self.to_string()))
    }
}

impl fmt::Display for TargetVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, patch] = self.numbers;
        write!(f, "{major}.{minor}.{patch}{}", self.more)
    }
}

/// Reads `major[.minor[.patch]]`.
fn numbers(text: &str) -> Result<[u32; 3], String> {
    match TargetVersion::parse(text) {
        Some(own) if own.more.is_empty() && !text.contains('/') => Ok(own.numbers),
        _ => Err(format!("\"{text}\" is no version, expected major[.minor[.patch]]")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_as_mod_version_compares_them() {
        let httpd = TargetVersion::parse("2.4.62").expect("a version");
        let cases = [
            (">= 2.4", Ok(true)),
            ("< 2.4", Ok(false)),
            (">= 2.4.62", Ok(true)),
            ("> 2.4.62", Ok(false)),
            (">= 2.4.63", Ok(false)),
            ("<= 2.4.62", Ok(true)),
            ("!>= 2.4", Ok(false)),
            ("> 2.2", Ok(true)),
            ("2.4.62", Ok(true)),
            ("2.4", Ok(false)),
            ("= /^2\\.4/", Ok(true)),
            ("= /^2\\.2/", Ok(false)),
            ("== /^2\\.4\\.6[0-2]$/", Ok(true)),
            ("~ ^2\\.4", Ok(true)),
            ("!~ ^2\\.4", Ok(false)),
            ("~ (^2\\.2|^1)", Ok(false)),
            (">= \"2.4.10\"", Ok(true)),
            ("=> 2.4", Err(())),
            (">= 2.4x", Err(())),
            (">= two", Err(())),
            ("~ (", Err(())),
            ("", Err(())),
            (">= 2.4 2.5", Err(())),
        ];
        for (argument, expected) in cases {
            assert_eq!(httpd.satisfies(argument).map_err(drop), expected, "{argument}");
        }
    }

    #[test]
    fn versions_as_httpd_prints_them() {
        for (text, expected) in [
            ("2.4.71", Some("2.4.71")),
            ("2.4", Some("2.4.0")),
            ("Server version: Apache/2.4.71 (Debian)\nServer built: today\n", Some("2.4.71")),
            ("Server version: Apache/2.5.1-dev (Unix)\n", Some("2.5.1-dev")),
            ("nginx", None),
            ("2.4.7.1", None),
            ("", None),
        ] {
            let own = TargetVersion::parse(text).map(|own| own.to_string());
            assert_eq!(own.as_deref(), expected, "{text}");
        }
    }
}
