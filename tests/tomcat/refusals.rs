//! What a real connector refuses, and what only an application does.

use crate::support::client::Client;
use crate::support::httpd::{Httpd, Setup};
use crate::support::tomcat::{self, Tomcat};
use crate::support::{free_port, fresh_dir, root, skip};

fn json(httpd: &Httpd) -> serde_json::Value {
    let text = Client::connect(httpd.port).get("/jkstatus?mime=json").text();
    serde_json::from_str(&text).expect("JSON")
}

#[test]
fn refusals_of_the_connector_are_told_from_those_of_an_application() {
    if tomcat::home().is_none() {
        return skip("tomcat", "no Tomcat: install libtomcat10-java and tomcat10-common");
    }
    let [attributes, packets] = [free_port(), free_port()];
    let webapp = root().join("tests/tomcat/webapp").display().to_string();
    let contexts: String = ["good", "wrong", "attribute", "packet", "lb"]
        .map(|name| format!("<Context path=\"/{name}\" docBase=\"{webapp}\"/>\n"))
        .concat();
    let connector = "<Connector protocol=\"AJP/1.3\" address=\"127.0.0.1\"";
    let server = format!(
        "<Server port=\"-1\"><Service name=\"Catalina\">\n\
         {connector} port=\"${{ajp.port}}\" secret=\"right\" allowedRequestAttributesPattern=\".*\"/>\n\
         {connector} port=\"{attributes}\" secretRequired=\"false\"/>\n\
         {connector} port=\"{packets}\" secretRequired=\"false\" allowedRequestAttributesPattern=\".*\"/>\n\
         <Engine name=\"Catalina\" defaultHost=\"localhost\">\
         <Host name=\"localhost\" appBase=\"webapps\">\n{contexts}</Host></Engine></Service></Server>\n"
    );
    let mut tomcat = Tomcat::alone(&fresh_dir("refusals-tomcat"), &server);
    tomcat.start();
    tomcat.await_service(&mut |_| {}).expect("it starts");

    let workers = format!(
        "worker.list=good,wrong,attribute,packet,lb,st\n\
         worker.good.port={0}\nworker.good.secret=right\n\
         worker.wrong.port={0}\nworker.wrong.secret=other\n\
         worker.attribute.port={attributes}\n\
         worker.packet.port={packets}\nworker.packet.max_packet_size=65536\n\
         worker.lb.type=lb\nworker.lb.balance_workers=good,wrong\nworker.st.type=status\n",
        tomcat.ajp_port
    );
    let mounts = ["good", "wrong", "attribute", "packet", "lb"]
        .map(|name| format!("JkMount /{name}/* {name}\n"))
        .concat();
    let config = format!(
        "{mounts}JkMount /jkstatus st\nJkEnvVar JK_TEST \"some value\"\nLimitRequestFieldSize 65000\n"
    );
    let setup = Setup { name: "refusals", mpm: "event", config: &config, workers: &workers };
    let mut httpd = setup.start();
    for line in ["JK-315", "JK-330", "JK-409"] {
        httpd.expect(line);
    }
    let ask = |method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]| {
        Client::connect(httpd.port).request(method, path, headers, body).status
    };
    let failures = |worker: &str| {
        let all = json(&httpd);
        let own = all["ajp_workers"].as_array().expect("workers").iter();
        let own = own.clone().find(|own| own["name"] == worker).expect("the worker").clone();
        (own["errors"].as_u64().expect("a number"), own["last_failure"].clone())
    };
    let upload = vec![b'x'; 100_000];

    // An application's own 403: to a GET, to a small and to a large upload.
    assert_eq!(ask("GET", "/good/facts.jsp", &[], b""), 200);
    for _ in 0..3 {
        assert_eq!(ask("GET", "/good/refuse.jsp", &[], b""), 403);
        assert_eq!(ask("HEAD", "/good/refuse.jsp", &[], b""), 403);
        assert_eq!(ask("POST", "/good/refuse.jsp", &[], b"small"), 403);
        assert_eq!(ask("POST", "/good/refuse.jsp", &[], &upload), 403);
    }
    assert_eq!(failures("good"), (0, serde_json::Value::Null), "{}", httpd.log("jk.log"));

    // The secret, whatever the request is.
    assert_eq!(ask("GET", "/wrong/facts.jsp", &[], b""), 403);
    assert_eq!(ask("HEAD", "/wrong/facts.jsp", &[], b""), 403);
    assert_eq!(ask("POST", "/wrong/facts.jsp", &[], b"small"), 403);
    assert_eq!(failures("wrong"), (3, "JK-315".into()), "{}", httpd.log("jk.log"));

    // A request attribute that the connector does not know.
    assert_eq!(ask("GET", "/attribute/facts.jsp", &[], b""), 403);
    assert_eq!(failures("attribute"), (1, "JK-315".into()), "{}", httpd.log("jk.log"));

    // A packet larger than its packetSize.
    assert_eq!(ask("GET", "/packet/facts.jsp", &[], b""), 200);
    let large = "x".repeat(9_000);
    assert_eq!(ask("GET", "/packet/facts.jsp", &[("X-Large", &large)], b""), 400);
    assert_eq!(failures("packet"), (1, "JK-330".into()), "{}", httpd.log("jk.log"));

    // Behind a balancer the clients soon get no more of it.
    let statuses: Vec<_> = (0..20).map(|_| ask("GET", "/lb/facts.jsp", &[], b"")).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 403).count(), 3, "{statuses:?}");
    assert_eq!(statuses[10..], [200; 10]);
    tomcat.stop();
}
