//! Trace contexts in SQL comments.
//!
//! <https://google.github.io/sqlcommenter/spec/>: `/*key='value',key='value'*/`, keys and values
//! URL-encoded, quotes in values escaped by a backslash.

use super::Dialect;
use super::token::{Kind, Tokens};
use crate::context::{ContextFormat, WireContext};

/// The longest value that is decoded, in bytes (32 tracestate members of some length).
const VALUE_LIMIT: usize = 1024;

/// The context in the first comment of `text` that has a valid `traceparent`.
#[must_use]
pub fn comment_context(text: &str, dialect: Dialect) -> Option<WireContext> {
    Tokens::new(text, dialect)
        .filter(|token| token.kind == Kind::Comment)
        .find_map(|token| context_of(text.get(token.start..token.end)?))
}

/// The context in one comment.
pub(super) fn context_of(comment: &str) -> Option<WireContext> {
    let body = comment.strip_prefix("/*")?.strip_suffix("*/")?;
    let parent = value_of(body, "traceparent")?;
    let mut context = traceparent(&parent)?;
    context.state = value_of(body, "tracestate").and_then(|state| tracestate(&state));
    Some(context)
}

/// The decoded value of `key='…'`.
fn value_of(body: &str, key: &str) -> Option<String> {
    let mut rest = body;
    loop {
        let found = rest.find(key)?;
        let before = rest.as_bytes().get(..found).and_then(<[u8]>::last);
        let after = rest.get(found + key.len()..)?;
        if before.is_none_or(|byte| matches!(byte, b',' | b' ' | b'\t' | b'\n'))
            && let Some(value) = after.trim_start().strip_prefix('=')
            && let Some(value) = value.trim_start().strip_prefix('\'')
        {
            let (value, _) = value.split_once('\'')?;
            return (value.len() <= VALUE_LIMIT).then(|| percent_decode(value)).flatten();
        }
        rest = after;
    }
}

fn percent_decode(value: &str) -> Option<String> {
    let mut out = Vec::with_capacity(value.len());
    let mut bytes = value.bytes();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'%' => hex_digit(bytes.next()?)? << 4 | hex_digit(bytes.next()?)?,
            byte => byte,
        });
    }
    String::from_utf8(out).ok()
}

/// Reads a `traceparent` (W3C Trace Context, 3.2): `version-trace-parent-flags`.
fn traceparent(value: &str) -> Option<WireContext> {
    let version: [u8; 1] = hex(value.get(0..2)?)?;
    let trace_id: [u8; 16] = hex(value.get(3..35)?)?;
    let span_id: [u8; 8] = hex(value.get(36..52)?)?;
    let [flags]: [u8; 1] = hex(value.get(53..55)?)?;
    let bytes = value.as_bytes();
    let dashes = [2, 35, 52].iter().all(|&at| bytes.get(at) == Some(&b'-'));
    let ended = match version {
        [0xff] => false,
        [0] => bytes.len() == 55,
        _ => bytes.get(55).is_none_or(|&byte| byte == b'-'),
    };
    if !dashes || !ended || trace_id == [0; 16] || span_id == [0; 8] {
        return None;
    }
    Some(WireContext {
        trace_id,
        span_id,
        sampled: Some(flags & 1 != 0),
        random: flags & 2 != 0,
        state: None,
        format: ContextFormat::W3c,
    })
}

/// `tracestate` if every member is `key=value` of printable ASCII and there are at most 32.
fn tracestate(value: &str) -> Option<Box<str>> {
    let members = value.split(',').map(str::trim).filter(|member| !member.is_empty());
    let good = members.clone().all(|member| {
        member.split_once('=').is_some_and(|(key, value)| !key.is_empty() && !value.is_empty())
            && member.bytes().all(|byte| (0x20..0x7f).contains(&byte))
    });
    let count = members.count();
    (good && (1..=32).contains(&count)).then(|| value.into())
}

/// Lower-case hexadecimal digits as bytes.
fn hex<const N: usize>(digits: &str) -> Option<[u8; N]> {
    let digits = digits.as_bytes();
    if digits.len() != 2 * N || digits.iter().any(u8::is_ascii_uppercase) {
        return None;
    }
    let mut out = [0; N];
    for (byte, pair) in out.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = hex_digit(*pair.first()?)? << 4 | hex_digit(*pair.last()?)?;
    }
    Some(out)
}

fn hex_digit(digit: u8) -> Option<u8> {
    (digit as char).to_digit(16).and_then(|value| u8::try_from(value).ok())
}
