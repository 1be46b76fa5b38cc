//! The OpenTelemetry span and how exchanges become spans.
//!
//! [`model`] is the data; each protocol's conventions are in the module of its name, with one
//! entry point, `describe`, called by [`describe`]. Nothing here knows sockets or processes.

pub mod describe;
pub mod model;
pub mod sampling;

mod amqp;
mod dns;
mod grpc;
mod http;
mod kafka;
mod messaging;
mod mysql;
mod postgresql;
mod redact;
mod redis;
mod sql;

pub use describe::{Description, Vantage, describe};
pub use model::{
    Attributes, Evidence, Kind, Link, LinkEvidence, Resource, Span, SpanId, Status, Text, TraceId,
    Value,
};
pub use sampling::Sampler;
