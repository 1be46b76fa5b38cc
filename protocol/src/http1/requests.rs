//! The client's direction: requests.

use super::body::{Body, Listener, Progress};
use super::conversation::Conversation;
use super::framing::Framing;
use super::head::{self, Fit, RequestLine};
use super::lines::{Head, Lines};
use super::message::Request;
use crate::chunk::{Chunk, Moment, Tail};
use crate::context::Carrier;
use crate::dissector::Output;
use crate::exchange::Extent;
use crate::grpc::Call;
use crate::http::{HttpFacts, Method};
use crate::names::Names;
use crate::window::Window;

/// The fields that are read.
static READ: Names = Names::union(&[Framing::NAMES, Carrier::NAMES, HttpFacts::REQUEST_NAMES]);
const CONTENT_TYPE: &[u8] = b"content-type";
/// Chunks in which no request line was found, from the attach on, until the connection is taken
/// for something else.
const PATIENCE: u32 = 256;

/// Reads requests.
#[derive(Debug)]
pub(super) struct Requests {
    window: Window,
    state: State,
    /// Of the head that comes.
    lines: Lines,
    read_any: bool,
    in_vain: u32,
    alien: bool,
    /// Answers with messages in them are to be expected.
    messages: bool,
}

#[derive(Debug)]
enum State {
    /// Where a message begins is unknown: wait for a chunk that starts with a request line.
    Hunting,
    /// A head comes.
    Head,
    /// A body comes, of the request of this id.
    Body { body: Body, listener: Option<Listener>, id: u64, begun: bool },
    /// What comes depends on the answer to the request of this id (`CONNECT`, `Upgrade`).
    Paused { id: u64, blind: bool },
}

impl Requests {
    pub(super) fn new(from_start: bool) -> Self {
        Self {
            window: Window::default(),
            state: if from_start { State::Head } else { State::Hunting },
            lines: Lines::default(),
            read_any: false,
            in_vain: 0,
            alien: false,
            messages: false,
        }
    }

    /// What it takes beyond its own size, in bytes. Samples of bodies are short, and are left out.
    pub(super) fn held(&self) -> usize {
        self.window.held()
    }

    pub(super) fn push(&mut self, chunk: &Chunk<'_>) {
        self.window.push(chunk);
    }

    /// Whether requests were seen whose answers may hold messages (SQS, SNS).
    pub(super) fn carry_messages(&self) -> bool {
        self.messages
    }

    /// The connection is not HTTP/1.
    pub(super) fn is_alien(&self) -> bool {
        self.alien || self.in_vain > PATIENCE
    }

    /// Where the stream goes on.
    pub(super) fn position(&self) -> u64 {
        self.window.position()
    }

    /// Reads what is there. Says whether the server's reader has to look for its footing.
    pub(super) fn read(&mut self, conversation: &mut Conversation, out: &mut Output) -> bool {
        let mut server_afresh = false;
        loop {
            match &mut self.state {
                State::Hunting => {
                    if let Some(request) = conversation.reading() {
                        request.extent.last = self.window.last().into();
                    }
                    match head::is_surely_request(self.window.bytes()) {
                        Fit::Yes => self.begin_head(),
                        Fit::Maybe if self.window.hole() == 0 => break,
                        _ => {
                            self.in_vain += u32::from(!self.read_any);
                            // There may be a request in what is passed over.
                            if !self.window.is_empty() || self.window.hole() > 0 {
                                conversation.requests_missed(out);
                            }
                            self.window.jump();
                            break;
                        }
                    }
                }
                State::Head if self.window.is_empty() && self.window.hole() == 0 => break,
                State::Head => {
                    self.window.consume(head::leading_empty_lines(self.window.bytes()));
                    match self.lines.end(self.window.bytes(), self.window.position()) {
                        Some(length) => {
                            server_afresh |= self.head(length, false, conversation, out);
                        }
                        None if head::looks_like_request(self.window.bytes()) == Fit::No => {
                            self.misunderstood(conversation, out);
                        }
                        None if self.window.hole() == 0 => break,
                        None => {
                            let length = self.window.len();
                            server_afresh |= self.head(length, true, conversation, out);
                            self.lose(conversation, out);
                            break;
                        }
                    }
                }
                State::Body { body, listener, id, begun } => {
                    let id = *id;
                    if !*begun && !body.is_empty() {
                        if self.window.is_empty() && self.window.hole() == 0 {
                            break;
                        }
                        match may_be_skipped(id, conversation, self.window.bytes()) {
                            Fit::Maybe if self.window.hole() == 0 => break,
                            Fit::Yes => {
                                self.end_of(id, None, None, conversation, out);
                                continue;
                            }
                            _ => *begun = true,
                        }
                        if let Some(request) = conversation.request(id) {
                            request.expecting = false;
                        }
                    }
                    match body.advance(&mut self.window, listener) {
                        Progress::More => break,
                        Progress::Done(last) => {
                            let listener = listener.take();
                            self.end_of(id, last, listener, conversation, out);
                        }
                        Progress::Lost => {
                            let listener = listener.take();
                            self.cut(id, listener, conversation, out);
                            self.lose(conversation, out);
                            break;
                        }
                        Progress::Invalid => {
                            let listener = listener.take();
                            self.cut(id, listener, conversation, out);
                            self.misunderstood(conversation, out);
                        }
                    }
                }
                State::Paused { blind, .. } => {
                    if self.window.hole() > 0 {
                        *blind = true;
                        self.window.jump();
                    }
                    break;
                }
            }
        }
        server_afresh
    }

    /// Goes on if the request that it waited for was answered, and the connection stayed HTTP.
    pub(super) fn resume(&mut self, conversation: &mut Conversation, out: &mut Output) -> bool {
        let State::Paused { id, blind } = self.state else { return false };
        if conversation.request(id).is_some_and(|request| request.answer.is_none()) {
            return false;
        }
        if blind {
            self.lose(conversation, out);
            return false;
        }
        self.begin_head();
        !self.window.is_empty()
    }

    /// The stream is over. A request that was only begun is given out if it was answered all the
    /// same (408, 431).
    pub(super) fn ended(&mut self, conversation: &mut Conversation, out: &mut Output) {
        if !matches!(self.state, State::Head) || self.window.is_empty() {
            return;
        }
        if !conversation.has_orphan() || RequestLine::read(self.window.bytes()).is_none() {
            out.lost += 1;
            self.state = State::Hunting;
            self.window.jump();
            return;
        }
        let length = self.window.len();
        self.head(length, true, conversation, out);
        conversation.settle(out);
    }

    /// The first byte of the request whose head is still coming, if it covers `position`.
    pub(super) fn covering(&self, position: u64) -> Option<Moment> {
        let reading = matches!(self.state, State::Head) && !self.window.is_empty();
        (reading && self.window.position() <= position).then(|| self.window.moment(0))
    }

    fn begin_head(&mut self) {
        self.state = State::Head;
    }

    /// Reads the head of `length` bytes, or what there is of it.
    fn head(
        &mut self,
        length: usize,
        cut: bool,
        conversation: &mut Conversation,
        out: &mut Output,
    ) -> bool {
        let bytes = &self.window.bytes()[..length.min(self.window.len())];
        let head = self.lines.of(bytes);
        let line = if cut {
            RequestLine::read_cut(bytes)
        } else {
            head.start_line().and_then(RequestLine::of_line)
        };
        let Some(line) = line else {
            if cut {
                out.lost += 1;
            } else {
                self.misunderstood(conversation, out);
            }
            return false;
        };
        self.read_any = true;

        let mut facts = Box::new(HttpFacts { version: line.version, ..HttpFacts::default() });
        let method = Method::new(line.method);
        let connects = method == Method::Connect;
        facts.method = Some(method);
        if !line.target.is_empty() {
            facts.set_target(line.target);
        }
        let (mut framing, mut carrier) = (Framing::default(), Carrier::default());
        let mut is_grpc = false;
        head.request_fields(&READ, |name, value| {
            framing.field(name, value);
            carrier.field(name, value);
            facts.request_field(name, value);
            is_grpc |= name.len() == CONTENT_TYPE.len() && is_grpc_content(name, value);
        });

        let call = is_grpc.then(|| call_in(&head));
        let last = self.window.moment(length.saturating_sub(1));
        let extent = Extent::new(self.window.moment(0), last);
        self.window.consume(length);
        let listener = match call {
            Some(call) => Some(Listener::request(call)),
            None => facts.wants_body().then(|| Listener::start(facts.sample())),
        };
        let body = framing.request_body().filter(|_| !cut);
        self.messages |= facts.carries_messages();
        let link = carrier.take_link();
        let mut request = Request::new(facts, extent, carrier.finish());
        request.link = link;
        request.cut = body.is_none();
        request.done = request.cut || connects;
        request.expecting = framing.expects_continue && !request.done;
        request.upgrade = framing.take_upgrade().filter(|_| !cut);
        let (id, server_afresh) = conversation.arrived(request, out);

        match body {
            _ if connects && !cut => self.state = State::Paused { id, blind: false },
            Some(body) => self.state = State::Body { body, listener, id, begun: false },
            // The length is not known, so neither is where the next request begins.
            None => {
                self.lose(conversation, out);
                // Its response may have been there before it.
                conversation.settle(out);
            }
        }
        server_afresh
    }

    /// A request was read to its end.
    fn end_of(
        &mut self,
        id: u64,
        last: Option<Moment>,
        listener: Option<Listener>,
        conversation: &mut Conversation,
        out: &mut Output,
    ) {
        self.begin_head();
        if let Some(request) = conversation.request(id) {
            request.done = true;
            request.extent.last = last.map_or(request.extent.last, Tail::from);
            if let Some(listener) = listener {
                request.heard(listener);
            }
            if request.upgrade.is_some() && request.answer.is_none() {
                self.state = State::Paused { id, blind: false };
            }
        }
        conversation.settle(out);
    }

    /// The end of a request cannot be found.
    fn cut(
        &mut self,
        id: u64,
        listener: Option<Listener>,
        conversation: &mut Conversation,
        out: &mut Output,
    ) {
        if let Some(request) = conversation.request(id) {
            if let Some(listener) = listener {
                request.heard(listener);
            }
            request.cut = true;
            request.done = true;
            request.extent.last = self.window.last().into();
        }
        conversation.settle(out);
    }

    fn lose(&mut self, conversation: &mut Conversation, out: &mut Output) {
        self.state = State::Hunting;
        self.window.jump();
        conversation.requests_missed(out);
    }

    fn misunderstood(&mut self, conversation: &mut Conversation, out: &mut Output) {
        if !self.read_any {
            self.alien = true;
        }
        out.not_understood += 1;
        self.lose(conversation, out);
    }
}

/// Whether a field says that the content is a gRPC-Web call's.
fn is_grpc_content(name: &[u8], value: &[u8]) -> bool {
    const GRPC: &[u8] = b"application/grpc";
    name.eq_ignore_ascii_case(CONTENT_TYPE)
        && value.get(..GRPC.len()).is_some_and(|start| start.eq_ignore_ascii_case(GRPC))
}

/// The gRPC-Web call that the fields of a request tell of.
fn call_in(head: &Head<'_>) -> Box<Call> {
    let mut call = Box::<Call>::default();
    head.request_fields(&Names::ALL, |name, value| {
        call.request_field(&name.to_ascii_lowercase(), value)
    });
    call
}

/// A client that waited for `100 Continue` and got a final response may leave the body out
/// (RFC 9110 §10.1.1): then the next request comes in its place.
fn may_be_skipped(id: u64, conversation: &mut Conversation, bytes: &[u8]) -> Fit {
    match conversation.request(id) {
        // It was given out already, so it was answered before its body began.
        None => head::is_surely_request(bytes),
        Some(request) if request.expecting && request.answer.is_some() => {
            head::is_surely_request(bytes)
        }
        Some(_) => Fit::No,
    }
}
