//! A query string to what is asked for. It changes nothing and looks nothing up.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::config::boolean;
use crate::config::rows::PROPERTIES;
use crate::status::StatusError;
use crate::text;

/// What to do, `cmd`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)] // the words of the parameter
pub enum Action {
    Dump,
    Edit,
    Events,
    #[default]
    List,
    Metrics,
    Recover,
    Reset,
    Show,
    Update,
    Version,
}

impl Action {
    fn from_word(word: &str) -> Option<Self> {
        Some(match word {
            "dump" => Self::Dump,
            "edit" => Self::Edit,
            "events" => Self::Events,
            "list" => Self::List,
            "metrics" => Self::Metrics,
            "recover" => Self::Recover,
            "reset" => Self::Reset,
            "show" => Self::Show,
            "update" => Self::Update,
            "version" => Self::Version,
            _ => return None,
        })
    }

    /// Tells whether it changes something.
    pub fn is_change(self) -> bool {
        matches!(self, Self::Recover | Self::Reset | Self::Update)
    }

    /// Tells whether a read-only worker refuses it.
    pub fn needs_writing(self) -> bool {
        self.is_change() || self == Self::Edit
    }

    fn needs_worker(self) -> bool {
        self.needs_writing() || self == Self::Show
    }
}

/// The format of the answer, `mime`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)] // the words of the parameter
pub enum Mime {
    #[default]
    Html,
    Json,
    Prop,
    Txt,
    Xml,
}

/// A parsed request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StatusRequest {
    /// What to do.
    pub action: Action,
    /// In which format to answer.
    pub mime: Mime,
    /// `w`, the worker.
    pub worker: Option<String>,
    /// `sw`, the member.
    pub member: Option<String>,
    /// `att`, the attribute to change for all members.
    pub attribute: Option<String>,
    /// `dry_run`: a change is checked and described, and not made.
    pub is_dry_run: bool,
    /// `from`, the page to return to.
    pub from: Action,
    /// `opt`, see [`Hidden`].
    pub hidden: Hidden,
    /// `re`, seconds between refreshes, 0 for none, at most a day.
    pub refresh: u32,
    /// `since`, the number of the last event that is known already.
    pub since: u64,
    /// All parameters in their last value.
    pub parameters: BTreeMap<String, String>,
}

/// The bits of `opt`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hidden(pub u32);

#[allow(missing_docs)] // named after what they hide
impl Hidden {
    pub fn members(self) -> bool {
        self.0 & 0x01 != 0
    }
    pub fn rules(self) -> bool {
        self.0 & 0x02 != 0
    }
    pub fn legend(self) -> bool {
        self.0 & 0x04 != 0
    }
    pub fn balancers(self) -> bool {
        self.0 & 0x08 != 0
    }
    pub fn workers(self) -> bool {
        self.0 & 0x10 != 0
    }
    /// A convenience of the client, no protection.
    pub fn is_read_only(self) -> bool {
        self.0 & 0x20 != 0
    }
    pub fn balancer_settings(self) -> bool {
        self.0 & 0x40 != 0
    }
    pub fn summary(self) -> bool {
        self.0 & 0x80 != 0
    }
    pub fn worker_settings(self) -> bool {
        self.0 & 0x100 != 0
    }
    pub fn events(self) -> bool {
        self.0 & 0x200 != 0
    }
}

impl StatusRequest {
    /// Returns the number from which on events are shown; nothing where none are.
    pub fn events_since(&self) -> Option<u64> {
        let is_wanted = match self.action {
            Action::Events | Action::Show => true,
            Action::List => !self.hidden.events(),
            _ => false,
        };
        is_wanted.then_some(self.since)
    }
}

/// Reads a query string. On a refusal the format in which to say so is known anyway.
///
/// `query` is what stands behind the `?`, as the client sent it.
///
/// # Errors
///
/// In the order in which mod_jk checks: undecodable, read only, command, format, worker, member. A
/// change with a parameter that is there twice is none.
pub fn parse(query: &str, is_read_only: bool) -> (Mime, Result<StatusRequest, StatusError>) {
    let mut command = StatusRequest::default();
    let mut repeated = None;
    let is_bare = |piece: &&str| !piece.contains('=') || piece.starts_with('=');
    let mut pieces = query.split('&').filter(|piece| !piece.is_empty() && !is_passed_over(piece));
    let bare = pieces.find(is_bare);
    let decoded = decode_all(query, &mut command.parameters, &mut repeated);
    let mime = command.parameters.get("mime").map_or(Some(Mime::Html), |word| mime(word));
    // mod_jk answers an unknown format in prop.
    let shown = mime.unwrap_or(Mime::Prop);
    if let Err(why) = decoded {
        return (shown, Err(why));
    }
    command.mime = shown;
    command.hidden = Hidden(number(command.parameters.get("opt")));
    command.refresh = number(command.parameters.get("re")).min(86_400);
    let since = command.parameters.get("since").and_then(|number| number.parse().ok());
    command.since = since.unwrap_or_default();
    let from = command.parameters.get("from").and_then(|word| Action::from_word(word));
    command.from = from.unwrap_or_default();
    let action = match command.parameters.get("cmd").map(String::as_str) {
        None => Some(Action::List),
        Some(word) => Action::from_word(word),
    };
    if action.is_some_and(Action::needs_writing) && (is_read_only || command.hidden.is_read_only())
    {
        return (shown, Err(StatusError::ReadOnly));
    }
    // Another one is not done instead of a change.
    let words = query.split('&').filter_map(|piece| decode(piece.strip_prefix("cmd=")?).ok());
    let commands: Vec<_> = words.collect();
    let is_change = |word: &String| Action::from_word(word).is_some_and(Action::is_change);
    if commands.len() > 1 && commands.iter().any(is_change) {
        return (shown, Err(StatusError::Repeated("cmd".to_owned())));
    }
    let Some(action) = action else { return (shown, Err(StatusError::Command)) };
    if mime.is_none() {
        return (shown, Err(StatusError::Mime));
    }
    command.action = action;
    command.worker = command.parameters.get("w").cloned();
    command.member = command.parameters.get("sw").cloned();
    command.attribute = command.parameters.get("att").cloned();
    let dry_run = command.parameters.get("dry_run").map(|text| boolean(text).ok_or(text.clone()));
    match dry_run {
        Some(Err(text)) if action.is_change() => {
            let shown: String = text.chars().take(80).collect();
            let text = format!("dry_run: invalid value '{shown}', expected true or false");
            return (command.mime, Err(StatusError::Update(text)));
        }
        given => command.is_dry_run = given == Some(Ok(true)),
    }
    let result = match (&command.worker, &command.member) {
        _ if !action.needs_worker() => Ok(command),
        // Whichever of two values counts, it may be the other one that was meant.
        _ if action.is_change() && repeated.is_some() => {
            Err(StatusError::Repeated(repeated.unwrap_or_default()))
        }
        _ if action.is_change() && bare.is_some() => {
            let shown: String = bare.unwrap_or_default().chars().take(80).collect();
            let lacks = if shown.starts_with('=') { "name" } else { "value" };
            Err(StatusError::Update(format!("'{shown}' has no {lacks}")))
        }
        (None, _) => Err(StatusError::NoWorker),
        (Some(name), _) if name.is_empty() => Err(StatusError::NoWorker),
        (_, Some(name)) if name.is_empty() => Err(StatusError::NoMember),
        (_, Some(name)) if name.contains(['*', '?']) && action != Action::Update => {
            Err(StatusError::Wildcard)
        }
        _ => Ok(command),
    };
    (shown, result)
}

/// Tells whether a parameter says nothing: scripts add such names against caches.
pub(super) fn is_passed_over(name: &str) -> bool {
    name.starts_with('_')
}

fn mime(word: &str) -> Option<Mime> {
    Some(match word {
        "html" => Mime::Html,
        "json" => Mime::Json,
        "prop" => Mime::Prop,
        "txt" => Mime::Txt,
        "xml" => Mime::Xml,
        _ => return None,
    })
}

/// Digits at the front, as C reads them; anything else is 0.
fn number(text: Option<&String>) -> u32 {
    let text = text.map_or("", |text| text.trim_start());
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    if end == 0 { 0 } else { text[..end].parse().unwrap_or(u32::MAX) }
}

/// Splits at `&`; what was read before an error stays, as the format may be among it.
fn decode_all(
    query: &str,
    into: &mut BTreeMap<String, String>,
    repeated: &mut Option<String>,
) -> Result<(), StatusError> {
    for piece in query.split('&') {
        let Some((name, value)) = piece.split_once('=') else { continue };
        if name.is_empty() {
            continue;
        }
        let value = decode(value).map_err(|why| unreadable(name, why))?;
        if into.insert(name.to_owned(), value).is_some() && !is_passed_over(name) {
            repeated.get_or_insert_with(|| name.chars().take(80).collect());
        }
    }
    // A percent sign in a piece without a value is not looked at by mod_jk; it is no query either.
    match query.split('&').any(|piece| !piece.contains('=') && decode(piece).is_err()) {
        true => Err(StatusError::Unreadable),
        false => Ok(()),
    }
}

/// Why a value cannot be decoded.
#[derive(Clone, Copy, Debug)]
enum DecodeError {
    Escape,
    Control(u8),
}

/// Says of a new value what is wrong with it, and of what else was asked what mod_jk says.
fn unreadable(name: &str, why: DecodeError) -> StatusError {
    let mut known = PROPERTIES.iter();
    let own = known.find(|row| row.parameters().any(|(_, own)| own.name == name));
    let property = name.strip_prefix("set.").or(own.map(|row| row.name));
    let Some(property) = property.and_then(|name| name.get(..name.len().min(80))) else {
        return StatusError::Unreadable;
    };
    StatusError::Update(match why {
        DecodeError::Escape => {
            format!("{property}: a percent sign without two hexadecimal digits behind it")
        }
        DecodeError::Control(byte) => {
            format!("{property}: a value cannot contain the control character {byte:#04x}")
        }
    })
}

/// Undoes percent and plus.
fn decode(text: &str) -> Result<String, DecodeError> {
    let mut bytes = Vec::with_capacity(text.len());
    let raw = text::raw(text);
    let mut rest = raw.iter().copied();
    while let Some(byte) = rest.next() {
        let byte = match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                let value = digit().and_then(|high| Some(high * 16 + digit()?));
                value.and_then(|value| u8::try_from(value).ok()).ok_or(DecodeError::Escape)?
            }
            other => other,
        };
        if byte < b' ' || byte == 0x7f {
            return Err(DecodeError::Control(byte));
        }
        bytes.push(byte);
    }
    Ok(text::owned(&bytes))
}

/// Writes a text so that it can stand as a value in a query.
pub fn encode(text: &str) -> Cow<'_, str> {
    let is_plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
    // Names of workers are, nearly always.
    if text.bytes().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() * 2);
    for &byte in &*text::raw(text) {
        match is_plain(byte) {
            true => out.push(char::from(byte)),
            false => out.push_str(&format!("%{byte:02X}")),
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dry_run_is_asked_for_in_clear_words() {
        let of = |query: &str| parse(&format!("cmd=update&w=lb&{query}"), false).1;
        for (query, expected) in
            [("vlr=2", false), ("dry_run=false", false), ("dry_run=true", true)]
        {
            assert_eq!(of(query).map(|own| own.is_dry_run), Ok(expected), "{query}");
        }
        // What may be a change must not be taken for a look, nor the other way round.
        for query in ["dry_run=", "dry_run=perhaps", "dry_run=true&dry_run=false", "dry_run"] {
            assert!(of(query).is_err(), "{query}");
        }
        assert!(parse("cmd=update&w=lb&dry_run=true", true).1.is_err(), "read only");
    }
}
