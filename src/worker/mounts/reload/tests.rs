use std::fs;
use std::path::PathBuf;

use crate::config::{Properties, resolve};
use crate::uri_map::merge::MountCopy;
use crate::uri_map::{Origin, RuleSource};
use crate::worker::mounts::reload::*;

/// A directory of its own for one test, gone at its end.
struct Dir(PathBuf);

impl Dir {
    fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("mod_jk-{name}-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        Self(dir)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).to_string_lossy().into_owned()
    }

    /// Replaces a file as editors do, by moving a new one into place.
    fn write(&self, name: &str, text: &str) {
        fs::write(self.path("new"), text).unwrap();
        fs::rename(self.path("new"), self.path(name)).unwrap();
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn config() -> Arc<WorkersConfig> {
    let mut properties = Properties::default();
    let text = "worker.list=w1,w2\nworker.w1.host=localhost\nworker.w2.host=localhost\n";
    properties.read(text, "workers", &|_| None);
    Arc::new(resolve(&properties).0)
}

fn host(directives: &[&str], copy: Option<MountCopy>, file: Option<String>) -> HostRules {
    let mut mounts = ServerMounts { copy, ..ServerMounts::default() };
    for line in directives {
        let (left, right) = line.split_once('=').unwrap();
        let (left, right) = (left.as_bytes(), right.as_bytes());
        let origin = Origin::new("httpd.conf", 1);
        let rules = Rule::parse(left, right, RuleSource::Directive, &origin, &mut Vec::new());
        mounts.directives.insert(left, origin, rules);
    }
    HostRules { name: String::new(), mounts, file, reload: Duration::from_secs(10) }
}

fn worker(files: &MountFiles, server: usize, uri: &str) -> String {
    let rule = files.map(server).find(uri.as_bytes());
    rule.map_or("-".to_owned(), |rule| rule.worker.to_string())
}

/// Lets so much time pass that every change is seen and read.
fn pass(files: &MountFiles, now: &mut Millis) {
    for _ in 0..3 {
        *now = now.plus(Duration::from_secs(5));
        files.look(*now, true);
    }
}

#[test]
fn what_new_rules_map_is_not_kept_out() {
    let map = |pattern: &str| {
        let origin = Origin::new("rules", 1);
        let pattern = pattern.as_bytes();
        UriMap::build(Rule::parse(pattern, b"w1", RuleSource::Directive, &origin, &mut Vec::new()))
            .0
    };
    let live = ReloadableMap::new(map("/app/*"));
    for (pattern, uri) in [("/docs/*", "/docs/x"), ("/*.jsp", "/q.jsp"), ("/q/*%2Fx", "/q/%2fx")] {
        assert!(live.find(uri.as_bytes()).is_none(), "{uri}");
        live.set(map(pattern));
        assert!(live.find(uri.as_bytes()).is_some(), "{uri}");
        assert!(live.find(b"/app/x").is_none(), "an earlier rule");
    }
}

#[test]
fn a_changed_file_is_taken_whole_or_not_at_all() {
    let dir = Dir::new("taken");
    dir.write("map", "/a/*=w1\nno rule\n");
    let files = MountFiles::build(
        vec![host(&["/d=w1"], None, Some(dir.path("map")))],
        config(),
        &Texts::new(),
    );
    let mut now = Millis(1000);
    assert_eq!(worker(&files, 0, "/a/x"), "w1");
    // Text, what `/a/x` is mapped to afterwards, and `/b`.
    let cases: &[(&str, &str, &str, &str)] = &[
        ("changed; the old mistake stays", "/a/*=w2\nno rule\n", "w2", "-"),
        ("a new line that is no rule", "/a/*=w1\nno rule\nnor this\n", "w2", "-"),
        ("cut in the middle of a line", "/a/*=w1\n/b=", "w2", "-"),
        ("a worker that does not exist", "/a/*=w1\n/b=w3\n", "w2", "-"),
        ("mended", "/a/*=w1\n/b=w2\n", "w1", "w2"),
        ("the mistake of before is new now", "/a/*=w2\nno rule\n", "w1", "w2"),
        ("binary", "/a/*=w2\n\0", "w1", "w2"),
        ("a rule that can never match", "/a/*=w2\n/b;x=w1\n", "w2", "-"),
        ("emptied", "", "-", "-"),
        ("filled again", "/a/*=w1\n/b=w1\n", "w1", "w1"),
    ];
    for (name, text, a, b) in cases {
        dir.write("map", text);
        pass(&files, &mut now);
        assert_eq!(worker(&files, 0, "/a/x"), *a, "case: {name}");
        assert_eq!(worker(&files, 0, "/b"), *b, "case: {name}");
        assert_eq!(worker(&files, 0, "/d"), "w1", "case: {name}, directives stay");
    }
}

#[test]
fn a_file_that_goes_leaves_its_rules_and_comes_again() {
    let dir = Dir::new("gone");
    dir.write("map", "/a=w1\n");
    let files =
        MountFiles::build(vec![host(&[], None, Some(dir.path("map")))], config(), &Texts::new());
    let mut now = Millis(1000);
    fs::remove_file(dir.path("map")).unwrap();
    pass(&files, &mut now);
    assert_eq!(worker(&files, 0, "/a"), "w1", "gone");
    fs::create_dir(dir.path("map")).unwrap();
    pass(&files, &mut now);
    assert_eq!(worker(&files, 0, "/a"), "w1", "a directory");
    fs::remove_dir(dir.path("map")).unwrap();
    dir.write("map", "/a=w2\n");
    pass(&files, &mut now);
    assert_eq!(worker(&files, 0, "/a"), "w2", "back");
}

#[test]
fn a_file_that_was_missing_at_start_is_taken_when_it_comes() {
    let dir = Dir::new("missing");
    let files = MountFiles::build(
        vec![host(&["/d=w1"], None, Some(dir.path("map")))],
        config(),
        &Texts::new(),
    );
    assert_eq!((worker(&files, 0, "/d"), worker(&files, 0, "/a")), ("w1".into(), "-".into()));
    dir.write("map", "/a=w1\n");
    pass(&files, &mut Millis(1000));
    assert_eq!(worker(&files, 0, "/a"), "w1");
}

#[test]
fn a_child_that_begins_late_begins_with_the_file_as_it_is() {
    let dir = Dir::new("late");
    dir.write("map", "/a=w1\n");
    let files =
        MountFiles::build(vec![host(&[], None, Some(dir.path("map")))], config(), &Texts::new());
    dir.write("map", "/a=w2\n");
    files.catch_up();
    assert_eq!(worker(&files, 0, "/a"), "w2");
    dir.write("map", "/a=unknown\n");
    files.catch_up();
    assert_eq!(worker(&files, 0, "/a"), "w2");
    fs::remove_file(dir.path("map")).unwrap();
    files.catch_up();
    assert_eq!(worker(&files, 0, "/a"), "w2");
}

#[test]
fn a_change_must_stand_still_and_is_in_force_in_time() {
    let dir = Dir::new("still");
    dir.write("map", "/a=w1\n");
    let files =
        MountFiles::build(vec![host(&[], None, Some(dir.path("map")))], config(), &Texts::new());
    let mut now = Millis(1000);
    files.look(now, true);
    dir.write("map", "/a=w2\n");
    let changed = now;
    files.look(now.plus(Duration::from_secs(4)), true);
    now = changed.plus(Duration::from_secs(5));
    files.look(now, true);
    assert_eq!(worker(&files, 0, "/a"), "w1", "seen for the first time");
    dir.write("map", "/a=w1\n/b=w1\n");
    now = now.plus(Duration::from_millis(500));
    files.look(now, true);
    assert_eq!(worker(&files, 0, "/b"), "-", "still being written");
    now = now.plus(Duration::from_millis(500));
    files.look(now, true);
    assert_eq!(worker(&files, 0, "/b"), "w1", "stands still");
    assert!(now.since(changed) < Duration::from_secs(10));
    // One that never stands still is read after half the time, too.
    for round in 0..=10 {
        dir.write("map", &format!("/a=w2\n# {round}{}\n", " ".repeat(round)));
        files.look(now.plus(Duration::from_millis(5000 + round as u64 * 500)), true);
    }
    assert_eq!(worker(&files, 0, "/a"), "w2", "never stands still");
}

#[test]
fn two_versions_of_one_second_and_size_differ() {
    let dir = Dir::new("same");
    dir.write("map", "/a=w1\n");
    let files =
        MountFiles::build(vec![host(&[], None, Some(dir.path("map")))], config(), &Texts::new());
    let time = fs::metadata(dir.path("map")).unwrap().modified().unwrap();
    dir.write("map", "/a=w2\n");
    fs::File::options().append(true).open(dir.path("map")).unwrap().set_modified(time).unwrap();
    pass(&files, &mut Millis(1000));
    assert_eq!(worker(&files, 0, "/a"), "w2");
}

#[test]
fn zero_never_looks() {
    let dir = Dir::new("zero");
    dir.write("map", "/a=w1\n");
    let never = HostRules { reload: Duration::ZERO, ..host(&[], None, Some(dir.path("map"))) };
    let files = MountFiles::build(vec![never], config(), &Texts::new());
    dir.write("map", "/a=w2\n");
    pass(&files, &mut Millis(1000));
    assert_eq!(worker(&files, 0, "/a"), "w1");
}

#[test]
fn hosts_follow_the_files_they_have() {
    let dir = Dir::new("hosts");
    dir.write("main", "/m=w1\n");
    dir.write("own", "/o=w1\n");
    let (main, own) = (Some(dir.path("main")), Some(dir.path("own")));
    let on = Some(MountCopy::On);
    let frozen = HostRules { reload: Duration::ZERO, ..host(&["/v=w1"], on, None) };
    let hosts = vec![
        host(&["/d=w1"], None, main),
        host(&[], on, None),
        host(&["/v=w1"], on, None),
        host(&["/v=w1"], on, own.clone()),
        host(&[], None, own.clone()),
        host(&[], None, own),
        host(&[], None, None),
        frozen,
    ];
    let files = MountFiles::build(hosts, config(), &Texts::new());
    assert!(Arc::ptr_eq(files.map(0), files.map(1)), "shared with the main server");
    assert!(Arc::ptr_eq(files.map(4), files.map(5)), "the same rules are compiled once");
    dir.write("main", "/m=w2\n");
    dir.write("own", "/o=w2\n/p=w2\n");
    pass(&files, &mut Millis(1000));
    // Server, and what it maps of /m, /o, /p, /d, /v.
    let cases = [
        (0, "w2 - - w1 -"),
        (1, "w2 - - w1 -"),
        (2, "w2 - - w1 w1"),
        (3, "- w2 w2 w1 w1"),
        (4, "- w2 w2 - -"),
        (5, "- w2 w2 - -"),
        (6, "- - - - -"),
        (7, "w1 - - w1 w1"),
    ];
    for (server, expected) in cases {
        let found = ["/m", "/o", "/p", "/d", "/v"].map(|uri| worker(&files, server, uri));
        assert_eq!(found.join(" "), expected, "server {server}");
    }
    assert!(files.map(6).is_empty() && !files.map(5).is_empty());
}
