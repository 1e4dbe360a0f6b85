//! Recipes about what is sent: WebDAV, uploads, large headers.

use std::fs;

use super::backends_or_skip;
use super::site::Recipe;
use crate::support::client::Client;

#[test]
fn webdav() {
    let backends = backends_or_skip!();
    let recipe =
        Recipe::new("recipe-webdav", "webdav", 0, &[("files", backends.port("webdav", 0))]);
    recipe.file("/etc/apache2/files.users", "alice:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n");
    let running = recipe.start();
    let ask = |method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]| {
        let login = ("Authorization", "Basic YWxpY2U6c2VjcmV0");
        let headers = [&[login], headers].concat();
        Client::connect(running.httpd.port).request(method, path, &headers, body)
    };
    assert_eq!(Client::connect(running.httpd.port).get("/files/").status, 401);
    let locked = "<lockinfo xmlns='DAV:'><lockscope><exclusive/></lockscope><locktype><write/></locktype>\
                  <owner>alice</owner></lockinfo>";
    let patch = "<propertyupdate xmlns='DAV:'><set><prop><displayname>x</displayname></prop></set></propertyupdate>";
    let to = |path: &str| format!("http://localhost/files/{path}");
    let (copy, moved) = (to("dir/copy.txt"), to("dir/moved.txt"));
    #[rustfmt::skip]
    let cases: &[(&str, &str, &[(&str, &str)], &str, u16)] = &[
        ("OPTIONS", "/files/", &[], "", 200),
        ("MKCOL", "/files/dir", &[], "", 201),
        ("PUT", "/files/dir/report.txt", &[], "report", 201),
        ("PROPFIND", "/files/dir/", &[("Depth", "1")], "", 207),
        ("PROPPATCH", "/files/dir/report.txt", &[], patch, 207),
        ("COPY", "/files/dir/report.txt", &[("Destination", &copy)], "", 201),
        ("MOVE", "/files/dir/copy.txt", &[("Destination", &moved)], "", 201),
        ("GET", "/files/dir/moved.txt", &[], "", 200),
        ("GET", "/files/dir/copy.txt", &[], "", 404),
        ("LOCK", "/files/dir/report.txt", &[("Depth", "0"), ("Timeout", "Second-60")], locked, 200),
        ("DELETE", "/files/dir/report.txt", &[], "", 423),
    ];
    let mut token = String::new();
    for (method, path, headers, body, status) in cases {
        let response = ask(method, path, headers, body.as_bytes());
        assert_eq!(response.status, *status, "{method} {path}: {}", response.text());
        match (*method, *path) {
            ("OPTIONS", _) => {
                let allow = response.header("Allow").unwrap_or_default();
                assert!(allow.contains("PROPFIND"), "{allow}");
            }
            ("PROPFIND", _) => {
                assert!(response.text().contains("report.txt"), "{}", response.text())
            }
            ("GET", "/files/dir/moved.txt") => assert_eq!(response.text(), "report"),
            ("LOCK", _) => token = response.header("Lock-Token").expect("a token").to_owned(),
            _ => {}
        }
    }
    let headers = [("Lock-Token", token.as_str())];
    assert_eq!(ask("UNLOCK", "/files/dir/report.txt", &headers, b"").status, 204);
    assert_eq!(ask("DELETE", "/files/dir", &[], b"").status, 204);
    assert!(!backends.apps.join("files/dir").exists());
    // The page's own commands, with a file to send and a password to give.
    running.httpd.write("report.pdf", "a report");
    for line in running.commands("curl") {
        let run = running.sh(&line.replace("-u alice", "-f -u alice:secret"));
        assert_eq!(run.code, 0, "{line}: {}", run.text);
    }
    let stored = fs::read_to_string(backends.apps.join("files/report.pdf"));
    assert_eq!(stored.expect("it was stored"), "a report");
}

#[test]
fn uploads() {
    let backends = backends_or_skip!();
    let ports = [("shop", backends.port("uploads", 0))];
    let mut running = Recipe::new("recipe-uploads", "uploads", 0, &ports).start();
    // The page's own command, with fewer bytes: chunked, as their number is not known.
    let commands = running.commands("curl");
    let run =
        running.sh(&commands.concat().replace("100000000", "3000000").replace("curl", "curl -f"));
    assert_eq!(run.code, 0, "{}", run.text);
    let stored = backends.apps.join("shop/upload");
    assert_eq!(fs::read(&stored).expect("it was stored"), vec![0; 3_000_000]);
    // With a length, and back.
    let body: Vec<u8> = (0..1_500_000_u32).map(|number| (number % 251) as u8).collect();
    let ask = |method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]| {
        Client::connect(running.httpd.port).request(method, path, headers, body)
    };
    assert_eq!(ask("PUT", "/shop/upload", &[], &body).status, 204);
    assert_eq!(ask("GET", "/shop/upload", &[], b"").body, body);
    // maxPostSize, 2 MiB there, is no limit for files.
    let head = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x\"\r\n\r\n";
    let file = vec![b'x'; 3_000_000];
    let form = [head.as_bytes(), &file, b"\r\n--b--\r\n"].concat();
    let kind = [("Content-Type", "multipart/form-data; boundary=b")];
    assert_eq!(ask("POST", "/shop/parts", &kind, &form).text(), "file 3000000\n");
    // httpd's own limit, before anything was sent.
    running.httpd.expect("JK-308");
    let mut client = Client::connect(running.httpd.port);
    let large =
        "PUT /shop/upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2147483649\r\n\r\n";
    assert_eq!(client.raw(large.as_bytes(), "PUT").status, 413);
    assert_eq!(fs::read(&stored).expect("it is still there"), body);
}

#[test]
fn large_headers() {
    let backends = backends_or_skip!();
    let ports = [("shop", backends.port("large-headers", 0))];
    let running = Recipe::new("recipe-headers", "large-headers", 0, &ports).start();
    let commands = running.commands("curl").concat();
    assert_eq!(running.sh(&commands).text, "200\n");
    let port = backends.port("large-headers", 0);
    let ping = running.commands("jkctl ping").concat();
    let run = running.sh(&ping.replace("127.0.0.1:8009", &format!("127.0.0.1:{port}")));
    assert_eq!(run.code, 0, "{}", run.text);
}
