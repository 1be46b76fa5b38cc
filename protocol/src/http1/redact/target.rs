//! Request targets: how they are built, and the words of which no secret is made.

use std::ops::Range;

use super::field::is_host;
use crate::redact::{Kept, all};

/// The longest part of a path that is shown, in bytes.
const LONGEST_PART: usize = 32;
/// The longest name of a parameter that is shown, in bytes.
const LONGEST_NAME: usize = 24;

/// Shows what may be shown of a target.
pub(super) fn keep(method: &[u8], target: Range<usize>, kept: &mut Kept<'_>) {
    let bytes = kept.bytes.get(target.clone()).unwrap_or_default();
    if method == b"CONNECT" {
        if all(bytes, 128, is_host) {
            kept.keep(target);
        }
        return;
    }
    if bytes == b"*" {
        kept.keep(target);
        return;
    }
    let path = authority(bytes, target.start, kept);
    let rest = bytes.get(path..).unwrap_or_default();
    let end = rest.iter().position(|byte| b"?#".contains(byte)).unwrap_or(rest.len());
    let start = target.start + path;
    pieces(rest.get(..end).unwrap_or_default(), start, b"/", |part, at| {
        if is_part(part) {
            kept.keep(at..at + part.len() + 1);
        } else {
            // The slash behind it.
            kept.keep(at + part.len()..at + part.len() + 1);
        }
    });
    if rest.get(end) != Some(&b'?') {
        return;
    }
    let query = rest.get(end + 1..).unwrap_or_default();
    let fragment = query.iter().position(|&byte| byte == b'#').unwrap_or(query.len());
    pieces(query.get(..fragment).unwrap_or_default(), start + end + 1, b"&;", |pair, at| {
        kept.keep(at + pair.len()..at + pair.len() + 1);
        let Some(equals) = pair.iter().position(|&byte| byte == b'=') else { return };
        let (name, value) = pair.split_at(equals);
        // Without a value it may be a text in base64, of which the sign is a part.
        let valued = value.get(1).is_some_and(|&byte| byte != b'=');
        let is_word = |byte: u8| byte.is_ascii_alphabetic() || b"_-.[]".contains(&byte);
        if valued && all(name, LONGEST_NAME, is_word) {
            kept.keep(at..at + name.len() + 1);
        }
    });
}

/// The scheme and the authority of an absolute target; where its path starts.
fn authority(target: &[u8], start: usize, kept: &mut Kept<'_>) -> usize {
    let scheme = [&b"http://"[..], b"https://"].into_iter().find(|it| target.starts_with(it));
    let Some(scheme) = scheme else { return 0 };
    kept.keep(start..start + scheme.len());
    let rest = target.get(scheme.len()..).unwrap_or_default();
    let length = rest.iter().position(|byte| b"/?#".contains(byte)).unwrap_or(rest.len());
    if all(rest.get(..length).unwrap_or_default(), 128, is_host) {
        kept.keep(start + scheme.len()..start + scheme.len() + length);
    }
    scheme.len() + length
}

/// A word of letters, or versions and words between dots (`v2`, `shop.v1.Orders`).
fn is_part(part: &[u8]) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphabetic() || b"_-".contains(&byte);
    part.len() <= LONGEST_PART
        && part.split(|&byte| byte == b'.').all(|piece| match piece {
            [] => true,
            [b'v', digits @ ..] if all(digits, 2, |byte| byte.is_ascii_digit()) => true,
            piece => all(piece, LONGEST_PART, is_word),
        })
}

/// Each piece between separators, and where it is. The byte behind it is a separator, or none of
/// the text's.
fn pieces<'a>(
    text: &'a [u8],
    start: usize,
    separators: &[u8],
    mut each: impl FnMut(&'a [u8], usize),
) {
    let mut at = 0;
    for piece in text.split(|byte| separators.contains(byte)) {
        each(piece, start + at);
        at += piece.len() + 1;
    }
}
