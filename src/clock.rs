//! The clocks of the machine. Edge: everything else takes the time as an argument.
