//! Calls of both sides in `.conversation` files (HTTP/2; see `data/http2/README.md`).

use std::fmt::Write as _;

use super::data;
use onlooker_protocol::dissector::Handover;
use onlooker_protocol::{
    Chunk, Dissector, Ending, Exchange, Facts, Moment, Outcome, Output, Side, Task,
};

/// The text of a file below `tests/data`.
pub fn read(path: &str) -> String {
    let path = data(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// One call's bytes.
#[derive(Clone, Debug)]
pub struct Piece {
    pub side: Side,
    pub position: u64,
    /// Microseconds since the conversation began.
    pub time: u64,
    pub bytes: Vec<u8>,
    pub missing: u64,
}

/// Pieces in the order of time.
#[derive(Clone, Debug, Default)]
pub struct Conversation(pub Vec<Piece>);

impl Conversation {
    /// Reads lines of a side (`C` or `S`), microseconds, and bytes in hex.
    pub fn load(path: &str) -> Self {
        let mut it = Self::default();
        for line in read(path).lines() {
            let mut words = line.split(' ');
            let [side, time, hex] = std::array::from_fn(|_| words.next().expect("three words"));
            let time = time.parse().expect("a number");
            let side = if side == "C" { Side::Client } else { Side::Server };
            let digit = |byte: u8| (byte as char).to_digit(16).expect("hex") as u8;
            let bytes =
                hex.as_bytes().chunks(2).map(|it| digit(it[0]) << 4 | digit(it[1])).collect();
            it.push(side, time, bytes);
        }
        it
    }

    /// Appends bytes of a side.
    pub fn push(&mut self, side: Side, time: u64, bytes: Vec<u8>) {
        let position = self.end(side);
        self.0.push(Piece { side, position, time, bytes, missing: 0 });
    }

    /// The position behind the last byte of a side.
    pub fn end(&self, side: Side) -> u64 {
        let last = self.0.iter().rev().find(|piece| piece.side == side);
        last.map_or(0, |it| it.position + it.bytes.len() as u64 + it.missing)
    }

    /// The same bytes with every piece cut into pieces of the lengths that `length` gives.
    pub fn recut(&self, mut length: impl FnMut() -> usize) -> Self {
        let mut it = Self::default();
        for piece in &self.0 {
            let mut rest = &piece.bytes[..];
            while !rest.is_empty() {
                let (head, tail) = rest.split_at(length().clamp(1, rest.len()));
                it.push(piece.side, piece.time, head.to_vec());
                rest = tail;
            }
        }
        it
    }

    /// The pieces from the `n`th on.
    pub fn from(&self, n: usize) -> Self {
        Self(self.0[n..].to_vec())
    }
}

/// Everything that a dissector said.
#[derive(Debug, Default)]
pub struct Seen {
    pub exchanges: Vec<Exchange>,
    pub lost: u64,
    pub not_understood: u64,
    pub handover: Option<Handover>,
}

/// Feeds a conversation to its end. A piece's task is its number.
pub fn run(conversation: &Conversation, mut dissector: impl Dissector) -> Seen {
    let mut out = Output::default();
    for (number, piece) in conversation.0.iter().enumerate() {
        let first = Moment {
            position: piece.position,
            start: piece.time * 1000,
            end: piece.time * 1000 + 1,
            task: Task { id: number as u64, ..Task::default() },
        };
        let chunk = Chunk { missing: piece.missing, ..Chunk::new(piece.side, first, &piece.bytes) };
        dissector.feed(&chunk, &mut out);
    }
    let end = conversation.0.last().map_or(0, |it| it.time * 1000 + 1);
    let at = Moment { start: end, end, ..Moment::default() };
    dissector.closed(Ending::Forgotten, at, &mut out);
    Seen {
        exchanges: out.exchanges,
        lost: out.lost,
        not_understood: out.not_understood,
        handover: out.handover,
    }
}

/// An exchange as the truth files have it.
pub fn summary(exchange: &Exchange) -> String {
    let mut line = String::new();
    match &exchange.facts {
        Facts::Grpc(call) => {
            let method = call.method().unwrap_or("?");
            let status = call.status.map_or("?", |it| it.name());
            let (sent, received) = (call.sent, call.received);
            write!(line, "{method} {status} {sent} {received} ").unwrap();
            match &exchange.context {
                None => line.push('-'),
                Some(it) => {
                    let flags = u8::from(it.sampled == Some(true));
                    let (trace, span) = (hex(&it.trace_id), hex(&it.span_id));
                    write!(line, "00-{trace}-{span}-{flags:02x}").unwrap();
                }
            }
        }
        Facts::Http(http) => {
            let method = http.method.as_ref().map_or("?", |it| it.name());
            let path = http.path.as_deref().unwrap_or("?");
            match (exchange.outcome, http.status, &http.error) {
                (Outcome::Cancelled, _, Some(error)) => {
                    write!(line, "{method} {path} {error}").unwrap();
                }
                (_, Some(status), _) => write!(line, "{method} {path} {status}").unwrap(),
                _ => write!(line, "{method} {path} ?").unwrap(),
            }
        }
        other => write!(line, "{other:?}").unwrap(),
    }
    line
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}
