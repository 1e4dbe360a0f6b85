//! The page of the status worker. Pure: a request and a view in, text or changes out.
#![forbid(unsafe_code)]

pub mod access;
mod attributes;
pub mod body;
pub mod change;
pub mod change_text;
pub mod condition;
pub mod confirm;
mod error;
pub mod event_text;
pub mod exposure;
pub mod history;
pub mod mod_status;
pub mod moment;
pub mod percentiles;
pub mod rating;
pub mod render;
pub mod request;
pub mod view;

pub use error::StatusError;

/// Tells whether a property's value must not be shown: by the last word of its name, whatever
/// stands before it, so that variables are caught as well.
pub fn is_secret(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or(name).to_ascii_lowercase();
    ["secret", "password", "passwd", "token", "credential"].iter().any(|word| last.contains(word))
}

/// Returns the properties that may be shown: none that is a secret by its name, and none whose value
/// is such a secret, or has one in it, under whatever name.
pub fn shown(properties: &[(String, String)]) -> Vec<&(String, String)> {
    let secrets: Vec<&str> = properties
        .iter()
        .filter(|(name, value)| is_secret(name) && !value.is_empty())
        .map(|(_, value)| value.as_str())
        .collect();
    // One of a few letters stands in other words by chance.
    let tells =
        |value: &str, secret: &str| value == secret || (secret.len() > 4 && value.contains(secret));
    let is_harmless = |(name, value): &&(String, String)| {
        !is_secret(name) && !secrets.iter().any(|secret| tells(value, secret))
    };
    properties.iter().filter(is_harmless).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown_under_another_name() {
        let all: Vec<_> = [
            ("plain", "1"),
            ("ajp.key", "s3cret"),
            ("line", "a,s3cret"),
            ("worker.n1.secret", "s3cret"),
            ("worker.n2.secretkey", "x9"),
            ("db.password", ""),
            ("worker.n3.host", "x8"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        let names: Vec<_> = shown(&all).iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["plain", "worker.n3.host"]);
    }
}
