//! Pairs commands with replies, by order, and keeps its footing.
//!
//! Redis has no ids: one reply that is missed or counted twice shifts every pair after it. So
//! pairing goes on only while the count is certain. After a hole it stops, and starts again where
//! a client's turn begins with a command while nothing seems to be outstanding; what is paired from
//! there on is held back until silence, or several turns without a reply too many, show that the
//! count is right.

use std::collections::VecDeque;

use crate::chunk::{Chunk, Moment, Side};
use crate::dissector::{Capture, Dissector, Ending, Handover, Output};
use crate::exchange::{Exchange, Outcome};

use super::burst::{Awaits, Burst};
use super::command::Effect;
use super::detect;
use super::reply::{Replies, Reply};
use super::request::{Malformed, Request, Requests};

/// Commands that wait for a reply, on one connection.
const OUTSTANDING_LIMIT: usize = 16 * 1024;
/// Replies that came before the command they answer was delivered.
const EARLY_LIMIT: usize = 64;
/// Exchanges held back until the footing is sure.
const HELD_LIMIT: usize = 64;
/// Errors without an exchange in between, after which the connection is not Redis.
const MISTAKES_LIMIT: u32 = 4;
/// Silence of this length before a client's turn counts as "nothing outstanding". Nanoseconds.
const QUIET: u64 = 2_000_000;
/// So many turns in which one write was answered before the next confirm a regained footing.
const CONFIRMING_TURNS: u32 = 8;
/// What was held back for the client's next turn is let go after silence of this length.
/// Nanoseconds.
const SILENCE: u64 = 50_000_000;
/// A write of this length filled the client's buffer: the next one continues it. Bytes.
const FULL_BUFFER: u64 = 4096;
/// Chunks are read in pieces of this size, so that no window overflows. Bytes.
const PIECE: usize = 32 * 1024;

/// Heads that hold nearly every command and reply whole. Cut values do no harm; what does is a cut
/// pipeline, and then everything is asked for.
const HEADS: Capture = Capture::Heads { client: 8192, server: 4096 };

/// How far commands and replies can be counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Footing {
    /// All were seen.
    Sure,
    /// The end of a client's turn was lost. What is outstanding can be answered.
    TurnCut,
    /// The end of the only outstanding response was lost. It ends before the client's next turn.
    ResponseCut,
    /// Nothing can be paired.
    Lost,
}

/// `CLIENT REPLY`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answering {
    On,
    SkipNext,
    Off,
}

/// The call that carried a byte, and how much it carried so far.
#[derive(Clone, Copy, Debug, Default)]
struct Write {
    moment: Moment,
    length: u64,
}

/// A Redis connection.
#[derive(Debug)]
pub(super) struct Redis {
    requests: Requests,
    replies: Replies,
    bursts: VecDeque<Burst>,
    outstanding: usize,
    early: VecDeque<Reply>,
    held: Vec<Exchange>,
    footing: Footing,
    /// The footing was regained, and no turn has confirmed it yet.
    is_tentative: bool,
    /// Every byte from the connection's start was counted.
    is_whole: bool,
    /// Turns since the footing was regained.
    turns: u32,
    /// Seen: a write that came while replies to an earlier one were outstanding.
    is_multiplexed: bool,
    answering: Answering,
    database: Option<u32>,
    /// RESP2: messages may come at any time.
    is_subscribed: bool,
    /// Confirmations may come at any time.
    was_subscribed: bool,
    last_side: Option<Side>,
    /// When the last bytes came.
    last_any: u64,
    /// Replies beyond the outstanding ones in [`Footing::TurnCut`].
    surplus: u32,
    write: Write,
    write_before: Write,
    mistakes: u32,
    has_asked: bool,
    has_asked_for_all: bool,
    is_over: bool,
}

impl Redis {
    pub(super) fn new(from_start: bool) -> Self {
        Self {
            requests: Requests::default(),
            replies: Replies::default(),
            bursts: VecDeque::new(),
            outstanding: 0,
            early: VecDeque::new(),
            held: Vec::new(),
            footing: if from_start { Footing::Sure } else { Footing::Lost },
            is_tentative: false,
            is_whole: from_start,
            turns: 0,
            is_multiplexed: false,
            answering: Answering::On,
            database: from_start.then_some(0),
            is_subscribed: false,
            was_subscribed: false,
            last_side: None,
            last_any: 0,
            surplus: 0,
            write: Write::default(),
            write_before: Write::default(),
            mistakes: 0,
            has_asked: false,
            has_asked_for_all: false,
            is_over: false,
        }
    }

    fn client(&mut self, piece: &Chunk<'_>, out: &mut Output) {
        if self.last_side != Some(Side::Client) {
            self.turn(piece, out);
        }
        self.last_side = Some(Side::Client);
        if is_same_call(self.write.moment, piece.first) {
            self.write.length = self.write.length.saturating_add(piece.bytes.len() as u64);
        } else {
            self.write_before = self.write;
            self.write = Write { moment: piece.first, length: piece.bytes.len() as u64 };
        }
        if self.footing != Footing::Sure {
            return;
        }
        self.requests.push(piece);
        loop {
            match self.requests.next() {
                Ok(Some(request)) => self.asked(request, out),
                Ok(None) => break,
                Err(Malformed) => return self.mistake(out),
            }
            if self.is_over || self.footing != Footing::Sure {
                return;
            }
        }
        if self.requests.is_cut() {
            self.turn_cut(out);
        }
    }

    fn server(&mut self, piece: &Chunk<'_>, out: &mut Output) {
        self.last_side = Some(Side::Server);
        match self.footing {
            Footing::Lost => return,
            Footing::ResponseCut => {
                if let Some(burst) = self.bursts.front_mut() {
                    let position = piece.end_position().saturating_sub(1);
                    burst.responds(piece.first, Moment { position, ..piece.first });
                }
                return;
            }
            Footing::Sure | Footing::TurnCut => {}
        }
        self.replies.push(piece);
        loop {
            match self.replies.next() {
                Ok(Some(reply)) => self.replied(reply, out),
                Ok(None) => break,
                Err(Malformed) => return self.mistake(out),
            }
            if self.is_over || !matches!(self.footing, Footing::Sure | Footing::TurnCut) {
                return;
            }
        }
        if self.replies.is_cut() {
            self.response_cut(out);
        }
    }

    /// The client begins a turn.
    fn turn(&mut self, piece: &Chunk<'_>, out: &mut Output) {
        let is_quiet =
            self.last_side.is_some() && piece.first.start >= self.last_any.saturating_add(QUIET);
        match self.footing {
            Footing::Sure => {
                self.drop_stale_replies(piece.first, out);
                if self.footing == Footing::Sure {
                    self.confirm(is_quiet, out);
                    return;
                }
            }
            Footing::ResponseCut => {
                if let Some(burst) = self.bursts.pop_front() {
                    self.emit(burst, Outcome::Inferred, out);
                }
                self.outstanding = 0;
                self.regain(false);
                return;
            }
            Footing::TurnCut => {
                if self.surplus > 0 {
                    out.lost += self.held.len() as u64;
                    self.held.clear();
                }
                out.exchanges.append(&mut self.held);
                self.lose(out);
            }
            Footing::Lost => {}
        }
        if (!self.is_multiplexed || is_quiet) && detect::begins_command(piece.bytes) {
            self.regain(true);
        }
    }

    /// A turn begins while the count seems right.
    fn confirm(&mut self, is_quiet: bool, out: &mut Output) {
        if !self.is_tentative || self.outstanding > 0 || self.last_side.is_none() {
            return;
        }
        self.turns += 1;
        if is_quiet || (self.turns > CONFIRMING_TURNS && !self.is_multiplexed) {
            self.is_tentative = false;
            out.exchanges.append(&mut self.held);
        }
    }

    fn regain(&mut self, is_tentative: bool) {
        self.requests.abandon();
        self.replies.abandon();
        self.early.clear();
        self.surplus = 0;
        self.is_tentative = is_tentative;
        self.turns = 0;
        self.footing = Footing::Sure;
    }

    /// Gives up everything in hand.
    fn lose(&mut self, out: &mut Output) {
        out.lost += (self.bursts.len() + self.held.len()) as u64;
        out.lost += u64::from(self.requests.is_midway());
        self.bursts.clear();
        self.outstanding = 0;
        self.held.clear();
        self.early.clear();
        self.requests.abandon();
        self.replies.abandon();
        self.footing = Footing::Lost;
        self.is_whole = false;
        // What was lost may have changed the connection's state.
        self.database = None;
    }

    fn mistake(&mut self, out: &mut Output) {
        out.not_understood += 1;
        self.mistakes += 1;
        if self.mistakes >= MISTAKES_LIMIT {
            self.hand_over(Handover::NotMine, out);
        } else {
            self.lose(out);
        }
    }

    fn hand_over(&mut self, handover: Handover, out: &mut Output) {
        self.lose(out);
        self.is_over = true;
        out.handover = Some(handover);
    }

    /// Bytes of the client's turn were lost, and with them any number of commands.
    fn turn_cut(&mut self, out: &mut Output) {
        self.ask_for_all(out);
        let cut = self.requests.abandon();
        let joins = match (&cut, self.bursts.back()) {
            (Some(request), Some(burst)) => self.continues(burst, request),
            (None, Some(burst)) => is_same_call(burst.request.last, self.requests.last()),
            _ => false,
        };
        if joins {
            // How many commands this write held is not known.
            if let Some(burst) = self.bursts.pop_back() {
                self.outstanding -= burst.outstanding().min(self.outstanding);
                out.lost += 1;
            }
        } else if let (Some(request), true) = (cut, self.bursts.is_empty()) {
            self.asked(request, out);
        }
        if !self.is_over {
            self.footing = Footing::TurnCut;
            self.surplus = 0;
            self.database = None;
        }
    }

    /// Bytes of the server were lost, and with them any number of replies.
    fn response_cut(&mut self, out: &mut Output) {
        let first = self.replies.in_hand().unwrap_or(self.replies.last());
        let last = self.replies.last();
        self.replies.abandon();
        match self.bursts.front_mut() {
            Some(burst)
                if self.outstanding == burst.outstanding()
                    && !self.is_multiplexed
                    && !self.requests.is_midway()
                    && self.footing == Footing::Sure =>
            {
                if burst.outstanding() > 1 {
                    self.ask_for_all(out);
                }
                if let Some(burst) = self.bursts.front_mut() {
                    burst.responds(first, last);
                }
                self.footing = Footing::ResponseCut;
            }
            _ => {
                self.ask_for_all(out);
                self.lose(out);
            }
        }
    }

    fn ask_for_all(&mut self, out: &mut Output) {
        if !self.has_asked_for_all {
            self.has_asked_for_all = true;
            out.capture = Some(Capture::Full);
        }
    }

    /// Takes a command.
    fn asked(&mut self, request: Request, out: &mut Output) {
        if request.effect == Effect::Replicate
            || (request.effect == Effect::ReplicaConfiguration && request.leading[0].is("ACK"))
        {
            return self.hand_over(Handover::Opaque("replication"), out);
        }
        if self.is_silent(&request) {
            if request.effect == Effect::Select {
                self.database = None;
            }
            let burst = Burst::new(request, Awaits::Reply);
            return self.emit(burst, Outcome::OneWay, out);
        }
        if !matches!(request.effect, Effect::Subscribe | Effect::Unsubscribe)
            && !matches!(&*request.name, "PING" | "ping" | "QUIT" | "quit")
        {
            // RESP2 allows nothing else while subscribed.
            self.is_subscribed = false;
        }
        if self.outstanding >= OUTSTANDING_LIMIT {
            return self.lose(out);
        }
        self.outstanding += 1;
        let awaits = Awaits::of(&request);
        let continued = self.bursts.back().is_some_and(|burst| self.continues(burst, &request));
        match self.bursts.back_mut() {
            Some(burst) if continued => burst.join(request, awaits),
            behind => {
                if behind.is_some() && !self.is_multiplexed {
                    self.is_multiplexed = true;
                    if self.is_tentative {
                        // Replies to commands that were not seen may be among those to come.
                        return self.lose(out);
                    }
                }
                self.bursts.push_back(Burst::new(request, awaits));
            }
        }
        while let Some(reply) = self.early.pop_front() {
            self.replied(reply, out);
            if self.outstanding == 0 {
                break;
            }
        }
    }

    /// Whether a command belongs to the same pipeline as the last one.
    fn continues(&self, burst: &Burst, request: &Request) -> bool {
        let (before, after) = (burst.request.last, request.extent.first);
        let same_write = is_same_call(before, after);
        let next_write = self.write_before.length >= FULL_BUFFER
            && is_same_call(self.write_before.moment, before)
            && is_same_call(self.write.moment, after)
            && before.task == after.task;
        (same_write || next_write) && !burst.is_answered()
    }

    /// Whether a command has no reply, because of `CLIENT REPLY`.
    fn is_silent(&mut self, request: &Request) -> bool {
        let [first, second] = &request.leading;
        if request.effect == Effect::Client && first.is("REPLY") {
            if second.is("ON") {
                self.answering = Answering::On;
                return false;
            }
            if second.is("OFF") {
                self.answering = Answering::Off;
                return true;
            }
            if second.is("SKIP") {
                if self.answering != Answering::Off {
                    self.answering = Answering::SkipNext;
                }
                return true;
            }
        }
        match self.answering {
            Answering::On => false,
            Answering::Off => true,
            Answering::SkipNext => {
                self.answering = Answering::On;
                true
            }
        }
    }

    /// Takes a value from the server.
    fn replied(&mut self, reply: Reply, out: &mut Output) {
        let front = self.bursts.front().and_then(|burst| burst.front);
        if self.is_confirmation(&reply, front) {
            self.was_subscribed = true;
            self.is_subscribed |= reply.kind == b'*';
            let Some(Awaits::Confirmations(left)) = front else { return };
            if left > 1
                && let Some(burst) = self.bursts.front_mut()
            {
                burst.front = Some(Awaits::Confirmations(left - 1));
                return burst.responds(reply.first, reply.last);
            }
        } else if self.is_push(&reply) {
            return;
        }
        let Some(burst) = self.bursts.front_mut() else {
            return self.unasked(reply, out);
        };
        if reply.last.end < burst.request.first.start {
            out.not_understood += 1;
            self.is_multiplexed = true;
            return self.lose(out);
        }
        let is_done = burst.answer(&reply, self.database);
        self.outstanding = self.outstanding.saturating_sub(1);
        if is_done && let Some(burst) = self.bursts.pop_front() {
            self.emit(burst, Outcome::Complete, out);
        }
        let is_queued = reply.kind == b'+' && reply.word.is("QUEUED");
        match front {
            Some(Awaits::Select(_)) if is_queued => self.database = None,
            Some(Awaits::Select(database)) if reply.error.is_none() => self.database = database,
            Some(Awaits::Reset) if reply.error.is_none() => {
                self.database = Some(0);
                self.is_subscribed = false;
                self.was_subscribed = false;
            }
            Some(Awaits::Feed) if reply.error.is_none() && !is_queued => {
                self.hand_over(Handover::Opaque("MONITOR"), out);
            }
            _ => {}
        }
    }

    /// Whether this is a `subscribe` or `unsubscribe` message.
    fn is_confirmation(&self, reply: &Reply, front: Option<Awaits>) -> bool {
        let expected = matches!(front, Some(Awaits::Confirmations(_)));
        let possible = match reply.kind {
            b'>' => true,
            b'*' => expected || self.was_subscribed || self.bursts.is_empty(),
            _ => false,
        };
        let kinds = ["subscribe", "psubscribe", "ssubscribe"];
        let ends = ["unsubscribe", "punsubscribe", "sunsubscribe"];
        possible && kinds.iter().chain(&ends).any(|kind| reply.word.is(kind))
    }

    /// Whether this is out of band: RESP3's pushes, and messages to a RESP2 subscriber.
    fn is_push(&mut self, reply: &Reply) -> bool {
        let is_message = || {
            let kinds = ["message", "pmessage", "smessage"];
            kinds.iter().any(|kind| reply.word.is(kind))
        };
        match reply.kind {
            b'>' => true,
            b'*' if self.is_subscribed || self.bursts.is_empty() => {
                let is_message = is_message();
                self.is_subscribed |= is_message;
                is_message
            }
            _ => false,
        }
    }

    /// A reply came that no command is known for.
    fn unasked(&mut self, reply: Reply, out: &mut Output) {
        if self.footing == Footing::TurnCut {
            self.surplus = self.surplus.saturating_add(1);
        } else if self.early.len() < EARLY_LIMIT {
            self.early.push_back(reply);
        } else {
            self.mistake(out);
        }
    }

    /// Replies that were there before the client asked again answered nothing that was seen: if
    /// the footing was regained, it was regained wrongly.
    fn drop_stale_replies(&mut self, asked: Moment, out: &mut Output) {
        let before = self.early.len();
        self.early.retain(|reply| reply.last.end >= asked.start);
        let stale = before - self.early.len();
        if stale > 0 {
            out.not_understood += stale as u64;
            if !self.is_whole {
                self.is_multiplexed = true;
                self.lose(out);
            }
        }
    }

    fn emit(&mut self, burst: Burst, outcome: Outcome, out: &mut Output) {
        self.mistakes = 0;
        let exchange = burst.into_exchange(outcome, self.database);
        if !self.is_tentative && self.footing != Footing::TurnCut {
            out.exchanges.push(exchange);
        } else if self.held.len() < HELD_LIMIT {
            self.held.push(exchange);
        } else {
            out.lost += 1;
        }
    }
}

impl Dissector for Redis {
    fn feed(&mut self, chunk: &Chunk<'_>, out: &mut Output) {
        if self.is_over {
            return;
        }
        if !self.has_asked {
            self.has_asked = true;
            out.capture = Some(HEADS);
        }
        let mut rest = chunk.bytes;
        let mut first = chunk.first;
        loop {
            let (bytes, after) = rest.split_at(rest.len().min(PIECE));
            let missing = if after.is_empty() { chunk.missing } else { 0 };
            let piece = Chunk { first, bytes, missing, ..*chunk };
            match chunk.side {
                Side::Client => self.client(&piece, out),
                Side::Server => self.server(&piece, out),
            }
            self.last_any = chunk.first.end;
            first.position = first.position.saturating_add(bytes.len() as u64);
            rest = after;
            if rest.is_empty() || self.is_over {
                break;
            }
        }
    }

    fn half_closed(&mut self, _side: Side, _at: Moment, _out: &mut Output) {}

    fn closed(&mut self, ending: Ending, at: Moment, out: &mut Output) {
        if self.is_over {
            return;
        }
        self.is_over = true;
        let is_counted = self.early.is_empty() && self.surplus == 0;
        if is_counted && (self.outstanding == 0 || self.footing == Footing::TurnCut) {
            out.exchanges.append(&mut self.held);
        }
        out.lost += self.held.len() as u64;
        out.lost += u64::from(self.requests.is_midway());
        self.held.clear();
        if self.is_tentative || self.footing == Footing::TurnCut {
            out.lost += self.bursts.len() as u64;
            self.bursts.clear();
        }
        let outcome = match self.footing {
            Footing::ResponseCut if ending != Ending::Reset => Outcome::Inferred,
            _ => Outcome::Aborted(ending),
        };
        while let Some(burst) = self.bursts.pop_front() {
            let mut exchange = burst.into_exchange(outcome, self.database);
            if exchange.response.is_none() {
                exchange.answered = Some(at);
            }
            out.exchanges.push(exchange);
        }
    }

    fn waits(&self) -> bool {
        !self.held.is_empty() || (self.footing == Footing::ResponseCut && !self.bursts.is_empty())
    }

    fn idle(&mut self, now: u64, out: &mut Output) {
        if self.is_over || now < self.last_any.saturating_add(SILENCE) {
            return;
        }
        match self.footing {
            // The footing stays: what may still come of this response is passed over.
            Footing::ResponseCut => {
                if let Some(burst) = self.bursts.pop_front() {
                    self.outstanding = 0;
                    self.emit(burst, Outcome::Inferred, out);
                }
            }
            Footing::TurnCut if self.surplus == 0 => out.exchanges.append(&mut self.held),
            Footing::Sure if self.outstanding == 0 && self.early.is_empty() => {
                self.is_tentative = false;
                out.exchanges.append(&mut self.held);
            }
            _ => {}
        }
    }

    fn open_request(&self, position: u64) -> Option<Moment> {
        let covers = |burst: &&Burst| burst.request.covers(position);
        match self.bursts.iter().rev().find(covers) {
            Some(burst) => Some(burst.request.first),
            None => self.requests.in_hand().filter(|first| first.position <= position),
        }
    }
}

/// Whether two bytes passed in the same call.
fn is_same_call(one: Moment, other: Moment) -> bool {
    (one.start, one.end, one.task) == (other.start, other.end, other.task)
}
