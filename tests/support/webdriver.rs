//! A real Chromium without a window, driven over the WebDriver protocol by plain HTTP.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Condvar, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use super::lifeline::Lifeline;
use super::{PATIENCE, fresh_dir, signal_group, wait_until};

/// A browser with one window.
pub struct Browser {
    port: u16,
    session: String,
    driver: Child,
    _lifeline: Lifeline,
    _place: Place,
}

/// One of the few places for browsers: each keeps a core busy and takes hundreds of megabytes, and a test
/// that shares the machine with many of them waits for its own in vain.
struct Place;

/// How many places are free.
static PLACES: (Mutex<usize>, Condvar) = (Mutex::new(2), Condvar::new());

impl Place {
    fn take() -> Self {
        let free = PLACES.0.lock().expect("no test panics here");
        *PLACES.1.wait_while(free, |free| *free == 0).expect("no test panics here") -= 1;
        Self
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        *PLACES.0.lock().expect("no test panics here") += 1;
        PLACES.1.notify_one();
    }
}

/// An element of the page.
pub struct Element(String);

/// Key under which the protocol hands out elements.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

impl Browser {
    /// Starts one; `None` where there is none.
    pub fn start(name: &str) -> Option<Self> {
        let chromium = found(&["/usr/bin/chromium", "/usr/bin/chromium-browser"])?;
        let program = found(&["/usr/bin/chromedriver"])?;
        let place = Place::take();
        let profile = fresh_dir(&format!("chromium-{name}"));
        let (driver, lifeline, port) = start_driver(&program);
        let mut browser =
            Self { port, session: String::new(), driver, _lifeline: lifeline, _place: place };
        let arguments = [
            "--headless=new".to_owned(),
            // Tests may run as root; the only pages are our own.
            "--no-sandbox".to_owned(),
            "--disable-gpu".to_owned(),
            "--disable-dev-shm-usage".to_owned(),
            "--disable-background-networking".to_owned(),
            "--disable-component-update".to_owned(),
            "--disable-sync".to_owned(),
            "--disable-quic".to_owned(),
            "--no-first-run".to_owned(),
            "--window-size=1280,900".to_owned(),
            format!("--user-data-dir={}", profile.display()),
        ];
        let options = json!({ "binary": chromium, "args": arguments });
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome", "goog:chromeOptions": options,
            // Of scripts, in milliseconds: less than the time an answer is waited for.
            "timeouts": { "script": 110_000 },
            "goog:loggingPrefs": { "browser": "ALL" },
        } } });
        let answer = browser.call("POST", "/session", &wanted);
        browser.session = answer["sessionId"].as_str().expect("a session").to_owned();
        Some(browser)
    }

    pub fn open(&self, url: &str) {
        self.ask("/url", &json!({ "url": url }));
    }

    pub fn url(&self) -> String {
        self.get("/url")
    }

    pub fn title(&self) -> String {
        self.get("/title")
    }

    /// Returns the first element of a selector.
    pub fn find(&self, selector: &str) -> Element {
        self.try_find(selector).unwrap_or_else(|| {
            panic!("no {selector} at {}: {}", self.url(), self.text("body"));
        })
    }

    pub fn try_find(&self, selector: &str) -> Option<Element> {
        let query = json!({ "using": "css selector", "value": selector });
        let found = self.ask("/elements", &query);
        found[0][ELEMENT].as_str().map(|id| Element(id.to_owned()))
    }

    pub fn text(&self, selector: &str) -> String {
        let Some(Element(id)) = self.try_find(selector) else { return String::new() };
        // It may be gone by now, with the page it was on.
        let answer = self.try_call("GET", &self.path(&format!("/element/{id}/text")), &Value::Null);
        answer.ok().and_then(|text| text.as_str().map(str::to_owned)).unwrap_or_default()
    }

    /// Returns what stands in a field, with scripts and without.
    pub fn value(&self, selector: &str) -> String {
        let Element(id) = self.find(selector);
        self.get(&format!("/element/{id}/property/value"))
    }

    /// Returns the document as the browser has it, which is without its first line.
    pub fn source(&self) -> String {
        format!("<!DOCTYPE html>{}", self.get("/source"))
    }

    /// Clicks it, as a person would: it must be visible.
    pub fn click(&self, selector: &str) {
        let Element(id) = self.find(selector);
        self.ask(&format!("/element/{id}/click"), &json!({}));
    }

    /// Puts a text into a field.
    pub fn fill(&self, selector: &str, text: &str) {
        let Element(id) = self.find(selector);
        self.ask(&format!("/element/{id}/clear"), &json!({}));
        self.ask(&format!("/element/{id}/value"), &json!({ "text": text }));
    }

    /// Presses keys where the focus is.
    pub fn keys(&self, keys: &str) {
        let presses: Vec<_> = keys
            .chars()
            .flat_map(|key| ["keyDown", "keyUp"].map(|kind| json!({ "type": kind, "value": key })))
            .collect();
        let input = json!({ "type": "key", "id": "keyboard", "actions": presses });
        self.ask("/actions", &json!({ "actions": [input] }));
    }

    /// Runs a script; works only while scripts may run.
    pub fn run(&self, script: &str) -> Value {
        self.ask("/execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// Runs a script that calls its last argument when it is done.
    pub fn run_until_done(&self, script: &str) -> Value {
        self.ask("/execute/async", &json!({ "script": script, "args": [] }))
    }

    /// Waits until a script returns true.
    pub fn wait(&self, script: &str) {
        let done = || self.run(&format!("return Boolean({script})")) == Value::Bool(true);
        assert!(wait_until(PATIENCE, done), "{script}: {}", self.text("body"));
    }

    /// Waits until an element has a text, with scripts and without.
    pub fn until(&self, selector: &str, text: &str) {
        let seen = wait_until(PATIENCE, || self.text(selector).contains(text));
        assert!(seen, "{selector} has no {text:?} at {}: {}", self.url(), self.text("body"));
    }

    /// Speaks to the browser itself.
    pub fn devtools(&self, command: &str, parameters: &Value) -> Value {
        let call = json!({ "cmd": command, "params": parameters });
        self.ask("/goog/cdp/execute", &call)
    }

    pub fn allow_scripts(&self, allow: bool) {
        self.devtools("Emulation.setScriptExecutionDisabled", &json!({ "value": !allow }));
    }

    pub fn prefer(&self, scheme: &str) {
        let feature = json!({ "name": "prefers-color-scheme", "value": scheme });
        self.devtools("Emulation.setEmulatedMedia", &json!({ "features": [feature] }));
    }

    /// Makes the window as large as a screen; a narrow one is a phone's.
    pub fn resize(&self, width: u32, height: u32) {
        let metrics = json!({
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600,
        });
        self.devtools("Emulation.setDeviceMetricsOverride", &metrics);
    }

    /// Writes a picture of the whole page.
    pub fn picture(&self, path: &Path) {
        let whole = json!({ "captureBeyondViewport": true });
        let answer = self.devtools("Page.captureScreenshot", &whole);
        let bytes = base64(answer["data"].as_str().expect("a picture"));
        assert!(bytes.starts_with(b"\x89PNG"), "a picture");
        std::fs::write(path, bytes).expect("the target directory is writable");
    }

    /// Returns what the browser complained about since the last call: scripts that failed, and
    /// what the page's policy forbids.
    pub fn complaints(&self) -> Vec<String> {
        let log = self.ask("/se/log", &json!({ "type": "browser" }));
        let lines = log.as_array().into_iter().flatten();
        lines.map(|line| line["message"].as_str().unwrap_or_default().to_owned()).collect()
    }

    fn get(&self, path: &str) -> String {
        let answer = self.call("GET", &self.path(path), &Value::Null);
        answer.as_str().unwrap_or_default().to_owned()
    }

    fn ask(&self, path: &str, body: &Value) -> Value {
        self.call("POST", &self.path(path), body)
    }

    fn path(&self, path: &str) -> String {
        format!("/session/{}{path}", self.session)
    }

    fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        match self.try_call(method, path, body) {
            Ok(value) => value,
            Err(error) => panic!("{method} {path}: {error}"),
        }
    }

    fn try_call(&self, method: &str, path: &str, body: &Value) -> Result<Value, Value> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("chromedriver");
        stream.set_read_timeout(Some(Duration::from_secs(120))).expect("a valid timeout");
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            self.port,
            body.len()
        );
        stream.write_all(&[head.as_bytes(), body.as_bytes()].concat()).expect("chromedriver reads");
        let mut reader = BufReader::new(stream);
        let (mut line, mut length) = (String::new(), 0);
        while reader.read_line(&mut line).expect("chromedriver answers") > 2 {
            let (name, value) = line.split_once(':').unwrap_or_default();
            if name.eq_ignore_ascii_case("Content-Length") {
                length = value.trim().parse().expect("a length");
            }
            line.clear();
        }
        let mut json = vec![0; length];
        reader.read_exact(&mut json).expect("chromedriver answers in full");
        let answer: Value = serde_json::from_slice(&json).expect("chromedriver speaks JSON");
        let value = answer["value"].clone();
        if value.get("error").is_some() { Err(value) } else { Ok(value) }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // A test that fails may leave a driver that does not answer, and must not panic again here.
        if !self.session.is_empty() && !std::thread::panicking() {
            self.call("DELETE", &format!("/session/{}", self.session), &Value::Null);
        }
        // A driver that is killed leaves its browser behind, so both are told, and then made, to end.
        signal_group("TERM", self.driver.id());
        wait_until(Duration::from_secs(5), || matches!(self.driver.try_wait(), Ok(Some(_))));
        signal_group("KILL", self.driver.id());
        let _ = self.driver.wait();
    }
}

fn found(names: &[&str]) -> Option<PathBuf> {
    names.iter().map(PathBuf::from).find(|path| path.exists())
}

/// Starts the driver. It takes a free port of one address family and then wants the same one of the
/// other, which another test may have got in between: it ends then, and is started again.
fn start_driver(program: &Path) -> (Child, Lifeline, u16) {
    let mut said = String::new();
    for _ in 0..5 {
        let mut driver = Command::new(program)
            .args(["--port=0", "--log-level=SEVERE"])
            // The browser belongs to the driver's group, so that both end together.
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver can be started");
        let lifeline = Lifeline::tie_group(driver.id());
        let output = driver.stdout.take().expect("it is piped");
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if let Some((_, rest)) = line.split_once("started successfully on port ") {
                let port = rest.trim_end_matches('.').parse().expect("a port");
                return (driver, lifeline, port);
            }
            said += &format!("{line}\n");
        }
        signal_group("KILL", driver.id());
        let _ = driver.wait();
    }
    panic!("chromedriver did not start: {said}");
}

fn base64(text: &str) -> Vec<u8> {
    let (mut bytes, mut bits, mut count) = (Vec::with_capacity(text.len() * 3 / 4), 0_u32, 0);
    for letter in text.bytes() {
        let six = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => continue,
        };
        bits = bits << 6 | u32::from(six);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    bytes
}
