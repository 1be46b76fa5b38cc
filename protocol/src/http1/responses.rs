//! The server's direction: responses.

use super::body::{Body, Listener, Progress};
use super::conversation::Conversation;
use super::framing::Framing;
use super::head::{self, Fit, StatusLine};
use super::lines::Lines;
use super::message::Answer;
use crate::chunk::{Chunk, Tail};
use crate::dissector::{Handover, Output};
use crate::exchange::Extent;
use crate::http::Method;
use crate::window::Window;

/// Reads responses.
#[derive(Debug)]
pub(super) struct Responses {
    window: Window,
    state: State,
    /// Of the head that comes.
    lines: Lines,
    read_any: bool,
    heads_are_long: bool,
    alien: bool,
}

#[derive(Debug)]
enum State {
    /// Where a message begins is unknown: wait for a chunk that starts with a status line.
    Hunting,
    /// A head comes.
    Head,
    /// A body comes.
    Body { body: Body, listener: Option<Listener> },
    /// A body comes whose end cannot be known: it ends with the next request.
    Endless,
}

impl Responses {
    pub(super) fn new(from_start: bool) -> Self {
        Self {
            window: Window::default(),
            state: if from_start { State::Head } else { State::Hunting },
            lines: Lines::default(),
            read_any: false,
            heads_are_long: false,
            alien: false,
        }
    }

    /// What it takes beyond its own size, in bytes. Samples of bodies are short, and are left out.
    pub(super) fn held(&self) -> usize {
        self.window.held()
    }

    pub(super) fn push(&mut self, chunk: &Chunk<'_>) {
        self.window.push(chunk);
    }

    /// The connection is not HTTP/1.
    pub(super) fn is_alien(&self) -> bool {
        self.alien
    }

    /// A head did not fit what was captured of it.
    pub(super) fn heads_are_long(&self) -> bool {
        self.heads_are_long
    }

    /// The response that was being read is over, wherever its end was.
    pub(super) fn start_afresh(&mut self) {
        self.state = State::Hunting;
        self.window.clear();
    }

    /// Reads what is there; `client` is where the client's stream goes on, for a handover.
    pub(super) fn read(
        &mut self,
        conversation: &mut Conversation,
        client: u64,
        out: &mut Output,
    ) -> Option<Handover> {
        loop {
            match &mut self.state {
                State::Hunting => match head::looks_like_response(self.window.bytes()) {
                    Fit::Yes => self.begin_head(),
                    Fit::Maybe if self.window.hole() == 0 => return None,
                    _ => {
                        // What is waited for may be in it.
                        if !self.window.is_empty() || self.window.hole() > 0 {
                            conversation.responses_missed(self.window.last(), out);
                        }
                        self.window.jump();
                        return None;
                    }
                },
                State::Head if self.window.is_empty() && self.window.hole() == 0 => return None,
                State::Head => {
                    self.window.consume(head::leading_empty_lines(self.window.bytes()));
                    match self.lines.end(self.window.bytes(), self.window.position()) {
                        Some(length) => {
                            if let Some(handover) = self.head(length, conversation, client, out) {
                                return Some(handover);
                            }
                        }
                        None if head::looks_like_response(self.window.bytes()) == Fit::No => {
                            self.misunderstood(conversation, out);
                            return None;
                        }
                        None if self.window.hole() == 0 => return None,
                        None => {
                            self.cut_head(conversation, out);
                            return None;
                        }
                    }
                }
                State::Body { body, listener } => {
                    // A server that keeps the connection open behind such a body does so against
                    // the rules, and says it by its next response.
                    if body.is_until_close()
                        && conversation.is_waiting()
                        && head::looks_like_response(self.window.bytes()) == Fit::Yes
                    {
                        conversation.answer_superseded(out);
                        self.begin_head();
                        continue;
                    }
                    match body.advance(&mut self.window, listener) {
                        Progress::More => {
                            let read_on = self.window.last();
                            if let Some(answer) = conversation.answering()
                                && read_on.position > answer.extent.last.position
                            {
                                answer.extent.last = read_on.into();
                            }
                            return None;
                        }
                        Progress::Done(last) => {
                            let listener = listener.take();
                            self.begin_head();
                            if let Some(answer) = conversation.answering() {
                                answer.listener = listener;
                                let last = last.map_or(answer.head_last, Tail::from);
                                conversation.answer_ended(last, out);
                            }
                            if self.window.is_empty() && self.window.hole() == 0 {
                                return None;
                            }
                        }
                        progress @ (Progress::Lost | Progress::Invalid) => {
                            out.not_understood += u64::from(progress == Progress::Invalid);
                            conversation.answer_cut(self.window.last(), out);
                            self.state = State::Endless;
                            self.window.jump();
                            return None;
                        }
                    }
                }
                State::Endless => {
                    if conversation.answering().is_none() {
                        self.state = State::Hunting;
                        continue;
                    }
                    if !self.window.is_empty() || self.window.hole() > 0 {
                        conversation.answer_cut(self.window.last(), out);
                    }
                    self.window.jump();
                    return None;
                }
            }
        }
    }

    /// The stream is over. A response that was only begun answers by its status.
    pub(super) fn ended(&mut self, conversation: &mut Conversation, out: &mut Output) {
        let begun = matches!(self.state, State::Head)
            && StatusLine::read(self.window.bytes()).is_some_and(|line| line.status >= 200);
        if begun {
            self.cut_head(conversation, out);
        }
    }

    fn begin_head(&mut self) {
        self.state = State::Head;
    }

    /// Reads the head of `length` bytes.
    fn head(
        &mut self,
        length: usize,
        conversation: &mut Conversation,
        client: u64,
        out: &mut Output,
    ) -> Option<Handover> {
        let bytes = &self.window.bytes()[..length.min(self.window.len())];
        let head = self.lines.of(bytes);
        let line = head.start_line().and_then(StatusLine::of_line);
        let Some(StatusLine { status, .. }) = line else {
            self.misunderstood(conversation, out);
            return None;
        };
        self.read_any = true;
        let last = self.window.moment(length.saturating_sub(1));
        let extent = Extent::new(self.window.moment(0), last);
        // Interim responses (RFC 9110 §15.2) only announce the final one.
        if status < 200 && status != 101 {
            self.window.consume(length);
            if let Some(request) = conversation.unanswered(extent.first) {
                request.expecting = false;
            }
            return None;
        }

        let mut answer = Answer {
            extent,
            head_last: extent.last,
            done: false,
            cut: false,
            until_close: false,
            listener: None,
        };
        let Some(request) = conversation.unanswered(extent.first) else {
            let mut framing = Framing::default();
            head.fields(Framing::NAMES, |name, value| framing.field(name, value));
            let body = framing.response_body(status, false);
            answer.until_close = body.is_until_close();
            conversation.orphaned(bytes, answer, out);
            self.window.consume(length);
            self.state = State::Body { body, listener: None };
            return None;
        };

        let mut framing = request.answered(&head, status);
        self.window.consume(length);
        let server = self.window.position();
        let tunnel = request.facts.method == Some(Method::Connect) && (200..300).contains(&status);
        if tunnel || status == 101 {
            answer.done = true;
            request.answer = Some(answer);
            let protocol = framing.take_upgrade().or(request.upgrade.take());
            let handover = match protocol.as_deref() {
                _ if tunnel => Handover::Detect { client, server },
                Some("h2c") => Handover::Http2 { client, server },
                Some(name) if name.starts_with("tls/") => Handover::Detect { client, server },
                Some("websocket") => Handover::Opaque("websocket"),
                _ => Handover::Opaque("upgraded"),
            };
            request.facts.upgrade = protocol.filter(|_| !tunnel);
            conversation.changed_hands(out);
            return Some(handover);
        }
        let body = framing.response_body(status, request.facts.method == Some(Method::Head));
        let listener = match request.call.take() {
            Some(call) => Some(Listener::response(call)),
            None => {
                let facts = &request.facts;
                facts.wants_response_body().then(|| Listener::start(facts.sample()))
            }
        };
        answer.until_close = body.is_until_close();
        request.answer = Some(answer);
        self.state = State::Body { body, listener };
        None
    }

    /// The end of a head was lost: its status may have been read, its body's length was not.
    fn cut_head(&mut self, conversation: &mut Conversation, out: &mut Output) {
        self.heads_are_long |= !self.window.is_empty();
        let status = StatusLine::read(self.window.bytes()).map(|line| line.status);
        let status = status.filter(|&status| status >= 200);
        match (status, conversation.unanswered(self.window.moment(0))) {
            (Some(status), Some(request)) => {
                self.read_any = true;
                request.answered(&self.lines.of(self.window.bytes()), status);
                request.answer = Some(Answer {
                    extent: Extent::new(self.window.moment(0), self.window.last()),
                    head_last: self.window.last().into(),
                    done: false,
                    cut: true,
                    until_close: false,
                    listener: None,
                });
                self.state = State::Endless;
                conversation.answer_cut(self.window.last(), out);
            }
            _ => {
                conversation.responses_missed(self.window.last(), out);
                self.state = State::Hunting;
            }
        }
        self.window.jump();
    }

    fn misunderstood(&mut self, conversation: &mut Conversation, out: &mut Output) {
        if !self.read_any {
            self.alien = true;
        }
        out.not_understood += 1;
        conversation.responses_missed(self.window.last(), out);
        self.state = State::Hunting;
        self.window.jump();
    }
}
