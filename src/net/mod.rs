//! Sockets: connect, send, receive, pool. Edge.
