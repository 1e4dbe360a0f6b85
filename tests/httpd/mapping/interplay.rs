//! Beside httpd's other modules: who decides where several of them want a request, and what a
//! request that httpd sends on by itself brings along.

use crate::setups::compiled;
use crate::support::backend::{Backend, Reply, Request, chunk_packet, echo, end, head, ok};
use crate::support::client::Client;
use crate::support::httpd::{Httpd, Setup, load};

/// Two workers, and a third where no process listens; `modules` are loaded behind ours.
fn prepare(name: &str, ports: [u16; 2], modules: &[&str], config: &str) -> Httpd {
    let workers = format!(
        "worker.list=w,v,dead\nworker.w.host=127.0.0.1\nworker.w.port={}\nworker.v.host=127.0.0.1\n\
         worker.v.port={}\nworker.dead.host=127.0.0.1\nworker.dead.port={}\n",
        ports[0],
        ports[1],
        crate::support::free_port()
    );
    let config = format!(
        "{}<Directory @DIR@/htdocs>\nRequire all granted\nOptions +FollowSymLinks +Includes\n</Directory>\n{config}",
        load(modules)
    );
    let httpd = Setup { name, mpm: "event", config: &config, workers: &workers }.prepare();
    for dir in ["app", "d2", "d3", "other"] {
        std::fs::create_dir_all(httpd.dir.join("htdocs").join(dir)).expect("a directory");
    }
    httpd
}

/// Sends a body to a host and then asks for a page over the same connection.
fn post(httpd: &Httpd, host: &str, path: &str, body: &[u8]) -> (u16, String) {
    let mut client = Client::connect(httpd.port);
    let length = body.len();
    let head = format!("POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\n\r\n");
    let response = client.raw(&[head.as_bytes(), body].concat(), "POST");
    // httpd hangs up after some errors, and says so.
    if response.header("Connection") == Some("close") {
        assert_eq!(response.status, 503, "{host} {path}");
        return (response.status, response.text());
    }
    let next = format!("GET /app/next HTTP/1.1\r\nHost: {host}\r\n\r\n");
    let next = client.raw(next.as_bytes(), "GET");
    assert_eq!(next.text(), "w GET /app/next 0", "{host} {path}: the connection goes on");
    (response.status, response.text())
}

#[test]
fn rewriting_for_a_server_comes_before_mapping() {
    let (w, v) = (Backend::start(echo("w")), Backend::start(echo("v")));
    let mut httpd = prepare("rewrite-server", [w.port, v.port], &["rewrite"], "");
    httpd.host(
        "h",
        "JkMount /app/* w\nRewriteEngine On\nRewriteRule ^/old/(.*)$ /app/$1 [PT]\n\
         RewriteRule ^/away/(.*)$ /app/$1\nRewriteRule ^/app/lost$ /page.html\n\
         RewriteRule ^/app/refused - [F]\nRewriteRule ^/app/gone - [G]\n\
         RewriteRule ^/app/moved /elsewhere [R=301]\nRewriteRule ^/app/taken$ /page.html [PT]\n\
         RewriteRule ^/app/here - [E=no-jk:1]\nRewriteRule ^/app/seen - [E=SEEN:1]\n\
         RewriteRule ^/named - [H=jakarta-servlet,E=JK_WORKER_NAME:v]\n\
         RewriteRule ^/only-named - [E=JK_WORKER_NAME:v]\nJkEnvVar SEEN\n",
    );
    httpd.write("htdocs/page.html", "a page");
    httpd.write("htdocs/app/here", "from httpd");
    // Without [PT] the path was rewritten for nothing, which is said.
    httpd.expect("JK-209");
    httpd.launch();
    httpd.check(&[
        ("h", "/old/x?q=1", 200, "w GET /app/x 0"),
        ("h", "/away/x", 404, ""),
        ("h", "/app/lost", 200, "w GET /app/lost 0"),
        ("h", "/app/refused", 403, ""),
        ("h", "/app/gone", 410, ""),
        ("h", "/app/moved", 301, ""),
        ("h", "/app/taken", 200, "a page"),
        ("h", "/app/here", 200, "from httpd"),
        ("h", "/named/x", 200, "v GET /named/x 0"),
        ("h", "/only-named", 404, ""),
        ("h", "/app/seen", 200, "w GET /app/seen 0"),
    ]);
    assert_eq!(w.last().attribute("SEEN"), Some("1"));
    assert_eq!(post(&httpd, "h", "/old/x", b"12345"), (200, "w POST /app/x 5".to_owned()));
    let log = httpd.log("jk.log");
    assert_eq!(log.matches("JK-209").count(), 1, "{log}");
    assert!(log.contains("JK-209 GET /app/lost: ") && log.contains("[PT]"), "{log}");
}

#[test]
fn rewriting_in_a_directory_maps_the_new_path_and_keeps_the_body() {
    let (w, v) = (Backend::start(echo("w")), Backend::start(echo("v")));
    let mut httpd = prepare("rewrite-directory", [w.port, v.port], &["rewrite", "actions"], "");
    httpd.host(
        "h",
        "JkMount /app/* w\nScript POST /app/action\n<Directory @DIR@/htdocs>\nRewriteEngine On\nRewriteRule ^from/(.*)$ /app/$1\n\
         RewriteRule ^named - [H=jakarta-servlet,E=JK_WORKER_NAME:v]\n</Directory>\n",
    );
    httpd.write("htdocs/d2/x", "a file");
    httpd.launch();
    httpd.check(&[
        ("h", "/from/x", 200, "w GET /app/x 0"),
        ("h", "/named/x", 200, "v GET /named/x 0"),
    ]);
    let body = vec![b'x'; 100_000];
    let sent = |path: &str| post(&httpd, "h", path, &body);
    assert_eq!(sent("/from/x"), (200, "w POST /app/x 100000".to_owned()));
    // mod_actions sends on as well.
    assert_eq!(sent("/d2/x"), (200, "w POST /app/action/d2/x 100000".to_owned()));
    let chunked = "POST /from/x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    let response = Client::connect(httpd.port).raw(chunked.as_bytes(), "POST");
    assert_eq!(response.text(), "w POST /app/x 5");
}

#[test]
fn a_mount_beats_an_alias_and_a_redirect_a_mount_in_either_order() {
    for order in ["before", "behind"] {
        let (w, v) = (Backend::start(echo("w")), Backend::start(echo("v")));
        let mut modules = vec!["status", "proxy", "proxy_http"];
        if order == "behind" {
            modules.push("alias");
        }
        let name = format!("alias-{order}");
        let mut httpd = prepare(&name, [w.port, v.port], &modules, "");
        if order == "before" {
            let own = "LoadModule jk_module";
            let text = httpd.log("httpd.conf").replace(own, &(load(&["alias"]) + own));
            httpd.write("httpd.conf", &text);
        }
        let own = format!(
            "ProxyPass /all/not !\nProxyPass /all/proxied http://127.0.0.1:{}/other/page.html\n",
            httpd.port
        );
        httpd.host(
            "h",
            &(own
                + "Alias /app @DIR@/htdocs/other\nJkMount /app/*.jsp w\nJkMount /all/* w\n\
             Redirect /all/away http://elsewhere/\nRedirectMatch 410 ^/all/gone$\n\
             <Location /all/section>\nRedirect /all/section http://elsewhere/\n</Location>\n\
             <Location /all/status>\nSetHandler server-status\n</Location>\n\
             <Location /all/none>\nSetHandler none\n</Location>\n"),
        );
        httpd.write("htdocs/other/page.html", "aliased");
        httpd.write("htdocs/other/page.jsp", "<% source %>");
        httpd.launch();
        httpd.check(&[
            ("h", "/app/page.html", 200, "aliased"),
            ("h", "/app/page.jsp", 200, "w GET /app/page.jsp 0"),
            ("h", "/all/x", 200, "w GET /all/x 0"),
            ("h", "/all/away/x", 302, ""),
            ("h", "/all/gone", 410, ""),
            ("h", "/all/section", 302, ""),
            ("h", "/all/proxied", 200, "aliased"),
            ("h", "/all/not", 200, "w GET /all/not 0"),
            ("h", "/all/none", 200, "w GET /all/none 0"),
        ]);
        let status = httpd.ask("h", "/all/status?auto", "").text();
        assert!(status.contains("ServerUptime"), "{order}: SetHandler wins: {status}");
    }
}

#[test]
fn a_directory_and_its_index_go_to_the_same_worker() {
    let w = Backend::start(echo("w"));
    let v = Backend::start(|request| match request.uri.as_str() {
        "/other/" => Reply::Bytes([head(404, &[]), chunk_packet(b"v's"), end(true)].concat()),
        _ => echo("v")(request),
    });
    let mut httpd =
        prepare("directory-index", [w.port, v.port], &[], "DirectoryIndex index.jsp index.html\n");
    httpd.host("index", "JkMount /*.jsp w");
    httpd.host("usual", "JkMount /*.jsp v");
    httpd.host("extended", "JkMount /*.jsp v;use_server_errors=400");
    httpd.host("root", "JkMount / w\nJkMount /d3/ v");
    httpd.host("all", "JkMount /* w\nJkUnMount /*.html w");
    httpd.host("except", "JkMount /* w\nJkUnMount /d2|/* w");
    httpd.write("htdocs/d2/index.html", "static");
    httpd.launch();
    httpd.check(&[
        ("index", "/d2/", 200, "static"),
        ("index", "/d3/", 200, "w GET /d3/ 0"),
        ("index", "/nodir/", 404, ""),
        ("usual", "/other/", 404, "v's"),
        ("extended", "/other/", 404, "<!DOCTYPE"),
        ("root", "/", 200, "w GET / 0"),
        ("root", "/d3/", 200, "v GET /d3/ 0"),
        ("all", "/", 200, "w GET / 0"),
        ("all", "/d2/", 200, "w GET /d2/ 0"),
        ("all", "/d3", 200, "w GET /d3 0"),
        ("except", "/d2/", 200, "static"),
    ]);
    for (host, path) in [("index", "/d3"), ("root", "/d3"), ("except", "/d2")] {
        let response = httpd.ask(host, path, "");
        assert_eq!(response.status, 301, "{host} {path}");
        let to = response.header("Location").expect("where to");
        assert!(to.ends_with(&format!("{path}/")), "{host} {path}: {to}");
    }
}

#[test]
fn parts_of_a_page_are_requests_without_a_body() {
    let (w, v) = (Backend::start(echo("w")), Backend::start(echo("v")));
    let config = "AddOutputFilter INCLUDES .shtml\nTypesConfig @DIR@/mime.types\nAddType text/html .shtml\n\
        LogFormat \"%U %{JK_WORKER_NAME}n\" notes\nCustomLog @DIR@/notes.log notes\n";
    let modules = ["mime", "include"];
    let mut httpd = prepare("parts", [w.port, v.port], &modules, config);
    httpd.write("mime.types", "text/html html\n");
    // mod_include's own, of the part that is nowhere.
    httpd.expect("unable to include \"/nothing\"");
    httpd.host("h", "JkMount /app/* w\nJkMount /v/* v");
    let part = |path: &str| format!("<!--#include virtual=\"{path}\" -->");
    httpd.write(
        "htdocs/page.shtml",
        &format!("[{}|{}|{}]", part("/app/a?x=1"), part("/v/b"), part("/nothing")),
    );
    httpd.launch();
    let response = httpd.ask("h", "/page.shtml", "");
    let text = response.text();
    assert!(text.starts_with("[w GET /app/a 0|v GET /v/b 0|"), "{text}");
    assert_eq!(w.last().query.as_deref(), Some("x=1"));
    // A body belongs to the request the client sent, not to its parts.
    let with_body = httpd.ask("h", "/page.shtml", "Content-Length: 0\r\nX-Own: 1\r\n");
    assert!(with_body.text().starts_with("[w GET /app/a 0|"), "{}", with_body.text());
    let get = b"GET /page.shtml HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n12345GET /app/next HTTP/1.1\r\nHost: h\r\n\r\n";
    let mut client = Client::connect(httpd.port);
    let text = client.raw(get, "GET").text();
    assert!(text.starts_with("[w GET /app/a 0|v GET /v/b 0|"), "{text}");
    assert_eq!(client.response("GET").expect("the next one").text(), "w GET /app/next 0");
    assert!(w.requests.lock().expect("no panic").iter().all(|part| part.body.is_empty()));
    httpd.stop();
    let notes = httpd.log("notes.log");
    assert!(notes.contains("/page.shtml -\n"), "the page itself went to no worker: {notes}");
    assert!(notes.contains("/app/next w\n"), "{notes}");
}

/// Pages for errors, and what leads to them.
fn pages(request: &Request) -> Reply {
    let length = request.header("content-length").unwrap_or("none").to_owned();
    match request.uri.as_str() {
        "/app/missing" => Reply::Bytes([head(404, &[]), chunk_packet(b"w's"), end(true)].concat()),
        "/app/broken-page" => {
            Reply::Bytes([head(500, &[]), chunk_packet(b"oh"), end(true)].concat())
        }
        "/app/login-page" => {
            Reply::Bytes([head(302, &[("Location", "/login")]), end(true)].concat())
        }
        "/app/page" => {
            let body = format!("page {} {length}", request.method);
            Reply::Bytes(ok(&[("Content-Type", "text/plain")], body.as_bytes()))
        }
        _ => echo("w")(request),
    }
}

#[test]
fn the_page_for_an_error_comes_from_a_backend_and_the_status_stays() {
    let w = Backend::start(pages);
    let rules = "JkMount /app/* w\nJkMount /dead/* dead\nJkMountFile @DIR@/rules\n\
        <Location /refused>\nRequire all denied\n</Location>\n";
    let mut httpd = prepare("error-pages", [w.port; 2], &[], "");
    httpd.write("rules", "/app/missing=w;use_server_errors=400\n");
    let page = |page: &str| {
        let lines = [403, 404, 413, 503].map(|status| format!("ErrorDocument {status} {page}\n"));
        format!("{rules}{}", lines.concat())
    };
    httpd.host("h", &(page("/app/page") + "LimitRequestBody 200000\n"));
    httpd.host("broken", &page("/app/broken-page"));
    httpd.host("login", &page("/app/login-page"));
    httpd.host("dead", &page("/dead/page"));
    for line in ["JK-302", "JK-303", "JK-305", "AH01630", "AH01587", "AH01588"] {
        httpd.expect(line);
    }
    httpd.launch();
    httpd.check(&[
        ("h", "/nothing", 404, "page GET 0"),
        ("h", "/refused", 403, "page GET 0"),
        ("h", "/dead/x", 503, "page GET 0"),
        ("h", "/app/missing", 404, "page GET 0"),
        ("h", "/app/page", 200, "page GET 0"),
        ("broken", "/nothing", 500, "oh"),
        ("login", "/nothing", 302, ""),
        ("dead", "/dead/x", 503, "<!DOCTYPE"),
    ]);
    assert_eq!(httpd.ask("h", "/nothing", "").reason, "Not Found");
    let head =
        Client::connect(httpd.port).raw(b"HEAD /nothing HTTP/1.1\r\nHost: h\r\n\r\n", "HEAD");
    assert_eq!(head.status, 404);
    // The body went with the request that failed.
    for size in [5, 100_000] {
        for (path, status) in
            [("/nothing", 404), ("/refused", 403), ("/dead/x", 503), ("/app/missing", 404)]
        {
            let answer = post(&httpd, "h", path, &vec![b'x'; size]);
            assert_eq!(answer, (status, "page GET 0".to_owned()), "{path} {size}");
        }
    }
    let chunked = "POST /dead/x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    let response = Client::connect(httpd.port).raw(chunked.as_bytes(), "POST");
    assert_eq!((response.status, response.text().as_str()), (503, "page GET 0"));
    let large = "POST /app/x HTTP/1.1\r\nHost: h\r\nContent-Length: 300000\r\n\r\n";
    let response = Client::connect(httpd.port).raw(large.as_bytes(), "POST");
    assert_eq!((response.status, response.text().as_str()), (413, "page GET 0"));
}

/// "hello from a compressed body".
const COMPRESSED: [u8; 48] = [
    31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 203, 72, 205, 201, 201, 87, 72, 43, 202, 207, 85, 72, 84, 72,
    206, 207, 45, 40, 74, 45, 46, 78, 77, 81, 72, 202, 79, 169, 4, 0, 14, 103, 98, 180, 28, 0, 0,
    0,
];

#[test]
fn filters_and_headers_of_httpd_apply() {
    let w = Backend::start(|request| match request.uri.as_str() {
        "/app/text" => {
            Reply::Bytes(ok(&[("Content-Type", "text/plain"), ("X-Own", "w")], &[b'x'; 50_000]))
        }
        "/app/image" => Reply::Bytes(ok(&[("Content-Type", "image/png")], &[b'x'; 50_000])),
        "/app/body" => Reply::Bytes(ok(&[], &request.body)),
        _ => echo("w")(request),
    });
    let config = "AddOutputFilterByType DEFLATE text/plain\n\
        <Location /app/body>\nSetInputFilter DEFLATE\n</Location>\n\
        SetEnvIf Request_URI ^/app/body JK_IGNORE_CL=1\nRequestHeader set X-In yes\n\
        Header set X-Own httpd\nHeader always set X-Always yes\nJkMount /app/* w\n";
    let httpd = &mut prepare("filters", [w.port; 2], &["filter", "deflate", "headers"], config);
    httpd.launch();
    let mut client = Client::connect(httpd.port);
    let gzip = [("Accept-Encoding", "gzip")];
    let text = client.request("GET", "/app/text", &gzip, b"");
    assert_eq!((text.header("Content-Encoding"), text.is_complete), (Some("gzip"), true));
    assert_eq!((text.header("X-Own"), text.header("X-Always")), (Some("httpd"), Some("yes")));
    assert!(text.body.len() < 1000 && text.body.starts_with(&[31, 139]), "{}", text.body.len());
    assert!(text.body.ends_with(&50_000u32.to_le_bytes()), "gzip ends with the plain length");
    assert_eq!(w.last().header("x-in"), Some("yes"));
    let image = client.request("GET", "/app/image", &gzip, b"");
    assert_eq!((image.header("Content-Encoding"), image.body.len()), (None, 50_000));
    assert_eq!(client.request("HEAD", "/app/text", &gzip, b"").status, 200);
    let body = client.request("POST", "/app/body", &[("Content-Encoding", "gzip")], &COMPRESSED);
    assert_eq!(body.text(), "hello from a compressed body");
    assert_eq!(w.last().header("content-length"), None);
    assert_eq!(client.get("/app/text").body.len(), 50_000, "as it is for who wants it so");
}

#[test]
fn a_path_that_another_module_changes_where_it_lies_is_mapped() {
    let config = compiled("in_place") + "JkMount /app/* w\n";
    let w = Backend::start(echo("w"));
    let mut httpd = prepare("in-place", [w.port, w.port], &[], &config);
    httpd.launch();
    httpd.check(&[
        ("h", "/zpp/x", 200, "w GET /app/x"),
        ("h", "/zap/x", 404, ""),
        ("h", "/app/x", 200, "w GET /app/x"),
    ]);
    httpd.stop();
}
