//! The tls protocol.
