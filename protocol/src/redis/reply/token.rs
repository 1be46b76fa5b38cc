//! What RESP2 and RESP3 are made of: a type, and a line.

use crate::redis::request::Malformed;

/// The longest line that is waited for, in bytes. Of longer ones the start is kept and the rest
/// skipped.
const LINE_LIMIT: usize = 1024;
/// The longest error prefix, in bytes.
pub(super) const PREFIX_LIMIT: usize = 32;
/// The longest claim that is believed: bytes of a string, elements of an aggregate.
const LENGTH_LIMIT: u64 = 1 << 40;

/// What stands at the front of the window.
pub(super) enum Token<'a> {
    /// A value of one line (or the start of an overlong one).
    Line {
        kind: u8,
        text: &'a [u8],
        overlong: bool,
    },
    /// A string of so many bytes; `None` is null.
    String {
        kind: u8,
        length: Option<u64>,
    },
    StreamedString,
    /// `;length`: a part of a streamed string.
    Part(u64),
    /// So many elements; `None` if streamed.
    Aggregate {
        kind: u8,
        elements: Option<u64>,
    },
    End,
}

/// Reads the token at the front, and how many bytes its line takes; `None` if it is incomplete.
pub(super) fn token(bytes: &[u8]) -> Result<Option<(Token<'_>, usize)>, Malformed> {
    let Some(kind) = bytes.first().copied() else { return Ok(None) };
    if !is_kind(kind) && !matches!(kind, b';' | b'.') {
        return Err(Malformed);
    }
    let head = bytes.get(..LINE_LIMIT).unwrap_or(bytes);
    let Some(end) = head.iter().position(|byte| *byte == b'\n') else {
        let may_be_long = matches!(kind, b'+' | b'-' | b'(');
        if !may_be_long && bytes.len() > 32 {
            return Err(Malformed);
        }
        if bytes.len() < LINE_LIMIT {
            return Ok(None);
        }
        let text = head.get(1..).unwrap_or_default();
        return Ok(Some((Token::Line { kind, text, overlong: true }, head.len())));
    };
    let line = head.get(1..end).and_then(|line| line.strip_suffix(b"\r")).ok_or(Malformed)?;
    let token = match kind {
        b'$' | b'!' | b'=' if line == b"?" => Token::StreamedString,
        b'$' | b'!' | b'=' => Token::String { kind, length: length(line)? },
        b';' => Token::Part(length(line)?.ok_or(Malformed)?),
        b'.' if line.is_empty() => Token::End,
        b'*' | b'~' | b'>' | b'%' | b'|' if line == b"?" => {
            Token::Aggregate { kind, elements: None }
        }
        b'%' | b'|' => {
            let pairs = length(line)?.ok_or(Malformed)?;
            Token::Aggregate { kind, elements: Some(pairs.saturating_mul(2)) }
        }
        b'*' => match length(line)? {
            Some(elements) => Token::Aggregate { kind, elements: Some(elements) },
            None => Token::Line { kind, text: b"", overlong: false },
        },
        b'~' | b'>' => Token::Aggregate { kind, elements: Some(length(line)?.ok_or(Malformed)?) },
        _ if is_value(kind, line) => Token::Line { kind, text: line, overlong: false },
        _ => return Err(Malformed),
    };
    Ok(Some((token, end + 1)))
}

/// Whether a value may begin with this byte.
pub(in crate::redis) fn is_kind(byte: u8) -> bool {
    matches!(byte, b'+' | b'-' | b':' | b'$' | b'*' | b'_' | b'#' | b',' | b'(' | b'!' | b'=')
        || matches!(byte, b'%' | b'~' | b'>' | b'|')
}

/// Whether a line is a value of its type.
fn is_value(kind: u8, line: &[u8]) -> bool {
    let digits = |text: &[u8]| !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    let signed = |text: &[u8]| {
        digits(text.strip_prefix(b"-").unwrap_or(text))
            || text.strip_prefix(b"+").is_some_and(digits)
    };
    match kind {
        b'+' | b'-' => true,
        b':' => line.len() <= 20 && signed(line),
        b'(' => signed(line),
        b'_' => line.is_empty(),
        b'#' => matches!(line, b"t" | b"f"),
        b',' => {
            matches!(line, b"inf" | b"-inf" | b"nan" | b"-nan")
                || (!line.is_empty()
                    && line.iter().all(|byte| {
                        byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'+' | b'e' | b'E')
                    }))
        }
        _ => false,
    }
}

/// A length, or `None` for -1 (null).
fn length(line: &[u8]) -> Result<Option<u64>, Malformed> {
    if line == b"-1" {
        return Ok(None);
    }
    if line.is_empty() || line.len() > 15 {
        return Err(Malformed);
    }
    let mut number = 0;
    for byte in line {
        if !byte.is_ascii_digit() {
            return Err(Malformed);
        }
        number = number * 10 + u64::from(byte - b'0');
    }
    if number > LENGTH_LIMIT { Err(Malformed) } else { Ok(Some(number)) }
}

/// An error's prefix: its first word, if that is in capitals (`WRONGTYPE`, `ERR`).
pub(super) fn prefix(text: &[u8]) -> Box<str> {
    let word = text.split(|byte| byte.is_ascii_whitespace()).next().unwrap_or_default();
    let is_prefix = (1..=PREFIX_LIMIT).contains(&word.len())
        && word.iter().all(|byte| byte.is_ascii_uppercase() || matches!(byte, b'_' | b'0'..=b'9'));
    if is_prefix { String::from_utf8_lossy(word).into() } else { Box::default() }
}

/// Whether a line begins a value of its type.
pub(in crate::redis) fn is_head(kind: u8, line: &[u8]) -> bool {
    match kind {
        b'$' | b'!' | b'=' | b'*' | b'~' | b'>' | b'%' | b'|' => {
            line == b"?" || length(line).is_ok()
        }
        _ => is_value(kind, line),
    }
}
