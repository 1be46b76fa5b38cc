//! The sql protocol.
