//! The Apache httpd 2.4 module mod_jk: forwards requests to Tomcat and its kin over AJP13,
//! balances them over several members and keeps the balancer's state in shared memory.
//!
//! `src/README.md` is the map: which module does what, and which may import which.

#[cfg(not(panic = "unwind"))]
compile_error!("mod_jk needs panic = \"unwind\": a panic must be caught at the httpd boundary");

pub mod ajp;
mod clear;
pub mod clock;
pub mod config;
pub mod events;
pub mod exchange;
pub mod health;
#[cfg_attr(test, allow(dead_code))]
mod httpd;
pub mod lb;
pub mod log;
pub mod messages;
pub mod metrics;
pub mod net;
pub mod shm;
mod sorting;
pub mod status;
pub mod text;
#[cfg(feature = "jkctl")]
pub mod tool;
pub mod uri_map;
pub mod worker;
