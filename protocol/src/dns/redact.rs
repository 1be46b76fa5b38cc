//! What may leave of DNS: messages without the names of anybody's own, and without records' texts.

use std::ops::Range;

use super::code::RecordType;
use super::detect;
use super::message::HEADER_LENGTH;
use crate::redact::{Kept, Way, all};

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

/// Both directions of a connection, where each message follows its length (RFC 1035 §4.2.2).
#[derive(Debug, Default)]
pub(crate) struct Redactor {
    /// By [`Way::index`].
    states: [State; 2],
}

/// Where one direction is.
#[derive(Clone, Copy, Debug, Default)]
enum State {
    /// Not known: a call that begins with a whole message may follow.
    #[default]
    Lost,
    /// Not known, but the other direction is that of messages: a call of two bytes is a length.
    Expected,
    /// A length comes.
    Length,
    /// A message of so many bytes comes, whose length was read by itself.
    Message(u64),
    /// So many bytes are left of a message that was cut.
    Within(u64),
}

impl Redactor {
    /// Whether a length and the whole message that it is of begin here.
    pub(crate) fn recognises(bytes: &[u8]) -> bool {
        let Some((length, rest)) = bytes.split_first_chunk::<2>() else { return false };
        let Some(whole) = rest.get(..u16::from_be_bytes(*length).into()) else { return false };
        is_whole(whole)
    }

    /// Shows what may be shown of the next bytes; true, as a connection is never given up.
    pub(crate) fn run(&mut self, way: Way, begins: bool, kept: &mut Kept<'_>) -> bool {
        if begins && matches!(self.states[way.index()], State::Lost | State::Expected) {
            let is_length = kept.bytes.len() == 2;
            if Self::recognises(kept.bytes) {
                for state in self.states.iter_mut().filter(|state| matches!(state, State::Lost)) {
                    *state = State::Expected;
                }
                self.states[way.index()] = State::Length;
            } else if is_length && matches!(self.states[way.index()], State::Expected) {
                self.states[way.index()] = State::Length;
            }
        }
        let state = &mut self.states[way.index()];
        let mut at = 0;
        while at < kept.bytes.len() {
            let here = (kept.bytes.len() - at) as u64;
            match *state {
                State::Lost | State::Expected => break,
                State::Message(length) if length <= here => {
                    let end = at + length as usize;
                    if !is_whole(kept.bytes.get(at..end).unwrap_or_default()) {
                        *state = State::Lost;
                        break;
                    }
                    kept.part(at..end).iter_mut().for_each(keep);
                    *state = State::Length;
                    at = end;
                }
                State::Message(length) => *state = State::Within(length),
                State::Within(left) if left > here => {
                    *state = State::Within(left - here);
                    break;
                }
                State::Within(left) => {
                    *state = State::Length;
                    at += left as usize;
                }
                State::Length => {
                    let Some((length, _)) = kept.from(at).split_first_chunk::<2>() else {
                        *state = State::Lost;
                        break;
                    };
                    let length = usize::from(u16::from_be_bytes(*length));
                    let start = at + 2;
                    if kept.bytes.len() == start {
                        *state = State::Message(length as u64);
                        at = start;
                    } else if kept.bytes.len() < start + length {
                        *state = State::Within(length as u64);
                        at = start;
                    } else if Self::recognises(kept.from(at)) {
                        kept.part(start..start + length).iter_mut().for_each(keep);
                        at = start + length;
                    } else {
                        *state = State::Lost;
                        break;
                    }
                    kept.keep(start - 2..start);
                }
            }
        }
        true
    }

    /// Bytes that are not known went by.
    pub(crate) fn skip(&mut self, way: Way, length: u64) {
        let state = &mut self.states[way.index()];
        *state = match *state {
            state if length == 0 => state,
            State::Message(left) | State::Within(left) if length < left => {
                State::Within(left - length)
            }
            State::Message(left) | State::Within(left) if length == left => State::Length,
            _ => State::Lost,
        };
    }
}

/// Whether bytes are a message from the first to the last.
fn is_whole(bytes: &[u8]) -> bool {
    detect::is_message(bytes) && message(bytes, &mut Vec::new()) == Some(bytes.len())
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
