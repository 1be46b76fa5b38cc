//! What may leave of FastCGI: how records frame a request, and of the request and the response what may
//! leave of HTTP/1.
//!
//! A record's header counts only if it is whole within a piece. Behind one that is not, all is masked: of the
//! web server until a call begins with a request, of the application until the next request.

mod content;

use super::record::{self, BEGIN_LENGTH, HEADER_LENGTH, Header, Kind};
use crate::redact::{Kept, Way};
use content::{Head, Params};

/// Requests that are followed at a time; what belongs to others is masked.
const MOST_OPEN: usize = 256;

/// Both directions of a connection.
#[derive(Debug)]
pub(crate) struct Redactor {
    /// Which way the web server's bytes go.
    web_server: Way,
    /// By [`Way::index`].
    states: [State; 2],
    open: Vec<Open>,
}

/// A request that has not ended.
#[derive(Debug)]
struct Open {
    id: u16,
    params: Params,
    head: Head,
}

/// Where one direction is.
#[derive(Clone, Copy, Debug)]
enum State {
    /// Not known.
    Lost,
    /// The next call begins with a record, if it begins with a header.
    Call,
    /// A header comes.
    Header,
    /// So much of a record's content, and of the padding behind it, is left. Bytes.
    Content { kind: Kind, id: u16, left: u64, padding: u64 },
}

impl Redactor {
    /// Whether bytes are a web server's first: a request begins, and nothing else follows it.
    pub(crate) fn recognises(bytes: &[u8]) -> bool {
        match (record::begin(bytes), bytes.get(BEGIN_LENGTH..)) {
            // PHP reads the header by itself.
            (None, None) => bytes.len() == HEADER_LENGTH,
            (Some(Ok(_)), Some([])) => true,
            (Some(Ok((id, _))), Some(rest)) => Header::parse(rest)
                .flatten()
                .is_some_and(|next| next.id == id && next.kind == Kind::Params),
            _ => false,
        }
    }

    /// A connection whose web server speaks this way.
    pub(crate) fn new(web_server: Way) -> Self {
        let mut states = [State::Call; 2];
        states[web_server.index()] = State::Header;
        Self { web_server, states, open: Vec::new() }
    }

    /// Shows what may be shown of the next bytes; true, as a connection is never given up.
    pub(crate) fn run(&mut self, way: Way, begins: bool, kept: &mut Kept<'_>) -> bool {
        self.find_footing(way, begins, kept);
        let mut at = 0;
        while at < kept.bytes.len() {
            let state = self.states[way.index()];
            let (next, length) = match state {
                State::Lost | State::Call => return true,
                State::Header => self.header(way, at, kept),
                State::Content { kind, id, left, padding } => {
                    let length = (kept.bytes.len() - at).min(left as usize);
                    let part = at..at + length;
                    if self.content(kind, id, part, length as u64 == left, kept) {
                        let here = kept.bytes.len() - at;
                        let passed = (left + padding).min(here as u64);
                        (passed_by(state, passed), passed as usize)
                    } else {
                        (State::Lost, 0)
                    }
                }
            };
            self.states[way.index()] = next;
            at += length;
        }
        true
    }

    /// Bytes that are not known went by.
    pub(crate) fn skip(&mut self, way: Way, length: u64) {
        if length == 0 {
            return;
        }
        let state = self.states[way.index()];
        if let State::Content { kind, id, left, .. } = state
            && left > 0
            && let Some(open) = self.open.iter_mut().find(|open| open.id == id)
        {
            match kind {
                Kind::Params => open.params = Params::Lost,
                Kind::Stdout => open.head = Head::Over,
                _ => {}
            }
        }
        self.states[way.index()] = match state {
            State::Content { left, padding, .. } if length <= left + padding => {
                passed_by(state, length)
            }
            _ => State::Lost,
        };
    }

    /// What can be known of where the direction is from how a call begins, or ends.
    fn find_footing(&mut self, way: Way, begins: bool, kept: &mut Kept<'_>) {
        let is_web_server = way == self.web_server;
        let state = self.states[way.index()];
        match state {
            State::Lost if is_web_server && begins && Self::recognises(kept.bytes) => {
                self.states[way.index()] = State::Header;
            }
            State::Call if begins => {
                let header = Header::parse(kept.bytes).flatten();
                let is_own = header.is_some_and(|header| self.is_expected(way, header));
                self.states[way.index()] = if is_own { State::Header } else { State::Lost };
            }
            _ => {}
        }
        if let (State::Lost, false) = (self.states[way.index()], is_web_server)
            && let Some(id) = record::trailing_end(kept.bytes)
            && let Some(index) = self.open.iter().position(|open| open.id == id)
        {
            // That response ends here, whatever it was before: nothing in these bytes is free.
            let start = kept.bytes.len() - BEGIN_LENGTH;
            kept.keep(start..start + HEADER_LENGTH);
            kept.keep(start + HEADER_LENGTH + 4..start + HEADER_LENGTH + 5);
            self.open.swap_remove(index);
        }
    }

    fn is_expected(&self, way: Way, header: Header) -> bool {
        if way == self.web_server {
            return header.kind.is_from_web_server();
        }
        let is_open = header.id == 0 || self.open.iter().any(|open| open.id == header.id);
        header.kind.is_from_application() && is_open
    }

    /// A header at `at`: what follows it, and how many bytes were taken.
    fn header(&mut self, way: Way, at: usize, kept: &mut Kept<'_>) -> (State, usize) {
        let bytes = kept.from(at);
        let header = Header::parse(bytes).flatten().filter(|it| self.is_expected(way, *it));
        let Some(header) = header else { return (State::Lost, bytes.len()) };
        let Header { kind, id, content, padding } = header;
        let (left, padding) = (u64::from(content), u64::from(padding));
        let state = |left| match (left, padding) {
            (0, 0) => State::Header,
            _ => State::Content { kind, id, left, padding },
        };
        if kind == Kind::Begin && (left, padding) != (8, 0) {
            return (State::Lost, bytes.len());
        }
        // The last byte is reserved, and may be anything.
        let is_zero = bytes.get(HEADER_LENGTH - 1) == Some(&0);
        kept.keep(at..at + HEADER_LENGTH - usize::from(!is_zero));
        (state(left), HEADER_LENGTH)
    }

    fn begin(&mut self, id: u16) {
        self.open.retain(|open| open.id != id);
        if self.open.len() < MOST_OPEN {
            self.open.push(Open { id, params: Params::Between, head: Head::Begins });
        }
        let application = match self.web_server {
            Way::In => Way::Out,
            Way::Out => Way::In,
        };
        if let state @ State::Lost = &mut self.states[application.index()] {
            *state = State::Call;
        }
    }

    /// A part of a record's content; `ends` says that it is the last. False if it cannot be.
    fn content(
        &mut self,
        kind: Kind,
        id: u16,
        part: std::ops::Range<usize>,
        ends: bool,
        kept: &mut Kept<'_>,
    ) -> bool {
        let Some(mut part) = kept.part(part) else { return false };
        if kind == Kind::Begin {
            // Roles and flags there are (§5.1), and what is reserved: all or nothing.
            let is_body = matches!(part.bytes, [0, 1..=3, 0 | 1, 0, 0, 0, 0, 0]);
            if is_body {
                part.keep(0..part.bytes.len());
                self.begin(id);
            }
            return is_body;
        }
        let Some(index) = self.open.iter().position(|open| open.id == id) else { return true };
        let Some(open) = self.open.get_mut(index) else { return true };
        match kind {
            Kind::Params => open.params.keep(&mut part),
            Kind::Stdout => open.head.keep(&mut part),
            Kind::End if ends => {
                // Why it was refused (§5.5), if these are all of the content's bytes.
                if part.bytes.len() == 8 && matches!(part.bytes.get(4), Some(0..=3)) {
                    part.keep(4..5);
                }
                self.open.swap_remove(index);
            }
            _ => {}
        }
        true
    }
}

/// Where a direction is when so many bytes have passed, no more than the record has.
fn passed_by(state: State, length: u64) -> State {
    match state {
        State::Content { left, padding, .. } if length >= left + padding => State::Header,
        State::Content { kind, id, left, padding } => {
            let of_content = length.min(left);
            let padding = padding - (length - of_content);
            State::Content { kind, id, left: left - of_content, padding }
        }
        state => state,
    }
}
