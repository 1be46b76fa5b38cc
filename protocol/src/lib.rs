//! Dissectors: from the bytes of a connection to exchanges (a request and its response).
//!
//! This crate knows protocols and nothing else: no sockets, no processes, no spans. It takes
//! [`Chunk`]s, which may start in the middle of a connection, be cut, or have holes, and gives
//! [`Exchange`]s. It never panics on input, never allocates from a length it has not checked,
//! and has few and small dependencies, so that it can be fuzzed, tested and measured on any machine.
//!
//! Reading order: [`chunk`] (what comes in), [`window`] (how a dissector reads it),
//! [`exchange`] (what goes out), [`dissector`] (the trait), [`detect`] (which dissector),
//! [`redact`] (what may leave a machine of the bytes).
#![forbid(unsafe_code)]

pub mod chunk;
pub mod context;
pub mod detect;
pub mod dissector;
pub mod exchange;
mod framed;
pub mod names;
pub mod redact;
pub mod text;
pub mod window;

pub mod amqp;
pub mod dns;
pub mod fastcgi;
pub mod grpc;
pub mod http;
pub mod http1;
pub mod http2;
pub mod kafka;
pub mod mysql;
pub mod postgresql;
pub mod proxy;
pub mod redis;
pub mod socks;
pub mod sql;
pub mod tls;

pub use chunk::{Chunk, Moment, Origin, Side, Tail, Task};
pub use context::{ContextFormat, WireContext};
pub use dissector::{Capture, Dissector, Ending, Handover, Output};
pub use exchange::{Exchange, Extent, Facts, Outcome};
pub use window::Window;
