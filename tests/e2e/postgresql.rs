//! PostgreSQL: the real server, with `psql` and psycopg as clients.

use onlooker_e2e::servers::Postgres;
use onlooker_e2e::{Agent, Session, Span, Spans as _, python, skipped};

fn is_query(span: &Span, kind: &str, text: &str) -> bool {
    span.kind == kind && span.text("db.query.text") == Some(text)
}

/// A server with a table of items.
fn server() -> Postgres {
    let postgres = Postgres::start();
    let said = postgres.psql(&[
        "CREATE TABLE items (id int PRIMARY KEY, name text)",
        "INSERT INTO items VALUES (1, 'pear'), (2, 'quince')",
    ]);
    assert_eq!(said, "");
    postgres
}

/// All are asked for before the first is answered, so that times do not tell which is the other end of which.
#[test]
fn statements_of_a_pipeline_over_a_unix_socket_have_their_own_other_ends() {
    if skipped() {
        return;
    }
    const PIPELINE: &str = "\
import psycopg, sys
with psycopg.connect(sys.argv[1], autocommit=True) as connection, connection.pipeline():
    for statement in sys.argv[2:]:
        connection.execute(statement)
";
    const STATEMENTS: [&str; 4] = [
        "SELECT pg_sleep(0.01) FROM items",
        "SELECT name FROM items",
        "SELECT id FROM items",
        "SELECT max(id) FROM items",
    ];
    let postgres = server();
    let url = postgres.url().replace("127.0.0.1", "");
    let url = format!("{url}?host={}", postgres.socket_directory().display());
    let server = postgres.pid().to_string();
    let python = python().display().to_string();
    let command = ["--pid", &server, "--", &python, "-c", PIPELINE, &url];
    let agent = Agent::start(command.into_iter().chain(STATEMENTS));
    let of = |spans: &[Span], kind: &str| {
        spans.iter().filter(|span| span.kind == kind && span.name == "SELECT items").count()
    };
    agent.wait_for("both ends of each", |spans| {
        of(spans, "CLIENT") >= STATEMENTS.len() && of(spans, "SERVER") >= STATEMENTS.len()
    });
    let spans = agent.finish().spans;

    for statement in STATEMENTS {
        let text = statement.replace("0.01", "?");
        let client = spans.one("client", |span| is_query(span, "CLIENT", &text));
        assert_eq!(client.text("network.transport"), Some("unix"));
        let server = spans.one("server", |span| is_query(span, "SERVER", &text));
        assert_eq!(server.parent.as_deref(), Some(client.span_id.as_str()), "{text}");
        assert_eq!(server.evidence.as_deref(), Some("same-call"));
    }
}

#[test]
fn statements_of_a_traced_psql_are_spans_at_both_ends() {
    if skipped() {
        return;
    }
    let postgres = server();
    let server = postgres.pid().to_string();
    let url = postgres.url();
    let select = "SELECT name FROM items WHERE id = 1 AND name <> 'secret'";
    let agent = Agent::start([
        "--pid",
        &server,
        "--",
        "psql",
        "-X",
        "-q",
        "-o/dev/null",
        "-c",
        select,
        &url,
    ]);
    // The traced command ends, and nothing else could: the server is stopped with the test.
    agent.wait_for("both ends", |spans| spans.len() >= 2);
    let spans = agent.finish().spans;

    let text = "SELECT name FROM items WHERE id = ? AND name <> ?";
    let client = spans.one("client", |span| is_query(span, "CLIENT", text));
    assert_eq!(client.service, "psql");
    assert_eq!(client.name, "SELECT items");
    assert_eq!(client.status, "UNSET");
    assert_eq!(client.text("db.system.name"), Some("postgresql"));
    assert_eq!(client.text("db.query.summary"), Some("SELECT items"));
    assert_eq!(client.text("db.namespace"), Some("postgres"));
    assert_eq!(client.text("server.address"), Some("127.0.0.1"));
    assert_eq!(client.int("server.port"), Some(postgres.port.into()));
    let server = spans.one("server", |span| is_query(span, "SERVER", text));
    assert_eq!(server.parent.as_deref(), Some(client.span_id.as_str()));
    assert_eq!(server.evidence.as_deref(), Some("same-call"));
    assert_eq!(server.trace_id, client.trace_id);
    assert!(!format!("{spans:?}").contains("secret"), "a literal has left the machine");
}

#[test]
fn the_simple_and_the_extended_protocol_are_understood() {
    if skipped() {
        return;
    }
    let postgres = server();
    let mut session = Session::python("psycopg_session.py", &[postgres.url()]);
    let agent = Agent::trace_pid(session.pid());
    for line in [
        "query UPDATE items SET name = 'plum' WHERE id = 2",
        "extended SELECT name FROM items WHERE id = %s ; 1",
        "prepared SELECT id FROM items WHERE name = %s ; pear",
        "prepared SELECT id FROM items WHERE name = %s ; plum",
        "copy items ; 3\tapple ; 4\tcherry",
    ] {
        assert_eq!(session.ask(line), "done", "{line}");
    }
    agent.wait_for("5 spans", |spans| spans.len() >= 5);
    let spans = agent.finish().successful().spans;

    let update = "UPDATE items SET name = ? WHERE id = ?";
    assert_eq!(spans.one("update", |span| is_query(span, "CLIENT", update)).name, "UPDATE items");
    // Parameterised text has no literals; psycopg writes its parameters as $1.
    let extended = "SELECT name FROM items WHERE id = $1";
    spans.one("extended", |span| is_query(span, "CLIENT", extended));
    let prepared = "SELECT id FROM items WHERE name = $1";
    assert_eq!(spans.all(|span| is_query(span, "CLIENT", prepared)).len(), 2);
    let copy = spans.one("copy", |span| {
        span.text("db.query.text").is_some_and(|text| text.starts_with("COPY"))
    });
    assert_eq!(copy.status, "UNSET");
    let everything = format!("{spans:?}");
    for secret in ["pear", "plum", "cherry"] {
        assert!(!everything.contains(secret), "{secret} has left the machine");
    }
}

#[test]
fn errors_carry_their_sqlstate() {
    if skipped() {
        return;
    }
    let postgres = server();
    let mut session = Session::python("psycopg_session.py", &[postgres.url()]);
    let agent = Agent::trace_pid(session.pid());
    assert_eq!(session.ask("query SELECT * FROM missing"), "done", "libpq alone does not raise");
    assert_eq!(session.ask("extended SELECT id / %s FROM items ; 0"), "error 22012");
    assert_eq!(session.ask("extended SELECT name FROM items WHERE id = %s ; 1"), "done");
    agent.wait_for("3 spans", |spans| spans.len() >= 3);
    let spans = agent.finish().successful().spans;

    for (text, code) in [
        ("SELECT * FROM missing", Some("42P01")),
        ("SELECT id / $1 FROM items", Some("22012")),
        ("SELECT name FROM items WHERE id = $1", None),
    ] {
        let span = spans.one(text, |span| is_query(span, "CLIENT", text));
        assert_eq!(span.text("db.response.status_code"), code, "{text}");
        assert_eq!(span.text("error.type"), code, "{text}");
        assert_eq!(span.status, if code.is_some() { "ERROR" } else { "UNSET" }, "{text}");
    }
    assert_eq!(spans.all(|span| span.status == "ERROR").len(), 2);
}

#[test]
fn a_pipeline_is_a_span_a_statement() {
    if skipped() {
        return;
    }
    let postgres = server();
    let mut session = Session::python("psycopg_session.py", &[postgres.url()]);
    let agent = Agent::trace_pid(session.pid());
    assert_eq!(
        session
            .ask("pipeline SELECT count(*) FROM items ; SELECT max(id) FROM items ; TABLE items"),
        "done"
    );
    agent.wait_for("3 spans", |spans| spans.len() >= 3);
    let spans = agent.finish().successful().spans;
    for text in ["SELECT count(*) FROM items", "SELECT max(id) FROM items", "TABLE items"] {
        spans.one(text, |span| is_query(span, "CLIENT", text));
    }
}

#[test]
fn a_statement_prepared_before_the_agent_came_has_no_text() {
    if skipped() {
        return;
    }
    let postgres = server();
    let mut session = Session::python("psycopg_session.py", &[postgres.url()]);
    let prepared = "prepared SELECT id FROM items WHERE name = %s";
    assert_eq!(session.ask(&format!("{prepared} ; pear")), "done");
    let agent = Agent::trace_pid(session.pid());
    for _ in 0..5 {
        assert_eq!(session.ask(&format!("{prepared} ; quince")), "done");
    }
    assert_eq!(session.ask("extended SELECT name FROM items WHERE id = %s ; 1"), "done");
    let known = "SELECT name FROM items WHERE id = $1";
    agent.wait_for("the statement whose text was seen", |spans| {
        spans.iter().any(|span| is_query(span, "CLIENT", known))
    });
    let spans = agent.finish().successful().spans;

    spans.one("statement whose text was seen", |span| is_query(span, "CLIENT", known));
    let unknown = spans.all(|span| span.text("db.query.text").is_none());
    // What it takes to recognise an old connection may cost its first exchange.
    assert!((4..=5).contains(&unknown.len()), "{spans:#?}");
    for span in unknown {
        assert!(span.is_database("postgresql"));
        assert_eq!(span.text("db.query.summary"), None);
        assert_eq!(span.text("db.namespace"), None, "the start-up was not seen");
    }
}
