//! OTLP: spans to a collector, by gRPC or HTTP.
//!
//! Reading order: [`exporter`] (the task: batches, attempts, pauses), [`batch`] (encoded spans
//! into requests), [`protobuf`] and [`json`] (the two encodings), [`http`] and [`grpc`] (the two
//! transports), [`answer`] (what a collector's answer means).

pub(super) mod batch;

mod answer;
mod exporter;
mod grpc;
mod http;
mod json;
mod protobuf;

#[cfg(test)]
mod tests;

pub(super) use exporter::Exporter;
pub use exporter::OtlpError;

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
        Kind::Internal => 1,
        Kind::Server => 2,
        Kind::Client => 3,
        Kind::Producer => 4,
        Kind::Consumer => 5,
    }
}
