//! Apache SkyWalking's `sw8`:
//! <https://skywalking.apache.org/docs/main/latest/en/api/x-process-propagation-headers-v3/>.

use super::base64;
use super::hex;
use super::{ContextFormat, WireContext};

/// The longest id that is believed, in bytes: 32 digits, a thread and a time.
const ID_LIMIT: usize = 128;

/// Reads `{sample}-{trace id}-{segment id}-{span index}-…`, eight fields, texts in base64.
///
/// SkyWalking's ids are texts. They are mapped to ids of OpenTelemetry's lengths the way the
/// Collector's SkyWalking receiver does it (internal/skywalking `swTraceIDToTraceID`,
/// `segmentIDToSpanID`), so that a link points to what the Collector exported.
pub(super) fn read(value: &[u8]) -> Option<WireContext> {
    let mut parts = value.split(|&byte| byte == b'-');
    let sampled = match parts.next()? {
        b"1" => true,
        b"0" => false,
        _ => return None,
    };
    let (trace, segment) = (text(parts.next()?)?, text(parts.next()?)?);
    let index = u32::try_from(hex::decimal(parts.next()?)?).ok()?;
    if parts.count() != 4 {
        return None;
    }
    let trace_id = if trace.len() <= 36 { uuid(&trace)? } else { mixed(&trace, 0)? };
    let span = mixed(&segment, index)?;
    let mut span_id = [0; 8];
    for (at, byte) in span_id.iter_mut().enumerate() {
        *byte = span[at] ^ span[at + 8];
    }
    WireContext::new(ContextFormat::SkyWalking, trace_id, span_id, Some(sampled))
}

fn text(field: &[u8]) -> Option<Vec<u8>> {
    base64::decode(field).filter(|text| text.len() <= ID_LIMIT)
}

/// 32 digits, perhaps with the dashes of a UUID.
fn uuid(text: &[u8]) -> Option<[u8; 16]> {
    let digits: Vec<u8> = text.iter().copied().filter(|&byte| byte != b'-').collect();
    hex::exact(&digits)
}

/// `{32 hex}[.{thread}.{time}]`: the UUID, with the span index, the thread and the time mixed in
/// by exclusive or, least significant byte first.
fn mixed(text: &[u8], index: u32) -> Option<[u8; 16]> {
    let mut id: [u8; 16] = hex::exact(text.get(..32)?)?;
    let mut mix = |from: usize, bytes: &[u8]| {
        id[from..].iter_mut().zip(bytes).for_each(|(target, byte)| *target ^= byte);
    };
    mix(0, &index.to_le_bytes());
    if text.len() > 32 {
        let rest = text.get(32..)?.strip_prefix(b".")?;
        let dot = rest.iter().rposition(|&byte| byte == b'.')?;
        let (thread, time) = (hex::decimal(&rest[..dot])?, hex::decimal(&rest[dot + 1..])?);
        mix(4, &thread.to_le_bytes()[..4]);
        mix(8, &time.to_le_bytes());
    }
    Some(id)
}
