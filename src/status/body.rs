//! What a POST carries, as more of its query: fields of a form, or a JSON object.

use serde_json::Value;

use super::Refusal;
use super::request::encode;

/// Longest body that is read.
pub const LARGEST: usize = 64 * 1024;

/// Turns a body into parameters to be appended to the query. Bodies of other types are no part of
/// the request, as mod_jk never looked at any.
///
/// A JSON object has the parameters by their names. `set` in it is an object of properties with
/// their new values, which are called `set.<property>` in a query.
///
/// # Errors
///
/// [`Refusal::Body`] if it announces JSON and is no such object, or is too long.
pub fn parameters(content_type: &str, body: &[u8]) -> Result<String, Refusal> {
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    let is = |name: &str| kind.eq_ignore_ascii_case(name);
    if !is("application/x-www-form-urlencoded") && !is("application/json") {
        return Ok(String::new());
    }
    if body.len() > LARGEST {
        return Err(Refusal::Body("it is too long"));
    }
    if !is("application/json") {
        return match std::str::from_utf8(body) {
            Ok(text) => Ok(text.trim_end_matches(['\r', '\n']).to_owned()),
            Err(_) => Err(Refusal::Unreadable),
        };
    }
    let Ok(Value::Object(all)) = serde_json::from_slice(body) else {
        return Err(Refusal::Body("it is no JSON object"));
    };
    let mut query = String::new();
    if !all.contains_key("mime") {
        query.push_str("mime=json");
    }
    for (name, value) in all {
        match value {
            Value::Object(set) if name == "set" => {
                for (property, value) in set {
                    add(&mut query, &format!("set.{property}"), &value)?;
                }
            }
            value => add(&mut query, &name, &value)?,
        }
    }
    Ok(query)
}

/// Tells whether a body is announced as JSON.
pub fn is_json(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/json")
}

fn add(query: &mut String, name: &str, value: &Value) -> Result<(), Refusal> {
    // Names are taken as they are: one that could end early would smuggle another parameter in.
    if name.is_empty() || name.contains(['&', '=', '%', '+']) {
        return Err(Refusal::Body("a name has a character that no parameter has"));
    }
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(flag) => flag.to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => {
            return Err(Refusal::Body("a value is no text, number or truth"));
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
        let bad = |why| Err(Refusal::Body(why));
        let cases: &[(&str, &str, Result<&str, Refusal>)] = &[
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
            (json, "[1]", bad("it is no JSON object")),
            (json, "{", bad("it is no JSON object")),
            (json, r#"{"w":null}"#, bad("a value is no text, number or truth")),
            (json, r#"{"w":{"a":1}}"#, bad("a value is no text, number or truth")),
            (json, r#"{"w&cmd":1}"#, bad("a name has a character that no parameter has")),
        ];
        for (kind, body, expected) in cases {
            let own = parameters(kind, body.as_bytes());
            assert_eq!(own.as_deref(), expected.as_ref().map(|text| *text), "{kind}: {body}");
        }
        assert!(parameters(json, &vec![b' '; LARGEST + 1]).is_err());
        assert_eq!(parameters(form, b"vwn=\xff"), Err(Refusal::Unreadable));
    }
}
