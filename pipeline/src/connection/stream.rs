//! One direction of a connection: from records that may be late, doubled or missing to chunks in
//! order.

use std::collections::VecDeque;

use onlooker_protocol::Chunk;

use super::kept::Kept;

/// Records held back while an earlier one may still come, at most.
const MOST_HELD: usize = 16;
/// Bytes held back, at most.
const MOST_HELD_BYTES: usize = 256 * 1024;

/// What became of a record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ordering {
    /// Bytes that were never reported.
    pub(crate) gap: u64,
    /// Bytes that had been passed already.
    pub(crate) late: u64,
}

/// Orders the records of one direction by position.
#[derive(Debug, Default)]
pub(crate) struct Stream {
    /// Position of the next byte to pass on; `None` before the first.
    next: Option<u64>,
    held: VecDeque<Kept>,
    held_bytes: usize,
}

/// The full position of a 32-bit one: the nearest to another.
pub(crate) fn unwrap_near(low: u32, near: u64) -> u64 {
    let ahead = low.wrapping_sub(near as u32).cast_signed();
    near.checked_add_signed(i64::from(ahead)).unwrap_or(u64::from(low))
}

impl Stream {
    /// Position of the next byte; zero before the first.
    pub(crate) fn next(&self) -> u64 {
        self.next.unwrap_or(0)
    }

    /// Whether nothing has passed yet.
    pub(crate) fn is_fresh(&self) -> bool {
        self.next.is_none()
    }

    /// Expects the very first byte: if it does not come, that is a gap.
    pub(crate) fn begin(&mut self) {
        self.next.get_or_insert(0);
    }

    /// Whether records wait for an earlier one.
    pub(crate) fn holds(&self) -> bool {
        !self.held.is_empty()
    }

    /// The full position of a 32-bit one: the nearest to what is expected next.
    pub(crate) fn unwrap(&self, low: u32) -> u64 {
        self.next.map_or(u64::from(low), |next| unwrap_near(low, next))
    }

    /// Takes bytes in; what is in order comes out through `pass`.
    pub(crate) fn push(&mut self, chunk: Chunk<'_>, pass: &mut impl FnMut(Chunk<'_>)) -> Ordering {
        let mut ordering = Ordering::default();
        let next = *self.next.get_or_insert(chunk.first.position);
        if chunk.first.position > next {
            self.hold(&chunk);
            if self.held.len() > MOST_HELD || self.held_bytes > MOST_HELD_BYTES {
                ordering = self.release(pass);
            }
            return ordering;
        }
        ordering.late = ordering.late.saturating_add(self.pass_on(chunk, pass));
        while self.held.front().is_some_and(|held| held.first.position <= self.next()) {
            ordering.late = ordering.late.saturating_add(self.pass_held(pass));
        }
        ordering
    }

    /// Gives up waiting: everything held passes, gaps and all.
    pub(crate) fn release(&mut self, pass: &mut impl FnMut(Chunk<'_>)) -> Ordering {
        let mut ordering = Ordering::default();
        while let Some(held) = self.held.front() {
            let next = self.next();
            if held.first.position > next {
                let gap = held.first.position - next;
                ordering.gap += gap;
                let mut hole = Chunk { bytes: &[], missing: gap, ..held.chunk() };
                hole.first.position = next;
                pass(hole);
                self.next = Some(next + gap);
            }
            ordering.late = ordering.late.saturating_add(self.pass_held(pass));
        }
        ordering
    }

    fn pass_held(&mut self, pass: &mut impl FnMut(Chunk<'_>)) -> u64 {
        let Some(held) = self.held.pop_front() else { return 0 };
        self.held_bytes -= held.bytes.len();
        self.pass_on(held.chunk(), pass)
    }

    /// Passes what is not older than the next position; gives how many bytes were.
    fn pass_on(&mut self, mut chunk: Chunk<'_>, pass: &mut impl FnMut(Chunk<'_>)) -> u64 {
        let next = self.next();
        let length = (chunk.bytes.len() as u64).saturating_add(chunk.missing);
        let late = next.saturating_sub(chunk.first.position).min(length);
        if late > 0 {
            let cut = late.min(chunk.bytes.len() as u64);
            chunk.bytes = chunk.bytes.get(cut as usize..).unwrap_or_default();
            chunk.missing = chunk.missing.saturating_sub(late - cut);
            chunk.first.position = next;
        }
        if late < length {
            self.next = Some(next.saturating_add(length - late));
            pass(chunk);
        }
        late
    }

    fn hold(&mut self, chunk: &Chunk<'_>) {
        let at = self.held.partition_point(|held| held.first.position <= chunk.first.position);
        self.held_bytes += chunk.bytes.len();
        self.held.insert(at, Kept::from(chunk));
    }
}

#[cfg(test)]
mod tests {
    use onlooker_protocol::{Moment, Side};

    use super::*;

    fn chunk(position: u64, bytes: &[u8]) -> Chunk<'_> {
        Chunk::new(Side::Client, Moment { position, ..Moment::default() }, bytes)
    }

    fn collect(chunks: &[(u64, &[u8])]) -> (Vec<u8>, Ordering) {
        let mut stream = Stream::default();
        let mut seen = Vec::new();
        let mut total = Ordering::default();
        let mut pass = |chunk: Chunk<'_>| {
            seen.extend_from_slice(chunk.bytes);
            seen.extend(std::iter::repeat_n(b'?', chunk.missing as usize));
        };
        for &(position, bytes) in chunks {
            let now = stream.push(chunk(position, bytes), &mut pass);
            total.gap += now.gap;
            total.late += now.late;
        }
        let now = stream.release(&mut pass);
        total.gap += now.gap;
        total.late += now.late;
        (seen, total)
    }

    #[test]
    fn records_that_overtook_each_other_come_out_in_order() {
        let (seen, ordering) = collect(&[(0, b"ab"), (4, b"ef"), (2, b"cd"), (6, b"gh")]);
        assert_eq!((&seen[..], ordering), (&b"abcdefgh"[..], Ordering::default()));
    }

    #[test]
    fn a_record_that_never_comes_is_a_gap_of_its_length() {
        let (seen, ordering) = collect(&[(0, b"ab"), (5, b"f")]);
        assert_eq!((&seen[..], ordering.gap), (&b"ab???f"[..], 3));
    }

    #[test]
    fn a_first_byte_that_is_expected_and_never_comes_is_a_gap() {
        let mut stream = Stream::default();
        stream.begin();
        let mut passed = Vec::new();
        let mut pass = |chunk: Chunk<'_>| passed.push((chunk.first.position, chunk.missing));
        stream.push(chunk(3, b"d"), &mut pass);
        assert!(stream.holds());
        assert_eq!(stream.release(&mut pass).gap, 3);
        assert_eq!(passed, [(0, 3), (3, 0)]);
    }

    #[test]
    fn bytes_seen_twice_pass_once() {
        let (seen, ordering) = collect(&[(0, b"abcd"), (2, b"cdef")]);
        assert_eq!((&seen[..], ordering.late), (&b"abcdef"[..], 2));
    }

    #[test]
    fn bytes_seen_twice_are_counted_once_each() {
        let (seen, ordering) = collect(&[(0, b"abcdef"), (2, b"cdefg")]);
        assert_eq!((&seen[..], ordering.late), (&b"abcdefg"[..], 4));
        // All of it is old, and it ended long ago.
        let (seen, ordering) = collect(&[(0, b"abcdef"), (1, b"bc")]);
        assert_eq!((&seen[..], ordering.late), (&b"abcdef"[..], 2));
    }

    #[test]
    fn positions_go_on_beyond_32_bits() {
        let mut stream = Stream::default();
        stream.push(chunk(u64::from(u32::MAX) - 1, b"ab"), &mut |_| {});
        assert_eq!(stream.unwrap(0), 1 << 32);
        assert_eq!(stream.unwrap(u32::MAX), u64::from(u32::MAX));
    }
}
