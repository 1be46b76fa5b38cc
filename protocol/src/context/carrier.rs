//! Finds the contexts among the fields of a request or message.

use super::{WireContext, w3c};

/// Reads the trace context from fields, whose names may have any case. If several formats are
/// there, the order is that of [`ContextFormat`](super::ContextFormat).
#[must_use]
pub fn from_headers<'a>(
    fields: impl IntoIterator<Item = (&'a [u8], &'a [u8])>,
) -> Option<WireContext> {
    let mut carrier = Carrier::default();
    for (name, value) in fields {
        carrier.field(name, value);
    }
    carrier.finish()
}

/// Collects what the fields of one request say, one field at a time.
#[derive(Debug, Default)]
pub struct Carrier {
    traceparents: u8,
    w3c: Option<WireContext>,
    tracestate: Vec<u8>,
}

impl Carrier {
    /// Takes one field.
    pub fn field(&mut self, name: &[u8], value: &[u8]) {
        let value = value.trim_ascii();
        if name.eq_ignore_ascii_case(b"traceparent") {
            self.traceparents = self.traceparents.saturating_add(1);
            self.w3c = w3c::traceparent(value);
        } else if name.eq_ignore_ascii_case(b"tracestate") {
            // Several fields are one list (RFC 9110 §5.3). Beyond the limit it is invalid anyway.
            if !self.tracestate.is_empty() && self.tracestate.len() <= w3c::STATE_LIMIT {
                self.tracestate.push(b',');
            }
            if self.tracestate.len() <= w3c::STATE_LIMIT {
                self.tracestate.extend_from_slice(&value[..value.len().min(w3c::STATE_LIMIT + 1)]);
            }
        }
    }

    /// The context, if one of the formats was there and valid.
    #[must_use]
    pub fn finish(self) -> Option<WireContext> {
        // Two traceparent fields are as good as none.
        let mut context = self.w3c.filter(|_| self.traceparents == 1)?;
        context.state = w3c::tracestate(&self.tracestate);
        Some(context)
    }
}
