//! Reads a connection: commands into [`Step`]s, answers against them.

mod answer;
mod client;
mod server;

use std::collections::VecDeque;
use std::sync::Arc;

use super::handshake::{Capabilities, Greeting};
use super::reply::Reply;
use super::{MysqlFacts, Operation, ServerError, System};
use crate::chunk::{Chunk, Moment, Side};
use crate::context::WireContext;
use crate::dissector::{Dissector, Ending, Handover, Output};
use crate::exchange::{Exchange, Extent, Facts, Outcome};
use crate::sql::reading::{CAPTURE, Footing, LOSSES_LIMIT};
use crate::sql::statements::{Statements, size};
use crate::sql::{Dialect, Digest};
use crate::window::Window;

/// The most commands that can wait for an answer. Drivers send one at a time; some of MariaDB's
/// send a few. Beyond, pairing starts afresh.
const STEPS_LIMIT: usize = 1024;

/// How far the opening of the connection has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The server greets.
    Greeting,
    /// The client answers.
    Handshake,
    /// Commands (and before, what belongs to authentication).
    Commands,
}

/// A command that the server has not answered to its end.
#[derive(Debug)]
struct Step {
    operation: Operation,
    request: Extent,
    /// Of the last packet of the command.
    sequence: u8,
    statement: Option<Arc<Digest>>,
    context: Option<WireContext>,
    /// What the session is about if the server agrees.
    session: Option<Session>,
}

#[derive(Clone, Debug, Default)]
struct Session {
    database: Option<Arc<str>>,
    user: Option<Arc<str>>,
}

/// What the server has said so far to the command in front.
#[derive(Debug, Default)]
struct Answer {
    first: Option<Moment>,
    reply: Reply,
    rows: Option<u64>,
    error: Option<ServerError>,
}

/// One MySQL connection.
pub(super) struct Mysql {
    client: Window,
    server: Window,
    client_footing: Footing,
    server_footing: Footing,
    /// The payload of the last packet goes on in the next one.
    client_continues: bool,
    server_continues: bool,
    phase: Phase,
    greeting: Option<Greeting>,
    /// What both sides agreed on, if that was seen.
    capabilities: Option<Capabilities>,
    /// CLIENT_DEPRECATE_EOF was agreed on; `None` until that is known.
    deprecate_eof: Option<bool>,
    /// The sequence number of an EOF packet that may follow an answer which is otherwise over.
    trailing_eof: Option<u8>,
    /// The sequence number of the server's next packet, where it only counts up.
    expected: Option<u8>,
    /// The server said something since the client's footing was lost.
    server_spoke: bool,
    steps: VecDeque<Step>,
    answer: Answer,
    prepared: Statements<u32>,
    /// What the last COM_STMT_PREPARE was about, which MariaDB can name without its number.
    last_prepared: Option<Arc<Digest>>,
    session: Session,
    system: System,
    dialect: Dialect,
    exchanges: u64,
    losses: u32,
    capture_asked: bool,
    over: bool,
}

impl Mysql {
    pub(super) fn new(from_start: bool) -> Self {
        let footing = Footing::new(from_start);
        Self {
            client: Window::default(),
            server: Window::default(),
            client_footing: footing,
            server_footing: footing,
            client_continues: false,
            server_continues: false,
            phase: if from_start { Phase::Greeting } else { Phase::Commands },
            greeting: None,
            capabilities: None,
            deprecate_eof: None,
            trailing_eof: None,
            expected: None,
            server_spoke: true,
            steps: VecDeque::new(),
            answer: Answer::default(),
            prepared: Statements::default(),
            last_prepared: None,
            session: Session::default(),
            system: System::default(),
            // Every answer tells.
            dialect: Dialect::MysqlEither,
            exchanges: 0,
            losses: 0,
            capture_asked: false,
            over: false,
        }
    }

    fn exchange(&self, step: &Step) -> Exchange {
        let facts = MysqlFacts {
            operation: step.operation,
            system: self.system,
            statement: step.statement.clone().filter(|statement| !statement.is_empty()),
            database: self.session.database.clone(),
            user: self.session.user.clone(),
            rows: None,
            error: None,
        };
        let mut exchange = Exchange::new(step.request, None, Facts::Mysql(Box::new(facts)));
        exchange.context = step.context.clone();
        exchange
    }

    /// Ends the step in front with what the server said, whose last byte is `last`.
    fn finish(&mut self, last: Moment, outcome: Outcome, out: &mut Output) {
        let answer = std::mem::take(&mut self.answer);
        self.expected = None;
        let Some(step) = self.steps.pop_front() else { return };
        let failed = answer.error.is_some();
        // Connections and statements that are prepared make no exchange unless they fail.
        let silent = matches!(step.operation, Operation::Connect | Operation::Prepare);
        if !silent || failed {
            let mut exchange = self.exchange(&step);
            exchange.response = Some(Extent::new(answer.first.unwrap_or(last), last));
            exchange.outcome = outcome;
            if let Facts::Mysql(facts) = &mut exchange.facts {
                facts.rows = answer.rows.filter(|_| outcome == Outcome::Complete);
                facts.error = answer.error;
            }
            self.exchanges += 1;
            out.exchanges.push(exchange);
        }
        if let Some(session) = step.session.filter(|_| !failed && outcome == Outcome::Complete) {
            self.session = session;
        }
    }

    /// The next command begins while the end of the answer in hand was not seen: that answer is
    /// over, as a client waits for it.
    fn finish_unseen(&mut self, out: &mut Output) {
        if self.answer.first.is_some() || self.steps.len() == 1 {
            self.finish(self.server.last(), Outcome::Inferred, out);
        }
        self.drop_steps(out);
    }

    fn drop_steps(&mut self, out: &mut Output) {
        out.lost += self.steps.len() as u64;
        self.steps.clear();
        self.answer = Answer::default();
        self.expected = None;
        self.trailing_eof = None;
    }

    /// Commands were lost, so that answers cannot be paired until the server is quiet again.
    fn lose_client(&mut self, out: &mut Output) {
        self.client_footing = Footing::Lost;
        self.client_continues = false;
        self.last_prepared = None;
        self.server_spoke = false;
        self.lose_server();
        self.drop_steps(out);
        self.note_loss(out);
    }

    fn lose_server(&mut self) {
        self.server.jump();
        self.server_footing = Footing::Lost;
        self.server_continues = false;
        self.trailing_eof = None;
    }

    fn note_loss(&mut self, out: &mut Output) {
        self.losses += 1;
        if self.exchanges == 0 && self.losses > LOSSES_LIMIT {
            self.hand_over(Handover::NotMine, out);
        }
    }

    fn hand_over(&mut self, handover: Handover, out: &mut Output) {
        out.handover = Some(handover);
        self.over = true;
    }
}

impl Dissector for Mysql {
    fn feed(&mut self, chunk: &Chunk<'_>, out: &mut Output) {
        if self.over {
            return;
        }
        if !self.capture_asked {
            self.capture_asked = true;
            out.capture = Some(CAPTURE);
        }
        match chunk.side {
            Side::Client => {
                self.client.push(chunk);
                self.read_client(out);
                // What the server said before its command was delivered.
                self.read_server(out);
            }
            Side::Server => {
                self.server.push(chunk);
                self.server_spoke = true;
                self.read_server(out);
                // What the client said before the greeting was delivered.
                self.read_client(out);
            }
        }
        out.not_understood += self.prepared.take_evicted();
    }

    fn half_closed(&mut self, _side: Side, _at: Moment, _out: &mut Output) {}

    fn held(&self) -> usize {
        let texts = self.steps.iter().filter_map(|step| step.statement.as_ref()).map(size);
        let steps = self.steps.capacity() * size_of::<Step>() + texts.sum::<usize>();
        self.client.held() + self.server.held() + steps + self.prepared.held()
    }

    fn closed(&mut self, ending: Ending, at: Moment, out: &mut Output) {
        // The answer may be among what was lost: nobody knows that it was broken off.
        let broken = match self.server_footing {
            Footing::Lost if ending != Ending::Forgotten => Outcome::Inferred,
            _ => Outcome::Aborted(ending),
        };
        if self.answer.first.is_some() {
            let silent = self.steps.front().is_some_and(|step| {
                matches!(step.operation, Operation::Connect | Operation::Prepare)
            });
            if !silent {
                self.finish(at, broken, out);
            }
        }
        for step in std::mem::take(&mut self.steps) {
            if step.operation != Operation::Connect {
                let mut exchange = self.exchange(&step);
                exchange.outcome = broken;
                out.exchanges.push(exchange);
            }
        }
        self.over = true;
    }

    fn open_request(&self, position: u64) -> Option<Moment> {
        let step = self.steps.iter().find(|step| step.request.covers(position))?;
        Some(step.request.first)
    }
}
