//! The forms in which the status worker answers.

pub(super) mod escape;
mod fields;
pub mod html;
pub mod json;
pub mod legacy;
