//! Random bytes, random cuts, random holes.

use std::collections::HashSet;

use super::talk::{Talk, told};
use crate::chunk::Side;
use crate::dissector::Ending;
use crate::http1::lines::{Lines, trim_cr};

/// Xorshift: the same numbers in every run.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed | 1 << 32)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}

/// Turns of a valid conversation: what the client says, then what the server says. The status of
/// a response is told by its request's path, so that a wrong pair shows.
fn turns(random: &mut Random, pipelined: bool) -> Vec<(String, String)> {
    (0..12)
        .map(|turn| {
            let (mut asked, mut answered) = (String::new(), String::new());
            for n in 0..if pipelined { 1 + random.below(4) } else { 1 } {
                let status = 200 + turn * 10 + n;
                let body = "x".repeat(random.below(300) as usize);
                match random.below(4) {
                    0 => asked += &format!("GET /{status} HTTP/1.1\r\nHost: h\r\n\r\n"),
                    1 => asked += &format!("HEAD /{status} HTTP/1.1\r\nHost: h\r\n\r\n"),
                    2 => {
                        asked += &format!(
                            "POST /{status} HTTP/1.1\r\nContent-Length: {}\r\n\r\n{body}",
                            body.len()
                        );
                    }
                    _ => {
                        asked += &format!("PUT /{status} HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
                        asked += &chunked(&body);
                    }
                }
                let to_head = asked.contains(&format!("HEAD /{status} "));
                answered += &match random.below(3) {
                    _ if to_head => format!("HTTP/1.1 {status} H\r\nContent-Length: 77\r\n\r\n"),
                    0 => format!("HTTP/1.1 {status} C\r\nTransfer-Encoding: chunked\r\n\r\n{}", chunked(&body)),
                    1 => format!("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 {status} L\r\nContent-Length: {}\r\n\r\n{body}", body.len()),
                    _ => format!("HTTP/1.1 {status} L\r\nContent-Length: {}\r\n\r\n{body}", body.len()),
                };
            }
            (asked, answered)
        })
        .collect()
}

fn chunked(body: &str) -> String {
    let chunk =
        if body.is_empty() { String::new() } else { format!("{:x}\r\n{body}\r\n", body.len()) };
    format!("{chunk}0\r\n\r\n")
}

fn split(random: &mut Random, text: &str) -> Vec<Vec<u8>> {
    let mut rest = text.as_bytes();
    let mut parts = Vec::new();
    while !rest.is_empty() {
        let limit = if random.below(3) == 0 { 8 } else { 600 };
        let (part, more) = rest.split_at((1 + random.below(limit) as usize).min(rest.len()));
        parts.push(part.to_vec());
        rest = more;
    }
    parts
}

#[test]
fn any_cuts_yield_the_same_exchanges() {
    let mut random = Random::new(1);
    for round in 0..300 {
        let turns = turns(&mut random, round % 2 == 0);
        let mut talk = Talk::new();
        for (asked, answered) in &turns {
            split(&mut random, asked).iter().for_each(|part| _ = talk.client(part));
            split(&mut random, answered).iter().for_each(|part| _ = talk.server(part));
        }
        let expected: usize = turns
            .iter()
            .map(|(_, it)| it.matches("Length: ").count() + it.matches("chunked").count())
            .sum();
        assert_eq!(talk.exchanges.len(), expected);
        right(&talk);
        assert_eq!((talk.lost, talk.not_understood), (0, 0));
    }
}

/// Every pair's status is the one that its path tells, and none comes twice.
fn right(talk: &Talk) {
    let mut seen = HashSet::new();
    for exchange in &talk.exchanges {
        let text = told(exchange);
        let words: Vec<_> = text.split(' ').collect();
        let status = words[1].trim_start_matches('/');
        if status == "?" {
            continue;
        }
        assert!(words[2] == status || words[2] == "-", "{text}\n{}", talk.log.join("\n"));
        assert!(seen.insert(status.to_owned()), "{text} twice");
    }
}

#[test]
fn cuts_and_holes_yield_a_subset() {
    let mut random = Random::new(4242);
    let mut found = 0;
    for round in 0..2000 {
        let turns = turns(&mut random, round % 4 == 0);
        let mut talk = if round % 3 == 0 { Talk::attached() } else { Talk::new() };
        let mut first = if round % 3 == 0 { random.below(4) } else { 0 };
        for (asked, answered) in &turns {
            for (side, text) in [(Side::Client, asked), (Side::Server, answered)] {
                for part in split(&mut random, text) {
                    if first > 0 {
                        first -= 1;
                        talk.unseen(side, part.len() as u64);
                        continue;
                    }
                    match random.below(40) {
                        // Never reported, cut, or known by its length alone.
                        0 => _ = talk.unseen(side, part.len() as u64),
                        1 => {
                            let kept = random.below(part.len() as u64) as usize;
                            talk.say(side, &part[..kept], (part.len() - kept) as u64);
                        }
                        2 => _ = talk.say(side, b"", part.len() as u64),
                        _ => _ = talk.say(side, &part, 0),
                    }
                }
            }
        }
        talk.closed(Ending::Closed);
        right(&talk);
        found += talk.exchanges.len();
    }
    assert!(found > 10_000, "{found}");
}

#[test]
fn random_bytes_do_no_harm() {
    let mut random = Random::new(3);
    let words: [&[u8]; 16] = [
        b"GET / HTTP/1.1\r\n",
        b"HTTP/1.1 200 OK\r\n",
        b"\r\n",
        b"\r\n\r\n",
        b"Content-Length: 5\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"5\r\nhello\r\n",
        b"0\r\n\r\n",
        b"ffffffffffffffff\r\n",
        b"Connection: upgrade\r\nUpgrade: h2c\r\n",
        b"HTTP/1.1 101 S\r\n",
        b"CONNECT a:1 HTTP/1.1\r\n",
        b"Expect: 100-continue\r\n",
        b"HTTP/1.1 100 C\r\n\r\n",
        b"HEAD /x HTTP/1.0\r\n",
        b" folded\r\n",
    ];
    for round in 0..3000 {
        let mut talk = if round % 2 == 0 { Talk::attached() } else { Talk::new() };
        for _ in 0..40 {
            let side = if random.below(2) == 0 { Side::Client } else { Side::Server };
            let mut bytes = Vec::new();
            for _ in 0..random.below(6) {
                if random.below(4) == 0 {
                    bytes.extend((0..random.below(20)).map(|_| random.next() as u8));
                } else {
                    bytes.extend_from_slice(words[random.below(16) as usize]);
                }
            }
            let missing = if random.below(8) == 0 { random.next() >> random.below(64) } else { 0 };
            talk.say(side, &bytes, missing.min(1 << 40));
            if random.below(20) == 0 {
                talk.idle(random.next());
            }
            if random.below(30) == 0 {
                talk.half_closed(side);
            }
        }
        talk.closed(Ending::Reset);
    }
}

/// Heads longer than what is looked at together, of little else than what matters, as they grow.
#[test]
fn lines_are_those_that_a_look_at_each_byte_finds() {
    let mut random = Random::new(7);
    for _ in 0..2_000 {
        let mut stream = b"GET".to_vec();
        let rarity = 5 + random.below(200);
        stream.extend(
            (0..300).map(|_| *b"\n\r::".get(random.below(rarity) as usize).unwrap_or(&b'a')),
        );
        stream.extend(b"\n\n");

        let mut length = 0;
        let mut expected = Vec::new();
        for line in stream.split_inclusive(|&byte| byte == b'\n') {
            length += line.len();
            let line = line.strip_suffix(b"\n").unwrap();
            let colon = line.iter().position(|&byte| byte == b':');
            expected.push((
                colon.map(|colon| &line[..colon]),
                trim_cr(&line[colon.map_or(0, |colon| colon + 1)..]),
            ));
            if line.is_empty() || line == b"\r" {
                break;
            }
        }

        let (mut lines, mut come) = (Lines::default(), 0);
        let end = loop {
            come = stream.len().min(come + 1 + random.below(150) as usize);
            if let Some(end) = lines.end(&stream[..come], 7) {
                break end;
            }
        };
        assert_eq!(end, length, "{stream:?}");
        let head = lines.of(&stream[..end]);
        let told: Vec<_> = head.field_lines().map(|line| (line.name, line.rest)).collect();
        assert_eq!(told, expected[1..], "{stream:?}");
    }
}
