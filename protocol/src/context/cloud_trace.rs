//! Google Cloud's `X-Cloud-Trace-Context`:
//! <https://cloud.google.com/trace/docs/trace-context#legacy-http-header>.

use super::hex;
use super::{ContextFormat, WireContext};

/// Reads `{32 hex}/{decimal span id};o={options}`; bit 0 of the options is "sampled".
pub(super) fn read(value: &[u8]) -> Option<WireContext> {
    let slash = value.iter().position(|&byte| byte == b'/')?;
    let (trace_id, rest) = (hex::exact(&value[..slash])?, value.get(slash + 1..)?);
    let mut parts = rest.splitn(2, |&byte| byte == b';');
    let span_id = hex::decimal(parts.next()?.trim_ascii())?;
    let sampled = match parts.next() {
        None => None,
        Some(options) => Some(hex::decimal(options.trim_ascii().strip_prefix(b"o=")?)? & 1 != 0),
    };
    WireContext::new(ContextFormat::CloudTrace, trace_id, span_id.to_be_bytes(), sampled)
}
