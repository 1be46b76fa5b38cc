//! Packets: a length (three bytes), a sequence number, a payload.

/// Length and sequence number.
pub(super) const HEADER: usize = 4;

/// A payload of this length goes on in the next packet.
pub(super) const FULL: u32 = 0xff_ffff;

/// The head of a packet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    /// Bytes of the payload.
    pub(super) length: u32,
    pub(super) sequence: u8,
}

impl Head {
    /// Bytes of the whole packet.
    pub(super) const fn total(self) -> usize {
        self.length as usize + HEADER
    }
}

/// The head of the packet at the front; `None` if it is not complete.
pub(super) fn head(bytes: &[u8]) -> Option<Head> {
    match *bytes {
        [low, mid, high, sequence, ..] => {
            Some(Head { length: u32::from_le_bytes([low, mid, high, 0]), sequence })
        }
        _ => None,
    }
}

/// The packet at the front if it is whole: head, payload, what follows.
pub(super) fn whole(bytes: &[u8]) -> Option<(Head, &[u8], &[u8])> {
    let head = head(bytes)?;
    let payload = bytes.get(HEADER..head.total())?;
    Some((head, payload, bytes.get(head.total()..)?))
}

/// What is read from the front of a payload (MySQL's manual, "Integer Types").
pub(super) trait Integers<'a> {
    /// The next bytes, if there are so many.
    fn next(&mut self, length: usize) -> Option<&'a [u8]>;

    fn byte(&mut self) -> Option<u8> {
        self.next(1)?.first().copied()
    }

    /// A number of up to eight bytes, little endian.
    fn number(&mut self, length: usize) -> Option<u64> {
        let bytes = self.next(length.min(8))?;
        Some(bytes.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte)))
    }

    /// A length-encoded integer.
    fn length_encoded(&mut self) -> Option<u64> {
        match self.byte()? {
            byte @ 0..=0xfa => Some(byte.into()),
            0xfc => self.number(2),
            0xfd => self.number(3),
            0xfe => self.number(8),
            _ => None,
        }
    }
}

/// Reads fields from the front of a payload.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Integers<'a> for Fields<'a> {
    fn next(&mut self, length: usize) -> Option<&'a [u8]> {
        self.take(length)
    }
}

impl<'a> Fields<'a> {
    pub(super) fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    /// Bytes behind their length-encoded length.
    pub(super) fn counted(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.length_encoded()?).ok()?;
        self.take(length)
    }

    /// Bytes up to a zero byte, which is eaten.
    pub(super) fn cstring(&mut self) -> Option<&'a [u8]> {
        let end = self.0.iter().position(|&byte| byte == 0)?;
        let taken = self.take(end)?;
        self.take(1)?;
        Some(taken)
    }
}

/// The commands of a client (first byte of a packet with sequence number 0).
pub(super) mod command {
    use crate::mysql::Command;

    pub(in super::super) const QUIT: u8 = 0x01;
    pub(in super::super) const INIT_DB: u8 = 0x02;
    pub(in super::super) const QUERY: u8 = 0x03;
    pub(in super::super) const FIELD_LIST: u8 = 0x04;
    pub(in super::super) const STATISTICS: u8 = 0x09;
    pub(in super::super) const PROCESS_INFO: u8 = 0x0a;
    pub(in super::super) const CHANGE_USER: u8 = 0x11;
    pub(in super::super) const BINLOG_DUMP: u8 = 0x12;
    pub(in super::super) const STMT_PREPARE: u8 = 0x16;
    pub(in super::super) const STMT_EXECUTE: u8 = 0x17;
    pub(in super::super) const STMT_SEND_LONG_DATA: u8 = 0x18;
    pub(in super::super) const STMT_CLOSE: u8 = 0x19;
    pub(in super::super) const STMT_RESET: u8 = 0x1a;
    pub(in super::super) const STMT_FETCH: u8 = 0x1c;
    pub(in super::super) const BINLOG_DUMP_GTID: u8 = 0x1e;
    /// MariaDB's own.
    pub(in super::super) const STMT_BULK_EXECUTE: u8 = 0xfa;

    /// The commands that have no statement, and are answered.
    pub(in super::super) const fn plain(command: u8) -> Option<Command> {
        Some(match command {
            INIT_DB => Command::InitDb,
            FIELD_LIST => Command::FieldList,
            0x05 => Command::CreateDb,
            0x06 => Command::DropDb,
            0x07 => Command::Refresh,
            0x08 => Command::Shutdown,
            STATISTICS => Command::Statistics,
            PROCESS_INFO => Command::ProcessInfo,
            0x0c => Command::ProcessKill,
            0x0d => Command::Debug,
            0x0e => Command::Ping,
            CHANGE_USER => Command::ChangeUser,
            BINLOG_DUMP => Command::BinlogDump,
            0x15 => Command::RegisterReplica,
            STMT_RESET => Command::StmtReset,
            0x1b => Command::SetOption,
            BINLOG_DUMP_GTID => Command::BinlogDumpGtid,
            0x1f => Command::ResetConnection,
            _ => return None,
        })
    }
}

/// Whether a payload can be a client's command.
pub(super) fn is_command(head: Head, payload: &[u8]) -> bool {
    let Some((&kind, body)) = payload.split_first() else { return false };
    let length = head.length;
    if head.sequence != 0 {
        return false;
    }
    match kind {
        command::QUIT | command::STATISTICS | command::PROCESS_INFO | 0x0d | 0x0e | 0x1f => {
            length == 1
        }
        command::QUERY | command::STMT_PREPARE => length > 1 && super::query::is_text(body),
        command::INIT_DB | 0x05 | 0x06 => {
            (2..=1024).contains(&length) && body.iter().all(|&byte| byte >= b' ')
        }
        command::FIELD_LIST => (2..=1024).contains(&length) && body.contains(&0),
        0x07 | 0x08 => length <= 2,
        0x0c | command::STMT_CLOSE | command::STMT_RESET => length == 5,
        0x1b => length == 3,
        command::STMT_FETCH => length == 9,
        // Statement, flags, an iteration count that is always 1.
        command::STMT_EXECUTE => length >= 10 && body.get(5..9).is_none_or(|n| n == [1, 0, 0, 0]),
        command::STMT_SEND_LONG_DATA => length >= 7,
        command::STMT_BULK_EXECUTE => length >= 7,
        command::CHANGE_USER => length > 4 && body.contains(&0),
        command::BINLOG_DUMP | command::BINLOG_DUMP_GTID | 0x15 => length > 10,
        _ => false,
    }
}
