//! One direction of a connection.

use std::collections::BTreeMap;

use crate::count::Counters;

/// How many bytes may wait behind a gap, in bytes with [`PIECE_COST`] for each run of them. Beyond
/// it the gap counts as lost.
pub const MAX_BUFFERED: usize = 1 << 20;
/// What the bookkeeping of one run of waiting bytes is taken to cost, in bytes.
pub const PIECE_COST: usize = 96;
/// How many delivered bytes are kept to compare retransmissions with.
const MAX_RECENT: usize = 2048;
/// How far from the expected sequence number a segment may be (the largest window there is,
/// RFC 7323 section 2.3).
const MAX_WINDOW: u32 = 1 << 30;

/// A run of bytes that came before their turn, or that is being delivered.
#[derive(Debug)]
struct Piece {
    bytes: Vec<u8>,
    /// Bytes behind `bytes` that the capture cut off.
    missing: u64,
}

impl Piece {
    fn len(&self) -> u64 {
        self.bytes.len() as u64 + self.missing
    }

    fn cost(&self) -> usize {
        self.bytes.len() + PIECE_COST
    }
}

/// Bytes that are in order: position, what was captured, how many more were cut off or lost.
pub type Deliver<'a> = dyn FnMut(u64, &[u8], u64) + 'a;

/// How it is known where a stream starts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Origin {
    /// By the handshake: it starts with the connection's first byte.
    Handshake,
    /// By the first segment of either side, in mid-connection.
    Capture,
    /// By an empty segment, which may have been a keep-alive probe. Those have the number before: a
    /// gap before the first byte seen is no loss.
    #[default]
    Probe,
}

/// One direction of a connection.
///
/// The bytes seen first stay: what repeats them is compared, counted and dropped.
#[derive(Debug, Default)]
pub struct Stream {
    /// Sequence number of position 0; `None` until a segment tells it.
    start: Option<u32>,
    /// How the start is known.
    origin: Origin,
    /// Position of the next byte to deliver.
    next: u64,
    /// What waits behind a gap, by position: beyond `next`, without overlap.
    pieces: BTreeMap<u64, Piece>,
    buffered: usize,
    /// Position behind the last byte, once the FIN was seen.
    fin: Option<u64>,
    /// The last bytes before `next`, unbroken.
    recent: Vec<u8>,
}

impl Stream {
    /// Sets the sequence number of the first byte, unless it is known.
    pub fn start_at(&mut self, sequence: u32, origin: Origin) {
        if self.start.is_none() {
            self.start = Some(sequence);
            self.origin = origin;
        }
    }

    /// The peer expects this sequence number next, which tells a keep-alive probe.
    pub fn expected(&mut self, sequence: u32) {
        let probed = self.start == Some(sequence.wrapping_sub(1)) && self.next == 0;
        if self.origin == Origin::Probe {
            self.start = if probed { Some(sequence) } else { self.start };
            self.origin = Origin::Capture;
        }
    }

    /// Whether the stream is read from the connection's first byte.
    #[must_use]
    pub fn is_from_handshake(&self) -> bool {
        self.start.is_some() && self.origin == Origin::Handshake
    }

    /// The sequence number of the first byte.
    #[must_use]
    pub fn start(&self) -> Option<u32> {
        self.start
    }

    /// The position of the next byte to deliver.
    #[must_use]
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Bytes that wait behind a gap, with the cost of keeping them.
    #[must_use]
    pub fn buffered(&self) -> usize {
        self.buffered
    }

    /// Whether everything up to the FIN was delivered.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.fin.is_some_and(|fin| fin <= self.next)
    }

    /// The position of a sequence number, by the shortest way from the next byte to deliver. May
    /// be negative, for a retransmission from before the capture. `None` if it is too far away.
    #[must_use]
    pub fn position(&self, sequence: u32) -> Option<i64> {
        // Sequence numbers are positions modulo 2^32.
        let expected = self.start?.wrapping_add(self.next as u32);
        let ahead = sequence.wrapping_sub(expected) as i32;
        (ahead.unsigned_abs() <= MAX_WINDOW).then(|| self.next as i64 + i64::from(ahead))
    }

    /// Whether a receiver that acknowledges `sequence` has got bytes that were not delivered.
    #[must_use]
    pub fn lacks(&self, sequence: u32) -> bool {
        let fin = u64::from(self.is_done());
        self.position(sequence).is_some_and(|position| position > (self.next + fin) as i64)
    }

    /// Whether a segment holds the next byte to deliver (or the FIN that is due).
    #[must_use]
    pub fn continues(&self, sequence: u32, len: u64, fin: bool) -> bool {
        let next = self.next as i64;
        self.position(sequence).is_some_and(|position| {
            position <= next && position + len as i64 + i64::from(fin) > next
        })
    }

    /// Whether this is a keep-alive probe: the last byte once more, or no byte in its place
    /// (RFC 9293, section 3.8.4).
    #[must_use]
    pub fn is_keep_alive(&self, sequence: u32, len: u64) -> bool {
        len <= 1 && self.position(sequence).is_some_and(|position| position + 1 == self.next as i64)
    }

    /// Takes the bytes of a segment and delivers what became contiguous.
    pub fn push(
        &mut self,
        sequence: u32,
        bytes: &[u8],
        missing: u64,
        fin: bool,
        counters: &mut Counters,
        deliver: &mut Deliver<'_>,
    ) {
        let Some(position) = self.position(sequence) else {
            counters.out_of_window += 1;
            return;
        };
        let segment = View { position, bytes, len: bytes.len() as u64 + missing };
        if fin && self.fin.is_none() {
            self.fin = u64::try_from(segment.end()).ok().map(|fin| fin.max(self.next));
            self.drop_behind_fin();
        }
        let next = self.next as i64;
        if segment.position < next && segment.len > 0 {
            self.compare_with_recent(&segment, counters);
        }
        // Nothing is sent behind a FIN: who claims it lies.
        let fin = self.fin.and_then(|fin| i64::try_from(fin).ok()).unwrap_or(i64::MAX);
        counters.out_of_window += u64::from(segment.end() > fin);
        let fresh = segment.part(next, fin);
        if fresh.len == 0 {
            return;
        }
        if self.pieces.is_empty() && fresh.position == next {
            self.give(fresh.bytes, fresh.missing(), counters, deliver);
            return;
        }
        self.insert(&fresh, counters);
        self.give_pieces(counters, deliver);
        while self.buffered > MAX_BUFFERED {
            self.give_up_gap(counters, deliver);
        }
    }

    /// Takes everything before the acknowledged sequence number as sent: what is not here is lost.
    pub fn give_up_to(
        &mut self,
        sequence: u32,
        counters: &mut Counters,
        deliver: &mut Deliver<'_>,
    ) {
        let Some(position) = self.position(sequence) else { return };
        let Ok(mut end) = u64::try_from(position) else { return };
        if let Some(fin) = self.fin {
            end = end.min(fin);
        }
        while self.next < end {
            match self.pieces.first_key_value() {
                Some((&first, _)) if first <= end => self.give_up_gap(counters, deliver),
                _ => self.give(&[], end - self.next, counters, deliver),
            }
        }
    }

    /// Delivers all that waits, gaps as missing bytes.
    pub fn flush(&mut self, counters: &mut Counters, deliver: &mut Deliver<'_>) {
        while !self.pieces.is_empty() {
            self.give_up_gap(counters, deliver);
        }
        if let Some(fin) = self.fin
            && fin > self.next
        {
            self.give(&[], fin - self.next, counters, deliver);
        }
    }

    fn drop_behind_fin(&mut self) {
        let behind = self.fin.map(|fin| self.pieces.split_off(&fin)).unwrap_or_default();
        self.buffered -= behind.values().map(Piece::cost).sum::<usize>();
    }

    fn give_up_gap(&mut self, counters: &mut Counters, deliver: &mut Deliver<'_>) {
        if let Some((&first, _)) = self.pieces.first_key_value() {
            if self.next == 0 && self.origin == Origin::Probe {
                self.next = first;
            } else {
                self.give(&[], first - self.next, counters, deliver);
            }
            self.give_pieces(counters, deliver);
        }
    }

    fn give_pieces(&mut self, counters: &mut Counters, deliver: &mut Deliver<'_>) {
        while let Some(entry) = self.pieces.first_entry()
            && *entry.key() == self.next
        {
            let piece = entry.remove();
            self.buffered -= piece.cost();
            self.give(&piece.bytes, piece.missing, counters, deliver);
        }
    }

    fn give(
        &mut self,
        bytes: &[u8],
        missing: u64,
        counters: &mut Counters,
        deliver: &mut Deliver<'_>,
    ) {
        deliver(self.next, bytes, missing);
        self.next += bytes.len() as u64 + missing;
        counters.bytes += bytes.len() as u64;
        counters.missing_bytes += missing;
        if missing > 0 {
            self.recent.clear();
            return;
        }
        let tail = bytes.get(bytes.len().saturating_sub(MAX_RECENT)..).unwrap_or_default();
        let surplus = (self.recent.len() + tail.len()).saturating_sub(MAX_RECENT);
        self.recent.drain(..surplus.min(self.recent.len()));
        self.recent.extend_from_slice(tail);
    }

    fn compare_with_recent(&self, segment: &View<'_>, counters: &mut Counters) {
        let next = self.next as i64;
        counters.repeated_bytes += segment.part(segment.position, next).len;
        let kept = next - self.recent.len() as i64;
        let again = segment.part(kept, next);
        let from = usize::try_from(again.position - kept).unwrap_or(usize::MAX);
        let known = self.recent.get(from..).unwrap_or_default();
        counters.conflicting_overlaps += u64::from(!known.starts_with(again.bytes));
    }

    /// Adds what the pieces do not cover. The view starts at or behind `next`.
    fn insert(&mut self, segment: &View<'_>, counters: &mut Counters) {
        let mut at = segment.position;
        let mut conflict = false;
        while at < segment.end() {
            let before = self.pieces.range(..=at as u64).next_back();
            if let Some((&start, piece)) = before
                && (start + piece.len()) as i64 > at
            {
                let again = segment.part(at, (start + piece.len()) as i64);
                let known = piece.bytes.get((at as u64 - start) as usize..).unwrap_or_default();
                let common = known.len().min(again.bytes.len());
                conflict |= known.get(..common) != again.bytes.get(..common);
                counters.repeated_bytes += again.len;
                at = again.end();
                continue;
            }
            let after = self.pieces.range(at as u64..).next().map(|(&start, _)| start as i64);
            let fresh = segment.part(at, after.unwrap_or(i64::MAX));
            let piece = Piece { bytes: fresh.bytes.to_vec(), missing: fresh.missing() };
            self.buffered += piece.cost();
            self.pieces.insert(at as u64, piece);
            at = fresh.end();
        }
        counters.conflicting_overlaps += u64::from(conflict);
    }
}

/// A segment's bytes at their position. The last ones may be cut off.
#[derive(Clone, Copy)]
struct View<'a> {
    position: i64,
    bytes: &'a [u8],
    len: u64,
}

impl<'a> View<'a> {
    fn end(&self) -> i64 {
        self.position.saturating_add_unsigned(self.len)
    }

    fn missing(&self) -> u64 {
        self.len - self.bytes.len() as u64
    }

    /// What of it lies within two positions.
    fn part(&self, from: i64, to: i64) -> View<'a> {
        let from = from.clamp(self.position, self.end());
        let to = to.clamp(from, self.end());
        let at = |position: i64| ((position - self.position) as usize).min(self.bytes.len());
        let bytes = self.bytes.get(at(from)..at(to)).unwrap_or_default();
        View { position: from, bytes, len: (to - from) as u64 }
    }
}
