//! What a dissector is fed: bytes of one direction, at a known position, with what was not seen.

/// Who sent the bytes. The client is the end that opened the connection (or, where that is not
/// known, the end that detection found to be asking).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Side {
    /// Bytes from the client to the server: requests, in most protocols.
    Client,
    /// Bytes from the server to the client.
    Server,
}

impl Side {
    /// The other end.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// Who touched the bytes, and what it had read before. The pipeline's own: dissectors carry it
/// from chunks to exchanges and never look inside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Task {
    /// The process.
    pub process: u32,
    /// The thread.
    pub thread: u32,
    /// The logical task: the thread, where nothing better is known.
    pub id: u64,
    /// The last bytes that the task had received as a server.
    pub cause: Origin,
    /// The last bytes that the task had received on any connection.
    pub resumed: Origin,
    /// `cause` was inherited from the thread or process that started this one.
    pub inherited: bool,
    /// The task waits for events of many files: an event loop, perhaps.
    pub polls: bool,
    /// It has done so since it received `resumed`: the handler of those bytes has returned.
    pub waited: bool,
}

/// Bytes received earlier: a connection (by the pipeline's number, zero for none) and a position.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Origin {
    /// The connection's number; zero for none.
    pub connection: u32,
    /// How many bytes, saturated.
    pub length: u32,
    /// Position of the first byte in that connection's received stream.
    pub position: u64,
}

/// Where and when one byte passed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moment {
    /// Offset of the byte in its direction's stream. Counts from the first byte of the connection
    /// where that is known, else from an arbitrary base.
    pub position: u64,
    /// When the call that carried the byte began: nanoseconds, monotonic clock.
    pub start: u64,
    /// When that call returned: nanoseconds, monotonic clock.
    pub end: u64,
    /// Who made the call.
    pub task: Task,
}

/// The last byte of a message: where, when and by whom. A [`Moment`] without what had led to it, as
/// exchanges are moved about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tail {
    /// As in [`Moment`].
    pub position: u64,
    /// When the call that carried the byte began: nanoseconds, monotonic clock.
    pub start: u64,
    /// When that call returned: nanoseconds, monotonic clock.
    pub end: u64,
    /// The thread that made the call.
    pub thread: u32,
}

impl From<Moment> for Tail {
    fn from(moment: Moment) -> Self {
        let Moment { position, start, end, task } = moment;
        Self { position, start, end, thread: task.thread }
    }
}

/// Consecutive bytes of one direction, delivered in order within that direction.
///
/// Between the two directions the order is that of time, and only roughly: a response can be
/// delivered before the end of its request.
#[derive(Clone, Copy, Debug)]
pub struct Chunk<'a> {
    /// Who sent these bytes.
    pub side: Side,
    /// Position, times and task of the first byte.
    pub first: Moment,
    /// What was captured. May be empty, when only the length is known.
    pub bytes: &'a [u8],
    /// How many bytes follow `bytes` in the stream that were not captured (cut, or lost on the
    /// way). The next chunk of this side starts after them.
    pub missing: u64,
    /// The chunk is one whole datagram (UDP), not a part of a stream.
    pub datagram: bool,
}

impl<'a> Chunk<'a> {
    /// A chunk of a byte stream with everything captured.
    #[must_use]
    pub const fn new(side: Side, first: Moment, bytes: &'a [u8]) -> Self {
        Self { side, first, bytes, missing: 0, datagram: false }
    }

    /// The same bytes in pieces of at most `most` each. What is missing follows the last piece.
    pub fn pieces(self, most: usize) -> impl Iterator<Item = Self> {
        let mut left = Some(self);
        std::iter::from_fn(move || {
            let chunk = left.take()?;
            let (bytes, after) = chunk.bytes.split_at(chunk.bytes.len().min(most.max(1)));
            if after.is_empty() {
                return Some(chunk);
            }
            let position = chunk.first.position.saturating_add(bytes.len() as u64);
            left = Some(Self { first: Moment { position, ..chunk.first }, bytes: after, ..chunk });
            Some(Self { bytes, missing: 0, ..chunk })
        })
    }

    /// The position after the last byte of the chunk, missing bytes included.
    #[must_use]
    pub const fn end_position(&self) -> u64 {
        self.first.position.saturating_add(self.bytes.len() as u64).saturating_add(self.missing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_follow_each_other_and_the_last_has_what_is_missing() {
        let first = Moment { position: 7, ..Moment::default() };
        let chunk = Chunk { missing: 5, ..Chunk::new(Side::Client, first, b"abcdefg") };
        let seen: Vec<_> = chunk
            .pieces(3)
            .map(|piece| (piece.first.position, piece.bytes, piece.missing))
            .collect();
        assert_eq!(seen, [(7, &b"abc"[..], 0), (10, b"def", 0), (13, b"g", 5)]);
        // A length alone is told as well, and no length of a piece is none.
        let gap = Chunk { bytes: b"", ..chunk };
        assert_eq!(gap.pieces(3).map(|piece| piece.missing).collect::<Vec<_>>(), [5]);
        assert_eq!(chunk.pieces(0).count(), 7);
    }
}
