//! A connection to talk on, and the messages to say.

use super::super::dissector::Postgresql;
use crate::chunk::{Chunk, Moment, Side};
use crate::dissector::{Dissector, Ending, Handover, Output};
use crate::exchange::Exchange;

pub(super) struct Talk {
    dissector: Postgresql,
    out: Output,
    positions: [u64; 2],
    clock: u64,
}

impl Talk {
    pub(super) fn new(from_start: bool) -> Self {
        let dissector = Postgresql::new(from_start);
        Self { dissector, out: Output::default(), positions: [0; 2], clock: 0 }
    }

    pub(super) fn client(&mut self, messages: &[Vec<u8>]) {
        self.say(Side::Client, &messages.concat(), 0);
    }

    pub(super) fn server(&mut self, messages: &[Vec<u8>]) {
        self.say(Side::Server, &messages.concat(), 0);
    }

    pub(super) fn client_cut(&mut self, bytes: &[u8], missing: u64) {
        self.say(Side::Client, bytes, missing);
    }

    pub(super) fn server_cut(&mut self, messages: &[Vec<u8>], missing: u64) {
        self.say(Side::Server, &messages.concat(), missing);
    }

    pub(super) fn say(&mut self, side: Side, bytes: &[u8], missing: u64) {
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

    pub(super) fn closed(&mut self, ending: Ending) {
        let at = Moment { start: self.clock, end: self.clock, ..Moment::default() };
        self.dissector.closed(ending, at, &mut self.out);
    }

    /// Lets time pass: nanoseconds.
    pub(super) fn wait(&mut self, time: u64) {
        self.clock += time;
    }

    pub(super) fn exchanges(&self) -> &[Exchange] {
        &self.out.exchanges
    }

    pub(super) fn handover(&self) -> Option<Handover> {
        self.out.handover
    }

    pub(super) fn not_understood(&self) -> u64 {
        self.out.not_understood
    }
}

pub(super) fn msg(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut message = vec![kind];
    message.extend((body.len() as u32 + 4).to_be_bytes());
    message.extend(body);
    message
}

fn cstr(text: &str) -> Vec<u8> {
    [text.as_bytes(), b"\0"].concat()
}

pub(super) fn startup(parameters: &[(&str, &str)]) -> [Vec<u8>; 1] {
    let mut body = vec![0, 3, 0, 0];
    for (name, value) in parameters {
        body.extend(cstr(name));
        body.extend(cstr(value));
    }
    body.push(0);
    [[&(body.len() as u32 + 4).to_be_bytes()[..], &body].concat()]
}

pub(super) fn query(text: &str) -> Vec<u8> {
    msg(b'Q', &cstr(text))
}

pub(super) fn parse(name: &str, text: &str) -> Vec<u8> {
    msg(b'P', &[cstr(name), cstr(text), vec![0, 0]].concat())
}

pub(super) fn bind(portal: &str, statement: &str) -> Vec<u8> {
    msg(b'B', &[cstr(portal), cstr(statement), vec![0, 0, 0, 0, 0, 0]].concat())
}

pub(super) fn execute(portal: &str, limit: u32) -> Vec<u8> {
    msg(b'E', &[cstr(portal), limit.to_be_bytes().to_vec()].concat())
}

pub(super) fn sync() -> Vec<u8> {
    msg(b'S', b"")
}

/// So many rows of one column, as an Execute gives them.
pub(super) fn rows(count: usize) -> Vec<u8> {
    msg(b'D', &[0, 1, 0, 0, 0, 1, b'7']).repeat(count)
}

/// A description and so many rows, as a simple query gives them.
pub(super) fn table(count: usize) -> Vec<u8> {
    let description = [&[0, 1][..], b"a\0", &[0; 18]].concat();
    [msg(b'T', &description), rows(count)].concat()
}

pub(super) fn answer(tag: &str) -> Vec<u8> {
    msg(b'C', &cstr(tag))
}

pub(super) fn ready(status: u8) -> Vec<u8> {
    msg(b'Z', &[status])
}
