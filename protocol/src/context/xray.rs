//! AWS X-Ray's `X-Amzn-Trace-Id`:
//! <https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader>.

use super::hex;
use super::{ContextFormat, WireContext};

/// Reads `Root=1-{8 hex}-{24 hex};Parent={16 hex};Sampled={0|1|?}`, in any order. Load balancers
/// send a root alone: it names no span.
pub(super) fn read(value: &[u8]) -> Option<WireContext> {
    let (mut trace_id, mut span_id, mut sampled) = (None, None, None);
    for pair in value.split(|&byte| byte == b';') {
        let mut halves = pair.splitn(2, |&byte| byte == b'=');
        let (name, value) = (halves.next()?.trim_ascii(), halves.next().unwrap_or_default());
        let value = value.trim_ascii();
        if name.eq_ignore_ascii_case(b"root") {
            trace_id = Some(root(value)?);
        } else if name.eq_ignore_ascii_case(b"parent") {
            span_id = Some(hex::exact(value)?);
        } else if name.eq_ignore_ascii_case(b"sampled") {
            sampled = match value {
                b"1" => Some(true),
                b"0" => Some(false),
                _ => None,
            };
        }
    }
    WireContext::new(ContextFormat::XRay, trace_id?, span_id?, sampled)
}

/// `1-{epoch seconds in 8 hex}-{24 hex}`.
fn root(value: &[u8]) -> Option<[u8; 16]> {
    let rest = value.strip_prefix(b"1-")?;
    let (epoch, rest) = (rest.get(..8)?, rest.get(8..)?);
    let unique = rest.strip_prefix(b"-")?;
    let mut id = [0; 16];
    id[..4].copy_from_slice(&hex::exact::<4>(epoch)?);
    id[4..].copy_from_slice(&hex::exact::<12>(unique)?);
    Some(id)
}
