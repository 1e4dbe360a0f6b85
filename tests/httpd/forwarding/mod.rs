//! What goes to the backend and what comes back of it.

mod broken_off;
mod client_errors;
mod early_answers;
mod encodings;
mod environment;
mod errors;
mod filters;
mod half_closed;
mod http2;
mod input_filters;
mod large;
mod names;
mod parking;
mod properties;
mod reuse;
mod serving;
mod taken_back;
mod threads_as_limit;
mod tls;
mod unix_sockets;
mod unparkable;
mod waiting;
