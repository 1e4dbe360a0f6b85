//! A real connector on a Unix-domain socket beside one on a port: the same answers, both in one
//! balancer, and what httpd says of a Tomcat that keeps the socket to itself or was killed.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use crate::support::client::Client;
use crate::support::httpd::{Httpd, Setup, is_root};
use crate::support::sockets::SocketDir;
use crate::support::tomcat::{self, Tomcat};
use crate::support::{fresh_dir, root, skip, wait_until};

/// Byte `n` of a body.
fn pattern(size: usize) -> Vec<u8> {
    (0..size as u64).map(|n| (n.wrapping_mul(31) + n / 251) as u8).collect()
}

fn status(httpd: &Httpd, path: &str) -> u16 {
    Client::connect(httpd.port).get(path).status
}

#[test]
fn a_connector_on_a_socket_serves_like_one_on_a_port() {
    if tomcat::home().is_none() {
        return skip("tomcat", "no Tomcat: install libtomcat10-java and tomcat10-common");
    }
    let dir = SocketDir::new("tomcat");
    let (open, closed) = (dir.path("open"), dir.path("closed"));
    let webapp = root().join("tests/tomcat/webapp").display().to_string();
    let contexts: String = ["port", "socket", "closed", "lb", "safe"]
        .map(|name| format!("<Context path=\"/{name}\" docBase=\"{webapp}\"/>\n"))
        .concat();
    let connector = "<Connector protocol=\"AJP/1.3\" secretRequired=\"false\"";
    let server = format!(
        "<Server port=\"-1\"><Service name=\"Catalina\">\n\
         {connector} address=\"127.0.0.1\" port=\"${{ajp.port}}\"/>\n\
         {connector} unixDomainSocketPath=\"{}\" unixDomainSocketPathPermissions=\"rw-rw-rw-\"/>\n\
         {connector} unixDomainSocketPath=\"{}\"/>\n\
         <Engine name=\"Catalina\" defaultHost=\"localhost\">\
         <Host name=\"localhost\" appBase=\"webapps\">\n{contexts}</Host></Engine></Service></Server>\n",
        open.display(),
        closed.display()
    );
    let mut tomcat = Tomcat::alone(&fresh_dir("sockets-tomcat"), &server);
    tomcat.start();
    tomcat.await_service(&mut |_| {}).expect("it starts");

    let workers = format!(
        "worker.list=port,socket,closed,lb,safe,st\n\
         worker.port.host=127.0.0.1\nworker.port.port={}\n\
         worker.socket.host=unix:{}\nworker.closed.host=unix:{}\n\
         worker.lb.type=lb\nworker.lb.balance_workers=port,socket\n\
         worker.safe.type=lb\nworker.safe.balance_workers=closed,socket\nworker.st.type=status\n",
        tomcat.ajp_port,
        open.display(),
        closed.display()
    );
    let mounts = ["port", "socket", "closed", "lb", "safe"]
        .map(|name| format!("JkMount /{name}/* {name}\n"))
        .concat();
    let config = format!(
        "{mounts}JkMount /jkstatus st\nCustomLog @DIR@/access.log \"%U %{{JK_LB_LAST_NAME}}n\"\n"
    );
    let setup = Setup { name: "sockets", mpm: "event", config: &config, workers: &workers };
    let mut httpd = setup.start();
    for line in ["JK-303", "JK-401"] {
        httpd.expect(line);
    }

    // Bodies both ways, around the size of a packet and far above.
    for size in [0, 1, 8_185, 8_186, 8_187, 65_536, 3_000_001] {
        let body = pattern(size);
        for worker in ["port", "socket", "lb"] {
            let path = format!("/{worker}/echo.jsp?length");
            let answer = Client::connect(httpd.port).request("POST", &path, &[], &body);
            assert_eq!(answer.status, 200, "{size} bytes to {path}");
            assert!(answer.is_complete && answer.body == body, "{size} bytes to {path}");
        }
    }
    // The application is told the same, but for its own path.
    let facts = |worker: &str| {
        let text = Client::connect(httpd.port).get(&format!("/{worker}/facts.jsp?a=b")).text();
        text.replace(&format!("/{worker}/"), "/")
    };
    assert_eq!(facts("port"), facts("socket"));
    assert!(facts("socket").contains("remote 127.0.0.1"), "{}", facts("socket"));

    // Both in one balancer take the same share. The lines are told by their path: httpd writes one after
    // the response, so those of earlier requests may still come.
    let mut client = Client::connect(httpd.port);
    for _ in 0..40 {
        assert_eq!(client.get("/lb/who.jsp").status, 200);
    }
    let members = || {
        let log = httpd.log("access.log");
        let mut counts = BTreeMap::new();
        for member in log.lines().filter_map(|line| line.strip_prefix("/lb/who.jsp ")) {
            *counts.entry(member.to_owned()).or_insert(0) += 1;
        }
        counts
    };
    wait_until(Duration::from_secs(10), || members().values().sum::<i32>() >= 40);
    assert_eq!(members(), BTreeMap::from([("port".to_owned(), 20), ("socket".to_owned(), 20)]));

    // A connector without unixDomainSocketPathPermissions keeps its socket to Tomcat's user. Where the
    // tests do not run as root, httpd has the same user.
    if is_root() {
        assert_eq!(status(&httpd, "/closed/who.jsp"), 503);
        let log = httpd.log("jk.log");
        let line = log.lines().rfind(|line| line.contains("JK-303")).unwrap_or_default();
        for part in ["permission denied for the socket file", "unixDomainSocketPathPermissions"] {
            assert!(line.contains(part), "{line}");
        }
        for _ in 0..4 {
            assert_eq!(status(&httpd, "/safe/who.jsp"), 200);
        }
    }

    // Killed, it leaves the file; started again, it serves the same workers.
    tomcat.kill();
    assert!(open.exists());
    assert_eq!(status(&httpd, "/socket/who.jsp"), 503);
    let log = httpd.log("jk.log");
    assert!(log.contains("no process listens on the socket file"), "{log}");
    for path in [&open, &closed] {
        fs::remove_file(path).expect("it is left");
    }
    tomcat.start();
    tomcat.await_service(&mut |_| {}).expect("it starts again");
    assert_eq!(status(&httpd, "/socket/who.jsp"), 200);
    tomcat.stop();
    assert!(!open.exists(), "stopped in order it takes the file away");
}
