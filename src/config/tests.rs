//! Whole files, as administrators have them.

use std::time::Duration;

use crate::config::*;
use crate::lb::{Activation, Method};

fn read(text: &str) -> (WorkersConfig, Vec<String>) {
    let mut properties = Properties::default();
    let mut problems =
        properties.read(text, "w", &|name| (name == "HOME").then(|| "/home/tomcat".to_owned()));
    let (config, more) = resolve(&properties);
    problems.extend(more);
    let said = problems.iter().filter(|problem| problem.severity != Severity::Notice);
    (config, said.map(|problem| format!("{:?} {problem}", problem.severity)).collect())
}

fn ajp<'c>(config: &'c WorkersConfig, name: &str) -> &'c Ajp13Config {
    match &config.workers[name].kind {
        WorkerKind::Ajp13(ajp) => ajp,
        other => panic!("{name} is {other:?}"),
    }
}

#[test]
fn a_file_of_2010_loads() {
    let text = "worker.list=controller\r\n\
        worker.worker1.type=ajp13\nworker.worker1.host=localhost\nworker.worker1.port=8009\n\
        worker.worker1.lbfactor=1\nworker.worker1.cachesize=10\nworker.worker1.cache_timeout=600\n\
        worker.worker1.socket_keepalive=1\nworker.worker1.socket_timeout=300\n\
        worker.worker2.type=ajp13\nworker.worker2.port=18009\n\
        worker.controller.type=lb\nworker.retries=3\n\
        worker.controller.balance_workers=worker1,worker2\nworker.controller.method=B\n\
        worker.controller.sticky_session=0\nworker.controller.sticky_session_force=0\n";
    let (config, problems) = read(text);
    assert!(problems.iter().all(|problem| problem.starts_with("Warning")), "{problems:?}");
    let worker = ajp(&config, "worker1");
    assert_eq!(worker.connection_pool_size, Some(10));
    assert_eq!(worker.connection_pool_timeout.get(), Some(Duration::from_secs(600)));
    assert_eq!(worker.socket_timeout.get(), Some(Duration::from_secs(300)));
    assert!(worker.socket_keepalive);
    let WorkerKind::Lb(lb) = &config.workers["controller"].kind else { panic!("it is an lb") };
    assert_eq!(lb.method, Method::Busyness);
    assert!(!lb.sticky_session);
    let members: Vec<_> = lb.members.iter().map(|member| member.route.as_str()).collect();
    assert_eq!(members, ["worker1", "worker2"]);
}

#[test]
fn a_unix_domain_socket_is_a_host_without_a_port() {
    let (config, problems) = read("worker.list=w\nworker.w.host=unix:/run/tomcat/ajp.sock\n");
    assert_eq!(problems, Vec::<String>::new());
    let worker = ajp(&config, "w");
    assert_eq!(worker.host, "unix:/run/tomcat/ajp.sock");
    let number = |worker: &Ajp13Config| worker.value("port");
    assert_eq!((number(worker), worker.is_off()), (Some(Value::Number(0)), false));

    // A host that is set later needs a port: the one of the file, or the usual one.
    let mut later = worker.clone();
    assert!(later.change("host", &Value::Text("localhost".to_owned())));
    assert_eq!(number(&later), Some(Value::Number(8009)));
    assert!(!later.shares_connections_with(worker));

    // What is ignored makes no difference to anything.
    let (config, problems) =
        read("worker.list=w\nworker.w.host=unix:/run/tomcat/ajp.sock\nworker.w.port=8080\n");
    assert_eq!(problems.len(), 1, "not that it is an HTTP port: {problems:?}");
    assert_eq!(ajp(&config, "w").differing(), worker.differing());
    assert!(ajp(&config, "w").shares_connections_with(worker));
}

#[test]
fn templates_macros_and_old_names() {
    let text = "home=$(HOME)/x\nport=8109\nworker.list=a,b\nworker.t.type=ajp13\n\
        worker.t.port=$(port)\nworker.t.secret=s3\nworker.a.reference=worker.t\n\
        worker.b.reference=worker.a\nworker.b.port=8110\nworker.b.max_packet_size=9k\n\
        worker.b.retry_interval=0\nworker.b.ping_mode=cp\n";
    let (config, problems) = read(text);
    assert_eq!(problems, Vec::<String>::new());
    assert_eq!((ajp(&config, "a").port, ajp(&config, "b").port), (8109, 8110));
    let b = ajp(&config, "b");
    assert_eq!(b.secret, Some(Secret::new("s3")));
    assert_eq!(format!("{:?}", b.secret), "Some(***)");
    assert_eq!(b.max_packet_size, 9216);
    assert_eq!(b.prepost_timeout.get(), Some(Duration::from_secs(10)));
    assert_eq!(b.connection_acquire_timeout, Duration::ZERO);
}

#[test]
fn members() {
    let text = "worker.list=lb\nworker.lb.type=lb\nworker.lb.secret=x\n\
        worker.lb.balance_workers=a\nworker.lb.balance_workers=b\n\
        worker.a.route=dom.n1\nworker.a.disabled=1\nworker.b.activation=S\nworker.b.lbfactor=3\n";
    let (config, _) = read(text);
    let WorkerKind::Lb(lb) = &config.workers["lb"].kind else { panic!("it is an lb") };
    assert_eq!(lb.members[0].domain, "dom");
    assert_eq!(lb.members[0].activation, Activation::Disabled);
    assert_eq!(lb.members[1].activation, Activation::Stopped);
    assert_eq!(lb.members[1].lbfactor, 3);
    assert!(ajp(&config, "a").secret.is_some(), "the balancer's secret is inherited");
}

#[test]
fn options_a_later_word_wins() {
    let mut options = Options::default();
    options.set("+FlushPackets -FlushPackets +ForwardURICompat ForwardURIEscaped").expect("valid");
    assert_eq!(options.flush_packets, Some(false));
    assert_eq!(options.forward_uri, Some(crate::uri_map::forward::ForwardUri::Escaped));
    assert!(options.set("-ForwardURIProxy").is_err());
    assert!(options.set("+Bogus").is_err());
    let main = Options { flush_header: Some(true), ..Options::default() };
    assert_eq!(Options::merge(&main, &options).flush_header, Some(true));
}

#[test]
fn directives_check_their_words() {
    let main = Context { is_virtual: false, section: Section::Server, origin: Origin::default() };
    let vhost = Context { is_virtual: true, ..main.clone() };
    let location = Context { section: Section::Location("/app"), ..main.clone() };
    type Case<'c> = (&'static str, &'static str, Option<&'static str>, &'c Context<'c>, bool);
    let cases: &[Case<'_>] = &[
        ("JkMount", "/a", Some("w"), &main, true),
        ("JkMount", "a", Some("w"), &main, false),
        ("JkMount", "w", None, &main, false),
        ("JkMount", "w", None, &location, true),
        ("JkMount", "/a", Some("w"), &location, false),
        ("JkWorkersFile", "f", None, &vhost, false),
        ("JkMountCopy", "All", None, &main, true),
        ("JkMountCopy", "All", None, &vhost, false),
        ("JkMountCopy", "maybe", None, &vhost, false),
        ("JkExtractSSL", "perhaps", None, &main, false),
        ("jklogLEVEL", "debug", None, &main, true),
        ("JkLogLevel", "bogus", None, &main, true),
        ("JkRemoteAddrIndicator", "MY_ADDR", None, &main, true),
        ("JkNonsense", "x", None, &main, false),
    ];
    for (directive, first, second, context, fine) in cases {
        let result = ServerSettings::default().set(directive, first, *second, context);
        assert_eq!(result.is_ok(), *fine, "{directive} {first}: {result:?}");
    }
}

#[test]
fn maintenance_has_one_interval() {
    let cases: &[(&str, Option<u32>, Option<u64>)] = &[
        ("", None, Some(60)),
        ("", Some(0), Some(60)),
        ("", Some(5), Some(5)),
        ("worker.maintain=20", None, Some(20)),
        ("worker.maintain=20", Some(5), Some(20)),
        ("worker.maintain=20", Some(30), Some(30)),
        ("worker.maintain=0", None, None),
        ("worker.maintain=0", Some(5), None),
    ];
    for (line, watchdog, expected) in cases {
        let (config, _) = read(&format!("worker.list=a\nworker.a.type=ajp13\n{line}"));
        let expected = expected.map(Duration::from_secs);
        assert_eq!(config.interval(*watchdog), expected, "{line:?} and {watchdog:?}");
    }
}

#[test]
fn the_main_server_serves_what_no_virtual_host_takes() {
    // Listen, VirtualHost, whether nothing is left
    let cases: &[(&[&str], &[&str], bool)] = &[
        (&["80"], &["*:80"], true),
        (&["80", "443"], &["*:80"], false),
        (&["80", "443"], &["*:80", "_default_:443"], true),
        (&["80", "443"], &["*"], true),
        (&["0.0.0.0:80", "[::]:80"], &["*:80"], true),
        (&["10.0.0.1:80", "10.0.0.2:80"], &["10.0.0.1:80"], false),
        (&["10.0.0.1:80"], &["10.0.0.1:80"], true),
        (&["80"], &["10.0.0.1:80"], false),
        (&["[::1]:80"], &["[::1]:80"], true),
        (&[], &["*:80"], false),
        (&["80"], &[], false),
    ];
    let with = |addresses: &[&str]| ServerSettings {
        addresses: addresses.iter().map(|own| (*own).to_owned()).collect(),
        ..ServerSettings::default()
    };
    for (listen, hosts, expected) in cases {
        let main = with(listen);
        let hosts: Vec<_> = hosts.iter().map(|own| with(&[own])).collect();
        assert_eq!(main.serves_nothing(hosts.iter()), *expected, "{listen:?} {hosts:?}");
    }
}

#[test]
fn times_with_a_unit() {
    use crate::config::value::instead;

    let cases = [
        ("5m", ValueKind::Seconds, 5_242_880, ", for 5m write 300"),
        ("10s", ValueKind::Seconds, 10, ""),
        ("10s", ValueKind::Millis, 10, ", for 10s write 10000"),
        ("1.5 min", ValueKind::Millis, 1, ", for 1.5 min write 90000"),
        ("500ms", ValueKind::Seconds, 500, ", for 500ms write 1"),
        ("2h", ValueKind::Seconds, 2, ", for 2h write 7200"),
        ("5x", ValueKind::Seconds, 5, ""),
        ("m", ValueKind::Seconds, 0, ""),
        ("5m", ValueKind::Bytes, 5_242_880, ""),
        (
            "99999999999999999999d",
            ValueKind::Seconds,
            0,
            ", for 99999999999999999999d write 18446744073709552",
        ),
    ];
    for (text, kind, used, expected) in cases {
        assert_eq!(instead(text, kind, used), expected, "{text}");
    }
}
