//! Pairs requests and responses by their ids.

use crate::chunk::{Chunk, Moment, Side};
use crate::dissector::{Capture, Dissector, Ending, Handover, Output};
use crate::exchange::{Extent, Outcome};

use super::open::{self, Open};
use super::record::{self, Header, Kind, Malformed, Record, Records};

/// Requests that are open at a time on one connection. Web servers open one.
const OPEN_LIMIT: usize = 256;
/// Errors without an exchange in between, after which the connection is not FastCGI.
const MISTAKES_LIMIT: u32 = 4;
/// A response whose end was not captured is over after this silence. Nanoseconds.
const SILENCE: u64 = 1_000_000_000;
/// Chunks are read in pieces of this size, so that no window overflows. Bytes.
const PIECE: usize = 32 * 1024;
/// Heads that hold the parameters of nearly every request, and every response's head.
const HEADS: Capture = Capture::Heads { client: 16 * 1024, server: 4096 };

/// A FastCGI connection.
#[derive(Debug)]
pub(super) struct FastCgi {
    web_server: Records,
    application: Records,
    /// The next byte of the direction is known to be inside a known record or to begin one.
    has_requests: bool,
    has_responses: bool,
    open: Vec<Open>,
    last_side: Option<Side>,
    mistakes: u32,
    /// A request began, and was told in full.
    is_confirmed: bool,
    has_asked: bool,
    is_over: bool,
}

impl FastCgi {
    pub(super) fn new(from_start: bool) -> Self {
        Self {
            web_server: Records::default(),
            application: Records::default(),
            has_requests: from_start,
            has_responses: from_start,
            open: Vec::new(),
            last_side: None,
            mistakes: 0,
            is_confirmed: false,
            has_asked: false,
            is_over: false,
        }
    }

    fn web_server(&mut self, piece: &Chunk<'_>, out: &mut Output) {
        let begins_turn = self.last_side != Some(Side::Client);
        if !self.has_requests && begins_turn && is_begin(piece.bytes) {
            self.web_server.abandon();
            self.has_requests = true;
            if self.open.is_empty() {
                self.application.abandon();
                self.has_responses = true;
            }
        }
        if !self.has_requests {
            return;
        }
        self.web_server.push(piece);
        loop {
            let open = &mut self.open;
            let next = self.web_server.next(|part| {
                if let Some(request) = open.iter_mut().find(|open| open.id == part.header.id) {
                    open::params(request, part);
                }
            });
            match next {
                Ok(Some(record)) if record.header.kind.is_from_web_server() => {
                    self.asked(&record, out);
                }
                Ok(None) => break,
                Ok(Some(_)) | Err(Malformed) => {
                    self.requests_cut(out);
                    return self.mistake(out);
                }
            }
        }
        if self.web_server.is_cut() {
            self.requests_cut(out);
        }
    }

    fn application(&mut self, piece: &Chunk<'_>, out: &mut Output) {
        if !self.has_responses {
            self.find_responses(piece, out);
        }
        if !self.has_responses {
            return;
        }
        self.application.push(piece);
        loop {
            let open = &mut self.open;
            let next = self.application.next(|part| {
                if let Some(request) = open.iter_mut().find(|open| open.id == part.header.id) {
                    open::head(request, part);
                }
            });
            match next {
                Ok(Some(record)) if record.header.kind.is_from_application() => {
                    self.answered(&record, out);
                }
                Ok(None) => break,
                Ok(Some(_)) | Err(Malformed) => {
                    self.responses_cut(piece.first, out);
                    return self.mistake(out);
                }
            }
        }
        if self.application.is_cut() {
            self.responses_cut(piece.first, out);
        }
    }

    /// Looks for a record of an open request at a chunk's front, or for the end of one at its end.
    fn find_responses(&mut self, piece: &Chunk<'_>, out: &mut Output) {
        let header = Header::parse(piece.bytes).flatten();
        let is_open = |id| self.open.iter().any(|open| open.id == id);
        if header.is_some_and(|header| header.kind.is_from_application() && is_open(header.id)) {
            self.application.abandon();
            self.has_responses = true;
            return;
        }
        let position = piece.end_position().saturating_sub(1);
        let extent = Extent::new(piece.first, Moment { position, ..piece.first });
        if let [only] = &mut *self.open {
            only.responds(extent);
        }
        // Whatever is not read may hold an end.
        self.open.iter_mut().for_each(|open| open.response_cut = true);
        self.drop_doubtful(out);
        let last = if piece.missing == 0 { piece.bytes } else { &[] };
        let ended = record::trailing_end(last)
            .and_then(|id| self.open.iter().position(|open| open.id == id));
        if let Some(index) = ended {
            let mut request = self.open.swap_remove(index);
            request.responds(extent);
            request.head.cut(&mut request.facts);
            self.mistakes = 0;
            out.exchanges.push(request.into_exchange(Outcome::Complete));
        }
    }

    fn asked(&mut self, record: &Record, out: &mut Output) {
        let id = record.header.id;
        let index = self.open.iter().position(|open| open.id == id);
        match (record.header.kind, index) {
            (Kind::Begin, _) => {
                if let Some(index) = index {
                    // An id is taken up again only after its request ended (§3.3).
                    let before = self.open.swap_remove(index);
                    if before.response_cut && before.response.is_some() {
                        out.exchanges.push(before.into_exchange(Outcome::Inferred));
                    } else {
                        out.lost += 1;
                    }
                }
                if self.open.len() < OPEN_LIMIT {
                    self.open.push(Open::new(id, record.extent));
                } else {
                    out.lost += 1;
                }
            }
            (kind, Some(index)) => {
                let Some(request) = self.open.get_mut(index) else { return };
                match kind {
                    Kind::Abort => request.is_cancelled = true,
                    _ => request.request.last = record.extent.last,
                }
                if kind == Kind::Params && record.header.content == 0 {
                    request.params_over = true;
                    request.params_end();
                    self.is_confirmed = true;
                }
            }
            // Management, and the rest of what began before we came.
            _ => {}
        }
    }

    fn answered(&mut self, record: &Record, out: &mut Output) {
        let id = record.header.id;
        let Some(index) = self.open.iter().position(|open| open.id == id) else { return };
        let Some(request) = self.open.get_mut(index) else { return };
        request.responds(record.extent);
        if record.header.kind == Kind::End {
            let mut request = self.open.swap_remove(index);
            request.head.cut(&mut request.facts);
            request.params_end();
            request.facts.error = record::refusal(&record.body).map(Into::into);
            self.mistakes = 0;
            out.exchanges.push(request.into_exchange(Outcome::Complete));
        }
    }

    /// Bytes of the web server are lost.
    fn requests_cut(&mut self, out: &mut Output) {
        self.web_server.abandon();
        self.has_requests = false;
        for open in &mut self.open {
            // A hole in the request's own turn holds nothing but the rest of its body.
            open.successor_cut |= open.response.is_some();
        }
        self.drop_doubtful(out);
        let before = self.open.len();
        self.open.retain(|open| open.params.is_none());
        out.lost += (before - self.open.len()) as u64;
    }

    /// Gives up requests of which the end was perhaps lost, and whose id perhaps taken up again.
    fn drop_doubtful(&mut self, out: &mut Output) {
        let before = self.open.len();
        self.open.retain(|open| !(open.successor_cut && open.response_cut));
        out.lost += (before - self.open.len()) as u64;
    }

    /// Bytes of the application are lost.
    fn responses_cut(&mut self, at: Moment, out: &mut Output) {
        let first = self.application.in_hand().unwrap_or(at);
        let last = self.application.last();
        self.application.abandon();
        self.has_responses = false;
        if let [only] = &mut *self.open {
            only.responds(Extent::new(first, last));
        }
        for open in &mut self.open {
            open.response_cut = true;
            open.head.cut(&mut open.facts);
        }
        self.drop_doubtful(out);
    }

    fn mistake(&mut self, out: &mut Output) {
        out.not_understood += 1;
        self.mistakes += 1;
        if self.mistakes >= MISTAKES_LIMIT || !self.is_confirmed {
            out.lost += self.open.len() as u64;
            self.open.clear();
            self.is_over = true;
            out.handover = Some(Handover::NotMine);
        }
    }
}

impl Dissector for FastCgi {
    fn feed(&mut self, chunk: &Chunk<'_>, out: &mut Output) {
        if !self.has_asked {
            self.has_asked = true;
            out.capture = Some(HEADS);
        }
        for piece in chunk.pieces(PIECE) {
            if self.is_over {
                return;
            }
            match chunk.side {
                Side::Client => self.web_server(&piece, out),
                Side::Server => self.application(&piece, out),
            }
            self.last_side = Some(chunk.side);
        }
    }

    fn half_closed(&mut self, _side: Side, _at: Moment, _out: &mut Output) {}

    fn held(&self) -> usize {
        let open = self.open.iter().map(|open| size_of::<Open>() + open.held());
        self.web_server.held() + self.application.held() + open.sum::<usize>()
    }

    fn closed(&mut self, ending: Ending, at: Moment, out: &mut Output) {
        if self.is_over {
            return;
        }
        self.is_over = true;
        for mut request in self.open.drain(..) {
            request.head.cut(&mut request.facts);
            let ended_unseen = request.response_cut && ending != Ending::Reset;
            let outcome = if ended_unseen { Outcome::Inferred } else { Outcome::Aborted(ending) };
            if request.response.is_none() {
                request.answered = Some(at);
            }
            out.exchanges.push(request.into_exchange(outcome));
        }
    }

    fn waits(&self) -> bool {
        self.open.iter().any(|open| open.response_cut && open.response.is_some())
    }

    fn idle(&mut self, now: u64, out: &mut Output) {
        let is_over = |open: &mut Open| {
            let last = open.response.map_or(u64::MAX, |response| response.last.end);
            open.response_cut && last.saturating_add(SILENCE) <= now
        };
        let over = self.open.extract_if(.., is_over);
        out.exchanges.extend(over.map(|open| open.into_exchange(Outcome::Inferred)));
    }

    fn open_request(&self, position: u64) -> Option<Moment> {
        let covers = |open: &&Open| open.request.covers(position);
        self.open.iter().find(covers).map(|open| open.request.first)
    }
}

/// Whether bytes are the beginning of a `BEGIN_REQUEST`.
fn is_begin(bytes: &[u8]) -> bool {
    !bytes.is_empty() && !matches!(record::begin(bytes), Some(Err(())))
}
