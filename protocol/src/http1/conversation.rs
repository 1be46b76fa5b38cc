//! Pairs responses with requests: in order (RFC 9112 §9.3), as long as the order is known.
//!
//! A request whose loss cannot be excluded shifts every later pair by one. So whenever messages
//! may have been missed (a late attach, a hole where a message begins) the conversation is in
//! [`Footing::Doubt`], and what is paired meanwhile is held back or dropped. A client that
//! does not pipeline puts an end to doubt by its next request: it would not have sent it before
//! the last response was complete.

use std::collections::VecDeque;

use super::head;
use super::lines::Lines;
use super::message::{Answer, Orphan, Request, Trust};
use crate::chunk::{Moment, Tail};
use crate::dissector::{Ending, Output};
use crate::exchange::{Exchange, Extent, Outcome};

/// The most requests that may wait for their responses on one connection.
const OPEN_LIMIT: usize = 1024;
/// After this silence of a held exchange, in nanoseconds, no other response is expected before it.
const HELD_FOR: u64 = 200_000_000;
/// After this silence a response whose end was not captured is over, in nanoseconds.
const OVER_AFTER: u64 = 1_000_000_000;

/// How long, in nanoseconds, the call that carried a request may go on after its response was
/// there, when the response was delivered first: the caller was preempted on its way out.
const LATE: u64 = 5_000_000;

/// Whether the n-th open request is sure to be answered by the n-th response to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Footing {
    Sure,
    /// There may be open requests that were not seen; whether a response has been read since.
    Doubt {
        answered: bool,
    },
}

/// Requests and responses of one connection.
#[derive(Debug)]
pub(super) struct Conversation {
    /// Boxed, as they are large and move.
    open: VecDeque<Box<Request>>,
    footing: Footing,
    /// A pair that one response too many would prove wrong.
    held: Option<(Exchange, u64)>,
    orphan: Option<Orphan>,
    next_id: u64,
    /// Responses may have been missed up to this time, in nanoseconds.
    missed_until: Option<u64>,
    /// When the last response was complete, in nanoseconds.
    answered_at: u64,
    /// Responses may have been missed since, to requests that are yet to be delivered.
    missed_since: bool,
}

impl Conversation {
    pub(super) fn new(from_start: bool) -> Self {
        let footing = if from_start { Footing::Sure } else { Footing::Doubt { answered: false } };
        Self {
            open: VecDeque::new(),
            footing,
            held: None,
            orphan: None,
            next_id: 0,
            missed_until: None,
            answered_at: 0,
            missed_since: false,
        }
    }

    /// Takes the head of a request; gives its id, and whether the response that was being read is
    /// over by that.
    pub(super) fn arrived(&mut self, mut request: Box<Request>, out: &mut Output) -> (u64, bool) {
        let mut server_afresh = self.end_cut_answer(out);
        // A second one before any answer: the first's was missed, or this client pipelines. The
        // next response could be to either.
        let in_doubt = self.missed_since && self.is_waiting();
        if in_doubt || self.open.len() >= OPEN_LIMIT {
            self.give_up_open(out);
        }
        let mut drained = self.open.is_empty();
        self.next_id += 1;
        request.id = self.next_id;
        if let Some(orphan) = self.orphan.take() {
            // The response may have been delivered first, but it was not there before the request
            // was begun.
            let (asked, answered) = (request.extent.first, orphan.answer.extent.first);
            let overlaps =
                asked.start < answered.end && asked.end <= answered.end.saturating_add(LATE);
            if overlaps && drained && orphan.answers(&request) {
                let status = head::StatusLine::read(&orphan.head).map_or(0, |line| line.status);
                let mut lines = Lines::default();
                lines.end(&orphan.head, 0);
                request.answered(&lines.of(&orphan.head), status);
                request.answer = Some(orphan.answer);
            } else {
                out.lost += 1;
                drained &= orphan.answer.done;
                server_afresh |= !orphan.answer.done;
                if overlaps {
                    // Its response has passed, whichever it was.
                    out.lost += 1;
                    return (request.id, server_afresh);
                }
            }
        }
        if self.missed_until.is_some_and(|until| request.extent.first.end <= until) {
            out.lost += 1;
            return (request.id, server_afresh);
        }
        request.trust = match self.footing {
            _ if in_doubt => Trust::None,
            Footing::Sure => Trust::Sure,
            // Only who has waited for the last response shows that no other is due.
            Footing::Doubt { answered: true }
                if drained && request.extent.first.end >= self.answered_at =>
            {
                self.footing = Footing::Sure;
                self.release(out);
                Trust::Sure
            }
            Footing::Doubt { answered: false } if drained => Trust::Held,
            Footing::Doubt { .. } => {
                self.distrust_held();
                Trust::None
            }
        };
        self.open.push_back(request);
        (self.next_id, server_afresh)
    }

    /// What it takes beyond its own size, in bytes.
    pub(super) fn held(&self) -> usize {
        let open = self.open.iter().map(|request| size_of::<Request>() + request.held());
        open.sum::<usize>() + self.orphan.as_ref().map_or(0, |orphan| orphan.head.len())
    }

    /// An open request by its id.
    pub(super) fn request(&mut self, id: u64) -> Option<&mut Request> {
        self.open.iter_mut().rev().find(|request| request.id == id).map(|it| &mut **it)
    }

    /// The request that the next response, which begins with this byte, answers. It was begun
    /// before the response was there.
    pub(super) fn unanswered(&mut self, response: Moment) -> Option<&mut Request> {
        self.open
            .iter_mut()
            .find(|request| request.answer.is_none())
            .filter(|request| request.extent.first.start <= response.end)
            .map(|it| &mut **it)
    }

    /// The response that is being read: an orphan, or that of the first request.
    pub(super) fn answering(&mut self) -> Option<&mut Answer> {
        let orphan = self.orphan.as_mut().map(|orphan| &mut orphan.answer);
        let answer = self.open.iter_mut().rev().find_map(|request| request.answer.as_mut());
        orphan.or(answer).filter(|answer| !answer.done)
    }

    /// A response begins that no open request has asked for.
    pub(super) fn orphaned(&mut self, head: &[u8], answer: Answer, out: &mut Output) {
        if self.held.take().is_some() {
            out.lost += 1;
        }
        let ambiguous = self.orphan.is_some();
        out.lost += u64::from(ambiguous);
        self.orphan = Some(Orphan { head: head.to_vec(), answer, ambiguous });
    }

    /// Whether there is a response whose request was not read.
    pub(super) fn has_orphan(&self) -> bool {
        self.orphan.is_some()
    }

    /// The response that was being read is over.
    pub(super) fn answer_ended(&mut self, last: Tail, out: &mut Output) {
        if let Some(answer) = self.answering() {
            answer.extent.last = last;
            answer.done = true;
            self.answered_at = last.end;
            self.missed_since = false;
        }
        if let Footing::Doubt { answered } = &mut self.footing {
            *answered = true;
        }
        self.settle(out);
    }

    /// The end of the response that was being read was lost at this byte. If further requests
    /// wait, their responses may be lost as well.
    pub(super) fn answer_cut(&mut self, at: Moment, out: &mut Output) {
        self.missed_until = self.missed_until.max(Some(at.end));
        let Some(answer) = self.answering() else { return };
        answer.extent.last = at.into();
        answer.cut = true;
        if self.open.len() > 1 {
            self.end_cut_answer(out);
            self.give_up_open(out);
        }
    }

    /// The response that was being read is over, because the next one begins.
    pub(super) fn answer_superseded(&mut self, out: &mut Output) {
        if let Some(answer) = self.answering() {
            answer.cut = true;
            self.end_cut_answer(out);
        }
    }

    /// Gives out what is complete.
    pub(super) fn settle(&mut self, out: &mut Output) {
        while self.open.front().is_some_and(|request| request.is_complete()) {
            let Some(request) = self.open.pop_front() else { break };
            let (trust, outcome) = (request.trust, request.outcome());
            match trust {
                Trust::Sure => out.exchanges.push(request.into_exchange(outcome)),
                Trust::Held => {
                    let exchange = request.into_exchange(outcome);
                    let ended = exchange.response.map_or(0, |response| response.last.end);
                    self.held = Some((exchange, ended));
                }
                Trust::None => out.lost += 1,
            }
        }
    }

    /// Requests may have been missed in the client's stream.
    pub(super) fn requests_missed(&mut self, out: &mut Output) {
        self.footing = Footing::Doubt { answered: false };
        // The response may have been that of a missed one.
        out.lost += u64::from(self.held.take().is_some());
        // A client that goes on without the answer pipelines, or had an answer that was missed. So may
        // one whose request's end was not seen: another request can be in what was missed behind it.
        self.distrust_held();
    }

    fn distrust_held(&mut self) {
        for request in self.open.iter_mut().filter(|request| request.trust == Trust::Held) {
            request.trust = Trust::None;
        }
    }

    /// Responses may have been missed up to this byte: none of the requests begun before can be
    /// paired any more.
    pub(super) fn responses_missed(&mut self, at: Moment, out: &mut Output) {
        self.missed_until = self.missed_until.max(Some(at.end));
        self.missed_since = true;
        if self.is_waiting() || self.held.is_some() {
            self.give_up_open(out);
        }
    }

    /// Whether a request waits for a response.
    pub(super) fn is_waiting(&self) -> bool {
        self.open.iter().any(|request| request.answer.is_none())
    }

    /// The request that has not ended, or ended unseen.
    pub(super) fn reading(&mut self) -> Option<&mut Request> {
        let last = self.open.back_mut().map(|it| &mut **it);
        last.filter(|request| request.cut && request.answer.is_none())
    }

    /// The connection changes hands with the answer to the first request.
    pub(super) fn changed_hands(&mut self, out: &mut Output) {
        self.release(out);
        if let Some(request) = self.open.pop_front() {
            match request.trust {
                Trust::None => out.lost += 1,
                _ => out.exchanges.push(request.into_exchange(Outcome::Complete)),
            }
        }
        out.lost += self.open.len() as u64;
        self.open.clear();
    }

    /// Whether something is held back only for what the next turn might bring.
    pub(super) fn waits(&self) -> bool {
        self.held.is_some() || self.cut_answer().is_some()
    }

    /// Gives out, at `now`, what was only held back for what the next turn might bring. Says
    /// whether the response that was being read is over by that.
    pub(super) fn idle(&mut self, now: u64, out: &mut Output) -> bool {
        if self.held.as_ref().is_some_and(|(_, ended)| now.saturating_sub(*ended) >= HELD_FOR) {
            self.release(out);
        }
        let over = self
            .cut_answer()
            .is_some_and(|it| now.saturating_sub(it.extent.last.end) >= OVER_AFTER);
        over && self.end_cut_answer(out)
    }

    /// The response that is being read, if its end cannot be known.
    fn cut_answer(&self) -> Option<&Answer> {
        let answer = self.open.front().and_then(|request| request.answer.as_ref());
        answer.filter(|answer| answer.cut && !answer.done)
    }

    /// The server's stream, or the connection, is over.
    pub(super) fn ended(&mut self, ending: Ending, at: Moment, out: &mut Output) {
        self.release(out);
        if self.orphan.take().is_some() {
            out.lost += 1;
        }
        for mut request in self.open.drain(..) {
            if request.trust == Trust::None {
                out.lost += 1;
                continue;
            }
            let outcome = match (&mut request.answer, ending) {
                (Some(answer), _) if answer.done => request.outcome(),
                (Some(answer), Ending::Closed) if answer.until_close => {
                    answer.done = true;
                    request.outcome()
                }
                (Some(answer), _) if answer.cut => Outcome::Inferred,
                _ => Outcome::Aborted(ending),
            };
            let answered = request.answer.is_some();
            let mut exchange = request.into_exchange(outcome);
            if !answered {
                exchange.answered = Some(at.into());
            }
            out.exchanges.push(exchange);
        }
    }

    /// The first byte of the open request that covers `position`.
    pub(super) fn covering(&self, position: u64) -> Option<Moment> {
        self.open
            .iter()
            .find(|request| {
                let Extent { first, last } = request.extent;
                first.position <= position && (!request.done || position <= last.position)
            })
            .map(|request| request.extent.first)
    }

    /// Ends the first request's response where it was seen last, if its end was cut.
    fn end_cut_answer(&mut self, out: &mut Output) -> bool {
        let answer = self.open.front_mut().and_then(|request| request.answer.as_mut());
        let Some(answer) = answer.filter(|answer| answer.cut && !answer.done) else { return false };
        answer.done = true;
        if let Footing::Doubt { answered } = &mut self.footing {
            *answered = true;
        }
        self.settle(out);
        true
    }

    fn give_up_open(&mut self, out: &mut Output) {
        out.lost += (self.open.len() + usize::from(self.held.take().is_some())) as u64;
        self.open.clear();
        self.footing = Footing::Doubt { answered: false };
    }

    fn release(&mut self, out: &mut Output) {
        out.exchanges.extend(self.held.take().map(|(exchange, _)| exchange));
    }
}
