//! What a POST carries, as more of its query: fields of a form, or a JSON object.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::status::StatusError;
use crate::status::request::encode;

/// Longest body that is read.
pub const LARGEST: usize = 64 * 1024;

/// Turns a body into parameters to be appended to the query. Bodies of other types are no part of
/// the request, as mod_jk never looked at any.
///
/// `says_format` tells whether the query names a format; otherwise JSON is answered in JSON. A JSON
/// object has the parameters by their names. `set` in it is an object of properties with
/// their new values, which are called `set.<property>` in a query.
///
/// # Errors
///
/// [`StatusError::Body`] if it announces JSON and is no such object, or is too long.
pub fn parameters(
    content_type: &str,
    says_format: bool,
    body: &[u8],
) -> Result<String, StatusError> {
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    let is = |name: &str| kind.eq_ignore_ascii_case(name);
    if !is("application/x-www-form-urlencoded") && !is("application/json") {
        return Ok(String::new());
    }
    if body.len() > LARGEST {
        return Err(StatusError::Body("it is too long"));
    }
    if !is("application/json") {
        return match std::str::from_utf8(body) {
            Ok(text) => Ok(text.trim_end_matches(['\r', '\n']).to_owned()),
            Err(_) => Err(StatusError::Unreadable),
        };
    }
    let Ok(JsonMembers(all)) = serde_json::from_slice(body) else {
        return Err(StatusError::Body("it is no JSON object"));
    };
    let mut query = String::new();
    if !says_format && all.iter().all(|(name, _)| name != "mime") {
        query.push_str("mime=json");
    }
    if all.iter().filter(|(name, _)| name == "set").count() > 1 {
        return Err(StatusError::Repeated("set".to_owned()));
    }
    for (name, value) in all {
        match serde_json::from_str(value.get()) {
            Ok(JsonMembers(set)) if name == "set" => {
                for (property, value) in set {
                    add(&mut query, &format!("set.{property}"), &value)?;
                }
            }
            _ => add(&mut query, &name, &value)?,
        }
    }
    Ok(query)
}

/// The names and values of an object as they stand there: a name that is there twice stays so.
struct JsonMembers(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for JsonMembers {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct ObjectVisitor;
        impl<'de> Visitor<'de> for ObjectVisitor {
            type Value = JsonMembers;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<JsonMembers, A::Error> {
                let mut all = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    all.push(pair);
                }
                Ok(JsonMembers(all))
            }
        }
        from.deserialize_map(ObjectVisitor)
    }
}

/// Tells whether a body is announced as JSON.
pub fn is_json(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/json")
}

fn add(query: &mut String, name: &str, value: &RawValue) -> Result<(), StatusError> {
    // Names are taken as they are: one that could end early would smuggle another parameter in.
    if name.is_empty() || name.contains(['&', '=', '%', '+']) {
        return Err(StatusError::Body("a name has a character that no parameter has"));
    }
    let text = match serde_json::from_str(value.get()).unwrap_or(Value::Null) {
        Value::String(text) => text,
        Value::Number(number) => number.to_string(),
        Value::Bool(flag) => flag.to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => {
            return Err(StatusError::Body("a value is no text, number or truth"));
        }
    };
    query.push('&');
    query.push_str(name);
    query.push('=');
    query.push_str(&encode(&text));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_become_parameters() {
        let json = "application/json; charset=utf-8";
        let form = "application/x-www-form-urlencoded";
        let bad = |why| Err(StatusError::Body(why));
        let cases: &[(&str, &str, Result<&str, StatusError>)] = &[
            (form, "vwf=2&vwd=1\r\n", Ok("vwf=2&vwd=1")),
            ("text/plain", "vwf=2", Ok("")),
            ("", "vwf=2", Ok("")),
            ("multipart/form-data; boundary=x", "--x", Ok("")),
            (json, r#"{"cmd":"update","vwf":2}"#, Ok("mime=json&cmd=update&vwf=2")),
            (json, r#"{"mime":"txt","vls":false}"#, Ok("&mime=txt&vls=false")),
            (
                json,
                r#"{"set":{"lbfactor":2,"route":"a&b"}}"#,
                Ok("mime=json&set.lbfactor=2&set.route=a%26b"),
            ),
            (json, r#"{"vwf":2,"vwf":3}"#, Ok("mime=json&vwf=2&vwf=3")),
            (json, r#"{"set":{"route":"a","route":"b"}}"#, Ok("mime=json&set.route=a&set.route=b")),
            (json, r#"{"set":{},"set":{}}"#, Err(StatusError::Repeated("set".to_owned()))),
            (json, "[1]", bad("it is no JSON object")),
            (json, "{", bad("it is no JSON object")),
            (json, r#"{"w":null}"#, bad("a value is no text, number or truth")),
            (json, r#"{"w":{"a":1}}"#, bad("a value is no text, number or truth")),
            (json, r#"{"w&cmd":1}"#, bad("a name has a character that no parameter has")),
        ];
        for (kind, body, expected) in cases {
            let own = parameters(kind, false, body.as_bytes());
            assert_eq!(own.as_deref(), expected.as_ref().map(|text| *text), "{kind}: {body}");
        }
        assert!(parameters(json, false, &vec![b' '; LARGEST + 1]).is_err());
        assert_eq!(parameters(form, false, b"vwn=\xff"), Err(StatusError::Unreadable));
    }
}
