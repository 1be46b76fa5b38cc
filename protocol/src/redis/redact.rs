//! What may leave of Redis: the shape of commands and replies, and words that are known.

use super::command;
use crate::redact::{DIGIT, Kept, Line, Way};

/// Words of simple replies.
const REPLIES: [&[u8]; 3] = [b"OK", b"PONG", b"QUEUED"];
/// Codes of errors, <https://redis.io/docs/latest/develop/reference/protocol-spec/#simple-errors>
/// and the sources of Redis 7.
const ERRORS: [&[u8]; 22] = [
    b"ERR",
    b"WRONGTYPE",
    b"MOVED",
    b"ASK",
    b"NOAUTH",
    b"WRONGPASS",
    b"NOPERM",
    b"NOSCRIPT",
    b"BUSY",
    b"BUSYKEY",
    b"BUSYGROUP",
    b"NOGROUP",
    b"LOADING",
    b"OOM",
    b"READONLY",
    b"EXECABORT",
    b"MISCONF",
    b"CLUSTERDOWN",
    b"CROSSSLOT",
    b"TRYAGAIN",
    b"MASTERDOWN",
    b"NOREPLICAS",
];

/// Both directions of a connection.
#[derive(Debug)]
pub(crate) struct Redactor {
    client: Way,
    ways: [Direction; 2],
}

#[derive(Clone, Copy, Debug, Default)]
struct Direction {
    state: State,
    /// Arguments of the command that are still to come.
    left: u32,
    /// How many came.
    seen: u32,
    /// The command is one whose argument is a number that matters.
    numbered: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// Where this is is not known. The first bytes of a call may begin a value.
    #[default]
    Lost,
    /// A line comes.
    Line,
    /// So many bytes of a value, and its line end.
    Bulk(u64),
}

impl Redactor {
    /// A redactor for the connection whose client's bytes, which went this way, were recognised.
    pub(crate) fn new(client: Way) -> Self {
        Self { client, ways: [Direction::default(); 2] }
    }

    /// Whether the bytes begin with an array of which the first value is the name of a command.
    pub(crate) fn recognises(bytes: &[u8]) -> bool {
        let mut lines = bytes.split(|&byte| byte == b'\n');
        let mut line = || lines.next().and_then(|line| line.strip_suffix(b"\r"));
        let (Some(array), Some(bulk), Some(name)) = (line(), line(), line()) else { return false };
        number(array, b'*').is_some_and(|count| count > 0)
            && number(bulk, b'$') == Some(name.len() as u64)
            && command::lookup(name).is_some()
    }

    /// Takes the next bytes; always goes on.
    pub(crate) fn run(&mut self, way: Way, begins: bool, kept: &mut Kept<'_>) -> bool {
        let from_client = way == self.client;
        let direction = &mut self.ways[way.index()];
        if direction.state == State::Lost {
            let found = begins && (!from_client || Self::recognises(kept.bytes));
            if !found {
                return true;
            }
            *direction = Direction { state: State::Line, ..Direction::default() };
        }
        let mut at = 0;
        while at < kept.bytes.len() {
            match direction.state {
                State::Lost => return true,
                State::Bulk(left) => {
                    let here = left.min((kept.bytes.len() - at) as u64);
                    if left == here && from_client {
                        direction.argument(kept.from(at), at, left, kept);
                    }
                    at += here as usize;
                    direction.pass(here, at, kept);
                }
                State::Line => {
                    let Some(line) = kept.line(at) else {
                        direction.state = State::Lost;
                        return true;
                    };
                    at = line.next;
                    if from_client {
                        direction.request(line, kept);
                    } else {
                        direction.reply(line, kept);
                    }
                }
            }
        }
        true
    }

    /// Bytes that are not known went by.
    pub(crate) fn skip(&mut self, way: Way, length: u64) {
        let direction = &mut self.ways[way.index()];
        match direction.state {
            _ if length == 0 => {}
            State::Bulk(left) if length < left => direction.state = State::Bulk(left - length),
            _ => direction.state = State::Lost,
        }
    }
}

impl Direction {
    /// Bytes of a value went by; the last two are its line end.
    fn pass(&mut self, length: u64, end: usize, kept: &mut Kept<'_>) {
        let State::Bulk(left) = self.state else { return };
        if left > length {
            self.state = State::Bulk(left - length);
            return;
        }
        self.state = State::Line;
        if end >= 2 && kept.bytes.get(end - 2..end) == Some(b"\r\n") {
            kept.keep(end - 2..end);
        } else {
            // In two records, or no line end at all.
            self.state = State::Lost;
        }
    }

    /// A line of a client: how many arguments come, or how long the next is.
    fn request(&mut self, line: Line<'_>, kept: &mut Kept<'_>) {
        if let Some(count) = number(line.text, b'*').and_then(|it| u32::try_from(it).ok())
            && self.left == 0
        {
            *self = Self { state: State::Line, left: count, seen: 0, numbered: false };
        } else if let Some(length) = number(line.text, b'$')
            && self.left > 0
        {
            self.state = State::Bulk(length.saturating_add(2));
        } else {
            // Inline commands are values to their end.
            self.state = State::Lost;
            return;
        }
        kept.keep(line.start..line.start + line.text.len());
    }

    /// An argument ends in this record. It is shown if it is whole and the name of a command, or the
    /// number of a database or a version.
    fn argument(&mut self, bytes: &[u8], at: usize, length: u64, kept: &mut Kept<'_>) {
        let length = usize::try_from(length).unwrap_or(usize::MAX).saturating_sub(2);
        let value = bytes.get(..length).unwrap_or_default();
        let before = at.checked_sub(1).and_then(|before| kept.bytes.get(before));
        let whole = before == Some(&b'\n');
        let is_number = matches!(value.len(), 1 | 2) && value.iter().all(u8::is_ascii_digit);
        let shows = match self.seen {
            0 => command::lookup(value).is_some(),
            1 => self.numbered && is_number,
            _ => false,
        };
        if whole && shows {
            kept.keep(at..at + length);
        }
        self.numbered = self.seen == 0
            && (value.eq_ignore_ascii_case(b"select") || value.eq_ignore_ascii_case(b"hello"));
        self.seen += 1;
        self.left = self.left.saturating_sub(1);
    }

    /// A line of a server.
    fn reply(&mut self, line: Line<'_>, kept: &mut Kept<'_>) {
        let Line { text, start, .. } = line;
        let Some((kind, rest)) = text.split_first() else {
            self.state = State::Lost;
            return;
        };
        let end = start + text.len();
        match kind {
            b'*' | b'%' | b'~' | b'>' if number(text, *kind).is_some() || rest == b"-1" => {
                kept.keep(start..end);
            }
            b'$' | b'!' | b'=' if rest == b"-1" => kept.keep(start..end),
            b'$' | b'!' | b'=' => {
                let Some(length) = number(text, *kind) else {
                    self.state = State::Lost;
                    return;
                };
                kept.keep(start..end);
                self.state = State::Bulk(length.saturating_add(2));
            }
            b'+' => {
                kept.keep(start..start + 1);
                if REPLIES.contains(&rest) {
                    kept.keep(start..end);
                }
            }
            b'-' => {
                kept.keep(start..start + 1);
                let code = rest.split(|&byte| byte == b' ').next().unwrap_or_default();
                if ERRORS.contains(&code) {
                    kept.keep(start..(start + code.len() + 2).min(end));
                }
            }
            b':' | b',' | b'(' => {
                kept.keep(start..start + 1);
                (start + 1..end).for_each(|at| kept.put(at, DIGIT));
            }
            b'_' if rest.is_empty() => kept.keep(start..end),
            b'#' if matches!(rest, b"t" | b"f") => kept.keep(start..end),
            _ => self.state = State::Lost,
        }
    }
}

/// A count or a length behind its sign, of nine digits at most.
fn number(line: &[u8], sign: u8) -> Option<u64> {
    let digits = line.strip_prefix(&[sign])?;
    if !(1..=9).contains(&digits.len()) || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}
