//! OpenTracing's `ot-tracer-traceid`, `-spanid`, `-sampled`, as Lightstep's tracers send them and
//! OpenTelemetry's OT propagators do.

use super::hex;
use super::{ContextFormat, WireContext};

/// The fields `ot-tracer-*`.
#[derive(Debug, Default)]
pub(super) struct OtTracer {
    trace_id: Option<[u8; 16]>,
    span_id: Option<[u8; 8]>,
    sampled: Option<bool>,
}

impl OtTracer {
    /// 64 bits, or 128 from newer senders; short ids lost their leading zeros.
    pub(super) fn trace_id(&mut self, value: &[u8]) {
        self.trace_id = self.trace_id.or(hex::padded(value));
    }

    pub(super) fn span_id(&mut self, value: &[u8]) {
        self.span_id = self.span_id.or(hex::padded(value));
    }

    pub(super) fn sampled(&mut self, value: &[u8]) {
        self.sampled = self.sampled.or(match value {
            b"true" | b"1" => Some(true),
            b"false" | b"0" => Some(false),
            _ => None,
        });
    }

    pub(super) fn finish(&self) -> Option<WireContext> {
        WireContext::new(ContextFormat::OtTracer, self.trace_id?, self.span_id?, self.sampled)
    }
}
