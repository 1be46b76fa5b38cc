//! What the conventions ask of every SQL database.
//!
//! `db.operation.name` and `db.collection.name` are not set from the text of a statement: "SHOULD
//! NOT be extracted from `db.query.text`". The summary has them.

use std::borrow::Cow;

use onlooker_protocol::sql::Digest;
use onlooker_protocol::{Exchange, Outcome, dissector::Ending};

use super::describe::{Description, Vantage};
use super::model::{Attributes, Kind, Status, Text};

/// What a database's own module found out about a call.
pub(super) struct SqlCall<'a> {
    /// `db.system.name`.
    pub(super) system: &'static str,
    /// The port that goes without saying.
    pub(super) default_port: u16,
    /// `db.namespace`.
    pub(super) namespace: Option<&'a str>,
    /// The statement, sanitised.
    pub(super) statement: Option<&'a Digest>,
    /// An operation that the protocol itself names, without a statement.
    pub(super) operation: Option<&'static str>,
    /// `db.stored_procedure.name`.
    pub(super) procedure: Option<&'a str>,
    /// `db.response.returned_rows`.
    pub(super) rows: Option<u64>,
    /// `db.response.status_code`.
    pub(super) code: Option<Cow<'static, str>>,
    /// The code stands for an error.
    pub(super) failed: bool,
}

pub(super) fn describe(
    exchange: &Exchange,
    call: SqlCall<'_>,
    vantage: &Vantage<'_>,
) -> Description {
    let mut attributes = Attributes::with_room();
    attributes.set("db.system.name", call.system);
    attributes.set_some("db.namespace", call.namespace.map(Text::from));
    attributes.set_some("db.operation.name", call.operation);
    let summary = call.statement.map(|statement| &*statement.summary).filter(|s| !s.is_empty());
    if let Some(statement) = call.statement.filter(|statement| !statement.text.is_empty()) {
        attributes.set("db.query.text", statement.text.clone());
    }
    attributes.set_some("db.query.summary", summary.map(Text::from));
    attributes.set_some("db.stored_procedure.name", call.procedure.map(Text::from));
    let statements = call.statement.map_or(0, |statement| statement.statements);
    if statements >= 2 {
        attributes.set("db.operation.batch.size", statements);
    }
    let rows = call.rows.and_then(|rows| i64::try_from(rows).ok());
    attributes.set_some("db.response.returned_rows", rows);
    let error = error_type(exchange, &call);
    attributes.set_some("db.response.status_code", call.code);
    let status = match error {
        Some(error) => {
            attributes.set("error.type", error);
            Status::Error(Cow::Borrowed(""))
        }
        None => Status::Unset,
    };
    set_server(&mut attributes, vantage, call.default_port);
    vantage.set_network(&mut attributes);

    // `{summary}`, else `{operation} {target}`, else `{target}`, else the system.
    let name = match (summary, call.operation, call.namespace) {
        (Some(summary), _, _) => Cow::Owned(summary.to_owned()),
        (None, Some(operation), Some(namespace)) => format!("{operation} {namespace}").into(),
        (None, Some(operation), None) => Cow::Borrowed(operation),
        (None, None, Some(namespace)) => Cow::Owned(namespace.to_owned()),
        (None, None, None) => Cow::Borrowed(call.system),
    };
    let kind = if vantage.is_asker(exchange) { Kind::Client } else { Kind::Server };
    Description { name, kind, attributes, status }
}

/// `error.type`: the database's own code; `pipeline_aborted` for a statement that the server
/// skipped after an earlier one had failed; `connection_reset` or `connection_closed` if no answer
/// came.
fn error_type(exchange: &Exchange, call: &SqlCall<'_>) -> Option<Cow<'static, str>> {
    if call.failed {
        return Some(call.code.clone().unwrap_or(Cow::Borrowed("_OTHER")));
    }
    match exchange.outcome {
        Outcome::Cancelled => Some(Cow::Borrowed("pipeline_aborted")),
        Outcome::Aborted(Ending::Reset) => Some(Cow::Borrowed("connection_reset")),
        Outcome::Aborted(Ending::Closed) => Some(Cow::Borrowed("connection_closed")),
        _ => None,
    }
}

fn set_server(attributes: &mut Attributes, vantage: &Vantage<'_>, default_port: u16) {
    if let Some((address, port)) = vantage.server() {
        attributes.set("server.address", address);
        if port != default_port {
            attributes.set("server.port", port);
        }
    } else if let Some(path) = vantage.unix_path {
        attributes.set("server.address", Text::from(path));
    }
}
