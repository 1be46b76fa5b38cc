//! The http2 protocol.
