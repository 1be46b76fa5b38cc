//! COM_QUERY: the text, and the attributes that may stand before it.
//!
//! <https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_com_query.html>

use super::packet::{Fields, Integers};

/// The most attributes that are read.
const ATTRIBUTES_LIMIT: u8 = 64;

/// Where the text of a query is, and the trace context that an attribute carried.
#[derive(Debug, Default)]
pub(super) struct Query<'a> {
    pub(super) text: &'a [u8],
    /// The value of the attribute `traceparent`, which MySQL's own telemetry sends.
    pub(super) traceparent: Option<&'a [u8]>,
}

/// Reads what follows the command byte. Whether attributes come first depends on a capability that
/// is not known on a connection that was older than the watch: their second byte, the number of
/// parameter sets, is always 1, which is no byte of a text. A text that cannot be reached is empty.
pub(super) fn read(body: &[u8]) -> Query<'_> {
    match body {
        [_, 1, ..] => attributes(body).unwrap_or_default(),
        _ => Query { text: body, traceparent: None },
    }
}

/// Whether a body is text, or attributes and text.
pub(super) fn is_text(body: &[u8]) -> bool {
    let text = read(body).text;
    let start = text.get(..text.len().min(256)).unwrap_or_default();
    // Literals in a statement may hold any byte; its first word does not.
    let word = start.iter().take(8).all(|&byte| byte >= b' ' || (9..=13).contains(&byte));
    match body {
        [0..=ATTRIBUTES_LIMIT, 1, ..] if text.is_empty() => true,
        _ => word && start.iter().any(u8::is_ascii_alphabetic),
    }
}

fn attributes(body: &[u8]) -> Option<Query<'_>> {
    let mut fields = Fields(body);
    let count = fields.length_encoded()?;
    let sets = fields.length_encoded()?;
    if sets != 1 || count > ATTRIBUTES_LIMIT.into() {
        return None;
    }
    if count == 0 {
        return Some(Query { text: fields.0, traceparent: None });
    }
    let nulls = fields.take((count as usize).div_ceil(8))?;
    if fields.byte()? != 1 {
        return None;
    }
    let mut named = Vec::with_capacity(count as usize);
    for _ in 0..count {
        let kind = fields.number(2)?;
        named.push((kind & 0xff, fields.counted()?));
    }
    let mut traceparent = None;
    for (number, (kind, name)) in named.into_iter().enumerate() {
        let null = nulls.get(number / 8).is_some_and(|byte| byte >> (number % 8) & 1 == 1);
        if null {
            continue;
        }
        let value = value(&mut fields, kind)?;
        if name == b"traceparent" {
            traceparent = Some(value);
        }
    }
    Some(Query { text: fields.0, traceparent })
}

/// A value in the binary protocol, by its type.
/// <https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_binary_resultset.html>
fn value<'a>(fields: &mut Fields<'a>, kind: u64) -> Option<&'a [u8]> {
    match kind {
        0x06 => Some(b""),
        0x01 => fields.take(1),
        0x02 | 0x0d => fields.take(2),
        0x03 | 0x04 | 0x09 => fields.take(4),
        0x05 | 0x08 => fields.take(8),
        // Dates and times: their length in one byte.
        0x07 | 0x0a | 0x0b | 0x0c => {
            let length = fields.byte()?;
            fields.take(length.into())
        }
        _ => fields.counted(),
    }
}
