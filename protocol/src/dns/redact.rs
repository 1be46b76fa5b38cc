//! What may leave of a datagram of DNS: a message without the names of anybody's own, and without
//! records' texts.

use std::ops::Range;

use super::code::RecordType;
use super::detect;
use super::message::HEADER_LENGTH;
use crate::redact::{Kept, all};

/// The longest part of a name that is shown, in bytes.
const LONGEST_LABEL: usize = 32;

/// Shows what may be shown of a whole datagram. One that is no query and no response, or whose records
/// do not end where it ends, shows nothing.
pub(crate) fn keep(kept: &mut Kept<'_>) {
    if !detect::is_message(kept.bytes) {
        return;
    }
    let mut shown = Vec::new();
    if message(kept.bytes, &mut shown) == Some(kept.bytes.len()) {
        shown.into_iter().for_each(|part| kept.keep(part));
    }
}

/// Where a message ends, and what of it may be shown.
fn message(bytes: &[u8], shown: &mut Vec<Range<usize>>) -> Option<usize> {
    shown.push(0..HEADER_LENGTH);
    let count =
        |at: usize| Some(u32::from(u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?])));
    let (questions, records) = (count(4)?, count(6)? + count(8)? + count(10)?);
    let mut at = HEADER_LENGTH;
    for _ in 0..questions {
        at = name(bytes, at, shown)?;
        // Type and class.
        shown.push(at..at + 4);
        at += 4;
    }
    for _ in 0..records {
        at = name(bytes, at, shown)?;
        let [high, low, .., length_high, length_low] = *bytes.get(at..at + 10)? else {
            return None;
        };
        let kind = RecordType(u16::from_be_bytes([high, low]));
        let length = usize::from(u16::from_be_bytes([length_high, length_low]));
        // Type, class, time to live (of EDNS: sizes and flags), length.
        shown.push(at..at + 10);
        at += 10;
        if matches!((kind, length), (RecordType::A, 4) | (RecordType::AAAA, 16)) {
            shown.push(at..at + length);
        }
        at += length;
    }
    Some(at)
}

/// A name at `at`: its lengths and pointers, and parts that are words of letters. Where it ends.
fn name(bytes: &[u8], mut at: usize, shown: &mut Vec<Range<usize>>) -> Option<usize> {
    loop {
        match *bytes.get(at)? {
            0 => {
                shown.push(at..at + 1);
                return Some(at + 1);
            }
            0xc0.. => {
                shown.push(at..at + 2);
                return Some(at + 2);
            }
            length @ 1..=63 => {
                shown.push(at..at + 1);
                let label = at + 1..at + 1 + usize::from(length);
                let is_word = |byte: u8| byte.is_ascii_alphabetic() || b"-_".contains(&byte);
                if all(bytes.get(label.clone())?, LONGEST_LABEL, is_word) {
                    shown.push(label.clone());
                }
                at = label.end;
            }
            _ => return None,
        }
    }
}
