//! What a server answers with.

use super::ServerError;
use super::packet::{Fields, Integers};
use crate::sql::SqlState;

/// SERVER_MORE_RESULTS_EXISTS
pub(super) const MORE_RESULTS: u16 = 0x0008;
/// SERVER_STATUS_CURSOR_EXISTS
pub(super) const CURSOR_EXISTS: u16 = 0x0040;
/// SERVER_STATUS_NO_BACKSLASH_ESCAPES
pub(super) const NO_BACKSLASH_ESCAPES: u16 = 0x0200;

/// MariaDB's progress report, which looks like an error and is none.
const PROGRESS: u16 = 0xffff;

/// How far the answer to the command in front has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Reply {
    /// Nothing yet, or another result follows.
    #[default]
    Start,
    /// So many column definitions are to come before the rows.
    Columns(u64),
    /// All column definitions came; an EOF packet may follow.
    ColumnsDone,
    /// Rows, until an EOF, OK or ERR packet.
    Rows,
    /// Definitions without a count (COM_FIELD_LIST), until an EOF or ERR packet.
    FieldList,
    /// LOCAL INFILE: the client sends a file.
    File,
    /// Authentication goes back and forth.
    Authentication,
    /// So many definitions of parameters and of columns are to come.
    Prepared { parameters: u16, columns: u16 },
    /// The parameters' definitions came; an EOF packet may follow, then the columns'.
    ParametersDone { columns: u16 },
}

/// The status flags in an EOF or OK packet whose first byte is 0xfe or 0x00.
pub(super) fn status(payload: &[u8]) -> Option<u16> {
    let mut fields = Fields(payload);
    let first = fields.byte()?;
    if first == 0xfe && payload.len() == 5 {
        fields.take(2)?;
        return fields.number(2).map(|status| status as u16);
    }
    fields.length_encoded()?;
    fields.length_encoded()?;
    fields.number(2).map(|status| status as u16)
}

/// Whether a payload is an EOF packet, as it was before it was deprecated.
pub(super) fn is_eof(payload: &[u8], length: u32) -> bool {
    length == 5 && payload.first() == Some(&0xfe)
}

/// An ERR packet, as far as it is there.
pub(super) enum Failure {
    Error(ServerError),
    /// No error: MariaDB tells how far it is.
    Progress,
}

pub(super) fn failure(payload: &[u8]) -> Failure {
    let mut fields = Fields(payload);
    fields.byte();
    let number = fields.number(2).map(|number| number as u16);
    if number == Some(PROGRESS) {
        return Failure::Progress;
    }
    let state = match fields.byte() {
        Some(b'#') => fields.take(5).and_then(SqlState::parse),
        _ => None,
    };
    Failure::Error(ServerError { number, state })
}

/// Whether a payload can begin the answer to a command.
pub(super) fn begins(payload: &[u8], length: u32) -> bool {
    match payload.first() {
        Some(0x00) => (length >= 7 && !is_compressed(payload, length)) || length == 2,
        Some(0xff) => {
            let number = Fields(payload.get(1..).unwrap_or_default()).number(2);
            length >= 9 && number.is_some_and(|number| number >= 1000)
        }
        Some(0xfe) => length == 5 || length >= 7,
        Some(0xfb) => length > 1,
        // A count of columns, with a flag behind it in some dialects.
        Some(0x01..=0xfa) => length <= 2,
        Some(0xfc) => length == 3 || length == 4,
        _ => false,
    }
}

/// Whether what seems to be an OK packet is the head of a compressed packet that holds an answer as it
/// is, because compressing it does not pay: three bytes of zero for its length without compression,
/// then that answer's own head (MySQL's "Compressed Packet Header").
fn is_compressed(payload: &[u8], length: u32) -> bool {
    let mut fields = Fields(payload);
    let plain = fields.number(3) == Some(0);
    let inner = fields.number(3).unwrap_or(0);
    plain && inner > 0 && inner + 4 <= u64::from(length) && fields.byte() == Some(1)
}
