//! httpd's directives as a tree, ours and all others: what tells who may come to a path.

use std::borrow::Cow;

/// A directive or a section of httpd's configuration.
#[derive(Clone, Debug, Default)]
pub struct Directive {
    /// Its name as written, `<Location` for a section.
    pub name: String,
    /// The rest of its line.
    pub args: String,
    /// File and line.
    pub place: (String, u32),
    /// What stands in the section.
    pub children: Vec<Directive>,
}

impl Directive {
    /// Tells whether it has this name.
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }
}

/// Returns the addresses of `Listen`.
pub fn listens(tree: &[Directive]) -> Vec<String> {
    let own = tree.iter().filter(|one| one.is("Listen"));
    own.filter_map(|one| words(&one.args).into_iter().next()).collect()
}

/// Returns the addresses of the virtual host that begins at a place.
pub fn addresses_of(tree: &[Directive], file: &str, line: u32) -> Vec<String> {
    let is_it = |one: &&Directive| one.place.0 == file && one.place.1 == line;
    let host = tree.iter().filter(|one| one.is("<VirtualHost")).find(is_it);
    host.map(|one| words(one.args.trim_end_matches('>'))).unwrap_or_default()
}

/// Takes one word off the front: quoted by `"` or `'`, with a backslash before a quote or a
/// backslash, or up to white space.
pub fn word<'t>(rest: &mut &'t str) -> Option<Cow<'t, str>> {
    let text = rest.trim_start();
    let quote = text.chars().next()?;
    if quote != '"' && quote != '\'' {
        let end = text.find(|c: char| c.is_ascii_whitespace()).unwrap_or(text.len());
        *rest = text[end..].trim_start();
        return Some(text[..end].into());
    }
    let mut out = String::new();
    let mut chars = text[1..].char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => match chars.clone().next() {
                Some((_, next)) if next == quote || next == '\\' => {
                    out.push(next);
                    chars.next();
                }
                _ => out.push('\\'),
            },
            _ if c == quote => {
                *rest = text[1 + at + 1..].trim_start();
                return Some(out.into());
            }
            _ => out.push(c),
        }
    }
    *rest = "";
    Some(out.into())
}

/// Returns all words.
pub fn words(mut text: &str) -> Vec<String> {
    std::iter::from_fn(|| word(&mut text).map(Cow::into_owned)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_as_httpd_splits_them() {
        let cases: &[(&str, &[&str])] = &[
            ("a  b\tc", &["a", "b", "c"]),
            ("\"/a b\" w1", &["/a b", "w1"]),
            ("'it''s'", &["it", "s"]),
            (r#""a\"b\\c\d""#, &[r#"a"b\c\d"#]),
            (r"a\b", &[r"a\b"]),
            ("\"open", &["open"]),
            ("\"\" x", &["", "x"]),
            ("   ", &[]),
        ];
        for (text, expected) in cases {
            assert_eq!(words(text), *expected, "{text}");
        }
    }
}
