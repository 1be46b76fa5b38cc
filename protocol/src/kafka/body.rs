//! Reading a message field by field, as its bytes come.

use super::known::Known;
use super::wire::{Cursor, Read, Stop};
use crate::framed::Framed;

/// The longest field, or run of fields that are read at once, in bytes. A longer one ends the
/// reading of its message.
const ITEM_LIMIT: usize = 64 * 1024;

/// What a step of reading a message came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Some fields were read.
    Next,
    /// Some fields were read, and so many bytes behind them are of no interest.
    Skip(u64),
    /// Some fields were read, and nothing behind them is of interest.
    Rest,
    /// The message is over.
    Done,
}

/// A message in the course of being read: a state machine whose steps read a few fields each, so
/// that no more than these have to be in memory.
pub(super) trait Body {
    /// Reads the next fields. After an error, nothing may have changed.
    fn step(&mut self, fields: &mut Cursor<'_>, known: &mut Known) -> Read<Step>;

    /// The bytes of the next fields are lost. Says how many bytes lie before the place from which
    /// reading can go on; `None` if there is no such place.
    fn cut(&mut self) -> Option<u64> {
        None
    }
}

/// How far a message was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// More bytes are needed.
    Waiting,
    /// To its end.
    Whole,
    /// A part of it was lost, or too long.
    Partial,
    /// It is not what its header says.
    Malformed,
}

/// Reads as much of a message as is here. On any answer but `Waiting`, `framed` is told to skip
/// what is left of the message.
pub(super) fn read(body: &mut impl Body, framed: &mut Framed, known: &mut Known) -> Progress {
    loop {
        let bytes = framed.bytes();
        let here = bytes.len();
        let all_here = here as u64 == framed.left();
        let mut fields = Cursor::new(bytes);
        let end = loop {
            let mut attempt = fields;
            match body.step(&mut attempt, known) {
                Ok(Step::Next) => fields = attempt,
                Ok(Step::Skip(n)) => {
                    fields = attempt;
                    match fields.pass(n) {
                        0 => {}
                        rest => break Ok(Step::Skip(rest)),
                    }
                }
                Ok(step) => {
                    fields = attempt;
                    break Ok(step);
                }
                Err(stop) => break Err(stop),
            }
        };
        let taken = fields.taken();
        framed.take(taken);
        let progress = match end {
            Ok(Step::Skip(n)) if n > framed.left() => Progress::Malformed,
            Ok(Step::Skip(n)) => {
                framed.skip(n);
                continue;
            }
            Ok(Step::Rest) => Progress::Whole,
            Ok(_) if framed.left() == 0 => Progress::Whole,
            Ok(_) | Err(Stop::Bad) => Progress::Malformed,
            Err(Stop::More) if all_here => Progress::Malformed,
            Err(Stop::More) if framed.is_cut() || here - taken > ITEM_LIMIT => match body.cut() {
                Some(n @ 1..) if n <= framed.left() => {
                    framed.skip(n);
                    continue;
                }
                _ => Progress::Partial,
            },
            Err(Stop::More) => return Progress::Waiting,
        };
        framed.skip_rest();
        return progress;
    }
}
