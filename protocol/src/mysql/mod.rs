//! The classic protocol of MySQL and MariaDB.
//!
//! <https://dev.mysql.com/doc/dev/mysql-server/latest/PAGE_PROTOCOL.html>,
//! <https://mariadb.com/kb/en/clientserver-protocol/>.
//!
//! An exchange is a command that the server answers: a query (with all its statements and
//! results), one execution of a prepared statement, a ping. Preparing a statement is no exchange
//! of its own unless it fails; neither is opening a connection.

mod detect;
mod dissector;
mod handshake;
mod packet;
mod query;
mod redact;
mod reply;

#[cfg(test)]
mod tests;

pub(crate) use redact::Redactor;

use std::sync::Arc;

use crate::detect::Protocol;
use crate::sql::{Digest, SqlState};

/// MySQL and MariaDB, for detection.
pub static PROTOCOL: Protocol = Protocol {
    name: "mysql",
    detect: detect::detect,
    dissector: |from_start| Box::new(dissector::Mysql::new(from_start)),
    ports: &[3306],
};

/// The longest statement that is read, in bytes. What is longer is cut there.
pub const TEXT_LIMIT: usize = crate::sql::reading::TEXT_LIMIT;

/// Facts of one exchange.
#[derive(Clone, Debug, Default)]
pub struct MysqlFacts {
    /// What was asked for.
    pub operation: Operation,
    /// Which of the two databases answers.
    pub system: System,
    /// The statement, sanitised; `None` if the command has none, or if it was prepared before the
    /// connection was watched.
    pub statement: Option<Arc<Digest>>,
    /// The current database, if it is known.
    pub database: Option<Arc<str>>,
    /// The user of the connection, if its start was seen.
    pub user: Option<Arc<str>>,
    /// Rows that were returned, if all of them were seen.
    pub rows: Option<u64>,
    /// The error that ended the exchange.
    pub error: Option<ServerError>,
}

/// What the client asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Operation {
    /// COM_QUERY: text that holds one statement or several.
    #[default]
    Query,
    /// COM_STMT_EXECUTE or MariaDB's COM_STMT_BULK_EXECUTE.
    Execute,
    /// COM_STMT_FETCH: rows of a cursor.
    Fetch,
    /// COM_STMT_PREPARE that failed.
    Prepare,
    /// A connection that the server refused.
    Connect,
    /// Another command.
    Command(Command),
}

/// Commands without a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "their names are all there is to say; the manual has the rest")]
pub enum Command {
    InitDb,
    FieldList,
    CreateDb,
    DropDb,
    Refresh,
    Shutdown,
    Statistics,
    ProcessInfo,
    ProcessKill,
    Debug,
    Ping,
    ChangeUser,
    BinlogDump,
    RegisterReplica,
    StmtReset,
    SetOption,
    BinlogDumpGtid,
    ResetConnection,
}

impl Command {
    /// The name without `COM_`, in lower case and with spaces (`init db`).
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::InitDb => "init db",
            Self::FieldList => "field list",
            Self::CreateDb => "create db",
            Self::DropDb => "drop db",
            Self::Refresh => "refresh",
            Self::Shutdown => "shutdown",
            Self::Statistics => "statistics",
            Self::ProcessInfo => "process info",
            Self::ProcessKill => "process kill",
            Self::Debug => "debug",
            Self::Ping => "ping",
            Self::ChangeUser => "change user",
            Self::BinlogDump => "binlog dump",
            Self::RegisterReplica => "register replica",
            Self::StmtReset => "stmt reset",
            Self::SetOption => "set option",
            Self::BinlogDumpGtid => "binlog dump gtid",
            Self::ResetConnection => "reset connection",
        }
    }
}

/// The two databases that speak this protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum System {
    /// MySQL, or not known.
    #[default]
    Mysql,
    /// MariaDB, by its greeting or by its own commands and capabilities.
    Mariadb,
}

/// An ERR packet. Its message may quote values, so it is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerError {
    /// The error's number; `None` if that part of the packet was not captured.
    pub number: Option<u16>,
    /// Its SQLSTATE, which errors before the end of authentication do not have.
    pub state: Option<SqlState>,
}
