//! The forms of the page in a real Chromium, with scripts and without: what they ask, what a refused
//! one says, and how a change is taken back.

use serde_json::Value;

use crate::status::browser::{TOO_WIDE, browser, judge, picture, shows, site};
use crate::status::markup::accepted_by_tidy;
use crate::support::backend::{Backend, echo};
use crate::support::free_port;

#[test]
fn forms_ask_say_what_is_wrong_and_are_undone() {
    let (n1, n2) = (Backend::start(echo("n1")), Backend::start(echo("n2")));
    let httpd = site("browser-forms", [n1.port, n2.port, free_port()], "");
    let Some(browser) = browser("forms") else { return };
    let base = format!("http://127.0.0.1:{}/jkstatus", httpd.port);
    for scripts in [true, false] {
        browser.open(&base);
        browser.allow_scripts(scripts);
        // The last member of api: a question first, and no is no.
        browser.open(&format!("{base}?cmd=show&w=api"));
        browser.click("button[formaction*='sw=api1&vwa=d']");
        browser.until("#confirm", "Drain api1?");
        assert!(browser.text("main").contains("No other member of api can serve"));
        accepted_by_tidy(&browser.source(), "question");
        if scripts {
            judge(&browser, "question");
        }
        browser.click(".card a");
        browser.until("#state h2", "member");
        shows(&httpd, "cmd=show&w=api&sw=api1", 1, " activation=ACT ");
        browser.click("button[formaction*='sw=api1&vwa=d']");
        browser.until("#confirm", "Drain api1?");
        browser.click("button.main");
        browser.until("[role=status]", "api / api1: activation Active → Disabled");
        shows(&httpd, "cmd=show&w=api&sw=api1", 1, " activation=DIS ");

        // It is among the changes, with its way back.
        browser.until("#live .changes", "api / api1: activation Active → Disabled");
        browser.click(".changes button");
        browser.until("[role=status]", "api / api1: activation Disabled → Active");
        shows(&httpd, "cmd=show&w=api&sw=api1", 1, " activation=ACT ");
        assert!(browser.try_find(".changes").is_none(), "nothing differs from the file");

        // Stop loses sessions, and says how many.
        browser.open(&format!("{base}?cmd=show&w=shop&sw=tomcat1"));
        browser.click("button[formaction*='vwa=s']");
        browser.until("main", "6 sessions of the last half hour are lost to it at once");
        browser.click(".card a");

        // One wrong value refuses all of them and loses none.
        browser.open(&format!("{base}?cmd=edit&w=shop&sw=tomcat1"));
        browser.fill("#f-vwn", "tomcat2");
        browser.fill("#f-vwd", "3");
        browser.click("button.main");
        browser.until("[id='e-vwn']", "route: the route 'tomcat2' is already that of 'tomcat2'");
        assert!(browser.text(".notice strong").contains("Result: ERROR - Update failed: vwn: "));
        accepted_by_tidy(&browser.source(), "refused form");
        assert_eq!(browser.value("#f-vwn"), "tomcat2");
        assert_eq!(browser.value("#f-vwd"), "3");
        if scripts {
            judge(&browser, "refused form");
            browser.resize(390, 900);
            assert_eq!(browser.run(TOO_WIDE), Value::Array(Vec::new()), "refused form");
            picture(&browser, "refused-form-390");
            browser.resize(1280, 900);
            assert_eq!(browser.run("return document.querySelectorAll('[aria-invalid]').length"), 1);
            // Its border says the same as its attribute, light and dark.
            for scheme in ["light", "dark"] {
                browser.prefer(scheme);
                let differs = browser.run(
                    "const edge = id => getComputedStyle(document.getElementById(id)).borderColor;\
                     return edge('f-vwn') !== edge('f-vwd')",
                );
                assert_eq!(differs, Value::Bool(true), "{scheme}");
            }
        }
        browser.fill("#f-vwn", "tomcat9");
        browser.click("button.main");
        browser.until("[role=status]", "shop / tomcat1: distance 0 → 3");
        assert!(browser.text("[role=status]").contains("shop / tomcat1: route tomcat1 → tomcat9"));
        shows(&httpd, "cmd=show&w=shop&sw=tomcat1", 1, " route=\"tomcat9\" ");
        for _ in 0..2 {
            browser.click(".changes button");
            browser.until("[role=status]", "Result: OK");
        }
        shows(&httpd, "cmd=show&w=shop&sw=tomcat1", 1, " route=\"tomcat1\" ");
        shows(&httpd, "cmd=show&w=shop&sw=tomcat1", 1, " distance=0 ");

        // Of all members: the field of the one that is wrong.
        browser.open(&format!("{base}?cmd=edit&w=shop&att=vwf"));
        browser.fill("[id='f-val.tomcat2']", "0");
        browser.click("button.main");
        browser.until("[id='e-val.tomcat2']", "tomcat2: lbfactor: invalid value '0'");
    }
}
