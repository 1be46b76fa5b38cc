//! What the client says.

use std::sync::Arc;

use super::{Footing, Postgresql, STEPS_LIMIT};
use crate::chunk::Moment;
use crate::context::WireContext;
use crate::dissector::Output;
use crate::exchange::{Exchange, Extent, Facts, Outcome};
use crate::postgresql::message::{self, HEADER, Opening};
use crate::postgresql::statements::NAME_LIMIT;
use crate::postgresql::step::{Step, StepKind};
use crate::postgresql::{Operation, PostgresqlFacts, TEXT_LIMIT};
use crate::sql::{Digest, reading};

/// How long nothing is to be said before nothing is believed to be in flight on a connection that
/// is known to have several requests in flight at a time: nanoseconds.
const IDLE: u64 = 100_000_000;

/// How much of a database's or user's name is kept, in bytes. PostgreSQL's names end at 63.
const SESSION_NAME_LIMIT: usize = 128;

impl Postgresql {
    pub(super) fn read_client(&mut self, out: &mut Output) {
        while !self.over && !self.client.is_empty() {
            let before = (self.client.position(), self.client_footing);
            if self.opening {
                self.read_opening(out);
            } else if self.client_footing != Footing::Found {
                self.find_client(out);
            } else {
                self.read_request(out);
            }
            if before == (self.client.position(), self.client_footing) {
                break;
            }
        }
        if !self.over && self.client.hole() > 0 {
            self.opening = false;
            self.miss_requests(out);
            self.client.jump();
        }
    }

    /// Requests were lost. What they may have set without the client thinking of a new name is
    /// unknown from here on; names stay, as clients do not use one twice without closing it.
    pub(super) fn lose_client(&mut self, out: &mut Output) {
        self.lose_names();
        self.lose_pairing(out);
    }

    /// As [`lose_client`](Self::lose_client), of what requests say alone.
    pub(super) fn lose_names(&mut self) {
        self.client_footing = Footing::Lost;
        self.group_first = None;
        self.prepared.forget_unnamed();
        self.portals.clear();
    }

    /// Poolers hand connections on after `DISCARD ALL`, and the next client uses the same names.
    fn forget_deallocated(&mut self, text: &str) {
        let mut words = text.split_ascii_whitespace();
        let verb = words.next().unwrap_or_default();
        if !verb.eq_ignore_ascii_case("DISCARD") && !verb.eq_ignore_ascii_case("DEALLOCATE") {
            return;
        }
        let name = words.next_back().unwrap_or_default().trim_end_matches(';');
        if name.eq_ignore_ascii_case("ALL") {
            self.prepared.clear();
            self.portals.clear();
        } else {
            self.prepared.set(name.trim_matches('"').as_bytes(), None);
        }
    }

    fn read_opening(&mut self, out: &mut Output) {
        if self.encryption.is_some() {
            // The client waits for the server's one byte.
            return;
        }
        let bytes = self.client.bytes();
        let Ok(found) = message::opening(bytes) else { return self.not_understood(out) };
        let Some((opening, total)) = found else { return };
        let request = Extent::new(self.client.moment(0), self.client.moment(total - 1));
        match opening {
            Opening::Ssl | Opening::Gss => {
                self.encryption = Some(request.first.position.saturating_add(total as u64));
            }
            Opening::Cancel => {
                let facts =
                    PostgresqlFacts { operation: Operation::Cancel, ..PostgresqlFacts::default() };
                let mut exchange = Exchange::new(request, None, Facts::Postgresql(Box::new(facts)));
                exchange.outcome = Outcome::OneWay;
                out.exchanges.push(exchange);
                self.over = true;
            }
            Opening::Startup { parameters } => {
                let name = |name| {
                    let value = message::parameter(parameters, name)?;
                    Some(reading::name(value, SESSION_NAME_LIMIT))
                };
                self.user = name(b"user");
                // "Defaults to the user name."
                self.database = name(b"database").or_else(|| self.user.clone());
                self.opening = false;
                let connect = Step {
                    kind: StepKind::Connect,
                    group: self.group,
                    request,
                    statement: None,
                    context: None,
                };
                self.steps.push_back(connect);
            }
        }
        self.client.skip(total as u64);
    }

    /// Looks for the start of a message: the first bytes of a turn, when the server is quiet.
    fn find_client(&mut self, out: &mut Output) {
        if self.pass_over() {
            return self.client.jump();
        }
        let bytes = self.client.bytes();
        if bytes.len() < HEADER {
            return;
        }
        let quiet = self.server_footing != Footing::Found || self.ready;
        if quiet && self.server_spoke && message::requests(bytes).is_some() {
            self.client_footing = Footing::Found;
        } else {
            self.note_loss(out);
            self.client.jump();
        }
    }

    fn read_request(&mut self, out: &mut Output) {
        let bytes = self.client.bytes();
        let Some(head) = message::head(bytes) else { return };
        if !message::is_client(head) {
            self.client.jump();
            out.not_understood += 1;
            return self.lose_client(out);
        }
        let wanted = match head.kind {
            b'Q' | b'P' => HEADER + TEXT_LIMIT + NAME_LIMIT,
            b'B' => HEADER + 2 * NAME_LIMIT,
            b'd' | b'p' => HEADER,
            _ => HEADER + NAME_LIMIT,
        };
        let total = usize::try_from(head.total).unwrap_or(usize::MAX);
        if bytes.len() < wanted.min(total) && self.client.hole() == 0 {
            return;
        }
        let seen = total.min(bytes.len());
        let first = self.client.moment(0);
        let mut last = self.client.moment(seen - 1);
        last.position = first.position.saturating_add(head.total - 1);
        // The window steps aside while what it holds changes this connection's state.
        let mut client = std::mem::take(&mut self.client);
        let body = client.bytes().get(HEADER..seen.min(wanted)).unwrap_or_default();
        self.take_request(head.kind, body, Extent::new(first, last), out);
        client.skip(head.total);
        self.client = client;
    }

    fn take_request(&mut self, kind: u8, body: &[u8], at: Extent, out: &mut Output) {
        match kind {
            b'Q' => {
                let (statement, context) = self.digest(body);
                self.forget_deallocated(&statement.text);
                self.ask(StepKind::Query, at, Some(statement), context, out);
            }
            b'P' => {
                let Some((name, text)) = message::cstring(body) else {
                    // Cut in the name.
                    self.prepared.forget_unnamed();
                    let kind = StepKind::Parse { name: Box::default(), before: None };
                    return self.ask(kind, at, None, None, out);
                };
                let (statement, context) = self.digest(text);
                let before = self.prepared.set(name, Some(statement.clone()));
                self.parsed_context = context.map(|context| (statement.clone(), context));
                let kind = StepKind::Parse { name: name.into(), before };
                self.ask(kind, at, Some(statement), None, out);
            }
            b'B' => {
                let portal = message::cstring(body);
                let name = portal.and_then(|(_, rest)| message::cstring(rest));
                let statement = name.and_then(|(name, _)| self.prepared.get(name));
                match portal {
                    Some((portal, _)) => {
                        self.portals.set(portal, statement.clone());
                    }
                    None => self.portals.clear(),
                }
                self.ask(StepKind::Bind, at, statement, None, out);
            }
            b'D' => {
                let statement = match body.split_first() {
                    Some((b'S', name)) => self.named(name, |this| &this.prepared),
                    Some((_, name)) => self.named(name, |this| &this.portals),
                    None => None,
                };
                self.ask(StepKind::Describe, at, statement, None, out);
            }
            b'E' => {
                let statement = self.named(body, |this| &this.portals);
                self.ask(StepKind::Execute, at, statement, None, out);
            }
            b'C' => {
                if let Some((kind, name)) = body.split_first() {
                    let name = message::cstring(name).map_or(name, |(name, _)| name);
                    let names = if *kind == b'S' { &mut self.prepared } else { &mut self.portals };
                    names.set(name, None);
                }
                self.ask(StepKind::Close, at, None, None, out);
            }
            b'F' => self.ask(StepKind::FunctionCall, at, None, None, out),
            b'S' => self.sync(at, out),
            b'c' | b'f' => self.end_copy(at),
            // Flush, CopyData, Terminate, and what belongs to authentication.
            _ => {}
        }
    }

    fn named(
        &self,
        name: &[u8],
        names: fn(&Self) -> &crate::postgresql::statements::Names,
    ) -> Option<Arc<Digest>> {
        let (name, _) = message::cstring(name)?;
        names(self).get(name)
    }

    fn digest(&self, text: &[u8]) -> (Arc<Digest>, Option<WireContext>) {
        let text = message::cstring(text).map_or(text, |(text, _)| text);
        reading::statement(text, self.dialect)
    }

    fn ask(
        &mut self,
        kind: StepKind,
        at: Extent,
        statement: Option<Arc<Digest>>,
        context: Option<WireContext>,
        out: &mut Output,
    ) {
        self.begin_turn(at.first, out);
        let ends_group = kind.is_asked();
        let first = match (&kind, self.group_first) {
            (StepKind::Query | StepKind::FunctionCall, _) | (_, None) => at.first,
            (_, Some(first)) => first,
        };
        let mut step = Step {
            kind,
            group: self.group,
            request: Extent { first, last: at.last },
            statement,
            context,
        };
        if ends_group {
            // The comment in the text that was parsed for this execution.
            if step.context.is_none()
                && let Some((of, _)) = &self.parsed_context
                && step.statement.as_ref().is_some_and(|statement| Arc::ptr_eq(statement, of))
            {
                step.context = self.parsed_context.take().map(|(_, context)| context);
            }
            self.group = self.group.wrapping_add(1);
            self.group_first = None;
        } else {
            self.group_first = Some(first);
        }
        if !self.paired {
            return;
        }
        if self.discarding {
            return self.skip(&step, out);
        }
        if self.steps.len() >= STEPS_LIMIT {
            return self.lose_pairing(out);
        }
        self.steps.push_back(step);
    }

    fn sync(&mut self, at: Extent, out: &mut Output) {
        self.begin_turn(at.first, out);
        self.discarding = false;
        self.group = self.group.wrapping_add(1);
        self.group_first = None;
        if !self.paired {
            return;
        }
        // The same write, mostly: the last execution's request reaches this far.
        if let Some(back) = self.steps.back_mut() {
            back.request.last = at.last;
        }
        let step = Step {
            kind: StepKind::Sync,
            group: self.group,
            request: at,
            statement: None,
            context: None,
        };
        self.steps.push_back(step);
    }

    /// The end of what is copied to the server. A Sync sent before was read, and ignored, as a
    /// part of the copy ("ignores Flush and Sync messages received during the copy-in").
    fn end_copy(&mut self, at: Extent) {
        while self.steps.back().is_some_and(|step| matches!(step.kind, StepKind::Sync)) {
            self.steps.pop_back();
        }
        if let Some(back) = self.steps.back_mut() {
            back.request.last = at.last;
        }
    }

    /// A request: what does its coming say about answers that were not seen?
    fn begin_turn(&mut self, at: Moment, out: &mut Output) {
        if self.group_first.is_some() {
            return;
        }
        let answered = self.steps.iter().any(|step| step.kind.ends_ready());
        if self.server_footing == Footing::Lost && (self.steps.is_empty() || answered) {
            self.finish_unseen(self.server.last(), out);
            self.server_footing = Footing::Perhaps;
        } else if self.server_footing == Footing::Perhaps && self.paired && answered {
            // A second turn before any answer: the first's was among what was lost, or this client
            // does not wait. The next answer could be to either.
            self.lose_pairing(out);
        }
        let quiet = self.ready || self.server_footing != Footing::Found;
        let idle = at.start.saturating_sub(self.server.last().end);
        if !self.paired && self.server_spoke && quiet && (!self.pipelined || idle > IDLE) {
            self.paired = true;
        }
    }

    /// The moment a request began, for comparing with what the server said.
    pub(super) fn asked_at(&self) -> Option<Moment> {
        self.steps.front().map(|step| step.request.first)
    }
}
