use crate::config::in_memory::InMemory;
use crate::tool::httpd_conf::*;
use crate::tool::request_target::EncodedSlashes;

impl ConfFiles for InMemory {
    fn matching(&self, pattern: &str) -> Vec<String> {
        let start = pattern.trim_end_matches('*');
        let names = self.0.keys().filter(|own| match start == pattern {
            true => *own == pattern,
            false => own.starts_with(start),
        });
        names.cloned().collect()
    }
}

fn conf(files: &[(&str, &str)]) -> Conf {
    read(
        &[files[0].0],
        "/etc/httpd",
        &["GIVEN".to_owned()],
        &TargetVersion::parse("2.4.62").expect("a version"),
        &InMemory::new(files),
    )
}

fn rules(server: &ConfServer) -> Vec<String> {
    server.settings.mounts.rules().map(ToString::to_string).collect()
}

fn texts(conf: &Conf) -> Vec<String> {
    conf.problems.iter().map(ToString::to_string).collect()
}

#[test]
fn servers_and_sections() {
    let conf = conf(&[(
        "/c",
        "ServerRoot \"/srv/httpd/\"\n\
         LoadModule jk_module modules/mod_jk.so\n\
         JkWorkersFile conf/w.properties\n\
         JkLogFile ${LOGS}/jk.log\n\
         JkOptions +ForwardURIEscaped -FlushPackets\n\
         <VirtualHost *:80 [::]:80>\n\
           ServerName http://one.example:80\n\
           ServerAlias *.one.example\n\
           AllowEncodedSlashes NoDecode\n\
           JkMount \"/a b/*\" w1\n\
           <Location /loc>\n\
             <RequireAll>\n\
               Require all granted\n\
             </RequireAll>\n\
             JkMount w2\n\
           </Location>\n\
         </VirtualHost>\n\
         JkMount /main w3\n",
    )]);
    assert_eq!(texts(&conf), Vec::<String>::new());
    assert_eq!(conf.root, "/srv/httpd");
    assert_eq!(conf.servers.len(), 2);
    assert_eq!(rules(&conf.servers[0]), ["/main=w3 (/c:18)"]);
    let host = &conf.servers[1];
    assert_eq!(rules(host), ["/a b/*=w1 (/c:10)", "/loc=w2 (/c:15)"]);
    assert_eq!(host.name.as_deref(), Some("one.example"));
    assert_eq!(host.encoded_slashes, Some(EncodedSlashes::Kept));
    assert_eq!(host.settings.log_file.as_deref(), Some("/var/log/jk.log"), "it is inherited");
}

#[test]
fn conditions_defines_and_includes() {
    let conf = conf(&[
        (
            "/etc/httpd/c",
            "Define app /app\n\
             <IfModule jk_module>\n\
               JkMount ${app}/* w1\n\
               <IfModule !jk_module>\n\
                 JkMount /never w1\n\
                 <VirtualHost *:80>\n\
                   JkMount /never w1\n\
                 </VirtualHost>\n\
               </IfModule>\n\
             </IfModule>\n\
             <IfDefine GIVEN>\n\
               JkMount /given w1\n\
             </IfDefine>\n\
             <IfDefine !GIVEN>\n\
               JkMount /never w1\n\
             </IfDefine>\n\
             <Macro mine $x>\n\
               JkMount /$x w1\n\
             </Macro>\n\
             <VirtualHost _default_:443>\n\
               Include sites/*\n\
             </VirtualHost>\n\
             IncludeOptional nothing/*\n\
             JkMount /last w1\n",
        ),
        ("/etc/httpd/sites/a", "JkMount /a w1\n"),
        ("/etc/httpd/sites/b", "UnDefine app\nJkMount /b w1\n"),
    ]);
    assert_eq!(texts(&conf), Vec::<String>::new());
    let lines: Vec<_> =
        conf.servers[0].settings.mounts.rules().map(|own| own.origin.line).collect();
    assert_eq!(lines, [3, 12, 24]);
    assert_eq!(
        rules(&conf.servers[1]),
        ["/a=w1 (/etc/httpd/sites/a:1)", "/b=w1 (/etc/httpd/sites/b:2)"]
    );
}

#[test]
fn sections_for_a_version_are_those_of_the_httpd_that_is_asked_about() {
    let conf = conf(&[(
        "/c",
        "<IfVersion >= 2.4.62>\nJkMount /a w1\n</IfVersion>\n\
         <IfVersion > 2.4.62>\nJkMount /b w1\n</IfVersion>\n\
         <IfVersion ~ ^2\\.2>\nJkMount /c w1\n</IfVersion>\n\
         <IfVersion => 2.4>\nJkMount /d w1\n</IfVersion>\n",
    )]);
    assert_eq!(rules(&conf.servers[0]), ["/a=w1 (/c:2)"]);
    let expected =
        "/c:10: <IfVersion => 2.4>: unknown operator \"=>\", expected =, >, >=, <, <= or ~";
    assert_eq!(texts(&conf), [expected]);
}

#[test]
fn directives_are_refused_where_httpd_refuses_them() {
    let conf = conf(&[(
        "/c",
        "<Directory /srv>\n\
           JkOptions +ForwardURIEscaped\n\
           <Limit GET>\n\
             jkstripsession On\n\
           </Limit>\n\
         </Directory>\n\
         <Location /x>\n\
           <RequireAny>\n\
             JkMount w\n\
           </RequireAny>\n\
           <IfModule x>\n\
             JkMount w\n\
           </IfModule>\n\
           <If \"true\">\n\
             JkMount w\n\
           </If>\n\
         </Location>\n",
    )]);
    let expected = [
        "/c:2: JkOptions not allowed in <Directory> context",
        "/c:4: JkStripSession not allowed in <Limit> context",
        "/c:9: JkMount not allowed in <RequireAny> context",
        "/c:15: JkMount cannot be used inside <If>, use <Location> or give a pattern outside of it",
    ];
    assert_eq!(texts(&conf), expected);
    assert_eq!(rules(&conf.servers[0]), ["/x=w (/c:12)"]);
}

#[test]
fn mistakes_are_named_with_their_place() {
    let conf = conf(&[
        (
            "/c",
            "JkMonut /x w1\n\
             JkMount /x\n\
             JkMountFile a b\n\
             JkLogFile\n\
             JkLogFile ${NOWHERE}/x\n\
             </Location>\n\
             Include missing.conf\n\
             Include self\n\
             <Location /x>\n\
             <VirtualHost *>\n\
             JkWorkersFile x\n",
        ),
        ("/etc/httpd/self", "Include self\n"),
    ]);
    let expected = [
        "/c:1: unknown directive JkMonut, did you mean JkMount",
        "/c:2: JkMount needs a pattern and a worker",
        "/c:3: JkMountFile takes at most 1 words, there are 2",
        "/c:4: JkLogFile needs a value",
        "/c:5: ${NOWHERE} is not defined, expected a Define or an environment variable; it stays as it is",
        "/c:6: </Location> closes a section that is not open",
        "/c:7: Include /etc/httpd/missing.conf: there is no such file",
        "/etc/httpd/self:1: Include /etc/httpd/self: files include each other more than 64 deep",
        "/c:11: JkWorkersFile not allowed in <VirtualHost> context",
        "/c:9: <Location> is not closed in this file",
        "/c:10: <VirtualHost> is not closed in this file",
    ];
    assert_eq!(texts(&conf), expected);
}

#[test]
fn hosts_as_httpd_chooses_them() {
    let conf = conf(&[(
        "/c",
        "<VirtualHost *:80>\nServerName first.example\n</VirtualHost>\n\
         <VirtualHost *:80>\nServerName one.example\nServerAlias *.one.example\n</VirtualHost>\n\
         <VirtualHost *:443>\nServerName one.example\n</VirtualHost>\n\
         <VirtualHost 127.0.0.1:8080>\nServerName admin.example\n</VirtualHost>\n",
    )]);
    let cases = [
        ("one.example", ServerChoice::Named(2)),
        ("ONE.example:80", ServerChoice::Named(2)),
        ("www.one.example", ServerChoice::Named(2)),
        ("one.example:443", ServerChoice::Named(3)),
        ("admin.example", ServerChoice::Named(4)),
        ("other.example", ServerChoice::First(1)),
        ("other.example:443", ServerChoice::First(3)),
        ("one.example:9", ServerChoice::Main),
    ];
    for (host, expected) in cases {
        assert_eq!(conf.server_for(host), expected, "{host}");
    }
}

#[test]
fn a_module_that_is_never_loaded_is_named() {
    let section = "<IfModule jk_module>\nJkWorkersFile w\n</IfModule>\n";
    let load = "LoadModule jk_module modules/mod_jk.so\n";
    let rest = "Listen 80\nLoadModule ssl_module modules/mod_ssl.so\n";
    let own = "<IfModule !jk_module>\nLoadModule jk_module x/mod_jk.so\n</IfModule>\n";
    for (text, expected) in [
        (format!("{rest}{load}{section}"), None),
        (format!("{rest}{own}JkWorkersFile w\n"), None),
        (section.to_owned(), None),
        ("JkWorkersFile w\n".to_owned(), None),
        (rest.to_owned(), None),
        (format!("{rest}{section}"), Some((3, "passes over <IfModule jk_module>"))),
        (format!("{rest}<IfModule mod_jk.c>\n</IfModule>\n"), Some((3, "a2enmod jk"))),
        (format!("{rest}<IfDefine X>\n{load}</IfDefine>\n{section}"), Some((6, "no LoadModule"))),
        (format!("{rest}{section}{load}"), Some((3, "is loaded later, at a:6"))),
        (format!("{rest}JkWorkersFile w\n"), Some((3, "does not know JkWorkersFile"))),
    ] {
        let text: &'static str = text.leak();
        let found = conf(&[("a", text), ("w", "")]).problems;
        let found: Vec<_> = found.iter().map(|own| (own.origin.line, own.text.as_str())).collect();
        match (expected, found.as_slice()) {
            (None, []) => {}
            (Some((line, part)), [(at, said)]) if *at == line && said.contains(part) => {}
            _ => panic!("{text}: {found:?}"),
        }
    }
}
