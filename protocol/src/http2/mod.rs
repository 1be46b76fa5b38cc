//! HTTP/2 (RFC 9113).
//!
//! Reading order: [`hpack`] (header compression), `frame` (what frames look like), `seek` (finding
//! them in the middle of a stream), `direction` (one side's frames in order), `streams` and
//! `stream` (what they mean), `detect`.

pub mod hpack;

mod detect;
mod direction;
mod fields;
mod frame;
mod front;
mod redact;
mod seek;
mod stream;
mod streams;

#[cfg(test)]
mod late_tests;
#[cfg(test)]
mod tests;

pub(crate) use redact::Redactor;

use std::collections::BTreeSet;

use direction::Direction;
use stream::Finish;
use streams::Streams;

use crate::chunk::{Chunk, Moment, Side};
use crate::detect::Protocol;
use crate::dissector::{Capture, Dissector, Ending, Handover, Output};
use crate::exchange::Exchange;

/// How much of each DATA frame is wanted, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fronts {
    client: u32,
    server: u32,
}

impl Default for Fronts {
    /// Most APIs behind HTTP are told from the front of the request's body. Whether one is that tells more in
    /// the response's is known by then; of a response that is not, 64 bytes hold the head of a gRPC message.
    fn default() -> Self {
        Self { client: 1024, server: 64 }
    }
}

impl Fronts {
    fn raise(&mut self, side: Side, to: usize) {
        let front = match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        };
        *front = (*front).max(u32::try_from(to).unwrap_or(u32::MAX));
    }

    const fn capture(self) -> Capture {
        Capture::Frames { client: self.client, server: self.server }
    }
}

/// HTTP/2, for detection.
pub static PROTOCOL: Protocol = Protocol {
    name: "http/2",
    detect: detect::detect,
    dissector: |from_start| Box::new(if from_start { Http2::new() } else { Http2::late() }),
    ports: &[],
};

/// Reads an HTTP/2 connection.
#[derive(Debug)]
pub struct Http2 {
    client: Direction,
    server: Direction,
    streams: Streams,
    greeted: bool,
    /// What the kernel was asked for.
    data: Fronts,
}

impl Http2 {
    /// For a connection that is read from its first byte ("prior knowledge", RFC 9113 §3.3, or
    /// chosen by TLS).
    #[must_use]
    pub fn new() -> Self {
        Self {
            client: Direction::from_start(Side::Client),
            server: Direction::from_start(Side::Server),
            streams: Streams::default(),
            greeted: false,
            data: Fronts::default(),
        }
    }

    /// For a connection that has been running, from any position in either direction.
    #[must_use]
    pub fn late() -> Self {
        Self {
            client: Direction::late(Side::Client),
            server: Direction::late(Side::Server),
            streams: Streams::partial(),
            greeted: false,
            data: Fronts::default(),
        }
    }

    /// For what follows an HTTP/1 upgrade ([`Handover::Http2`]). Stream 1 carries the response to
    /// `request`, the exchange that HTTP/1 gave for the upgrade; without it that response is
    /// ignored.
    #[must_use]
    pub fn upgraded(request: Option<&Exchange>) -> Self {
        let mut it = Self::new();
        it.streams.upgrade(request);
        it
    }

    fn give(&mut self, out: &mut Output) {
        out.exchanges.append(&mut self.streams.exchanges);
        out.not_understood += std::mem::take(&mut self.streams.not_understood);
        out.lost += std::mem::take(&mut self.streams.lost);
    }
}

impl Default for Http2 {
    fn default() -> Self {
        Self::new()
    }
}

impl Dissector for Http2 {
    fn feed(&mut self, chunk: &Chunk<'_>, out: &mut Output) {
        if !self.greeted {
            self.greeted = true;
            // Every frame header must be seen, wherever it is in a turn.
            out.capture = Some(self.data.capture());
        }
        let direction = match chunk.side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        };
        let lingering = match chunk.side {
            Side::Client => self.streams.take_lingering(),
            Side::Server => BTreeSet::new(),
        };
        direction.feed(chunk, &mut self.streams);
        self.streams.end_lingering(lingering, chunk.first);
        self.streams.give_up_stale(chunk.first);
        let refuted = direction.is_refuted() || direction.is_hopeless();
        if self.data != self.streams.data {
            self.data = self.streams.data;
            out.capture = Some(self.data.capture());
        }
        self.give(out);
        if refuted {
            out.handover = Some(Handover::NotMine);
        }
    }

    /// A connection half-closed by its client still brings responses; by its server, none.
    fn half_closed(&mut self, _side: Side, _at: Moment, _out: &mut Output) {}

    fn held(&self) -> usize {
        self.client.held() + self.server.held() + self.streams.held()
    }

    fn closed(&mut self, ending: Ending, at: Moment, out: &mut Output) {
        // Responses may be among what was not read.
        if let Some(time) = self.server.unread() {
            self.streams.doubt(time);
        }
        self.streams.close(Finish::Closed(ending), at);
        self.give(out);
    }

    fn open_request(&self, position: u64) -> Option<Moment> {
        self.streams.open_request(position)
    }
}
