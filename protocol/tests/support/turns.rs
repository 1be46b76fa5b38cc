//! Turns of both sides in `.talk` files (databases; `data/sql/record.py` says how) and ways to
//! deliver them.

use super::{Random, data};
use onlooker_protocol::detect::{Opening, Protocol};
use onlooker_protocol::dissector::{Ending, Output};
use onlooker_protocol::{Chunk, Exchange, Handover, Moment, Side};

/// What one side said in one go.
#[derive(Clone, Debug)]
pub struct Turn {
    pub side: Side,
    pub bytes: Vec<u8>,
}

/// The connections of a recording.
pub fn recording(name: &str) -> Vec<Vec<Turn>> {
    let path = data("sql").join(name);
    let file = std::fs::read(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
    let mut rest = &file[..];
    let mut connections: Vec<Vec<Turn>> = Vec::new();
    while let Some((head, tail)) = rest.split_at_checked(6) {
        let length = u32::from_be_bytes(head[2..].try_into().unwrap()) as usize;
        let (bytes, tail) = tail.split_at(length);
        rest = tail;
        let side = match head[0] {
            1 => Side::Client,
            2 => Side::Server,
            _ => {
                connections.push(Vec::new());
                continue;
            }
        };
        connections[usize::from(head[1])].push(Turn { side, bytes: bytes.to_vec() });
    }
    connections
}

/// What came of a connection.
#[derive(Default)]
pub struct Heard {
    pub exchanges: Vec<Exchange>,
    pub handover: Option<Handover>,
    pub not_understood: u64,
    pub lost: u64,
}

/// A piece of a turn: these bytes, then so many that were not captured.
pub type Piece<'a> = (&'a [u8], u64);

/// Feeds a connection, each turn cut into pieces by `cut`. A turn without pieces is not delivered
/// at all: what comes behind it has its true position.
pub fn listen(
    protocol: &Protocol,
    from_start: bool,
    turns: &[Turn],
    mut cut: impl FnMut(usize, &Turn) -> Vec<(usize, u64)>,
) -> Heard {
    let mut dissector = (protocol.dissector)(from_start);
    let mut out = Output::default();
    let mut positions = [0u64; 2];
    let mut clock = 1000;
    for (number, turn) in turns.iter().enumerate() {
        let mut rest = &turn.bytes[..];
        let pieces = cut(number, turn);
        if pieces.is_empty() {
            positions[turn.side as usize] += turn.bytes.len() as u64;
            continue;
        }
        for (seen, missing) in pieces {
            clock += 10;
            let (bytes, tail) = rest.split_at(seen.min(rest.len()));
            let missing = missing.min(tail.len() as u64);
            rest = &tail[missing as usize..];
            let position = &mut positions[turn.side as usize];
            let first =
                Moment { position: *position, start: clock, end: clock + 5, ..Moment::default() };
            *position += bytes.len() as u64 + missing;
            let chunk = Chunk { side: turn.side, first, bytes, missing, datagram: false };
            dissector.feed(&chunk, &mut out);
            if out.handover.is_some() {
                return heard(out);
            }
        }
        assert!(rest.is_empty(), "the pieces do not cover the turn");
    }
    let at = Moment { start: clock, end: clock, ..Moment::default() };
    dissector.closed(Ending::Closed, at, &mut out);
    heard(out)
}

fn heard(out: Output) -> Heard {
    Heard {
        exchanges: out.exchanges,
        handover: out.handover,
        not_understood: out.not_understood,
        lost: out.lost,
    }
}

/// Every turn in one piece.
pub fn whole(_: usize, turn: &Turn) -> Vec<(usize, u64)> {
    vec![(turn.bytes.len(), 0)]
}

/// Every byte in a piece of its own.
pub fn bytewise(_: usize, turn: &Turn) -> Vec<(usize, u64)> {
    vec![(1, 0); turn.bytes.len()]
}

/// Pieces of random lengths, of which one in `holes` is not captured (none if that is zero).
pub fn scattered(random: &mut Random, turn: &Turn, holes: usize) -> Vec<(usize, u64)> {
    let mut pieces = Vec::new();
    let mut rest = turn.bytes.len();
    while rest > 0 {
        let most = if random.below(2) == 0 { 12 } else { 400 };
        let piece = (1 + random.below(most)).min(rest);
        rest -= piece;
        if holes > 0 && random.below(holes) == 0 {
            let seen = random.below(piece);
            pieces.push((seen, (piece - seen) as u64));
        } else {
            pieces.push((piece, 0));
        }
    }
    pieces
}

/// What detection sees: the first turns of both sides.
pub fn opening_of(turns: &[Turn], from: usize) -> (Vec<u8>, Vec<u8>) {
    let mut sides = [Vec::new(), Vec::new()];
    let first = turns.get(from).map(|turn| turn.side);
    for turn in turns.iter().skip(from) {
        // The second side's first turn ends the opening.
        if Some(turn.side) == first && !sides[turn.side.other() as usize].is_empty() {
            break;
        }
        sides[turn.side as usize].extend(&turn.bytes);
    }
    let [client, server] = sides;
    (client, server)
}

/// The opening as detection takes it.
pub fn opening<'a>(client: &'a [u8], server: &'a [u8], from_start: bool) -> Opening<'a> {
    Opening {
        client,
        server,
        client_from_start: from_start,
        server_from_start: from_start,
        ..Opening::default()
    }
}
