//! The fields of a head (RFC 9112 §5).

use super::lines::{Head, Iter};

impl<'a> Head<'a> {
    /// Shows each field to `take`. Lines that are no fields are left out, and so is a last line
    /// without end; whether a name is made of the characters that it may have shows when it is
    /// compared with those that are read.
    #[inline]
    pub(super) fn fields(&self, mut take: impl FnMut(&'a [u8], &[u8])) {
        let mut lines = self.lines();
        lines.next();
        while let Some(line) = lines.next() {
            let Some((name, value)) = field(line) else { continue };
            // obs-fold: a line that starts with white space goes on with the value (§5.2).
            if let Some(b' ' | b'\t') = lines.peek() {
                take(name, &folded(value, &mut lines));
            } else {
                take(name, value);
            }
        }
    }
}

/// A value with the lines that go on with it.
#[cold]
fn folded(value: &[u8], lines: &mut Iter<'_>) -> Vec<u8> {
    let mut whole = value.to_vec();
    while let Some(b' ' | b'\t') = lines.peek() {
        let Some(more) = lines.next() else { break };
        whole.push(b' ');
        whole.extend_from_slice(more.trim_ascii());
    }
    whole
}

/// Name and value, if the line is a field. White space before the colon is forbidden (§5.1); a
/// response with it is read so.
#[inline]
fn field(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let (name, rest) = line.split_at_checked(line.iter().position(|&byte| byte == b':')?)?;
    let name = match name {
        [.., b'!'..=b'~'] => name,
        _ => name.trim_ascii_end(),
    };
    if name.is_empty() {
        return None;
    }
    // Nearly every value is written so.
    let value = match rest {
        [b':', b' ', value @ ..] if let ([b'!'..=b'~', ..], [.., b'!'..=b'~']) = (value, value) => {
            value
        }
        _ => rest[1..].trim_ascii(),
    };
    Some((name, value))
}
