//! The contract between the pipeline and a protocol.

use std::net::IpAddr;

use crate::chunk::{Chunk, Moment, Side};
use crate::exchange::Exchange;

/// Reads one connection. One value per connection, made when detection has decided.
///
/// An implementation must: find its footing when it starts in the middle, live with cut payloads
/// and holes, pair by what its protocol pairs by, say [`Handover::NotMine`] as soon as it knows
/// that it was chosen wrongly, and never panic, never allocate without bound, never loop without
/// progress, whatever the bytes.
pub trait Dissector: Send {
    /// Takes the next chunk and puts what became known into `out`.
    fn feed(&mut self, chunk: &Chunk<'_>, out: &mut Output);

    /// One direction ended in order (FIN, or a read of zero bytes): `side` sends nothing more.
    fn half_closed(&mut self, side: Side, at: Moment, out: &mut Output);

    /// The connection is over. Whatever is still open must be given out, as
    /// [`Outcome::Aborted`](crate::Outcome::Aborted) unless its end is known
    /// (a close-delimited body is complete).
    fn closed(&mut self, ending: Ending, at: Moment, out: &mut Output);

    /// Whether something is held back only for what the next turn might bring (a response whose
    /// end was not captured, a pair that is not certain yet), so that [`idle`](Self::idle) may give
    /// it out.
    fn waits(&self) -> bool {
        false
    }

    /// Time passes; `now` is in nanoseconds of the clock of [`Moment`]s. Gives out what has been
    /// held back for long enough. To be called every 100 ms or so while it [waits](Self::waits);
    /// harmless at any time.
    fn idle(&mut self, _now: u64, _out: &mut Output) {}

    /// About how many bytes it holds beyond its own size: unread bytes, requests that wait for answers, names
    /// and texts that it remembers. May look at all of them: it is asked seldom, and for the sake of a limit on all
    /// connections together.
    fn held(&self) -> usize;

    /// The request that is still open and covers this position of the asker's stream, for links
    /// that have to be decided before the exchange is complete. `None` if there is none, or the
    /// protocol does not keep it.
    fn open_request(&self, _position: u64) -> Option<Moment> {
        None
    }
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// In order.
    Closed,
    /// By a reset.
    Reset,
    /// The agent stopped, or forgot the connection: nothing is known about its end.
    Forgotten,
}

/// What a dissector says after a chunk.
#[derive(Debug, Default)]
pub struct Output {
    /// Exchanges that are over.
    pub exchanges: Vec<Exchange>,
    /// The connection belongs to somebody else from here on.
    pub handover: Option<Handover>,
    /// The dissector wants another capture policy.
    pub capture: Option<Capture>,
    /// Who opened the connection to the proxy that passes it on, as the proxy says.
    pub client: Option<IpAddr>,
    /// Messages, bytes or states that were not understood, since the last call; never silent.
    pub not_understood: u64,
    /// Messages whose ends were lost in holes, since the last call.
    pub lost: u64,
}

/// Who reads the connection next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handover {
    /// The dissector was chosen wrongly: detect again, and count the demotion.
    NotMine,
    /// The protocol ended in order and another one starts, at these positions of the two streams
    /// (CONNECT, an accepted TLS request): detect again from there.
    Detect {
        /// Where the client's new stream starts.
        client: u64,
        /// Where the server's new stream starts.
        server: u64,
    },
    /// HTTP/2 starts at these positions (h2c upgrade); stream 1 was already asked for by HTTP/1.
    Http2 {
        /// Where the client's new stream (its preface) starts.
        client: u64,
        /// Where the server's new stream starts.
        server: u64,
    },
    /// Nothing further can be understood (WebSocket frames, an encrypted or compressed stream).
    Opaque(&'static str),
}

/// How much of the payload the kernel should copy. A turn ends when the direction changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Capture {
    /// The first bytes of each turn, by direction.
    Heads {
        /// Of the client's turns, in bytes.
        client: u32,
        /// Of the server's turns, in bytes.
        server: u32,
    },
    /// Every byte of each call up to the kernel's cap a call.
    Full,
    /// HTTP/2: every byte but what is in DATA frames behind the front of each, up to the kernel's cap a
    /// call; where the kernel cannot follow frames, the same as [`Full`](Self::Full).
    Frames {
        /// Of each DATA frame of the client, in bytes.
        client: u32,
        /// Of each DATA frame of the server, in bytes.
        server: u32,
    },
    /// Lengths and times only.
    Lengths,
    /// Nothing at all.
    Mute,
}
