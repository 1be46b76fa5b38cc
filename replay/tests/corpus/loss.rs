//! Captures that are damaged: frames dropped, cut, doubled and out of order, and captures that
//! start in the middle. What is still told must be part of what the whole capture tells.

use onlooker_replay::{Capture, Frame, LinkType};

use crate::golden::{self, Line};
use crate::ours::exchanges_of;

/// How many damaged versions of each capture are read, unless `ONLOOKER_ROUNDS` says so.
const ROUNDS: u64 = 4;
/// Captures of HTTP requests to servers that answer in something else, of request lines that are
/// none, and of HTTP behind another protocol: whole, they tell what a part of them does not.
const MISUNDERSTANDINGS: [&str; 5] = [
    "zeek/http/curl_http_09.pcap",
    "zeek/http/get-to-ssh-server.pcap",
    "zeek/http/methods.pcap",
    "zeek/modbus/modbus-and-non-modbus-p502.pcap",
    "zeek/tunnels/socks.pcap",
];
/// Captures with more frames are read up to here.
const MOST_FRAMES: usize = 4000;

struct Owned {
    link: LinkType,
    time: u64,
    bytes: Vec<u8>,
    wire_len: u64,
}

impl Owned {
    fn frame(&self) -> Frame<'_> {
        Frame { link: self.link, time: self.time, bytes: &self.bytes, wire_len: self.wire_len }
    }
}

#[test]
fn a_damaged_capture_tells_a_part_of_the_truth() {
    let Some(corpus) = golden::corpus() else { return };
    let only = std::env::var("ONLOOKER_CORPUS").unwrap_or_default();
    let rounds = std::env::var("ONLOOKER_ROUNDS").ok().and_then(|text| text.parse().ok());
    let mut wrong = 0;
    let (mut told, mut expected) = (0, 0);
    for (name, path) in golden::captures(&corpus) {
        if !name.contains(&only) || MISUNDERSTANDINGS.contains(&name.as_str()) {
            continue;
        }
        let frames = read(&path);
        let truth = exchanges_of(&name, frames.iter().map(Owned::frame));
        for round in 0..rounds.unwrap_or(ROUNDS) {
            let damaged = damage(&frames, round);
            let lines = exchanges_of(&name, damaged.iter().map(Owned::frame));
            told += lines.len();
            expected += truth.len();
            for line in surplus(truth.clone(), lines) {
                println!("round {round} {line}");
                wrong += 1;
            }
        }
    }
    println!("{told} exchanges of {expected} told");
    assert_eq!(wrong, 0, "lines that the whole captures do not tell (listed above)");
}

fn read(path: &std::path::Path) -> Vec<Owned> {
    let input = std::fs::read(path).expect("a file");
    let mut capture = Capture::open(&input[..]).expect("a capture");
    let mut frames = Vec::new();
    while let Some(frame) = capture.next_frame().expect("memory does not fail") {
        let Frame { link, time, bytes, wire_len } = frame;
        frames.push(Owned { link, time, bytes: bytes.to_vec(), wire_len });
        if frames.len() == MOST_FRAMES {
            break;
        }
    }
    frames
}

/// What remains of a capture. The same round does the same damage.
fn damage(frames: &[Owned], round: u64) -> Vec<Owned> {
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15 ^ (round + 1).wrapping_mul(0xd129_0d3b));
    let start = if dice.roll(2) == 0 { 0 } else { dice.roll(frames.len().max(1)) };
    let rarity = 4 + dice.roll(30);
    let mut damaged = Vec::new();
    for frame in frames.iter().skip(start) {
        let Owned { link, time, bytes, wire_len } = frame;
        let copy = |keep: usize| Owned {
            link: *link,
            time: *time,
            bytes: bytes[..keep.min(bytes.len())].to_vec(),
            wire_len: *wire_len,
        };
        match dice.roll(rarity) {
            0 => {}
            1 => damaged.push(copy(54 + dice.roll(bytes.len().max(1)))),
            // A datagram that comes twice was sent twice, as far as anybody can tell.
            2 if !is_udp(bytes) => damaged.extend([copy(usize::MAX), copy(usize::MAX)]),
            3 => {
                // Past others of its direction only: of two directions the order in the file is
                // all there is to tell an answer from one to an earlier question.
                let most = 1 + dice.roll(2);
                let passes = |other: &&Owned| ends(&other.bytes) == ends(bytes);
                let passed = damaged.iter().rev().take(most).take_while(passes).count();
                damaged.insert(damaged.len() - passed, copy(usize::MAX));
            }
            _ => damaged.push(copy(usize::MAX)),
        }
    }
    damaged
}

/// Addresses and ports of a frame of IPv4 on Ethernet, without VLAN tags and options.
fn ends(frame: &[u8]) -> Option<&[u8]> {
    frame.get(26..38)
}

/// Whether a frame holds a UDP datagram in IPv4 on Ethernet, without VLAN tags.
fn is_udp(frame: &[u8]) -> bool {
    frame.get(12..14) == Some(&[8, 0]) && frame.get(23) == Some(&17)
}

/// The lines that are not in the truth, each line of which stands for one.
fn surplus(mut truth: Vec<Line>, mut lines: Vec<Line>) -> Vec<Line> {
    let open = |line: &Line| Line { result: "?".to_owned(), ..line.clone() };
    let rules: [&dyn Fn(&Line, &Line) -> bool; 5] = [
        &|known, line| known == line,
        &|known, line| known.agrees(line),
        // The answer was lost.
        &|known, line| !line.is_complete() && known.agrees(&open(line)),
        // What tells gRPC from other HTTP/2 was lost.
        &|known, line| {
            known.protocol == "grpc"
                && line.protocol == "http"
                && (line.what.as_str(), line.result.as_str()) == ("POST ?", "-")
                && (&known.asker, &known.answerer) == (&line.asker, &line.answerer)
        },
        // The end of a statement, or the query behind a path, was lost.
        &|known, line| {
            let is_cut = match line.protocol.as_str() {
                "http" => known.what.starts_with(&format!("{}?", line.what)),
                "postgresql" | "mysql" => known.what.starts_with(&line.what),
                _ => false,
            };
            let whole = Line { what: known.what.clone(), ..line.clone() };
            is_cut && (known.agrees(&whole) || !line.is_complete() && known.agrees(&open(&whole)))
        },
    ];
    // A statement that is prepared is told only if that fails, or was not answered.
    lines.retain(|line| !line.what.starts_with("22 ") || line.is_complete());
    for rule in rules {
        lines.retain(|line| {
            let found = truth.iter().position(|known| rule(known, line));
            found.map(|at| truth.swap_remove(at)).is_none()
        });
    }
    lines
}

/// Pseudo-random numbers (xorshift64*), so that failures repeat.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % below.max(1)
    }
}
