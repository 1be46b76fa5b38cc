//! The bytes of a data record, however they are laid out.

use crate::event::{Data, PIECE_HEAD, flag};

/// Consecutive bytes of a call, and what was not captured behind them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run<'a> {
    /// Where in the call they start.
    pub offset: u32,
    /// What was captured; may be empty.
    pub bytes: &'a [u8],
    /// How many bytes of the call follow `bytes` that were not.
    pub missing: u32,
}

/// The runs of a record, which follow each other without a byte between; none if all that it tells of is
/// told by other records of the call.
#[must_use]
pub fn runs<'a>(data: &Data, payload: &'a [u8]) -> Runs<'a> {
    let end = (data.flags & flag::MORE == 0).then_some(data.place.length);
    let state = if data.flags & flag::SPARSE == 0 {
        State::Whole(payload)
    } else {
        State::Pieces { rest: payload, begun: false }
    };
    Runs { offset: data.offset, end, state }
}

/// See [`runs`].
#[derive(Clone, Debug)]
pub struct Runs<'a> {
    /// In the call, of the next byte.
    offset: u32,
    /// Where the call ends, if no record follows.
    end: Option<u32>,
    state: State<'a>,
}

#[derive(Clone, Debug)]
enum State<'a> {
    Whole(&'a [u8]),
    Pieces {
        rest: &'a [u8],
        /// What is missing before the first piece was told.
        begun: bool,
    },
    Done,
}

impl<'a> Iterator for Runs<'a> {
    type Item = Run<'a>;

    fn next(&mut self) -> Option<Run<'a>> {
        match self.state {
            State::Whole(bytes) => {
                self.state = State::Done;
                Some(self.run(bytes, None))
            }
            State::Pieces { rest, begun } => {
                let first = missing_before(rest);
                if !begun && first != Some(0) {
                    self.state = match first {
                        Some(_) => State::Pieces { rest, begun: true },
                        None => State::Done,
                    };
                    let run = self.run(&[], first);
                    return (run.missing > 0).then_some(run);
                }
                let [_, length] = head(rest)?;
                let behind = rest.get(PIECE_HEAD..).unwrap_or_default();
                // A record that was cut: its last piece ends with it.
                let length = (length as usize).min(behind.len());
                let (bytes, rest) = behind.split_at_checked(length)?;
                let next = missing_before(rest);
                self.state = match next {
                    Some(_) => State::Pieces { rest, begun: true },
                    None => State::Done,
                };
                Some(self.run(bytes, next))
            }
            State::Done => None,
        }
    }
}

impl<'a> Runs<'a> {
    /// The run of these bytes; `missing` behind them, or all up to the end of the call.
    fn run(&mut self, bytes: &'a [u8], missing: Option<u32>) -> Run<'a> {
        let offset = self.offset;
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let behind = offset.saturating_add(length);
        let missing =
            missing.or_else(|| Some(self.end?.saturating_sub(behind))).unwrap_or_default();
        self.offset = behind.saturating_add(missing);
        Run { offset, bytes, missing }
    }
}

fn missing_before(rest: &[u8]) -> Option<u32> {
    head(rest).map(|[missing, _]| missing)
}

/// How many bytes are missing before the next piece, and how long it is.
fn head(rest: &[u8]) -> Option<[u32; 2]> {
    let &[a, b, c, d, e, f, g, h, ..] = rest else { return None };
    Some([u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h])])
}

#[cfg(test)]
mod tests {
    use super::{Run, runs};
    use crate::event::{Data, Place, flag};

    fn data(flags: u16, offset: u32, length: u32) -> Data {
        let place = Place { length, ..Place::default() };
        Data { flags, offset, place, ..Data::default() }
    }

    fn assert_runs(data: &Data, payload: &[u8], expected: &[(u32, &[u8], u32)]) {
        let mut found = runs(data, payload);
        for &(offset, bytes, missing) in expected {
            assert_eq!(found.next(), Some(Run { offset, bytes, missing }));
        }
        assert_eq!(found.next(), None);
    }

    #[test]
    fn a_plain_record_is_one_run() {
        assert_runs(&data(0, 0, 5), b"abc", &[(0, b"abc", 2)]);
        assert_runs(&data(flag::MORE, 4, 50), b"abc", &[(4, b"abc", 0)]);
        assert_runs(&data(0, 0, 9), b"", &[(0, b"", 9)]);
    }

    #[test]
    fn pieces_are_runs_with_what_is_missing_between() {
        let two = b"\0\0\0\0\x02\0\0\0ab\x03\0\0\0\x01\0\0\0c";
        assert_runs(&data(flag::SPARSE, 0, 10), two, &[(0, b"ab", 3), (5, b"c", 4)]);
        let more = data(flag::SPARSE | flag::MORE, 20, 100);
        assert_runs(&more, two, &[(20, b"ab", 3), (25, b"c", 0)]);
        let late = b"\x07\0\0\0\x01\0\0\0c";
        assert_runs(&data(flag::SPARSE, 2, 10), late, &[(2, b"", 7), (9, b"c", 0)]);
    }

    #[test]
    fn a_sparse_record_may_be_empty() {
        assert_runs(&data(flag::SPARSE, 3, 10), b"", &[(3, b"", 7)]);
        assert_runs(&data(flag::SPARSE, 10, 10), b"", &[]);
        assert_runs(&data(flag::SPARSE | flag::MORE, 0, 10), b"", &[]);
    }

    #[test]
    fn a_sparse_record_that_lies_is_cut() {
        assert_runs(&data(flag::SPARSE, 0, 10), b"\0\0\0\0\xff\xff\xff\xffab", &[(0, b"ab", 8)]);
        assert_runs(&data(flag::SPARSE, 0, 10), b"\0\0\0\0\x01\0", &[(0, b"", 10)]);
    }
}
