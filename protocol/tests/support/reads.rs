//! Recordings of real clients and servers in `.txt` files (Redis, FastCGI, DNS): every read of a
//! relay between them, one a line.
//!
//! `connection microseconds side "escaped bytes"`, where side is `>` (to the server), `<`, `u>` and
//! `u<` (datagrams), or `x` (the end).

use super::Random;
use onlooker_protocol::detect::{Evidence, Opening, Protocol};
use onlooker_protocol::{Chunk, Ending, Exchange, Extent, Moment, Outcome, Output, Side};

/// What one read brought.
#[derive(Clone, Debug)]
pub struct Read {
    pub side: Side,
    pub first: Moment,
    pub bytes: Vec<u8>,
    pub datagram: bool,
}

/// The connections of a recording, in the order in which they began.
pub fn connections(text: &str) -> Vec<Vec<Read>> {
    let mut connections: Vec<Vec<Read>> = Vec::new();
    for line in text.lines() {
        let mut fields = line.splitn(4, ' ');
        let mut field = || fields.next().expect("four fields");
        let number: usize = field().parse().expect("a connection's number");
        let at = field().parse::<u64>().expect("a time") * 1000;
        let (side, datagram) = match field() {
            ">" => (Side::Client, false),
            "<" => (Side::Server, false),
            "u>" => (Side::Client, true),
            "u<" => (Side::Server, true),
            _ => continue,
        };
        let bytes = unescape(field());
        connections.resize(connections.len().max(number), Vec::new());
        let reads = &mut connections[number - 1];
        let position =
            reads.iter().filter(|read| read.side == side).map(|read| read.bytes.len() as u64).sum();
        let first = Moment { position, start: at, end: at + 500, ..Moment::default() };
        reads.push(Read { side, first, bytes, datagram });
    }
    connections
}

fn unescape(text: &str) -> Vec<u8> {
    let text = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).expect("quotes");
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'\\' => match rest.next().expect("an escape") {
                b'r' => b'\r',
                b'n' => b'\n',
                b'x' => {
                    let digits = [rest.next().expect("a digit"), rest.next().expect("a digit")];
                    u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
                }
                other => other,
            },
            other => other,
        });
    }
    bytes
}

/// Pieces of a read, with what is missing behind each.
pub type Pieces<'a> = Vec<(&'a Read, usize, usize, u64)>;

/// Every read in one piece.
pub fn whole(reads: &[Read]) -> Pieces<'_> {
    reads.iter().map(|read| (read, 0, read.bytes.len(), 0)).collect()
}

/// Feeds pieces to a new dissector and closes the connection.
pub fn dissect(protocol: &Protocol, pieces: &Pieces<'_>, from_start: bool) -> Output {
    let mut dissector = (protocol.dissector)(from_start);
    let mut out = Output::default();
    for &(read, from, to, missing) in pieces {
        let mut first = read.first;
        first.position += from as u64;
        let bytes = &read.bytes[from..to];
        let chunk = Chunk { side: read.side, first, bytes, missing, datagram: read.datagram };
        dissector.feed(&chunk, &mut out);
    }
    dissector.closed(Ending::Closed, Moment::default(), &mut out);
    out
}

/// What detection says of both sides' first bytes.
pub fn detect(protocol: &Protocol, reads: &[Read]) -> Evidence {
    let first = |side| {
        reads.iter().find(|read| read.side == side).map_or(&[][..], |read| read.bytes.as_slice())
    };
    (protocol.detect)(&Opening {
        client: first(Side::Client),
        server: first(Side::Server),
        client_from_start: true,
        server_from_start: true,
        datagram: reads.iter().any(|read| read.datagram),
        ..Opening::default()
    })
}

/// An exchange in full, for comparison.
pub fn render(exchange: &Exchange) -> String {
    format!("{exchange:?}")
}

/// Any cut of any read, and random ones of all, give the same exchanges.
pub fn survives_cuts(protocol: &Protocol, reads: &[Read]) {
    let expected: Vec<_> =
        dissect(protocol, &whole(reads), true).exchanges.iter().map(render).collect();
    let check = |pieces: &Pieces<'_>, what: &dyn std::fmt::Display| {
        let out = dissect(protocol, pieces, true);
        let seen: Vec<_> = out.exchanges.iter().map(render).collect();
        assert_eq!(seen, expected, "{what}");
        assert_eq!((out.lost, out.not_understood), (0, 0), "{what}");
    };
    for (index, read) in reads.iter().enumerate() {
        for cut in 1..read.bytes.len() {
            let mut pieces = whole(reads);
            pieces[index].2 = cut;
            pieces.insert(index + 1, (read, cut, read.bytes.len(), 0));
            check(&pieces, &format_args!("read {index} cut at {cut}"));
        }
    }
    let mut random = Random(7);
    for round in 0..200 {
        let most = 1 + random.below(40);
        let mut pieces = Vec::new();
        for read in reads {
            let mut from = 0;
            while from < read.bytes.len() {
                let to = (from + 1 + random.below(most)).min(read.bytes.len());
                pieces.push((read, from, to, 0));
                from = to;
            }
        }
        check(&pieces, &format_args!("round {round}"));
    }
}

/// Lost bytes lose exchanges and make none: what is complete was there, between the same bytes;
/// what is not complete is something that began there.
pub fn survives_holes(protocol: &Protocol, reads: &[Read], rounds: usize) {
    survives_holes_in(protocol, reads, rounds, 8, 5);
}

/// As [`survives_holes`], with a hole in one of `rarity / 3` reads, and at least one of `worth`
/// exchanges kept.
pub fn survives_holes_in(
    protocol: &Protocol,
    reads: &[Read],
    rounds: usize,
    rarity: usize,
    worth: usize,
) {
    let truth = dissect(protocol, &whole(reads), true).exchanges;
    let mut random = Random(11);
    let mut kept = 0;
    for round in 0..rounds {
        let mut pieces = Vec::new();
        for read in reads {
            let length = read.bytes.len();
            match random.below(rarity) {
                0 => pieces.push((read, 0, 0, length as u64)),
                1 => {
                    let cut = random.below(length);
                    pieces.push((read, 0, cut, (length - cut) as u64));
                }
                // A datagram comes in one piece, of which the end may be missing.
                2 if !read.datagram => {
                    let from = random.below(length);
                    let to = from + 1 + random.below(length - from);
                    pieces.push((read, 0, from, (to - from) as u64));
                    if to < length {
                        pieces.push((read, to, length, 0));
                    }
                }
                _ => pieces.push((read, 0, length, 0)),
            }
        }
        let out = dissect(protocol, &pieces, true);
        kept += out.exchanges.len();
        for exchange in &out.exchanges {
            assert!(is_true(exchange, &truth), "round {round}: {exchange:?}\n{pieces:?}");
        }
    }
    assert!(kept > truth.len() * rounds / worth, "{kept} of {} were kept", truth.len() * rounds);
}

/// From any read on, what is found is true.
pub fn survives_late_attach(protocol: &Protocol, reads: &[Read]) {
    let truth = dissect(protocol, &whole(reads), true).exchanges;
    for from in 0..reads.len() {
        let out = dissect(protocol, &whole(&reads[from..]), false);
        for exchange in &out.exchanges {
            assert!(is_true(exchange, &truth), "from {from}: {exchange:?}");
        }
    }
}

fn is_true(exchange: &Exchange, truth: &[Exchange]) -> bool {
    let ends = |extent: Option<Extent>| extent.map(|e| (e.first.position, e.last.position));
    let is_whole = exchange.outcome == Outcome::Complete;
    truth.iter().any(|known| {
        known.request.first == exchange.request.first
            && (!is_whole || ends(known.response) == ends(exchange.response))
    })
}

/// Damaged bytes end neither in a panic nor in more exchanges than there are bytes to make them.
pub fn survives_damage(protocol: &Protocol, reads: &[Read], rounds: usize) {
    let mut random = Random(13);
    for round in 0..rounds {
        let mut damaged = reads.to_vec();
        for read in &mut damaged {
            for _ in 0..random.below(4) {
                let at = random.below(read.bytes.len());
                read.bytes[at] = match random.below(3) {
                    0 => random.below(256) as u8,
                    1 => read.bytes[random.below(read.bytes.len())],
                    _ => b"0123456789\r\n*$+-:>|%~\x00\x01\xc0\xff"[random.below(24)],
                };
            }
        }
        let out = dissect(protocol, &whole(&damaged), round % 2 == 0);
        let bytes: usize = damaged.iter().map(|read| read.bytes.len()).sum();
        assert!(out.exchanges.len() <= bytes);
    }
}
