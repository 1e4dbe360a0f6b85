//! A request to the status worker: a byte of settings, a query, and behind a NUL a body. Whatever is
//! asked, each format stays what it is, and what is changed is what a reader of the same text reads.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mod_jk::status::change_text::{change_of, parameter};
use mod_jk::status::change::{Change, Value, check, plan};
use mod_jk::status::render::html;
use mod_jk::status::render::html::PageSettings;
use mod_jk::status::render::legacy;
use mod_jk::status::render::legacy::Shape;
use mod_jk::status::rating::RatingRules;
use mod_jk::status::request::{Mime, encode, parse};
use mod_jk::status::body;
use mod_jk::status::render::json;

#[allow(dead_code)]
#[path = "../../status/state.rs"]
mod state;

fuzz_target!(|data: &[u8]| {
    let [settings, rest @ ..] = data else { return };
    let (query, sent) = match rest.iter().position(|byte| *byte == 0) {
        Some(at) => (&rest[..at], &rest[at + 1..]),
        None => (rest, &rest[rest.len()..]),
    };
    let mut query = String::from_utf8_lossy(query).into_owned();
    let kinds = ["application/json", "application/x-www-form-urlencoded", "text/plain", ""];
    let kind = kinds[usize::from(settings >> 1) % kinds.len()];
    if let Ok(more) = body::parameters(kind, settings & 8 != 0, sent) {
        query.push('&');
        query.push_str(&more);
    }
    let is_read_only = settings & 1 != 0;
    let snapshot = state::snapshot();
    let (_, command) = parse(&query, is_read_only);
    let command = command.and_then(|command| match command.action.is_change() {
        true => {
            assert!(!is_read_only, "a read-only worker changes nothing");
            let changes = plan(&command, &snapshot)?;
            changes.iter().for_each(read_back);
            Ok(command)
        }
        false => check(&command, &snapshot).map(|()| command),
    });
    let shape = Shape::default();
    for mime in [Mime::Xml, Mime::Txt, Mime::Prop] {
        let text = legacy::render(mime, command.as_ref(), &snapshot, &shape);
        assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "a line is a line");
        match mime {
            Mime::Xml => is_xml(&text),
            Mime::Txt => assert_eq!(text.matches("Result: type=").count(), 1),
            _ => assert_eq!(text.matches("\nworker.result.type=").count() + usize::from(text.starts_with("worker.result.type=")), 1),
        }
    }
    let rules = RatingRules::default();
    let text = json::render(command.as_ref(), &snapshot, &[], &rules);
    serde_json::from_str::<serde_json::Value>(&text).expect("JSON");
    let setting = PageSettings { is_read_only, nonce: "0", ..PageSettings::default() };
    is_page(&html::render(command.as_ref(), &snapshot, &setting).expect("memory"));
    let word: String = query.chars().take(99).collect();
    let asked = format!("w={}", encode(&word));
    if let (_, Ok(command)) = parse(&asked, false) {
        assert_eq!(command.worker.as_ref(), Some(&word), "encoded and decoded");
    }
});

/// A change goes to other children as text, and must be the same there.
fn read_back(change: &Change) {
    let (balancer, worker, value) = match change {
        Change::Balancer { balancer, value, .. } => (balancer.as_str(), "", value),
        Change::Member { balancer, member, value, .. } => (balancer.as_str(), member.as_str(), value),
        Change::Ajp { worker, value, .. } => ("", worker.as_str(), value),
        Change::Recover { .. } | Change::Reset { .. } => return,
    };
    let name = parameter(change).expect("it has one");
    assert_eq!(change_of(balancer, worker, name, &value.to_string()).as_ref(), Some(change));
    if let Value::Text(text) = value {
        assert!(text.len() < 64 && !text.chars().any(char::is_control), "{text:?}");
    }
}

/// Attributes stand alone on their lines, so each has two quotes.
fn is_xml(text: &str) {
    for line in text.lines() {
        let is_attribute = line.contains("=\"") && !line.starts_with("<?") && !line.contains("xmlns");
        if is_attribute {
            assert_eq!(line.matches('"').count(), 2, "{line}");
            assert!(!line.contains('<'), "{line}");
        }
    }
}

/// Every tag is one of ours.
fn is_page(page: &str) {
    let (_, rest) = page.split_once("</style>").expect("a style");
    let (shown, _) = rest.split_once("<script nonce=\"0\">").expect("a script");
    for after in shown.split('<').skip(1) {
        let name = after.trim_start_matches('/');
        let name = name.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
        assert!(TAGS.contains(&name), "<{name}");
        let tag = after.split('>').next().unwrap_or_default();
        assert!(tag.matches('"').count() % 2 == 0, "<{tag}>");
    }
}

const TAGS: &[&str] = &[
    "a", "b", "body", "button", "caption", "code", "dd", "details", "div", "dl", "dt", "fieldset",
    "footer", "form", "h1", "h2", "h3", "head", "header", "input", "label", "legend", "li", "main",
    "nav", "option", "p", "progress", "section", "select", "small", "span", "strong", "summary",
    "table", "tbody", "td", "th", "thead", "tr", "ul",
];
