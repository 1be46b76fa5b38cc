//! A connection for the tests of both databases to talk on.

use std::fmt;

use crate::chunk::{Chunk, Moment, Side};
use crate::dissector::{Dissector, Ending, Handover, Output};
use crate::exchange::Exchange;

/// Turns, one call each, of five nanoseconds and ten apart.
pub(crate) struct Talk {
    dissector: Box<dyn Dissector>,
    out: Output,
    positions: [u64; 2],
    clock: u64,
}

impl fmt::Debug for Talk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.out)
    }
}

impl Talk {
    pub(crate) fn new(dissector: impl Dissector + 'static) -> Self {
        let (dissector, out) = (Box::new(dissector), Output::default());
        Self { dissector, out, positions: [0; 2], clock: 0 }
    }

    pub(crate) fn client(&mut self, messages: &[Vec<u8>]) {
        self.say(Side::Client, &messages.concat(), 0);
    }

    pub(crate) fn server(&mut self, messages: &[Vec<u8>]) {
        self.say(Side::Server, &messages.concat(), 0);
    }

    /// The client says this, and so much more that is not captured.
    pub(crate) fn client_cut(&mut self, bytes: &[u8], missing: u64) {
        self.say(Side::Client, bytes, missing);
    }

    /// The server says this, and so much more that is not captured.
    pub(crate) fn server_cut(&mut self, bytes: &[u8], missing: u64) {
        self.say(Side::Server, bytes, missing);
    }

    pub(crate) fn say(&mut self, side: Side, bytes: &[u8], missing: u64) {
        self.clock += 10;
        let position = &mut self.positions[side as usize];
        let first = Moment {
            position: *position,
            start: self.clock,
            end: self.clock + 5,
            ..Moment::default()
        };
        *position += bytes.len() as u64 + missing;
        let chunk = Chunk { side, first, bytes, missing, datagram: false };
        self.dissector.feed(&chunk, &mut self.out);
    }

    pub(crate) fn closed(&mut self, ending: Ending) {
        let at = Moment { start: self.clock, end: self.clock, ..Moment::default() };
        self.dissector.closed(ending, at, &mut self.out);
    }

    /// Lets time pass: nanoseconds.
    pub(crate) fn wait(&mut self, time: u64) {
        self.clock += time;
    }

    pub(crate) fn exchanges(&self) -> &[Exchange] {
        &self.out.exchanges
    }

    pub(crate) fn handover(&self) -> Option<Handover> {
        self.out.handover
    }

    pub(crate) fn not_understood(&self) -> u64 {
        self.out.not_understood
    }

    pub(crate) fn lost(&self) -> u64 {
        self.out.lost
    }
}
