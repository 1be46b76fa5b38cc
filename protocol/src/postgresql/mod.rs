//! PostgreSQL's frontend/backend protocol, version 3.
//!
//! <https://www.postgresql.org/docs/current/protocol.html>. Also spoken by CockroachDB, Redshift,
//! pgbouncer and others.
//!
//! An exchange is what a caller waits for: a simple query (with all its statements), one execution
//! of a prepared statement, a function call. The messages that prepare an execution (Parse, Bind,
//! Describe) belong to it; preparing alone is no exchange unless it fails. A refused connection
//! and a cancel request are exchanges too.

mod detect;
mod dissector;
mod message;
mod redact;
mod statements;
mod step;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::detect::Protocol;
use crate::sql::Digest;
pub use crate::sql::SqlState;
pub(crate) use redact::Redactor;

/// PostgreSQL, for detection.
pub static PROTOCOL: Protocol = Protocol {
    name: "postgresql",
    detect: detect::detect,
    dissector: |from_start| Box::new(dissector::Postgresql::new(from_start)),
    ports: &[5432],
};

/// The longest statement that is read, in bytes. What is longer is cut there.
pub const TEXT_LIMIT: usize = crate::sql::reading::TEXT_LIMIT;

/// Facts of one exchange.
#[derive(Clone, Debug, Default)]
pub struct PostgresqlFacts {
    /// What was asked for.
    pub operation: Operation,
    /// The statement, sanitised; `None` if it was prepared before the connection was watched.
    pub statement: Option<Arc<Digest>>,
    /// The database of the connection, if its start was seen.
    pub database: Option<Arc<str>>,
    /// The user of the connection, if its start was seen.
    pub user: Option<Arc<str>>,
    /// How many statements the server completed.
    pub completed: u32,
    /// Rows that were returned, if the server said so or all of them were seen.
    pub rows: Option<u64>,
    /// The error that ended the exchange.
    pub error: Option<ServerError>,
    /// SQLSTATE of the last warning (class 01).
    pub warning: Option<SqlState>,
}

/// What the client asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Operation {
    /// A simple query: text that holds any number of statements.
    #[default]
    Query,
    /// One execution of a prepared statement (extended query protocol).
    Execute,
    /// A statement that could not be prepared.
    Prepare,
    /// A function call (a part of the protocol that drivers hardly use).
    FunctionCall,
    /// The start of a connection, which the server refused.
    Connect,
    /// A request to cancel what another connection is doing.
    Cancel,
}

/// An ErrorResponse. Its message may quote values, so it is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerError {
    /// What went wrong; `None` if that part of the message was not captured.
    pub code: Option<SqlState>,
    /// How bad it is.
    pub severity: Severity,
}

/// The severities of an ErrorResponse.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Severity {
    /// The statement failed.
    #[default]
    Error,
    /// The session ends.
    Fatal,
    /// All sessions end.
    Panic,
}
