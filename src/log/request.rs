//! The line of `JkRequestLogFormat` for one request.

use crate::config::request_log::{FormatPart, LogField, RequestLogFormat};
use crate::log::json::Object;

/// What is known of a request when it is over. Text comes from the client or the backend and is
/// made safe here.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)] // named after the codes
pub struct Facts<'r> {
    pub body_bytes: Option<u64>,
    pub protocol: &'r [u8],
    pub method: &'r [u8],
    pub port: u16,
    pub query: Option<&'r [u8]>,
    pub request_line: &'r [u8],
    pub route: Option<&'r [u8]>,
    pub status: Option<u16>,
    pub duration: Option<&'r [u8]>,
    pub path: &'r [u8],
    pub server_name: &'r [u8],
    pub used_name: &'r [u8],
    pub worker: Option<&'r [u8]>,
}

impl Facts<'_> {
    /// Returns the line.
    pub fn line(&self, format: &RequestLogFormat) -> String {
        let mut line = String::with_capacity(160);
        for piece in &format.pieces {
            match piece {
                FormatPart::Text(text) => line.push_str(text),
                FormatPart::Field(LogField::Query) => {
                    if let Some(query) = self.query {
                        line.push('?');
                        quoted(query, &mut line);
                    }
                }
                FormatPart::Field(field) => match self.value(*field) {
                    Some(LogValue::Number(number)) => line.push_str(&number.to_string()),
                    Some(LogValue::Text(text)) => quoted(text, &mut line),
                    None => line.push('-'),
                },
            }
        }
        line
    }

    /// Adds the fields of the format under their names; its text says nothing there.
    pub fn describe(&self, format: &RequestLogFormat, object: &mut Object) {
        for piece in &format.pieces {
            let FormatPart::Field(field) = piece else { continue };
            let value = match (field, self.value(*field)) {
                (LogField::BodyOrDash | LogField::Body, _) => {
                    Some(LogValue::Number(self.body_bytes.unwrap_or(0)))
                }
                (_, value) => value,
            };
            match (field, value) {
                (_, None) => {}
                (_, Some(LogValue::Number(number))) => object.number(field.name(), number),
                (_, Some(LogValue::Text(text))) => object.bytes(field.name(), text),
            }
        }
    }

    fn value(&self, field: LogField) -> Option<LogValue<'_>> {
        let text = LogValue::Text;
        match field {
            LogField::BodyOrDash => self.body_bytes.map(LogValue::Number),
            LogField::Body => Some(LogValue::Number(self.body_bytes.unwrap_or(0))),
            LogField::Protocol => Some(text(self.protocol)),
            LogField::Method => Some(text(self.method)),
            LogField::Port => Some(LogValue::Number(self.port.into())),
            LogField::Query => self.query.map(text),
            LogField::RequestLine => Some(text(self.request_line)),
            LogField::Route => self.route.map(text),
            LogField::Status => self.status.map(|status| LogValue::Number(status.into())),
            LogField::Duration => self.duration.map(text),
            LogField::Path => Some(text(self.path)),
            LogField::ServerName => Some(text(self.server_name)),
            LogField::UsedName => Some(text(self.used_name)),
            LogField::Worker => self.worker.map(text),
        }
    }
}

enum LogValue<'v> {
    Number(u64),
    Text(&'v [u8]),
}

/// Appends text as httpd's own access log shows it: quotes and backslashes behind a backslash,
/// everything that is no printable ASCII as `\xNN`.
fn quoted(text: &[u8], line: &mut String) {
    for &byte in text {
        match byte {
            b'"' | b'\\' => {
                line.push('\\');
                line.push(char::from(byte));
            }
            b' '..=b'~' => line.push(char::from(byte)),
            _ => line.push_str(&format!("\\x{byte:02x}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts<'static> {
        Facts {
            body_bytes: Some(12),
            protocol: b"HTTP/1.1",
            method: b"GET",
            port: 80,
            query: Some(b"a=\"b\""),
            request_line: b"GET /x HTTP/1.1",
            route: None,
            status: Some(200),
            duration: Some(b"0.000123"),
            path: b"/a\n[emerg] \x1b[31m\\",
            server_name: b"www",
            used_name: b"www.example.org",
            worker: Some(b"w"),
        }
    }

    fn line(format: &str, facts: &Facts<'_>) -> String {
        facts.line(&RequestLogFormat::parse(format).expect("a valid format"))
    }

    #[test]
    fn each_code_of_the_request_log_has_its_value() {
        let cases = [
            ("%b %B %H %m %p", "12 12 HTTP/1.1 GET 80"),
            ("%R %s %T %v %V %w", "- 200 0.000123 www www.example.org w"),
            ("%r", "GET /x HTTP/1.1"),
            ("%m%q", "GET?a=\\\"b\\\""),
            ("%U|", "/a\\x0a[emerg] \\x1b[31m\\\\|"),
        ];
        for (format, expected) in cases {
            assert_eq!(line(format, &facts()), expected, "{format}");
        }
        let empty = Facts { port: 443, ..Facts::default() };
        assert_eq!(line("%b %B %R %s %T %w %q|", &empty), "- 0 - - - - |");
    }

    #[test]
    fn fields_in_json() {
        let format = RequestLogFormat::parse("x %w %b %R %q %T").expect("a valid format");
        let mut object = Object::default();
        facts().describe(&format, &mut object);
        let text = object.line(4000);
        assert_eq!(text, r#"{"worker":"w","bytes":12,"query":"a=\"b\"","seconds":"0.000123"}"#);
    }
}
