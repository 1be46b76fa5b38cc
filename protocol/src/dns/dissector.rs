//! Pairs queries and responses by id and question.

use std::collections::VecDeque;

use crate::chunk::{Chunk, Moment, Side, Tail};
use crate::dissector::{Capture, Dissector, Ending, Handover, Output};
use crate::exchange::{Exchange, Extent, Facts, Outcome};
use crate::window::Window;

use super::DnsFacts;
use super::detect;
use super::message::{Answer, Header, Question};

/// Lookups in flight on one socket.
const OPEN_LIMIT: usize = 1024;
/// Lookups whose late second response is expected.
const ANSWERED_LIMIT: usize = 32;
/// A lookup without a response is over after this time: a resolver's patience, retries included.
/// Nanoseconds.
const PATIENCE: u64 = 30_000_000_000;
/// Malformed messages without a good one in between, after which the connection is not DNS.
const MISTAKES_LIMIT: u32 = 4;
/// Chunks are read in pieces of this size, so that no window overflows. Bytes.
const PIECE: usize = 32 * 1024;
/// Datagrams are small, and TCP is for what is larger.
const HEADS: Capture = Capture::Heads { client: 1024, server: 4096 };

/// A DNS connection, or a UDP flow.
#[derive(Debug)]
pub(super) struct Dns {
    client: Stream,
    server: Stream,
    /// Oldest first.
    open: VecDeque<Lookup>,
    /// Ids of what was answered last.
    answered: VecDeque<u16>,
    mistakes: u32,
    has_asked: bool,
    is_over: bool,
}

/// One direction of a TCP connection.
#[derive(Debug, Default)]
struct Stream {
    window: Window,
    /// The next unread byte begins a message.
    is_aligned: bool,
}

#[derive(Debug)]
struct Lookup {
    asker: Side,
    id: u16,
    question: Question,
    request: Extent,
    resends: u32,
}

impl Lookup {
    fn answer(self, extent: Extent, header: Header, answer: Answer) -> Exchange {
        let facts = DnsFacts {
            name: self.question.name,
            record_type: self.question.record_type,
            response_code: answer.response_code,
            addresses: answer.addresses,
            is_truncated: header.is_truncated(),
            resends: self.resends,
        };
        let facts = Facts::Dns(Box::new(facts));
        Exchange { asker: self.asker, ..Exchange::new(self.request, Some(extent), facts) }
    }

    fn abandon(self, ending: Ending, at: impl Into<Tail>) -> Exchange {
        let facts = DnsFacts {
            name: self.question.name,
            record_type: self.question.record_type,
            resends: self.resends,
            ..DnsFacts::default()
        };
        let facts = Facts::Dns(Box::new(facts));
        Exchange {
            asker: self.asker,
            outcome: Outcome::Aborted(ending),
            answered: Some(at.into()),
            ..Exchange::new(self.request, None, facts)
        }
    }
}

impl Dns {
    pub(super) fn new(from_start: bool) -> Self {
        let stream = || Stream { window: Window::default(), is_aligned: from_start };
        Self {
            client: stream(),
            server: stream(),
            open: VecDeque::new(),
            answered: VecDeque::new(),
            mistakes: 0,
            has_asked: false,
            is_over: false,
        }
    }

    /// Reads what a TCP connection brings.
    fn stream(&mut self, piece: &Chunk<'_>, out: &mut Output) {
        let side = piece.side;
        let mut stream = match side {
            Side::Client => std::mem::take(&mut self.client),
            Side::Server => std::mem::take(&mut self.server),
        };
        if !stream.is_aligned && detect::fills(piece.bytes) {
            stream.window.clear();
            stream.is_aligned = true;
        }
        if stream.is_aligned {
            stream.window.push(piece);
            while let Some((bytes, is_cut, extent)) = stream.next() {
                self.message(side, &bytes, is_cut, extent, out);
            }
            if stream.window.hole() > 0 && stream.window.skipping() == 0 {
                stream = Stream::default();
                out.lost += 1;
            }
        }
        match side {
            Side::Client => self.client = stream,
            Side::Server => self.server = stream,
        }
    }

    /// Takes a message, perhaps cut.
    fn message(
        &mut self,
        side: Side,
        bytes: &[u8],
        is_cut: bool,
        extent: Extent,
        out: &mut Output,
    ) {
        self.expire(extent.first.start, out);
        let header = match Header::parse(bytes) {
            Some(header) => header,
            None if is_cut => {
                out.lost += 1;
                return;
            }
            None => return self.mistake(out),
        };
        if !header.is_standard() {
            return;
        }
        let question = match header.counts[0] {
            0 if header.is_response() => None,
            1 => match Question::parse(bytes) {
                Ok(question) => Some(question),
                // Its id is there.
                Err(_) if is_cut && header.is_response() => None,
                Err(_) if is_cut => {
                    out.lost += 1;
                    return;
                }
                Err(_) => return self.mistake(out),
            },
            _ => return self.mistake(out),
        };
        self.mistakes = 0;
        if header.is_response() {
            self.response(side, bytes, extent, header, question, out);
        } else if let Some((question, _)) = question {
            self.query(side, extent, header.id, question, out);
        }
    }

    fn query(
        &mut self,
        asker: Side,
        extent: Extent,
        id: u16,
        question: Question,
        out: &mut Output,
    ) {
        let same = |lookup: &&mut Lookup| {
            lookup.asker == asker && lookup.id == id && lookup.question.matches(&question)
        };
        if let Some(lookup) = self.open.iter_mut().find(same) {
            lookup.resends = lookup.resends.saturating_add(1);
            lookup.request.last = extent.last;
            return;
        }
        if self.open.len() >= OPEN_LIMIT {
            self.open.pop_front();
            out.lost += 1;
        }
        self.open.push_back(Lookup { asker, id, question, request: extent, resends: 0 });
    }

    fn response(
        &mut self,
        side: Side,
        bytes: &[u8],
        extent: Extent,
        header: Header,
        question: Option<(Question, usize)>,
        out: &mut Output,
    ) {
        let asker = side.other();
        let fits = |lookup: &Lookup| lookup.asker == asker && lookup.id == header.id;
        let index = match &question {
            Some((question, _)) => self
                .open
                .iter()
                .position(|lookup| fits(lookup) && lookup.question.matches(question)),
            // A server that could not read the query does not repeat it, or it was not captured.
            None if self.open.iter().filter(|lookup| fits(lookup)).count() == 1 => {
                self.open.iter().position(fits)
            }
            None => None,
        };
        let Some(lookup) = index.and_then(|index| self.open.remove(index)) else {
            if !self.answered.contains(&header.id) {
                out.lost += 1;
            }
            return;
        };
        if self.answered.len() >= ANSWERED_LIMIT {
            self.answered.pop_front();
        }
        self.answered.push_back(header.id);
        let offset = match question {
            Some((_, offset)) => offset,
            None if header.counts[0] == 0 => super::message::HEADER_LENGTH,
            None => bytes.len(),
        };
        let answer = Answer::parse(bytes, header, offset);
        out.exchanges.push(lookup.answer(extent, header, answer));
    }

    /// Gives up lookups that nobody can be waiting for.
    fn expire(&mut self, now: u64, out: &mut Output) {
        let is_over = |lookup: &mut Lookup| lookup.request.last.end.saturating_add(PATIENCE) < now;
        while let Some(lookup) = self.open.pop_front_if(is_over) {
            let at = lookup.request.last;
            let end = at.end.saturating_add(PATIENCE);
            out.exchanges.push(lookup.abandon(Ending::Closed, Tail { start: end, end, ..at }));
        }
    }

    fn mistake(&mut self, out: &mut Output) {
        out.not_understood += 1;
        self.mistakes += 1;
        if self.mistakes >= MISTAKES_LIMIT {
            out.lost += self.open.len() as u64;
            self.open.clear();
            self.is_over = true;
            out.handover = Some(Handover::NotMine);
        }
    }
}

impl Stream {
    /// The next message (RFC 7766 §8), as far as it was captured.
    fn next(&mut self) -> Option<(Vec<u8>, bool, Extent)> {
        if self.window.skipping() > 0 {
            return None;
        }
        let (length, rest) = match *self.window.bytes() {
            [high, low, ref rest @ ..] => (usize::from(u16::from_be_bytes([high, low])), rest),
            _ => return None,
        };
        if rest.len() < length && self.window.hole() == 0 {
            return None;
        }
        let message = rest.get(..length).unwrap_or(rest).to_vec();
        let is_cut = message.len() < length;
        let first = self.window.moment(0);
        self.window.skip(length as u64 + 2);
        let position = first.position.saturating_add(length as u64 + 1);
        let last = Moment { position, ..self.window.last() };
        Some((message, is_cut, Extent::new(first, last)))
    }
}

impl Dissector for Dns {
    fn feed(&mut self, chunk: &Chunk<'_>, out: &mut Output) {
        if self.is_over {
            return;
        }
        if !self.has_asked {
            self.has_asked = true;
            out.capture = Some(HEADS);
        }
        if chunk.datagram {
            let position = chunk.end_position().saturating_sub(1);
            let last = Moment { position, ..chunk.first };
            let extent = Extent::new(chunk.first, last);
            return self.message(chunk.side, chunk.bytes, chunk.missing > 0, extent, out);
        }
        for piece in chunk.pieces(PIECE) {
            self.stream(&piece, out);
            if self.is_over {
                return;
            }
        }
    }

    fn half_closed(&mut self, _side: Side, _at: Moment, _out: &mut Output) {}

    fn held(&self) -> usize {
        let open = self.open.iter().map(|it| size_of::<Lookup>() + it.question.name.len());
        self.client.window.held() + self.server.window.held() + open.sum::<usize>()
    }

    fn closed(&mut self, ending: Ending, at: Moment, out: &mut Output) {
        if !self.is_over {
            self.is_over = true;
            out.exchanges.extend(self.open.drain(..).map(|lookup| lookup.abandon(ending, at)));
        }
    }

    fn waits(&self) -> bool {
        !self.open.is_empty()
    }

    fn idle(&mut self, now: u64, out: &mut Output) {
        self.expire(now, out);
    }

    fn open_request(&self, position: u64) -> Option<Moment> {
        let covers = |lookup: &&Lookup| lookup.request.covers(position);
        self.open.iter().rev().find(covers).map(|lookup| lookup.request.first)
    }
}
