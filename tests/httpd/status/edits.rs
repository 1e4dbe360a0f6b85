//! Settings changed through the status worker, as requests and other children see them.

use std::collections::BTreeMap;
use std::fs;

use crate::setups::balanced;
use crate::support::backend::{Backend, Reply, echo};
use crate::support::client::Client;
use crate::support::httpd::{Httpd, Setup};
use crate::support::{PATIENCE, wait_until};

fn ask(httpd: &Httpd, query: &str) -> String {
    Client::connect(httpd.port).get(&format!("/jkstatus?mime=txt&{query}")).text()
}

fn update(httpd: &Httpd, query: &str) {
    let answer = ask(httpd, &format!("cmd=update&{query}"));
    assert!(answer.contains("Result: type=OK"), "{query}: {answer}");
}

/// Who answers how many of `count` requests.
fn served_by(httpd: &Httpd, count: usize) -> BTreeMap<String, usize> {
    let mut names = BTreeMap::new();
    for _ in 0..count {
        let response = Client::connect(httpd.port).get("/app/x");
        assert_eq!(response.status, 200);
        *names.entry(response.text()[..2].to_owned()).or_default() += 1;
    }
    names
}

#[test]
fn every_setting_comes_back_as_it_was_sent() {
    let (n1, n2) = (Backend::start(echo("n1")), Backend::start(echo("n2")));
    let httpd = balanced("edit-all", "prefork", [n1.port, n2.port], "");
    let of_lb: &[(&str, &str, &str)] = &[
        ("vlr", "5", "retries=5"),
        ("vlt", "90", "recover_time=90"),
        ("vlee", "40", "error_escalation_time=40"),
        ("vlx", "6", "max_reply_timeouts=6"),
        ("vls", "false", "sticky_session=False"),
        ("vlf", "1", "sticky_session_force=True"),
        ("vlm", "b", "method=Busyness"),
        ("vll", "p", "lock=Pessimistic"),
    ];
    let of_member: &[(&str, &str, &str)] = &[
        ("vwf", "7", "lbfactor=7"),
        ("vwn", "east.one", "route=\"east.one\""),
        ("vwr", "n2", "redirect=\"n2\""),
        ("vwc", "west", "domain=\"west\""),
        ("vwd", "2", "distance=2"),
        ("vacpt", "61", "connection_pool_timeout=61"),
        ("vapng", "1234", "ping_timeout=1234"),
        ("vact", "2345", "connect_timeout=2345"),
        ("vapt", "3456", "prepost_timeout=3456"),
        ("vart", "45678", "reply_timeout=45678"),
        ("var", "4", "retries=4"),
        ("vacpi", "30", "connection_ping_interval=30"),
        ("varo", "3", "recovery_options=3"),
        ("vabl", "200", "busy_limit=200"),
        ("vamps", "16000", "max_packet_size=16384"),
    ];
    for (name, value, _) in of_lb {
        update(&httpd, &format!("w=lb&{name}={value}"));
    }
    update(&httpd, "w=lb&vlri=70");
    update(&httpd, "w=lb&sw=n1&vari=50");
    let json = Client::connect(httpd.port).get("/jkstatus?mime=json").text();
    for number in [70, 50] {
        let own = format!("\"retry_interval_ms\":{number}");
        assert!(json.replace(' ', "").contains(&own), "{own}: {json}");
    }
    for (name, value, _) in of_member {
        update(&httpd, &format!("w=lb&sw=n1&{name}={value}"));
    }
    let check = |moment: &str| {
        // Several times: each child must say the same.
        for _ in 0..8 {
            let text = ask(&httpd, "cmd=show&w=lb");
            let balancer = text.lines().find(|line| line.starts_with("Balancer")).expect("a line");
            let member = text.lines().find(|line| line.contains(" name=n1 ")).expect("a line");
            for (_, _, shown) in of_lb {
                assert!(balancer.contains(&format!(" {shown}")), "{moment}: {shown}: {balancer}");
            }
            for (_, _, shown) in of_member {
                assert!(member.contains(&format!(" {shown}")), "{moment}: {shown}: {member}");
            }
        }
    };
    check("at once");
    httpd.graceful_for_all();
    check("after a graceful restart");
    let log = httpd.log("jk.log");
    for line in [
        "JK-502 balancer lb: retries changed from \"2\" to \"5\" by a client at 127",
        "JK-502 balancer lb: member n1: lbfactor changed from \"1\" to \"7\" by a client at 127",
        "JK-502 balancer lb: member n1: route changed from \"n1\" to \"east.one\" by a client at 127",
        "JK-502 worker n1: reply_timeout changed from \"unset\" to \"45678\" by a client at 127",
    ] {
        assert!(log.contains(line), "{line}: {log}");
    }
    // The same for all members by a pattern, by one attribute for each, and by the property's name.
    // A route is one member's alone.
    let of_all = of_member.iter().filter(|row| row.0 != "vwn");
    for (name, value, shown) in of_all {
        let count = || ask(&httpd, "cmd=show&w=lb").matches(&format!(" {shown}")).count();
        update(&httpd, &format!("w=lb&sw=*&{name}={value}"));
        assert_eq!(count(), 2, "{name} by a pattern");
        let other = if *name == "vwr" || *name == "vwc" { "x" } else { "9000" };
        let other = if *name == "varo" { "1" } else { other };
        update(&httpd, &format!("w=lb&att={name}&val0={value}&val.n2={other}"));
        assert_eq!(count(), 1, "{name} by member");
        let (property, _) = shown.split_once('=').expect("a value");
        update(&httpd, &format!("w=lb&sw=n2&set.{property}={value}"));
        assert_eq!(count(), 2, "{property} by its name");
    }
    check("after all of that");
    let refused = ask(&httpd, "cmd=update&w=lb&sw=n1&vwf=3&vart=soon");
    assert!(refused.contains("type=ERROR"), "{refused}");
    check("all or nothing");
}

#[test]
fn requests_of_all_children_go_by_changed_settings() {
    let (n1, n2, n3) =
        (Backend::start(echo("n1")), Backend::start(echo("n2")), Backend::start(echo("n3")));
    let mut httpd = balanced("edit-effect", "prefork", [n1.port, n2.port], "");
    httpd.expect("JK-503");
    assert_eq!(served_by(&httpd, 20)["n1"], 10);
    update(&httpd, "w=lb&sw=n1&vwf=4");
    let share = served_by(&httpd, 50);
    assert!((38..=42).contains(&share["n1"]), "four to one: {share:?}");

    // Another address, while httpd runs.
    update(&httpd, &format!("w=lb&sw=n2&vaprt={}", n3.port));
    let share = served_by(&httpd, 20);
    assert_eq!(share.keys().collect::<Vec<_>>(), ["n1", "n3"], "{share:?}");
    httpd.graceful_for_all();
    let share = served_by(&httpd, 50);
    assert!((38..=42).contains(&share["n1"]), "four to one still: {share:?}");
    assert!(share.contains_key("n3"), "{share:?}");

    // The file changes n2: it wins there, and only there.
    let path = httpd.dir.join("workers.properties");
    let text = fs::read_to_string(&path).expect("a file") + "worker.n2.reply_timeout=9000\n";
    httpd.write("workers.properties", &text);
    httpd.graceful_for_all();
    let share = served_by(&httpd, 50);
    assert!(ask(&httpd, "cmd=show&w=lb").contains(" lbfactor=4 "), "that of n1 stays");
    assert!(share.contains_key("n2") && !share.contains_key("n3"), "{share:?}");
    let said = httpd.log("error.log") + &httpd.log("jk.log");
    assert!(
        said.contains(
            "JK-503 worker n2: runtime change discarded: the configuration file changed; vaprt="
        ),
        "{said}"
    );

    // All members at once, by a pattern and by one attribute for each.
    update(&httpd, "w=lb&sw=n*&vart=300");
    update(&httpd, "w=lb&att=vwf&val0=1&val.n2=1");
    let shown = ask(&httpd, "cmd=show&w=lb");
    assert_eq!(shown.matches(" reply_timeout=300 ").count(), 2, "{shown}");
    assert_eq!(shown.matches(" lbfactor=1 ").count(), 2, "{shown}");
}

#[test]
fn a_new_secret_is_a_changed_setting() {
    let (n1, n2) = (Backend::start(echo("n1")), Backend::start(echo("n2")));
    let mut httpd = balanced("edit-secret", "event", [n1.port, n2.port], "");
    httpd.expect("JK-503");
    let path = httpd.dir.join("workers.properties");
    let text = fs::read_to_string(&path).expect("a file");
    let write = |secret: &str| {
        httpd.write("workers.properties", &format!("{text}worker.n1.secret={secret}\n"));
        httpd.graceful_for_all();
    };
    let count = || ask(&httpd, "cmd=show&w=lb").matches(" reply_timeout=7000 ").count();
    write("one-secret");
    update(&httpd, "w=lb&sw=n*&vart=7000");
    assert_eq!(count(), 2, "{}", ask(&httpd, "cmd=show&w=lb"));
    write("one-secret");
    for _ in 0..10 {
        assert_eq!(count(), 2, "the same secret");
    }
    write("another-secret");
    let is_dropped = || count() == 1;
    assert!(wait_until(PATIENCE, is_dropped), "{}", ask(&httpd, "cmd=show&w=lb"));
    let said = httpd.log("error.log") + &httpd.log("jk.log");
    assert!(
        said.contains(
            "JK-503 worker n1: runtime change discarded: the configuration file changed; vart="
        ),
        "{said}"
    );
    assert!(!said.contains("one-secret") && !said.contains("another-"), "{said}");
}

#[test]
fn a_place_without_a_port_waits_for_one() {
    let (n1, n2) = (Backend::start(echo("n1")), Backend::start(echo("n2")));
    let httpd = balanced("edit-port", "prefork", [n1.port, 0], "");
    assert_eq!(served_by(&httpd, 10)["n1"], 10);
    assert!(ask(&httpd, "cmd=show&w=lb&sw=n2").contains(" activation=STP "));
    let refused = ask(&httpd, "cmd=update&w=lb&sw=n2&vwa=a");
    assert!(refused.contains("member 'n2' has no port, set vaprt first"), "{refused}");
    // It serves as soon as it has one.
    update(&httpd, &format!("w=lb&sw=n2&vaprt={}", n2.port));
    assert!(ask(&httpd, "cmd=show&w=lb&sw=n2").contains(" activation=ACT "));
    assert!(served_by(&httpd, 20).contains_key("n2"));
    assert!(ask(&httpd, "cmd=update&w=lb&sw=n2&vaprt=0").contains("type=ERROR"));
}

#[test]
fn a_changed_member_drops_its_activation_and_says_so() {
    let (n1, n2) = (Backend::start(echo("n1")), Backend::start(echo("n2")));
    let mut httpd = balanced("edit-activation", "event", [n1.port, n2.port], "");
    update(&httpd, "w=lb&sw=n1&vwa=d");
    update(&httpd, "w=lb&sw=n2&vwa=d");
    httpd.expect("JK-503");
    let path = httpd.dir.join("workers.properties");
    let text = fs::read_to_string(&path).expect("a file") + "worker.n2.lbfactor=2\n";
    httpd.write("workers.properties", &text);
    httpd.graceful_for_all();
    let shown = || {
        let text = ask(&httpd, "cmd=show&w=lb");
        let lines = text.lines().filter(|line| line.starts_with("Member"));
        let words =
            lines.filter_map(|line| line.split(' ').find(|word| word.starts_with("activation=")));
        words.map(str::to_owned).collect::<Vec<_>>()
    };
    // A child of before the restart may still answer once or twice.
    let is_new = || shown() == ["activation=DIS", "activation=ACT"];
    assert!(wait_until(PATIENCE, is_new), "{:?}", shown());
    let log = httpd.log("error.log");
    let said: Vec<_> = log.lines().filter(|line| line.contains("JK-503")).collect();
    assert_eq!(said.len(), 1, "{log}");
    assert!(
        said[0].contains("JK-503 balancer lb: member n2: runtime change discarded: the configuration file changed; the activation"),
        "{log}"
    );
}

#[test]
fn a_post_goes_by_recovery_options_as_they_are_unset_and_set() {
    // It takes requests and hangs up.
    let backend = Backend::start(|_| Reply::Close(Vec::new()));
    let workers = format!(
        "worker.list=w,st\nworker.st.type=status\nworker.w.host=127.0.0.1\nworker.w.port={}\n\
         worker.w.retry_interval=0\n",
        backend.port
    );
    let config = "JkMount /app/* w\nJkMount /jkstatus st\n";
    let setup = Setup { name: "edit-unset", mpm: "prefork", config, workers: &workers };
    let mut httpd = setup.start();
    httpd.expect("JK-3");
    httpd.expect("JK-503");
    let check = |moment: &str, shown: &str, deliveries: usize| {
        let page = Client::connect(httpd.port).get("/jkstatus?mime=json&cmd=show&w=w").text();
        let own = format!("\"recovery_options\":{shown}");
        assert!(page.contains(&own), "{moment}: {own}: {page}");
        assert!(ask(&httpd, "cmd=show&w=w").contains(" recovery_options="), "{moment}");
        let before = backend.count();
        let response = Client::connect(httpd.port).request("POST", "/app/x", &[], b"body");
        assert_eq!(response.status, 502, "{moment}");
        assert_eq!(backend.count() - before, deliveries, "{moment}");
    };
    check("as in the file", "\"unset\"", 1);
    for (query, shown, deliveries) in [
        ("varo=1", "1", 1),
        ("varo=0", "0", 2),
        ("varo=unset", "\"unset\"", 1),
        ("set.recovery_options=0", "0", 2),
        ("set.recovery_options=unset", "\"unset\"", 1),
    ] {
        update(&httpd, &format!("w=w&{query}"));
        check(query, shown, deliveries);
    }
    assert!(ask(&httpd, "cmd=update&w=w&varo=").contains("type=ERROR"), "an empty value");
    assert!(ask(&httpd, "cmd=show&w=w").contains(" recovery_options=0 "), "a number in txt");
    // The file says one thing, what was changed another, that it is unset.
    let path = httpd.dir.join("workers.properties");
    let text = fs::read_to_string(&path).expect("a file") + "worker.w.recovery_options=0\n";
    httpd.write("workers.properties", &text);
    httpd.graceful();
    let is_new = || ask_json(&httpd).contains("\"recovery_options\":0");
    assert!(wait_until(PATIENCE, is_new), "{}", ask_json(&httpd));
    update(&httpd, "w=w&varo=unset");
    httpd.graceful();
    let is_unset = || ask_json(&httpd).contains("\"recovery_options\":\"unset\"");
    assert!(wait_until(PATIENCE, is_unset), "{}", ask_json(&httpd));
    check("after a graceful restart", "\"unset\"", 1);
}

fn ask_json(httpd: &Httpd) -> String {
    Client::connect(httpd.port).get("/jkstatus?mime=json&cmd=show&w=w").text()
}

#[test]
fn a_parameter_given_twice_is_named_and_nothing_is_changed() {
    let (n1, n2) = (Backend::start(echo("n1")), Backend::start(echo("n2")));
    let httpd = balanced("edit-twice", "prefork", [n1.port, n2.port], "");
    let before = ask(&httpd, "cmd=show&w=lb&sw=n1");
    let form = "application/x-www-form-urlencoded";
    let json = "application/json";
    let start = "mime=json&cmd=update&w=lb&sw=n1&vwd=3";
    for (method, query, kind, body, named) in [
        ("GET", format!("{start}&vwf=2&vwf=3"), form, "", "vwf is set twice"),
        ("GET", format!("{start}&vwf=2&wf=3"), form, "", "vwf, that is wf, is set twice"),
        ("POST", start.to_owned(), form, "vwf=2&vwf=3", "vwf is set twice"),
        ("POST", format!("{start}&vwf=2"), form, "vwf=3", "vwf is set twice"),
        ("POST", format!("{start}&vwf=2"), json, "{\"vwf\":2}", "vwf is set twice"),
        ("POST", start.to_owned(), json, "{\"vwf\":2,\"vwf\":3}", "vwf is set twice"),
        (
            "POST",
            start.to_owned(),
            json,
            "{\"set\":{\"lbfactor\":2,\"lbfactor\":3}}",
            "set.lbfactor is set twice",
        ),
        (
            "POST",
            start.to_owned(),
            json,
            "{\"vwf\":2,\"set\":{\"lbfactor\":3}}",
            "set.lbfactor, that is vwf, is set twice",
        ),
        ("GET", format!("{start}&vwx=2"), form, "", "unknown parameter 'vwx'"),
        ("GET", format!("{start}&lbfactor=2"), form, "", "unknown parameter 'lbfactor'"),
    ] {
        let path = format!("/jkstatus?{query}");
        let headers = [("Content-Type", kind)];
        let answer = Client::connect(httpd.port).request(method, &path, &headers, body.as_bytes());
        let text = answer.text();
        assert_eq!(answer.status, 400, "{method} {query} {body}: {text}");
        assert!(text.contains(named), "{method} {query} {body}: {text}");
        let now = ask(&httpd, "cmd=show&w=lb&sw=n1");
        for setting in [" lbfactor=1 ", " distance=0 "] {
            assert!(before.contains(setting) && now.contains(setting), "{query} {body}: {now}");
        }
    }
}
