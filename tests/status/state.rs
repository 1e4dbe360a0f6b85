//! The state in which mod_jk 1.2.48 gave the golden answers.

use std::sync::Arc;

use mod_jk::config::{Ajp13Config, LbConfig, MemberConfig, Settings};
use mod_jk::lb::{Activation, MemberState};
use mod_jk::status::view::{
    BalancerView, EventList, MemberView, Moment, RuleView, ServerView, Snapshot, WorkerView,
};

fn ajp(name: &str, port: u16) -> WorkerView {
    WorkerView {
        name: name.to_owned(),
        config: Arc::new(Ajp13Config {
            host: "127.0.0.71".to_owned(),
            port,
            ..Ajp13Config::usual()
        }),
        address: if port == 0 { "invalid".to_owned() } else { format!("127.0.0.71:{port}") },
        last_reset_at: 1_795_511_627,
        last_reset_ago: 2,
        ..WorkerView::default()
    }
}

fn member(name: &str, port: u16) -> MemberView {
    MemberView {
        ajp: ajp(name, port),
        activation: Activation::Active,
        config: Arc::new(MemberConfig {
            lbfactor: 1,
            route: name.to_owned(),
            ..MemberConfig::usual()
        }),
        state: MemberState::Idle,
        lbmult: 2,
        lbvalue: 0,
        sessions: 0,
        time_to_recover_min: 0,
        time_to_recover_max: 0,
        recent_sessions: 0,
        last_session_ago: None,
        health: None,
        health_status: 0,
        health_detail: None,
        last_check: None,
        unhealthy_since: None,
        readmitted: None,
        activated_at: None,
        foreign_routes: 0,
    }
}

fn moment(unix: i64, datetime: &str) -> Moment {
    Moment { unix, datetime: datetime.to_owned(), tz: "+0000".to_owned() }
}

fn rule(uri: &str) -> RuleView {
    RuleView {
        server: "oracle.example".to_owned(),
        uri: uri.to_owned(),
        source: "JkMount".to_owned(),
        ..RuleView::default()
    }
}

/// One balancer of three members, one worker alone.
pub fn snapshot() -> Snapshot {
    let mut n1 = member("n1", 8109);
    Arc::make_mut(&mut n1.config).route = "r1".to_owned();
    n1.state = MemberState::Error;
    (n1.lbvalue, n1.sessions, n1.time_to_recover_min, n1.time_to_recover_max) = (4, 2, 59, 119);
    (n1.ajp.used, n1.ajp.errors, n1.ajp.max_busy) = (2, 2, 1);
    n1.ajp.error_time = Some((moment(1_795_511_628, "20261124091348"), 1));
    let mut n2 = member("n2", 8209);
    Arc::make_mut(&mut n2.ajp.config).source = Some("127.0.0.72".to_owned());
    n2.activation = Activation::Disabled;
    n2.lbmult = 1;
    let of_n2 = Arc::make_mut(&mut n2.config);
    (of_n2.lbfactor, of_n2.distance) = (2, 1);
    (of_n2.redirect, of_n2.domain) = ("r1".to_owned(), "dom".to_owned());
    let mut n3 = member("n3", 0);
    n3.activation = Activation::Stopped;
    let exclusion = RuleView { is_exclusion: true, ..rule("/app/static/*") };
    // 1.2.48 keeps what stands behind a semicolon in JkMount.
    let extended = "/ext/*;reply_timeout=500;fail_on_status=404,503;sticky_ignore=1;stateless=1;\
                    active=n1;disabled=n2;stopped=n3;use_server_errors=500";
    let mut solo = ajp("solo", 8309);
    (solo.used, solo.errors, solo.max_busy, solo.map_count) = (1, 1, 1, 1);
    solo.error_time = Some((moment(1_795_511_629, "20261124091349"), 0));
    solo.rules = vec![RuleView { is_exact: true, ..rule("/solo") }];
    let properties = include_str!("golden/dump.prop").lines().skip(7);
    let mut properties: Vec<_> = properties
        .filter(|line| !line.starts_with("worker.result"))
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    properties.push(("worker.solo.secret".to_owned(), "s3cret".to_owned()));
    Snapshot {
        origins: Vec::new(),
        server: ServerView {
            name: "127.0.0.73".to_owned(),
            port: 8173,
            software: "Apache/2.4.71 (Debian) mod_jk/1.2.48".to_owned(),
            version: "mod_jk/1.2.48".to_owned(),
            now: moment(1_795_511_629, "20261124091349"),
            ..ServerView::default()
        },
        balancers: vec![BalancerView {
            name: "lb".to_owned(),
            config: Arc::new(LbConfig::usual()),
            max_busy: 1,
            map_count: 3,
            time_to_maintenance_min: 58,
            time_to_maintenance_max: 118,
            last_reset_at: 1_795_511_627,
            last_reset_ago: 2,
            members: vec![n1, n2, n3],
            rules: vec![exclusion, rule(extended), rule("/app/*")],
            ..BalancerView::default()
        }],
        workers: vec![solo],
        others: vec!["st".to_owned()],
        properties: properties.into(),
        broken_configuration: None,
        runtime_changes: Vec::new(),
        is_unprotected: false,
        events: EventList::default(),
    }
}
