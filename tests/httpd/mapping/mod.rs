//! Which requests the module takes, and for which worker.

mod auto_alias;
mod extensions;
mod interplay;
mod mounts;
mod options;
mod paths;
mod readings;
