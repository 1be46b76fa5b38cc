//! Datadog's `x-datadog-*`:
//! <https://docs.datadoghq.com/tracing/trace_collection/trace_context_propagation/>.

use super::hex;
use super::{ContextFormat, WireContext};

/// The fields `x-datadog-*`.
#[derive(Debug, Default)]
pub(super) struct Datadog {
    /// The low 64 bits.
    trace_id: Option<u64>,
    /// The high 64 bits, which a tag carries.
    high: Option<[u8; 8]>,
    parent_id: Option<u64>,
    sampled: Option<bool>,
}

impl Datadog {
    pub(super) fn trace_id(&mut self, value: &[u8]) {
        self.trace_id = self.trace_id.or(hex::decimal(value));
    }

    pub(super) fn parent_id(&mut self, value: &[u8]) {
        self.parent_id = self.parent_id.or(hex::decimal(value));
    }

    /// Positive priorities keep the trace, zero and negative ones (-1, 0) drop it.
    pub(super) fn priority(&mut self, value: &[u8]) {
        let rejected = value.strip_prefix(b"-").and_then(hex::decimal).map(|_| false);
        let kept = hex::decimal(value).map(|priority| priority > 0);
        self.sampled = self.sampled.or(rejected).or(kept);
    }

    /// `_dd.p.tid={16 hex}` among comma-separated tags.
    pub(super) fn tags(&mut self, value: &[u8]) {
        let high = value
            .split(|&byte| byte == b',')
            .find_map(|tag| tag.trim_ascii().strip_prefix(b"_dd.p.tid="));
        self.high = self.high.or(high.and_then(hex::lower));
    }

    pub(super) fn finish(&self) -> Option<WireContext> {
        let mut trace_id = [0; 16];
        trace_id[..8].copy_from_slice(&self.high.unwrap_or_default());
        trace_id[8..].copy_from_slice(&self.trace_id?.to_be_bytes());
        let span_id = self.parent_id?.to_be_bytes();
        WireContext::new(ContextFormat::Datadog, trace_id, span_id, self.sampled)
    }
}
