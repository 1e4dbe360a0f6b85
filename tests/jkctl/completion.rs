//! Completions as bash asks for them: commands, options, and the names of what runs.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::jkctl;
use crate::live::Site;
use crate::pages::COMMANDS;
use crate::support::{free_port, fresh_dir};

/// The same without options, which may follow wherever a name may.
fn names(line: &str, variables: &[(&str, &str)]) -> Vec<String> {
    let mut all = complete(line, variables);
    all.retain(|own| !own.starts_with('-'));
    all
}

/// Has a bash complete the last word of a line.
fn complete(line: &str, variables: &[(&str, &str)]) -> Vec<String> {
    let bin = std::path::Path::new(env!("CARGO_BIN_EXE_jkctl")).parent().unwrap();
    let words: Vec<_> = line.split(' ').collect();
    let last = words.last().unwrap();
    let script = format!(
        "source <(jkctl completion bash); COMP_TYPE=9; COMP_WORDS=({}); COMP_CWORD={}; \
         _jkctl jkctl \"{last}\" x; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        words.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" "),
        words.len() - 1,
    );
    let output = Command::new("bash")
        .args(["-c", &script])
        .env("PATH", format!("{}:{}", bin.display(), std::env::var("PATH").unwrap()))
        .env("HOME", env!("CARGO_TARGET_TMPDIR"))
        .env_remove("JKCTL_URL")
        .env_remove("JKCTL_USER")
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.lines().all(|line| line.contains("compopt")), "it disturbs who types: {said}");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().map(|own| own.trim_end().to_owned()).filter(|own| !own.is_empty()).collect()
}

#[test]
fn commands_and_options_are_completed() {
    for command in COMMANDS {
        let found = complete(&format!("jkctl {command}"), &[]);
        assert!(found.iter().any(|own| own == command), "{command}: {found:?}");
    }
    assert_eq!(complete("jkctl dra", &[]), ["drain"]);
    assert_eq!(complete("jkctl check --str", &[]), ["--strict"]);
    assert_eq!(complete("jkctl set lb/a reply_", &[]), ["reply_timeout="]);
    assert_eq!(complete("jkctl top --sort bu", &[]), ["busy"]);
}

#[test]
fn names_are_those_of_the_running_httpd() {
    let site = Site::start("jkctl-completes", "");
    let by_variable = [("JKCTL_URL", site.url.as_str())];
    assert_eq!(names("jkctl drain ", &by_variable), ["lb/a", "lb/b"]);
    assert_eq!(names("jkctl status ", &by_variable), ["lb", "lb/a", "lb/b"]);
    assert_eq!(names("jkctl set lb/b", &by_variable), ["lb/b"]);
    assert_eq!(names("jkctl rules ", &by_variable), ["lb"]);
    assert_eq!(names("jkctl stop nothing", &by_variable), [""; 0]);
    let by_option = format!("jkctl stop --url {} ", site.url);
    assert_eq!(names(&by_option, &[]), ["lb/a", "lb/b"]);
    // As bash takes a URL apart.
    assert_eq!(names(&by_option.replace(':', " : "), &[]), ["lb/a", "lb/b"]);
}

#[test]
fn an_httpd_that_does_not_answer_completes_to_nothing() {
    let dead = format!("http://127.0.0.1:{}/status", free_port());
    assert_eq!(names("jkctl drain ", &[("JKCTL_URL", &dead)]), [""; 0]);
    // One that accepts and says nothing is not waited for, and no password is asked for.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/status", silent.local_addr().unwrap());
    let begun = Instant::now();
    let found = names("jkctl drain ", &[("JKCTL_URL", &url), ("JKCTL_USER", "joe")]);
    assert_eq!(found, [""; 0]);
    assert!(begun.elapsed() < Duration::from_secs(9), "{:?}", begun.elapsed());
}

#[test]
fn each_shell_gets_lines_of_its_own() {
    let dir = fresh_dir("jkctl-completion");
    for (shell, part) in [
        ("bash", "complete -o nospace"),
        ("fish", "complete --keep-order"),
        ("zsh", "#compdef jkctl"),
    ] {
        let run = jkctl(&["completion", shell]);
        assert_eq!(run.code, 0, "{shell}: {}", run.err);
        assert!(run.out.contains(part), "{shell}: {}", run.out);
        assert!(run.out.contains("JKCTL_COMPLETE"), "{shell}: {}", run.out);
    }
    let file = dir.join("jkctl.bash");
    fs::write(&file, jkctl(&["completion", "bash"]).out).unwrap();
    let status = Command::new("bash").arg("-n").arg(&file).status().unwrap();
    assert!(status.success());
}
