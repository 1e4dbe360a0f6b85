//! Text to typed settings. Pure: parsers take text and a file name, never open a file.
#![forbid(unsafe_code)]

mod async_settings;
pub mod capacity;
mod cross_checks;
pub mod directive_tree;
mod dump;
mod error;
#[cfg(test)]
#[path = "tests/in_memory.rs"]
pub(crate) mod in_memory;
mod limit;
mod listening;
mod model;
pub mod options;
mod properties;
mod reference;
pub mod request_log;
pub mod rows;
mod section;
mod server;
mod shared_backends;
pub mod threads;
mod unfinished;
mod unix_host;
pub mod uri_map_file;
pub mod validate;
mod value;
mod worker;

pub use async_settings::{AsyncMode, AsyncSettings};
pub use dump::{DumpRow, DumpSection, dump, origins, sections};
pub use error::{Diagnostic, Origin, Severity};
pub use limit::Limit;
pub use model::{
    Ajp13Config, HashKey, LbConfig, MemberConfig, Secret, StatusConfig, WorkerConfig, WorkerKind,
    WorkersConfig,
};
pub use options::Options;
pub use properties::{Properties, Property};
pub use reference::reference;
pub use rows::{
    PROPERTIES, PropertyRow, PropertyScope, Setting, Settings, UNSET, Value, ValueKind, nearest,
};
pub use section::{Section, stored_path};
pub use server::{Context, LogLevel, ServerSettings, SetDirectives};
pub use unfinished::unfinished;
pub use unix_host::{unix_path, unix_path_fault};
pub use value::boolean;
pub use worker::resolve;

#[cfg(test)]
mod tests;
