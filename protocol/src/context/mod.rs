//! Trace contexts as they are found on the wire.
//!
//! [`from_headers`] reads all formats from a list of fields, whatever carries it: HTTP fields,
//! Kafka record headers, an AMQP table. A [`Carrier`] does the same a field at a time.

mod b3;
mod base64;
mod carrier;
mod cloud_trace;
mod datadog;
mod grpc_bin;
mod hex;
mod jaeger;
mod ot_tracer;
mod skywalking;
mod w3c;
mod xray;

#[cfg(test)]
mod tests;

pub use carrier::{Carrier, from_headers};

/// Which header family carried a context.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ContextFormat {
    /// W3C `traceparent`.
    W3c,
    /// `b3`, single header.
    B3,
    /// `X-B3-*`.
    B3Multi,
    /// `uber-trace-id`.
    Jaeger,
    /// `X-Amzn-Trace-Id`.
    XRay,
    /// `X-Cloud-Trace-Context`.
    CloudTrace,
    /// `ot-tracer-*`.
    OtTracer,
    /// `x-datadog-*`.
    Datadog,
    /// `sw8`.
    SkyWalking,
    /// `grpc-trace-bin`.
    GrpcTraceBin,
}

/// A trace context read from a request or a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WireContext {
    /// The trace id, never all zero.
    pub trace_id: [u8; 16],
    /// The sender's span id, never all zero.
    pub span_id: [u8; 8],
    /// Whether the sender sampled; `None` if it left the decision open.
    pub sampled: Option<bool>,
    /// The W3C random flag (bit 1 of the flags).
    pub random: bool,
    /// `tracestate`, checked.
    pub state: Option<Box<str>>,
    /// Where it came from.
    pub format: ContextFormat,
}

impl WireContext {
    /// A context without more than its ids; `None` if one of them is all zero.
    fn new(
        format: ContextFormat,
        trace_id: [u8; 16],
        span_id: [u8; 8],
        sampled: Option<bool>,
    ) -> Option<Self> {
        (trace_id != [0; 16] && span_id != [0; 8]).then_some(Self {
            trace_id,
            span_id,
            sampled,
            random: false,
            state: None,
            format,
        })
    }
}
