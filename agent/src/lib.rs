//! Onlooker: zero-code distributed tracing for Linux.
pub mod probe;
