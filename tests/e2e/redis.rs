//! Redis: the real server, with a client that sends the very bytes, and redis-py.

use onlooker_e2e::http::Connection;
use onlooker_e2e::servers::Redis;
use onlooker_e2e::{Agent, Session, Spans as _, skipped};

/// Sends raw RESP and waits until the reply ends with `last`.
fn exchange(connection: &mut Connection, bytes: &str, last: &str) {
    connection.send(bytes);
    while connection.line() != last {}
}

#[test]
fn commands_are_spans_at_the_server() {
    if skipped() {
        return;
    }
    let redis = Redis::start();
    let agent = Agent::trace_pid(redis.pid());
    let mut connection = Connection::to(redis.port);
    exchange(&mut connection, "*3\r\n$3\r\nSET\r\n$4\r\nuser\r\n$6\r\nsecret\r\n", "+OK");
    exchange(&mut connection, "*2\r\n$3\r\nGET\r\n$4\r\nuser\r\n", "secret");
    exchange(&mut connection, "*2\r\n$4\r\nLPOP\r\n$4\r\nuser\r\n", WRONG_TYPE);
    // An inline command, as typed into telnet.
    exchange(&mut connection, "PING\r\n", "+PONG");
    agent.wait_for("4 spans", |spans| spans.len() >= 4);
    let spans = agent.finish().successful().spans;

    assert_eq!(spans.len(), 4);
    for (operation, text) in
        [("SET", "SET user ?"), ("GET", "GET user"), ("LPOP", "LPOP user"), ("PING", "PING")]
    {
        let span = spans.one(operation, |span| span.text("db.operation.name") == Some(operation));
        assert!(span.is_server() && span.is_database("redis"));
        assert_eq!(span.text("db.query.text"), Some(text));
        assert_eq!(span.status, if operation == "LPOP" { "ERROR" } else { "UNSET" });
    }
    let failed = spans.one("error", |span| span.status == "ERROR");
    assert_eq!(failed.text("db.response.status_code"), Some("WRONGTYPE"));
    assert_eq!(failed.text("error.type"), Some("WRONGTYPE"));
    assert!(!format!("{spans:?}").contains("secret"), "a value has left the machine");
}

const WRONG_TYPE: &str = "-WRONGTYPE Operation against a key holding the wrong kind of value";

#[test]
fn resp3_and_a_transaction_are_understood() {
    if skipped() {
        return;
    }
    let redis = Redis::start();
    let agent = Agent::trace_pid(redis.pid());
    let mut connection = Connection::to(redis.port);
    // The reply to HELLO is a map, whose last value is the empty list of modules.
    exchange(&mut connection, "*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n", "*0");
    exchange(&mut connection, "*1\r\n$5\r\nMULTI\r\n", "+OK");
    exchange(&mut connection, "*2\r\n$4\r\nINCR\r\n$1\r\na\r\n", "+QUEUED");
    exchange(&mut connection, "*1\r\n$4\r\nEXEC\r\n", ":1");
    // In RESP3 a missing value is the null type.
    exchange(&mut connection, "*2\r\n$3\r\nGET\r\n$4\r\nnone\r\n", "_");
    let after = |spans: &[onlooker_e2e::Span]| {
        spans.iter().any(|span| span.text("db.query.text") == Some("GET none"))
    };
    agent.wait_for("the command after the transaction", after);
    let spans = agent.finish().successful().spans;
    assert!(spans.iter().all(|span| span.is_database("redis") && span.status == "UNSET"));
    assert!(
        spans
            .iter()
            .any(|span| { matches!(span.text("db.operation.name"), Some("MULTI" | "EXEC")) })
    );
}

#[test]
fn a_client_and_the_server_share_the_call() {
    if skipped() {
        return;
    }
    let redis = Redis::start();
    let port = redis.port.to_string();
    let mut session = Session::python("redis_session.py", &[&port]);
    let agent = Agent::trace_pids(&[session.pid(), redis.pid()]);
    assert_eq!(session.ask("SET fruit pear"), "done");
    assert_eq!(session.ask("GET fruit"), "done");
    agent.wait_for("4 spans", |spans| {
        spans
            .iter()
            .filter(|span| span.text("db.query.text").is_some_and(|text| text.contains("fruit")))
            .count()
            >= 4
    });
    let spans = agent.finish().successful().spans;
    for text in ["SET fruit ?", "GET fruit"] {
        let is = |kind: &'static str| {
            move |span: &onlooker_e2e::Span| {
                span.kind == kind && span.text("db.query.text") == Some(text)
            }
        };
        let client = spans.one("client", is("CLIENT"));
        let server = spans.one("server", is("SERVER"));
        assert_eq!(server.parent.as_deref(), Some(client.span_id.as_str()));
        assert_eq!(server.evidence.as_deref(), Some("same-call"));
        assert!(client.start <= server.start && server.end <= client.end);
    }
}
