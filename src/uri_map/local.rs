//! What becomes of requests that no rule maps: `JkAutoAlias` and `JkStripSession`.

/// Decision of `JkAutoAlias`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AutoAlias {
    /// httpd goes on as if the directive were not there.
    Declined,
    /// Translated to this file name.
    File(Vec<u8>),
    /// Answered with 403.
    Forbidden,
    /// Answered with 404.
    NotFound,
}

/// Decides about `match_uri`, which no rule mapped, with web applications below `dir`.
///
/// `is_dir` says whether a file name is a directory. Security constraints of the application do
/// not apply to what is served this way; the descriptors are refused at any depth, and so are
/// hidden files, since a build leaves its own in there.
pub fn auto_alias(match_uri: &[u8], dir: &[u8], is_dir: impl FnOnce(&[u8]) -> bool) -> AutoAlias {
    let Some(path) = match_uri.strip_prefix(b"/") else { return AutoAlias::Declined };
    if path.is_empty() {
        return AutoAlias::Declined;
    }
    let mut segments = path.split(|b| *b == b'/');
    let context = segments.next().unwrap_or_default();
    if segments.next().is_some_and(is_descriptor) {
        return AutoAlias::NotFound;
    }
    let dir = dir.strip_suffix(b"/").unwrap_or(dir);
    if is_dir(&[dir, b"/", context].concat()) {
        let is_refused = |segment: &[u8]| is_descriptor(segment) || is_hidden(segment);
        return match path.split(|b| *b == b'/').any(is_refused) {
            true => AutoAlias::NotFound,
            false => AutoAlias::File([dir, match_uri].concat()),
        };
    }
    match context.len().checked_sub(4) {
        Some(at) if context[at..].eq_ignore_ascii_case(b".war") => AutoAlias::Forbidden,
        _ => AutoAlias::Declined,
    }
}

/// Removes all path parameters that `identifier` names (`;jsessionid`) from a URI or file name.
///
/// Writes to `out` and returns true if there was one; else leaves `out` alone. The name must be
/// whole: `;jsessionidfoo=1` stays.
pub fn strip_session(uri: &[u8], identifier: &[u8], out: &mut Vec<u8>) -> bool {
    if identifier.is_empty() {
        return false;
    }
    let mut kept = 0;
    for start in memchr::memmem::find_iter(uri, identifier) {
        let behind = &uri[start + identifier.len()..];
        if start < kept || !matches!(behind.first(), None | Some(b'=' | b';' | b'/')) {
            continue;
        }
        if kept == 0 {
            out.clear();
        }
        out.extend_from_slice(&uri[kept..start]);
        let length = memchr::memchr2(b';', b'/', behind).unwrap_or(behind.len());
        kept = start + identifier.len() + length;
    }
    if kept > 0 {
        out.extend_from_slice(&uri[kept..]);
    }
    kept > 0
}

fn is_descriptor(segment: &[u8]) -> bool {
    segment.eq_ignore_ascii_case(b"WEB-INF") || segment.eq_ignore_ascii_case(b"META-INF")
}

fn is_hidden(segment: &[u8]) -> bool {
    // RFC 8615 puts public documents into this one.
    segment.first() == Some(&b'.') && segment != b".well-known"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn section_9_auto_alias() {
        use AutoAlias::{Declined, File, Forbidden, NotFound};

        let file = |name: &str| File(name.into());
        let cases: &[(&str, &str, AutoAlias)] = &[
            ("file", "/app/x.html", file("/srv/app/x.html")),
            ("context", "/app", file("/srv/app")),
            ("context with slash", "/app/", file("/srv/app/")),
            ("hash in the name", "/foo#bar/", file("/srv/foo#bar/")),
            ("root", "/", Declined),
            ("asterisk", "*", Declined),
            ("no such context", "/other/x", Declined),
            ("descriptor", "/app/WEB-INF/web.xml", NotFound),
            ("descriptor, any case", "/app/web-inf", NotFound),
            ("manifest", "/app/Meta-Inf/x", NotFound),
            ("descriptor of no context", "/other/WEB-INF/x", NotFound),
            ("deeper descriptor", "/app/a/WEB-INF/x", NotFound),
            ("deeper, no context", "/other/a/WEB-INF/x", Declined),
            ("hidden", "/app/.git/config", NotFound),
            ("well-known", "/app/.well-known/x", file("/srv/app/.well-known/x")),
            ("archive", "/app.war", Forbidden),
            ("archive, any case", "/APP.War/x", Forbidden),
            ("unpacked archive", "/dir.war/x", file("/srv/dir.war/x")),
            ("short name", "/war", Declined),
        ];
        let dirs: &[&[u8]] = &[b"/srv/app", b"/srv/foo#bar", b"/srv/dir.war"];
        for dir in ["/srv", "/srv/"] {
            for (name, uri, expected) in cases {
                let result = auto_alias(uri.as_bytes(), dir.as_bytes(), |d| dirs.contains(&d));
                assert_eq!(result, *expected, "case: {name}");
            }
        }
    }

    #[test]
    fn section_9_strip_session() {
        let cases: &[(&str, &str, Option<&str>)] = &[
            ("last segment", "/a.html;jsessionid=1.n1", Some("/a.html")),
            ("inner segment", "/a;jsessionid=1/b.html", Some("/a/b.html")),
            ("before another", "/a;jsessionid=1;v=2", Some("/a;v=2")),
            ("all of them", "/a;jsessionid=1/b;jsessionid=2", Some("/a/b")),
            ("without a value", "/a;jsessionid", Some("/a")),
            ("at the start", ";jsessionid=1/a", Some("/a")),
            ("longer name", "/a;jsessionidfoo=1", None),
            ("longer name first", "/a;jsessionidfoo=1;jsessionid=2", Some("/a;jsessionidfoo=1")),
            ("other case", "/a;JSESSIONID=1", None),
            ("nothing", "/a/b", None),
        ];
        for (name, uri, expected) in cases {
            let mut out = b"untouched".to_vec();
            let found = strip_session(uri.as_bytes(), b";jsessionid", &mut out);
            let wanted = expected.unwrap_or("untouched").as_bytes();
            assert_eq!((found, &*out), (expected.is_some(), wanted), "case: {name}");
        }
        assert!(!strip_session(b"/a", b"", &mut Vec::new()));
    }
}
