//! `JkAutoAlias`: static files of web applications beside what goes to their backend.

use std::fs;

use crate::support::backend::{Backend, echo};
use crate::support::httpd::Setup;

#[test]
fn section_9_files_of_applications_are_served() {
    let backend = Backend::start(echo("n1"));
    let workers =
        format!("worker.list=w\nworker.w.host=127.0.0.1\nworker.w.port={}\n", backend.port);
    let config = "JkMount /*.jsp w\nJkAutoAlias @DIR@/webapps\nDirectoryIndex index.html\n\
        SetEnvIf Request_URI ^/app/left no-jk\n\
        <Directory @DIR@/webapps>\nRequire all granted\n</Directory>\n\
        <Directory @DIR@/webapps/app/closed>\nRequire all denied\n</Directory>\n";
    let setup = Setup { name: "auto-alias", mpm: "event", config, workers: &workers };
    let mut httpd = setup.prepare();
    let apps = httpd.dir.join("webapps");
    for (file, text) in [
        ("app/index.html", "index"),
        ("app/page.html", "page"),
        ("app/left.html", "left"),
        ("app/closed/x.html", "closed"),
        ("app/WEB-INF/web.xml", "descriptor"),
        ("app/deep/meta-inf/x", "descriptor"),
        ("app/.git/config", "hidden"),
        ("foo#bar/x.html", "version"),
        ("plain.html", "no application"),
    ] {
        let path = apps.join(file);
        fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
        fs::write(path, text).expect("a file");
    }
    fs::write(apps.join("shop.war"), "archive").expect("a file");
    httpd.host("copy", "JkMountCopy On");
    httpd.host("bare", "JkMount /x w");
    httpd.host("own", "JkAutoAlias @DIR@/webapps/app");
    httpd.expect("AH01630");
    httpd.launch();
    let cases = [
        ("copy", "/app/page.html", 200, "page"),
        ("copy", "/app/page.html;jsessionid=1.n1", 200, "page"),
        ("copy", "/app//sub/../page.html", 200, "page"),
        ("copy", "/app/", 200, "index"),
        ("copy", "/app", 301, ""),
        ("copy", "/app/x.jsp", 200, "n1 GET /app/x.jsp 0"),
        ("copy", "/foo%23bar/x.html", 200, "version"),
        ("copy", "/app/missing.html", 404, ""),
        ("copy", "/app/closed/x.html", 403, ""),
        ("copy", "/app/WEB-INF/web.xml", 404, ""),
        ("copy", "/app/web-inf/web.xml", 404, ""),
        ("copy", "/app/deep/meta-inf/x", 404, ""),
        ("copy", "/app/.git/config", 404, ""),
        ("copy", "/other/META-INF/x", 404, ""),
        ("copy", "/shop.war", 403, ""),
        ("copy", "/plain.html", 404, ""),
        ("copy", "/app/left.html", 404, ""),
        ("bare", "/app/page.html", 404, ""),
        ("own", "/deep/meta-inf/x", 404, ""),
        ("own", "/closed/x.html", 403, ""),
    ];
    for (host, path, status, text) in cases {
        let response = httpd.ask(host, path, "");
        assert_eq!(response.status, status, "{host} {path}: {}", response.text());
        assert!(text.is_empty() || response.text() == text, "{host} {path}: {}", response.text());
    }
}
