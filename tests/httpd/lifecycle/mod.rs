//! Configuration, start, restart, the end of children, and logs.

mod configuration;
mod counting;
mod killed;
mod logs;
mod restarts;
mod starts;
