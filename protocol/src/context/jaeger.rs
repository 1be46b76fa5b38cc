//! Jaeger's `uber-trace-id`:
//! <https://www.jaegertracing.io/docs/1.76/sdk-migration/#propagation-format>.

use std::borrow::Cow;

use super::hex;
use super::{ContextFormat, WireContext};

/// The longest value: 32 + 16 + 16 + 2 digits and three colons, each perhaps as `%3A`.
const LIMIT: usize = 80;

/// Reads `{trace-id}:{span-id}:{parent-span-id}:{flags}`; ids may be short. Some senders encode
/// the colons for URLs.
pub(super) fn read(value: &[u8]) -> Option<WireContext> {
    if value.len() > LIMIT {
        return None;
    }
    let value = colons_decoded(value);
    let mut parts = value.split(|&byte| byte == b':');
    let (trace_id, span_id) = (hex::padded(parts.next()?)?, hex::padded(parts.next()?)?);
    hex::padded::<8>(parts.next()?)?;
    let flags = hex::padded::<1>(parts.next()?)?[0];
    if parts.next().is_some() {
        return None;
    }
    // Bit 1 is debug, which implies sampled.
    WireContext::new(ContextFormat::Jaeger, trace_id, span_id, Some(flags & 3 != 0))
}

fn colons_decoded(value: &[u8]) -> Cow<'_, [u8]> {
    if !value.contains(&b'%') {
        return Cow::Borrowed(value);
    }
    let mut out = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some((&byte, more)) = rest.split_first() {
        match rest {
            [b'%', b'3', b'A' | b'a', after @ ..] => {
                out.push(b':');
                rest = after;
            }
            _ => {
                out.push(byte);
                rest = more;
            }
        }
    }
    Cow::Owned(out)
}
