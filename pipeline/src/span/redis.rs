//! Semantic conventions of Redis: the general ones for databases, with the name without the
//! database, the status from the error's prefix, and `MULTI` and `PIPELINE` for batches.

use std::borrow::Cow;

use onlooker_protocol::redis::RedisFacts;
use onlooker_protocol::{Ending, Exchange, Outcome};

use super::describe::{Description, Place};
use super::model::{Attributes, Kind, Status};

/// The registered port; another one is worth an attribute.
const DEFAULT_PORT: u16 = 6379;

pub(super) fn describe(
    exchange: &Exchange,
    facts: &RedisFacts,
    place: &Place<'_>,
) -> Option<Description> {
    let mut attributes = Attributes::default();
    attributes.set("db.system.name", "redis");
    attributes.set_some("db.namespace", facts.database.map(|index| index.to_string()));
    attributes.set("db.operation.name", facts.operation.clone());
    if facts.commands >= 2 {
        attributes.set("db.operation.batch.size", facts.commands);
    }
    attributes.set("db.query.text", facts.text.clone());
    attributes.set_some("db.stored_procedure.name", facts.procedure.clone());
    if let Some((address, port)) = place.server() {
        attributes.set("server.address", address.to_string());
        if port != DEFAULT_PORT {
            attributes.set("server.port", port);
        }
    } else if let Some(path) = place.unix_path {
        attributes.set("server.address", path.to_owned());
    }
    place.set_network(&mut attributes);

    let error = match (&facts.error, exchange.outcome) {
        (Some(prefix), _) if prefix.is_empty() => Some(Cow::Borrowed("_OTHER")),
        (Some(prefix), _) => {
            attributes.set("db.response.status_code", prefix.clone());
            Some(Cow::Owned(prefix.to_string()))
        }
        (None, Outcome::Aborted(Ending::Reset)) => Some("connection_reset".into()),
        (None, Outcome::Aborted(Ending::Closed)) => Some("connection_closed".into()),
        // The agent looked away: how it went on is not known.
        (None, Outcome::Aborted(Ending::Forgotten)) => None,
        _ => None,
    };
    let status = if error.is_some() { Status::Error(Cow::Borrowed("")) } else { Status::Unset };
    attributes.set_some("error.type", error);

    let name = match &facts.procedure {
        Some(procedure) if facts.commands == 1 => format!("{} {procedure}", facts.operation).into(),
        _ => facts.operation.clone(),
    };
    let kind = if place.is_asker(exchange) { Kind::Client } else { Kind::Server };
    Some(Description { name, kind, attributes, status })
}
