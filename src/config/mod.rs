//! Text to typed settings. Pure: parsers take text and a file name, never open a file.
#![forbid(unsafe_code)]
