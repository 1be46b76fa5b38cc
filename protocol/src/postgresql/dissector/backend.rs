//! What the server says.

use super::{Footing, Postgresql, is_fatal};
use crate::chunk::Moment;
use crate::dissector::{Handover, Output};
use crate::exchange::{Facts, Outcome};
use crate::postgresql::message::{self, HEADER, Head};
use crate::postgresql::step::{Answer, Step, StepKind};
use crate::sql::{Dialect, Digest};

/// How much of a message of the server is read, in bytes: enough for the codes of an error, whose
/// first fields they are, and for every tag.
const BODY_LIMIT: usize = 512;

/// What to do with the message in hand.
enum Taken {
    /// It is understood.
    Yes,
    /// Its request has not been delivered yet.
    Wait,
    /// It answers nothing that was asked.
    Astray,
}

impl Postgresql {
    pub(super) fn read_server(&mut self, out: &mut Output) {
        while !self.over && !self.server.is_empty() {
            let before = (self.server.position(), self.server_footing);
            if let Some(behind) = self.encryption {
                self.read_encryption(behind, out);
            } else if self.server_footing == Footing::Found {
                self.read_answer(out);
            } else {
                self.find_server(out);
            }
            if before == (self.server.position(), self.server_footing) {
                break;
            }
        }
        if !self.over && self.server.hole() > 0 {
            self.lose_server(out);
        }
    }

    /// The one byte that answers SSLRequest or GSSENCRequest.
    fn read_encryption(&mut self, client: u64, out: &mut Output) {
        match self.server.bytes().first() {
            Some(b'S') => {
                let server = self.server.position().saturating_add(1);
                out.handover = Some(Handover::Detect { client, server });
                self.over = true;
            }
            Some(b'G') => {
                out.handover = Some(Handover::Opaque("gssapi"));
                self.over = true;
            }
            Some(b'N') => {
                self.server.consume(1);
                self.encryption = None;
                self.read_client(out);
            }
            // An ErrorResponse of a server that knows nothing of encryption; it closes.
            Some(b'E') => self.over = true,
            _ => self.not_understood(out),
        }
    }

    /// Looks for the start of an answer: the first bytes that follow a request.
    fn find_server(&mut self, out: &mut Output) {
        let bytes = self.server.bytes();
        let Some(head) = message::head(bytes) else { return };
        let fits = self.steps.front().is_some_and(|step| step.kind.begins_with(head.kind));
        if self.server_footing == Footing::Lost && self.ends_ready() {
            self.take_unseen_end(out);
        } else if self.server_footing == Footing::Perhaps
            && fits
            && message::chain(bytes, message::is_server).is_some()
        {
            self.server_footing = Footing::Found;
        } else {
            if !self.steps.is_empty() {
                self.answer.first.get_or_insert(self.server.moment(0));
                self.server_footing = Footing::Lost;
            }
            self.server.jump();
        }
    }

    /// Whether the bytes in the window end with ReadyForQuery, and nothing is missing behind it.
    fn ends_ready(&self) -> bool {
        self.server.hole() == 0 && message::ends_ready(self.server.bytes())
    }

    /// The end of an answer whose middle was lost. With several requests in flight it could be
    /// the end of any of them.
    fn take_unseen_end(&mut self, out: &mut Output) {
        let last = self.server.moment(self.server.len().saturating_sub(1));
        self.server.jump();
        let ends = self.steps.iter().filter(|step| step.kind.ends_ready()).count();
        if ends == 1 {
            self.finish_unseen(last, out);
            self.server_footing = Footing::Perhaps;
        } else if ends > 1 {
            self.lose_pairing(out);
        }
    }

    fn read_answer(&mut self, out: &mut Output) {
        let bytes = self.server.bytes();
        let Some(head) = message::head(bytes) else { return };
        if !message::is_server(head) {
            out.not_understood += 1;
            self.lose_server(out);
            return self.lose_pairing(out);
        }
        let wanted = match head.kind {
            b'D' | b'd' | b'T' | b't' => HEADER,
            _ => HEADER + BODY_LIMIT,
        };
        let total = usize::try_from(head.total).unwrap_or(usize::MAX);
        if bytes.len() < wanted.min(total) && self.server.hole() == 0 {
            return;
        }
        let seen = total.min(bytes.len());
        let first = self.server.moment(0);
        let mut last = self.server.moment(seen - 1);
        last.position = first.position.saturating_add(head.total - 1);
        let server = std::mem::take(&mut self.server);
        let body = server.bytes().get(HEADER..seen.min(wanted)).unwrap_or_default();
        let taken = self.take_answer(head, body, first, last, out);
        self.server = server;
        match taken {
            Taken::Yes => self.server.skip(head.total),
            Taken::Wait => {}
            Taken::Astray => {
                self.server.skip(head.total);
                self.lose_pairing(out);
                self.ready = head.kind == b'Z';
            }
        }
    }

    fn take_answer(
        &mut self,
        head: Head,
        body: &[u8],
        first: Moment,
        last: Moment,
        out: &mut Output,
    ) -> Taken {
        match head.kind {
            b'A' => return Taken::Yes,
            b'S' => {
                self.take_parameter(body);
                return Taken::Yes;
            }
            b'N' => {
                let report = message::report(body);
                if report.warning {
                    let code = report.error.code.filter(|code| code.0.starts_with(b"01"));
                    self.answer.warning = code.or(self.answer.warning);
                }
                return Taken::Yes;
            }
            _ => {}
        }
        if !self.paired {
            self.ready = head.kind == b'Z';
            return Taken::Yes;
        }
        if self.steps.is_empty() && self.take_unseen(head.kind, out) {
            return Taken::Yes;
        }
        let Some(asked) = self.asked_at() else {
            // "terminating connection due to administrator command", and the like.
            let fatal = head.kind == b'E' && is_fatal(message::report(body).error);
            return if fatal { Taken::Yes } else { Taken::Wait };
        };
        if last.end < asked.start {
            // Said before it was asked for: it answers something that was never seen.
            return Taken::Astray;
        }
        self.ready = false;
        self.answer.first.get_or_insert(first);
        match head.kind {
            b'E' => self.take_error(body, last, out),
            b'Z' => self.take_ready(last, out),
            kind => self.take_reply(kind, body, last, out),
        }
    }

    /// ParameterStatus: one setting changes how texts are read.
    fn take_parameter(&mut self, body: &[u8]) {
        let Some((b"standard_conforming_strings", value)) = message::cstring(body) else { return };
        self.dialect = match message::cstring(value) {
            Some((b"off", _)) => Dialect::PostgresqlBackslash,
            _ => Dialect::Postgresql,
        };
    }

    fn take_reply(&mut self, kind: u8, body: &[u8], last: Moment, out: &mut Output) -> Taken {
        let Some(front) = self.steps.front() else { return Taken::Astray };
        match (&front.kind, kind) {
            (StepKind::Connect, b'R' | b'K' | b'v') => {}
            (StepKind::Parse { .. }, b'1')
            | (StepKind::Bind, b'2')
            | (StepKind::Close, b'3')
            | (StepKind::Describe, b'T' | b'n') => {
                self.steps.pop_front();
            }
            (StepKind::Describe, b't') | (StepKind::FunctionCall, b'V') => {}
            (StepKind::Query | StepKind::Execute, b'D') => self.answer.seen += 1,
            (StepKind::Query, b'T') => {}
            (StepKind::Query | StepKind::Execute, b'G' | b'H' | b'd' | b'c') => {}
            (StepKind::Query | StepKind::Execute, b'W') => {
                // Replication: both sides copy until the connection ends.
                if let Some(step) = self.steps.pop_front() {
                    self.finish(&step, last, Outcome::Complete, out);
                }
                out.handover = Some(Handover::Opaque("replication"));
                self.over = true;
            }
            (StepKind::Query, b'C' | b'I') => self.count(kind, body),
            (StepKind::Execute, b'C') if contradicts(front.statement.as_deref(), body) => {
                self.pipelined = true;
                return Taken::Astray;
            }
            (StepKind::Execute, b'C' | b'I' | b's') => {
                self.count(kind, body);
                if let Some(step) = self.steps.pop_front() {
                    self.finish(&step, last, Outcome::Complete, out);
                    if self.commits_next() {
                        self.held = out.exchanges.pop();
                    }
                }
            }
            _ => return Taken::Astray,
        }
        Taken::Yes
    }

    /// The end of a statement.
    fn count(&mut self, kind: u8, body: &[u8]) {
        let seen = std::mem::take(&mut self.answer.seen);
        let rows = match kind {
            b'C' => match message::tag(body) {
                (b"SELECT" | b"FETCH", count) => count,
                // RETURNING
                (b"INSERT" | b"UPDATE" | b"DELETE" | b"MERGE", _) if seen > 0 => Some(seen),
                _ if seen > 0 => Some(seen),
                _ => None,
            },
            b's' => Some(seen),
            _ => None,
        };
        self.answer.completed = self.answer.completed.saturating_add(u32::from(kind == b'C'));
        self.answer.rows = match (self.answer.rows, rows) {
            (Some(before), Some(rows)) => Some(before.saturating_add(rows)),
            (before, rows) => rows.or(before),
        };
    }

    /// ErrorResponse: ends what is in hand. In the extended protocol, the server ignores all that
    /// follows up to the next Sync.
    fn take_error(&mut self, body: &[u8], last: Moment, out: &mut Output) -> Taken {
        let Some(front) = self.steps.front() else { return Taken::Astray };
        self.answer.error = Some(message::report(body).error);
        self.answer.seen = 0;
        match front.kind {
            // ReadyForQuery follows.
            StepKind::Query | StepKind::FunctionCall => return Taken::Yes,
            StepKind::Sync => {
                self.take_commit_error(last, out);
                return Taken::Yes;
            }
            StepKind::Connect => {
                if let Some(step) = self.steps.pop_front() {
                    self.finish(&step, last, Outcome::Complete, out);
                }
                return Taken::Yes;
            }
            _ => {}
        }
        let Some(mut failed) = self.steps.pop_front() else { return Taken::Astray };
        let group = failed.group;
        let mut skipped = Vec::new();
        self.discarding = true;
        while let Some(step) = self.steps.front() {
            if matches!(step.kind, StepKind::Sync) {
                self.discarding = false;
                break;
            }
            skipped.extend(self.steps.pop_front());
        }
        for step in skipped.iter_mut().rev() {
            self.take_back(&mut step.kind);
        }
        self.take_back(&mut failed.kind);
        if failed.kind.is_asked() {
            self.finish(&failed, last, Outcome::Complete, out);
        } else if let Some(at) =
            skipped.iter().position(|step| step.group == group && step.kind.is_asked())
        {
            // Parse or Bind failed: that is how the execution failed.
            let step = skipped.swap_remove(at);
            self.finish(&step, last, Outcome::Complete, out);
        } else {
            self.finish(&failed, last, Outcome::Complete, out);
        }
        for step in &skipped {
            self.skip(step, out);
        }
        Taken::Yes
    }

    /// A Parse that was refused or skipped has not changed what its name stands for.
    fn take_back(&mut self, kind: &mut StepKind) {
        if let StepKind::Parse { name, before } = kind {
            self.prepared.set(name, before.take());
        }
    }

    /// ReadyForQuery: ends a query, a function call or everything up to a Sync.
    fn take_ready(&mut self, last: Moment, out: &mut Output) -> Taken {
        let Some(step) = self.steps.pop_front() else { return Taken::Astray };
        self.ready = true;
        match step.kind {
            StepKind::Connect | StepKind::Sync => {
                out.exchanges.extend(self.held.take());
                self.answer = Answer::default();
            }
            StepKind::Query | StepKind::FunctionCall => {
                self.finish(&step, last, Outcome::Complete, out);
            }
            _ => {
                self.steps.push_front(step);
                return Taken::Astray;
            }
        }
        self.end_unseen();
        Taken::Yes
    }

    /// Whether nothing but a Sync is to come: what it commits is what was executed last.
    fn commits_next(&self) -> bool {
        let next = self.steps.iter().find(|step| !matches!(step.kind, StepKind::Close));
        next.is_some_and(|step| matches!(step.kind, StepKind::Sync))
    }

    /// ErrorResponse to a Sync, which closes the transaction that the executions before it opened
    /// ("causes a COMMIT", chapter 55.2.3): a deferred constraint, a serialisation failure. It is the
    /// last execution that failed so.
    fn take_commit_error(&mut self, last: Moment, out: &mut Output) {
        let Answer { error, .. } = std::mem::take(&mut self.answer);
        // The end of the session is no answer.
        let error = error.filter(|error| !is_fatal(*error));
        let Some(mut exchange) = self.held.take() else {
            if error.is_some()
                && let Some(step) = self.steps.front()
            {
                let (request, kind) = (step.request, StepKind::Bind);
                let step =
                    Step { kind, group: step.group, request, statement: None, context: None };
                self.answer.error = error;
                self.finish(&step, last, Outcome::Complete, out);
            }
            return;
        };
        if let (Some(_), Facts::Postgresql(facts)) = (error, &mut exchange.facts) {
            facts.error = error;
            facts.rows = None;
            if let Some(response) = &mut exchange.response {
                response.last = last.into();
            }
        }
        out.exchanges.push(exchange);
    }
}

/// Whether a tag cannot be that of a statement. After a watch began in the middle, this is what
/// tells that answers are taken for those of later requests.
fn contradicts(statement: Option<&Digest>, body: &[u8]) -> bool {
    const VERBS: [&str; 4] = ["SELECT", "INSERT", "UPDATE", "DELETE"];
    let Some(asked) =
        statement.and_then(|statement| statement.text.split_ascii_whitespace().next())
    else {
        return false;
    };
    let (said, _) = message::tag(body);
    let asked = VERBS.iter().position(|verb| verb.eq_ignore_ascii_case(asked));
    let said = VERBS.iter().position(|verb| verb.as_bytes() == said);
    matches!((asked, said), (Some(asked), Some(said)) if asked != said)
}
