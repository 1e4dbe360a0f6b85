//! Lines as they reach the file and the web server's log.

use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::config::LogLevel;
use crate::config::request_log::RequestLogFormat;
use crate::log::line::{FieldValue, LogLine, word};
use crate::log::sink::LONGEST_LINE;
use crate::log::*;

/// Keeps what it gets.
#[derive(Clone, Debug, Default)]
struct Kept {
    lines: Arc<Mutex<Vec<String>>>,
}

impl ServerLog for Kept {
    fn wants(&self, level: LogLevel) -> bool {
        level >= LogLevel::Warn
    }

    fn close(&self) {}

    fn write(&self, level: Option<LogLevel>, text: &str) {
        self.lines.lock().push(format!("{} {text}", level.map_or("always", word)));
    }
}

fn line(level: LogLevel, text: &str, worker: &str) -> LogLine {
    let fields =
        vec![("worker", FieldValue::Text(worker.to_owned())), ("ms", FieldValue::Number(3))];
    LogLine { level, place: "worker::report", number: Some(7), text: text.to_owned(), fields }
}

/// A file of one test, gone at its end.
struct Scratch(PathBuf);

impl Scratch {
    fn text(&self) -> String {
        std::fs::read_to_string(&self.0).expect("a file")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// A log on a file of its own, with what its host gets.
fn log(name: &str, level: Option<LogLevel>, is_json: bool) -> (Log, Scratch, Kept) {
    let path = std::env::temp_dir().join(format!("mod-jk-{name}-{}", std::process::id()));
    let _ = std::fs::remove_file(&path);
    let file = std::fs::File::options().append(true).create(true).open(&path).expect("a file");
    let path = Scratch(path);
    let host = Kept::default();
    let output = Arc::new(Output::new(name, file));
    let log = Log::new(level, TimeFormat::new("T "), is_json, Some(output), Box::new(host.clone()));
    (log, path, host)
}

#[test]
fn client_text_cannot_forge_lines() {
    assert_eq!(escaped(b"/a\n[emerg] \x1b[31m\\x0a"), "/a\\x0a[emerg] \\x1b[31m\\x5cx0a");
}

#[test]
fn lines_have_stamp_id_process_level_and_place() {
    let (log, path, _) = log("shape", None, false);
    log.line(line(LogLevel::Error, "JK-303 worker w: refused", "w"));
    within_as(None, "WATCHDOG", || log.line(line(LogLevel::Info, "no number", "")));
    let text = path.text();
    let who = format!("[{}:{}]", std::process::id(), sink::thread());
    assert_eq!(
        text,
        format!(
            "T [NO-ID] {who} [error] worker::report (7): JK-303 worker w: refused\n\
             T [WATCHDOG] {who} [info] worker::report (7): no number\n"
        )
    );
}

#[test]
fn levels() {
    use LogLevel::{Debug, Error, Info, Warn};

    let (file, _, host) = log("levels", None, false);
    assert!(file.wants(Info) && !file.wants(Debug), "info is the default of a file");
    let to_host =
        |level| Log::new(level, TimeFormat::default(), false, None, Box::new(host.clone()));
    assert!(to_host(None).wants(Warn) && !to_host(None).wants(Info));
    assert!(to_host(Some(Error)).wants(Error) && !to_host(Some(Error)).wants(Warn));
    assert!(!to_host(Some(Debug)).wants(Debug), "the web server's word counts too");
}

#[test]
fn a_flood_becomes_a_count() {
    let (log, path, _) = log("flood", None, false);
    for _ in 0..500 {
        log.line(line(LogLevel::Error, "JK-303 worker w: refused", "w"));
    }
    log.line(line(LogLevel::Error, "JK-303 worker v: refused", "v"));
    for _ in 0..50 {
        log.line(line(LogLevel::Info, "JK-502 by ann", "w"));
        log.line(line(LogLevel::Debug, "JK-303 for developers", "w"));
    }
    log.close();
    let text = path.text();
    let count = |part: &str| text.lines().filter(|line| line.contains(part)).count();
    assert_eq!(count("worker::report (7): JK-303 worker w"), LINES_BEFORE_COUNTING as usize);
    assert_eq!(count("JK-303 worker v"), 1);
    assert_eq!(count("JK-502"), 50, "records of who did what are never held back");
    assert_eq!(count("for developers"), 50);
    let last = text.lines().last().expect("a line");
    assert!(
        last.ends_with(
            "[error] log (0): JK-303 490 more in the last 1 s, the last one: worker w: refused"
        ),
        "{last}"
    );
}

#[test]
fn a_count_in_json_and_for_the_host() {
    let (log, path, _) = log("flood-json", None, true);
    let host = Kept::default();
    let other = Log::new(None, TimeFormat::default(), false, None, Box::new(host.clone()));
    for _ in 0..30 {
        log.line(line(LogLevel::Error, "JK-303 worker \"repeats\":0 {", "w"));
        other.line(line(LogLevel::Error, "JK-303 worker w", "w"));
    }
    log.close();
    other.close();
    let text = path.text();
    let last = json::read(text.lines().last().expect("a line"));
    assert_eq!(
        (&last["code"], &last["repeats"], &last["seconds"]),
        (&"JK-303".into(), &20.into(), &1.into())
    );
    assert_eq!(last["message"], "the last of several: worker \"repeats\":0 {");
    let lines = host.lines.lock();
    assert_eq!(lines.len(), 11);
    assert_eq!(lines[10], "error JK-303 20 more in the last 1 s, the last one: worker w");
}

#[test]
fn json_lines_are_whole_objects() {
    let (log, path, _) = log("json", None, true);
    log.line(line(LogLevel::Error, "JK-303 worker \"w\": a\\b {", "w\n\"}"));
    log.line(line(LogLevel::Info, &"x".repeat(9000), ""));
    let format = RequestLogFormat::parse("%w %U").expect("a valid format");
    log.request(&format, &Facts { path: b"/\xff\"\n", ..Facts::default() });
    let text = path.text();
    let objects: Vec<_> = text.lines().map(json::read).collect();
    assert_eq!(objects.len(), 3);
    assert_eq!(objects[0]["code"], "JK-303");
    assert_eq!(objects[0]["message"], "worker \"w\": a\\b {");
    assert_eq!(objects[0]["worker"], "w\n\"}");
    assert_eq!(objects[0]["ms"], 3);
    assert_eq!(objects[0]["id"], "NO-ID");
    assert_eq!(objects[2]["type"], "request");
    assert_eq!(objects[2]["path"], "/\\xff\"\\x0a");
    assert!(text.lines().all(|line| line.len() < LONGEST_LINE));
}

#[test]
fn long_lines_are_cut_where_a_pipe_would_mix_them() {
    let (log, path, _) = log("long", None, false);
    log.line(line(LogLevel::Info, &"\u{e9}".repeat(5000), ""));
    let text = path.text();
    assert!(text.len() <= LONGEST_LINE && text.ends_with("...\n"), "{}", text.len());
}

#[test]
fn what_the_file_does_not_take_goes_to_the_host() {
    let host = Kept::default();
    let full = std::fs::File::options().append(true).open("/dev/full").expect("a device");
    let output = Arc::new(Output::new("/dev/full", full));
    let log = Log::new(None, TimeFormat::new(""), false, Some(output), Box::new(host.clone()));
    log.line(line(LogLevel::Error, "one", ""));
    log.line(line(LogLevel::Error, "two", ""));
    let lines = host.lines.lock();
    assert_eq!(lines.len(), 3);
    assert!(lines[0].starts_with("error JK-107 JkLogFile /dev/full cannot be written"));
    assert!(lines[1].ends_with("one") && lines[2].ends_with("two"), "{lines:?}");
}
