//! Recipes about a server's neighbours: Prometheus, and ColdFusion's connector.

use super::backends_or_skip;
use super::site::Recipe;
use crate::support::client::Client;
use crate::support::prometheus::promtool;

#[test]
fn prometheus() {
    let backends = backends_or_skip!();
    let ports = [("shop", backends.port("prometheus", 0))];
    let running = Recipe::new("recipe-prometheus", "prometheus", 0, &ports).start();
    let ask = |path: &str, headers: &[(&str, &str)]| {
        Client::connect(running.httpd.port).request("GET", path, headers, b"")
    };
    for _ in 0..3 {
        assert_eq!(ask("/shop/who.jsp", &[]).status, 200);
    }
    // As Prometheus asks, with the path and the parameter of the page.
    let accepts = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3";
    let scrape = ask("/jk-metrics?cmd=metrics", &[("Accept", accepts)]);
    assert_eq!(scrape.status, 200);
    let kind = scrape.header("Content-Type").unwrap_or_default().to_owned();
    assert!(kind.starts_with("application/openmetrics-text"), "{kind}");
    let text = scrape.text();
    let requests = text
        .lines()
        .find(|line| line.starts_with("jk_requests_total{balancer=\"\",worker=\"shop\""));
    assert!(requests.is_some_and(|line| line.ends_with(" 3")), "{requests:?}\n{text}");
    assert!(text.ends_with("# EOF\n"));
    let plain = ask("/jk-metrics?cmd=metrics", &[("Accept", "text/plain;version=0.0.4")]).text();
    if let Some(checked) = promtool(&["check", "metrics"], &plain) {
        assert!(checked.is_good, "{}", checked.text);
    }
    // It changes nothing.
    let change = ask("/jk-metrics?cmd=update&w=shop&vwa=1", &[]);
    assert_eq!(change.status, 403, "{}", change.text());
    let told = running.run_commands("jkctl metrics");
    assert!(told.contains("jk_requests"), "{told}");
    assert!(running.run_commands("curl").contains("# HELP"));
}

#[test]
fn coldfusion() {
    let backends = backends_or_skip!();
    let ports = [("cfusion", backends.port("coldfusion", 0))];
    let running = Recipe::new("recipe-coldfusion", "coldfusion", 0, &ports).start();
    for (path, status) in [("/index.cfm", 200), ("/a/b.cfm", 200), ("/whoami", 404)] {
        let response = Client::connect(running.httpd.port).get(path);
        assert_eq!(response.status, status, "{path}: {}", response.text());
        assert_eq!(response.text().starts_with("user "), status == 200, "{path}");
    }
}
