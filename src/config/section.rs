//! The section of httpd.conf that a directive stands in.

/// The section a directive stands in, as far as it matters to rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section<'a> {
    /// None, or only a virtual host.
    Server,
    /// `<Location path>`; the path is the pattern, whatever the section itself would match.
    Location(&'a str),
    /// Any other section: its name, and its argument as httpd has stored it.
    Other(&'a str, &'a str),
    /// `Limit` or `LimitExcept` in another section, of which name and argument follow.
    Limited(&'a str, &'a str, &'a str),
}

impl<'a> Section<'a> {
    /// Finds it. `outer` are the open sections, names with their arguments, the innermost first;
    /// `path` is what httpd has stored for the innermost one that stores anything.
    pub fn inside(
        outer: impl IntoIterator<Item = (&'a str, &'a str)>,
        path: Option<&'a str>,
    ) -> Self {
        let Some(path) = path else { return Self::Server };
        let mut limit = None;
        for (name, argument) in outer {
            let is_regex = argument.trim_start().starts_with('~');
            let known = SECTIONS.iter().find(|own| own.eq_ignore_ascii_case(name)).copied();
            let Some(known) = known else { continue };
            let kind = match known {
                own @ ("Limit" | "LimitExcept") => {
                    limit.get_or_insert(own);
                    continue;
                }
                // `<Location ~ …>` is another way to write LocationMatch, and so on.
                "Location" if is_regex => "LocationMatch",
                "Directory" if is_regex => "DirectoryMatch",
                "Files" if is_regex => "FilesMatch",
                "Proxy" if is_regex => "ProxyMatch",
                own => own,
            };
            return match limit {
                Some(limit) => Self::Limited(limit, kind, path),
                None if kind == "Location" => Self::Location(path),
                None => Self::Other(kind, path),
            };
        }
        Self::Location(path)
    }

    /// Returns what httpd has stored, for a section that stores anything.
    pub fn path(self) -> Option<&'a str> {
        match self {
            Self::Server => None,
            Self::Location(path) | Self::Other(_, path) | Self::Limited(_, _, path) => Some(path),
        }
    }

    /// Returns the name of the section whose path counts.
    pub fn kind(self) -> &'a str {
        match self {
            Self::Server => "VirtualHost",
            Self::Location(_) => "Location",
            Self::Other(kind, _) | Self::Limited(_, kind, _) => kind,
        }
    }
}

/// Returns the path httpd stores for a section, `None` for one that stores nothing.
pub fn stored_path(name: &str, words: &[String]) -> Option<String> {
    let first = words.first().map_or("", String::as_str);
    let is_regex = first == "~";
    let path = if is_regex { words.get(1).map_or("", String::as_str) } else { first };
    match name.to_ascii_lowercase().as_str() {
        // Directory names end in a slash inside httpd.
        "directory" if !is_regex && !path.ends_with('/') => Some(format!("{path}/")),
        "location" | "locationmatch" | "directory" | "directorymatch" | "files" | "filesmatch"
        | "proxy" | "proxymatch" => Some(path.to_owned()),
        "if" | "elseif" | "else" => Some("*If".to_owned()),
        _ => None,
    }
}

/// Names as httpd's manual spells them.
const SECTIONS: &[&str] = &[
    "Location",
    "LocationMatch",
    "Directory",
    "DirectoryMatch",
    "Files",
    "FilesMatch",
    "Proxy",
    "ProxyMatch",
    "If",
    "ElseIf",
    "Else",
    "Limit",
    "LimitExcept",
];

#[cfg(test)]
mod tests {
    use super::Section::{self, Limited, Location, Other, Server};
    use super::stored_path;

    #[test]
    fn the_section_is_named_whose_path_counts() {
        type Case =
            (&'static [(&'static str, &'static str)], Option<&'static str>, Section<'static>);
        let cases: &[Case] = &[
            (&[], None, Server),
            (&[("VirtualHost", "*:80")], None, Server),
            (&[("location", "/a")], Some("/a"), Location("/a")),
            (&[("Location", "~ ^/a")], Some("^/a"), Other("LocationMatch", "^/a")),
            (&[("If", "true"), ("Location", "/a")], Some("*If"), Other("If", "*If")),
            (&[("Files", "~ x")], Some("x"), Other("FilesMatch", "x")),
            (
                &[("Limit", "GET"), ("Location", "/a")],
                Some("/a"),
                Limited("Limit", "Location", "/a"),
            ),
            (
                &[("Limit", "GET"), ("LimitExcept", "GET"), ("Directory", "/a")],
                Some("/a/"),
                Limited("Limit", "Directory", "/a/"),
            ),
        ];
        for (outer, path, expected) in cases {
            assert_eq!(Section::inside(outer.iter().copied(), *path), *expected, "{outer:?}");
        }
    }

    #[test]
    fn paths_as_httpd_stores_them() {
        let cases: &[(&str, &[&str], Option<&str>)] = &[
            ("Location", &["/a"], Some("/a")),
            ("Location", &["~", "^/a"], Some("^/a")),
            ("Directory", &["/a"], Some("/a/")),
            ("Directory", &["~", "/a"], Some("/a")),
            ("DirectoryMatch", &["/a"], Some("/a")),
            ("Proxy", &["*"], Some("*")),
            ("IF", &["true"], Some("*If")),
            ("Else", &[], Some("*If")),
            ("Limit", &["GET"], None),
            ("RequireAll", &[], None),
            ("VirtualHost", &["*:80"], None),
        ];
        for (name, words, expected) in cases {
            let words: Vec<_> = words.iter().map(|own| (*own).to_owned()).collect();
            assert_eq!(stored_path(name, &words).as_deref(), *expected, "{name} {words:?}");
        }
    }
}
