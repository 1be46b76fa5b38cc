//! B3: <https://github.com/openzipkin/b3-propagation>. Ids are lower-case hexadecimal; trace ids of
//! 64 bits are filled up with zeros on the left.

use super::hex;
use super::{ContextFormat, WireContext};

/// Reads `b3: {TraceId}-{SpanId}-{SamplingState}-{ParentSpanId}`, the last two of which are
/// optional. A lone sampling state names no span.
pub(super) fn single(value: &[u8]) -> Option<WireContext> {
    let mut parts = value.split(|&byte| byte == b'-');
    let (trace_id, span_id) = (trace_id(parts.next()?)?, hex::lower(parts.next()?)?);
    let sampled = match parts.next() {
        None => None,
        Some(b"1" | b"d") => Some(true),
        Some(b"0") => Some(false),
        Some(_) => return None,
    };
    if let Some(parent) = parts.next() {
        hex::lower::<8>(parent)?;
    }
    if parts.next().is_some() {
        return None;
    }
    WireContext::new(ContextFormat::B3, trace_id, span_id, sampled)
}

/// The fields `X-B3-*`.
#[derive(Debug, Default)]
pub(super) struct B3 {
    trace_id: Option<[u8; 16]>,
    span_id: Option<[u8; 8]>,
    sampled: Option<bool>,
    debug: bool,
}

impl B3 {
    pub(super) fn trace_id(&mut self, value: &[u8]) {
        self.trace_id = self.trace_id.or(trace_id(value));
    }

    pub(super) fn span_id(&mut self, value: &[u8]) {
        self.span_id = self.span_id.or(hex::lower(value));
    }

    /// Older implementations say `true` and `false`.
    pub(super) fn sampled(&mut self, value: &[u8]) {
        self.sampled = self.sampled.or(match value {
            b"1" | b"true" => Some(true),
            b"0" | b"false" => Some(false),
            _ => None,
        });
    }

    /// `1` is debug, which implies an accept decision.
    pub(super) fn flags(&mut self, value: &[u8]) {
        self.debug |= value == b"1";
    }

    pub(super) fn finish(&self) -> Option<WireContext> {
        let sampled = if self.debug { Some(true) } else { self.sampled };
        WireContext::new(ContextFormat::B3Multi, self.trace_id?, self.span_id?, sampled)
    }
}

fn trace_id(digits: &[u8]) -> Option<[u8; 16]> {
    match digits.len() {
        16 | 32 if !digits.iter().any(u8::is_ascii_uppercase) => hex::padded(digits),
        _ => None,
    }
}
