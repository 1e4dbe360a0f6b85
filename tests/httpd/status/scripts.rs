//! Scripts that people run against a status worker, in their own words.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::setups::balanced;
use crate::support::backend::{Backend, echo};
use crate::support::client::Client;

/// What Salt's modjk module makes of an answer: lines of `key=value`, repeated keys joined.
fn salt(port: u16, parameters: &str) -> std::collections::BTreeMap<String, String> {
    let path = format!("/jkstatus?{parameters}&mime=prop");
    let text = Client::connect(port).get(&path).text();
    let mut values = std::collections::BTreeMap::<String, String>::new();
    for (key, value) in text.lines().filter_map(|line| line.split_once('=')) {
        let known = values.entry(key.to_owned()).or_default();
        known.push_str(if known.is_empty() { "" } else { "," });
        known.push_str(value);
    }
    values
}

#[test]
fn salt_jenkins_ant_and_the_exporter_find_what_they_look_for() {
    let (n1, n2) = (Backend::start(echo("n1")), Backend::start(echo("n2")));
    let httpd = balanced("scripts", "prefork", [n1.port, n2.port], "");
    let list = || salt(httpd.port, "cmd=list");
    let all = list();
    assert_eq!(all["worker.lb.balance_workers"], "n1,n2");
    assert_eq!((&*all["worker.n1.activation"], &*all["worker.n1.state"]), ("ACT", "OK/IDLE"));
    assert!(salt(httpd.port, "cmd=version")["worker.jk_version"].starts_with("mod_jk/"));
    assert_eq!(salt(httpd.port, "cmd=dump")["worker.lb.balance_workers"], "n1,n2");

    // Salt: worker_edit, worker_disable, worker_stop, worker_activate, reset_stats, lb_edit.
    let is_ok = |parameters: &str| {
        let answer = salt(httpd.port, parameters);
        assert_eq!(answer["worker.result.type"], "OK", "{parameters}: {answer:?}");
    };
    is_ok("cmd=update&w=lb&sw=n1&vwf=500&vwd=60");
    let all = list();
    assert_eq!((&*all["worker.n1.lbfactor"], &*all["worker.n1.distance"]), ("500", "60"));
    for (word, activation) in [("d", "DIS"), ("s", "STP"), ("a", "ACT")] {
        is_ok(&format!("cmd=update&w=lb&sw=n1&vwa={word}"));
        assert_eq!(list()["worker.n1.activation"], activation, "{word}");
    }
    is_ok("cmd=update&w=lb&vlr=1&vlt=60");
    is_ok("cmd=reset&w=lb");
    assert_eq!(list()["worker.lb.recover_time"], "60");
    let refused = salt(httpd.port, "cmd=recover&w=lb&sw=n1");
    assert_eq!(refused["worker.result.type"], "ERROR", "it is not in error");

    // Jenkins jobs: numeric codes, GET as well as POST with the query in the path.
    for (method, code, activation) in [("GET", 1, "DIS"), ("POST", 2, "STP"), ("POST", 0, "ACT")] {
        let path = format!("/jkstatus?cmd=update&from=list&w=lb&sw=n2&vwa={code}");
        let response = Client::connect(httpd.port).request(method, &path, &[], b"");
        assert_eq!(response.status, 200, "{path}");
        assert_eq!(list()["worker.n2.activation"], activation, "{path}");
    }

    // Tomcat's Ant task sends everything at once, older ones under older names.
    for names in [["vwf", "vwn", "vwa", "vwd", "vwr", "vwc"], ["wf", "wn", "wa", "wd", "wr", "wc"]]
    {
        let values = ["2", "n2", "0", "1", "n1", "dc"];
        let sent: String =
            names.iter().zip(values).map(|(name, value)| format!("&{name}={value}")).collect();
        let path = format!("/jkstatus?cmd=update&mime=txt&w=lb&sw=n2{sent}");
        let text = Client::connect(httpd.port).get(&path).text();
        assert!(text.contains("Result: type=OK message=\"Action finished\""), "{text}");
        let all = list();
        let seen = ["lbfactor", "route", "activation", "distance", "redirect", "domain"]
            .map(|key| all[&format!("worker.n2.{key}")].clone());
        assert_eq!(seen, ["2", "n2", "ACT", "1", "n1", "dc"], "{names:?}");
        is_ok("cmd=update&w=lb&sw=n2&vwf=9&vwd=9&vwr=&vwc=");
    }

    // The exporter reads attributes of two elements.
    let xml = Client::connect(httpd.port).get("/jkstatus?mime=xml").text();
    let element = |name: &str| {
        let (_, rest) = xml.split_once(&format!("<jk:{name}\n")).expect("the element");
        rest.split('>').next().expect("its attributes").to_owned()
    };
    for key in ["retries", "recover_time", "member_count", "good", "degraded", "bad", "busy"]
        .into_iter()
        .chain(["max_busy", "map_count", "time_to_maintenance_min", "last_reset_ago"])
    {
        assert!(element("balancer").contains(&format!(" {key}=\"")), "{key}: {xml}");
    }
    for key in ["state", "elected", "errors", "client_errors", "transferred", "read", "busy"] {
        assert!(element("member").contains(&format!(" {key}=\"")), "{key}: {xml}");
    }
}

/// Runs awk over an answer, as a monitoring script does.
fn awk(program: &str, text: &str) -> String {
    let mut awk = Command::new("awk")
        .arg(program)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("awk is on every Debian");
    awk.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("awk reads");
    let output = awk.wait_with_output().expect("awk ends");
    String::from_utf8(output.stdout).expect("text").trim().to_owned()
}

#[test]
fn columns_stand_where_awk_looks_for_them() {
    let (n1, n2) = (Backend::start(echo("n1")), Backend::start(echo("n2")));
    let httpd = balanced("columns", "event", [n1.port, n2.port], "worker.n2.activation=d\n");
    for _ in 0..3 {
        Client::connect(httpd.port).get("/app/x");
    }
    // The Zabbix agent's script asks with a slash behind the path; a value with a blank in it must
    // not move what stands behind it.
    let update = "/jkstatus?cmd=update&mime=txt&w=lb&sw=n1&vwc=a%20b";
    assert!(Client::connect(httpd.port).get(update).text().contains("type=OK"));
    let text = Client::connect(httpd.port).get("/jkstatus?mime=txt").text();
    let members = awk("/^Member:/ { print $2, $18, $24, $26, $27, $34 }", &text);
    assert!(members.starts_with("name=n1 activation=ACT"), "{members}");
    let cases = [
        (
            "/^Balancer Worker:/ { print $3, $13, $14, $15, $16 }",
            "name=lb member_count=2 good=1 degraded=1 bad=0",
        ),
        (
            "/^Member:/ && $2 == \"name=n2\" { print $18, $24, $27, $34 }",
            "activation=DIS state=OK/IDLE elected=0 busy=0",
        ),
        (
            "/^Member:/ && $2 == \"name=n2\" { split($33, own, \"=\"); print own[1], own[2] }",
            "read 0",
        ),
        ("/^Result:/ { print $2 }", "type=OK"),
        ("/^Server:/ { print NF }", "3"),
        ("/^Time:/ { print NF }", "4"),
    ];
    for (program, expected) in cases {
        assert_eq!(awk(program, &text), expected, "{program}: {text}");
    }
}

#[test]
fn nagios_and_zabbix_find_their_words() {
    let (n1, n2) = (Backend::start(echo("n1")), Backend::start(echo("n2")));
    let httpd = balanced("monitors", "event", [n1.port, n2.port], "");
    let get = |query: &str| Client::connect(httpd.port).get(&format!("/jkstatus{query}"));
    // check_jk_status: the attributes of each member, one on a line, in this order.
    let xml = get("?mime=xml&cmd=show&w=lb").text();
    let order = ["name=\"n1\"", "activation=\"ACT\"", "state=\"OK", "errors=\"0\"", "busy=\"0\""];
    let (_, xml) = xml.split_once("<jk:member").expect("a member");
    let places: Vec<_> = order.iter().map(|word| xml.find(&format!(" {word}"))).collect();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{places:?}: {xml}");
    // JkstatusMonitoring: one balancer as properties.
    let prop = get("?cmd=list&w=lb&mime=prop").text();
    for line in ["worker.lb.balance_workers=n1", "worker.n2.state=OK/IDLE", "worker.result.type=OK"]
    {
        assert!(prop.lines().any(|own| own == line), "{line}: {prop}");
    }
    // HEAD, as load balancers ask whether the page is there.
    let head = Client::connect(httpd.port).request("HEAD", "/jkstatus?mime=txt", &[], b"");
    assert_eq!((head.status, head.header("Content-Type")), (200, Some("text/plain")));
}
