//! Spans as bytes: OTLP in binary protobuf and in JSON, Zipkin's JSON.
//!
//! [`batch`] collects encoded spans into requests; the other modules write one span at a time.

mod batch;
mod json;
mod protobuf;
mod zipkin;

#[cfg(test)]
mod tests;

pub(super) use batch::{Added, Batch, Encoding, Request};

use onlooker_pipeline::span::Kind;

/// The semantic conventions that the attributes follow.
const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/1.44.0";

/// The instrumentation scope.
const SCOPE_NAME: &str = "onlooker";
const SCOPE_VERSION: &str = env!("CARGO_PKG_VERSION");

/// `SPAN_FLAGS_CONTEXT_HAS_IS_REMOTE_MASK`: the next bit is valid.
const HAS_IS_REMOTE: u32 = 0x100;
/// `SPAN_FLAGS_CONTEXT_IS_REMOTE_MASK`: the parent is in another process.
const IS_REMOTE: u32 = 0x200;

/// The number of a kind in OTLP.
const fn kind_number(kind: Kind) -> u8 {
    match kind {
        Kind::Server => 2,
        Kind::Client => 3,
        Kind::Producer => 4,
        Kind::Consumer => 5,
    }
}
