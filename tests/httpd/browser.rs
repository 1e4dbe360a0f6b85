//! The page in a real Chromium: what people do with it, with scripts and without, and what other
//! sites and hostile names cannot do.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use crate::support::client::Client;
use crate::support::container::{Container, echo};
use crate::support::httpd::{Httpd, Setup};
use crate::support::webdriver::Browser;
use crate::support::{free_port, root, skip, wait_until};

/// Starts a browser, or says that there is none.
fn browser(name: &str) -> Option<Browser> {
    let browser = Browser::start(name);
    if browser.is_none() {
        skip("browser", "Chromium is missing; Debian packages: chromium chromium-driver");
    }
    browser
}

/// Two balancers and a worker alone, one member of which refuses.
fn site(name: &str, ports: [u16; 3], more: &str) -> Httpd {
    let [n1, n2, dead] = ports;
    let workers = format!(
        "worker.list=shop,api,reports,st,quiet\nworker.shop.type=lb\n\
         worker.shop.balance_workers=tomcat1,tomcat2,tomcat3,tomcat4\nworker.api.type=lb\n\
         worker.api.balance_workers=api1\n\
         worker.tomcat1.host=127.0.0.1\nworker.tomcat1.port={n1}\n\
         worker.tomcat2.host=127.0.0.1\nworker.tomcat2.port={n2}\n\
         worker.tomcat3.host=127.0.0.1\nworker.tomcat3.port={dead}\n\
         worker.tomcat4.host=127.0.0.1\nworker.tomcat4.port={n2}\n\
         worker.tomcat4.activation=stopped\n\
         worker.api1.host=127.0.0.1\nworker.api1.port={n1}\nworker.api1.connection_pool_size=8\n\
         worker.reports.host=127.0.0.1\nworker.reports.port={n1}\n\
         worker.st.type=status\nworker.quiet.type=status\nworker.quiet.read_only=true\n{more}"
    );
    let config = "JkMount /app/* shop\nJkMount /app shop\nJkUnMount /app/static/* shop\n\
                  JkMount /api/* api\nJkMount /reports/* reports\nJkMount /jkstatus st\n\
                  JkMount /quiet quiet\n";
    let mut httpd = Setup { name, mpm: "event", config, workers: &workers }.start();
    httpd.expect("JK-401");
    for number in 0..12 {
        let cookie = format!("JSESSIONID={number:032X}.tomcat{}", 1 + number % 2);
        let headers = [("Cookie", cookie.as_str())];
        Client::connect(httpd.port).request("GET", "/app/x", &headers, b"");
        Client::connect(httpd.port).get("/app/y");
        Client::connect(httpd.port).get("/api/y");
    }
    httpd
}

/// Where pictures go if somebody wants to look at them: `MOD_JK_TEST_PICTURES` names a directory.
fn picture(browser: &Browser, name: &str) {
    if let Some(dir) = std::env::var_os("MOD_JK_TEST_PICTURES") {
        browser.picture(&PathBuf::from(dir).join(format!("{name}.png")));
    }
}

/// Lets axe-core judge the page.
fn judge(browser: &Browser, what: &str) {
    let axe = std::fs::read_to_string(root().join("tests/httpd/browser/axe.min.js"));
    browser.run(&axe.expect("axe-core is part of the tests"));
    let found = browser.run_until_done(
        "const done = arguments[arguments.length - 1];\
         axe.run(document, { resultTypes: ['violations'] }).then(result => done({\
           passes: result.passes.length,\
           wrong: result.violations.map(one => one.id + ': ' + one.nodes.map(n => n.html).join(' | '))\
         }), problem => done({ wrong: [String(problem)] }));",
    );
    assert_eq!(found["wrong"], Value::Array(Vec::new()), "{what}");
    assert!(found["passes"].as_u64() > Some(10), "{what}: axe has looked at something");
}

/// Neither the page nor a part of it is wider than its place, and no value is squeezed.
const FITS: &str = "const fits = part => part.scrollWidth <= part.clientWidth + 1;\
                    return fits(document.documentElement)\
                      && [...document.querySelectorAll('.card, .verdict, .tiles div')].every(fits)\
                      && [...document.querySelectorAll('dd')].every(dd => !dd.textContent\
                           || dd.clientWidth > 50 || dd.closest('details:not([open])'));";

fn activation(httpd: &Httpd, member: &str) -> String {
    let path = format!("/jkstatus?mime=json&cmd=show&w=shop&sw={member}");
    let text = Client::connect(httpd.port).get(&path).text();
    let all: Value = serde_json::from_str(&text).expect("JSON");
    all["balancers"][0]["members"][0]["activation"].as_str().unwrap_or_default().to_owned()
}

/// Waits until the machine interface shows a text: a click does not wait for a form's answer.
fn shows(httpd: &Httpd, query: &str, count: usize, text: &str) {
    let ask = || Client::connect(httpd.port).get(&format!("/jkstatus?mime=txt&{query}")).text();
    let seen = wait_until(Duration::from_secs(10), || ask().matches(text).count() == count);
    assert!(seen, "{query}: {text}: {}", ask());
}

#[test]
fn pages_are_fit_for_everybody() {
    let Some(browser) = browser("fit") else { return };
    let (n1, n2) = (Container::start(echo("n1")), Container::start(echo("n2")));
    let httpd = site("browser-fit", [n1.port, n2.port, free_port()], "");
    let base = format!("http://127.0.0.1:{}/jkstatus", httpd.port);
    Client::connect(httpd.port).get("/jkstatus?cmd=update&mime=txt&w=shop&sw=tomcat2&vwa=d");
    let pages = [
        ("list", ""),
        ("search", "?q=static&cmd=list"),
        ("show", "?cmd=show&w=shop"),
        ("member", "?cmd=show&w=shop&sw=tomcat3"),
        ("drain", "?cmd=show&w=shop&sw=tomcat2"),
        ("alone", "?cmd=show&w=reports"),
        ("edit", "?cmd=edit&w=shop&sw=tomcat1"),
        ("edit-lb", "?cmd=edit&w=shop"),
        ("edit-all", "?cmd=edit&w=shop&att=vwf"),
        ("dump", "?cmd=dump"),
        ("refused", "?cmd=show&w=nobody"),
    ];
    for (width, kind) in [(1280, "desk"), (390, "phone")] {
        browser.resize(width, 900);
        for scheme in ["light", "dark"] {
            browser.prefer(scheme);
            for (name, query) in pages {
                browser.open(&format!("{base}{query}"));
                judge(&browser, &format!("{name} {kind} {scheme}"));
                assert_eq!(browser.run(FITS), Value::Bool(true), "{name} {kind}: too wide");
                picture(&browser, &format!("{name}-{kind}-{scheme}"));
            }
        }
    }
    browser.resize(800, 900);
    browser.open(&base);
    judge(&browser, "list between desk and phone");
    // The refused page has a status of its own; the browser says so.
    let complaints = browser.complaints();
    assert!(complaints.iter().all(|line| line.contains("404 (Not Found)")), "{complaints:?}");
}

#[test]
fn many_balancers_have_an_overview() {
    let Some(browser) = browser("many") else { return };
    let (n1, dead) = (Container::start(echo("n1")), free_port());
    let names: Vec<_> = (1..=12).map(|number| format!("application-{number:02}")).collect();
    let mut workers = format!("worker.list={},st\nworker.st.type=status\n", names.join(","));
    for (place, name) in names.iter().enumerate() {
        let (first, second) = (n1.port, if place == 4 { dead } else { n1.port });
        let state = if place == 8 { "disabled" } else { "active" };
        workers.push_str(&format!(
            "worker.{name}.type=lb\nworker.{name}.balance_workers={name}-a,{name}-b\n\
             worker.{name}-a.port={first}\nworker.{name}-a.host=127.0.0.1\n\
             worker.{name}-b.port={second}\nworker.{name}-b.host=127.0.0.1\n\
             worker.{name}-b.activation={state}\n"
        ));
    }
    let config = "JkMount /five/* application-05\nJkMount /jkstatus st\n";
    let setup = Setup { name: "browser-many", mpm: "event", config, workers: &workers };
    let mut httpd = setup.start();
    httpd.expect("JK-401");
    for _ in 0..4 {
        Client::connect(httpd.port).get("/five/x");
    }
    for (width, kind) in [(1280, "desk"), (390, "phone")] {
        browser.resize(width, 900);
        browser.open(&format!("http://127.0.0.1:{}/jkstatus", httpd.port));
        judge(&browser, kind);
        picture(&browser, &format!("many-{kind}"));
    }
    assert!(browser.text(".verdict li").contains("application-05 / application-05-b"));
    let chips = browser.text("nav.chips");
    let bad: Vec<_> = chips.lines().filter(|line| !line.contains(" good ")).collect();
    assert_eq!(bad, ["1 bad application-05", "1 degraded application-09"], "{chips}");
    browser.click("nav.chips a[href='#lb9']");
    let top = browser.run("return document.querySelector('#lb9').getBoundingClientRect().top");
    assert!(top.as_f64().is_some_and(|top| (-1.0..700.0).contains(&top)), "{top}");
}

#[test]
fn members_are_listed_edited_drained_and_reset() {
    let Some(browser) = browser("work") else { return };
    let (n1, n2) = (Container::start(echo("n1")), Container::start(echo("n2")));
    let httpd = site("browser-work", [n1.port, n2.port, free_port()], "");
    let base = format!("http://127.0.0.1:{}/jkstatus", httpd.port);
    for scripts in [true, false] {
        // With and without JavaScript the same clicks do the same.
        browser.open(&base);
        browser.allow_scripts(scripts);
        browser.open(&base);
        assert!(browser.title().starts_with("1 in error · JK Status Manager"), "{scripts}");
        assert!(browser.text(".verdict h2").contains("1 of 5 members is in error"));
        assert!(browser.text(".verdict li").contains("shop / tomcat3: in error since"));
        assert!(browser.text(".verdict li").contains("(JK-303)"));

        browser.click("button[formaction*='sw=tomcat2&vwa=d']");
        browser.until("[role=status]", "Result: OK");
        shows(&httpd, "cmd=show&w=shop&sw=tomcat2", 1, " activation=DIS ");
        browser.click("a[href='?cmd=show&w=shop&sw=tomcat2']");
        browser.until("[role=group] h3", "Draining: no request is under way, 6 sess");
        assert!(browser.try_find("progress").is_some());
        browser.click("button[formaction*='vwa=a']");
        shows(&httpd, "cmd=show&w=shop&sw=tomcat2", 1, " activation=ACT ");
        browser.until("[role=status]", "Result: OK");
        assert!(
            browser.url().contains("cmd=show&w=shop&sw=tomcat2&done=update"),
            "{}",
            browser.url()
        );

        // Somebody else changes one thing while the form is open; the form changes another.
        browser.click("a[href='?cmd=edit&w=shop&sw=tomcat2']");
        let other = if scripts { 1000 } else { 2000 };
        let update = format!("/jkstatus?cmd=update&mime=txt&w=shop&sw=tomcat2&vart={other}");
        Client::connect(httpd.port).get(&update);
        let factor = if scripts { "3" } else { "4" };
        browser.fill("#f-vwf", factor);
        if scripts {
            assert_eq!(browser.text("button.main"), "Save 1 change");
        }
        browser.click("button.main");
        browser.until("[role=status]", "Result: OK");
        let member = "cmd=show&w=shop&sw=tomcat2";
        shows(&httpd, member, 1, &format!(" lbfactor={factor} "));
        shows(&httpd, member, 1, &format!(" reply_timeout={other} "));

        // Now both change the same.
        browser.click("a[href='?cmd=edit&w=shop&sw=tomcat2']");
        Client::connect(httpd.port).get("/jkstatus?cmd=update&mime=txt&w=shop&sw=tomcat2&vwf=7");
        browser.fill("#f-vwf", "8");
        browser.click("button.main");
        browser.until(".notice strong", "has been changed meanwhile");

        // One setting of all members, and the counters.
        browser.open(&format!("{base}?cmd=edit&w=shop"));
        browser.click("a[href='?cmd=edit&w=shop&att=vwd']");
        browser.fill("[id='f-val.tomcat1']", factor);
        browser.click("button.main");
        browser.until("[role=status]", "Result: OK");
        shows(&httpd, "cmd=show&w=shop", 1, &format!(" distance={factor} "));
        browser.open(&format!("{base}?cmd=show&w=shop&sw=tomcat1"));
        browser.click("button[formaction*='cmd=reset']");
        browser.until("[role=status]", "Result: OK - Action finished: counters are 0");
        shows(&httpd, "cmd=show&w=shop&sw=tomcat1", 1, " elected=0 ");

        browser.open(&format!("{base}?cmd=list&q=nothing"));
        assert!(browser.text("#rules").contains("No rule has"), "{}", browser.text("#rules"));
        browser.fill("#rules input[type=search]", "static");
        browser.click("#rules button");
        browser.until("#rules tbody", "/app/static/*");
        assert_eq!(browser.text("#rules tbody").lines().count(), 1, "the others are not shown");
    }
    browser.open(&format!("http://127.0.0.1:{}/quiet", httpd.port));
    assert!(browser.try_find("button[formaction]").is_none(), "read only");
    assert!(browser.text("h1").contains("(read only)"));
}

#[test]
fn a_refresh_leaves_people_alone() {
    let Some(browser) = browser("refresh") else { return };
    let (n1, n2) = (Container::start(echo("n1")), Container::start(echo("n2")));
    let mut httpd = site("browser-refresh", [n1.port, n2.port, free_port()], "");
    httpd.expect("JK-402");
    browser.open(&format!("http://127.0.0.1:{}/jkstatus?re=1", httpd.port));
    browser.run("document.querySelector('#rules').open = true");
    browser.run("document.querySelector('#rules input[type=search]').value = 'api'");
    browser.run("document.querySelector(\"a[href='?cmd=edit&w=api']\").focus()");
    // The keyboard reaches everything, in order.
    browser.keys("\u{e004}");
    let focused = "document.activeElement.textContent";
    assert_eq!(browser.run(&format!("return {focused}")), "api1");
    Client::connect(httpd.port).get("/jkstatus?cmd=update&mime=txt&w=api&sw=api1&vwa=s");
    browser.wait("document.title.startsWith('No member usable')");
    assert!(browser.text(".verdict h2").contains("No member is usable: api"));
    assert_eq!(browser.run(&format!("return {focused}")), "api1", "the focus stays");
    assert_eq!(browser.run("return document.querySelector('#rules').open"), true);
    let rows = "return document.querySelectorAll('#rules tbody tr:not([hidden])').length";
    assert_eq!(browser.run(rows), 1, "the search stays");
    assert_eq!(browser.complaints(), Vec::<String>::new());
    // Nothing is refreshed under somebody who types.
    browser.run("document.querySelector('#rules input[type=search]').focus()");
    Client::connect(httpd.port).get("/jkstatus?cmd=update&mime=txt&w=api&sw=api1&vwa=a");
    browser.keys("zzz");
    browser.wait("document.querySelector('#rules input[type=search]').value === 'apizzz'");
    assert!(browser.title().starts_with("No member usable"));
}

#[test]
fn another_site_changes_nothing() {
    let Some(browser) = browser("foreign") else { return };
    let (n1, n2) = (Container::start(echo("n1")), Container::start(echo("n2")));
    let mut httpd = site("browser-foreign", [n1.port, n2.port, free_port()], "");
    httpd.expect("JK-505");
    let target = format!("http://127.0.0.1:{}/jkstatus", httpd.port);
    let attack = format!("{target}?cmd=update&w=shop&sw=tomcat1&vwa=s");
    let page = format!(
        "<!DOCTYPE html><title>nice</title><img src=\"{attack}\"><iframe src=\"{attack}\"></iframe>\
         <form id=f method=post action=\"{attack}\"></form>\
         <form id=g method=get action=\"{target}\"><input name=cmd value=update>\
         <input name=w value=shop><input name=sw value=tomcat1><input name=vwa value=s></form>"
    );
    httpd.write("htdocs/evil.html", &page);
    // The same machine under another name is another site to a browser.
    let evil = format!("http://localhost:{}/evil.html", httpd.port);
    browser.open(&evil);
    assert_eq!(browser.title(), "nice", "httpd serves the page");
    for script in [
        "document.forms.f.submit()",
        "document.forms.g.submit()",
        &format!("location = '{attack}'"),
        &format!("fetch('{attack}', {{ mode: 'no-cors', credentials: 'include' }})"),
        &format!(
            "fetch('{target}', {{ method: 'POST', mode: 'no-cors', headers: {{ 'Content-Type': \
             'text/plain' }}, body: JSON.stringify({{ cmd: 'update', w: 'shop' }}) }})"
        ),
        &format!("navigator.sendBeacon('{attack}')"),
    ] {
        browser.open(&evil);
        browser.run(script);
        browser.wait("document.readyState === 'complete'");
        assert_eq!(activation(&httpd, "tomcat1"), "ACT", "{script}");
    }
    browser.open(&evil);
    browser.run("document.forms.f.submit()");
    browser.wait("document.body.innerText.includes('not allowed from another site')");
    // Nor can it show the page in a frame of its own.
    let seen = "return (() => { try { return document.querySelector('iframe').contentDocument !== null \
                } catch (e) { return false } })()";
    browser.open(&evil);
    assert_eq!(browser.run(seen), false);
    assert!(httpd.log("jk.log").contains("JK-505 another site sent a browser at 127.0.0.1"));
    // The administrator's own address bar may.
    browser.open(&attack);
    assert_eq!(activation(&httpd, "tomcat1"), "STP");
}

#[test]
fn hostile_values_stay_text() {
    let Some(browser) = browser("hostile") else { return };
    let (n1, n2) = (Container::start(echo("n1")), Container::start(echo("n2")));
    let script = "<img/src=x/onerror=hit=1>\"'><script>hit=1</script>";
    let more = format!("worker.tomcat1.domain={script}\nown={script}\n");
    let mut httpd = site("browser-hostile", [n1.port, n2.port, free_port()], &more);
    httpd.expect("JK-102");
    let base = format!("http://127.0.0.1:{}/jkstatus", httpd.port);
    let hostile: String = script.bytes().map(|byte| format!("%{byte:02X}")).collect();
    for name in ["vwn", "vwr", "vwc"] {
        let short: String = "<script>window.hit=1</script>\"'&"
            .bytes()
            .map(|byte| format!("%{byte:02X}"))
            .collect();
        let path = format!("/jkstatus?cmd=update&mime=txt&w=shop&sw=tomcat2&{name}={short}");
        let answer = Client::connect(httpd.port).get(&path).text();
        assert!(answer.contains("type=OK"), "{answer}");
    }
    let places = [
        String::new(),
        "?cmd=dump".to_owned(),
        "?cmd=show&w=shop&sw=tomcat2".to_owned(),
        "?cmd=edit&w=shop&sw=tomcat2".to_owned(),
        "?cmd=edit&w=shop&att=vwn".to_owned(),
        format!("?cmd={hostile}"),
        format!("?cmd=show&w={hostile}"),
        format!("?cmd=show&w=shop&sw={hostile}"),
        format!("?cmd=edit&w=shop&att={hostile}"),
        format!("?cmd=update&w=shop&sw=tomcat2&vwf={hostile}"),
        format!("?cmd=list&q={hostile}&re=60&opt={hostile}&done={hostile}"),
        format!("?cmd=list&re={hostile}"),
        format!("?mime={hostile}"),
    ];
    for place in places {
        browser.open(&format!("{base}{place}"));
        assert_eq!(browser.run("return window.hit === undefined"), true, "{place}");
        let foreign = "return document.querySelectorAll('img, #live script').length";
        assert_eq!(browser.run(foreign), 0, "{place}");
    }
    // As text they are all there.
    browser.open(&format!("{base}?cmd=dump"));
    assert!(browser.text("#live").contains(script), "{}", browser.text("#live"));
    browser.open(&format!("{base}?cmd=edit&w=shop&sw=tomcat2"));
    let value = browser.run("return document.querySelector('#f-vwn').value");
    assert_eq!(value, "<script>window.hit=1</script>\"'&");
}
