//! The fastcgi protocol.
