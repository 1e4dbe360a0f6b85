use crate::ajp::{RequestHeader, method_code};
use crate::exchange::ResponseHeader;

#[test]
fn each_method_has_its_code() {
    let methods = "OPTIONS GET HEAD POST PUT DELETE TRACE PROPFIND PROPPATCH MKCOL COPY MOVE LOCK \
                   UNLOCK ACL REPORT VERSION-CONTROL CHECKIN CHECKOUT UNCHECKOUT SEARCH \
                   MKWORKSPACE UPDATE LABEL MERGE BASELINE-CONTROL MKACTIVITY";
    let mut code = 0;
    for method in methods.split_whitespace() {
        code += 1;
        assert_eq!(method_code(method.as_bytes()), Some(code), "{method}");
        assert_eq!(method_code(method.to_lowercase().as_bytes()), None, "{method} in lower case");
        assert_eq!(method_code(format!("{method}X").as_bytes()), None, "{method} with a tail");
        assert_eq!(method_code(&method.as_bytes()[1..]), None, "{method} without its head");
    }
    assert_eq!(code, 27);
    for method in ["PATCH", "CONNECT", "", "Get", "QUERY"] {
        assert_eq!(method_code(method.as_bytes()), None, "{method}");
    }
}

const REQUEST_NAMES: [&str; 14] = [
    "accept",
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "authorization",
    "connection",
    "content-type",
    "content-length",
    "cookie",
    "cookie2",
    "host",
    "pragma",
    "referer",
    "user-agent",
];

const RESPONSE_NAMES: [&str; 11] = [
    "Content-Type",
    "Content-Language",
    "Content-Length",
    "Date",
    "Last-Modified",
    "Location",
    "Set-Cookie",
    "Set-Cookie2",
    "Servlet-Engine",
    "Status",
    "WWW-Authenticate",
];

#[test]
fn each_request_header_has_its_code() {
    for (code, name) in (1..).zip(REQUEST_NAMES) {
        let upper = name.to_uppercase();
        let mixed = upper[..1].to_owned() + &name[1..];
        for spelling in [name, &upper, &mixed] {
            let found = RequestHeader::find(spelling.as_bytes()).map(|header| header as u8);
            assert_eq!(found, Some(code), "{spelling}");
        }
        assert_eq!(RequestHeader::find(format!("{name}x").as_bytes()), None, "{name} with a tail");
        assert_eq!(RequestHeader::find(&name.as_bytes()[1..]), None, "{name} without its head");
    }
    assert_eq!(RequestHeader::find(b""), None);
}

/// Folding by setting a bit would take `\r` for `-` and DEL for `_`.
#[test]
fn only_letters_fold() {
    for name in REQUEST_NAMES {
        for at in 0..name.len() {
            for byte in 0..=255u8 {
                let mut text = name.as_bytes().to_vec();
                text[at] = byte;
                let same = text.eq_ignore_ascii_case(name.as_bytes());
                assert_eq!(
                    RequestHeader::find(&text).is_some(),
                    same,
                    "{name}, byte {byte:#04x} at {at}"
                );
            }
        }
    }
}

#[test]
fn each_response_header_has_its_code() {
    for (code, name) in (1..).zip(RESPONSE_NAMES) {
        let header = ResponseHeader::from_code(code).expect("a code of the table");
        assert_eq!(header.name(), name.as_bytes(), "code {code}");
        for spelling in [name.to_lowercase(), name.to_uppercase(), name.to_owned()] {
            assert_eq!(ResponseHeader::find(spelling.as_bytes()), Some(header), "{spelling}");
        }
        assert_eq!(ResponseHeader::find(format!("{name}x").as_bytes()), None, "{name}");
    }
    for code in [0, 12, 13, 127, 255] {
        assert_eq!(ResponseHeader::from_code(code), None, "code {code}");
    }
    assert_eq!(ResponseHeader::find(b""), None);
    assert_eq!(ResponseHeader::find(b"Set-Cookie3"), None);
}
