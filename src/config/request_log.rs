//! `JkRequestLogFormat`: text with one-letter codes.

use std::fmt;

/// A parsed format. Without pieces nothing is written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestLogFormat {
    /// Literal text and codes in their order.
    pub pieces: Vec<FormatPart>,
}

/// A part of the line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FormatPart {
    /// Written as it is.
    Text(String),
    /// Replaced for each request.
    Field(LogField),
}

/// What a code stands for, in the order of the letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogField {
    /// `%b`: bytes of body sent, `-` for none.
    BodyOrDash,
    /// `%B`: bytes of body sent.
    Body,
    /// `%H`: the protocol.
    Protocol,
    /// `%m`: the method.
    Method,
    /// `%p`: the server's configured port.
    Port,
    /// `%q`: the query string behind a question mark.
    Query,
    /// `%r`: the request line.
    RequestLine,
    /// `%R`: the route.
    Route,
    /// `%s`: the status.
    Status,
    /// `%T`: seconds with six digits behind the point.
    Duration,
    /// `%U`: the path.
    Path,
    /// `%v`: the configured server name.
    ServerName,
    /// `%V`: the server name by UseCanonicalName.
    UsedName,
    /// `%w`: the worker.
    Worker,
}

/// A code that does not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownCode {
    /// What stands behind the percent sign; `None` at the end of the format.
    pub letter: Option<char>,
}

impl fmt::Display for UnknownCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.letter {
            Some(letter) => write!(f, "unknown code %{letter}")?,
            None => write!(f, "a % at the end")?,
        }
        let letters: String = CODES.iter().map(|(letter, _, _)| format!("%{letter} ")).collect();
        write!(f, ", expected {}or %%", letters)
    }
}

impl LogField {
    /// Returns the name of the field where names are wanted.
    pub fn name(self) -> &'static str {
        CODES.iter().find(|(_, field, _)| *field == self).map_or("", |(_, _, name)| name)
    }
}

impl RequestLogFormat {
    /// Reads a format. `\n`, `\t` and `\\` are a line end, a tab and a backslash, any other
    /// backslash stays; `%%` is a percent sign.
    ///
    /// # Errors
    ///
    /// A code that does not exist.
    pub fn parse(format: &str) -> Result<Self, UnknownCode> {
        let (mut pieces, mut text) = (Vec::new(), String::new());
        let mut rest = format.chars().peekable();
        while let Some(letter) = rest.next() {
            match (letter, rest.peek().copied()) {
                ('\\', Some(escaped @ ('n' | 't' | '\\'))) => {
                    rest.next();
                    text.push(match escaped {
                        'n' => '\n',
                        't' => '\t',
                        other => other,
                    });
                }
                ('%', Some('%')) => {
                    rest.next();
                    text.push('%');
                }
                ('%', letter) => {
                    rest.next();
                    let found = CODES.iter().find(|(own, _, _)| Some(*own) == letter);
                    let (_, field, _) = found.ok_or(UnknownCode { letter })?;
                    if !text.is_empty() {
                        pieces.push(FormatPart::Text(std::mem::take(&mut text)));
                    }
                    pieces.push(FormatPart::Field(*field));
                }
                (other, _) => text.push(other),
            }
        }
        if !text.is_empty() {
            pieces.push(FormatPart::Text(text));
        }
        Ok(Self { pieces })
    }
}

/// Letter, field, and its name in JSON.
const CODES: &[(char, LogField, &str)] = &[
    ('b', LogField::BodyOrDash, "bytes"),
    ('B', LogField::Body, "bytes"),
    ('H', LogField::Protocol, "protocol"),
    ('m', LogField::Method, "method"),
    ('p', LogField::Port, "port"),
    ('q', LogField::Query, "query"),
    ('r', LogField::RequestLine, "request_line"),
    ('R', LogField::Route, "route"),
    ('s', LogField::Status, "status"),
    ('T', LogField::Duration, "seconds"),
    ('U', LogField::Path, "path"),
    ('v', LogField::ServerName, "server_name"),
    ('V', LogField::UsedName, "used_name"),
    ('w', LogField::Worker, "worker"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_and_escapes() {
        use FormatPart::Text;

        let text = |text: &str| Text(text.to_owned());
        let field = FormatPart::Field;
        let cases: &[(&str, Result<Vec<FormatPart>, Option<char>>)] = &[
            ("", Ok(vec![])),
            ("%w", Ok(vec![field(LogField::Worker)])),
            (
                "w=%w %b%B",
                Ok(vec![
                    text("w="),
                    field(LogField::Worker),
                    text(" "),
                    field(LogField::BodyOrDash),
                    field(LogField::Body),
                ]),
            ),
            ("a\\tb\\nc\\\\d\\e\\", Ok(vec![text("a\tb\nc\\d\\e\\")])),
            ("100%% %U", Ok(vec![text("100% "), field(LogField::Path)])),
            ("%>s", Err(Some('>'))),
            ("%{x}i", Err(Some('{'))),
            ("ends with %", Err(None)),
        ];
        for (format, expected) in cases {
            let got = RequestLogFormat::parse(format);
            let got = got.map(|format| format.pieces).map_err(|unknown| unknown.letter);
            assert_eq!(got, *expected, "{format}");
        }
        let all: String = CODES.iter().map(|(letter, _, _)| format!("%{letter}")).collect();
        assert_eq!(RequestLogFormat::parse(&all).map(|own| own.pieces.len()), Ok(14));
    }
}
