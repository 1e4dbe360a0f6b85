//! The page of the status worker. Pure: a request and a view in, text or changes out.
#![forbid(unsafe_code)]

mod attributes;
pub mod body;
pub mod carry;
pub mod edit;
mod escape;
mod fields;
mod further;
pub mod guard;
pub mod html;
pub mod json;
pub mod machine;
pub mod protection;
pub mod rating;
mod refusal;
pub mod request;
pub mod view;

pub use refusal::Refusal;

/// Tells whether a property's value must not be shown: by the last word of its name, whatever
/// stands before it, so that variables are caught as well.
pub fn is_secret(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or(name).to_ascii_lowercase();
    ["secret", "password", "passwd", "token", "credential"].iter().any(|word| last.contains(word))
}
