//! What may leave of a client's packets.

use super::body::Body;
use super::server::Phase;
use super::{Direction, MAX_WAITING, Redactor};
use crate::mysql::System;
use crate::mysql::handshake::{Capabilities, Response};
use crate::mysql::packet::{self, FULL, Head, Integers, command};
use crate::redact::all;
use crate::sql::{Dialect, mask};

/// Where it is not known whether `NO_BACKSLASH_ESCAPES` is on, what is a literal in either mode is one.
const DIALECTS: [Dialect; 2] = [Dialect::Mysql, Dialect::MysqlNoBackslash];
/// The longest name of a database that is shown, in bytes.
const LONGEST_NAME: usize = 64;

impl Redactor {
    /// A packet of the client, as much of it as is here.
    pub(super) fn client_packet(&mut self, head: Head, mut body: Body<'_, '_>, whole: bool) {
        let continues = std::mem::replace(&mut self.client_continues, head.length == FULL);
        if continues {
            return;
        }
        if self.phase == Phase::Handshake {
            // It has its first answer in the number behind its own.
            self.expected = head.sequence.wrapping_add(1);
            if whole && let Some(capabilities) = response(&mut body) {
                self.agree(capabilities);
            } else {
                // What was agreed is not known: it may be compression.
                self.ends = true;
            }
            return;
        }
        if head.sequence != 0 {
            // Authentication, or a file: nothing of it is shown.
            self.expected = head.sequence.wrapping_add(1);
            return;
        }
        let payload = body.rest();
        if !packet::is_command(head, payload) {
            return self.lose(self.client);
        }
        let Some(&kind) = payload.first() else { return };
        if self.phase == Phase::Prepared(0, 0) {
            self.next();
        }
        if matches!(self.ways[self.server().index()], Direction::Lost) {
            // The answers before were not seen.
            self.phase = Phase::Unknown;
        }
        if self.waiting.len() >= MAX_WAITING {
            return self.lose(self.client);
        }
        match kind {
            // Replication sends what is in tables.
            command::BINLOG_DUMP | command::BINLOG_DUMP_GTID => {
                self.ends = true;
                return;
            }
            command::QUIT | command::STMT_CLOSE | command::STMT_SEND_LONG_DATA => {}
            _ if matches!(self.phase, Phase::Unknown | Phase::Idle) => {
                self.waiting.clear();
                self.waiting.push_back(kind);
                self.phase = Phase::Start;
                self.expected = 1;
            }
            _ => self.waiting.push_back(kind),
        }
        // What cannot be read further stays masked.
        let _ = self.command(kind, &mut body, whole);
    }

    fn agree(&mut self, capabilities: Capabilities) {
        let offered = self.offered.map_or(u32::MAX, |offered| offered.0);
        let agreed = Capabilities(capabilities.0 & offered);
        if agreed.has(Capabilities::SSL | Capabilities::COMPRESS | Capabilities::ZSTD) {
            self.ends = true;
        }
        if self.system.is_none() && !capabilities.has(Capabilities::MYSQL) {
            self.system = Some(System::Mariadb);
        }
        self.agreed = Some(agreed);
        self.phase = Phase::Authentication;
    }

    fn command(&self, kind: u8, body: &mut Body<'_, '_>, whole: bool) -> Option<()> {
        body.keep(1)?;
        match kind {
            command::QUERY => {
                if let [_, 1, ..] = body.rest() {
                    attributes(body)?;
                }
                self.statement(body);
            }
            command::STMT_PREPARE => self.statement(body),
            // Number, flags, 1. What follows are values.
            command::STMT_EXECUTE => drop(body.keep(4 + 1 + 4)?),
            command::STMT_BULK_EXECUTE | command::STMT_SEND_LONG_DATA => drop(body.keep(4 + 2)?),
            command::INIT_DB if whole => {
                let length = body.rest().len();
                if is_name(body.rest()) {
                    body.keep(length)?;
                }
            }
            command::FIELD_LIST if whole => drop(body.text(|_| false)?),
            command::CHANGE_USER if whole => {
                body.text(|_| false)?;
                if self.agreed.is_none_or(|it| it.has(Capabilities::SECURE_CONNECTION)) {
                    let length = body.byte()?;
                    body.hide(length.into())?;
                } else {
                    body.text(|_| false)?;
                }
                body.text(is_name)?;
            }
            // Numbers: of a statement, a thread, rows, an option.
            command::STMT_CLOSE | command::STMT_RESET | command::STMT_FETCH | 0x0c | 0x1b => {
                let length = body.rest().len();
                body.keep(length)?;
            }
            _ => {}
        }
        Some(())
    }

    fn statement(&self, body: &mut Body<'_, '_>) {
        let text = body.rest();
        // The mode is that of the last answer, unless something is under way that may change it.
        let changes = text.windows(8).any(|word| word.eq_ignore_ascii_case(b"sql_mode"));
        let known = self.dialect.filter(|_| self.waiting.len() <= 1 && !changes);
        let dialects = known.as_ref().map_or(&DIALECTS[..], std::slice::from_ref);
        mask::keep(body.at, text.len(), dialects, body.kept);
    }
}

fn is_name(name: &[u8]) -> bool {
    all(name, LONGEST_NAME, |byte| byte.is_ascii_alphanumeric() || b"_-$".contains(&byte))
}

/// The client's answer to the greeting: what it can do.
fn response(body: &mut Body<'_, '_>) -> Option<Capabilities> {
    // It is that, or nothing of it is shown.
    let payload = body.rest();
    let read = Response::read(payload)?;
    let capabilities = read.capabilities;
    if !capabilities.has(Capabilities::PROTOCOL_41) {
        return None;
    }
    // Capabilities, the longest packet, the character set, zeros, MariaDB's capabilities.
    body.keep(4 + 4 + 1 + 19 + 4)?;
    if read.user.is_none() {
        return Some(capabilities);
    }
    body.text(|_| false)?;
    if capabilities.has(Capabilities::PLUGIN_AUTH_LENENC) {
        body.counted()?;
    } else if capabilities.has(Capabilities::SECURE_CONNECTION) {
        let length = body.byte()?;
        body.hide(length.into())?;
    } else {
        body.text(|_| false)?;
    }
    if capabilities.has(Capabilities::CONNECT_WITH_DB) {
        body.text(is_name)?;
    }
    Some(capabilities)
}

/// Attributes of a query: how many there are, of which types and lengths. A `traceparent` is shown.
fn attributes(body: &mut Body<'_, '_>) -> Option<()> {
    let count = body.length_encoded().filter(|count| *count <= 64)? as usize;
    body.length_encoded()?;
    if count == 0 {
        return Some(());
    }
    let nulls = body.keep(count.div_ceil(8))?;
    if body.rest().first() != Some(&1) {
        return None;
    }
    body.keep(1)?;
    let mut kinds = Vec::with_capacity(count);
    for _ in 0..count {
        let kind = body.number(2)? & 0xff;
        let start = body.at;
        let name = body.counted()?;
        let is_parent = name == b"traceparent";
        if is_parent {
            body.kept.keep(start..body.at);
        }
        kinds.push((kind, is_parent));
    }
    for (number, (kind, is_parent)) in kinds.into_iter().enumerate() {
        if nulls.get(number / 8).is_some_and(|byte| byte >> (number % 8) & 1 == 1) {
            continue;
        }
        match kind {
            0x06 => {}
            0x01 => drop(body.hide(1)?),
            0x02 | 0x0d => drop(body.hide(2)?),
            0x03 | 0x04 | 0x09 => drop(body.hide(4)?),
            0x05 | 0x08 => drop(body.hide(8)?),
            0x07 | 0x0a | 0x0b | 0x0c => {
                let length = body.byte()?;
                body.hide(length.into())?;
            }
            _ => {
                let value = body.counted()?;
                if is_parent && mask::is_traceparent(value) {
                    body.kept.keep(body.at - value.len()..body.at);
                }
            }
        }
    }
    Some(())
}
