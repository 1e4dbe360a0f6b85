//! What others say about the HTML and the style of the page: Debian's tidy, and Chromium, which drops
//! what it does not understand without a word.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::skip;
use crate::support::webdriver::Browser;

/// What tidy of Debian 12 does not know yet.
const NEWER_THAN_TIDY: [&str; 3] = [
    "proprietary attribute \"nonce\"",
    "proprietary attribute \"aria-current\"",
    "proprietary attribute \"inputmode\"",
];

/// Lets tidy judge a document.
pub fn accepted_by_tidy(html: &str, what: &str) {
    let tidy = Command::new("tidy")
        .args(["-errors", "-quiet", "-utf8"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut tidy) = tidy else {
        return skip("tidy", "tidy is missing; Debian package: tidy");
    };
    let mut input = tidy.stdin.take().expect("it is piped");
    input.write_all(html.as_bytes()).expect("tidy reads");
    drop(input);
    let answer = tidy.wait_with_output().expect("tidy ends");
    let said = String::from_utf8_lossy(&answer.stderr);
    let is_known = |line: &&str| !NEWER_THAN_TIDY.iter().any(|known| line.contains(known));
    let wrong: Vec<_> = said.lines().filter(is_known).collect();
    assert_eq!(wrong, Vec::<&str>::new(), "{what}");
    assert!(said.contains("nonce"), "{what}: tidy has looked at it: {said}");
}

/// Returns what a browser makes of a style: rules that are missing, and declarations of the others.
const DROPPED: &str = "const dropped = text => {\
      const sheet = new CSSStyleSheet(); sheet.replaceSync(text);\
      const flat = rules => [...rules].flatMap(rule => [...(rule.selectorText ? [rule] : []), ...flat(rule.cssRules ?? [])]);\
      const kept = flat(sheet.cssRules);\
      const blocks = [...text.matchAll(/([^{}]*)[{]([^{}]*)[}]/g)];\
      const wrong = blocks.length === kept.length ? [] : [`${kept.length} of ${blocks.length} rules`];\
      blocks.forEach(([, selector, body], place) => body.split(';').filter(one => one.trim()).forEach(one => {\
        const name = one.split(':')[0].trim();\
        if (!kept[place]?.style.getPropertyValue(name)) wrong.push(`${selector.trim()}: ${one.trim()}`);\
      }));\
      return { wrong, rules: kept.length };\
    };\
    const text = document.querySelector('style').textContent;";

/// Lets the browser say whether it has dropped something of the page's style.
pub fn keeps_every_rule(browser: &Browser) {
    let found = browser.run(&format!("{DROPPED} return dropped(text)"));
    assert_eq!(found["wrong"], Value::Array(Vec::new()));
    assert!(found["rules"].as_u64() > Some(80), "{found}");
    // It would be seen: a bracket too many, a misspelt property, a value that there is not.
    for spoilt in [
        "text.replace('.wrap {', '} .wrap {')",
        "text.replace('overflow-wrap: anywhere', 'overflow-warp: anywhere')",
        "text.replace('display: grid', 'display: gird')",
    ] {
        let found = browser.run(&format!("{DROPPED} return dropped({spoilt})"));
        assert_ne!(found["wrong"], Value::Array(Vec::new()), "{spoilt}");
    }
}
