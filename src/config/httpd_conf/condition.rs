//! Sections that hold or are left out as a whole: `IfModule`, `IfDefine`, `IfVersion`, `IfFile`.

use super::Reader;

impl Reader<'_> {
    /// Tells whether the content of a section is read; `None` if it is no such section.
    ///
    /// Every module counts as loaded: which ones are is known to httpd only, and a mistake in a
    /// section that is left out today is still one.
    pub(super) fn holds(&self, section: &str, argument: &str) -> Option<bool> {
        let argument = argument.trim();
        let (is_negated, name) = match argument.strip_prefix('!') {
            Some(rest) => (true, rest.trim()),
            None => (false, argument),
        };
        let holds = match section.to_ascii_lowercase().as_str() {
            "ifmodule" => true,
            "ifdefine" => self.defines.contains_key(name),
            "iffile" => self.files.read(&self.rooted(name.trim_matches(['"', '\'']))).is_ok(),
            "ifversion" => return Some(is_version(argument)),
            "ifdirective" | "ifsection" => true,
            _ => return None,
        };
        Some(holds != is_negated)
    }
}

/// Compares with the httpd this was made for; a regular expression counts as true.
fn is_version(argument: &str) -> bool {
    let mut words = argument.split_ascii_whitespace();
    let (operator, version) = match (words.next(), words.next()) {
        (Some(operator), Some(version)) => (operator, version),
        (Some(version), None) => ("=", version),
        _ => return true,
    };
    let mut numbers = version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    let given: Vec<u32> = (0..3).map(|_| numbers.next().unwrap_or(0)).collect();
    let (operator, is_negated) = match operator.strip_prefix('!') {
        Some(rest) => (rest, true),
        None => (operator, false),
    };
    let ordering = HTTPD.as_slice().cmp(&given);
    let holds = match operator {
        "=" | "==" => ordering.is_eq(),
        ">" => ordering.is_gt(),
        ">=" => ordering.is_ge(),
        "<" => ordering.is_lt(),
        "<=" => ordering.is_le(),
        _ => true,
    };
    holds != is_negated
}

/// Any 2.4 that is still in use.
const HTTPD: [u32; 3] = [2, 4, 60];

#[cfg(test)]
mod tests {
    use super::is_version;

    #[test]
    fn versions() {
        let cases = [
            (">= 2.4", true),
            ("< 2.4", false),
            (">= 2.4.10", true),
            ("!>= 2.4", false),
            ("> 2.2", true),
            ("<= 2.2", false),
            ("2.2.34", false),
            ("= /^2\\.4/", false),
            ("~ ^2\\.4", true),
            ("", true),
        ];
        for (argument, expected) in cases {
            assert_eq!(is_version(argument), expected, "{argument}");
        }
    }
}
