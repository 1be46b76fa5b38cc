//! What a connection is taken for, by the first turns, or by later ones where those say nothing.

use onlooker_protocol::detect::{self, Evidence, Protocol, Verdict};
use onlooker_protocol::{Chunk, Output, Side};

use super::{Conversation, State, index};
use crate::connection::waiting::Waiting;

/// Bytes kept for the dissector while detection is undecided.
const MOST_WAITING: usize = 96 * 1024;
/// Turns of the client after which an older connection that made no sense is given up.
const MOST_TRIES: u32 = 16;

impl Conversation {
    pub(super) fn detect(&mut self, chunk: &Chunk<'_>, out: &mut Output) {
        let State::Detecting(waiting) = &mut self.state else { return };
        waiting.add(chunk, self.from_start[index(chunk.side)]);
        let size = waiting.size();
        match self.judge() {
            (Verdict::Found(protocol, evidence), flip) => {
                self.read(protocol, evidence, flip, false, out);
            }
            (Verdict::NeedMore, _) => {
                if let Some((protocol, evidence, flip)) = self.judge_last_turns() {
                    self.from_start = [false, false];
                    self.read(protocol, evidence, flip, true, out);
                } else if size >= MOST_WAITING {
                    self.try_again(out);
                }
            }
            (Verdict::Unknown, _) => {
                let State::Detecting(waiting) = &self.state else { return };
                let openings = waiting.openings();
                if size >= MOST_WAITING || openings.are_both_seen() || openings.is_full() {
                    self.try_again(out);
                }
            }
        }
    }

    /// The connection is taken for a protocol: its dissector gets what waited.
    fn read(
        &mut self,
        protocol: &'static Protocol,
        evidence: Evidence,
        flip: bool,
        last_turns: bool,
        out: &mut Output,
    ) {
        let from_start = self.from_start[0] && self.from_start[1];
        let reading = State::Reading(protocol, evidence, (protocol.dissector)(from_start));
        let State::Detecting(waiting) = std::mem::replace(&mut self.state, reading) else { return };
        self.flipped ^= flip;
        for kept in waiting.into_chunks(last_turns) {
            let chunk = kept.chunk();
            let side = if flip { chunk.side.other() } else { chunk.side };
            // A handover in the middle of what waited: the rest goes the usual way.
            self.feed(&Chunk { side: self.real(side), ..chunk }, out);
        }
    }

    /// Older connections may be in the middle of a message: look again at the next turns.
    fn try_again(&mut self, out: &mut Output) {
        self.tries += 1;
        let limit = if self.from_start[0] && self.from_start[1] { 1 } else { MOST_TRIES };
        if self.tries >= limit {
            self.give_up("unknown", out);
        } else {
            self.from_start = [false, false];
            self.state = State::Detecting(Waiting::default());
        }
    }

    fn judge(&self) -> (Verdict, bool) {
        let State::Detecting(waiting) = &self.state else { return (Verdict::Unknown, false) };
        let openings = waiting.openings();
        let opening = openings.asked_by(Side::Client, self.from_start, self.sides_known);
        let verdict = detect::decide(&opening, self.port);
        if self.sides_known || matches!(verdict, Verdict::Found(..)) {
            return (verdict, false);
        }
        match detect::decide(&openings.asked_by(Side::Server, self.from_start, false), self.port) {
            Verdict::Found(protocol, evidence) => (Verdict::Found(protocol, evidence), true),
            Verdict::NeedMore => (Verdict::NeedMore, false),
            Verdict::Unknown => (verdict, false),
        }
    }

    /// What the connection began with was not captured, or not wholly, and what there is of it
    /// leaves open what it is: a later turn, with the answer to it, may tell.
    fn judge_last_turns(&mut self) -> Option<(&'static Protocol, Evidence, bool)> {
        let State::Detecting(waiting) = &self.state else { return None };
        if !self.from_start.contains(&false) && !waiting.openings().is_broken() {
            return None;
        }
        let (asker, openings) = waiting.last_turns()?;
        if self.sides_known && asker != Side::Client {
            return None;
        }
        if waiting.is_new_turn() {
            self.turns += 1;
        }
        if self.turns > MOST_TRIES {
            return None;
        }
        let opening = openings.asked_by(asker, [false, false], self.sides_known);
        match detect::decide(&opening, self.port) {
            Verdict::Found(protocol, evidence) => Some((protocol, evidence, asker == Side::Server)),
            Verdict::NeedMore | Verdict::Unknown => None,
        }
    }
}
