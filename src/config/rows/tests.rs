//! The tables hold together.

use std::collections::BTreeSet;

use crate::config::request_log::RequestLogFormat;
use crate::config::rows::*;
use crate::config::{Context, Options, Origin, Section, ServerSettings};
use crate::uri_map::Extensions;

#[test]
fn names_are_unique() {
    let mut seen = BTreeSet::new();
    for row in PROPERTIES {
        for name in std::iter::once(&row.name).chain(row.aliases) {
            assert!(seen.insert(*name), "{name} stands twice");
        }
        assert!(row.doc.ends_with('.'), "{}", row.name);
    }
    let directives: BTreeSet<_> = DIRECTIVES.iter().map(|row| row.name).collect();
    assert_eq!(directives.len(), DIRECTIVES.len());
}

#[test]
fn every_directive_is_read_and_other_words_are_not() {
    let context =
        Context { is_virtual: false, section: Section::Server, origin: Origin::default() };
    for row in DIRECTIVES {
        let is_unknown = |word| {
            let result = ServerSettings::default().set(row.name, word, None, &context);
            result.is_err_and(|why| why.contains("unknown directive"))
        };
        assert!(!is_unknown("x"), "{} is in the table and not read", row.name);
    }
    let result = ServerSettings::default().set("JkMuont", "x", None, &context);
    assert_eq!(result, Err("unknown directive JkMuont, did you mean JkMount".to_owned()));
}

#[test]
fn every_option_is_read() {
    for row in OPTIONS {
        assert_eq!(Options::default().set(row.name), Ok(()), "{}", row.name);
        let is_fixed = Options::default().set(&format!("-{}", row.name)).is_err();
        assert_eq!(is_fixed, row.values.contains("no -"), "-{}", row.name);
    }
}

#[test]
fn every_extension_and_format_code_is_read() {
    let origin = Origin::default();
    for row in EXTENSIONS {
        let mut problems = Vec::new();
        Extensions::parse(&format!("{}=1", row.name), &origin, &mut problems);
        assert!(problems.is_empty(), "{}: {problems:?}", row.name);
    }
    for row in FORMATS.iter().filter(|row| row.name.starts_with('%')) {
        assert!(RequestLogFormat::parse(row.name).is_ok(), "{}", row.name);
    }
    assert!(RequestLogFormat::parse("%Z").is_err());
}
