//! The http1 protocol.
