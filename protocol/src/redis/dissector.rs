//! Pairs commands with replies, by order, and keeps its footing.
//!
//! Redis has no ids: one reply that is missed or counted twice shifts every pair after it. So
//! pairing goes on only while the count is certain. After a hole it stops, and starts again where
//! a client's turn begins with a command while nothing seems to be outstanding; what is paired from
//! there on is held back until silence, or several turns without a reply too many, show that the
//! count is right.

mod footing;
mod pairing;

use std::collections::VecDeque;

use crate::chunk::{Chunk, Moment, Side, Tail};
use crate::dissector::{Capture, Dissector, Ending, Output};
use crate::exchange::{Exchange, Outcome};

use super::burst::Burst;
use super::detect::begins_command;
use super::reply::{Replies, Reply};
use super::request::{Malformed, Requests};

/// Exchanges held back until the footing is sure.
const HELD_LIMIT: usize = 64;
/// What was held back for the client's next turn is let go after silence of this length.
/// Nanoseconds.
const SILENCE: u64 = 50_000_000;
/// The same of a pipeline whose size the replies tell: a client that reads them in parts takes its time
/// over each. Nanoseconds.
const LONG_SILENCE: u64 = 1_000_000_000;
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
    /// The end of the only outstanding response was lost, or that of the commands that it answers.
    /// It ends before the client's next turn.
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
            // Of a write that holds several, one.
            out.lost += u64::from(self.footing == Footing::Lost && begins_command(piece.bytes));
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
                if self.bursts.front().is_some_and(Burst::is_counting) {
                    self.count_replies(piece);
                }
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

    /// Whether replies may come that tell how large a pipeline is.
    fn is_counting_on(&self, now: u64) -> bool {
        let is_early = now < self.last_any.saturating_add(LONG_SILENCE);
        self.bursts.front().is_some_and(|burst| burst.is_cut() && (is_early || burst.is_awaited()))
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
        for piece in chunk.pieces(PIECE) {
            match chunk.side {
                Side::Client => self.client(&piece, out),
                Side::Server => self.server(&piece, out),
            }
            self.last_any = chunk.first.end;
            if self.is_over {
                break;
            }
        }
    }

    fn half_closed(&mut self, _side: Side, _at: Moment, _out: &mut Output) {}

    fn held(&self) -> usize {
        let bursts = self.bursts.iter().map(|burst| size_of::<Burst>() + burst.held());
        let held = self.held.len() * (size_of::<Exchange>() + 2 * size_of::<Burst>());
        self.requests.held() + self.replies.held() + bursts.sum::<usize>() + held
    }

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
                exchange.answered = Some(at.into());
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
            Footing::ResponseCut if self.is_counting_on(now) => {}
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
fn is_same_call(one: impl Into<Tail>, other: impl Into<Tail>) -> bool {
    let (one, other) = (one.into(), other.into());
    (one.start, one.end, one.thread) == (other.start, other.end, other.thread)
}
