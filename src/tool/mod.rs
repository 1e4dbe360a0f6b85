//! What `jkctl` decides. Pure: what was seen comes in, words and plans go out; the program itself
//! only parses arguments, talks and prints.
#![forbid(unsafe_code)]

pub mod convert;
pub mod diagnosis;
pub mod drain;
pub mod explain;
pub mod httpd_conf;
pub mod init;
pub mod original;
pub mod request_target;
pub mod running;
pub mod server_xml;
pub mod step_fault;
