//! The dissector: both directions' readers and the conversation between them.

use super::conversation::Conversation;
use super::requests::Requests;
use super::responses::Responses;
use crate::chunk::{Chunk, Moment, Side};
use crate::dissector::{Capture, Dissector, Ending, Handover, Output};

/// Bytes of a turn that are asked for: the longest head that can be read.
const LONG_HEAD: u32 = 64 * 1024;
/// Bytes of a server's turn that are asked for until one of its heads was cut, or its contents are
/// messages.
const SHORT_HEAD: u32 = 8 * 1024;

/// Reads one HTTP/1 connection.
#[derive(Debug)]
pub struct Http1 {
    requests: Requests,
    responses: Responses,
    conversation: Conversation,
    /// Where each direction's next chunk is expected.
    next: [Option<u64>; 2],
    capture: Option<Capture>,
    over: bool,
}

impl Http1 {
    /// A dissector for a connection that is read from its first byte, or from any other.
    #[must_use]
    pub fn new(from_start: bool) -> Self {
        Self {
            requests: Requests::new(from_start),
            responses: Responses::new(from_start),
            conversation: Conversation::new(from_start),
            next: [None; 2],
            capture: None,
            over: false,
        }
    }

    fn want(&mut self, capture: Capture, out: &mut Output) {
        if self.capture != Some(capture) {
            self.capture = Some(capture);
            out.capture = Some(capture);
        }
    }

    fn hand_over(&mut self, handover: Handover, out: &mut Output) {
        self.over = true;
        out.handover = Some(handover);
    }

    fn take(&mut self, chunk: &Chunk<'_>, out: &mut Output) {
        match chunk.side {
            Side::Client => self.requests.push(chunk),
            Side::Server => self.responses.push(chunk),
        }
        self.read(out);
    }

    /// Reads on on both sides until neither can go on.
    fn read(&mut self, out: &mut Output) {
        loop {
            if self.requests.read(&mut self.conversation, out) {
                self.responses.start_afresh();
            }
            let client = self.requests.position();
            if let Some(handover) = self.responses.read(&mut self.conversation, client, out) {
                return self.hand_over(handover, out);
            }
            if self.requests.is_alien() || self.responses.is_alien() {
                return self.hand_over(Handover::NotMine, out);
            }
            // A response may have freed a client that waited for it.
            if !self.requests.resume(&mut self.conversation, out) {
                break;
            }
        }
        let is_long = self.responses.heads_are_long() || self.requests.carry_messages();
        let server = if is_long { LONG_HEAD } else { SHORT_HEAD };
        self.want(Capture::Heads { client: LONG_HEAD, server }, out);
    }
}

impl Dissector for Http1 {
    fn feed(&mut self, chunk: &Chunk<'_>, out: &mut Output) {
        if self.over {
            return;
        }
        let next = &mut self.next[chunk.side as usize];
        let expected = next.unwrap_or(chunk.first.position);
        if chunk.first.position == expected {
            *next = Some(chunk.end_position());
            return self.take(chunk, out);
        }
        let Some((gap, chunk)) = in_order(expected, chunk) else { return };
        *next = Some(chunk.end_position());
        // What is missing before the chunk must be dealt with before it is read.
        if let Some(gap) = gap {
            self.take(&gap, out);
        }
        if !self.over {
            self.take(&chunk, out);
        }
    }

    fn half_closed(&mut self, side: Side, at: Moment, out: &mut Output) {
        if self.over || side == Side::Client {
            return;
        }
        // Nothing more is answered.
        self.requests.ended(&mut self.conversation, out);
        self.responses.ended(&mut self.conversation, out);
        self.conversation.ended(Ending::Closed, at, out);
    }

    fn closed(&mut self, ending: Ending, at: Moment, out: &mut Output) {
        if self.over {
            return;
        }
        self.over = true;
        self.requests.ended(&mut self.conversation, out);
        self.responses.ended(&mut self.conversation, out);
        self.conversation.ended(ending, at, out);
    }

    fn waits(&self) -> bool {
        !self.over && self.conversation.waits()
    }

    fn idle(&mut self, now: u64, out: &mut Output) {
        if !self.over && self.conversation.idle(now, out) {
            self.responses.start_afresh();
        }
    }

    fn held(&self) -> usize {
        self.requests.held() + self.responses.held() + self.conversation.held()
    }

    fn open_request(&self, position: u64) -> Option<Moment> {
        self.conversation.covering(position).or_else(|| self.requests.covering(position))
    }
}

/// The part of a chunk from the `expected` position on, and what is missing before it. `None` if
/// nothing of it is new.
fn in_order<'a>(expected: u64, chunk: &Chunk<'a>) -> Option<(Option<Chunk<'a>>, Chunk<'a>)> {
    let position = chunk.first.position;
    let first = Moment { position: expected, ..chunk.first };
    if position >= expected {
        let missing = position - expected;
        let gap = Chunk { first, bytes: &[], missing, ..*chunk };
        return Some(((missing > 0).then_some(gap), *chunk));
    }
    if chunk.end_position() <= expected {
        return None;
    }
    let known = expected - position;
    let bytes = usize::try_from(known).ok().and_then(|known| chunk.bytes.get(known..));
    let bytes = bytes.unwrap_or_default();
    let missing = chunk.end_position() - expected - bytes.len() as u64;
    Some((None, Chunk { first, bytes, missing, ..*chunk }))
}
