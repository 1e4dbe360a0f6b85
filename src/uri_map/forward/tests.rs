use crate::uri_map::forward::ForwardUri::{Compat, CompatUnparsed, Escaped, Proxy};
use crate::uri_map::forward::*;

/// Forwards `target` as if httpd had only decoded it to `path`.
fn forward(mode: ForwardUri, path: &str, target: &str) -> Result<String, ForwardError> {
    let mut out = b"left over".to_vec();
    forward_uri(mode, path.as_bytes(), Some(target.as_bytes()), &mut out)?;
    Ok(String::from_utf8(out).expect("these cases are text"))
}

#[test]
fn section_4_2_modes() {
    // name, target, httpd's path, then what Proxy, Compat, CompatUnparsed and Escaped forward
    let cases: &[(&str, &str, &str, [&str; 4])] = &[
        ("plain", "/a/b", "/a/b", ["/a/b"; 4]),
        ("blank", "/a/b%20c", "/a/b c", ["/a/b%20c"; 4]),
        ("utf-8", "/%C3%A9", "/é", ["/%C3%A9", "/é", "/%C3%A9", "/%c3%a9"]),
        ("parameter", "/a/b;v=1/c", "/a/b;v=1/c", ["/a/b;v=1/c"; 4]),
        ("encoded semicolon", "/a/b%3Bc", "/a/b;c", ["/a/b%3Bc"; 4]),
        ("both semicolons", "/a%3bc;d", "/a;c;d", ["/a%3bc;d"; 4]),
        ("percent", "/a/b%2541", "/a/b%41", ["/a/b%2541"; 4]),
        ("dots", "/a/x/../b", "/a/b", ["/a/b", "/a/b", "/a/x/../b", "/a/b"]),
        ("slashes", "/a//b", "/a/b", ["/a/b", "/a/b", "/a//b", "/a/b"]),
        ("backslash", "/a%5Cb", "/a\\b", ["/a%5Cb", "/a%5Cb", "/a%5Cb", "/a%5cb"]),
        ("question mark", "/a%3Fb", "/a?b", ["/a%3Fb", "/a%3Fb", "/a%3Fb", "/a%3fb"]),
        ("hash", "/a%23b", "/a#b", ["/a%23b", "/a%23b", "/a%23b", "/a%23b"]),
        ("marks", "/a/!$&'()*+,=:@~-._", "/a/!$&'()*+,=:@~-._", ["/a/!$&'()*+,=:@~-._"; 4]),
        ("brackets", "/a[b]", "/a[b]", ["/a%5Bb%5D", "/a[b]", "/a[b]", "/a%5bb%5d"]),
        ("needless escape", "/%41", "/A", ["/A", "/A", "/%41", "/A"]),
        ("hidden dots", "/a/x/..;/b", "/a/x/..;/b", ["/a/x/..;/b"; 4]),
        ("slash decoded", "/a%2Fb", "/a/b", ["/a/b", "/a/b", "/a%2Fb", "/a/b"]),
        ("slash kept", "/a%2Fb", "/a%2Fb", ["/a%2Fb"; 4]),
        ("slash kept, lower case", "/a%2fb", "/a%2fb", ["/a%2fb"; 4]),
        ("slash escaped twice", "/a%252fb", "/a%2fb", ["/a%252fb"; 4]),
        ("query", "/a?b=c", "/a", ["/a"; 4]),
        ("absolute", "http://h:80/a?q", "/a", ["/a"; 4]),
        ("absolute without a path", "http://h", "/", ["/"; 4]),
        ("rewritten", "/rw/z%3B", "/fake/z;", ["/fake/z;", "/fake/z;", "/rw/z%3B", "/fake/z;"]),
        ("rewritten percent", "/rw", "/a%b", ["/a%25b", "/a%25b", "/rw", "/a%25b"]),
        ("semicolon and slashes", "//a%3Bb", "/a;b", ["/a%3Bb", "/a%3Bb", "//a%3Bb", "/a%3Bb"]),
        (
            "semicolon and dots",
            "/x/%2e%2e/a%3Bb",
            "/a;b",
            ["/a%3Bb", "/a%3Bb", "/x/%2e%2e/a%3Bb", "/a%3Bb"],
        ),
    ];
    for (name, target, path, expected) in cases {
        for (mode, wanted) in [Proxy, Compat, CompatUnparsed, Escaped].into_iter().zip(expected) {
            let forwarded = forward(mode, path, target);
            assert_eq!(forwarded.as_deref(), Ok(*wanted), "case: {name}, {mode:?}");
        }
    }
}

#[test]
fn control_bytes_are_never_forwarded() {
    for byte in (0..0x20).chain([0x7f]) {
        let path = [b'/', byte];
        let mut out = Vec::new();
        let target = format!("/%{byte:02x}");
        assert_eq!(
            forward_uri(Compat, &path, Some(target.as_bytes()), &mut out),
            Err(ForwardError::ControlByte)
        );
        assert_eq!(
            forward_uri(CompatUnparsed, &path, Some(&path), &mut out),
            Err(ForwardError::ControlByte)
        );
        forward_uri(Proxy, &path, None, &mut out).unwrap();
        assert_eq!(out, format!("/%{byte:02X}").as_bytes());
    }
}

#[test]
fn only_a_path_is_forwarded_unparsed() {
    let cases: &[(&str, Option<&str>)] = &[
        ("none", None),
        ("asterisk", Some("*")),
        ("authority", Some("host:80")),
        ("no scheme", Some("://h/a")),
        ("odd scheme", Some("a b://h/a")),
        ("empty", Some("")),
    ];
    for (name, target) in cases {
        let result = forward_uri(CompatUnparsed, b"/a", target.map(str::as_bytes), &mut Vec::new());
        assert_eq!(result, Err(ForwardError::NotAPath), "case: {name}");
    }
}

#[test]
fn what_goes_as_it_is_would_not_be_changed() {
    for mode in [Compat, Escaped, Proxy] {
        for byte in 1..=255 {
            let path = [b'/', byte, b'a'];
            let mut out = Vec::new();
            let result = forward_uri(mode, &path, Some(&path), &mut out);
            if is_forwarded_as_it_is(mode, &path) {
                assert_eq!((result, &out[..]), (Ok(()), &path[..]), "{mode:?} {byte:#x}");
            }
        }
        assert!(is_forwarded_as_it_is(mode, b"/app/a-b_c.d~e/(f)"), "{mode:?}");
        assert!(!is_forwarded_as_it_is(mode, b"/app/a;v=1"), "its spelling decides: {mode:?}");
    }
    assert!(!is_forwarded_as_it_is(CompatUnparsed, b"/app"), "the path decides nothing");
}

#[test]
fn the_usual_path_does_not_allocate() {
    let mut out = Vec::with_capacity(64);
    let before = out.as_ptr();
    forward_uri(Proxy, b"/app/a b;jsessionid=1.n1", Some(b"/app/a%20b;jsessionid=1.n1"), &mut out)
        .unwrap();
    assert_eq!(out, b"/app/a%20b;jsessionid=1.n1");
    assert_eq!(out.as_ptr(), before);
}

#[test]
fn what_the_backend_will_see() {
    use ForwardError::{InvalidEscape, NotAPath};

    let cases: &[(&str, &str, Result<&str, ForwardError>)] = &[
        ("plain", "/a/b?q", Ok("/a/b")),
        ("A57", "/app/x/.;/../admin/x", Ok("/app/admin/x")),
        ("A58", "/app/pub/..;/../other/x", Ok("/other/x")),
        ("encoded dots", "/app/pub/%2e%2e/admin", Ok("/app/admin")),
        ("encoded slash", "/app/pub/..%2fadmin", Ok("/app/admin")),
        ("encoded semicolon is a character", "/app/a%3B/b", Ok("/app/a;/b")),
        ("decoded once", "/a%252e", Ok("/a%2e")),
        ("absolute", "http://h/a//b", Ok("/a/b")),
        ("above", "/..;/a", Err(NotAPath)),
        ("bad digit", "/a%zz", Err(InvalidEscape)),
        ("cut short", "/a%2", Err(InvalidEscape)),
        ("NUL", "/a%00", Err(InvalidEscape)),
        ("asterisk", "*", Err(NotAPath)),
    ];
    for (name, target, expected) in cases {
        let result = decoded_and_cleaned(target.as_bytes());
        assert_eq!(result, expected.map(|path| path.as_bytes().to_vec()), "case: {name}");
    }
}

#[test]
fn dot_segments_with_parameters_are_found() {
    let cases = [
        ("/app/x/.;/../admin", true),
        ("/app/..;a=b/x", true),
        ("/app/%2e%2E;/x", true),
        ("http://h/app/.;/x", true),
        ("/app/x;./../y", false),
        ("/app/...;/x", false),
        ("/app/;/x", false),
        ("/app/a.;/x", false),
        ("/app/..%3b/x", false),
        ("/app/x?.;/", false),
    ];
    for (target, expected) in cases {
        assert_eq!(
            crate::uri_map::forward::hides_dots(target.as_bytes()),
            expected,
            "case: {target}"
        );
    }
}
