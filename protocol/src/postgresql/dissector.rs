//! Reads a connection: requests into [`Step`]s, answers against them.

mod backend;
mod frontend;
mod unseen;

use std::collections::VecDeque;
use std::sync::Arc;

use super::statements::Names;
use super::step::{Answer, Step, StepKind};
use super::{Operation, PostgresqlFacts, ServerError};
use crate::chunk::{Chunk, Moment, Side};
use crate::context::WireContext;
use crate::dissector::{Dissector, Ending, Output};
use crate::exchange::{Exchange, Extent, Facts, Outcome};
use crate::sql::reading::{CAPTURE, Footing, LOSSES_LIMIT};
use crate::sql::{Dialect, Digest};
use crate::window::Window;

/// The most messages that can wait for an answer (a pipeline). Beyond, pairing starts afresh.
const STEPS_LIMIT: usize = 8 * 1024;

/// One PostgreSQL connection.
pub(super) struct Postgresql {
    client: Window,
    server: Window,
    client_footing: Footing,
    server_footing: Footing,
    /// The client is before its start-up packet.
    opening: bool,
    /// The client's question about encryption, until the server answers it.
    encryption: Option<u64>,
    /// Answers belong to the front of `steps`; else requests are read to learn names only.
    paired: bool,
    /// The server said something since the client's footing or the pairing was lost.
    server_spoke: bool,
    /// The last message of the server was ReadyForQuery.
    ready: bool,
    /// An answer once did not fit what was asked: the client does not wait for answers.
    pipelined: bool,
    steps: VecDeque<Step>,
    answer: Answer,
    /// Requests behind those in `steps` were lost; what is in `steps` is answered first.
    unseen: Option<unseen::Unseen>,
    /// The last execution before a Sync, until the Sync has committed it.
    held: Option<Exchange>,
    /// The server refused something and ignores all until the next Sync, which has not come yet.
    discarding: bool,
    group: u32,
    group_first: Option<Moment>,
    /// The context in the text that was parsed last, for its first execution.
    parsed_context: Option<(Arc<Digest>, WireContext)>,
    prepared: Names,
    portals: Names,
    database: Option<Arc<str>>,
    user: Option<Arc<str>>,
    dialect: Dialect,
    exchanges: u64,
    losses: u32,
    capture_asked: bool,
    over: bool,
}

impl Postgresql {
    pub(super) fn new(from_start: bool) -> Self {
        let footing = Footing::new(from_start);
        Self {
            client: Window::default(),
            server: Window::default(),
            client_footing: footing,
            server_footing: footing,
            opening: from_start,
            encryption: None,
            paired: from_start,
            server_spoke: true,
            ready: false,
            pipelined: false,
            steps: VecDeque::new(),
            answer: Answer::default(),
            unseen: None,
            held: None,
            discarding: false,
            group: 0,
            group_first: None,
            parsed_context: None,
            prepared: Names::default(),
            portals: Names::default(),
            database: None,
            user: None,
            // The server tells when a connection starts, and when it changes.
            dialect: if from_start { Dialect::Postgresql } else { Dialect::PostgresqlEither },
            exchanges: 0,
            losses: 0,
            capture_asked: false,
            over: false,
        }
    }

    /// The exchange of a step.
    fn exchange(&self, step: &Step, operation: Operation) -> Exchange {
        let facts = PostgresqlFacts {
            operation,
            statement: step.statement.clone().filter(|statement| !statement.is_empty()),
            database: self.database.clone(),
            user: self.user.clone(),
            ..PostgresqlFacts::default()
        };
        let mut exchange = Exchange::new(step.request, None, Facts::Postgresql(Box::new(facts)));
        exchange.context = step.context.clone();
        exchange
    }

    /// Ends a step with what the server said, whose last byte is `last`.
    fn finish(&mut self, step: &Step, last: Moment, outcome: Outcome, out: &mut Output) {
        let answer = std::mem::take(&mut self.answer);
        let operation = match step.kind {
            StepKind::Query => Operation::Query,
            StepKind::FunctionCall => Operation::FunctionCall,
            StepKind::Connect => Operation::Connect,
            StepKind::Execute => Operation::Execute,
            _ => Operation::Prepare,
        };
        let mut exchange = self.exchange(step, operation);
        exchange.response = Some(Extent::new(answer.first.unwrap_or(last), last));
        exchange.outcome = outcome;
        if let Facts::Postgresql(facts) = &mut exchange.facts {
            facts.completed = answer.completed;
            facts.rows = answer.rows.filter(|_| outcome == Outcome::Complete);
            facts.error = answer.error;
            facts.warning = answer.warning;
        }
        self.exchanges += 1;
        out.exchanges.push(exchange);
    }

    /// An execution that the server skipped, because something before it had failed.
    fn skip(&mut self, step: &Step, out: &mut Output) {
        if step.kind.is_asked() {
            let mut exchange = self.exchange(step, Operation::Execute);
            exchange.outcome = Outcome::Cancelled;
            out.exchanges.push(exchange);
        }
    }

    /// Which request answers belong to is not known any more.
    fn lose_pairing(&mut self, out: &mut Output) {
        self.drop_steps(out);
        self.paired = false;
        self.server_spoke = false;
        self.ready = false;
        self.note_loss(out);
    }

    /// Where the server's messages start is not known any more.
    fn lose_server(&mut self, out: &mut Output) {
        self.server.jump();
        self.lose_answers(out);
        out.exchanges.extend(self.held.take());
        self.server_footing = Footing::Lost;
    }

    fn drop_steps(&mut self, out: &mut Output) {
        out.exchanges.extend(self.held.take());
        self.expect_unseen(out);
        out.lost += self.steps.iter().filter(|step| step.kind.is_asked()).count() as u64;
        self.steps.clear();
        self.answer = Answer::default();
        self.discarding = false;
        self.group_first = None;
    }

    fn note_loss(&mut self, out: &mut Output) {
        self.losses += 1;
        if self.exchanges == 0 && self.losses > LOSSES_LIMIT {
            out.handover = Some(crate::Handover::NotMine);
            self.over = true;
        }
    }

    /// The bytes cannot be PostgreSQL, if nothing before was.
    fn not_understood(&mut self, out: &mut Output) {
        out.not_understood += 1;
        if self.opening {
            out.handover = Some(crate::Handover::NotMine);
            self.over = true;
        }
    }

    /// The next request begins while the end of the answer in hand was not seen: that answer is
    /// over, as a client waits for it.
    fn finish_unseen(&mut self, last: Moment, out: &mut Output) {
        let asked = self.steps.iter().filter(|step| step.kind.is_asked()).count();
        let began = self.answer.first.is_some();
        let front = self.steps.iter().position(|step| step.kind.is_asked());
        if let Some(step) = front.and_then(|at| self.steps.remove(at)) {
            if began || asked == 1 {
                self.finish(&step, last, Outcome::Inferred, out);
            } else {
                out.lost += 1;
            }
        }
        self.drop_steps(out);
    }
}

impl Dissector for Postgresql {
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
                // What the server said before its request was delivered.
                self.read_server(out);
            }
            Side::Server => {
                self.server.push(chunk);
                self.server_spoke = true;
                self.read_server(out);
            }
        }
        out.not_understood += self.prepared.take_evicted() + self.portals.take_evicted();
    }

    fn half_closed(&mut self, _side: Side, _at: Moment, _out: &mut Output) {}

    fn held(&self) -> usize {
        let steps = self.steps.iter().map(|step| size_of::<Step>() + step.held());
        let names = self.prepared.held() + self.portals.held();
        self.client.held() + self.server.held() + steps.sum::<usize>() + names
    }

    fn closed(&mut self, ending: Ending, at: Moment, out: &mut Output) {
        out.exchanges.extend(self.held.take());
        self.expect_unseen(out);
        if self.server_footing == Footing::Lost && ending != Ending::Forgotten {
            // The answer may be among what was lost: nobody knows that it was broken off.
            self.over = true;
            return self.finish_unseen(self.server.last(), out);
        }
        let steps = std::mem::take(&mut self.steps);
        let mut answered = self.answer.first;
        for step in steps.iter().filter(|step| step.kind.is_asked()) {
            if answered.take().is_some() {
                let complete = self.answer.error.is_some();
                let outcome = if complete { Outcome::Complete } else { Outcome::Aborted(ending) };
                self.finish(step, at, outcome, out);
            } else {
                let mut exchange = self.exchange(step, Operation::Query);
                if let (Facts::Postgresql(facts), StepKind::Execute) =
                    (&mut exchange.facts, &step.kind)
                {
                    facts.operation = Operation::Execute;
                }
                exchange.outcome = Outcome::Aborted(ending);
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

/// An error that ends the session comes without being asked for.
fn is_fatal(error: ServerError) -> bool {
    error.severity != super::Severity::Error
}
