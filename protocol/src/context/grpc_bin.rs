//! `grpc-trace-bin`: OpenCensus' binary format,
//! <https://github.com/census-instrumentation/opencensus-specs/blob/master/encodings/BinaryEncoding.md>.

use super::base64;
use super::{ContextFormat, WireContext};

/// Version, and each field's number before its 16, 8 and 1 bytes.
const LENGTH: usize = 29;

/// Reads `00 00 {16 bytes} 01 {8 bytes} 02 {1 byte}`, as gRPC sends binary metadata over HTTP
/// (base64, padding optional), or raw. Fields that follow are of later versions.
pub(super) fn read(value: &[u8]) -> Option<WireContext> {
    if value.len() == LENGTH && value[0] == 0 {
        return fields(value);
    }
    // More than one value may be joined by commas.
    let first = value.split(|&byte| byte == b',').next()?.trim_ascii();
    fields(&base64::decode(first)?)
}

fn fields(bytes: &[u8]) -> Option<WireContext> {
    let [0, 0, rest @ ..] = bytes else { return None };
    let (trace_id, rest) = rest.split_first_chunk::<16>()?;
    let [1, rest @ ..] = rest else { return None };
    let (span_id, rest) = rest.split_first_chunk::<8>()?;
    let sampled = match rest {
        [2, options, ..] => Some(options & 1 != 0),
        [] => None,
        _ => return None,
    };
    WireContext::new(ContextFormat::GrpcTraceBin, *trace_id, *span_id, sampled)
}
