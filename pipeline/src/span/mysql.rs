//! Semantic conventions of MySQL and MariaDB.
//!
//! <https://opentelemetry.io/docs/specs/semconv/db/mysql/>,
//! <https://opentelemetry.io/docs/specs/semconv/db/mariadb/>. `db.namespace` is the current
//! database; every error number is an error.

use std::borrow::Cow;

use onlooker_protocol::Exchange;
use onlooker_protocol::mysql::{MysqlFacts, Operation, System};

use super::describe::{Description, Vantage};
use super::sql::{self, SqlCall};

pub(super) fn describe(
    exchange: &Exchange,
    facts: &MysqlFacts,
    vantage: &Vantage<'_>,
) -> Option<Description> {
    let number = facts.error.and_then(|error| error.number);
    let call = SqlCall {
        system: match facts.system {
            System::Mysql => "mysql",
            System::Mariadb => "mariadb",
        },
        default_port: 3306,
        namespace: facts.database.as_deref(),
        statement: facts.statement.as_deref(),
        operation: match facts.operation {
            Operation::Query | Operation::Execute | Operation::Fetch | Operation::Prepare => None,
            Operation::Connect => Some("connect"),
            Operation::Command(command) => Some(command.name()),
        },
        procedure: None,
        rows: facts.rows,
        code: number.map(|number| Cow::Owned(number.to_string())),
        failed: facts.error.is_some(),
    };
    Some(sql::describe(exchange, call, vantage))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use onlooker_protocol::mysql::{Command, ServerError};
    use onlooker_protocol::sql::{self, Dialect, SqlState};
    use onlooker_protocol::{Extent, Facts, Outcome, Side, dissector::Ending};

    use super::super::model::{Kind, Status, Value};
    use super::*;

    fn described(facts: MysqlFacts, outcome: Outcome) -> Description {
        let vantage = Vantage::over_unix(Side::Client, "/run/mysqld/mysqld.sock");
        let mut exchange = Exchange::new(Extent::default(), None, Facts::Mysql(Box::new(facts)));
        exchange.outcome = outcome;
        super::super::describe(&exchange, &vantage).expect("a span")
    }

    fn text(value: &'static str) -> Value {
        Value::Text(value.into())
    }

    #[test]
    fn an_error_of_mariadb_over_a_unix_socket() {
        let facts = MysqlFacts {
            system: System::Mariadb,
            statement: Some(Arc::new(sql::digest("SELECT 'x' FROM `t`", Dialect::Mysql))),
            database: Some("shop".into()),
            error: Some(ServerError { number: Some(1146), state: SqlState::parse(b"42S02") }),
            ..MysqlFacts::default()
        };
        let span = described(facts, Outcome::Complete);
        assert_eq!((&*span.name, span.kind), ("SELECT `t`", Kind::Client));
        assert_eq!(span.status, Status::Error("".into()));
        for (key, value) in [
            ("db.system.name", "mariadb"),
            ("db.namespace", "shop"),
            ("db.query.text", "SELECT ? FROM `t`"),
            ("db.response.status_code", "1146"),
            ("error.type", "1146"),
            ("server.address", "/run/mysqld/mysqld.sock"),
            ("network.transport", "unix"),
        ] {
            assert_eq!(span.attributes.get(key), Some(&text(value)), "{key}");
        }
    }

    #[test]
    fn commands_and_broken_connections() {
        let facts =
            MysqlFacts { operation: Operation::Command(Command::Ping), ..MysqlFacts::default() };
        let span = described(facts, Outcome::Aborted(Ending::Reset));
        assert_eq!(span.name, "ping");
        assert_eq!(span.attributes.get("db.operation.name"), Some(&text("ping")));
        assert_eq!(span.attributes.get("error.type"), Some(&text("connection_reset")));
        assert_eq!(span.attributes.get("db.response.status_code"), None);
    }
}
