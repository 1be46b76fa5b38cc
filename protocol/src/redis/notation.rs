//! Commands as people write them: read from inline commands, written for `db.query.text`.

use super::request::Malformed;

/// Splits an inline command as Redis does: at white space, but for quotes, in which backslashes
/// escape.
pub(super) struct Words<'a>(pub(super) &'a [u8]);

impl Iterator for Words<'_> {
    type Item = Result<Vec<u8>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut rest = self.0.trim_ascii_start();
        if rest.is_empty() {
            return None;
        }
        let mut word = Vec::new();
        let mut quote = None;
        let result = loop {
            rest = match (quote, rest) {
                (Some(_), []) => break Err(Malformed),
                (None, []) => break Ok(word),
                (None, [byte, ..]) if byte.is_ascii_whitespace() => break Ok(word),
                (None, [mark @ (b'"' | b'\''), after @ ..]) => {
                    quote = Some(*mark);
                    after
                }
                (Some(mark), [byte, after @ ..]) if *byte == mark => {
                    if after.first().is_some_and(|next| !next.is_ascii_whitespace()) {
                        break Err(Malformed);
                    }
                    quote = None;
                    after
                }
                (Some(b'\''), [b'\\', b'\'', after @ ..]) => {
                    word.push(b'\'');
                    after
                }
                (Some(b'"'), [b'\\', b'x', high, low, after @ ..])
                    if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
                {
                    let digit = |byte: &u8| char::from(*byte).to_digit(16).unwrap_or(0) as u8;
                    word.push(digit(high) << 4 | digit(low));
                    after
                }
                (Some(b'"'), [b'\\', byte, after @ ..]) => {
                    word.push(match byte {
                        b'n' => b'\n',
                        b'r' => b'\r',
                        b't' => b'\t',
                        b'b' => 8,
                        b'a' => 7,
                        other => *other,
                    });
                    after
                }
                (_, [byte, after @ ..]) => {
                    word.push(*byte);
                    after
                }
            };
        };
        self.0 = if result.is_ok() { rest } else { &[] };
        Some(result)
    }
}

/// Appends an argument as `redis-cli` would take it: as it is, or quoted if it has spaces, quotes
/// or bytes that are no text.
pub(super) fn quote(value: &[u8], is_cut: bool, text: &mut String) {
    let plain = |byte: &u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'' | b'\\');
    if !value.is_empty() && value.iter().all(plain) {
        text.extend(value.iter().map(|byte| char::from(*byte)));
    } else {
        text.push('"');
        for run in value.utf8_chunks() {
            for character in run.valid().chars() {
                match character {
                    '"' | '\\' => text.extend(['\\', character]),
                    '\n' => text.push_str("\\n"),
                    '\r' => text.push_str("\\r"),
                    '\t' => text.push_str("\\t"),
                    _ if character.is_control() && character.is_ascii() => {
                        hex(character as u8, text);
                    }
                    _ => text.push(character),
                }
            }
            // The limit may have cut a character in two.
            if !is_cut {
                run.invalid().iter().for_each(|byte| hex(*byte, text));
            }
        }
        text.push('"');
    }
    if is_cut {
        text.push_str("...");
    }
}

fn hex(byte: u8, text: &mut String) {
    text.push_str("\\x");
    for digit in [byte >> 4, byte & 15] {
        text.push(char::from_digit(digit.into(), 16).unwrap_or('0'));
    }
}
