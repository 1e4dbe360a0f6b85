//! Reads the files of this folder; see README.md for their form.

use std::fs;
use std::path::Path;

use mod_jk::exchange::RequestBody;

/// One recorded exchange.
pub struct Script {
    /// File name without its ending.
    pub name: String,
    /// What the request announced; `None` if the file has no request.
    pub body: Option<RequestBody>,
    /// Whether the request is a HEAD.
    pub is_head: bool,
    /// The steps that must result, one word each.
    pub steps: String,
    /// What was sent and received.
    pub events: Vec<Event>,
}

/// One packet, or the absence of one.
pub struct Event {
    /// Whether it goes to the backend.
    pub goes_up: bool,
    /// What the packet is, and for headers the lines below it.
    pub label: String,
    /// The packet; empty for `close` and `silence`.
    pub bytes: Vec<u8>,
}

/// Reads all scripts, in the order of their names.
pub fn all() -> Vec<Script> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    let mut scripts: Vec<_> = fs::read_dir(folder)
        .expect("the folder is part of the source")
        .map(|entry| entry.expect("readable").path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "txt"))
        .map(|path| {
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            parse(name, &fs::read_to_string(&path).expect("text"))
        })
        .collect();
    scripts.sort_by(|a, b| a.name.cmp(&b.name));
    scripts
}

fn parse(name: String, text: &str) -> Script {
    let mut script =
        Script { name, body: None, is_head: false, steps: String::new(), events: Vec::new() };
    for line in text.lines() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(body) = line.strip_prefix("body ") {
            let (body, tail) = body.strip_suffix(" HEAD").map_or((body, false), |b| (b, true));
            script.is_head = tail;
            script.body = Some(match body.strip_prefix("known ") {
                Some(len) => RequestBody::Known(len.parse().expect("a number")),
                None if body == "none" => RequestBody::None,
                None if body == "unknown" => RequestBody::Unknown,
                None => panic!("{}: {line}", script.name),
            });
        } else if let Some(steps) = line.strip_prefix("steps") {
            steps.trim().clone_into(&mut script.steps);
        } else if let Some(label) = line.strip_prefix("> ") {
            script.events.push(Event { goes_up: true, label: label.into(), bytes: Vec::new() });
        } else if let Some(label) = line.strip_prefix("< ") {
            script.events.push(Event { goes_up: false, label: label.into(), bytes: Vec::new() });
        } else {
            let event = script.events.last_mut().expect("a packet before its bytes");
            match line.strip_prefix("    ") {
                Some(bytes) => event.bytes.extend(bytes.split(' ').flat_map(byte_run)),
                None => event.label = format!("{}\n{}", event.label, line.trim()),
            }
        }
    }
    script
}

/// Reads `41` or, for a run of equal bytes, `41*8186`.
fn byte_run(token: &str) -> Vec<u8> {
    let (byte, count) = token.split_once('*').unwrap_or((token, "1"));
    let byte = u8::from_str_radix(byte, 16).expect("two hexadecimal digits");
    vec![byte; count.parse().expect("a number")]
}
