//! The manual: every configuration in it is loaded, every command is one that exists, every link leads
//! somewhere.
#![allow(missing_docs, clippy::disallowed_methods)]

mod commands;
mod configuration;
mod links;
mod page;
#[path = "../config/site.rs"]
mod site;
#[path = "../support/mod.rs"]
mod support;

use crate::configuration::Tester;
use crate::page::{Page, pages};

/// Pages that still have indented blocks, which are not looked at.
const NOT_FENCED: &[&str] =
    &["docs/jkctl.md", "docs/logging.md", "docs/metrics.md", "docs/status.md"];

/// Fails with what is wrong with any page.
fn assert_none(wrong: Vec<String>) {
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn blocks_say_their_language() {
    let fenced = pages().into_iter().filter(|page| !NOT_FENCED.contains(&page.name.as_str()));
    assert_none(fenced.flat_map(|page| page.blocks().1).collect());
}

#[test]
fn httpd_loads_each_configuration() {
    let tester = Tester::new("documents");
    assert_none(pages().iter().flat_map(|page| tester.load(page)).collect());
}

#[test]
fn workers_files_have_no_error() {
    assert_none(pages().iter().flat_map(configuration::workers).collect());
}

#[test]
fn data_is_well_formed() {
    assert_none(pages().iter().flat_map(configuration::data).collect());
}

/// A recipe of which a side is missing is none.
#[test]
fn recipes_have_both_sides() {
    let is_recipe =
        |page: &&Page| page.name.starts_with("docs/cookbook/") && !page.name.ends_with("README.md");
    let pages = pages();
    let recipes: Vec<_> = pages.iter().filter(is_recipe).collect();
    assert!(recipes.len() >= 15, "{}", recipes.len());
    for page in recipes {
        let (blocks, _) = page.blocks();
        for language in ["apache", "properties", "xml", "sh"] {
            let has = blocks.iter().any(|block| block.language == language);
            assert!(has, "{} has no block of {language}", page.name);
        }
    }
}

#[test]
fn commands_exist() {
    assert_none(pages().iter().flat_map(commands::unknown).collect());
}

#[test]
fn links_lead_somewhere() {
    assert_none(links::dead(&pages()));
}

#[test]
fn names_in_angle_brackets_are_code() {
    assert_none(pages().iter().flat_map(links::tags).collect());
}

#[test]
fn the_contents_name_every_page() {
    assert_none(links::not_in_contents(&pages()));
}

/// A page with one block, or one line.
fn page(text: &str) -> Page {
    Page { name: "docs/planted.md".to_owned(), text: text.to_owned() }
}

#[test]
fn a_planted_directive_is_found() {
    let tester = Tester::new("documents-planted");
    let block = |lines: &str| page(&format!("# A\n\n```apache\n{lines}\n```\n"));
    assert_none(tester.load(&block("JkMount /app|/* app")));
    for (lines, said) in [
        ("JkMuont /app|/* app", "JkMuont"),
        ("JkMount /app|/* other", "\"other\" is not in worker.list"),
        ("JkLogLevel loud", "JK-102"),
        ("<IfModule jk_module>\nJkMount\n</IfModule>", "JkMount"),
    ] {
        let wrong = tester.load(&block(lines)).concat();
        assert!(wrong.contains(said), "{lines}: {wrong:?}");
    }
    // The workers of a section are loaded with its directives, those of another one are not.
    let workers = "```properties\nworker.list=other\nworker.other.type=ajp13\n```\n";
    let mount = "```apache\nJkMount /app|/* other\n```\n";
    assert_none(tester.load(&page(&format!("# A\n\n{mount}\n{workers}"))));
    assert_eq!(tester.load(&page(&format!("# A\n\n{mount}\n# B\n\n{workers}"))).len(), 1);
    let mistyped = workers.replace(".type", ".tpye");
    assert_eq!(tester.load(&page(&format!("# A\n\n{mount}\n{mistyped}"))).len(), 1);
    assert_eq!(configuration::workers(&page(&format!("# A\n\n{mistyped}"))).len(), 1);
}

#[test]
fn planted_mistakes_in_pages_are_found() {
    for text in ["```\nx\n```\n", "```rust\nx\n```\n", "```sh\nmake\n", "Text:\n\n    indented\n"] {
        assert_eq!(page(text).blocks().1.len(), 1, "{text}");
    }
    let item = "1. Text\n\n   ```sh\n   make\n   ```\n\n   Text of the item.\n";
    let (blocks, wrong) = page(item).blocks();
    assert_eq!((blocks[0].text.as_str(), wrong.len()), ("make\n", 0));
    for text in ["<Connector port=\"8009\">", "<Connector port=8009/>"] {
        assert_eq!(
            configuration::data(&page(&format!("```xml\n{text}\n```\n"))).len(),
            1,
            "{text}"
        );
    }
    assert_eq!(configuration::data(&page("```json\n{\"a\":}\n```\n")).len(), 1);
}

#[test]
fn planted_commands_are_found() {
    let block = |line: &str| page(&format!("```sh\n{line}\n```\n"));
    for line in [
        "jkctl statsu",
        "jkctl status --wacth",
        "cd x && jkctl drain app/tomcat1 --wiat # as usual",
        "jkctl set app/tomcat1 \\\n  --unest recovery_options",
        "JKCTL_URL=http://localhost/jk-status jkctl drian app/tomcat1",
        "jkctl help statsu",
        "make instal",
        "cp apache-conf/missing.conf /etc/apache2",
    ] {
        assert_eq!(commands::unknown(&block(line)).len(), 1, "{line}");
    }
    for line in [
        "jkctl status --watch > status.txt",
        "jkctl drain app/tomcat1 --wait --timeout 10m --stop && deploy && jkctl activate app/tomcat1",
        "jkctl help drain | less",
        "make && make install",
        "cp apache-conf/jk.conf /etc/apache2",
    ] {
        assert_none(commands::unknown(&block(line)));
    }
    assert_eq!(commands::unknown(&page("Run `jkctl statsu`, or `jkctl status`.\n")).len(), 1);
    let console = "```console\n$ jkctl status\nno jkctl statsu here\n$ jkctl statsu\n```\n";
    assert_eq!(commands::unknown(&page(console)).len(), 1);
}

#[test]
fn planted_tags_are_found() {
    for (text, count) in [
        ("worker.<name>.mount", 1),
        ("| `a` | <b> | `<c>` |", 1),
        ("`worker.<name>.mount`, worker.\\<name>.mount, 1 < 2", 0),
        ("<a id=\"jk-1\"></a>JK-1, <https://example.org>", 0),
    ] {
        assert_eq!(links::tags(&page(text)).len(), count, "{text}");
    }
}

#[test]
fn planted_links_are_found() {
    let other =
        Page { name: "docs/other.md".to_owned(), text: "# A `b` & c\n\n# A\n\n# A\n".into() };
    let dead = |text: &str| links::dead(&[page(text), other.clone()]).len();
    for text in [
        "[x](missing.md)",
        "[x](health.md#missing)",
        "[x](../README.md)",
        "[x](#missing)",
        "![x](missing.svg)",
    ] {
        assert_eq!(dead(text), 1, "{text}");
    }
    for text in [
        "# Here\n[x](#here)",
        "<a id=\"jk-1\"></a>[x](#jk-1)",
        "[x](https://example.org/x)",
        "`[x](y)`",
    ] {
        assert_eq!(dead(text), 0, "{text}");
    }
    assert_eq!(
        links::dead(&[page("[x](health.md#probes)"), Page::read("docs/health.md".as_ref())]).len(),
        0
    );
    let contents = Page { name: "docs/SUMMARY.md".to_owned(), text: "[Other](other.md)\n".into() };
    assert_eq!(links::not_in_contents(&[page(""), other, contents]).len(), 1);
}
