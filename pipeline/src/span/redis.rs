//! Semantic conventions of Redis: the general ones for databases, with the name without the
//! database, the status from the error's prefix, and `MULTI` and `PIPELINE` for batches.

use std::borrow::Cow;

use onlooker_protocol::redis::RedisFacts;
use onlooker_protocol::{Ending, Exchange, Outcome};

use super::describe::{Description, Vantage};
use super::model::{Attributes, Kind, Status, Text};

/// The registered port; another one is worth an attribute.
const DEFAULT_PORT: u16 = 6379;

pub(super) fn describe(
    exchange: &Exchange,
    facts: &RedisFacts,
    vantage: &Vantage<'_>,
) -> Option<Description> {
    let mut attributes = Attributes::with_room();
    attributes.set("db.system.name", "redis");
    attributes.set_some("db.namespace", facts.database.map(|index| index.to_string()));
    attributes.set("db.operation.name", facts.operation.clone());
    if facts.commands >= 2 {
        attributes.set("db.operation.batch.size", facts.commands);
    }
    attributes.set("db.query.text", facts.text.clone());
    attributes.set_some("db.stored_procedure.name", facts.procedure.clone());
    if let Some((address, port)) = vantage.server() {
        attributes.set("server.address", address);
        if port != DEFAULT_PORT {
            attributes.set("server.port", port);
        }
    } else if let Some(path) = vantage.unix_path {
        attributes.set("server.address", Text::from(path));
    }
    vantage.set_network(&mut attributes);

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
    let kind = if vantage.is_asker(exchange) { Kind::Client } else { Kind::Server };
    Some(Description { name, kind, attributes, status })
}

#[cfg(test)]
mod tests {
    //! Expectations by the database conventions 1.44.0, and those of Redis.

    use onlooker_protocol::{Extent, Facts, Side};

    use super::*;
    use crate::span::model::Value;

    fn vantage(side: Side, port: u16) -> Vantage<'static> {
        Vantage::between(side, ([10, 0, 0, 1].into(), 40000), ([10, 0, 0, 2].into(), port))
    }

    fn told(facts: RedisFacts, outcome: Outcome, vantage: &Vantage<'_>) -> Description {
        let boxed = Facts::Redis(Box::new(facts.clone()));
        let exchange = Exchange { outcome, ..Exchange::new(Extent::default(), None, boxed) };
        describe(&exchange, &facts, vantage).expect("a span")
    }

    fn get() -> RedisFacts {
        RedisFacts {
            operation: "GET".into(),
            commands: 1,
            text: "GET user:1".into(),
            database: Some(3),
            ..RedisFacts::default()
        }
    }

    fn pairs(description: &Description) -> Vec<(&str, Value)> {
        description.attributes.0.iter().map(|(key, value)| (&**key, value.clone())).collect()
    }

    #[test]
    fn a_command_of_the_client() {
        let description = told(get(), Outcome::Complete, &vantage(Side::Client, 6379));
        assert_eq!((&*description.name, description.kind), ("GET", Kind::Client));
        assert_eq!(description.status, Status::Unset);
        let text = |text: &'static str| Value::from(text);
        assert_eq!(
            pairs(&description),
            [
                ("db.system.name", text("redis")),
                ("db.namespace", text("3")),
                ("db.operation.name", text("GET")),
                ("db.query.text", text("GET user:1")),
                ("server.address", text("10.0.0.2")),
                ("network.transport", text("tcp")),
                ("network.type", text("ipv4")),
                ("network.peer.address", text("10.0.0.2")),
                ("network.peer.port", Value::Int(6379)),
            ]
        );
    }

    #[test]
    fn the_servers_end_and_another_port() {
        let facts = RedisFacts { database: None, ..get() };
        let description = told(facts, Outcome::Complete, &vantage(Side::Server, 6380));
        assert_eq!(description.kind, Kind::Server);
        let attribute = |key| description.attributes.get(key).cloned();
        assert_eq!(attribute("db.namespace"), None);
        assert_eq!(attribute("server.port"), Some(Value::Int(6380)));
        assert_eq!(attribute("network.peer.address"), Some("10.0.0.1".into()));
    }

    #[test]
    fn a_pipeline_has_a_size_and_an_error_its_prefix() {
        let facts = RedisFacts {
            operation: "PIPELINE GET".into(),
            commands: 2,
            error: Some("WRONGTYPE".into()),
            ..get()
        };
        let description = told(facts, Outcome::Complete, &vantage(Side::Client, 6379));
        assert_eq!(description.name, "PIPELINE GET");
        assert_eq!(description.status, Status::Error("".into()));
        let attribute = |key| description.attributes.get(key).cloned();
        assert_eq!(attribute("db.operation.batch.size"), Some(Value::Int(2)));
        assert_eq!(attribute("db.response.status_code"), Some("WRONGTYPE".into()));
        assert_eq!(attribute("error.type"), Some("WRONGTYPE".into()));
    }

    #[test]
    fn errors_without_a_prefix_and_broken_connections() {
        let error = |error: Option<&str>, outcome| {
            let facts = RedisFacts { error: error.map(Into::into), ..get() };
            let description = told(facts, outcome, &vantage(Side::Client, 6379));
            assert_eq!(description.attributes.get("db.response.status_code"), None);
            description.attributes.get("error.type").cloned()
        };
        assert_eq!(error(Some(""), Outcome::Complete), Some("_OTHER".into()));
        let aborted = |ending| error(None, Outcome::Aborted(ending));
        assert_eq!(aborted(Ending::Reset), Some("connection_reset".into()));
        assert_eq!(aborted(Ending::Closed), Some("connection_closed".into()));
        assert_eq!(aborted(Ending::Forgotten), None);
    }

    #[test]
    fn a_script_is_named_and_a_unix_socket_is_an_address() {
        let facts =
            RedisFacts { operation: "FCALL".into(), procedure: Some("restock".into()), ..get() };
        let path = "/run/redis.sock";
        let vantage = Vantage::over_unix(Side::Client, path);
        let description = told(facts, Outcome::Complete, &vantage);
        assert_eq!(description.name, "FCALL restock");
        let attribute = |key| description.attributes.get(key).cloned();
        assert_eq!(attribute("db.stored_procedure.name"), Some("restock".into()));
        assert_eq!(attribute("server.address"), Some(path.into()));
    }
}
