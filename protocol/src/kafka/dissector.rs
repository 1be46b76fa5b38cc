//! One connection: requests and responses, paired by correlation id.
//!
//! A broker answers a connection's requests in their order, so a response to a later request says
//! that those before it will not be answered any more (their responses were lost in a hole).

use std::collections::VecDeque;
use std::sync::Arc;

use super::Api;
use super::body::Progress;
use super::exchanges;
use super::head::{self, RequestHead};
use super::known::Known;
use super::names::TopicIds;
use super::request::{Asking, Pending, Wanted};
use super::response::Answering;
use super::wire::Stop;
use crate::chunk::{Chunk, Moment, Side};
use crate::dissector::{Capture, Dissector, Ending, Handover, Output};
use crate::exchange::{Extent, Outcome};
use crate::framed::Framed;

/// How many requests may wait for their responses. Java clients have five in flight; librdkafka
/// has as many as fit its buffers.
const MAX_PENDING: usize = 1024;
/// How often the footing may be lost without a response in between, before the connection is
/// taken for something else.
const MAX_MISSES: u32 = 32;

/// Reads one Kafka connection.
pub struct Kafka {
    known: Known,
    requests: Framed,
    responses: Framed,
    /// The next byte is that of a message's start.
    requests_footed: bool,
    responses_footed: bool,
    /// The client id of the last request, and its correlation id.
    last_request: Option<(Option<Arc<str>>, i32)>,
    asking: Option<Asking>,
    answering: Option<Answering>,
    pending: VecDeque<Pending>,
    /// A response came whose request was not (wholly) seen. The two directions are not delivered
    /// in strict order, so the request gets the chance to come with the next chunk.
    waits: bool,
    /// SaslHandshake version 0 was sent: what has no head is a token.
    tokens: bool,
    misses: u32,
    /// Who sent the last chunk.
    turn: Option<Side>,
    is_turn_start: bool,
    capture_asked: bool,
}

impl Kafka {
    /// A dissector that shares topic ids with all other connections of the process.
    #[must_use]
    pub fn new(from_start: bool) -> Self {
        Self::with_topic_ids(from_start, TopicIds::shared())
    }

    /// A dissector with a table of topic ids of one's own.
    #[must_use]
    pub fn with_topic_ids(from_start: bool, topic_ids: Arc<TopicIds>) -> Self {
        Self {
            known: Known { topic_ids, ..Known::default() },
            requests: Framed::default(),
            responses: Framed::default(),
            requests_footed: from_start,
            responses_footed: from_start,
            last_request: None,
            asking: None,
            answering: None,
            pending: VecDeque::new(),
            waits: false,
            tokens: false,
            misses: 0,
            turn: None,
            is_turn_start: false,
            capture_asked: false,
        }
    }

    fn take(&mut self, chunk: &Chunk<'_>, out: &mut Output) {
        match chunk.side {
            Side::Client => {
                self.requests.push(chunk);
                self.read_requests(out);
                if self.waits {
                    self.read_responses(true, out);
                }
            }
            Side::Server => {
                self.responses.push(chunk);
                self.read_responses(false, out);
            }
        }
    }

    fn read_requests(&mut self, out: &mut Output) {
        loop {
            if let Some(asking) = &mut self.asking {
                if asking.read(&mut self.requests, &mut self.known) == Progress::Waiting {
                    return;
                }
                let Some(extent) = self.requests.finish() else { return };
                if let Some(asking) = self.asking.take() {
                    self.asked(asking, extent, out);
                }
                continue;
            }
            let bytes = self.requests.bytes();
            if bytes.is_empty() && !self.requests.is_cut() {
                return;
            }
            let (asking, length, taken) = match RequestHead::read(bytes) {
                Ok(head) if self.requests_footed || self.is_convincing(&head) => {
                    let client_id = head.client_id.map(|id| self.known.names.intern(id));
                    self.tokens = head.api == Api::SASL_HANDSHAKE && head.version == 0;
                    self.last_request = Some((client_id.clone(), head.correlation));
                    (Asking::new(&head, client_id), head.length, head.taken)
                }
                Err(Stop::More) if !self.requests.is_cut() => return,
                Ok(_) | Err(_) => match head::bare(bytes) {
                    Ok(length) if self.tokens => (Asking::token(), length, 4),
                    _ => {
                        self.requests.abandon();
                        let was_footed = std::mem::take(&mut self.requests_footed);
                        self.stumble(was_footed, out);
                        return;
                    }
                },
            };
            self.requests_footed = true;
            self.requests.begin(length);
            self.requests.take(taken);
            self.asking = Some(asking);
        }
    }

    /// Whether a head that was found at any place in the stream, and not where one must be, is
    /// one: it has the connection's client id and follows the last request, or, if no request was
    /// seen yet, has a client id at all. Zeros alone would pass for a head otherwise.
    fn is_convincing(&self, head: &RequestHead<'_>) -> bool {
        let is_next = match &self.last_request {
            Some((client_id, correlation)) => {
                client_id.as_ref().map(|id| id.as_bytes()) == head.client_id
                    && head.correlation > *correlation
            }
            None => head.client_id.is_some_and(|id| !id.is_empty()),
        };
        is_next && head.is_known()
    }

    /// A request has passed.
    fn asked(&mut self, mut asking: Asking, extent: Extent, out: &mut Output) {
        match asking.read(&mut self.requests, &mut self.known) {
            Progress::Malformed => out.not_understood += 1,
            Progress::Partial => out.lost += 1,
            Progress::Whole | Progress::Waiting => {}
        }
        let pending = asking.into_pending(extent);
        if matches!(&pending.body, Wanted::Produce(produce) if produce.is_one_way) {
            self.misses = 0;
            exchanges::emit(&self.known, pending.into(), None, Outcome::OneWay, out);
            return;
        }
        if self.pending.len() >= MAX_PENDING {
            self.pending.pop_front();
            out.lost += 1;
        }
        self.pending.push_back(pending);
    }

    /// `last_chance`: a response whose request is not known yet is given up.
    fn read_responses(&mut self, last_chance: bool, out: &mut Output) {
        self.waits = false;
        loop {
            if let Some(answering) = &mut self.answering {
                if answering.read(&mut self.responses, &mut self.known) == Progress::Waiting {
                    return;
                }
                let Some(extent) = self.responses.finish() else { return };
                if let Some(answering) = self.answering.take() {
                    self.answered(answering, extent, out);
                }
                continue;
            }
            let bytes = self.responses.bytes();
            if bytes.is_empty() && !self.responses.is_cut() {
                return;
            }
            let (answering, length) = match self.next_response(bytes) {
                Ok((at, length))
                    if !self.responses_footed && !self.is_convincing_answer(at, length, bytes) =>
                {
                    self.responses.abandon();
                    return;
                }
                Ok((Some(at), length)) => {
                    out.lost += at as u64;
                    self.pending.drain(..at);
                    let Some(pending) = self.pending.pop_front() else { return };
                    self.misses = 0;
                    (Answering::new(pending), length)
                }
                Ok((None, length)) => {
                    if !self.responses.is_cut() && (!last_chance || self.is_asking(bytes)) {
                        self.waits = true;
                        return;
                    }
                    out.lost += 1;
                    (Answering::unseen(), length)
                }
                Err(Stop::More) if !self.responses.is_cut() => return,
                Err(_) => {
                    self.responses.abandon();
                    let was_footed = std::mem::take(&mut self.responses_footed);
                    self.stumble(was_footed, out);
                    return;
                }
            };
            let head = if answering.is_token() { 4 } else { 8 };
            self.responses_footed = true;
            self.responses.begin(length);
            self.responses.take(head);
            self.answering = Some(answering);
        }
    }

    /// The length of the response at the start of `bytes`, and which request it answers.
    fn next_response(&self, bytes: &[u8]) -> Result<(Option<usize>, u64), Stop> {
        if self.pending.front().is_some_and(|it| matches!(it.body, Wanted::Token)) {
            return Ok((Some(0), head::bare(bytes)?));
        }
        let (length, correlation) = head::response(bytes)?;
        let at = self.pending.iter().position(|it| it.asked.correlation == correlation);
        Ok((at, length))
    }

    /// Whether what was found at any place in the stream, and not where a response must be, is the
    /// one to the request `at`. Correlation ids are small numbers, which messages are full of: so it
    /// has to end where the bytes end, or before another response that is awaited. One that is not
    /// here to its end has to begin a turn, and to be of those whose fields are read to their ends.
    fn is_convincing_answer(&self, at: Option<usize>, length: u64, bytes: &[u8]) -> bool {
        let Some(pending) = at.and_then(|at| self.pending.get(at)) else { return false };
        let behind = usize::try_from(length).ok().and_then(|length| bytes.get(length..));
        match behind {
            Some([]) => true,
            Some(behind) => {
                matches!(self.next_response(behind), Ok((Some(next), _)) if Some(next) > at)
            }
            None => self.is_turn_start && pending.has_checked_answer(),
        }
    }

    /// Whether the response at the start of `bytes` answers the request in hand.
    fn is_asking(&self, bytes: &[u8]) -> bool {
        let Some(asking) = &self.asking else { return false };
        head::response(bytes).is_ok_and(|(_, correlation)| correlation == asking.asked.correlation)
    }

    /// A response has passed.
    fn answered(&mut self, mut answering: Answering, extent: Extent, out: &mut Output) {
        let outcome = match answering.read(&mut self.responses, &mut self.known) {
            Progress::Malformed => {
                out.not_understood += 1;
                Outcome::Inferred
            }
            Progress::Partial => {
                out.lost += 1;
                // What was lost may have said that the request failed.
                Outcome::Inferred
            }
            Progress::Whole | Progress::Waiting => Outcome::Complete,
        };
        if let Some(answered) = answering.into_answered(&mut self.known) {
            exchanges::emit(&self.known, answered, Some(extent), outcome, out);
        }
    }

    /// What should be a message's start is not.
    fn stumble(&mut self, was_footed: bool, out: &mut Output) {
        if was_footed {
            out.lost += 1;
        }
        // In the middle of a turn there may be the middle of a message.
        self.misses += u32::from(was_footed || self.is_turn_start);
        if self.misses >= MAX_MISSES {
            out.handover = Some(Handover::NotMine);
        }
    }
}

impl Dissector for Kafka {
    fn feed(&mut self, chunk: &Chunk<'_>, out: &mut Output) {
        if !std::mem::replace(&mut self.capture_asked, true) {
            // Several requests can be in flight, and a record's headers stand behind its value.
            out.capture = Some(Capture::Full);
        }
        self.is_turn_start = self.turn.replace(chunk.side) != Some(chunk.side);
        let framed = match chunk.side {
            Side::Client => &self.requests,
            Side::Server => &self.responses,
        };
        if let Some(gap) = framed.gap_before(chunk) {
            self.take(&gap, out);
        }
        self.take(chunk, out);
    }

    fn half_closed(&mut self, _side: Side, _at: Moment, _out: &mut Output) {}

    fn held(&self) -> usize {
        let pending = self.pending.iter().map(|it| size_of::<Pending>() + it.held());
        self.requests.held() + self.responses.held() + pending.sum::<usize>()
    }

    fn closed(&mut self, ending: Ending, _at: Moment, out: &mut Output) {
        if self.waits {
            self.read_responses(true, out);
        }
        let aborted = Outcome::Aborted(ending);
        if let Some(answering) = self.answering.take() {
            let extent = self.responses.extent();
            if let Some(answered) = answering.into_answered(&mut self.known) {
                exchanges::emit(&self.known, answered, Some(extent), aborted, out);
            }
        }
        let asking = self.asking.take();
        let extent = self.requests.extent();
        let last = asking.map(|asking| asking.into_pending(extent));
        for pending in std::mem::take(&mut self.pending).into_iter().chain(last) {
            if !matches!(pending.body, Wanted::Token) {
                exchanges::emit(&self.known, pending.into(), None, aborted, out);
            }
        }
    }
}
