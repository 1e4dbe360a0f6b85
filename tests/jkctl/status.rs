//! What `jkctl status` tells a person who was woken: the history of what is not serving.

use std::time::Duration;

use crate::live::Site;
use crate::support::wait_until;

#[test]
fn what_is_not_serving_says_what_happened_before() {
    let mut site = Site::start("jkctl-history", "");
    let run = site.run(&["status", "lb/a"]);
    for text in [
        "history since httpd began",
        "last failure                 none since",
        "out of service               never",
    ] {
        assert!(run.out.contains(text), "{text}: {}", run.out);
    }
    assert!(!run.out.contains("last health check"), "there is none: {}", run.out);
    assert!(!site.run(&["status"]).out.contains("out of service since"), "all serve");

    site.take_a_away();
    assert!(
        wait_until(Duration::from_secs(60), || site.member("a")["downtime_s"].as_u64() >= Some(1))
    );
    let own = site.member("a");
    let (what, code) =
        (own["last_failure_text"].as_str().unwrap(), own["last_failure"].as_str().unwrap());
    let out = site.run(&["status"]).out;
    let line =
        out.lines().find(|line| line.contains("out of service since httpd began: once, ")).unwrap();
    // The cause is in the line before it and is not said twice.
    assert!(line.contains("in all; latest failure ") && !line.contains(what), "{out}");
    assert_eq!(out.matches(what).count(), 1, "{out}");

    let out = site.run(&["status", "lb/a"]).out;
    let row = |name: &str| {
        let row = out.lines().find_map(|line| line.strip_prefix(&format!("  {name:<28} ")));
        row.unwrap_or_else(|| panic!("{name}: {out}"))
    };
    assert!(row("last failure").starts_with(&format!("{what} ({code}), 20")), "{out}");
    assert!(row("last failure").ends_with(" ago)"), "{out}");
    assert!(row("out of service").starts_with("once, "), "{out}");
    assert!(out.contains("\nsettings\n"), "{out}");
}
