//! `jkctl convert`: files, modes, what is said, and that no file is overwritten. That both sides serve alike is
//! shown by the test program convert.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::jkctl;
use crate::support::fresh_dir;

#[test]
fn files_are_written_once_and_without_the_secret_for_all() {
    let dir = fresh_dir("jkctl-convert");
    let path = |name: &str| dir.join(name).display().to_string();
    fs::create_dir(dir.join("sites")).unwrap();
    let site = "ProxyPass /app ajp://127.0.0.1/app secret=hidden growth=1\nOther line\n";
    fs::write(dir.join("sites/a.conf"), site).unwrap();
    fs::write(dir.join("main.conf"), "Include sites/*.conf\n").unwrap();
    let out = dir.join("out");
    let args = ["convert", "--dir", &path("out"), &path("main.conf")];
    let run = jkctl(&args);
    assert_eq!(run.code, 0, "{}", run.err);
    let said = format!("{}:1: no counterpart: growth (room for members", path("sites/a.conf"));
    assert!(run.err.starts_with(&said), "{}", run.err);
    let mode = |name: &str| fs::metadata(out.join(name)).unwrap().permissions().mode() & 0o777;
    let modes = [mode("workers.properties"), mode("sites/a.conf"), mode("jk.conf")];
    assert_eq!(modes, [0o640, 0o640, 0o644]);
    let copy = fs::read_to_string(out.join("sites/a.conf")).unwrap();
    assert_eq!(copy, format!("# jkctl: {site}"));
    let jk = fs::read_to_string(out.join("jk.conf")).unwrap();
    assert!(jk.contains(&format!("JkWorkersFile \"{}\"", path("out/workers.properties"))), "{jk}");
    assert!(jk.contains("\nJkMount /app|/* 127-0-0-1-8009\n"), "{jk}");

    fs::write(out.join("jk.conf"), "mine").unwrap();
    let again = jkctl(&args);
    assert_eq!(again.code, 2);
    assert!(again.err.contains("exists and was not changed"), "{}", again.err);
    assert_eq!(fs::read_to_string(out.join("jk.conf")).unwrap(), "mine");
    let forced = jkctl(&["convert", "--force", "--dir", &path("out"), &path("main.conf")]);
    assert_eq!(forced.code, 0, "{}", forced.err);
    assert_eq!(fs::read_to_string(out.join("jk.conf")).unwrap(), jk);

    // Both are a whole configuration of this module.
    let files = [path("out/jk.conf"), path("out/sites/a.conf")];
    let check = jkctl(&["check", "--strict", &files[0], &files[1]]);
    assert_eq!(check.code, 0, "{}{}", check.out, check.err);
    let back = jkctl(&["convert", "--to", "proxy", "-o", "json", &files[0], &files[1]]);
    let page = back.json();
    let proxy = page["files"][0]["text"].as_str().unwrap();
    assert!(proxy.contains("\nProxyPass /app ajp://127.0.0.1:8009/app "), "{proxy}");
    assert!(proxy.contains(" secret=hidden"), "{proxy}");
}

#[test]
fn what_cannot_be_read_is_refused() {
    let dir = fresh_dir("jkctl-convert-refused");
    let path = |name: &str| dir.join(name).display().to_string();
    fs::write(dir.join("w"), "worker.list=a\nworker.a.prot=1\n").unwrap();
    fs::write(dir.join("c"), "JkWorkersFile w\n").unwrap();
    for (args, part) in [
        (vec!["convert", "--to", "proxy", &path("c")], "unknown attribute"),
        (vec!["convert", &path("none")], "there is no such file"),
        (vec!["convert", "--force", &path("c")], "--dir"),
        (vec!["convert"], "Usage: jkctl convert"),
    ] {
        let run = jkctl(&args);
        assert!(run.code == 2 && run.err.contains(part), "{args:?}: {}{}", run.out, run.err);
    }
    let printed = jkctl(&["convert", &path("c")]);
    assert_eq!((printed.code, printed.out.as_str()), (0, ""), "{}", printed.err);
}
