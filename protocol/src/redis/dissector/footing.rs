//! How far commands and replies can be counted.

use super::{Footing, Redis};
use crate::chunk::Chunk;
use crate::dissector::{Capture, Handover, Output};
use crate::exchange::Outcome;
use crate::redis::burst::Burst;
use crate::redis::detect;

/// Errors without an exchange in between, after which the connection is not Redis.
const MISTAKES_LIMIT: u32 = 4;
/// Silence of this length before a client's turn counts as "nothing outstanding". Nanoseconds.
const QUIET: u64 = 2_000_000;
/// So many turns in which one write was answered before the next confirm a regained footing.
const CONFIRMING_TURNS: u32 = 8;

impl Redis {
    /// The client begins a turn.
    pub(super) fn turn(&mut self, piece: &Chunk<'_>, out: &mut Output) {
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
                let front = self.bursts.pop_front();
                let is_cut = front.as_ref().is_some_and(Burst::is_cut);
                if let Some(burst) = front {
                    self.emit(burst, Outcome::Inferred, out);
                }
                self.outstanding = 0;
                if !is_cut {
                    self.regain(false);
                    return;
                }
                // This may be more of the same commands: nothing says that it begins with one.
                self.lose(out);
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
    pub(super) fn confirm(&mut self, is_quiet: bool, out: &mut Output) {
        if !self.is_tentative || self.outstanding > 0 || self.last_side.is_none() {
            return;
        }
        self.turns += 1;
        if is_quiet || (self.turns > CONFIRMING_TURNS && !self.is_multiplexed) {
            self.is_tentative = false;
            out.exchanges.append(&mut self.held);
        }
    }

    pub(super) fn regain(&mut self, is_tentative: bool) {
        self.requests.abandon();
        self.replies.abandon();
        self.early.clear();
        self.surplus = 0;
        self.is_tentative = is_tentative;
        self.turns = 0;
        self.footing = Footing::Sure;
    }

    /// Gives up everything in hand.
    pub(super) fn lose(&mut self, out: &mut Output) {
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

    pub(super) fn mistake(&mut self, out: &mut Output) {
        out.not_understood += 1;
        self.mistakes += 1;
        if self.mistakes >= MISTAKES_LIMIT {
            self.hand_over(Handover::NotMine, out);
        } else {
            self.lose(out);
        }
    }

    pub(super) fn hand_over(&mut self, handover: Handover, out: &mut Output) {
        self.lose(out);
        self.is_over = true;
        out.handover = Some(handover);
    }

    /// Bytes of the client's turn were lost, and with them any number of commands.
    pub(super) fn turn_cut(&mut self, out: &mut Output) {
        self.ask_for_all(out);
        let cut = self.requests.abandon();
        let joins = match (&cut, self.bursts.back()) {
            (Some(request), Some(burst)) => self.continues(burst, request.extent.first),
            (None, Some(burst)) => self.continues(burst, self.requests.last()),
            _ => false,
        };
        if joins && let Some(mut burst) = self.bursts.pop_back() {
            let is_alone = self.bursts.is_empty() && !self.is_multiplexed;
            if is_alone && self.footing == Footing::Sure && !burst.is_answered() {
                // All that is said before the client's next turn answers it.
                burst.cut(cut, self.database);
                self.bursts.push_back(burst);
                self.footing = Footing::ResponseCut;
                self.database = None;
                return;
            }
            // How many commands this write held is not known.
            self.outstanding -= burst.outstanding().min(self.outstanding);
            out.lost += 1;
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
    pub(super) fn response_cut(&mut self, out: &mut Output) {
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

    pub(super) fn ask_for_all(&mut self, out: &mut Output) {
        if !self.has_asked_for_all {
            self.has_asked_for_all = true;
            out.capture = Some(Capture::Full);
        }
    }
}
