//! A FORWARD_REQUEST taken apart, field by field in its order.

use std::fmt::Write;

use crate::support::backend::HEADER_NAMES;

/// Fields that concern one connection only and are not forwarded.
const HOP_BY_HOP: [&str; 6] =
    ["connection", "keep-alive", "te", "trailer", "upgrade", "proxy-connection"];

#[derive(Debug)]
pub struct Packet {
    /// Label and value, in the order of the wire.
    pub fields: Vec<(String, String)>,
}

impl Packet {
    pub fn parse(payload: &[u8]) -> Self {
        let mut at = Cursor { rest: payload };
        let mut fields = Vec::new();
        let mut put = |label: &str, value: String| fields.push((label.to_owned(), value));
        put("type", at.byte().to_string());
        put("method", at.byte().to_string());
        for label in ["protocol", "uri", "remote-addr", "remote-host", "server-name"] {
            put(label, at.string());
        }
        put("port", at.int().to_string());
        put("tls", at.byte().to_string());
        for _ in 0..at.int() {
            let name = match at.peek() {
                [0xA0, code] => {
                    at.int();
                    format!("header #{}", HEADER_NAMES[usize::from(code)])
                }
                _ => format!("header {}", at.string()),
            };
            put(&name, at.string());
        }
        loop {
            match at.byte() {
                0xFF => break,
                0x0A => {
                    let name = at.string();
                    put(&format!("attribute {name}"), at.string());
                }
                0x0B => put("code 0b", at.int().to_string()),
                code => put(&format!("code {code:02x}"), at.string()),
            }
        }
        assert!(at.rest.is_empty(), "nothing follows the end");
        Self { fields }
    }

    /// Makes of the original's packet what docs/differences.md says.
    pub fn apply_known_differences(&mut self) {
        for (label, _) in &mut self.fields {
            // All fourteen names are coded, not eleven.
            if let Some(name) = label.strip_prefix("header ")
                && HEADER_NAMES.contains(&name.to_ascii_lowercase().as_str())
            {
                *label = format!("header #{}", name.to_ascii_lowercase());
            }
        }
        let named = self.take_header("#connection").unwrap_or_default();
        let named: Vec<_> = named.split(',').map(|word| word.trim().to_ascii_lowercase()).collect();
        self.fields.retain(|(label, _)| {
            let Some(name) = label.strip_prefix("header ") else { return true };
            let name = name.trim_start_matches('#').to_ascii_lowercase();
            !HOP_BY_HOP.contains(&name.as_str()) && !named.contains(&name)
        });
    }

    /// Adds headers that this module sends and the original does not.
    pub fn add_headers(&mut self, more: &[(&str, &str)]) {
        let is_header = |(label, _): &(String, String)| label.starts_with("header ");
        let place = self.fields.iter().rposition(is_header).map_or(9, |last| last + 1);
        let more = more.iter().map(|(name, value)| (format!("header {name}"), (*value).to_owned()));
        self.fields.splice(place..place, more);
    }

    fn take_header(&mut self, name: &str) -> Option<String> {
        let label = format!("header {name}");
        let place = self.fields.iter().position(|(own, _)| *own == label)?;
        Some(self.fields.remove(place).1)
    }

    /// Returns what must be equal: all but the client's port, which differs by connection.
    pub fn lines(&self) -> Vec<(String, String)> {
        let mut lines = self.fields.clone();
        for (label, value) in &mut lines {
            if label == "attribute AJP_REMOTE_PORT" && value.len() >= 4 {
                value.clear();
                value.push_str("(a port)");
            }
        }
        lines
    }

    /// Shows the fields, those that `other` lacks with a mark.
    pub fn show(&self, other: &Self) -> String {
        let (mut text, others) = (String::new(), other.lines());
        for field in self.lines() {
            let mark = if others.contains(&field) { ' ' } else { '*' };
            let _ = writeln!(text, "  {mark} {} = {:?}", field.0, field.1);
        }
        text
    }
}

struct Cursor<'p> {
    rest: &'p [u8],
}

impl Cursor<'_> {
    fn byte(&mut self) -> u8 {
        let (first, rest) = self.rest.split_first().expect("a byte");
        self.rest = rest;
        *first
    }

    fn int(&mut self) -> u16 {
        u16::from_be_bytes([self.byte(), self.byte()])
    }

    fn peek(&self) -> [u8; 2] {
        *self.rest.first_chunk().expect("two bytes")
    }

    /// A string as text; null is shown as such, other bytes escaped.
    fn string(&mut self) -> String {
        let length = self.int();
        if length == 0xFFFF {
            return "(null)".to_owned();
        }
        let (text, rest) = self.rest.split_at(usize::from(length));
        self.rest = rest.strip_prefix(&[0]).expect("the end of a string");
        text.escape_ascii().to_string()
    }
}
