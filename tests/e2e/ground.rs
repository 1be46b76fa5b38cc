//! What the other tests stand on, without the agent: when these fail, the machine is at fault.

use onlooker_e2e::http::{Connection, get};
use onlooker_e2e::servers::{Nginx, PhpFpm, Postgres, Redis};
use onlooker_e2e::services::{gunicorn, node_service, python_service};
use onlooker_e2e::{Receiver, Session, skipped, workload};

#[test]
fn every_hop_passes_on() {
    if skipped() {
        return;
    }
    let leaf = Nginx::start("location / { return 200 leaf; }");
    let next = format!("127.0.0.1:{}", leaf.port);
    let php = PhpFpm::start(2, &[("NEXT", &next)]);
    let front = Nginx::start(&php.location("/", &workload("hop.php")));
    assert_eq!(get(front.port, "/r/1").text(), "leaf");
    let wsgi = gunicorn("hop_wsgi", &["--workers", "2"], &[("NEXT", &next)]);
    assert_eq!(get(wsgi.port, "/r/1").text(), "leaf");
    for mode in ["inline", "fork", "join", "pool"] {
        let service = python_service("hop.py", &[next.as_str(), mode, "1"]);
        assert_eq!(get(service.port, "/r/1").text(), "leaf", "{mode}");
    }
    let service = python_service("hop.py", &[next.as_str(), "forget"]);
    assert_eq!(get(service.port, "/r/1").text(), "later");
    let service = python_service("hop_asyncio.py", &[next.as_str(), "1"]);
    assert_eq!(get(service.port, "/r/1").text(), "leaf");
    for mode in ["inline", "immediate", "timeout", "twice"] {
        let service = node_service("hop.js", &[next.as_str(), mode, "1"]);
        assert_eq!(get(service.port, "/r/1").text(), "leaf", "{mode}");
    }
}

#[test]
fn the_stores_answer() {
    if skipped() {
        return;
    }
    let postgres = Postgres::start();
    assert_eq!(postgres.psql(&["CREATE TABLE items (id int, name text)"]), "");
    assert_eq!(postgres.psql(&["INSERT INTO items VALUES (7, 'pear')"]), "");
    let redis = Redis::start();
    let arguments = [postgres.url(), redis.port.to_string()];
    for service in [python_service("store.py", &arguments), node_service("store.js", &arguments)] {
        assert_eq!(get(service.port, "/item/7").text(), "pear");
        assert_eq!(get(service.port, "/item/8").text(), "nothing");
    }
    let mut session = Session::python("psycopg_session.py", &[postgres.url()]);
    assert_eq!(session.ask("extended SELECT id / %s FROM items ; 0"), "error 22012");
    assert_eq!(session.ask("pipeline SELECT 1 ; SELECT 2"), "done");
    assert_eq!(session.ask("copy items ; 9\tapple"), "done");
    let mut session = Session::python("redis_session.py", &[redis.port.to_string()]);
    assert_eq!(session.ask("GET item:7"), "done");
}

#[test]
fn every_way_to_read_and_write_serves() {
    if skipped() {
        return;
    }
    let service = python_service("syscalls.py", &[] as &[&str]);
    for way in ["byte-send", "peek-send", "readv-writev", "recv-splice", "recv-sendfile", "passed"]
    {
        let mut connection = Connection::to(service.port);
        connection.send(format!("{way}\n"));
        assert_eq!(connection.line(), "");
        for _ in 0..2 {
            assert_eq!(connection.get("/small/").text(), "small\n", "{way}");
            assert_eq!(connection.get("/large/").body.len(), 95 * 11_000, "{way}");
        }
    }
}

#[test]
fn bodies_are_echoed() {
    if skipped() {
        return;
    }
    let echo = python_service("echo.py", &[] as &[&str]);
    let mut connection = Connection::to(echo.port);
    connection.send("POST /a?size=3 HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello");
    // The checksum is the CRC-32 of `hello`.
    let answer = connection.response().body;
    assert!(answer.starts_with(b"POST /a?size=3 HTTP/1.1\n5 3610a686\n"), "{answer:?}");
    connection
        .send("POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
    assert!(connection.response().text().contains("5 3610a686"));
}

#[test]
fn the_receiver_reads_otlp() {
    if skipped() {
        return;
    }
    let receiver = Receiver::start();
    let body = r#"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":
        {"stringValue":"shop"}}]},"scopeSpans":[{"spans":[{"traceId":"0af7651916cd43dd8448eb211c80319c",
        "spanId":"b7ad6b7169203331","name":"GET","kind":2,"startTimeUnixNano":"1790000000000000001"}]}]}]}"#;
    let mut connection = Connection::to(receiver.http_port);
    connection.send(format!(
        "POST /v1/traces HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    ));
    assert_eq!(connection.response().status, 200);
    let spans = receiver.wait_for("the span", |spans| !spans.is_empty());
    assert_eq!(spans[0]["traceId"], "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(spans[0]["kind"], "SPAN_KIND_SERVER");
    assert_eq!(spans[0]["startTimeUnixNano"], "1790000000000000001");
    assert_eq!(spans[0]["resource"]["attributes"][0]["value"]["stringValue"], "shop");
}
