//! Plays the decision scripts.

use std::fs;
use std::path::Path;

use crate::script::Play;

/// Sections of the specification that decide anything; each has its script.
const SECTIONS: &[&str] = &[
    "2-", "3.1-", "3.2-", "3.3-", "3.4-", "3.5-", "3.6-", "4-", "5.2-", "5.3-", "5.4-", "5.5-",
    "5.6-", "5.7-", "6.3-", "6.4-", "6.5-", "6.6-", "11-",
];

fn scripts() -> Vec<(String, String)> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/balancer");
    let mut found: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "txt"))
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, fs::read_to_string(path).unwrap())
        })
        .collect();
    found.sort();
    found
}

/// Plays all cases of a script; a line `== name` begins one. Returns how many decisions there were.
fn play(name: &str, text: &str, wrong: &mut Vec<String>) -> usize {
    let mut play = Play::new();
    let mut is_lost = false;
    let mut decisions = 0;
    for (number, line) in text.lines().enumerate() {
        if line.starts_with("==") {
            (play, is_lost) = (Play::new(), false);
            continue;
        }
        decisions += usize::from(line.contains("->"));
        // After one wrong decision all others of the case may be.
        if !is_lost && let Err(why) = play.line(line) {
            wrong.push(format!("tests/balancer/{name}:{}: {line}\n    {why}", number + 1));
            is_lost = true;
        }
    }
    decisions
}

#[test]
fn decisions_are_those_of_the_scripts() {
    let (mut wrong, mut decisions) = (Vec::new(), 0);
    for (name, text) in scripts() {
        let own = play(&name, &text, &mut wrong);
        assert!(own > 0, "{name} decides nothing");
        decisions += own;
    }
    assert!(wrong.is_empty(), "{} of {decisions} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn each_section_has_its_script() {
    let names: Vec<_> = scripts().into_iter().map(|(name, _)| name).collect();
    for section in SECTIONS {
        assert!(names.iter().any(|name| name.starts_with(section)), "no script for {section}");
    }
}

#[test]
fn a_wrong_script_is_noticed() {
    let script = "member a\nmember b\n";
    let cases = [
        ("at 0 choose -> b", "chosen: a"),
        ("at 0 count 4 -> a=3 b=1", "counted: a=2 b=2"),
        ("at 0 state -> a=ERR b=OK/IDLE", "state is a=OK/IDLE b=OK/IDLE"),
        ("at 0 choose session=X.b -> b:free", "chosen: b:sticky"),
        ("at 0 nonsense", "unknown event nonsense"),
        ("at 0 fail c connect", "no member c"),
        ("nonsense", "unknown word nonsense"),
    ];
    for (line, why) in cases {
        let mut wrong = Vec::new();
        play("own", &format!("{script}{line}\n"), &mut wrong);
        assert!(wrong.len() == 1 && wrong[0].ends_with(why), "{line}: {wrong:?}");
    }
}
