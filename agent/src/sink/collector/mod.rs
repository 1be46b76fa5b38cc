//! Spans to a collector over the network: OTLP by gRPC or HTTP, Zipkin by HTTP.
//!
//! Reading order: [`exporter`] (the task: from the queue to requests), [`delivery`] (attempts,
//! pauses, the account), [`destination`] (settings into a transport), [`http`] and [`grpc`] (the
//! transports, over [`client`]), [`answer`] (what a collector's answer means), [`retry`] (when to
//! try again).

mod answer;
mod client;
mod delivery;
mod destination;
mod exporter;
mod grpc;
mod http;
mod retry;

pub use client::TlsError;
pub use destination::ExportError;
pub(super) use exporter::Exporter;
