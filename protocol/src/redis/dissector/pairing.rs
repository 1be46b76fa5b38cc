//! Commands into bursts, replies to their commands.

use super::{Answering, Footing, Redis, is_same_call};
use crate::chunk::{Chunk, Moment};
use crate::dissector::{Handover, Output};
use crate::exchange::Outcome;
use crate::redis::burst::{Awaits, Burst};
use crate::redis::command::Effect;
use crate::redis::reply::Reply;
use crate::redis::request::Request;

/// Commands that wait for a reply, on one connection.
const OUTSTANDING_LIMIT: usize = 16 * 1024;
/// Replies that came before the command they answer was delivered.
const EARLY_LIMIT: usize = 64;
/// A write of this length filled the client's buffer: the next one continues it. Bytes.
const FULL_BUFFER: u64 = 4096;

impl Redis {
    /// Takes a command.
    pub(super) fn asked(&mut self, request: Request, out: &mut Output) {
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
            out.lost += 1;
            return self.lose(out);
        }
        self.outstanding += 1;
        let awaits = Awaits::of(&request);
        let continued =
            self.bursts.back().is_some_and(|burst| self.continues(burst, request.extent.first));
        match self.bursts.back_mut() {
            Some(burst) if continued => burst.join(request, awaits),
            behind => {
                if behind.is_some() && !self.is_multiplexed {
                    self.is_multiplexed = true;
                    if self.is_tentative {
                        // Replies to commands that were not seen may be among those to come.
                        out.lost += 1;
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

    /// Whether a command that begins here belongs to the same pipeline as the last one.
    pub(super) fn continues(&self, burst: &Burst, after: Moment) -> bool {
        let before = burst.request.last;
        let same_write = is_same_call(before, after);
        let next_write = self.write_before.length >= FULL_BUFFER
            && is_same_call(self.write_before.moment, before)
            && is_same_call(self.write.moment, after)
            && self.write_before.moment.task == after.task;
        (same_write || next_write) && !burst.is_answered()
    }

    /// Whether a command has no reply, because of `CLIENT REPLY`.
    pub(super) fn is_silent(&mut self, request: &Request) -> bool {
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
    pub(super) fn replied(&mut self, reply: Reply, out: &mut Output) {
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
    pub(super) fn is_confirmation(&self, reply: &Reply, front: Option<Awaits>) -> bool {
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
    pub(super) fn is_push(&mut self, reply: &Reply) -> bool {
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

    /// Takes what is said to a pipeline whose end was lost: every reply is one command's.
    pub(super) fn count_replies(&mut self, piece: &Chunk<'_>) {
        self.replies.push(piece);
        loop {
            match self.replies.next() {
                Ok(Some(reply)) if self.is_push(&reply) => {}
                Ok(Some(reply)) => {
                    if let Some(burst) = self.bursts.front_mut() {
                        burst.answer(&reply, None);
                    }
                }
                Ok(None) if !self.replies.is_cut() => return,
                _ => break,
            }
        }
        self.replies.abandon();
        if let Some(burst) = self.bursts.front_mut() {
            burst.stop_counting();
        }
    }

    /// A reply came that no command is known for.
    pub(super) fn unasked(&mut self, reply: Reply, out: &mut Output) {
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
    pub(super) fn drop_stale_replies(&mut self, asked: Moment, out: &mut Output) {
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
}
