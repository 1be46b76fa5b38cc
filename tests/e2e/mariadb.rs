//! MariaDB: the real server, with three clients that share no code: `mariadb` (C), PyMySQL and
//! mysql2 of Node.

use onlooker_e2e::servers::MariaDb;
use onlooker_e2e::{Agent, Session, Span, Spans as _, skipped_without};

/// The literals of all statements; none may leave the machine.
const SECRETS: [&str; 5] = ["pear", "quince", "damson", "cherry", "4711471147"];

/// A server with a table of items.
fn server() -> MariaDb {
    let mariadb = MariaDb::start();
    let said = run(
        &mariadb,
        "CREATE TABLE items (id int PRIMARY KEY, name varchar(20)); \
         INSERT INTO items VALUES (1, 'pear'), (2, 'quince')",
    );
    assert_eq!(said, "");
    mariadb
}

/// Runs statements with `mariadb`, each as a query of its own; what it printed.
fn run(mariadb: &MariaDb, statements: &str) -> String {
    let output = mariadb.client("shop").arg("-e").arg(statements).output().expect("mariadb");
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

fn pymysql(mariadb: &MariaDb) -> Session {
    Session::python("pymysql_session.py", &[&mariadb.port.to_string(), "shop"])
}

fn mysql2(mariadb: &MariaDb) -> Session {
    Session::node("mysql2_session.js", &[&mariadb.port.to_string(), "shop"])
}

fn is_query(span: &Span, kind: &str, text: &str) -> bool {
    span.kind == kind && span.text("db.query.text") == Some(text)
}

fn has(spans: &[Span], text: &str) -> bool {
    spans.iter().any(|span| span.text("db.query.text") == Some(text))
}

fn assert_no_secret(spans: &[Span]) {
    let everything = format!("{spans:?}");
    for secret in SECRETS {
        assert!(!everything.contains(secret), "{secret} has left the machine");
    }
}

fn assert_error(span: &Span, number: Option<&str>) {
    assert_eq!(span.text("db.response.status_code"), number, "{}", span.name);
    assert_eq!(span.text("error.type"), number, "{}", span.name);
    assert_eq!(span.status, if number.is_some() { "ERROR" } else { "UNSET" }, "{}", span.name);
}

#[test]
fn mariadb_statements_of_a_traced_client_are_spans_at_both_ends() {
    if skipped_without(&MariaDb::needs()) {
        return;
    }
    let mariadb = server();
    let agent = Agent::start([
        "--pid",
        &mariadb.pid().to_string(),
        "--",
        "mariadb",
        "--no-defaults",
        "--protocol=tcp",
        "--host=127.0.0.1",
        &format!("--port={}", mariadb.port),
        "--user=root",
        "--database=shop",
        "--silent",
        "-e",
        "SELECT name INTO @n FROM items WHERE id = 1 AND name <> 'damson'; DO @n",
    ]);
    let text = "SELECT name INTO @n FROM items WHERE id = ? AND name <> ?";
    agent.wait_for("both ends", |spans| {
        ["CLIENT", "SERVER"]
            .iter()
            .all(|kind| spans.iter().any(|span| is_query(span, kind, "DO @n")))
    });
    let spans = agent.finish().spans;

    let client = spans.one("client", |span| is_query(span, "CLIENT", text));
    assert_eq!(client.service, "mariadb");
    assert_eq!(client.text("db.query.summary"), Some("SELECT items"));
    assert_eq!(client.name, "SELECT items");
    assert_eq!(client.text("db.system.name"), Some("mariadb"));
    assert_eq!(client.text("db.namespace"), Some("shop"));
    assert_eq!(client.text("server.address"), Some("127.0.0.1"));
    assert_eq!(client.int("server.port"), Some(mariadb.port.into()));
    assert_error(client, None);
    let server = spans.one("server", |span| is_query(span, "SERVER", text));
    assert_eq!(server.parent.as_deref(), Some(&*client.span_id));
    assert_eq!(server.evidence.as_deref(), Some("same-call"));
    assert_no_secret(&spans);
}

#[test]
fn mariadb_text_statements_of_pymysql_before_and_during_the_connection() {
    if skipped_without(&MariaDb::needs()) {
        return;
    }
    let mariadb = server();
    let mut session = pymysql(&mariadb);
    assert_eq!(session.ask("query SELECT 1"), "done");
    // The server is traced with the connection under way, and then with another from its start.
    let agent = Agent::trace_pid(mariadb.pid());
    let script = [
        ("query UPDATE items SET name = 'damson' WHERE id = 2", "done"),
        ("query SELECT id FROM items WHERE name = 'damson'", "done"),
        ("query SELECT * FROM missing WHERE id = 4711471147", "error 1146"),
        ("query INSERT INTO items VALUES (1, 'cherry')", "error 1062"),
        ("query SELEC 'cherry'", "error 1064"),
        ("query SET @a = 'cherry'; SELECT name FROM items WHERE id = 1; DO 4711471147", "done"),
        ("commit", "done"),
    ];
    let mut fresh = None;
    for namespace in [None, Some("shop")] {
        if namespace.is_some() {
            session = pymysql(&mariadb);
            fresh = Some(session.pid());
        }
        for (line, answer) in script {
            assert_eq!(session.ask(line), answer, "{line}");
        }
    }
    assert!(fresh.is_some());
    let commit = "COMMIT";
    agent.wait_for("both connections", |spans| {
        spans.all(|span| is_query(span, "SERVER", commit)).len() >= 2
    });
    let spans = agent.finish().successful().spans;

    for (text, number) in [
        ("SELECT id FROM items WHERE name = ?", None),
        ("SELECT * FROM missing WHERE id = ?", Some("1146")),
        ("INSERT INTO items VALUES (?, ?)", Some("1062")),
        ("SELEC ?", Some("1064")),
        ("SET @a = ?; SELECT name FROM items WHERE id = ?; DO ?", None),
        (commit, None),
    ] {
        let seen = spans.all(|span| is_query(span, "SERVER", text));
        assert_eq!(seen.len(), 2, "{text}: {spans:#?}");
        seen.iter().for_each(|span| assert_error(span, number));
        // What the database is was said when the connection began.
        let mut namespaces: Vec<_> = seen.iter().map(|span| span.text("db.namespace")).collect();
        namespaces.sort_unstable();
        assert_eq!(namespaces, [None, Some("shop")], "{text}");
    }
    // What it takes to recognise an old connection may cost its first exchange.
    let update = "UPDATE items SET name = ? WHERE id = ?";
    assert!((1..=2).contains(&spans.all(|span| is_query(span, "SERVER", update)).len()));
    assert_no_secret(&spans);
}

#[test]
fn mariadb_prepared_statements_of_mysql2_have_their_texts() {
    if skipped_without(&MariaDb::needs()) {
        return;
    }
    let mariadb = server();
    let mut session = mysql2(&mariadb);
    let agent = Agent::trace_pids(&[session.pid(), mariadb.pid()]);
    for (line, answer) in [
        ("execute SELECT name FROM items WHERE id = ? | 1", "done"),
        ("execute SELECT name FROM items WHERE id = ? | 2", "done"),
        ("execute SELECT id FROM items WHERE name = ? AND id <> 4711471147 | pear", "done"),
        ("execute INSERT INTO items VALUES (?, ?) | 1 cherry", "error 1062 23000"),
        ("execute SELECT name FROM missing WHERE id = ? | 1", "error 1146 42S02"),
        ("query SELECT 'damson'; SELECT name FROM items WHERE name = 'quince'", "done"),
    ] {
        assert_eq!(session.ask(line), answer, "{line}");
    }
    let several = "SELECT ?; SELECT name FROM items WHERE name = ?";
    agent.wait_for("both ends of all", |spans| {
        ["CLIENT", "SERVER"].iter().all(|kind| spans.iter().any(|it| is_query(it, kind, several)))
    });
    let spans = agent.finish().successful().spans;

    for kind in ["CLIENT", "SERVER"] {
        for (text, times, number) in [
            ("SELECT name FROM items WHERE id = ?", 2, None),
            ("SELECT id FROM items WHERE name = ? AND id <> ?", 1, None),
            ("INSERT INTO items VALUES (?, ?)", 1, Some("1062")),
            ("SELECT name FROM missing WHERE id = ?", 1, Some("1146")),
            (several, 1, None),
        ] {
            let seen = spans.all(|span| is_query(span, kind, text));
            // Preparing is a call of its own where it is shown; its failure always is.
            assert_eq!(seen.len(), times, "{kind} {text}: {spans:#?}");
            seen.iter().for_each(|span| assert_error(span, number));
        }
    }
    for served in spans.all(|span| span.is_server()) {
        let called = spans.parent_of(served).expect("the client's end");
        assert_eq!(served.evidence.as_deref(), Some("same-call"));
        assert_eq!(called.text("db.query.text"), served.text("db.query.text"));
        assert_eq!(served.text("db.system.name"), Some("mariadb"));
    }
    assert_no_secret(&spans);
}

#[test]
fn mariadb_statements_prepared_before_the_agent_came_have_no_text() {
    if skipped_without(&MariaDb::needs()) {
        return;
    }
    let mariadb = server();
    let mut session = mysql2(&mariadb);
    let old = "execute SELECT name FROM items WHERE id = ? | 1";
    assert_eq!(session.ask(old), "done");
    let agent = Agent::trace_pid(session.pid());
    const TIMES: usize = 5;
    for _ in 0..TIMES {
        assert_eq!(session.ask(old), "done");
    }
    assert_eq!(session.ask("execute SELECT id FROM items WHERE name = ? | pear"), "done");
    let known = "SELECT id FROM items WHERE name = ?";
    agent.wait_for("the statement that was seen", |spans| has(spans, known));
    let spans = agent.finish().successful().spans;

    spans.one("statement that was seen", |span| is_query(span, "CLIENT", known));
    let unknown = spans.all(|span| span.text("db.query.text").is_none());
    // What it takes to recognise an old connection may cost its first exchange.
    assert!((TIMES - 1..=TIMES).contains(&unknown.len()), "{spans:#?}");
    for span in unknown {
        assert_eq!(span.text("db.query.summary"), None);
        assert_eq!(span.text("db.namespace"), None, "the start was not seen");
        // Which of the two it is was said then, too: the protocol's own name is what remains.
        assert!(matches!(span.text("db.system.name"), Some("mysql" | "mariadb")));
    }
    assert_no_secret(&spans);
}
