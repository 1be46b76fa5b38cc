//! Writes of both sides in `.rec` files (Kafka, AMQP; see `data/README.md`), fed whole, in pieces,
//! with holes.

use std::path::Path;

use super::{Random, data};
use onlooker_protocol::{Chunk, Dissector, Ending, Exchange, Moment, Output, Side, Tail};

/// One connection: who sent what, in order.
#[derive(Clone, Default)]
pub struct Recording(pub Vec<(Side, Vec<u8>)>);

/// The recordings of a folder of `tests/data`, by name.
pub fn recordings(folder: &str) -> Vec<Recording> {
    let mut paths: Vec<_> = std::fs::read_dir(data(folder))
        .expect("the folder is part of the repository")
        .map(|entry| entry.expect("it can be listed").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rec"))
        .collect();
    paths.sort();
    paths.iter().map(|path| Recording::read(path)).collect()
}

impl Recording {
    fn read(path: &Path) -> Self {
        let bytes = std::fs::read(path).expect("it can be read");
        let mut rest = &bytes[..];
        let mut turns = Vec::new();
        while let [side, a, b, c, d, tail @ ..] = rest {
            let len = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
            let side = if *side == 0 { Side::Client } else { Side::Server };
            turns.push((side, tail[..len].to_vec()));
            rest = &tail[len..];
        }
        Self(turns)
    }

    /// All bytes of one side.
    pub fn side(&self, side: Side) -> Vec<u8> {
        self.0.iter().filter(|turn| turn.0 == side).flat_map(|turn| turn.1.clone()).collect()
    }

    /// The connection from its `turn`th write on.
    pub fn from(&self, turn: usize) -> Self {
        Self(self.0[turn.min(self.0.len())..].to_vec())
    }
}

/// Feeds a dissector and keeps count of positions and times.
pub struct Feeder {
    dissector: Box<dyn Dissector>,
    positions: [u64; 2],
    clock: u64,
    pub out: Output,
}

impl Feeder {
    pub fn new(dissector: impl Dissector + 'static) -> Self {
        Self { dissector: Box::new(dissector), positions: [0; 2], clock: 0, out: Output::default() }
    }

    /// Feeds bytes of which the last `missing` were not captured.
    pub fn feed(&mut self, side: Side, bytes: &[u8], missing: usize) {
        self.feed_cut(side, &bytes[..bytes.len() - missing], missing as u64);
    }

    /// Feeds bytes that are followed by `missing` others.
    pub fn feed_cut(&mut self, side: Side, bytes: &[u8], missing: u64) {
        let position = &mut self.positions[side as usize];
        self.clock += 10;
        let first = Moment {
            position: *position,
            start: self.clock,
            end: self.clock + 5,
            ..Moment::default()
        };
        *position += bytes.len() as u64 + missing;
        self.dissector.feed(&Chunk { side, first, bytes, missing, datagram: false }, &mut self.out);
    }

    pub fn close(mut self) -> Output {
        self.dissector.closed(Ending::Closed, Moment::default(), &mut self.out);
        self.out
    }
}

/// The exchanges of a connection, each write a chunk.
pub fn whole(dissector: impl Dissector + 'static, recording: &Recording) -> Output {
    let mut feeder = Feeder::new(dissector);
    for (side, bytes) in &recording.0 {
        feeder.feed(*side, bytes, 0);
    }
    feeder.close()
}

/// The exchanges of a connection whose writes are cut into pieces of the sizes that `size` gives.
pub fn pieces(
    dissector: impl Dissector + 'static,
    recording: &Recording,
    mut size: impl FnMut() -> usize,
) -> Output {
    let mut feeder = Feeder::new(dissector);
    for (side, bytes) in &recording.0 {
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let (piece, tail) = rest.split_at(size().clamp(1, rest.len()));
            feeder.feed(*side, piece, 0);
            rest = tail;
        }
    }
    feeder.close()
}

/// The exchanges of a connection of which about every fourth chunk loses a part.
pub fn holes(
    dissector: impl Dissector + 'static,
    recording: &Recording,
    random: &mut Random,
) -> Output {
    let mut feeder = Feeder::new(dissector);
    for (side, bytes) in &recording.0 {
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let (piece, tail) = rest.split_at((1 + random.below(200)).min(rest.len()));
            let missing = if random.below(4) == 0 { random.below(piece.len() + 1) } else { 0 };
            feeder.feed(*side, piece, missing);
            rest = tail;
        }
    }
    feeder.close()
}

/// What does not depend on how the bytes came: everything but times and tasks.
pub fn timeless(mut exchange: Exchange) -> Exchange {
    let strip = |tail: &mut Tail| *tail = Tail { position: tail.position, ..Tail::default() };
    for extent in [Some(&mut exchange.request), exchange.response.as_mut()].into_iter().flatten() {
        extent.first = Moment { position: extent.first.position, ..Moment::default() };
        strip(&mut extent.last);
    }
    exchange.answered.as_mut().map(strip);
    exchange
}

/// Exchanges as texts that can be compared.
pub fn texts(output: &Output) -> Vec<String> {
    output.exchanges.iter().map(|exchange| format!("{:?}", timeless(exchange.clone()))).collect()
}
