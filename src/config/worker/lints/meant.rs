//! Values that cannot be meant as they are, whatever the property: quotes, variables and templates
//! that were not replaced, several values in one, comments, characters that only look like others.

use crate::config::properties::Property;
use crate::config::rows;
use crate::config::rows::ValueKind;
use crate::config::value::integer;
use crate::config::worker::resolver::Resolver;

impl Resolver<'_> {
    /// Reports them, one line for each value.
    pub(in crate::config) fn check_meant(&mut self) {
        for line in self.properties.iter() {
            if let Some(why) = odd(line) {
                // As for any port that is no number.
                let is_port = line.name.ends_with(".port") && integer(&line.value).is_none();
                let then = if is_port { "; the worker cannot connect" } else { "" };
                self.warn(line, format!("{}: {why}{then}", line.name));
            }
        }
    }
}

/// Tells whether a value is reported here, so that other checks leave it alone.
pub(in crate::config) fn is_odd(line: &Property) -> bool {
    line.value.contains("$(") || odd(line).is_some()
}

/// Returns the words that a list was probably meant to have.
pub(in crate::config) fn meant_words(value: &str) -> impl Iterator<Item = &str> {
    let is_between =
        |c: char| c.is_ascii_whitespace() || ",;".contains(c) || lookalike(c).is_some();
    let words = value.split(is_between).map(|word| word.trim_matches(['"', '\'', '`']));
    words.filter(|word| !word.is_empty())
}

/// Tells whether a name comes from a list that is reported here.
pub(in crate::config) fn is_odd_name(name: &str) -> bool {
    name.contains(['"', '\'', ';', '$', '{', '}', '<', '>', '@'])
        || name.chars().any(|c| lookalike(c).is_some())
}

/// Says what is wrong with a value and what was probably meant.
fn odd(line: &Property) -> Option<String> {
    let attribute = line.name.strip_prefix("worker.")?.rsplit('.').next()?;
    let kind = match attribute {
        "list" | "maintain" if line.name.matches('.').count() == 1 => ValueKind::List,
        _ => rows::find(attribute)?.kind,
    };
    let is_secret = attribute.starts_with("secret");
    let value = line.value.as_str();
    let shown = if is_secret { "***" } else { value };
    if let Some(inner) = within_quotes(value) {
        let inner = if is_secret { "***" } else { inner };
        return Some(format!("the quotes are part of the value, expected {}={inner}", line.name));
    }
    let is_hidden = |what: &str| what.contains("space") || what.contains("width");
    let mut lookalikes = value.chars().filter_map(|c| Some((c, lookalike(c)?)));
    // A secret may have any character that can be seen.
    if let Some((c, what)) = lookalikes.find(|(_, what)| !is_secret || is_hidden(what)) {
        return Some(format!(
            "the value has a {what} (U+{:04X}) in it, expected ASCII",
            u32::from(c)
        ));
    }
    if let Some(at) = value.find(" worker.").filter(|at| value[*at..].contains('=')) {
        let second = value[at..].split('=').next().unwrap_or_default().trim();
        return Some(format!("{second} is part of the value, expected one property on each line"));
    }
    if let Some(remedy) = placeholder(value, is_secret) {
        return Some(format!("\"{shown}\" was not replaced, {remedy}"));
    }
    match kind {
        ValueKind::List if attribute != "mount" && value.contains(';') => Some(format!(
            "\"{value}\" has a semicolon, expected commas or blanks between the words"
        )),
        ValueKind::Host | ValueKind::Name | ValueKind::Text | ValueKind::Word(_)
            if !FREE.contains(&attribute) && !is_secret =>
        {
            one_word(line, attribute)
        }
        _ => None,
    }
}

/// Checks a text that is one name or word.
fn one_word(line: &Property, attribute: &str) -> Option<String> {
    let value = line.value.as_str();
    let comment = ["//", "--", ";", "!", "#"].into_iter().find_map(|mark| {
        let at = value.find(mark)?;
        let before = &value[..at];
        (before.ends_with([' ', '\t'])).then(|| (mark, before.trim_end()))
    });
    if let Some((mark, bare)) = comment {
        return Some(format!(
            "{mark} begins no comment, it is part of the value, expected {}={bare}",
            line.name
        ));
    }
    let bare = value.trim_end_matches([',', ';', ' ']);
    if bare.len() < value.len() && !bare.is_empty() && !bare.contains([',', ';', ' ', '\t']) {
        let end = &value[bare.len()..];
        return Some(format!(
            "\"{end}\" at the end is part of the value, expected {}={bare}",
            line.name
        ));
    }
    if matches!(attribute, "host" | "source") && value.contains([',', ';', ' ', '\t']) {
        let remedy = match attribute {
            "host" => {
                ": for several Tomcats give each a worker and list these in balance_workers of a worker of type lb"
            }
            _ => "",
        };
        return Some(format!("\"{value}\" is more than one address, expected one{remedy}"));
    }
    None
}

/// Returns what stands within quotes around a whole value.
fn within_quotes(value: &str) -> Option<&str> {
    let pairs =
        [('"', '"'), ('\'', '\''), ('`', '`'), ('\u{201c}', '\u{201d}'), ('\u{2018}', '\u{2019}')];
    let inner = |(open, close)| value.strip_prefix(open)?.strip_suffix(close);
    pairs.into_iter().find_map(inner)
}

/// Names a character that is easily taken for another one, or not seen at all.
fn lookalike(c: char) -> Option<&'static str> {
    match c {
        '\u{a0}' | '\u{2007}' | '\u{202f}' => Some("no-break space"),
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' => {
            Some("character without width")
        }
        '\u{2010}'..='\u{2015}' | '\u{2212}' => Some("dash"),
        '\u{2018}'..='\u{201f}' | '\u{ab}' | '\u{bb}' => Some("typographic quote"),
        _ => None,
    }
}

/// Says what to do about a variable or a template that stands as it was written. A secret may hold
/// anything, so it must be nothing else.
fn placeholder(value: &str, is_whole: bool) -> Option<String> {
    let between = |open: &str, close: &str| {
        let (before, rest) = value.split_once(open)?;
        let (name, after) = rest.split_once(close)?;
        let is_all = before.is_empty() && after.is_empty();
        let is_name = |c: char| c.is_alphanumeric() || "_-. ".contains(c);
        let name = name.trim();
        (!name.is_empty() && name.chars().all(is_name) && (is_all || !is_whole)).then_some(name)
    };
    if let Some(name) = between("${", "}") {
        return Some(format!("workers files have $({name}) for variables of httpd's environment"));
    }
    let template = between("{{", "}}").or_else(|| between("<%=", "%>"));
    let is_loud = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    let marked = || between("@", "@").filter(|own| own.chars().all(is_loud));
    let is_within = |open, close| value.starts_with(open) && value.ends_with(close);
    let whole = || match value.len() > 2 {
        true if is_within('<', '>') => between("<", ">"),
        true if is_within('%', '%') => between("%", "%"),
        _ => None,
    };
    let name = template.or_else(marked).or_else(whole)?;
    Some(format!("expected the value of {name}"))
}

/// Texts that may hold blanks, quotes and semicolons.
const FREE: &[&str] = &[
    "css",
    "doctype",
    "health_check",
    "health_check_status",
    "ns",
    "prefix",
    "session_path",
    "xmlns",
];
