//! Lines as JSON objects.

use serde_json::Value;

use crate::log::escape::escaped;
use crate::text;

/// An object under construction, its keys in the order they came.
#[derive(Debug, Default)]
pub struct Object {
    members: Vec<(&'static str, Value)>,
}

impl Object {
    /// Adds text.
    pub fn text(&mut self, name: &'static str, text: &str) {
        self.members.push((name, Value::from(&*text::shown(text))));
    }

    /// Adds bytes that may be no UTF-8; those that are not become `\xNN`.
    pub fn bytes(&mut self, name: &'static str, bytes: &[u8]) {
        match std::str::from_utf8(bytes) {
            Ok(text) => self.text(name, text),
            Err(_) => self.text(name, &escaped(bytes)),
        }
    }

    /// Adds a number.
    pub fn number(&mut self, name: &'static str, number: u64) {
        self.members.push((name, Value::from(number)));
    }

    /// Returns the object on one line of at most `limit` bytes: the longest texts are cut, so that
    /// the line stays a whole object.
    pub fn line(mut self, limit: usize) -> String {
        loop {
            let line = self.print();
            if line.len() <= limit {
                return line;
            }
            let texts = self.members.iter_mut().filter_map(|(_, value)| match value {
                Value::String(text) => Some(text),
                _ => None,
            });
            let Some(longest) = texts.max_by_key(|text| text.len()) else { return line };
            if longest.len() < 16 {
                return line;
            }
            let mut end = longest.len() / 2;
            while !longest.is_char_boundary(end) {
                end -= 1;
            }
            longest.truncate(end);
            longest.push_str("...");
        }
    }

    fn print(&self) -> String {
        // serde_json's own map sorts its keys; people want the time first.
        let mut line = String::from("{");
        for (place, (name, value)) in self.members.iter().enumerate() {
            let comma = if place == 0 { "" } else { "," };
            line.push_str(&format!("{comma}\"{name}\":{value}"));
        }
        line.push('}');
        line
    }
}

/// Reads a line back.
#[cfg(test)]
pub fn read(line: &str) -> serde_json::Map<String, Value> {
    serde_json::from_str(line).expect("a whole object")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_stays_text() {
        let hostile: &[&[u8]] = &[
            b"\"}{\"level\":\"emerg\"",
            b"a\nb\r\n\t\0\x1b\x7f\\",
            b"\xff\xfe caf\xc3",
            "\u{2028}\u{feff}\u{1f600}".as_bytes(),
        ];
        for text in hostile {
            let mut object = Object::default();
            object.bytes("path", text);
            object.number("status", 200);
            let line = object.line(4000);
            assert!(!line.contains(['\n', '\r', '\0', '\x1b']), "{line}");
            let read = read(&line);
            assert_eq!(read["status"], 200);
            let shown = read["path"].as_str().expect("a string");
            match std::str::from_utf8(text) {
                Ok(text) => assert_eq!(shown, text),
                Err(_) => assert_eq!(shown, escaped(text)),
            }
        }
    }

    #[test]
    fn long_lines_are_cut_and_whole() {
        let mut object = Object::default();
        object.text("message", &"\n".repeat(9000));
        object.bytes("path", &[0xff; 3000]);
        object.number("ms", 1);
        let line = object.line(4000);
        assert!(line.len() <= 4000, "{}", line.len());
        let read = read(&line);
        assert!(read["message"].as_str().expect("a string").ends_with("..."));
        assert_eq!(read["ms"], 1);
    }
}
