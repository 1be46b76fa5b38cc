//! Onlooker: zero-code distributed tracing for Linux.
