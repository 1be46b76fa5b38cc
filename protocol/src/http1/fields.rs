//! The fields of a head (RFC 9112 §5).

use super::lines::{Head, Iter};
use super::scan::has_control;
use crate::names::Names;

impl<'a> Head<'a> {
    /// Shows each field to `take` whose name may be one of `names`. Lines that are no fields are
    /// left out, and so is a last line without end; whether a name is made of the characters that
    /// it may have shows when it is compared with those that are read.
    #[inline]
    pub(super) fn fields(&self, names: &Names, take: impl FnMut(&'a [u8], &[u8])) {
        self.each(false, names, take);
    }

    /// The same of a request, which must not have white space before a colon: a server rejects it
    /// (§5.1), so such a line is no field.
    #[inline]
    pub(super) fn request_fields(&self, names: &Names, take: impl FnMut(&'a [u8], &[u8])) {
        self.each(true, names, take);
    }

    #[inline]
    fn each(&self, of_request: bool, names: &Names, mut take: impl FnMut(&'a [u8], &[u8])) {
        let mut lines = self.lines();
        lines.next();
        while let Some(line) = lines.next() {
            let Some((name, value)) = field(line, of_request) else { continue };
            if !names.may_hold(name) {
                continue;
            }
            // obs-fold: a line that starts with white space goes on with the value (§5.2).
            if has_control(value) || matches!(lines.peek(), Some(b' ' | b'\t')) {
                take(name, &harmless(folded(value, &mut lines)));
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

/// A value with spaces in the place of each CR and NUL (RFC 9110 §5.5).
fn harmless(mut value: Vec<u8>) -> Vec<u8> {
    let is_harmful = |byte: &&mut u8| matches!(byte, b'\r' | b'\0');
    value.iter_mut().filter(is_harmful).for_each(|byte| *byte = b' ');
    value
}

/// Name and value, if the line is a field. White space before the colon is forbidden (§5.1); a
/// response with it is read as if it were not there.
#[inline]
fn field(line: &[u8], of_request: bool) -> Option<(&[u8], &[u8])> {
    let (name, rest) = line.split_at_checked(line.iter().position(|&byte| byte == b':')?)?;
    let name = match name {
        [.., b'!'..=b'~'] => name,
        _ if of_request => return None,
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
