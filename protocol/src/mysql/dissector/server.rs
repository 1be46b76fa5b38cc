//! What the server says.

use super::{Footing, Mysql, Phase, Step};
use crate::chunk::Moment;
use crate::dissector::{Handover, Output};
use crate::exchange::Extent;
use crate::mysql::handshake::Greeting;
use crate::mysql::packet::{self, FULL, HEADER, Head};
use crate::mysql::reply::{self, Reply};
use crate::mysql::{Command, Operation};

/// How much of a packet of the server is read, in bytes: a greeting, or the front of all others.
const PAYLOAD_LIMIT: usize = 512;

/// How much of a packet is read while rows come: enough for the EOF or OK packet behind them.
const ROW_LIMIT: usize = 32;

/// What to do with the packet in hand.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// It is understood.
    Yes,
    /// Its command has not been delivered yet.
    Wait,
    /// It answers nothing that was asked.
    Astray,
    /// What decides how to go on was not captured.
    Unseen,
}

impl Mysql {
    pub(super) fn read_server(&mut self, out: &mut Output) {
        while !self.over && !self.server.is_empty() {
            let before = (self.server.position(), self.server_footing);
            if self.server_footing == Footing::Found {
                self.read_packet(out);
            } else {
                self.find_server(out);
            }
            if before == (self.server.position(), self.server_footing) {
                break;
            }
        }
        if !self.over && self.server.hole() > 0 {
            self.phase = Phase::Commands;
            self.lose_server();
        }
    }

    /// Looks for the start of an answer: packets whose numbers follow that of the command.
    fn find_server(&mut self, out: &mut Output) {
        let bytes = self.server.bytes();
        let Some(head) = packet::head(bytes) else { return };
        if bytes.len() <= HEADER && self.server.hole() == 0 {
            return;
        }
        let payload = bytes.get(HEADER..head.total().min(bytes.len())).unwrap_or_default();
        let fits = self.server_footing == Footing::Perhaps
            && self.steps.front().is_some_and(|step| {
                head.sequence == step.sequence.wrapping_add(1)
                    && (reply::begins(payload, head.length) || is_string_answer(step))
                    && (self.steps.len() == 1 || answers_prepare(payload, head.length))
            })
            && counts_up(bytes, self.steps.len());
        if fits {
            self.server_footing = Footing::Found;
        } else {
            if !self.steps.is_empty() {
                self.answer.first.get_or_insert(self.server.moment(0));
                self.server_footing = Footing::Lost;
                self.note_loss(out);
            }
            self.server.jump();
        }
    }

    fn read_packet(&mut self, out: &mut Output) {
        let bytes = self.server.bytes();
        let Some(head) = packet::head(bytes) else { return };
        let total = head.total();
        let limit = if self.answer.reply == Reply::Rows { ROW_LIMIT } else { PAYLOAD_LIMIT };
        if bytes.len() < (HEADER + limit).min(total) && self.server.hole() == 0 {
            return;
        }
        let seen = total.min(bytes.len());
        let first = self.server.moment(0);
        let mut last = self.server.moment(seen.saturating_sub(1));
        last.position = first.position.saturating_add(total as u64 - 1);
        let server = std::mem::take(&mut self.server);
        let payload = server.bytes().get(HEADER..seen).unwrap_or_default();
        let taken = if self.phase == Phase::Greeting {
            self.take_greeting(payload, first, last, out)
        } else {
            self.take_numbered(head, payload, first, last, out)
        };
        self.server = server;
        match taken {
            Taken::Yes => self.server.skip(total as u64),
            Taken::Wait => {}
            Taken::Unseen => self.lose_server(),
            Taken::Astray => {
                out.not_understood += 1;
                self.drop_steps(out);
                self.note_loss(out);
                self.lose_server();
            }
        }
    }

    fn take_greeting(
        &mut self,
        payload: &[u8],
        first: Moment,
        last: Moment,
        out: &mut Output,
    ) -> Taken {
        if payload.first() == Some(&0xff) {
            // "Too many connections", "Host is blocked": before the client said a byte.
            let request = Moment { position: self.client.position(), ..first };
            self.steps.push_back(Step {
                operation: Operation::Connect,
                request: Extent::at(request),
                sequence: 0,
                statement: None,
                context: None,
                session: None,
            });
            self.answer.first = Some(first);
            self.phase = Phase::Commands;
            return self.take_failure(payload, last, out);
        }
        match Greeting::read(payload) {
            Some(greeting) => {
                self.system = greeting.system;
                self.greeting = Some(greeting);
                self.phase = Phase::Handshake;
            }
            None => self.hand_over(Handover::NotMine, out),
        }
        Taken::Yes
    }

    /// A packet of an answer: does it come when it has to?
    fn take_numbered(
        &mut self,
        head: Head,
        payload: &[u8],
        first: Moment,
        last: Moment,
        out: &mut Output,
    ) -> Taken {
        if std::mem::replace(&mut self.server_continues, head.length == FULL) {
            self.expected = Some(head.sequence.wrapping_add(1));
            return Taken::Yes;
        }
        if let Some(sequence) = self.trailing_eof.take() {
            let is_eof = head.sequence == sequence && reply::is_eof(payload, head.length);
            self.deprecate_eof = Some(!is_eof);
            if is_eof {
                return Taken::Yes;
            }
        }
        let Some(asked) = self.asked_at() else {
            // "Disconnected because of inactivity", and the like.
            let told = head.sequence == 0 && payload.first() == Some(&0xff);
            self.server_continues = false;
            return if told { Taken::Yes } else { Taken::Wait };
        };
        let begins = self.answer.first.is_none();
        let authenticates = self.answer.reply == Reply::Authentication;
        let expected = if begins {
            self.steps.front().map(|step| step.sequence.wrapping_add(1))
        } else {
            self.expected
        };
        if !authenticates && expected.is_some_and(|expected| expected != head.sequence) {
            return Taken::Astray;
        }
        if last.end < asked.start {
            // Said before it was asked for: it answers something that was never seen.
            return Taken::Astray;
        }
        self.expected = Some(head.sequence.wrapping_add(1));
        self.answer.first.get_or_insert(first);
        self.take_reply(head, payload, last, out)
    }
}

/// Whether the numbers of the packets count up, as far as there are any, in so many answers.
fn counts_up(bytes: &[u8], answers: usize) -> bool {
    let mut rest = bytes;
    let mut expected = None;
    let mut begun = 1;
    while let Some(head) = packet::head(rest) {
        if expected.is_some_and(|expected| expected != head.sequence) {
            begun += 1;
            if head.sequence != 1 || begun > answers {
                return false;
            }
        }
        expected = Some(head.sequence.wrapping_add(1));
        let Some(after) = rest.get(head.total()..) else { break };
        rest = after;
    }
    true
}

/// Of commands that were said at once, the first is COM_STMT_PREPARE: its answer, or an error.
fn answers_prepare(payload: &[u8], length: u32) -> bool {
    match payload.first() {
        Some(0) => (12..=13).contains(&length),
        Some(kind) => *kind == 0xff,
        None => false,
    }
}

/// COM_STATISTICS is answered by plain text.
fn is_string_answer(step: &Step) -> bool {
    step.operation == Operation::Command(Command::Statistics)
}
