//! AJP13 on the wire. Pure: bytes in, values out; no socket, clock or policy.
#![forbid(unsafe_code)]
