//! Text to typed settings. Pure: parsers take text and a file name, never open a file.
#![forbid(unsafe_code)]

pub mod check;
mod dump;
mod error;
pub mod httpd_conf;
mod kinds;
pub mod options;
mod properties;
mod reference;
pub mod registry;
pub mod request_log;
mod server;
mod shown;
mod site;
pub mod uri_map_file;
mod value;
mod worker;

pub use dump::dump;
pub use error::{Diagnostic, Origin, Severity};
pub use kinds::{
    Ajp13Config, HashKey, LbConfig, MemberConfig, Secret, StatusConfig, WorkerConfig, WorkerKind,
    WorkersConfig,
};
pub use options::Options;
pub use properties::{Properties, Property};
pub use reference::reference;
pub use registry::{Kind, PROPERTIES, PropertyRow, Scope, nearest};
pub use server::{Context, Given, LogLevel, ServerSettings};
pub use value::boolean;
pub use worker::resolve;

#[cfg(test)]
mod tests;
