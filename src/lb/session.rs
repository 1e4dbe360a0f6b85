//! Session ids and the routes in them.

/// Finds the value of a path parameter such as `;jsessionid`; `name` includes the semicolon.
/// An empty value is none.
pub fn in_path<'a>(uri: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    if name.is_empty() {
        return None;
    }
    memchr::memmem::find_iter(uri, name)
        .filter_map(|at| uri[at + name.len()..].strip_prefix(b"="))
        .map(|rest| {
            let end = rest.iter().position(|byte| matches!(byte, b'?' | b';' | b'/'));
            &rest[..end.unwrap_or(rest.len())]
        })
        .find(|value| !value.is_empty())
}

/// Appends every value of the cookie `name` in one Cookie header to `ids`, separated by `;`.
/// White space around a value and a pair of quotes are no part of it.
pub fn in_cookie(header: &[u8], name: &[u8], ids: &mut Vec<u8>) {
    for cookie in header.split(|byte| matches!(byte, b';' | b',')) {
        let Some(equals) = memchr::memchr(b'=', cookie) else { continue };
        if cookie[..equals].trim_ascii() != name {
            continue;
        }
        let value = cookie[equals + 1..].trim_ascii();
        let value =
            value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value);
        if !value.is_empty() {
            if !ids.is_empty() {
                ids.push(b';');
            }
            ids.extend_from_slice(value);
        }
    }
}

/// Iterates over the routes of session ids: what follows the first dot of each.
pub fn routes(ids: &[u8]) -> impl Iterator<Item = &[u8]> {
    ids.split(|&byte| byte == b';')
        .filter_map(|id| memchr::memchr(b'.', id).map(|dot| &id[dot + 1..]))
        .filter(|route| !route.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s5_1_1_path_parameter() {
        let cases: &[(&str, &[u8], Option<&[u8]>)] = &[
            ("plain", b"/a;jsessionid=X.n1", Some(b"X.n1")),
            ("in a middle segment", b"/a;jsessionid=X.n1/b", Some(b"X.n1")),
            ("before another", b"/a;jsessionid=X.n1;v=1", Some(b"X.n1")),
            ("other name", b"/a;xjsessionid=X.n1", None),
            ("longer name", b"/a;jsessionidx=X.n1", None),
            ("empty at the end", b"/a;jsessionid=", None),
            ("empty, then another", b"/a;jsessionid=/b;jsessionid=Y.n2", Some(b"Y.n2")),
            ("none", b"/a", None),
        ];
        for (name, uri, expected) in cases {
            assert_eq!(in_path(uri, b";jsessionid"), *expected, "case: {name}");
        }
    }

    #[test]
    fn s5_1_2_cookies() {
        let cases: &[(&str, &[u8], &[u8])] = &[
            ("alone", b"JSESSIONID=X.n1", b"X.n1"),
            ("among others", b"a=b; JSESSIONID=X.n1; c=d", b"X.n1"),
            ("blanks", b"JSESSIONID = X.n1 ; x=1", b"X.n1"),
            ("quotes", b"JSESSIONID=\"X.n1\"", b"X.n1"),
            ("twice", b"JSESSIONID=X.n1; JSESSIONID=Y.n2", b"X.n1;Y.n2"),
            ("other case", b"jsessionid=X.n1", b""),
            ("suffix of a name", b"MYJSESSIONID=X.n1", b""),
            ("empty", b"JSESSIONID=", b""),
            ("equals inside", b"JSESSIONID=a=b.n1", b"a=b.n1"),
        ];
        for (name, header, expected) in cases {
            let mut ids = Vec::new();
            in_cookie(header, b"JSESSIONID", &mut ids);
            assert_eq!(ids, *expected, "case: {name}");
        }
    }

    #[test]
    fn s5_2_routes() {
        let all = |ids| routes(ids).collect::<Vec<_>>();
        assert_eq!(all(b"ABC.dom.n3"), [b"dom.n3"]);
        assert_eq!(all(b"nodot;X.n1;Y."), [b"n1"]);
    }
}
