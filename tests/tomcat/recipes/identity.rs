//! Recipes about who the client is: certificates, Shibboleth's variables, TLS, and a login for the status page.

use std::fs;
use std::path::Path;

use super::backends_or_skip;
use super::site::Recipe;
use crate::support::client::Client;
use crate::support::openssl::openssl;

const KEY: &str = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";

/// Makes the server's certificate where the pages have it, and one of a client.
fn certificates(dir: &Path) {
    let own = dir.join("etc/ssl/shop");
    fs::create_dir_all(&own).expect("a directory");
    let server = "-keyout key.pem -out fullchain.pem -subj /CN=shop.example.org -days 2";
    openssl(&own, &format!("req -x509 {KEY} {server}"));
    let root = "-keyout ca.key -out clients-ca.pem -subj /CN=clients -days 2";
    openssl(&own, &format!("req -x509 {KEY} {root}"));
    openssl(&own, &format!("req {KEY} -keyout client.key -out client.csr -subj /CN=alice"));
    let sign = "-CA clients-ca.pem -CAkey ca.key -CAcreateserial -out client.pem -days 2";
    openssl(&own, &format!("x509 -req -in client.csr {sign}"));
    for file in ["client.pem", "client.key"] {
        fs::copy(own.join(file), dir.join(file)).expect("a file");
    }
}

#[test]
fn client_certificates() {
    let backends = backends_or_skip!();
    let ports = [("shop", backends.port("client-certificates", 0))];
    let recipe = Recipe::new("recipe-certificates", "client-certificates", 0, &ports);
    certificates(recipe.dir());
    let running = recipe.start();
    let told = running.run_commands("curl");
    for line in ["certificate CN=alice", "secure true", "url https://shop.example.org/whoami"] {
        assert!(told.lines().any(|own| own == line), "{line}: {told}");
    }
    assert_eq!(
        told.matches("certificate").count(),
        1,
        "no CA that the client did not send: {told}"
    );
    let without = running.sh("curl https://shop.example.org/whoami");
    assert!(without.code != 0 && without.text.is_empty(), "{}", without.text);
}

#[test]
fn shibboleth() {
    let backends = backends_or_skip!();
    let ports = [("portal", backends.port("shibboleth", 0))];
    // Without mod_shib nothing is open.
    let running = Recipe::new("recipe-closed", "shibboleth", 0, &ports).expect("AH01630").start();
    let closed = Client::connect(running.httpd.port).get("/portal/whoami");
    assert_eq!(closed.status, 403);
    assert!(!closed.text().contains("user"), "httpd's own answer: {}", closed.text());

    // In place of mod_shib: a user, and the variables of a session.
    let stand_in = "<Location /portal>\nAuthType Basic\nAuthName x\nAuthBasicProvider file\n\
                    AuthUserFile /etc/users\nRequire valid-user\nSetEnv eppn alice@example.org\n\
                    SetEnv displayName \"Alice \u{e4}\"\n</Location>\n";
    let recipe = Recipe::new("recipe-shibboleth", "shibboleth", 0, &ports).add(stand_in);
    recipe.file("/etc/users", USERS);
    let running = recipe.start();
    let headers = [("Authorization", ALICE), ("eppn", "mallory"), ("mail", "mallory@example.org")];
    let told = Client::connect(running.httpd.port).request("GET", "/portal/whoami", &headers, b"");
    let told = told.text();
    for line in ["user alice", "eppn alice@example.org", "mail null"] {
        assert!(told.lines().any(|own| own == line), "{line}: {told}");
    }
    assert!(told.contains("displayName Alice "), "{told}");
    let own = Client::connect(running.httpd.port).get("/Shibboleth.sso/Login");
    assert_eq!(own.status, 404, "httpd's own");
}

#[test]
fn tls_at_httpd() {
    let backends = backends_or_skip!();
    let ports = [("shop", backends.port("tls", 0))];
    let recipe = Recipe::new("recipe-tls", "tls", 0, &ports);
    certificates(recipe.dir());
    let running = recipe.start();
    // The page's own command, for a page that redirects and one that begins a session.
    let command = running.commands_of_page("curl").concat();
    assert_eq!(running.sh(&command).text.trim(), "Location: /start");
    let full = running.sh(&command.replace("/login", "/portal/login")).text;
    assert_eq!(full.trim(), "Location: https://shop.example.org/start");
    let session = running.sh(&command.replace("/login", "/session.jsp")).text;
    assert!(session.contains("; Secure"), "{session}");
    let told = running.sh("curl https://shop.example.org/whoami").text;
    assert!(told.contains("secure true"), "{told}");
    let plain = running.httpd.ask("shop.example.org", "/login", "");
    assert_eq!(plain.status, 301);
    assert_eq!(plain.header("Location"), Some("https://shop.example.org/login"));
}

#[test]
fn tls_in_front_of_httpd() {
    let backends = backends_or_skip!();
    let ports = [("shop", backends.port("tls", 1))];
    let recipe = Recipe::new("recipe-tls-in-front", "tls", 1, &ports);
    let running = recipe.replace("10.0.0.2", "127.0.0.1").start();
    let by_balancer = "X-Forwarded-Proto: https\r\nX-Forwarded-For: 192.0.2.7\r\n";
    let login = running.httpd.ask("shop.example.org", "/portal/login", by_balancer);
    assert_eq!(login.header("Location"), Some("https://shop.example.org/start"));
    let told = running.httpd.ask("shop.example.org", "/whoami", by_balancer).text();
    for line in ["secure true", "from 192.0.2.7", "url https://shop.example.org/whoami"] {
        assert!(told.lines().any(|own| own == line), "{line}: {told}");
    }

    // Another client than the load balancer says what it likes.
    let recipe = Recipe::new("recipe-tls-forged", "tls", 1, &ports).start();
    let told = recipe.httpd.ask("shop.example.org", "/whoami", by_balancer).text();
    for line in ["secure false", "from 127.0.0.1"] {
        assert!(told.lines().any(|own| own == line), "{line}: {told}");
    }
}

#[test]
fn the_status_page_behind_a_login() {
    let backends = backends_or_skip!();
    let ports = [("shop", backends.port("status-page", 0))];
    let recipe = Recipe::new("recipe-status", "status-page", 0, &ports)
        .expect("AH01631: user carol")
        .expect("AH01617: user alice");
    recipe.file("/etc/apache2/jk.users", USERS);
    let running = recipe.start();
    let told = running.run_commands("curl");
    assert_eq!(told, "401\n");
    let ask = |path: &str, login: &str| {
        let headers = [("Authorization", login)];
        let mut client = Client::connect(running.httpd.port);
        client.request("GET", path, &headers, b"").status
    };
    let cases = [
        ("/jk-status", ALICE, 200),
        ("/jk-status", CAROL, 200),
        ("/jk-admin", ALICE, 200),
        ("/jk-admin", CAROL, 401),
        ("/jk-status", WRONG, 401),
    ];
    for (path, login, status) in cases {
        assert_eq!(ask(path, login), status, "{path} {login}");
    }
    assert_eq!(Client::connect(running.httpd.port).get("/jk-status").status, 401);
    assert_eq!(Client::connect(running.httpd.port).get("/shop/who.jsp").status, 200);
    running.httpd.write(".jk-password", "secret\n");
    let told = running.run_commands("jkctl status");
    assert!(told.contains("shop"), "{told}");

    // The second lock: a user whom the worker does not name, where the section is lost.
    let recipe = Recipe::new("recipe-status-lost", "status-page", 0, &ports)
        .expect("JK-501")
        .replace("Require user alice bob", "Require valid-user");
    recipe.file("/etc/apache2/jk.users", USERS);
    let running = recipe.start();
    let headers = [("Authorization", CAROL)];
    let lost = Client::connect(running.httpd.port).request("GET", "/jk-admin", &headers, b"");
    assert_eq!(lost.status, 403, "{}", lost.text());
}

/// Alice and Carol, whose password is "secret".
const USERS: &str =
    "alice:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\ncarol:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n";
const ALICE: &str = "Basic YWxpY2U6c2VjcmV0";
const CAROL: &str = "Basic Y2Fyb2w6c2VjcmV0";
const WRONG: &str = "Basic YWxpY2U6d3Jvbmc=";
