//! Conversions of whole files, in both directions.

use super::{Conversion, Loss, to_jk, to_proxy};
use crate::config::in_memory::InMemory;
use crate::config::validate::check;
use crate::tool::httpd_conf::{TargetVersion, read};

fn there(text: &str) -> Conversion {
    let files = InMemory::new(&[("/e/site", text)]);
    let conf = read(&["/e/site"], "/e", &[], &TargetVersion::built_for(), &files);
    to_jk(&conf, "/etc/jk", &files)
}

fn back(text: &str, workers: &str) -> Conversion {
    let files = InMemory::new(&[("/e/site", text), ("w", workers)]);
    let conf = read(&["/e/site"], "/e", &[], &TargetVersion::built_for(), &files);
    let servers: Vec<_> = conf.servers.iter().map(|own| &own.settings).collect();
    let checked = check(&servers, None, &files);
    to_proxy(&conf, &checked, &files)
}

impl Conversion {
    /// The lines of a file that are no comments.
    fn lines(&self, name: &str) -> Vec<&str> {
        let file = self.files.iter().find(|own| own.name == name);
        let lines = file.map_or("", |own| &own.text).lines().map(str::trim);
        lines.filter(|line| !line.is_empty() && !line.starts_with('#')).collect()
    }

    fn said(&self) -> Vec<String> {
        self.remarks
            .iter()
            .map(|own| format!("{} {} {}", own.origin.line, own.loss.word(), own.subject))
            .collect()
    }
}

/// The rules of the main server.
fn rules(text: &str) -> Vec<String> {
    let made = there(text);
    let lines = made
        .lines("jk.conf")
        .into_iter()
        .filter(|line| line.starts_with("JkMount") || line.starts_with("JkUn"));
    lines.map(str::to_owned).collect()
}

#[test]
fn a_balancer_with_its_members() {
    let made = there(
        "Timeout 90\n<Proxy balancer://shop>\nBalancerMember ajp://h1 route=t1 loadfactor=1.5 secret=abc timeout=120 ping=2 retry=30\n\
         BalancerMember ajp://[::1]:8010 route=t.2 status=+H\nProxySet stickysession=SID|sid lbmethod=bytraffic growth=3\n</Proxy>\n\
         <VirtualHost *>\nProxyPass /shop balancer://shop/shop nofailover=On\n</VirtualHost>",
    );
    let expected = [
        "worker.list=shop",
        "worker.t1.type=ajp13",
        "worker.t1.host=h1",
        "worker.t1.port=8009",
        "worker.t1.secret=abc",
        "worker.t1.reply_timeout=120000",
        "worker.t1.ping_mode=P",
        "worker.t1.ping_timeout=2000",
        "worker.t1.route=t1",
        "worker.t1.lbfactor=3",
        "worker.t-2.type=ajp13",
        "worker.t-2.host=::1",
        "worker.t-2.port=8010",
        "worker.t-2.reply_timeout=90000",
        "worker.t-2.route=t.2",
        "worker.t-2.lbfactor=2",
        "worker.t-2.distance=2",
        "worker.shop.type=lb",
        "worker.shop.balance_workers=t1,t-2",
        "worker.shop.session_cookie=SID",
        "worker.shop.session_path=;sid",
        "worker.shop.method=Traffic",
        "worker.shop.sticky_session_force=true",
        "worker.shop.recover_time=30",
    ];
    assert_eq!(made.lines("workers.properties"), expected);
    assert_eq!(
        made.lines("site"),
        ["Timeout 90", "<VirtualHost *>", "JkMount /shop|/* shop", "</VirtualHost>"]
    );
    assert_eq!(made.said(), ["5 no counterpart growth"]);
    assert!(made.files.iter().all(|own| own.is_secret != (own.name == "jk.conf")));
}

#[test]
fn the_first_line_wins() {
    let pass = |path: &str, host: &str| format!("ProxyPass {path} ajp://{host}{path}\n");
    let (a, ab) = (pass("/a", "h1"), pass("/a/b", "h2"));
    assert_eq!(rules(&(ab.clone() + &a)), ["JkMount /a/b|/* h2-8009", "JkMount /a|/* h1-8009"]);
    assert_eq!(rules(&(a.clone() + &ab)), ["JkMount /a|/* h1-8009"]);
    assert_eq!(
        rules(&format!("ProxyPass /a/x !\n{a}")),
        ["JkUnMount /a/x|/* h1-8009", "JkMount /a|/* h1-8009"]
    );
    // What is excluded for two workers is excluded for all.
    assert_eq!(rules(&format!("ProxyPassMatch \\.gif$ !\n{ab}{a}"))[0], "JkUnMount /*.gif *");
    // A suffix before a path is repeated below it.
    let suffix = "ProxyPassMatch ^(/.*\\.jsp)$ ajp://h1$1\n";
    assert_eq!(
        rules(&format!("{suffix}{ab}")),
        ["JkMount /*.jsp h1-8009", "JkMount /a/b/*.jsp h1-8009", "JkMount /a/b|/* h2-8009"]
    );
    let inner = pass("/a/x/y", "h1");
    assert_eq!(
        rules(&format!("{inner}ProxyPass /a/x !\n{a}")),
        ["JkMount /a/x/y|/* h1-8009-2", "JkUnMount /a/x|/* h1-8009", "JkMount /a|/* h1-8009"]
    );
}

#[test]
fn what_cannot_be_converted_stays_and_the_rest_is_excluded_from_it() {
    let made = there(
        "ProxyPass /a ajp://h/other\nProxyPass /b ajp://h/b\nProxyPass /c !\nProxyPass /d http://h/d\nProxyPass / ajp://h/\nProxyVia On",
    );
    let expected = [
        "ProxyPass /a ajp://h/other",
        "ProxyPass \"/b\" !",
        "ProxyPass /c !",
        "ProxyPass /d http://h/d",
        "ProxyVia On",
    ];
    assert_eq!(made.lines("site"), expected);
    let lost: Vec<_> = made
        .remarks
        .iter()
        .filter(|own| own.loss == Loss::Lost)
        .map(|own| own.origin.line)
        .collect();
    assert_eq!(lost, [1, 4, 6]);
    assert!(
        made.remarks[0].text.contains("RewriteRule \"^/a(.*)$\" \"/other$1\" [PT]"),
        "{}",
        made.remarks[0]
    );
}

#[test]
fn nothing_is_left_out_in_silence() {
    let made = there(
        "EnableMCPMReceive\nAdvertiseFrequency 5\nRewriteRule ^/x(.*) ajp://h/x$1 [P,L]\n<Location /m>\nSetHandler balancer-manager\n</Location>\n\
         <Location /p>\nSetHandler \"proxy:ajp://h/\"\n</Location>\nProxyPassReverse /a ajp://h/a\nProxyRequests On\nProxyNewDirective x\n\
         SetEnv AJP_x 1\nProxyPass /a ajp://h/a retry=0 disablereuse=On wrong=1 nocanon\nUse Macro\nProxyRequests Off",
    );
    let expected = [
        "1 no counterpart EnableMCPMReceive",
        "2 no counterpart AdvertiseFrequency",
        "3 no counterpart RewriteRule [P]",
        "5 no counterpart SetHandler balancer-manager",
        "8 no counterpart SetHandler proxy:",
        "10 not needed ProxyPassReverse",
        "11 no counterpart ProxyRequests",
        "12 no counterpart ProxyNewDirective",
        "13 no counterpart AJP_ variable",
        "14 no counterpart retry",
        "14 no counterpart disablereuse",
        "14 no counterpart wrong",
        "14 no counterpart nocanon",
        "15 no counterpart Use",
    ];
    assert_eq!(made.said(), expected);
}

#[test]
fn a_path_may_stand_at_the_members() {
    let rule = |members: &str, pass: &str| {
        let members: String =
            members.split(' ').map(|own| format!("BalancerMember balancer://b {own}\n")).collect();
        rules(&format!("{members}ProxyPass {pass}\n")).first().cloned()
    };
    let expected = Some("JkMount /x|/* b".to_owned());
    assert_eq!(rule("ajp://h1/x ajp://h2/x/", "/x balancer://b"), expected);
    assert_eq!(rule("ajp://h1 ajp://h2/", "/x balancer://b/x"), expected);
    // It would be sent twice, or differently.
    assert_eq!(rule("ajp://h1/x ajp://h2/x", "/x balancer://b/x"), None);
    assert_eq!(rule("ajp://h1/x ajp://h2/y", "/x balancer://b"), None);
}

#[test]
fn sections_about_the_proxy_go_unless_a_line_needs_it() {
    let text = "<Proxy *>\nOrder deny,allow\n</Proxy>\n<IfModule mod_proxy.c>\nProxyPass /a ajp://h/a\n</IfModule>\n";
    let made = there(text);
    assert_eq!(made.lines("site"), [""; 0]);
    assert_eq!(made.said(), ["1 no counterpart <Proxy *>"]);
    let needing =
        ["RewriteRule ^/x(.*) http://h/$1 [P]", "ProxyRequests On", "SetHandler \"proxy:ajp://h\""];
    for line in needing {
        let made = there(&format!("{text}{line}"));
        let expected = [
            "<Proxy *>",
            "Order deny,allow",
            "</Proxy>",
            "<IfModule mod_proxy.c>",
            "</IfModule>",
            line,
        ];
        assert_eq!(made.lines("site"), expected, "{line}");
    }
}

#[test]
fn back_to_mod_proxy() {
    let workers = "worker.list=l,s,d\nworker.d.host=h3\nworker.d.ping_mode=P\nworker.d.busy_limit=5\nworker.s.type=status\nworker.l.type=lb\n\
                   worker.l.balance_workers=a,b\nworker.l.method=B\nworker.t.reply_timeout=5000\nworker.a.reference=worker.t\n\
                   worker.a.host=h1\nworker.a.lbfactor=200\nworker.b.host=h2\nworker.b.activation=Disabled\nworker.b.distance=1\n";
    let made = back(
        "JkWorkersFile w\nJkMount /x|/* l\nJkUnMount /x/static/* l\nJkUnMount /*.gif l\nJkMount /st|/* s\nJkMount /*.jsp d\n\
         JkMount /only d\nJkOptions +FlushPackets\nOther line",
        workers,
    );
    let expected = [
        "<Proxy \"balancer://l\">",
        "BalancerMember ajp://h1:8009 route=a loadfactor=100 timeout=5",
        "BalancerMember ajp://h2:8009 route=b status=+N lbset=1",
        "ProxySet stickysession=JSESSIONID|jsessionid",
        "ProxySet lbmethod=bybusyness",
        "</Proxy>",
        "<Location /st>",
        "SetHandler balancer-manager",
        "ProxyPass !",
        "</Location>",
        "ProxyPass /x/static/ !",
        "ProxyPassMatch \"^(?=/x(?:/.*)?$)/.*\\.gif$\" !",
        "ProxyPass /x balancer://l/x",
        "ProxyPassMatch \"^/.*\\.jsp$\" ajp://h3:8009 ping=10000ms",
        "ProxyPassMatch \"^/only$\" ajp://h3:8009",
    ];
    let mut own = made.lines("proxy.conf");
    let member = own.iter_mut().find(|line| line.contains("h1")).expect("a member");
    // The order of parameters is that of the file, and of what is lent.
    assert!(member.contains("loadfactor=100") && member.contains("timeout=5"), "{member}");
    *member = expected[1];
    assert_eq!(own, expected);
    assert_eq!(made.lines("site"), ["Other line"]);
    assert_eq!(
        made.said(),
        ["5 changed /st/*=s", "8 no counterpart JkOptions", "4 no counterpart worker.d.busy_limit"]
    );
}
