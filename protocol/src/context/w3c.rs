//! W3C Trace Context level 2: `traceparent` and `tracestate`.

use super::hex;
use super::{ContextFormat, WireContext};

/// Most members that a `tracestate` may have (§3.3.1.1).
const STATE_MEMBERS: usize = 32;
/// The longest `tracestate` that is kept, in bytes: 32 members of the longest kind would be
/// 16 KB; the specification asks to pass on at least 512.
const STATE_LIMIT: usize = 4096;

/// Reads a `traceparent` (§3.2): `version "-" trace-id "-" parent-id "-" flags`, lower case.
pub(super) fn traceparent(value: &[u8]) -> Option<WireContext> {
    let version = hex::lower::<1>(value.get(..2)?)?[0];
    // Version ff is forbidden; version 00 is exactly 55 characters; of higher versions the first
    // four fields are read, and what follows must start with a dash (§4.3).
    match (version, value.len(), value.get(55)) {
        (0xff, ..) => return None,
        (0, 55, _) | (1.., 55, _) | (1.., _, Some(b'-')) => {}
        _ => return None,
    }
    let flags = hex::lower::<1>(value.get(53..55)?)?[0];
    if ![2, 35, 52].iter().all(|&at| value.get(at) == Some(&b'-')) {
        return None;
    }
    let (trace_id, span_id) = (hex::lower(value.get(3..35)?)?, hex::lower(value.get(36..52)?)?);
    let context = WireContext::new(ContextFormat::W3c, trace_id, span_id, Some(flags & 1 != 0))?;
    Some(WireContext { random: flags & 2 != 0, ..context })
}

/// Appends a field's value to those before: several fields are one list (RFC 9110 §5.3). What
/// goes beyond the limit makes the list too long to be valid, and no longer.
pub(super) fn append_state(list: &mut Vec<u8>, value: &[u8]) {
    if list.len() <= STATE_LIMIT {
        if !list.is_empty() {
            list.push(b',');
        }
        list.extend_from_slice(&value[..value.len().min(STATE_LIMIT + 1)]);
    }
}

/// Checks a `tracestate` (§3.3): the fields' values, joined by commas. `None` if a member is bad:
/// then all of it is discarded, and the `traceparent` stays.
pub(super) fn tracestate(value: &[u8]) -> Option<Box<str>> {
    if value.len() > STATE_LIMIT {
        return None;
    }
    let mut keys: Vec<&[u8]> = Vec::new();
    let mut members = 0;
    for member in value.split(|&byte| byte == b',') {
        let member = trim_ows(member);
        if member.is_empty() {
            continue;
        }
        let equals = member.iter().position(|&byte| byte == b'=')?;
        let (key, value) = (&member[..equals], &member[equals + 1..]);
        members += 1;
        if members > STATE_MEMBERS || !is_key(key) || !is_value(value) || keys.contains(&key) {
            return None;
        }
        keys.push(key);
    }
    if members == 0 {
        return None;
    }
    std::str::from_utf8(value).ok().map(|text| text.trim().into())
}

/// `key = ( lcalpha / DIGIT ) 0*255 ( keychar )`, which has an optional `tenant@system`
/// (§3.3.1.3.1; level 2 allows `@` anywhere behind the first character).
fn is_key(key: &[u8]) -> bool {
    let Some((first, rest)) = key.split_first() else { return false };
    (first.is_ascii_lowercase() || first.is_ascii_digit())
        && rest.len() <= 255
        && rest.iter().all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-*/@".contains(byte)
        })
}

/// `value = 0*255(chr) nblk-chr`: printable ASCII without comma and equals sign, not ending in a
/// space (§3.3.1.3.2).
fn is_value(value: &[u8]) -> bool {
    (1..=256).contains(&value.len())
        && value.iter().all(|byte| matches!(byte, 0x20..=0x7e) && !b",=".contains(byte))
        && value.last() != Some(&b' ')
}

/// Without the optional white space around it (space and tab only, RFC 9110 §5.6.3).
fn trim_ows(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}
