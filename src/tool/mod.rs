//! What `jkctl` decides. Pure: what was seen comes in, words and plans go out; the program itself
//! only parses arguments, talks and prints.
#![forbid(unsafe_code)]

pub mod diagnosis;
pub mod drained;
pub mod starter;
