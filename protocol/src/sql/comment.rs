//! Trace contexts in SQL comments.
//!
//! <https://google.github.io/sqlcommenter/spec/>: `/*key='value',key='value'*/`, keys and values
//! URL-encoded, quotes in values escaped by a backslash.

use super::Dialect;
use super::token::{Kind, Tokens};
use crate::context::{WireContext, from_headers};

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
    let state = value_of(body, "tracestate").unwrap_or_default();
    let fields = [("traceparent", parent), ("tracestate", state)];
    from_headers(fields.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())))
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

fn hex_digit(digit: u8) -> Option<u8> {
    (digit as char).to_digit(16).and_then(|value| u8::try_from(value).ok())
}
