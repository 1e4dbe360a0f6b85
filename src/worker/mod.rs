//! Runs requests: joins the pure modules with sockets and shared memory. No httpd type.
#![forbid(unsafe_code)]
