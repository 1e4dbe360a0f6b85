//! Sockets: connect, send, receive, pool. Edge.
//!
//! It never retries and never decides what a failure means for a request.

mod buffer;
mod connection;
mod dialogue;
mod error;
mod pool;
mod resolver;
mod socket;

pub use buffer::{BUFFER_BYTES, Buffer, Inbox, Slices, recycle};
pub use connection::Connection;
pub use dialogue::Dialogue;
pub use error::{NetError, Phase};
pub use pool::{Lease, Pool, PoolOptions};
pub use resolver::Target;
pub use socket::{Idle, SocketOptions, Wanted, wait_any};
