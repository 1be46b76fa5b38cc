//! What the client says.

use std::sync::Arc;

use super::{Footing, Mysql, Phase, STEPS_LIMIT, Session, Step};
use crate::chunk::Moment;
use crate::context::{WireContext, from_headers};
use crate::dissector::{Handover, Output};
use crate::exchange::Extent;
use crate::mysql::handshake::{self, Capabilities, Response};
use crate::mysql::packet::{self, FULL, Fields, HEADER, Head, Integers, command};
use crate::mysql::reply::Reply;
use crate::mysql::{Command, Operation, System, TEXT_LIMIT, query};
use crate::sql::{Digest, reading};

/// How much of a database's or user's name is kept, in bytes. MySQL's databases end at 64
/// characters, MariaDB's users at 128.
const SESSION_NAME_LIMIT: usize = 256;

/// MariaDB's number for the statement that was prepared last.
const LAST_PREPARED: u32 = u32::MAX;

impl Mysql {
    pub(super) fn read_client(&mut self, out: &mut Output) {
        while !self.over && !self.client.is_empty() {
            let before = (self.client.position(), self.client_footing, self.phase);
            match (self.phase, self.client_footing) {
                (Phase::Commands, Footing::Found) => self.read_command(out),
                (Phase::Commands, _) => self.find_client(out),
                _ => self.read_handshake(out),
            }
            if before == (self.client.position(), self.client_footing, self.phase) {
                break;
            }
        }
        if !self.over && self.client.hole() > 0 {
            self.client.jump();
            self.phase = Phase::Commands;
            self.lose_client(out);
        }
    }

    fn read_handshake(&mut self, out: &mut Output) {
        let Some((head, payload, _)) = packet::whole(self.client.bytes()) else { return };
        // Behind TLS, the greeting was said in the clear, and is not seen.
        let certain = Response::is_certain(head, payload);
        let response = match Response::read(payload) {
            Some(response) if certain || self.phase == Phase::Handshake => response,
            _ => return self.hand_over(Handover::NotMine, out),
        };
        let capabilities = response.capabilities;
        if response.user.is_none() {
            let client = self.client.position().saturating_add(head.total() as u64);
            let server = self.server.position();
            return self.hand_over(Handover::Detect { client, server }, out);
        }
        let server = self.greeting.map_or(Capabilities(u32::MAX), |greeting| greeting.capabilities);
        let agreed = Capabilities(capabilities.0 & server.0);
        match self.greeting {
            Some(greeting) => self.system = greeting.system,
            None if !capabilities.has(Capabilities::MYSQL) => self.system = System::Mariadb,
            None => {}
        }
        self.deprecate_eof = Some(agreed.has(Capabilities::DEPRECATE_EOF));
        self.capabilities = Some(agreed);
        let session = Session {
            database: response.database.filter(|name| !name.is_empty()).map(name),
            user: response.user.map(name),
        };
        // An error of authentication is told with them.
        self.session = session;
        let request = Extent {
            first: self.client.moment(0),
            last: self.client.moment(head.total().saturating_sub(1)).into(),
        };
        self.answer.reply = Reply::Authentication;
        self.steps.push_back(Step {
            operation: Operation::Connect,
            request,
            sequence: head.sequence,
            statement: None,
            context: None,
            session: None,
        });
        self.phase = Phase::Commands;
        self.client.consume(head.total());
    }

    /// Looks for the start of a command: the first bytes of a turn.
    fn find_client(&mut self, out: &mut Output) {
        let bytes = self.client.bytes();
        let Some(head) = packet::head(bytes) else { return };
        if bytes.len() <= HEADER && self.client.hole() == 0 {
            return;
        }
        let end = head.total().min(bytes.len());
        let payload = bytes.get(HEADER..end).unwrap_or_default();
        let follows = bytes.get(end..).unwrap_or_default();
        let next = packet::head(follows)
            .is_none_or(|next| packet::is_command(next, follows.get(HEADER..).unwrap_or_default()));
        if self.server_spoke && next && packet::is_command(head, payload) {
            self.client_footing = Footing::Found;
        } else {
            self.client.jump();
            self.note_loss(out);
        }
    }

    fn read_command(&mut self, out: &mut Output) {
        let bytes = self.client.bytes();
        let Some(head) = packet::head(bytes) else { return };
        let total = head.total();
        let wanted = HEADER + TEXT_LIMIT;
        if bytes.len() < wanted.min(total) && self.client.hole() == 0 {
            return;
        }
        let seen = total.min(bytes.len());
        let first = self.client.moment(0);
        let mut last = self.client.moment(seen.saturating_sub(1));
        last.position = first.position.saturating_add(total as u64 - 1);
        // The window steps aside while what it holds changes this connection's state.
        let mut client = std::mem::take(&mut self.client);
        let payload = client.bytes().get(HEADER..seen).unwrap_or_default();
        let fits = self.take_packet(head, payload, Extent::new(first, last), out);
        if fits {
            client.skip(total as u64);
        } else {
            client.jump();
        }
        self.client = client;
        if !fits {
            out.not_understood += 1;
            self.lose_client(out);
        }
    }

    /// Returns whether the packet can be what a client says.
    fn take_packet(&mut self, head: Head, payload: &[u8], at: Extent, out: &mut Output) -> bool {
        let continues = std::mem::replace(&mut self.client_continues, head.length == FULL);
        let sends_file = self.answer.reply == Reply::File;
        if continues || sends_file || head.sequence != 0 {
            if sends_file && head.length == 0 {
                // The end of the file; the server answers.
                self.answer.reply = Reply::Start;
                self.expected = Some(head.sequence.wrapping_add(1));
            }
            if let Some(back) = self.steps.back_mut() {
                back.request.last = at.last;
                if continues {
                    back.sequence = head.sequence;
                }
            }
            return true;
        }
        let Some((&kind, body)) = payload.split_first() else { return false };
        if !packet::is_command(head, payload) {
            return false;
        }
        if !self.goes_with_prepare(kind, body) {
            self.begin_turn(out);
        }
        self.take_command(kind, body, at, out);
        true
    }

    fn take_command(&mut self, kind: u8, body: &[u8], at: Extent, out: &mut Output) {
        let statement_id = Fields(body).number(4).map(|id| id as u32);
        let mut session = None;
        let mut context = None;
        let (operation, statement) = match kind {
            command::QUIT => return,
            command::QUERY => {
                let query = query::read(body);
                let (statement, from_comment) = self.digest(query.text);
                let from_attribute = query
                    .traceparent
                    .and_then(|value| from_headers([(&b"traceparent"[..], value)]));
                context = from_attribute.or(from_comment);
                session = used(query.text, &statement).map(|used| self.with_database(used));
                (Operation::Query, Some(statement).filter(|_| !query.text.is_empty()))
            }
            command::STMT_PREPARE => {
                let (statement, _) = self.digest(body);
                self.last_prepared = Some(statement.clone());
                (Operation::Prepare, Some(statement))
            }
            command::STMT_EXECUTE | command::STMT_BULK_EXECUTE | command::STMT_FETCH => {
                if kind == command::STMT_BULK_EXECUTE {
                    self.system = System::Mariadb;
                }
                let statement = match statement_id {
                    Some(LAST_PREPARED) => self.last_prepared.clone(),
                    Some(id) => self.prepared.get(&id).cloned(),
                    None => None,
                };
                let fetch = kind == command::STMT_FETCH;
                (if fetch { Operation::Fetch } else { Operation::Execute }, statement)
            }
            command::STMT_CLOSE => {
                if let Some(id) = statement_id {
                    self.prepared.remove(&id);
                }
                return;
            }
            command::STMT_SEND_LONG_DATA => return,
            command::INIT_DB => {
                session = Some(self.with_database(name(body)));
                (Operation::Command(Command::InitDb), None)
            }
            command::CHANGE_USER => {
                self.prepared.clear();
                session = Some(match handshake::changed_user(body, self.capabilities) {
                    Some((user, database)) => Session {
                        user: Some(name(user)),
                        database: Some(database).filter(|name| !name.is_empty()).map(name),
                    },
                    None => Session::default(),
                });
                (Operation::Command(Command::ChangeUser), None)
            }
            _ => {
                let Some(command) = command::plain(kind) else { return };
                if command == Command::ResetConnection {
                    self.prepared.clear();
                }
                (Operation::Command(command), None)
            }
        };
        if self.steps.len() >= STEPS_LIMIT {
            return self.lose_client(out);
        }
        self.steps.push_back(Step {
            operation,
            request: at,
            sequence: 0,
            statement,
            context,
            session,
        });
    }

    fn with_database(&self, database: Arc<str>) -> Session {
        Session { database: Some(database), user: self.session.user.clone() }
    }

    fn digest(&self, text: &[u8]) -> (Arc<Digest>, Option<WireContext>) {
        reading::statement(text, self.dialect)
    }

    /// What the only command that is not answered prepares is executed by the number that needs no answer:
    /// both were said at once, and nothing shows that an answer was lost. A later one is told by its form.
    fn goes_with_prepare(&self, kind: u8, body: &[u8]) -> bool {
        let executes = matches!(kind, command::STMT_EXECUTE | command::STMT_BULK_EXECUTE);
        let is_last = Fields(body).number(4).is_some_and(|id| id as u32 == LAST_PREPARED);
        let only = self.steps.len() == 1 && self.answer.first.is_none();
        let prepares = self.steps.back().is_some_and(|step| step.operation == Operation::Prepare);
        self.server_footing == Footing::Perhaps && executes && is_last && only && prepares
    }

    /// A command: what does its coming say about answers that were not seen?
    fn begin_turn(&mut self, out: &mut Output) {
        match self.server_footing {
            Footing::Lost => {
                self.finish_unseen(out);
                self.server_footing = Footing::Perhaps;
            }
            // A second one before any answer: the first's was among what was lost, or this client
            // does not wait. The next answer could be to either.
            Footing::Perhaps if !self.steps.is_empty() => {
                self.drop_steps(out);
                self.server_footing = Footing::Lost;
            }
            Footing::Perhaps | Footing::Found => {}
        }
    }

    /// The moment the command in front began.
    pub(super) fn asked_at(&self) -> Option<Moment> {
        self.steps.front().map(|step| step.request.first)
    }
}

fn name(bytes: &[u8]) -> Arc<str> {
    reading::name(bytes, SESSION_NAME_LIMIT)
}

/// The database that `USE` names.
fn used(text: &[u8], statement: &Digest) -> Option<Arc<str>> {
    let (verb, target) = statement.summary.split_once(' ')?;
    if !verb.eq_ignore_ascii_case("use") || statement.statements != 1 || text.len() > 1024 {
        return None;
    }
    Some(Arc::from(target.trim_matches('`')))
}
