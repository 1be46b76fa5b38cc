//! What may leave of HTTP/1: how messages are framed, not what they say.
//!
//! A line counts only if it is whole. One that is cut by the end of a record is masked to its end,
//! and where a body ends is then not known: all is masked until the next head.

mod field;
mod target;

use std::collections::VecDeque;

use super::head::{Fit, RequestLine, StatusLine, is_surely_request};
use crate::redact::{Kept, Line, Way, shown_by};

pub(crate) use field::{is_host, keep as field, value};

/// Which bytes of a request's target may be shown.
pub(crate) fn target(text: &[u8]) -> Vec<bool> {
    // A space follows, as in a request line.
    let line = [text, b" "].concat();
    let mut shown = shown_by(&line, |kept| target::keep(b"GET", 0..text.len(), kept));
    shown.truncate(text.len());
    shown
}

/// Requests whose responses are awaited; beyond, the oldest are forgotten.
const MOST_OPEN: usize = 1024;

/// Both directions of a connection.
#[derive(Debug, Default)]
pub(crate) struct Redactor {
    ways: [Direction; 2],
    /// What the requests that wait for a response were.
    open: VecDeque<Asked>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Head,
    Connect,
    Other,
}

#[derive(Debug, Default)]
struct Direction {
    state: State,
    head: Head,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// Where this is is not known. The first bytes of a call may be a head.
    #[default]
    Lost,
    /// A start line comes.
    Start,
    /// A field, or the end of the head.
    Field,
    /// The rest of a field that was cut.
    RestOfField,
    /// So many bytes of content.
    Content(u64),
    /// The size of a chunk.
    Size,
    /// So many bytes of a chunk.
    Chunk(u64),
    /// The line end behind a chunk.
    ChunkEnd,
    /// A trailer field, or the end of the message.
    Trailer,
    /// The rest of a trailer field that was cut.
    RestOfTrailer,
}

/// What a head says of the message.
#[derive(Clone, Copy, Debug, Default)]
struct Head {
    /// `None` for a request.
    status: Option<u16>,
    length: Option<u64>,
    chunked: bool,
    /// Something of it was not understood, so that it is not known how the message ends.
    unclear: bool,
}

impl Redactor {
    /// Whether the bytes begin with a whole start line.
    pub(crate) fn recognises(bytes: &[u8]) -> bool {
        is_surely_request(bytes) == Fit::Yes || StatusLine::read(bytes).is_some()
    }

    /// Takes the next bytes; false if the connection is HTTP no more.
    pub(crate) fn run(&mut self, way: Way, begins: bool, kept: &mut Kept<'_>) -> bool {
        let mut at = 0;
        let state = self.ways[way.index()].state;
        if state == State::Lost && begins && Self::recognises(kept.bytes) {
            self.ways[way.index()].state = State::Start;
        }
        while at < kept.bytes.len() {
            let direction = &mut self.ways[way.index()];
            match direction.state {
                State::Lost => return true,
                State::Content(left) | State::Chunk(left) => {
                    let here = (kept.bytes.len() - at) as u64;
                    direction.pass(here.min(left));
                    at = at.saturating_add(usize::try_from(left).unwrap_or(usize::MAX));
                }
                State::RestOfField | State::RestOfTrailer => {
                    let Some(line) = kept.line(at) else { return true };
                    at = line.next;
                    let field = direction.state == State::RestOfField;
                    direction.state = if field { State::Field } else { State::Trailer };
                }
                State::Start | State::Field | State::Size | State::ChunkEnd | State::Trailer => {
                    let Some(line) = kept.line(at) else {
                        direction.cut();
                        return true;
                    };
                    at = line.next;
                    if !self.line(way, line, kept) {
                        return false;
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
            State::Content(left) | State::Chunk(left) if length <= left => direction.pass(length),
            _ if length == 0 => {}
            _ => direction.state = State::Lost,
        }
    }

    /// Takes a whole line; false if the connection is HTTP no more.
    fn line(&mut self, way: Way, line: Line<'_>, kept: &mut Kept<'_>) -> bool {
        let Self { ways, open } = self;
        let direction = &mut ways[way.index()];
        match direction.state {
            // Receivers ignore empty lines before a start line (RFC 9112 §2.2).
            State::Start if line.text.is_empty() => {}
            State::Start => direction.state = direction.start(line, kept, open),
            State::Field if line.text.is_empty() => match direction.head.end(open) {
                Some(state) => direction.state = state,
                None => return false,
            },
            State::Field => direction.head.field(line, kept),
            State::Size => direction.state = size(line, kept),
            State::ChunkEnd if line.text.is_empty() => direction.state = State::Size,
            State::ChunkEnd => direction.state = State::Lost,
            State::Trailer if line.text.is_empty() => direction.state = State::Start,
            State::Trailer => direction.head.field(line, kept),
            _ => {}
        }
        true
    }
}

impl Direction {
    fn start(&mut self, line: Line<'_>, kept: &mut Kept<'_>, open: &mut VecDeque<Asked>) -> State {
        self.head = Head::default();
        // With its end, without which it is no whole line.
        let bytes = kept.bytes.get(line.start..line.next).unwrap_or_default();
        if let Some(status) = StatusLine::read(bytes) {
            self.head.status = Some(status.status);
            // `HTTP/1.1 200 `, but no reason.
            kept.keep(line.start..line.start + line.text.len().min(13));
            return State::Field;
        }
        let Some(request) =
            RequestLine::read(bytes).filter(|_| is_surely_request(bytes) == Fit::Yes)
        else {
            return State::Lost;
        };
        let target = line.start + request.method.len() + 1;
        kept.keep(line.start..target);
        target::keep(request.method, target..target + request.target.len(), kept);
        kept.keep(target + request.target.len()..line.start + line.text.len());
        open.push_back(match request.method {
            b"HEAD" => Asked::Head,
            b"CONNECT" => Asked::Connect,
            _ => Asked::Other,
        });
        if open.len() > MOST_OPEN {
            open.pop_front();
        }
        State::Field
    }

    /// Bytes of content went by, as many as are left at most.
    fn pass(&mut self, length: u64) {
        self.state = match self.state {
            State::Content(left) if left > length => State::Content(left - length),
            State::Content(_) => State::Start,
            State::Chunk(left) if left > length => State::Chunk(left - length),
            State::Chunk(_) => State::ChunkEnd,
            state => state,
        };
    }

    /// A line goes on in the next record.
    fn cut(&mut self) {
        self.head.unclear = true;
        self.state = match self.state {
            State::Field => State::RestOfField,
            State::Trailer => State::RestOfTrailer,
            _ => State::Lost,
        };
    }
}

impl Head {
    fn field(&mut self, line: Line<'_>, kept: &mut Kept<'_>) {
        let Some((name, value)) = field::keep(line, kept) else {
            // Folded, or no field: it may have been one that matters.
            self.unclear = true;
            return;
        };
        if name.eq_ignore_ascii_case(b"content-length") {
            let number = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
            self.unclear |= number.is_none() || self.length.is_some_and(|it| Some(it) != number);
            self.length = number;
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            self.chunked = value.eq_ignore_ascii_case(b"chunked");
            self.unclear |= !self.chunked;
        }
    }

    /// What follows the head (RFC 9112 §6.3); `None` if it is no HTTP.
    fn end(&self, open: &mut VecDeque<Asked>) -> Option<State> {
        let to = match self.status {
            Some(101) => return None,
            Some(100..=199) => return Some(State::Start),
            Some(status) => {
                let asked = open.pop_front().unwrap_or(Asked::Other);
                if asked == Asked::Connect && (200..=299).contains(&status) {
                    return None;
                }
                if asked == Asked::Head || status == 204 || status == 304 {
                    return Some(State::Start);
                }
                Some(status)
            }
            None => None,
        };
        Some(match (self.unclear, self.chunked, self.length, to) {
            (true, ..) => State::Lost,
            (_, true, ..) => State::Size,
            (_, _, Some(0), _) => State::Start,
            (_, _, Some(length), _) => State::Content(length),
            // Until the connection ends.
            (_, _, None, Some(_)) => State::Lost,
            (_, _, None, None) => State::Start,
        })
    }
}

/// `chunk-size [ chunk-ext ]` (RFC 9112 §7.1).
fn size(line: Line<'_>, kept: &mut Kept<'_>) -> State {
    let digits = line.text.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let (number, rest) = line.text.split_at(digits);
    let size = std::str::from_utf8(number).ok().and_then(|it| u64::from_str_radix(it, 16).ok());
    match (size, rest.first()) {
        (Some(size), None | Some(b';' | b' ' | b'\t')) => {
            // Behind a semicolon an extension is read over, masked or not.
            kept.keep(line.start..line.start + digits + usize::from(rest.first() == Some(&b';')));
            if rest.first().is_some_and(|&byte| byte != b';') {
                kept.put(line.start + digits, b';');
            }
            if size == 0 { State::Trailer } else { State::Chunk(size) }
        }
        _ => State::Lost,
    }
}
