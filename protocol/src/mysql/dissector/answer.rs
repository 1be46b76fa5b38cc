//! How an answer goes on: packet after packet, by what the command was.

use super::server::Taken;
use super::{Answer, Mysql};
use crate::chunk::Moment;
use crate::dissector::{Handover, Output};
use crate::exchange::Outcome;
use crate::mysql::handshake::Capabilities;
use crate::mysql::packet::{FULL, Fields, Head, Integers};
use crate::mysql::reply::{self, Failure, Reply};
use crate::mysql::{Command, Operation, System};
use crate::sql::Dialect;

impl Mysql {
    pub(super) fn take_reply(
        &mut self,
        head: Head,
        payload: &[u8],
        last: Moment,
        out: &mut Output,
    ) -> Taken {
        let definitions = matches!(self.answer.reply, Reply::Columns(_) | Reply::Prepared { .. });
        let kind = match payload.first() {
            Some(&kind) => kind,
            None if head.length == 0 => return Taken::Astray,
            // Where its kind is not needed, the packet need not be seen.
            None if definitions => 0,
            None => return Taken::Unseen,
        };
        if kind == 0xff && self.answer.reply != Reply::File {
            return self.take_failure(payload, last, out);
        }
        let eof = reply::is_eof(payload, head.length);
        match self.answer.reply {
            Reply::Authentication => {
                // AuthSwitchRequest and AuthMoreData go on.
                if kind == 0 {
                    self.authenticated(last, out);
                }
                Taken::Yes
            }
            Reply::Start => self.take_start(kind, head, payload, last, out),
            Reply::Columns(left) => {
                self.answer.reply = match left {
                    0 | 1 if self.deprecate_eof == Some(true) => Reply::Rows,
                    0 | 1 => Reply::ColumnsDone,
                    left => Reply::Columns(left - 1),
                };
                Taken::Yes
            }
            Reply::ColumnsDone => {
                self.answer.reply = Reply::Rows;
                if !eof {
                    self.deprecate_eof = Some(true);
                    return self.take_row(kind, head, payload, last, out);
                }
                self.deprecate_eof = Some(false);
                let Some(status) = reply::status(payload) else { return Taken::Unseen };
                if status & reply::CURSOR_EXISTS != 0 {
                    // The rows wait for COM_STMT_FETCH.
                    self.end_result(status, last, out);
                }
                Taken::Yes
            }
            Reply::Rows => self.take_row(kind, head, payload, last, out),
            Reply::FieldList => {
                if kind == 0xfe {
                    self.finish(last, Outcome::Complete, out);
                }
                Taken::Yes
            }
            // The server waits.
            Reply::File => Taken::Astray,
            Reply::Prepared { parameters, columns } => {
                if parameters > 1 {
                    self.answer.reply = Reply::Prepared { parameters: parameters - 1, columns };
                } else if parameters == 1 {
                    self.parameters_done(columns, head, last, out);
                } else if columns > 1 {
                    self.answer.reply = Reply::Prepared { parameters, columns: columns - 1 };
                } else {
                    self.prepared_done(head, last, out);
                }
                Taken::Yes
            }
            Reply::ParametersDone { columns } => {
                self.deprecate_eof = Some(!eof);
                if columns == 0 {
                    self.finish(last, Outcome::Complete, out);
                    return if eof { Taken::Yes } else { Taken::Astray };
                }
                let columns = if eof { columns } else { columns - 1 };
                self.answer.reply = Reply::Prepared { parameters: 0, columns };
                if columns == 0 {
                    self.prepared_done(head, last, out);
                }
                Taken::Yes
            }
        }
    }

    /// The first packet of an answer, or of a further result.
    fn take_start(
        &mut self,
        kind: u8,
        head: Head,
        payload: &[u8],
        last: Moment,
        out: &mut Output,
    ) -> Taken {
        let Some(step) = self.steps.front() else { return Taken::Wait };
        match step.operation {
            Operation::Prepare => return self.take_prepared(kind, head, payload, last, out),
            Operation::Fetch => return self.take_row(kind, head, payload, last, out),
            Operation::Command(Command::ChangeUser) => {
                self.answer.reply = Reply::Authentication;
                if kind == 0 {
                    self.finish(last, Outcome::Complete, out);
                }
                return Taken::Yes;
            }
            Operation::Command(Command::Statistics) => {
                self.finish(last, Outcome::Complete, out);
                return Taken::Yes;
            }
            Operation::Command(Command::FieldList) => {
                self.answer.reply = Reply::FieldList;
                return self.take_reply(head, payload, last, out);
            }
            Operation::Command(Command::BinlogDump | Command::BinlogDumpGtid) => {
                self.finish(last, Outcome::Complete, out);
                self.hand_over(Handover::Opaque("replication"), out);
                return Taken::Yes;
            }
            _ => {}
        }
        if let Some((columns, described)) = self.result_head(head, payload) {
            self.answer.rows.get_or_insert(0);
            self.answer.reply = match (described, self.deprecate_eof) {
                (true, _) => Reply::Columns(columns),
                (false, Some(true)) => Reply::Rows,
                (false, _) => Reply::ColumnsDone,
            };
            return Taken::Yes;
        }
        match kind {
            0xfb => {
                self.answer.reply = Reply::File;
                self.expected = None;
            }
            0x00 | 0xfe => match reply::status(payload) {
                Some(status) => self.end_result(status, last, out),
                None => return Taken::Unseen,
            },
            _ if payload.len() < head.length as usize => return Taken::Unseen,
            _ => return Taken::Astray,
        }
        Taken::Yes
    }

    /// The count of columns, and whether their definitions follow. They need not where both sides
    /// agreed so: MySQL puts that flag before the count (CLIENT_OPTIONAL_RESULTSET_METADATA),
    /// MariaDB behind (MARIADB_CLIENT_CACHE_METADATA).
    fn result_head(&self, head: Head, payload: &[u8]) -> Option<(u64, bool)> {
        match *payload {
            _ if payload.len() != head.length as usize => None,
            [flag @ (0 | 1), columns] if self.system == System::Mysql && columns > 1 => {
                Some((columns.into(), flag == 1))
            }
            [0, columns] => Some((columns.into(), false)),
            [columns @ 1..=0xfa, flag @ (0 | 1)] => Some((columns.into(), flag == 1)),
            [0x01..=0xfa] => payload.first().map(|&columns| (columns.into(), true)),
            [0xfc, _, _] => Some((Fields(payload).length_encoded()?, true)),
            [0xfc, _, _, flag] => Some((Fields(payload).length_encoded()?, flag == 1)),
            _ => None,
        }
    }

    fn take_row(
        &mut self,
        kind: u8,
        head: Head,
        payload: &[u8],
        last: Moment,
        out: &mut Output,
    ) -> Taken {
        let ends = match self.deprecate_eof {
            // A row that begins with 0xfe has a field of 16 MiB or more.
            Some(true) => kind == 0xfe && head.length < FULL,
            Some(false) => reply::is_eof(payload, head.length),
            None => kind == 0xfe && head.length < 9,
        };
        if ends {
            let Some(status) = reply::status(payload) else { return Taken::Unseen };
            self.end_result(status, last, out);
        } else {
            self.answer.reply = Reply::Rows;
            self.answer.rows = Some(self.answer.rows.unwrap_or(0).saturating_add(1));
        }
        Taken::Yes
    }

    /// The end of a result, and of the answer unless there are more.
    fn end_result(&mut self, status: u16, last: Moment, out: &mut Output) {
        self.dialect = match status & reply::NO_BACKSLASH_ESCAPES {
            0 => Dialect::Mysql,
            _ => Dialect::MysqlNoBackslash,
        };
        if status & reply::MORE_RESULTS != 0 {
            self.answer.reply = Reply::Start;
        } else {
            self.finish(last, Outcome::Complete, out);
        }
    }

    pub(super) fn take_failure(&mut self, payload: &[u8], last: Moment, out: &mut Output) -> Taken {
        if let Failure::Error(error) = reply::failure(payload) {
            self.answer.error = Some(error);
            self.finish(last, Outcome::Complete, out);
        }
        Taken::Yes
    }

    fn authenticated(&mut self, last: Moment, out: &mut Output) {
        let connects = self.steps.front().is_some_and(|step| step.operation == Operation::Connect);
        self.finish(last, Outcome::Complete, out);
        let compressed = Capabilities::COMPRESS | Capabilities::ZSTD;
        if connects && self.capabilities.is_some_and(|agreed| agreed.has(compressed)) {
            self.hand_over(Handover::Opaque("compression"), out);
        }
    }

    /// COM_STMT_PREPARE_OK: the statement's number, how many definitions follow.
    fn take_prepared(
        &mut self,
        kind: u8,
        head: Head,
        payload: &[u8],
        last: Moment,
        out: &mut Output,
    ) -> Taken {
        let mut fields = Fields(payload.get(1..).unwrap_or_default());
        let (Some(id), Some(columns), Some(parameters)) =
            (fields.number(4), fields.number(2), fields.number(2))
        else {
            return if payload.len() < head.length as usize {
                Taken::Unseen
            } else {
                Taken::Astray
            };
        };
        if kind != 0 || !(12..=13).contains(&head.length) {
            return Taken::Astray;
        }
        if let Some(statement) = self.steps.front().and_then(|step| step.statement.clone()) {
            self.prepared.set(id as u32, statement);
        }
        // The last byte, where it is there, says that no definitions follow.
        let described = payload.get(12) != Some(&0);
        match (parameters as u16, columns as u16) {
            (0, 0) => self.finish(last, Outcome::Complete, out),
            _ if !described => self.finish(last, Outcome::Complete, out),
            (parameters, columns) => {
                self.answer.reply = Reply::Prepared { parameters, columns };
            }
        }
        Taken::Yes
    }

    fn parameters_done(&mut self, columns: u16, head: Head, last: Moment, out: &mut Output) {
        match (self.deprecate_eof, columns) {
            (Some(true), 0) => self.finish(last, Outcome::Complete, out),
            (Some(true), _) => {
                self.answer.reply = Reply::Prepared { parameters: 0, columns };
            }
            (None, 0) => self.prepared_done(head, last, out),
            _ => self.answer.reply = Reply::ParametersDone { columns },
        }
    }

    /// The last definition came. Where EOF packets are, one follows.
    fn prepared_done(&mut self, head: Head, last: Moment, out: &mut Output) {
        if self.deprecate_eof == Some(false) {
            self.answer.reply = Reply::ParametersDone { columns: 0 };
            return;
        }
        self.finish(last, Outcome::Complete, out);
        if self.deprecate_eof.is_none() {
            self.trailing_eof = Some(head.sequence.wrapping_add(1));
        }
        self.answer = Answer::default();
    }
}
