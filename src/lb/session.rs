//! Session ids and the routes in them.

/// Returns the route of the session id that a Set-Cookie header begins, empty if the id has none;
/// `None` for another cookie, or one that is taken back.
pub fn route_of_new<'a>(set_cookie: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let value = value_of(set_cookie.trim_ascii_start(), name)?;
    let end = memchr::memchr(b';', value).unwrap_or(value.len());
    let id = value[..end].trim_ascii();
    let id = id.strip_prefix(b"\"").and_then(|id| id.strip_suffix(b"\"")).unwrap_or(id);
    if id.is_empty() {
        return None;
    }
    Some(memchr::memchr(b'.', id).map_or(&b""[..], |dot| &id[dot + 1..]))
}

/// Finds the value of a path parameter such as `;jsessionid`; `name` includes the semicolon.
/// An empty value is none.
pub fn in_path<'a>(uri: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    // Most paths are short and have no parameter.
    if !uri.contains(name.first()?) {
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

/// Adds every value of the cookie `name` in one Cookie header to `ids`.
/// White space around a value and a pair of quotes are no part of it.
pub fn in_cookie(header: &[u8], name: &[u8], ids: &mut SessionIds) {
    let mut rest = header;
    while !rest.is_empty() {
        let end = memchr::memchr2(b';', b',', rest);
        let cookie = &rest[..end.unwrap_or(rest.len())];
        rest = end.map_or(&[], |end| &rest[end + 1..]);
        let Some(value) = value_of(cookie.trim_ascii_start(), name) else { continue };
        let value = value.trim_ascii();
        let value =
            value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value);
        if !value.is_empty() {
            ids.add(value);
        }
    }
}

/// Returns what stands behind `name=` in a cookie.
fn value_of<'a>(cookie: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    match cookie.strip_prefix(name)? {
        [b'=', value @ ..] => Some(value),
        // White space before the sign is no part of the name.
        rest => rest.trim_ascii_start().strip_prefix(b"="),
    }
}

/// The session ids of one request, separated by `;`. Those of usual length need no memory of
/// their own.
#[derive(Debug)]
pub struct SessionIds {
    short: [u8; SHORT_IDS],
    len: usize,
    /// All of them, once they are too long for `short`.
    long: Vec<u8>,
}

impl SessionIds {
    /// Begins without any.
    pub fn new() -> Self {
        Self { short: [0; SHORT_IDS], len: 0, long: Vec::new() }
    }

    /// Adds one.
    pub fn add(&mut self, id: &[u8]) {
        let separator: &[u8] = if self.as_bytes().is_empty() { b"" } else { b";" };
        for part in [separator, id] {
            let end = self.len + part.len();
            match self.short.get_mut(self.len..end) {
                Some(place) if self.long.is_empty() => {
                    place.copy_from_slice(part);
                    self.len = end;
                }
                _ => {
                    if self.long.is_empty() {
                        self.long.extend_from_slice(&self.short[..self.len]);
                    }
                    self.long.extend_from_slice(part);
                }
            }
        }
    }

    /// Returns them.
    pub fn as_bytes(&self) -> &[u8] {
        if self.long.is_empty() { &self.short[..self.len] } else { &self.long }
    }
}

impl Default for SessionIds {
    fn default() -> Self {
        Self::new()
    }
}

/// Enough for two ids of Tomcat's with their routes.
const SHORT_IDS: usize = 112;

/// Iterates over the routes of session ids: what follows the first dot of each.
pub fn routes(mut ids: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        loop {
            let mark = memchr::memchr2(b'.', b';', ids)?;
            let is_dot = ids[mark] == b'.';
            ids = &ids[mark + 1..];
            if is_dot {
                // Routes are short.
                let end = ids.iter().position(|byte| *byte == b';').unwrap_or(ids.len());
                let route = &ids[..end];
                ids = &ids[end..];
                if !route.is_empty() {
                    return Some(route);
                }
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_session_is_read_from_the_path_parameter() {
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
    fn the_session_is_read_from_cookies() {
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
            let mut ids = SessionIds::new();
            in_cookie(header, b"JSESSIONID", &mut ids);
            assert_eq!(ids.as_bytes(), *expected, "case: {name}");
        }
    }

    #[test]
    fn ids_of_any_length_are_kept() {
        for length in [1, 30, SHORT_IDS - 33, SHORT_IDS - 1, SHORT_IDS, SHORT_IDS + 1, 5000] {
            let (first, second) = (vec![b'a'; 31], vec![b'b'; length]);
            let mut ids = SessionIds::new();
            ids.add(&first);
            ids.add(&second);
            ids.add(b"c");
            let expected = [&first[..], b";", &second, b";c"].concat();
            assert_eq!(ids.as_bytes(), expected, "length {length}");
        }
    }

    #[test]
    fn the_route_of_a_session_that_begins() {
        let cases: &[(&[u8], Option<&[u8]>)] = &[
            (b"JSESSIONID=X.n1; Path=/; HttpOnly", Some(b"n1")),
            (b"JSESSIONID=X.dom.n1", Some(b"dom.n1")),
            (b"JSESSIONID=\"X.n1\"; Path=/", Some(b"n1")),
            (b"JSESSIONID=X; Path=/a.b", Some(b"")),
            (b"JSESSIONID=; Max-Age=0", None),
            (b"OTHER=X.n1", None),
            (b"JSESSIONIDX=X.n1", None),
        ];
        for (header, expected) in cases {
            assert_eq!(route_of_new(header, b"JSESSIONID"), *expected, "{}", header.escape_ascii());
        }
    }

    #[test]
    fn the_route_follows_the_last_dot() {
        let all = |ids| routes(ids).collect::<Vec<_>>();
        assert_eq!(all(b"ABC.dom.n3"), [b"dom.n3"]);
        assert_eq!(all(b"nodot;X.n1;Y."), [b"n1"]);
        assert_eq!(all(b";X.n1;;.n2;Y.;n.o;Z.n3"), [&b"n1"[..], b"n2", b"o", b"n3"]);
        assert_eq!(all(b""), [b""; 0]);
    }
}
