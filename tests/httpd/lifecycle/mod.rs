//! Configuration, start, restart, the end of children, and logs.

mod configuration;
mod counting;
mod killed;
mod log_table;
mod logs;
mod restarts;
mod sizes;
mod starts;
