//! What may leave of a server's packets.

use super::Redactor;
use super::body::Body;
use crate::mysql::System;
use crate::mysql::handshake::{Capabilities, Greeting};
use crate::mysql::packet::{FULL, Head, Integers, command};
use crate::mysql::reply::{CURSOR_EXISTS, MORE_RESULTS, NO_BACKSLASH_ESCAPES, is_eof};
use crate::sql::Dialect;

/// What a server's packet is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// The first of the connection.
    Greeting,
    /// The client's answer is awaited.
    Handshake,
    /// One that asks for more, or ends the authentication.
    Authentication,
    /// The first of an answer, or of a further result.
    Start,
    /// One of so many definitions.
    Definitions(u64),
    /// An EOF packet behind the definitions, or a row.
    Defined,
    /// A row, or the end of them.
    Rows,
    /// One of so many definitions of a prepared statement: of parameters, of columns.
    Prepared(u64, u64),
    /// Nothing was asked.
    Idle,
    /// A part is missing: nothing is shown until a command begins anew.
    Unknown,
}

impl Redactor {
    /// A packet of the server, as much of it as is here.
    pub(super) fn server_packet(&mut self, head: Head, body: Body<'_, '_>, whole: bool) {
        let continues = std::mem::replace(&mut self.server_continues, head.length == FULL);
        let authenticates = self.phase == Phase::Authentication;
        if continues {
            self.expected = head.sequence.wrapping_add(1);
            return;
        }
        if self.phase == Phase::Unknown || head.sequence != self.expected && !authenticates {
            return self.lose(self.server());
        }
        self.expected = head.sequence.wrapping_add(1);
        if self.packet(head, body, whole).is_none() {
            self.lose(self.server());
        }
    }

    /// `None` if it is not what must come.
    fn packet(&mut self, head: Head, mut body: Body<'_, '_>, whole: bool) -> Option<()> {
        let kind = *body.rest().first()?;
        if self.phase == Phase::Greeting {
            return self.greeting(&mut body, whole);
        }
        // No row begins with it, and no definition.
        if kind == 0xff {
            // MariaDB's progress report looks like an error.
            if failure(&mut body)? != u64::from(u16::MAX) {
                self.next();
            }
            return Some(());
        }
        match self.phase {
            Phase::Authentication => {
                body.keep(1)?;
                if kind == 0 {
                    self.ok(&mut body)?;
                    self.phase = Phase::Idle;
                    if !self.waiting.is_empty() {
                        self.phase = Phase::Start;
                        self.expected = 1;
                    }
                }
            }
            Phase::Start => return self.start(kind, head, &mut body, whole),
            Phase::Definitions(left) => {
                self.phase = match left {
                    0 | 1 => Phase::Defined,
                    left => Phase::Definitions(left - 1),
                };
            }
            Phase::Defined | Phase::Rows => {
                let was_defined = std::mem::replace(&mut self.phase, Phase::Rows) == Phase::Defined;
                if is_eof(body.rest(), head.length) {
                    body.keep(3)?;
                    let status = body.number(2)? as u16;
                    if !was_defined || status & CURSOR_EXISTS != 0 {
                        self.ended(status);
                    }
                } else if kind == 0xfe && head.length < FULL {
                    // The OK packet in an EOF packet's place: no row begins so.
                    body.keep(1)?;
                    let status = self.ok(&mut body)?;
                    self.ended(status);
                } else {
                    // The length of the first value, or a zero.
                    body.keep(1)?;
                }
            }
            Phase::Prepared(parameters, columns) => {
                if is_eof(body.rest(), head.length) {
                    body.keep(5)?;
                } else {
                    self.phase = match (parameters, columns) {
                        (1.., _) => Phase::Prepared(parameters - 1, columns),
                        (0, 1..) => Phase::Prepared(0, columns - 1),
                        (0, 0) => return None,
                    };
                }
                self.prepared();
            }
            Phase::Greeting | Phase::Handshake | Phase::Idle | Phase::Unknown => return None,
        }
        Some(())
    }

    fn greeting(&mut self, body: &mut Body<'_, '_>, whole: bool) -> Option<()> {
        let payload = body.rest();
        if payload.first() == Some(&0xff) {
            failure(body)?;
            self.phase = Phase::Unknown;
            return Some(());
        }
        let greeting = Greeting::read(payload).filter(|_| whole)?;
        self.system = Some(greeting.system);
        self.offered = Some(greeting.capabilities);
        self.phase = Phase::Handshake;
        // Protocol, version, thread; no scramble; capabilities, character set, status.
        body.keep(1)?;
        body.text(|_| true)?;
        body.keep(4)?;
        body.hide(8)?;
        body.keep(1 + 2)?;
        body.keep(1 + 2 + 2 + 1);
        // Zeros, and MariaDB's capabilities.
        body.keep(10);
        Some(())
    }

    /// The first packet of an answer.
    fn start(&mut self, kind: u8, head: Head, body: &mut Body<'_, '_>, whole: bool) -> Option<()> {
        let asked = *self.waiting.front()?;
        match asked {
            command::STATISTICS => {
                self.next();
                return Some(());
            }
            command::FIELD_LIST | command::STMT_FETCH => {
                self.phase = Phase::Rows;
                return self.packet(
                    head,
                    Body { at: body.at, end: body.end, kept: body.kept },
                    whole,
                );
            }
            command::CHANGE_USER if kind != 0 => {
                body.keep(1)?;
                return Some(());
            }
            command::STMT_PREPARE if kind == 0 => {
                if !(12..=13).contains(&head.length) || !whole {
                    return None;
                }
                body.keep(1 + 4)?;
                let (columns, parameters) = (body.number(2)?, body.number(2)?);
                let described = body.rest().get(3) != Some(&0);
                let length = body.rest().len();
                body.keep(length)?;
                self.phase = Phase::Prepared(parameters, columns);
                if (parameters, columns) == (0, 0) || !described {
                    self.next();
                }
                return Some(());
            }
            _ => {}
        }
        match kind {
            0x00 | 0xfe if head.length >= 7 => {
                body.keep(1)?;
                let status = self.ok(body)?;
                self.ended(status);
            }
            // A file is asked for: its name is not shown.
            0xfb => drop(body.keep(1)?),
            _ => self.columns(head, body, whole)?,
        }
        Some(())
    }

    /// The count of columns. Where a flag stands with it, who the server is decides which is which.
    fn columns(&mut self, head: Head, body: &mut Body<'_, '_>, whole: bool) -> Option<()> {
        if head.length > 4 || !whole {
            return None;
        }
        let (columns, described) = match (body.rest(), self.system) {
            ([columns @ 1..=0xfa], _) => (u64::from(*columns), true),
            ([flag @ (0 | 1), columns @ 1..=0xfa], Some(System::Mysql)) => {
                (u64::from(*columns), *flag == 1)
            }
            ([columns @ 1..=0xfa, flag @ (0 | 1)], Some(System::Mariadb)) => {
                (u64::from(*columns), *flag == 1)
            }
            ([0xfc, low, high], _) => (u64::from(u16::from_le_bytes([*low, *high])), true),
            ([0xfc, low, high, flag @ (0 | 1)], Some(System::Mariadb)) => {
                (u64::from(u16::from_le_bytes([*low, *high])), *flag == 1)
            }
            _ => return None,
        };
        body.keep(head.length as usize)?;
        self.phase = if described { Phase::Definitions(columns) } else { Phase::Defined };
        Some(())
    }

    /// Numbers and status of an OK packet.
    fn ok(&mut self, body: &mut Body<'_, '_>) -> Option<u16> {
        body.length_encoded()?;
        body.length_encoded()?;
        let status = body.number(2)? as u16;
        body.keep(2);
        self.learn(status);
        Some(status)
    }

    fn learn(&mut self, status: u16) {
        self.dialect = Some(match status & NO_BACKSLASH_ESCAPES {
            0 => Dialect::Mysql,
            _ => Dialect::MysqlNoBackslash,
        });
    }

    /// The end of a result.
    fn ended(&mut self, status: u16) {
        self.learn(status);
        if status & MORE_RESULTS != 0 {
            self.phase = Phase::Start;
        } else {
            self.next();
        }
    }

    /// The end of the definitions of a prepared statement. Where EOF packets follow them is not always
    /// known: one that comes late answers nothing.
    fn prepared(&mut self) {
        let without_eof = self.agreed.is_some_and(|it| it.has(Capabilities::DEPRECATE_EOF));
        if self.phase == Phase::Prepared(0, 0) && without_eof {
            self.next();
        }
    }

    /// The end of an answer.
    pub(super) fn next(&mut self) {
        self.trusted = true;
        self.waiting.pop_front();
        self.phase = if self.waiting.is_empty() { Phase::Idle } else { Phase::Start };
        self.expected = 1;
    }
}

/// Number and SQLSTATE of an error; gives the number.
fn failure(body: &mut Body<'_, '_>) -> Option<u64> {
    body.keep(1)?;
    let number = body.number(2)?;
    let is_code = |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
    if let [b'#', code @ ..] = body.rest()
        && code.get(..5).is_some_and(|code| code.iter().all(is_code))
    {
        body.keep(6)?;
    }
    Some(number)
}
