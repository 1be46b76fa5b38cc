//! What can happen to a capture, and what must hold of what is still told. The fuzz target
//! `disorder` uses it, too.

use onlooker_replay::{Capture, Frame, LinkType};

use crate::golden::Line;

/// Captures of HTTP requests to servers that answer in something else, and of request lines that are
/// none: whole, they tell what a part of them does not.
pub(crate) const MISUNDERSTANDINGS: [&str; 7] = [
    "zeek/http/curl_http_09.pcap",
    "zeek/http/get-to-ssh-server.pcap",
    "zeek/http/http-lower-case-nonstandard-port.pcap",
    "zeek/http/http-lower-case.pcap",
    "zeek/http/methods.pcap",
    "zeek/http/no-uri.pcap",
    "zeek/modbus/modbus-and-non-modbus-p502.pcap",
];
/// Captures with more frames are read up to here.
const MOST_FRAMES: usize = 4000;

/// A frame of a capture.
pub(crate) struct Owned {
    link: LinkType,
    interface: u32,
    time: u64,
    bytes: Vec<u8>,
    wire_len: u64,
}

impl Owned {
    pub(crate) fn frame(&self) -> Frame<'_> {
        let Self { link, interface, time, ref bytes, wire_len } = *self;
        Frame { link, interface, time, bytes, wire_len }
    }
}

/// The frames of a capture.
pub(crate) fn read(path: &std::path::Path) -> Vec<Owned> {
    let input = std::fs::read(path).expect("a file");
    let mut capture = Capture::open(&input[..]).expect("a capture");
    let mut frames = Vec::new();
    while let Some(frame) = capture.next_frame().expect("memory does not fail") {
        let Frame { link, interface, time, bytes, wire_len } = frame;
        frames.push(Owned { link, interface, time, bytes: bytes.to_vec(), wire_len });
        if frames.len() == MOST_FRAMES {
            break;
        }
    }
    frames
}

/// What remains of a capture. `choose` gives a number below the given one; the highest does the
/// least damage.
pub(crate) fn damage(frames: &[Owned], choose: &mut dyn FnMut(usize) -> usize) -> Vec<Owned> {
    let start = if choose(2) == 0 { choose(frames.len()) } else { 0 };
    let rarity = 4 + choose(30);
    let mut damaged = Vec::new();
    for frame in frames.iter().skip(start) {
        let Owned { link, interface, time, bytes, wire_len } = frame;
        let copy = |keep: usize| Owned {
            link: *link,
            interface: *interface,
            time: *time,
            bytes: bytes[..keep.min(bytes.len())].to_vec(),
            wire_len: *wire_len,
        };
        match choose(rarity) {
            0 => {}
            1 => damaged.push(copy(54 + choose(bytes.len()))),
            // A datagram that comes twice was sent twice, as far as anybody can tell.
            2 if !is_udp(bytes) => damaged.extend([copy(usize::MAX), copy(usize::MAX)]),
            3 => {
                // Past others of its direction only: of two directions the order in the file is
                // all there is to tell an answer from one to an earlier question.
                let most = 1 + choose(2);
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

/// Whether a line may be told where this one is the truth: the truth, then the line.
type Rule<'a> = &'a dyn Fn(&Line, &Line) -> bool;

/// The lines that are not in the truth, each line of which stands for one.
pub(crate) fn surplus(mut truth: Vec<Line>, mut lines: Vec<Line>) -> Vec<Line> {
    let open = |line: &Line| Line { result: "?".to_owned(), ..line.clone() };
    let rules: [Rule<'_>; 4] = [
        &|known, line| known.agrees(line),
        // The answer was lost.
        &|known, line| !line.is_complete() && known.agrees(&open(line)),
        // What tells gRPC from other HTTP/2 was lost. Its calls have the status 200, whatever comes
        // of them.
        &|known, line| {
            known.protocol == "grpc"
                && line.protocol == "http"
                && line
                    .what
                    .strip_prefix("POST ")
                    .is_some_and(|path| ["?", &known.what].contains(&path))
                && matches!(line.result.as_str(), "-" | "200")
                && (&known.asker, &known.answerer) == (&line.asker, &line.answerer)
        },
        // The end of a statement, or the query behind a path, was lost.
        &|known, line| {
            let is_cut = match line.protocol.as_str() {
                "http" => known.what.starts_with(&format!("{}?", line.what)),
                // What was quoted where the cut is may have been a literal.
                "postgresql" | "mysql" => {
                    known.what.starts_with(line.what.strip_suffix('?').unwrap_or(&line.what))
                }
                _ => false,
            };
            let whole = Line { what: known.what.clone(), ..line.clone() };
            is_cut && (known.agrees(&whole) || !line.is_complete() && known.agrees(&open(&whole)))
        },
    ];
    // A statement that is prepared is told only if that fails, or was not answered.
    lines.retain(|line| !line.what.starts_with("22 ") || line.is_complete());
    lines.retain(|line| {
        let found = truth.iter().position(|known| known == line);
        found.map(|at| truth.swap_remove(at)).is_none()
    });
    let stands_for = |known: &Line, line: &Line| rules.iter().any(|rule| rule(known, line));
    let mut pairing = Pairing::new(lines.len(), truth.len(), |line, known| {
        stands_for(&truth[known], &lines[line])
    });
    (0..lines.len()).filter(|&line| !pairing.place(line)).map(|line| lines[line].clone()).collect()
}

/// Pairs as many lines as can be, each with a truth of its own (Kuhn's augmenting paths): a line
/// that knows little must not take the truth that another one needs.
struct Pairing {
    /// By line, the truths it may stand for.
    choices: Vec<Vec<usize>>,
    /// By truth, the line that stands for it.
    taken: Vec<Option<usize>>,
}

impl Pairing {
    fn new(lines: usize, truths: usize, fits: impl Fn(usize, usize) -> bool) -> Self {
        let choices = |line| (0..truths).filter(|&known| fits(line, known)).collect();
        Self { choices: (0..lines).map(choices).collect(), taken: vec![None; truths] }
    }

    /// Whether there is a truth for the line, others moved if need be.
    fn place(&mut self, line: usize) -> bool {
        let mut asked = vec![false; self.taken.len()];
        self.place_among(line, &mut asked)
    }

    fn place_among(&mut self, line: usize, asked: &mut [bool]) -> bool {
        for at in 0..self.choices[line].len() {
            let known = self.choices[line][at];
            if std::mem::replace(&mut asked[known], true) {
                continue;
            }
            if self.taken[known].is_none_or(|other| self.place_among(other, asked)) {
                self.taken[known] = Some(line);
                return true;
            }
        }
        false
    }
}
