//! The fields of a head (RFC 9112 §5).

use super::lines::{FieldLines, Head};
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
        let mut lines = self.field_lines();
        while let Some(line) = lines.next() {
            let Some(name) = line.name.and_then(|name| field_name(name, of_request)) else {
                continue;
            };
            if !names.may_hold(name) {
                continue;
            }
            let value = trimmed(line.rest);
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
fn folded(value: &[u8], lines: &mut FieldLines<'_>) -> Vec<u8> {
    let mut whole = value.to_vec();
    while let Some(b' ' | b'\t') = lines.peek() {
        let Some(more) = lines.next() else { break };
        whole.push(b' ');
        if let Some(before_colon) = more.name {
            whole.extend_from_slice(before_colon.trim_ascii_start());
            whole.push(b':');
            whole.extend_from_slice(more.rest.trim_ascii_end());
        } else {
            whole.extend_from_slice(more.rest.trim_ascii());
        }
    }
    whole
}

/// A value with spaces in the place of each CR and NUL (RFC 9110 §5.5).
fn harmless(mut value: Vec<u8>) -> Vec<u8> {
    let is_harmful = |byte: &&mut u8| matches!(byte, b'\r' | b'\0');
    value.iter_mut().filter(is_harmful).for_each(|byte| *byte = b' ');
    value
}

/// The name of a field by what stands before the colon, if it can be one. White space there is
/// forbidden (§5.1); a response with it is read as if it were not there.
#[inline]
fn field_name(before_colon: &[u8], of_request: bool) -> Option<&[u8]> {
    match before_colon {
        [.., b'!'..=b'~'] => Some(before_colon),
        _ if of_request => None,
        _ => Some(before_colon.trim_ascii_end()).filter(|name| !name.is_empty()),
    }
}

/// What stands behind the colon, without white space around it.
#[inline]
fn trimmed(rest: &[u8]) -> &[u8] {
    match rest {
        // Nearly every value is written so.
        [b' ', value @ ..] if let ([b'!'..=b'~', ..], [.., b'!'..=b'~']) = (value, value) => value,
        _ => rest.trim_ascii(),
    }
}
