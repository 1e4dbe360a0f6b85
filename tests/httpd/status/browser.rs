//! The page in a real Chromium: what people do with it, with scripts and without, and what other
//! sites and hostile names cannot do.

use std::path::PathBuf;

use serde_json::Value;

use crate::status::markup::{accepted_by_tidy, keeps_every_rule};
use crate::support::backend::{Backend, echo};
use crate::support::client::Client;
use crate::support::httpd::{Httpd, Setup};
use crate::support::webdriver::Browser;
use crate::support::{PATIENCE, free_port, root, skip, wait_until};

/// Starts a browser, or says that there is none. It is started after its httpd, so that it ends before
/// it: a browser keeps connections open that it has sent nothing on, and a thread of httpd waits for
/// each of them, for as long as `Timeout` says, even if httpd is told to stop.
pub(super) fn browser(name: &str) -> Option<Browser> {
    let browser = Browser::start(name);
    if browser.is_none() {
        skip("browser", "Chromium is missing; Debian packages: chromium chromium-driver");
    }
    browser
}

/// Two balancers and a worker alone, one member of which refuses.
pub(super) fn site(name: &str, ports: [u16; 3], more: &str) -> Httpd {
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

/// Where pictures go to be looked at: `MOD_JK_TEST_PICTURES` names a directory.
pub(super) fn picture(browser: &Browser, name: &str) {
    if let Some(dir) = std::env::var_os("MOD_JK_TEST_PICTURES") {
        browser.picture(&PathBuf::from(dir).join(format!("{name}.png")));
    }
}

/// Lets axe-core judge the page.
pub(super) fn judge(browser: &Browser, what: &str) {
    let axe = std::fs::read_to_string(root().join("tests/httpd/status/browser/axe.min.js"));
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

/// Returns what is wider than its place, and values that are squeezed. Only tables in regions that
/// say so may scroll.
pub(super) const TOO_WIDE: &str = "const fits = part => part.scrollWidth <= part.clientWidth + 1;\
    const parts = document.querySelectorAll('.card, .verdict, .side, .tiles li, summary, td, th, dd, fieldset > div, button, form');\
    const shown = [document.documentElement, ...parts].filter(part => part.clientWidth > 1);\
    const wide = shown.filter(part => !fits(part) && !part.closest('.scroll'));\
    const thin = [...document.querySelectorAll('dd')].filter(dd => dd.textContent\
      && dd.clientWidth <= 50 && !dd.closest('details:not([open])'));\
    return [...wide, ...thin].map(part => part.outerHTML.slice(0, 200));";

/// Returns tables that a phone shows in part only: readers miss what is scrolled out of sight.
const SCROLLS: &str = "return [...document.querySelectorAll('.scroll')]\
    .filter(part => part.clientWidth > 1 && part.scrollWidth > part.clientWidth + 1)\
    .map(part => part.outerHTML.slice(0, 300));";

fn activation(httpd: &Httpd, member: &str) -> String {
    let path = format!("/jkstatus?mime=json&cmd=show&w=shop&sw={member}");
    let text = Client::connect(httpd.port).get(&path).text();
    let all: Value = serde_json::from_str(&text).expect("JSON");
    all["balancers"][0]["members"][0]["activation"].as_str().unwrap_or_default().to_owned()
}

/// Waits until the machine interface shows a text: a click does not wait for a form's answer.
pub(super) fn shows(httpd: &Httpd, query: &str, count: usize, text: &str) {
    let ask = || Client::connect(httpd.port).get(&format!("/jkstatus?mime=txt&{query}")).text();
    let seen = wait_until(PATIENCE, || ask().matches(text).count() == count);
    assert!(seen, "{query}: {text}: {}", ask());
}

/// Widths and colour schemes in which pages are looked at, and whether axe-core judges them. A scheme changes
/// colours only and a width the layout only, so each of them once is enough for a change. `make soak` and
/// `MOD_JK_TEST_PICTURES` look at all of them together.
fn looks() -> Vec<(u32, &'static str, bool)> {
    let wants_all = ["MOD_JK_TEST_ENDURANCE", "MOD_JK_TEST_PICTURES"];
    if wants_all.iter().any(|name| std::env::var_os(name).is_some()) {
        let both = |width| [(width, "light", true), (width, "dark", true)];
        return [1440, 820, 390, 320].into_iter().flat_map(both).collect();
    }
    vec![(1440, "light", true), (820, "light", false), (390, "dark", true), (320, "dark", false)]
}

#[test]
fn pages_are_fit_for_everybody() {
    let (n1, n2) = (Backend::start(echo("n1")), Backend::start(echo("n2")));
    let httpd = site("browser-fit", [n1.port, n2.port, free_port()], "");
    let Some(browser) = browser("fit") else { return };
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
        ("events", "?cmd=events"),
        ("dump", "?cmd=dump"),
        ("refused", "?cmd=show&w=missing"),
    ];
    for (name, query) in pages {
        let path = format!("/jkstatus{query}");
        accepted_by_tidy(&Client::connect(httpd.port).get(&path).text(), name);
    }
    for (width, scheme, is_judged) in looks() {
        browser.resize(width, 900);
        browser.prefer(scheme);
        for (name, query) in pages {
            browser.open(&format!("{base}{query}"));
            if is_judged {
                judge(&browser, &format!("{name} {width} {scheme}"));
            }
            let wide = browser.run(TOO_WIDE);
            assert_eq!(wide, Value::Array(Vec::new()), "{name} {width}: too wide");
            if width <= 390 {
                let hidden = browser.run(SCROLLS);
                assert_eq!(hidden, Value::Array(Vec::new()), "{name} {width}: scrolls");
            }
            picture(&browser, &format!("{name}-{width}-{scheme}"));
        }
    }
    browser.open(&base);
    keeps_every_rule(&browser);
    // The refused page has a status of its own; the browser says so.
    let complaints = browser.complaints();
    assert!(complaints.iter().all(|line| line.contains("404 (Not Found)")), "{complaints:?}");
}

/// Fifty balancers of twenty members: one has a member that is out, another one that is disabled.
fn many_balancers(name: &str, port: u16) -> Httpd {
    let dead = free_port();
    let names: Vec<_> = (1..=50).map(|number| format!("application-{number:02}")).collect();
    let mut workers = format!("worker.list={},st\nworker.st.type=status\n", names.join(","));
    for lb in &names {
        let members: Vec<_> = (1..=20).map(|number| format!("{lb}-{number:02}")).collect();
        let listed = members.join(",");
        workers.push_str(&format!("worker.{lb}.type=lb\nworker.{lb}.balance_workers={listed}\n"));
        for member in members {
            let port = if member == "application-05-02" { dead } else { port };
            workers.push_str(&format!(
                "worker.{member}.host=127.0.0.1\nworker.{member}.port={port}\n"
            ));
        }
    }
    workers.push_str("worker.application-09-20.activation=disabled\n");
    let config = "JkMount /five/* application-05\nJkMount /jkstatus st\n";
    let mut httpd = Setup { name, mpm: "event", config, workers: &workers }.start();
    httpd.expect("JK-401");
    for _ in 0..20 {
        Client::connect(httpd.port).get("/five/x");
    }
    httpd
}

#[test]
fn many_balancers_are_sorted_collapsed_and_filtered() {
    let n1 = Backend::start(echo("n1"));
    let httpd = many_balancers("browser-many", n1.port);
    let Some(browser) = browser("many") else { return };
    let base = format!("http://127.0.0.1:{}/jkstatus", httpd.port);
    for (width, height) in [(1440, 4_500), (390, 8_000)] {
        browser.resize(width, 900);
        browser.open(&base);
        assert_eq!(browser.run(TOO_WIDE), Value::Array(Vec::new()), "{width}");
        picture(&browser, &format!("many-{width}"));
        // What is well is a line each.
        let tall = browser.run("return document.documentElement.scrollHeight");
        assert!(tall.as_u64() < Some(height), "{width}: {tall}");
    }
    judge(&browser, "many on a phone");
    assert!(browser.text(".verdict li").contains("application-05 / application-05-02"));
    let names = "return [...document.querySelectorAll('details.lb:not([hidden]) > summary .name')]\
                 .map(one => one.textContent + (one.closest('details').open ? ' open' : '')).join()";
    let text = |browser: &Browser| browser.run(names).as_str().unwrap_or_default().to_owned();
    let all = text(&browser);
    assert!(all.starts_with("application-05 open,application-09,application-01,"), "{all}");
    assert_eq!((all.split(',').count(), all.matches("open").count()), (50, 1));
    let first = browser.text("#lb-application-05 tbody th a");
    assert_eq!(first, "application-05-02", "the worst is first");
    assert!(browser.text("#lb-application-05 .why").contains("; since 20"));

    // While one types, without a click; what is shown is in the address, for others to see.
    let field = "#filter input[type=search]";
    browser.fill(field, "ation-07");
    browser.wait("document.querySelectorAll('details.lb').length === 1");
    assert_eq!(text(&browser), "application-07 open");
    assert!(browser.text("#live [role=status]").contains("20 of 1000 members and workers match"));
    assert!(browser.url().ends_with("?cmd=list&name=ation-07"), "{}", browser.url());
    assert_eq!(browser.run("return document.activeElement.name"), "name", "one types on");
    // A change leads back to what was looked at.
    browser.click("#lb-application-07 button[formaction*='sw=application-07-03&vwa=d']");
    browser.until("main > [role=status]", "Result: OK");
    assert_eq!(text(&browser), "application-07 open");

    browser.allow_scripts(false);
    browser.open(&format!("{base}?cmd=list&condition=trouble"));
    browser.allow_scripts(true);
    let rows = "return document.querySelectorAll('tbody tr:not(.why) th[scope=row] a').length";
    assert_eq!((text(&browser).as_str(), browser.run(rows)), ("application-05 open", 1.into()));
    browser.allow_scripts(false);
    browser.fill(field, "no such name");
    browser.click("#filter button");
    browser.until("#live [role=status]", "None of 1000 members and workers matches.");
    browser.click("#live [role=status] a");
    browser.until("#live", "application-50");
}

#[test]
fn members_are_listed_edited_drained_and_reset() {
    let (n1, n2) = (Backend::start(echo("n1")), Backend::start(echo("n2")));
    let httpd = site("browser-work", [n1.port, n2.port, free_port()], "");
    let Some(browser) = browser("work") else { return };
    let base = format!("http://127.0.0.1:{}/jkstatus", httpd.port);
    for scripts in [true, false] {
        // With and without JavaScript the same clicks do the same.
        browser.open(&base);
        browser.allow_scripts(scripts);
        browser.open(&base);
        assert!(browser.title().starts_with("1 out · JK Status Manager"), "{scripts}");
        assert!(browser.text(".verdict h2").contains("1 of 6 members and workers is out"));
        assert!(browser.text(".verdict li").contains("shop / tomcat3: "));
        assert!(browser.text(".verdict li").contains("; since 20"));
        assert!(browser.text(".verdict li").contains("(JK-303)"));

        browser.click("button[formaction*='sw=tomcat2&vwa=d']");
        browser.until("[role=status]", "Result: OK");
        shows(&httpd, "cmd=show&w=shop&sw=tomcat2", 1, " activation=DIS ");
        browser.click("a[href='?cmd=show&w=shop&sw=tomcat2']");
        browser.until("[role=group] h3", "Draining: no request is in flight, 6 sess");
        assert!(browser.try_find("progress").is_some());
        browser.click("button[formaction*='vwa=a']");
        shows(&httpd, "cmd=show&w=shop&sw=tomcat2", 1, " activation=ACT ");
        browser.until("[role=status]", "Result: OK");
        assert!(
            browser.url().contains("cmd=show&w=shop&sw=tomcat2&done=update"),
            "{}",
            browser.url()
        );

        // Another administrator changes one thing while the form is open; the form changes another.
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
        browser.until(".notice strong", "was changed in the meantime");
        // The form is there again, with what was typed, and what is in force now.
        browser.until("[id='e-vwf']", "lbfactor: another request has changed it to 7");
        browser.click(".notice a[href='#f-vwf']");
        browser.click("button.main");
        browser.until("[role=status]", "shop / tomcat2: lbfactor 7 → 8");
        shows(&httpd, member, 1, " lbfactor=8 ");

        // One setting of all members, and the counters.
        browser.open(&format!("{base}?cmd=edit&w=shop"));
        browser.click("a[href='?cmd=edit&w=shop&att=vwd']");
        browser.fill("[id='f-val.tomcat1']", factor);
        browser.click("button.main");
        browser.until("[role=status]", "Result: OK");
        shows(&httpd, "cmd=show&w=shop", 1, &format!(" distance={factor} "));
        browser.open(&format!("{base}?cmd=show&w=shop&sw=tomcat1"));
        browser.click("button[formaction*='cmd=reset']");
        browser.until("#confirm", "Reset the counters of tomcat1?");
        browser.click("button.main");
        browser.until("[role=status]", "Result: OK - Action finished: counters are 0");
        shows(&httpd, "cmd=show&w=shop&sw=tomcat1", 1, " elected=0 ");

        browser.open(&format!("{base}?cmd=list&q=nothing"));
        assert!(browser.text("#rules").contains("No rule contains"), "{}", browser.text("#rules"));
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
    let (n1, n2) = (Backend::start(echo("n1")), Backend::start(echo("n2")));
    let mut httpd = site("browser-refresh", [n1.port, n2.port, free_port()], "");
    let Some(browser) = browser("refresh") else { return };
    httpd.expect("JK-402");
    browser.open(&format!("http://127.0.0.1:{}/jkstatus?re=1", httpd.port));
    browser.run("document.querySelector('#rules').open = true");
    browser.run("document.querySelector('#rules input[type=search]').value = 'api'");
    // What is well is closed; opened by hand it stays open.
    browser.run("document.querySelector('#lb-api').open = true");
    browser.run("document.querySelector(\"a[href='?cmd=edit&w=api']\").focus()");
    // The keyboard reaches everything, in order.
    browser.keys("\u{e004}");
    let focused = "document.activeElement.textContent";
    assert_eq!(browser.run(&format!("return {focused}")), "api1");
    Client::connect(httpd.port).get("/jkstatus?cmd=update&mime=txt&w=api&sw=api1&vwa=s");
    browser.wait("document.title.startsWith('Out: api')");
    assert!(browser.text(".verdict h2").contains("No member takes new sessions: api"));
    assert_eq!(browser.run(&format!("return {focused}")), "api1", "the focus stays");
    assert_eq!(browser.run("return document.querySelector('#rules').open"), true);
    let rows = "return document.querySelectorAll('#rules tbody tr:not([hidden])').length";
    assert_eq!(browser.run(rows), 1, "the search stays");
    assert_eq!(browser.complaints(), Vec::<String>::new());
    assert_eq!(browser.run("return document.querySelector('#lb-api').open"), true);
    let clock = Value::from(browser.text("#clock"));
    browser.wait(&format!("document.querySelector('#clock').innerText.trim() !== {clock}"));
    // Nothing is refreshed while a person types.
    browser.run("document.querySelector('#rules input[type=search]').focus()");
    Client::connect(httpd.port).get("/jkstatus?cmd=update&mime=txt&w=api&sw=api1&vwa=a");
    browser.keys("zzz");
    browser.wait("document.querySelector('#rules input[type=search]').value === 'apizzz'");
    assert!(browser.title().starts_with("Out: api"));
}

#[test]
fn another_site_changes_nothing() {
    let (n1, n2) = (Backend::start(echo("n1")), Backend::start(echo("n2")));
    let mut httpd = site("browser-foreign", [n1.port, n2.port, free_port()], "");
    let Some(browser) = browser("foreign") else { return };
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
    assert!(
        httpd
            .log("jk.log")
            .contains("rejected a cross-site request: another site sent a browser at 127.0.0.1")
    );
    // The administrator's own address bar may.
    browser.open(&attack);
    assert_eq!(activation(&httpd, "tomcat1"), "STP");
}

#[test]
fn hostile_values_stay_text() {
    let (n1, n2) = (Backend::start(echo("n1")), Backend::start(echo("n2")));
    let script = "<img/src=x/onerror=hit=1>\"'><script>hit=1</script>";
    let more = format!("worker.tomcat1.domain={script}\nown={script}\n");
    let mut httpd = site("browser-hostile", [n1.port, n2.port, free_port()], &more);
    let Some(browser) = browser("hostile") else { return };
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
