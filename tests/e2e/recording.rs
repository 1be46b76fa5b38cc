//! Event files: what was recorded live is replayed elsewhere, by anybody, and shows the same.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use onlooker_e2e::http::Connection;
use onlooker_e2e::servers::{Nginx, PhpFpm, Postgres};
use onlooker_e2e::{Agent, Scratch, Session, Span, Spans as _, agent_binary, skipped, workload};

/// What no event file may hold unless payloads were asked for: told to every place that takes one.
const SECRET: &str = "hUnt3rTw0zQ";

/// A live run and its event file.
struct Recorded {
    spans: Vec<Span>,
    messages: String,
    file: PathBuf,
    scratch: Scratch,
}

/// Traces nginx, a PostgreSQL server and a client of it, with secrets wherever one can be.
fn record(name: &str, flags: &[&str]) -> Recorded {
    let nginx = Nginx::start(&format!("location / {{ return 201 \"{SECRET}\"; }}"));
    let postgres = Postgres::start();
    let said = postgres.psql(&["CREATE TABLE items (id int PRIMARY KEY, name text)"]);
    assert_eq!(said, "");
    // Connected before the agent comes.
    let mut session = Session::python("psycopg_session.py", &[postgres.url()]);
    let scratch = Scratch::new(name);
    let file = scratch.join("bug.events");
    let pids = [nginx.pid(), postgres.pid(), session.pid()].map(|pid| pid.to_string());
    let mut arguments: Vec<&str> = pids.iter().flat_map(|pid| ["--pid", pid]).collect();
    let path = file.to_string_lossy().into_owned();
    arguments.extend(["--record", &path]);
    arguments.extend(flags);
    let agent = Agent::trace(arguments);

    let mut connection = Connection::to(nginx.port);
    let length = SECRET.len();
    connection.send(format!(
        "POST /orders/{SECRET}/new?q={SECRET}&token={SECRET} HTTP/1.1\r\nHost: shop.example\r\n\
         Authorization: Bearer {SECRET}\r\nCookie: id={SECRET}\r\nX-Note: {SECRET}\r\n\
         traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n\
         Content-Length: {length}\r\n\r\n{SECRET}"
    ));
    assert_eq!(connection.response().status, 201);
    assert_eq!(connection.get("/plain").status, 201);
    for line in [
        format!("query INSERT INTO items VALUES (1, '{SECRET}')"),
        format!("extended SELECT name FROM items WHERE name = %s ; {SECRET}"),
        format!("prepared SELECT name FROM items WHERE name = %s ; {SECRET}"),
    ] {
        assert_eq!(session.ask(&line), "done", "{line}");
    }
    // A connection that is seen from its start, at the server's end.
    let said = postgres.psql(&[&format!("SELECT name FROM items WHERE name = '{SECRET}'")]);
    assert_eq!(said.trim(), SECRET);
    // Two of nginx, both ends of three statements, the server's end of one.
    agent.wait_for("9 spans", |spans| spans.len() >= 9);
    let finished = agent.finish().successful();
    Recorded { spans: finished.spans, messages: finished.messages, file, scratch }
}

/// Replays a file as a user who may do nothing, to whom it was given.
fn replay(recorded: &Recorded, arguments: &[&str]) -> Output {
    let copy = |from: &Path, name: &str, mode: u32| {
        let to = recorded.scratch.join(name);
        fs::copy(from, &to).expect("a copy");
        fs::set_permissions(&to, fs::Permissions::from_mode(mode)).expect("its permissions");
        to
    };
    let agent = copy(&agent_binary(), "onlooker", 0o755);
    let file = copy(&recorded.file, "given.events", 0o644);
    let mut command = Command::new("setpriv");
    command.args(["--reuid", "nobody", "--regid", "nogroup", "--clear-groups", "--"]);
    let output = command.arg(agent).arg("replay").arg(file).args(arguments).output();
    let output = output.expect("setpriv");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    output
}

fn replayed_spans(recorded: &Recorded) -> Vec<Span> {
    let output = replay(recorded, &["--format", "json"]);
    let text = String::from_utf8(output.stdout).expect("JSON");
    text.lines().map(|line| Span::parse(line).expect("a span")).collect()
}

/// All of spans that is never masked, in order.
fn unmasked(spans: &[Span]) -> Vec<String> {
    let told = |span: &Span| {
        let Span { trace_id, span_id, parent, evidence, name, kind, start, end, status, .. } = span;
        let status_code = span.int("http.response.status_code");
        let method = span.text("http.request.method");
        let query = span.text("db.query.text");
        let rows = span.int("db.response.returned_rows");
        format!(
            "{trace_id} {span_id} {parent:?} {evidence:?} {name} {kind} {start} {end} {status} {} \
             {status_code:?} {method:?} {query:?} {rows:?}",
            span.service
        )
    };
    let mut lines: Vec<_> = spans.iter().map(told).collect();
    lines.sort();
    lines
}

/// That nothing of the secret is in the file.
fn assert_no_secret(recorded: &Recorded) {
    let bytes = fs::read(&recorded.file).expect("the event file");
    for part in SECRET.as_bytes().windows(4) {
        assert!(!bytes.windows(4).any(|window| window == part), "{}", part.escape_ascii());
    }
}

#[test]
fn a_replay_with_payloads_is_the_live_run() {
    if skipped() {
        return;
    }
    let recorded = record("payloads", &["--record-payloads"]);
    let metadata = fs::metadata(&recorded.file).expect("the event file");
    assert_eq!(metadata.permissions().mode() & 0o777, 0o600, "others can read it");
    let in_order = |spans: &[Span]| {
        let mut lines: Vec<_> = spans.iter().map(|span| format!("{span:?}")).collect();
        lines.sort();
        lines
    };
    assert_eq!(in_order(&replayed_spans(&recorded)), in_order(&recorded.spans));
    assert!(recorded.messages.contains("with complete payloads"), "{}", recorded.messages);

    let report = replay(&recorded, &["--report"]);
    let report = String::from_utf8_lossy(&report.stdout).into_owned();
    for protocol in ["http/1 (certain", "postgresql (certain"] {
        assert!(report.contains(protocol), "{report}");
    }
}

#[test]
fn by_default_no_secret_is_in_the_file_and_the_spans_are_the_same() {
    if skipped() {
        return;
    }
    let recorded = record("masked", &[]);
    assert_no_secret(&recorded);
    assert!(recorded.messages.contains("payloads masked"), "{}", recorded.messages);
    let replayed = replayed_spans(&recorded);
    assert_eq!(unmasked(&replayed), unmasked(&recorded.spans));
    let order = replayed.one("order", |span| span.text("http.request.method") == Some("POST"));
    assert_eq!(order.trace_id, "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(order.path(), Some("/orders/xxxxxxxxxxx/new"));
    let text = "SELECT name FROM items WHERE name = $1";
    assert_eq!(replayed.all(|span| span.text("db.query.text") == Some(text)).len(), 4);
}

/// What nginx hands on to PHP: the same secrets, as parameters and records.
#[test]
fn calls_of_fastcgi_are_replayed_without_secrets() {
    if skipped() {
        return;
    }
    let php = PhpFpm::start_tcp(1, &[]);
    let nginx = Nginx::start(&php.location("/", &workload("answer.php")));
    let scratch = Scratch::new("fastcgi-masked");
    let file = scratch.join("bug.events");
    let pids = [nginx.pid(), php.pid()].map(|pid| pid.to_string());
    let path = file.to_string_lossy().into_owned();
    let agent = Agent::trace(["--pid", &pids[0], "--pid", &pids[1], "--record", &path]);
    let mut connection = Connection::to(nginx.port);
    for status in [200, 404] {
        connection.send(format!(
            "POST /a/{status}?q={SECRET}&{SECRET} HTTP/1.1\r\nHost: shop.example\r\n\
             Authorization: Bearer {SECRET}\r\nCookie: id={SECRET}\r\nX-Note: {SECRET}\r\n\
             traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n\
             Content-Length: {}\r\n\r\n{SECRET}",
            SECRET.len()
        ));
        assert_eq!(connection.response().status, status);
    }
    // nginx, its call, and PHP.
    agent.wait_for("6 spans", |spans| spans.len() >= 6);
    let finished = agent.finish().successful();
    let recorded = Recorded { spans: finished.spans, messages: finished.messages, file, scratch };
    assert_no_secret(&recorded);
    let replayed = replayed_spans(&recorded);
    assert_eq!(unmasked(&replayed), unmasked(&recorded.spans));
    let of_php = replayed.all(|span| span.int("http.response.status_code") == Some(404));
    assert_eq!(of_php.len(), 3);
}

#[test]
fn a_recording_stops_at_its_limit_and_the_trace_goes_on() {
    if skipped() {
        return;
    }
    let nginx = Nginx::start("location / { return 200 ok; }");
    let scratch = Scratch::new("limit");
    let file = scratch.join("short.events");
    let path = file.to_string_lossy().into_owned();
    let pid = nginx.pid().to_string();
    let agent = Agent::trace(["--pid", &pid, "--record", &path, "--record-limit", "16KiB"]);
    let mut connection = Connection::to(nginx.port);
    for number in 0..300 {
        assert_eq!(connection.get(&format!("/{number}")).status, 200);
    }
    agent.wait_for("300 spans", |spans| spans.len() >= 300);
    let finished = agent.finish().successful();
    assert_eq!(finished.spans.len(), 300);
    assert!(finished.messages.contains("tracing goes on"), "{}", finished.messages);
    assert!(finished.messages.contains("left out"), "{}", finished.messages);
    assert!(fs::metadata(&file).expect("the event file").len() <= 16 * 1024);
    let messages = finished.messages;
    let recorded = Recorded { spans: finished.spans, messages, file, scratch };
    let output = replay(&recorded, &["--format", "none"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("limit was reached"), "{said}");
}

#[test]
fn a_file_that_exists_is_left_alone() {
    if skipped() {
        return;
    }
    let nginx = Nginx::start("");
    let scratch = Scratch::new("exists");
    let file = scratch.write("mine.txt", "mine");
    let path = file.to_string_lossy().into_owned();
    let pid = nginx.pid().to_string();
    let finished = Agent::start(["--pid", &pid, "--record", &path]).collect();
    assert!(!finished.status.expect("an end").success(), "{}", finished.messages);
    assert!(finished.messages.contains("mine.txt"), "{}", finished.messages);
    assert!(finished.messages.contains("exists"), "{}", finished.messages);
    assert_eq!(fs::read(&file).expect("it is there"), b"mine");
}
