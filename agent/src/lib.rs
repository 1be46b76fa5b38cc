//! Onlooker: zero-code distributed tracing for Linux.

pub mod config;
pub mod sink;
