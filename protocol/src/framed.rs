//! One direction of a protocol whose messages say their length up front (Kafka, AMQP).

use crate::chunk::{Chunk, Moment};
use crate::exchange::Extent;
use crate::window::Window;

/// A [`Window`] that knows where the message in hand ends.
///
/// Lengths are the peer's claim, so nothing is allocated by them: what is not of interest is
/// skipped, seen or not, and a hole inside a message costs that message's rest and no more.
#[derive(Debug, Default)]
pub(crate) struct Framed {
    window: Window,
    /// Bytes of the message in hand that were neither taken nor skipped.
    left: u64,
    open: bool,
    extent: Extent,
    /// The message's last bytes are being skipped: its last moment is that of a later chunk.
    ends_in_skip: bool,
    /// The position behind the last chunk.
    end: Option<u64>,
}

impl Framed {
    /// The bytes between the last chunk and this one, if some were lost that no chunk told of: a
    /// chunk without bytes, to be read before it.
    pub(crate) fn gap_before(&self, chunk: &Chunk<'_>) -> Option<Chunk<'static>> {
        let position = self.end?;
        let missing = chunk.first.position.checked_sub(position).filter(|gap| *gap > 0)?;
        let first = Moment { position, ..chunk.first };
        Some(Chunk { side: chunk.side, first, bytes: &[], missing, datagram: false })
    }

    /// Appends a chunk.
    pub(crate) fn push(&mut self, chunk: &Chunk<'_>) {
        self.end = Some(chunk.end_position());
        self.window.push(chunk);
    }

    /// What can be read: the message in hand, as far as it is here; between messages, everything.
    pub(crate) fn bytes(&self) -> &[u8] {
        let bytes = self.window.bytes();
        if self.open {
            let len = self.left.min(bytes.len() as u64) as usize;
            bytes.get(..len).unwrap_or_default()
        } else {
            bytes
        }
    }

    /// Whether the bytes that would come next are lost.
    pub(crate) fn is_cut(&self) -> bool {
        self.window.hole() > 0
    }

    /// Bytes of the message in hand that were neither taken nor skipped.
    pub(crate) fn left(&self) -> u64 {
        self.left
    }

    /// Takes a message of `length` bytes in hand, which starts at the front of the window.
    pub(crate) fn begin(&mut self, length: u64) {
        self.extent = Extent::at(self.window.moment(0));
        self.left = length;
        self.open = true;
        self.ends_in_skip = false;
    }

    /// Marks the next `n` bytes of the message as read.
    pub(crate) fn take(&mut self, n: usize) {
        self.skip(n as u64);
    }

    /// Ignores the next `n` bytes of the message, here, lost or yet to come.
    pub(crate) fn skip(&mut self, n: u64) {
        let n = n.min(self.left);
        if n == 0 {
            return;
        }
        self.left -= n;
        if self.left == 0 {
            if n <= self.window.len() as u64 {
                self.extent.last = self.window.moment(n as usize - 1).into();
            } else {
                self.ends_in_skip = true;
            }
        }
        self.window.skip(n);
    }

    /// Ignores what is left of the message.
    pub(crate) fn skip_rest(&mut self) {
        self.skip(self.left);
    }

    /// The message's bytes, once all of them have passed; the next message can begin then.
    pub(crate) fn finish(&mut self) -> Option<Extent> {
        if !self.open || self.left > 0 || self.window.skipping() > 0 {
            return None;
        }
        self.open = false;
        if std::mem::take(&mut self.ends_in_skip) {
            let call =
                if self.window.is_empty() { self.window.last() } else { self.window.moment(0) };
            let position = self.window.position().saturating_sub(1);
            self.extent.last = Moment { position, ..call }.into();
        }
        Some(self.extent)
    }

    /// What is known of the message in hand.
    pub(crate) fn extent(&self) -> Extent {
        self.extent
    }

    /// What it takes beyond its own size, in bytes.
    pub(crate) fn held(&self) -> usize {
        self.window.held()
    }

    /// The moment of the last byte that came, or was lost.
    pub(crate) fn last(&self) -> Moment {
        self.window.last()
    }

    /// Gives up the message in hand and all unread bytes; goes on behind a hole, if there is one.
    pub(crate) fn abandon(&mut self) {
        self.window.jump();
        self.open = false;
        self.left = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chunk::Side;

    fn chunk(position: u64, bytes: &[u8], missing: u64) -> Chunk<'_> {
        let first = Moment { position, start: position, end: position, ..Moment::default() };
        Chunk { side: Side::Client, first, bytes, missing, datagram: false }
    }

    #[test]
    fn a_message_ends_where_its_length_says_across_a_hole() {
        let mut framed = Framed::default();
        framed.push(&chunk(0, b"abcd", 6));
        framed.begin(8);
        framed.take(2);
        assert_eq!(framed.bytes(), b"cd");
        assert_eq!(framed.finish(), None);
        framed.skip_rest();
        let extent = framed.finish().expect("all eight bytes have passed");
        assert_eq!((extent.first.position, extent.last.position), (0, 7));
        assert!(framed.is_cut(), "two bytes of the next message are lost");
    }

    #[test]
    fn a_skipped_end_has_the_moment_of_the_call_that_brought_it() {
        let mut framed = Framed::default();
        framed.push(&chunk(0, b"ab", 0));
        framed.begin(6);
        framed.skip_rest();
        framed.push(&chunk(2, b"cd", 0));
        assert_eq!(framed.finish(), None);
        framed.push(&chunk(4, b"efNEXT", 0));
        let extent = framed.finish().expect("it is over");
        assert_eq!((extent.last.position, extent.last.start), (5, 4));
        assert_eq!(framed.bytes(), b"NEXT");
    }
}
