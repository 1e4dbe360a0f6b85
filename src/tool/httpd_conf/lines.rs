//! Lines and words of httpd.conf, as httpd reads them.

use std::collections::BTreeMap;

/// One directive, possibly written over several lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ConfLine {
    /// Number of the last line, which is the one httpd names.
    pub number: u32,
    /// The text without white space around it.
    pub text: String,
}

/// Splits a file: comments and empty lines go, a backslash at the end joins the next line.
pub(super) fn split(text: &str) -> Vec<ConfLine> {
    let mut lines = Vec::new();
    let mut joined = String::new();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (index, line) in text.lines().enumerate() {
        let number = u32::try_from(index + 1).unwrap_or(u32::MAX);
        if let Some(begun) = line.strip_suffix('\\') {
            joined.push_str(begun);
            continue;
        }
        joined.push_str(line);
        let bare = joined.trim();
        if !bare.is_empty() && !bare.starts_with('#') {
            lines.push(ConfLine { number, text: bare.to_owned() });
        }
        joined.clear();
    }
    lines
}

/// Replaces each `${NAME}` by what `Define` or the environment says; returns the names that
/// are not defined, which stay unchanged.
pub(super) fn substitute(
    text: &str,
    defines: &BTreeMap<String, String>,
    environment: &dyn Fn(&str) -> Option<String>,
) -> (String, Vec<String>) {
    let (mut out, mut rest, mut missing) = (String::new(), text, Vec::new());
    while let Some((before, behind)) = rest.split_once("${") {
        out.push_str(before);
        let Some((name, after)) = behind.split_once('}') else {
            out.push_str("${");
            rest = behind;
            continue;
        };
        match defines.get(name).cloned().or_else(|| environment(name)) {
            Some(value) => out.push_str(&value),
            None => {
                out.push_str(&format!("${{{name}}}"));
                missing.push(name.to_owned());
            }
        }
        rest = after;
    }
    out.push_str(rest);
    (out, missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_joined_and_numbered() {
        let text = "\u{feff}# a\r\n\r\n  One a\r\nTwo b \\\r\n  c\n#x \\\nstill a comment\nThree";
        // A carriage return before the line feed is no backslash at the end.
        let lines = split(&text.replace("\\\r\n", "\\\n"));
        let shown: Vec<_> = lines.iter().map(|own| (own.number, own.text.as_str())).collect();
        assert_eq!(shown, [(3, "One a"), (5, "Two b   c"), (8, "Three")]);
    }

    #[test]
    fn variables() {
        let defines = BTreeMap::from([("A".to_owned(), "1".to_owned())]);
        let environment = |name: &str| (name == "E").then(|| "${A}".to_owned());
        let cases: &[(&str, &str, &[&str])] = &[
            ("x${A}y", "x1y", &[]),
            ("${E}${A}", "${A}1", &[]),
            ("${N}/${A}", "${N}/1", &["N"]),
            ("${open", "${open", &[]),
            ("$A", "$A", &[]),
        ];
        for (text, expected, missing) in cases {
            let (out, names) = substitute(text, &defines, &environment);
            assert_eq!(
                (out.as_str(), names.as_slice()),
                (*expected, &missing.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>()[..]),
                "{text}"
            );
        }
    }
}
