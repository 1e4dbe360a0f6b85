//! Sockets: connect, send, receive, pool. Edge.
//!
//! It never retries and never decides what a failure means for a request.

mod address;
mod alarm;
mod buffer;
mod connection;
mod error;
mod gate;
mod interest;
mod nonblocking;
mod pages;
mod places;
mod pool;
mod resolver;
mod socket;
mod tally;
mod turn;
mod wait_set;
pub mod waiting;

pub use address::PeerAddress;
pub use alarm::{Alarm, AlarmClock};
pub use buffer::{BUFFER_BYTES, Buffer, ReadBuffer, Slices, recycle};
pub use connection::Connection;
pub use error::{NetError, Phase, UnixFault};
pub use gate::{Bell, Gate, Ticket};
pub use interest::Interest;
pub use nonblocking::PendingRequest;
pub use places::{PlaceKeeper, Places, Queued};
pub use pool::{Lease, Pool, PoolOptions};
pub use resolver::Endpoint;
pub use socket::{Idle, SocketOptions};
pub use tally::Tally;
pub use turn::Turn;
