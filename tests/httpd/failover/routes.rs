//! A member whose jvmRoute is not its route.

use crate::setups::balanced;
use crate::support::backend::{Backend, Reply, Request, chunk_packet, end, head};
use crate::support::client::Client;

fn backend(id: &'static str) -> Backend {
    Backend::start(move |request: &Request| {
        let cookie = match request.uri.as_str() {
            "/app/right" => "JSESSIONID=A1.n1; Path=/",
            "/app/other" => "OTHER=A1.zz; Path=/",
            _ => id,
        };
        let head = head(200, &[("Set-Cookie", cookie), ("Content-Length", "2")]);
        Reply::Bytes([head, chunk_packet(b"ok"), end(true)].concat())
    })
}

#[test]
fn session_ids_with_another_route_are_named_once_for_a_member() {
    let (n1, n2) = (backend("JSESSIONID=A1.tomcat-a; Path=/; HttpOnly"), backend("JSESSIONID=A2"));
    let mut httpd = balanced("foreign-routes", "event", [n1.port, n2.port], "");
    httpd.expect("JK-413");
    for _ in 0..20 {
        // Members take turns.
        for path in ["/app/x", "/app/x", "/app/other", "/app/other"] {
            assert_eq!(Client::connect(httpd.port).get(path).status, 200);
        }
    }
    let log = httpd.log("jk.log") + &httpd.log("error.log");
    let said: Vec<_> = log.lines().filter(|line| line.contains("JK-413")).collect();
    assert_eq!(said.len(), 2, "once for each: {said:?}");
    assert!(said.iter().any(|line| line.contains("member n1")
        && line.contains("end in the route \"tomcat-a\" instead of \"n1\"")
        && line.contains("jvmRoute=\"n1\"")));
    assert!(said.iter().any(|line| line.contains("member n2") && line.contains("have no route")));
    let page = |path: &str| Client::connect(httpd.port).get(path).text();
    let json: serde_json::Value = serde_json::from_str(&page("/jkstatus?mime=json")).expect("JSON");
    let count = json["balancers"][0]["members"][0]["foreign_routes"].as_u64();
    assert!(count.is_some_and(|count| count > 0), "{json}");
    let shown = page("/jkstatus?cmd=show&w=lb&sw=n1");
    assert!(shown.contains("end in another route") && shown.contains("jvmRoute"), "{shown}");
    // One session with the right route ends the matter.
    let cookie = [("Cookie", "JSESSIONID=x.n1")];
    let right = Client::connect(httpd.port).request("GET", "/app/right", &cookie, b"");
    assert_eq!(right.status, 200);
    assert!(!page("/jkstatus?cmd=show&w=lb&sw=n1").contains("end in another route"));
}
