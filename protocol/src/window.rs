//! A dissector's view of one direction: the bytes that have not been understood yet.

use std::collections::VecDeque;

use crate::chunk::{Chunk, Moment};

/// The default limit of a [`Window`]: the longest message head that can be read, in bytes.
pub const DEFAULT_LIMIT: usize = 80 * 1024;

/// A buffer that has been read to its end is kept for the next bytes up to this size, in bytes: connections
/// are many, and idle for long after one long message.
const KEPT_EMPTY: usize = 16 * 1024;

/// Unread bytes of one direction, contiguous, with the position and time of each.
///
/// The protocol of use, per fed chunk:
///
/// 1. [`push`](Self::push) the chunk. What is already promised to [`skip`](Self::skip) is eaten,
///    captured or not, so a body needs no buffering.
/// 2. Read [`bytes`](Self::bytes) from the front and [`consume`](Self::consume) or
///    [`skip`](Self::skip) what was understood, until no further message is complete.
/// 3. If [`hole`](Self::hole) is then above zero, the bytes that would come next are lost. What is
///    in the window can never be completed: finish or abandon the message in hand and call
///    [`jump`](Self::jump), which leaves the window empty, at the position behind the hole.
///
/// A hole is only ever at the end of the window, so a dissector that handles it after each push
/// never meets one in the middle.
#[derive(Debug)]
pub struct Window {
    /// Bytes up to `start` are consumed; they are dropped in bulk.
    buffer: Vec<u8>,
    start: usize,
    /// Stream position of `buffer[start]`.
    position: u64,
    /// Bytes still to be ignored before the next byte of interest.
    to_skip: u64,
    hole: u64,
    limit: usize,
    overflowed: bool,
    marks: VecDeque<Moment>,
    last: Moment,
}

impl Default for Window {
    fn default() -> Self {
        Self::new(DEFAULT_LIMIT)
    }
}

impl Window {
    /// An empty window that holds up to `limit` unread bytes. What comes beyond is a hole.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            buffer: Vec::new(),
            start: 0,
            position: 0,
            to_skip: 0,
            hole: 0,
            limit,
            overflowed: false,
            marks: VecDeque::new(),
            last: Moment::default(),
        }
    }

    /// Appends a chunk; call with the window's earlier hole already handled (else the window jumps
    /// by itself). Chunks follow each other: bytes lost between two belong to the
    /// [`missing`](Chunk::missing) of the first. Where a chunk skips positions all the same, what
    /// is unread is given up rather than joined to bytes that do not follow it.
    pub fn push(&mut self, chunk: &Chunk<'_>) {
        if self.hole > 0 {
            self.jump();
        }
        let end = self.position.saturating_add(self.len() as u64);
        let gap = chunk.first.position.saturating_sub(end);
        if gap > 0 && self.to_skip > 0 {
            self.to_skip = self.to_skip.saturating_sub(gap);
            self.position = chunk.first.position;
        } else if gap > 0 {
            self.jump();
        }
        if self.is_empty() && self.to_skip == 0 {
            self.position = chunk.first.position;
            self.buffer.clear();
            self.start = 0;
            self.marks.clear();
        }
        self.last = chunk.first;
        self.last.position = chunk.end_position().saturating_sub(1);

        let mut bytes = chunk.bytes;
        let mut first = chunk.first;
        let mut missing = chunk.missing;
        if self.to_skip > 0 {
            let eaten = self.to_skip.min(bytes.len() as u64);
            bytes = bytes.get(eaten as usize..).unwrap_or_default();
            first.position = first.position.saturating_add(eaten);
            self.position = first.position;
            self.to_skip -= eaten;
            if bytes.is_empty() {
                let eaten = self.to_skip.min(missing);
                missing -= eaten;
                self.to_skip -= eaten;
                self.position = self.position.saturating_add(eaten);
            }
        }
        if !bytes.is_empty() {
            let room = self.limit.saturating_sub(self.len());
            if bytes.len() > room {
                missing = missing.saturating_add((bytes.len() - room) as u64);
                bytes = &bytes[..room];
                self.overflowed = true;
            }
            if !bytes.is_empty() {
                if self.start > 0 && self.start >= self.buffer.len() / 2 {
                    self.buffer.drain(..self.start);
                    self.start = 0;
                }
                self.buffer.extend_from_slice(bytes);
                self.marks.push_back(first);
            }
        }
        self.hole = missing;
    }

    /// The unread bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.buffer.get(self.start..).unwrap_or_default()
    }

    /// How many bytes are unread.
    #[must_use]
    pub fn len(&self) -> usize {
        self.buffer.len() - self.start
    }

    /// Whether no byte is unread.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many bytes are lost behind the unread ones; zero if the stream goes on unbroken.
    #[must_use]
    pub fn hole(&self) -> u64 {
        self.hole
    }

    /// Whether bytes were given up because the window's limit was reached, since last asked.
    pub fn take_overflowed(&mut self) -> bool {
        std::mem::take(&mut self.overflowed)
    }

    /// How many bytes are promised to [`skip`](Self::skip) and have not come yet.
    #[must_use]
    pub fn skipping(&self) -> u64 {
        self.to_skip
    }

    /// The stream position of the first unread byte (or, while skipping, of the next to come).
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Marks the first `n` unread bytes (at most all of them) as understood.
    pub fn consume(&mut self, n: usize) {
        let n = n.min(self.len());
        self.start += n;
        self.position = self.position.saturating_add(n as u64);
        while self.marks.len() > 1 && self.marks[1].position <= self.position {
            self.marks.pop_front();
        }
        if self.start == self.buffer.len() {
            self.empty();
        }
    }

    /// Ignores the next `n` bytes of the stream, whether they are here, lost, or yet to come.
    /// Nothing is allocated, so `n` may be any length that the peer claims.
    pub fn skip(&mut self, n: u64) {
        let here = n.min(self.len() as u64);
        self.consume(here as usize);
        let mut rest = n - here;
        let lost = rest.min(self.hole);
        self.hole -= lost;
        self.position = self.position.saturating_add(lost);
        rest -= lost;
        self.to_skip = self.to_skip.saturating_add(rest);
    }

    /// Gives up what is unread and moves behind the hole.
    pub fn jump(&mut self) {
        self.position = self.position.saturating_add(self.len() as u64).saturating_add(self.hole);
        self.empty();
        self.hole = 0;
        self.to_skip = 0;
        self.marks.clear();
    }

    fn empty(&mut self) {
        self.buffer.clear();
        self.buffer.shrink_to(KEPT_EMPTY);
        self.start = 0;
    }

    /// What it takes beyond its own size, in bytes.
    #[must_use]
    pub fn held(&self) -> usize {
        self.buffer.capacity() + self.marks.capacity() * size_of::<Moment>()
    }

    /// Forgets all that is unread, promised or lost: the next chunk starts afresh.
    pub fn clear(&mut self) {
        self.jump();
    }

    /// Position, time and task of the unread byte at `offset` from the front. Beyond the end, and
    /// for skipped bytes, those of the call that came last.
    #[must_use]
    pub fn moment(&self, offset: usize) -> Moment {
        let position = self.position.saturating_add(offset as u64);
        // Nearly always one call has carried all that is here.
        let call = match self.marks.back() {
            Some(mark) if mark.position <= position => mark,
            _ => {
                let before = |mark: &&Moment| mark.position <= position;
                self.marks.iter().rev().find(before).unwrap_or(&self.last)
            }
        };
        Moment { position, ..*call }
    }

    /// The moment of the last byte that was pushed, captured or not.
    #[must_use]
    pub fn last(&self) -> Moment {
        self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chunk::Side;

    fn chunk(position: u64, bytes: &[u8], missing: u64) -> Chunk<'_> {
        let first = Moment { position, start: position, end: position + 1, ..Moment::default() };
        Chunk { side: Side::Client, first, bytes, missing, datagram: false }
    }

    #[test]
    fn a_skip_eats_what_is_here_what_is_lost_and_what_comes() {
        let mut window = Window::new(100);
        window.push(&chunk(10, b"headBODY", 4));
        window.consume(4);
        window.skip(12);
        assert_eq!((window.len(), window.hole(), window.skipping()), (0, 0, 4));
        window.push(&chunk(22, b"rest", 0));
        window.push(&chunk(26, b"next", 0));
        assert_eq!((window.bytes(), window.position()), (&b"next"[..], 26));
    }

    #[test]
    fn a_hole_ends_the_window_until_it_is_jumped() {
        let mut window = Window::new(100);
        window.push(&chunk(0, b"cut", 7));
        assert_eq!((window.bytes(), window.hole()), (&b"cut"[..], 7));
        window.jump();
        window.push(&chunk(10, b"on", 0));
        assert_eq!((window.bytes(), window.position(), window.hole()), (&b"on"[..], 10, 0));
    }

    #[test]
    fn bytes_that_do_not_follow_are_not_joined() {
        let mut window = Window::new(100);
        window.push(&chunk(0, b"half a mess", 0));
        window.push(&chunk(20, b"GET /", 0));
        assert_eq!((window.bytes(), window.position(), window.hole()), (&b"GET /"[..], 20, 0));
        window.skip(14);
        window.push(&chunk(30, b"bodyNEXT", 0));
        assert_eq!((window.bytes(), window.position()), (&b"NEXT"[..], 34));
    }

    #[test]
    fn the_limit_turns_a_surplus_into_a_hole() {
        let mut window = Window::new(4);
        window.push(&chunk(0, b"abcdef", 0));
        assert_eq!((window.bytes(), window.hole()), (&b"abcd"[..], 2));
        assert!(window.take_overflowed());
    }

    #[test]
    fn moments_name_the_call_that_carried_the_byte() {
        let mut window = Window::new(100);
        window.push(&chunk(100, b"abc", 0));
        window.push(&chunk(103, b"def", 0));
        assert_eq!(window.moment(2).start, 100);
        assert_eq!(window.moment(3).start, 103);
        assert_eq!(window.moment(5).position, 105);
        window.consume(4);
        assert_eq!(window.moment(0).start, 103);
    }

    #[test]
    fn a_skip_that_ends_inside_missing_bytes_leaves_the_rest_as_a_hole() {
        let mut window = Window::new(100);
        window.push(&chunk(0, b"h", 0));
        window.consume(1);
        window.skip(5);
        window.push(&chunk(1, b"", 8));
        assert_eq!((window.hole(), window.skipping(), window.position()), (3, 0, 6));
    }
}
