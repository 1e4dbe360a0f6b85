//! Man pages and help: complete, and readable by the programs they are for.

use std::fs;

use crate::jkctl;
use crate::support::fresh_dir;

pub const COMMANDS: &[&str] = &[
    "activate",
    "check",
    "completion",
    "convert",
    "diff",
    "drain",
    "dump",
    "events",
    "explain",
    "init",
    "man",
    "metrics",
    "ping",
    "recover",
    "reset",
    "rules",
    "set",
    "status",
    "stop",
    "top",
    "version",
    "wait",
];

#[test]
fn each_command_has_a_man_page() {
    let dir = fresh_dir("jkctl-man");
    assert_eq!(jkctl(&["man", &dir.display().to_string()]).code, 0);
    let mut names: Vec<_> = fs::read_dir(&dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let pages = COMMANDS.iter().map(|own| format!("jkctl-{own}.1"));
    let mut expected: Vec<_> = pages.chain(["jkctl.1".to_owned()]).collect();
    expected.sort();
    assert_eq!(names, expected);

    let read = |name: &str| fs::read_to_string(dir.join(name)).unwrap();
    let whole = read("jkctl.1");
    for command in COMMANDS {
        assert!(whole.contains(&format!("jkctl\\-{command}(1)")), "{command}");
    }
    for section in ["EXIT CODES", "ENVIRONMENT", "FILES", "SEE ALSO"] {
        assert!(whole.contains(&format!(".SH \"{section}\"")), "{section}");
    }
    assert_eq!(jkctl(&["man"]).out, whole);
    // A property of the table of properties, with its text.
    let doc = mod_jk::config::rows::find("lbfactor").unwrap().doc;
    assert!(read("jkctl-set.1").contains(doc), "{doc}");
    for name in &names {
        // A line that begins with a dot and no known command would vanish from the page.
        let known = [
            ".", ".TH", ".SH", ".TP", ".PP", ".nf", ".fi", ".br", ".RS", ".RE", ".ie", ".el",
            ".IP", ".sp", ".ds", ".de", ".if",
        ];
        for line in read(name).lines().filter(|line| line.starts_with('.')) {
            let request = line.split([' ', '\\']).next().unwrap();
            assert!(known.contains(&request), "{name}: {line}");
        }
    }
}

#[test]
fn help_speaks_of_everything() {
    let run = jkctl(&["--help"]);
    assert_eq!(run.code, 0);
    for command in COMMANDS {
        assert!(run.out.contains(command), "{command}");
    }
    assert!(run.out.contains("Exit codes:"), "{}", run.out);
    let set = jkctl(&["set", "--help"]);
    assert!(
        set.out.contains("reply_timeout") && set.out.contains("In milliseconds."),
        "{}",
        set.out
    );
}
