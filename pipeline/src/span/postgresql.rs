//! Semantic conventions of PostgreSQL.
//!
//! <https://opentelemetry.io/docs/specs/semconv/db/postgresql/>. `db.namespace` is the database
//! that the connection was opened for, without a schema.

use std::borrow::Cow;

use onlooker_protocol::Exchange;
use onlooker_protocol::postgresql::{Operation, PostgresqlFacts};

use super::describe::{Description, Vantage};
use super::sql::{self, SqlCall};

pub(super) fn describe(
    exchange: &Exchange,
    facts: &PostgresqlFacts,
    vantage: &Vantage<'_>,
) -> Option<Description> {
    let code = match facts.error {
        Some(error) => error.code,
        None => facts.warning,
    };
    let call = SqlCall {
        system: "postgresql",
        default_port: 5432,
        namespace: facts.database.as_deref(),
        statement: facts.statement.as_deref(),
        operation: match facts.operation {
            Operation::Query | Operation::Execute | Operation::Prepare => None,
            Operation::FunctionCall => Some("function call"),
            Operation::Connect => Some("connect"),
            Operation::Cancel => Some("cancel"),
        },
        procedure: None,
        rows: facts.rows,
        code: code.map(|code| Cow::Owned(code.as_str().to_owned())),
        failed: facts.error.is_some(),
    };
    Some(sql::describe(exchange, call, vantage))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use onlooker_protocol::postgresql::{ServerError, Severity, SqlState};
    use onlooker_protocol::sql::{self, Dialect};
    use onlooker_protocol::{Extent, Facts, Outcome, Side};

    use super::super::model::{Kind, Status, Value};
    use super::*;

    fn vantage(side: Side, port: u16) -> Vantage<'static> {
        Vantage::between(side, ([127, 0, 0, 1].into(), 40_000), ([127, 0, 0, 1].into(), port))
    }

    fn described(facts: PostgresqlFacts, vantage: &Vantage<'_>) -> Description {
        let facts = Facts::Postgresql(Box::new(facts));
        let mut exchange = Exchange::new(Extent::default(), None, facts);
        exchange.outcome = Outcome::Complete;
        super::super::describe(&exchange, vantage).expect("a span")
    }

    fn statement(text: &str) -> Option<Arc<sql::Digest>> {
        Some(Arc::new(sql::digest(text, Dialect::Postgresql)))
    }

    #[test]
    fn a_query_by_the_conventions() {
        let facts = PostgresqlFacts {
            statement: statement("SELECT * FROM users WHERE id = 7"),
            database: Some("shop".into()),
            rows: Some(2),
            ..PostgresqlFacts::default()
        };
        let span = described(facts, &vantage(Side::Client, 5432));
        assert_eq!((&*span.name, span.kind), ("SELECT users", Kind::Client));
        assert_eq!(span.status, Status::Unset);
        let text = |key: &str| match span.attributes.get(key) {
            Some(Value::Text(text)) => Some(text.to_string()),
            _ => None,
        };
        assert_eq!(text("db.system.name").as_deref(), Some("postgresql"));
        assert_eq!(text("db.namespace").as_deref(), Some("shop"));
        assert_eq!(text("db.query.text").as_deref(), Some("SELECT * FROM users WHERE id = ?"));
        assert_eq!(text("db.query.summary").as_deref(), Some("SELECT users"));
        assert_eq!(text("server.address").as_deref(), Some("127.0.0.1"));
        assert_eq!(span.attributes.get("db.response.returned_rows"), Some(&Value::Int(2)));
        for absent in [
            "server.port",
            "db.operation.name",
            "db.collection.name",
            "error.type",
            "db.operation.batch.size",
            "db.response.status_code",
        ] {
            assert_eq!(span.attributes.get(absent), None, "{absent}");
        }
    }

    #[test]
    fn an_error_at_the_server_on_another_port() {
        let facts = PostgresqlFacts {
            statement: statement("SELECT a; SELECT b"),
            error: Some(ServerError { code: Some(SqlState(*b"42P01")), severity: Severity::Error }),
            ..PostgresqlFacts::default()
        };
        let span = described(facts, &vantage(Side::Server, 6000));
        assert_eq!(span.kind, Kind::Server);
        assert_eq!(span.status, Status::Error("".into()));
        assert_eq!(span.attributes.get("error.type"), Some(&Value::Text("42P01".into())));
        assert_eq!(
            span.attributes.get("db.response.status_code"),
            Some(&Value::Text("42P01".into()))
        );
        assert_eq!(span.attributes.get("server.port"), Some(&Value::Int(6000)));
        assert_eq!(span.attributes.get("db.operation.batch.size"), Some(&Value::Int(2)));
    }

    #[test]
    fn unknown_text_leaves_the_name_to_the_database() {
        let facts = PostgresqlFacts { operation: Operation::Execute, ..Default::default() };
        let span = described(facts, &vantage(Side::Client, 5432));
        assert_eq!(span.name, "postgresql");
        assert_eq!(span.attributes.get("db.query.text"), None);
    }
}
