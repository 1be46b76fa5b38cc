//! HTTP/1 at a server that is not ours: nginx.

use std::io::Read as _;
use std::net::TcpListener;

use onlooker_e2e::http::Connection;
use onlooker_e2e::servers::Nginx;
use onlooker_e2e::{Agent, Span, Spans as _, skipped};

fn is_request(span: &Span, path: &str) -> bool {
    span.is_server() && span.path() == Some(path)
}

#[test]
fn requests_on_one_connection_are_a_span_each() {
    if skipped() {
        return;
    }
    let nginx = Nginx::start("location /r/ { return 200 ok; }");
    let agent = Agent::trace_pid(nginx.pid());
    let mut connection = Connection::to(nginx.port);
    for number in 0..50 {
        assert_eq!(connection.get(&format!("/r/{number}?page={number}")).status, 200);
    }
    agent.wait_for("50 spans", |spans| spans.len() >= 50);
    let spans = agent.finish().successful().spans;

    assert_eq!(spans.len(), 50);
    for number in 0..50 {
        let span = spans.one("request", |span| is_request(span, &format!("/r/{number}")));
        assert_eq!(span.name, "GET");
        assert_eq!(span.status, "UNSET");
        assert_eq!(span.service, "nginx");
        assert_eq!(span.parent, None, "nobody asked nginx but the test, which is not traced");
        assert_eq!(span.evidence, None);
        assert!(span.start <= span.end);
        assert_eq!(span.text("http.request.method"), Some("GET"));
        assert_eq!(span.text("url.scheme"), Some("http"));
        assert_eq!(span.text("url.query"), Some(format!("page={number}").as_str()));
        assert_eq!(span.int("http.response.status_code"), Some(200));
        assert_eq!(span.text("network.protocol.version"), Some("1.1"));
        assert_eq!(span.text("server.address"), Some("test.example"));
        assert_eq!(span.text("network.peer.address"), Some("127.0.0.1"));
        assert_eq!(span.int("network.peer.port"), Some(connection.local_port().into()));
    }
}

#[test]
fn pipelined_requests_are_paired_in_order() {
    if skipped() {
        return;
    }
    let nginx = Nginx::start("location /ok/ { return 200 ok; } location /no/ { return 404 no; }");
    let agent = Agent::trace_pid(nginx.pid());
    let paths: Vec<String> =
        (0..20).map(|number| format!("/{}/{number}", ["ok", "no"][number % 2])).collect();
    let together: String =
        paths.iter().map(|path| format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n")).collect();
    let mut connection = Connection::to(nginx.port);
    connection.send(together);
    for number in 0..20 {
        assert_eq!(connection.response().status, [200, 404][number % 2]);
    }
    agent.wait_for("20 spans", |spans| spans.len() >= 20);
    let spans = agent.finish().successful().spans;

    assert_eq!(spans.len(), 20);
    for (number, path) in paths.iter().enumerate() {
        let span = spans.one("request", |span| is_request(span, path));
        assert_eq!(span.int("http.response.status_code"), Some([200, 404][number % 2]));
    }
}

#[test]
fn a_head_in_many_writes_is_one_request() {
    if skipped() {
        return;
    }
    let nginx = Nginx::start("location / { return 200 ok; }");
    let agent = Agent::trace_pid(nginx.pid());
    let mut connection = Connection::to(nginx.port);
    for byte in b"GET /in/pieces HTTP/1.1\r\nHost: a\r\nX-Filler: abc\r\n\r\n".chunks(3) {
        connection.send(byte);
    }
    assert_eq!(connection.response().status, 200);
    agent.wait_for("the span", |spans| !spans.is_empty());
    let spans = agent.finish().successful().spans;
    spans.one("request", |span| is_request(span, "/in/pieces"));
}

#[test]
fn chunked_bodies_do_not_hide_the_next_request() {
    if skipped() {
        return;
    }
    // Server-side includes make the length of the response unknown, so nginx sends chunks.
    let nginx = Nginx::start("ssi on; ssi_types *; location /post { return 200 got; }");
    nginx
        .directory()
        .write("www/page", format!("<!--# echo var=\"host\" -->{}", "x".repeat(100_000)));
    let agent = Agent::trace_pid(nginx.pid());
    let mut connection = Connection::to(nginx.port);
    let page = connection.get("/page");
    assert!(page.head.contains("chunked"), "{}", page.head);
    assert_eq!(page.body.len(), "test.example".len() + 100_000);
    connection.send(
        "POST /post HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
         1c\r\nGET /inside HTTP/1.1\r\nHost:a\r\n0\r\n\r\n",
    );
    assert_eq!(connection.response().text(), "got");
    assert_eq!(connection.get("/post?last").status, 200);
    agent.wait_for("3 spans", |spans| spans.len() >= 3);
    let spans = agent.finish().successful().spans;

    assert_eq!(spans.len(), 3, "what stands in a body is no request");
    spans.one("page", |span| is_request(span, "/page"));
    spans.one("upload", |span| span.text("http.request.method") == Some("POST"));
    spans.one("last", |span| span.text("url.query") == Some("last"));
}

#[test]
fn statuses_follow_the_conventions() {
    if skipped() {
        return;
    }
    let nginx = Nginx::start(
        "location /missing { return 404 no; } location /broken { return 500 broken; } \
         location /moved { return 301 /; } location /empty { return 204; }",
    );
    let agent = Agent::trace_pid(nginx.pid());
    let mut connection = Connection::to(nginx.port);
    for (path, status) in [("/missing", 404), ("/moved", 301), ("/empty", 204), ("/broken", 500)] {
        assert_eq!(connection.get(path).status, status);
    }
    agent.wait_for("4 spans", |spans| spans.len() >= 4);
    let spans = agent.finish().successful().spans;

    for (path, code, status) in [
        // A client's mistake is not an error of the server's span.
        ("/missing", 404, "UNSET"),
        ("/moved", 301, "UNSET"),
        ("/empty", 204, "UNSET"),
        ("/broken", 500, "ERROR"),
    ] {
        let span = spans.one(path, |span| is_request(span, path));
        assert_eq!(span.int("http.response.status_code"), Some(code), "{path}");
        assert_eq!(span.status, status, "{path}");
        assert_eq!(span.text("error.type"), (status == "ERROR").then_some("500"), "{path}");
    }
}

#[test]
fn a_response_to_head_has_no_body() {
    if skipped() {
        return;
    }
    let nginx = Nginx::start("");
    nginx.directory().write("www/file", "x".repeat(5_000));
    let agent = Agent::trace_pid(nginx.pid());
    let mut connection = Connection::to(nginx.port);
    connection.send("HEAD /file HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(connection.response_to_head().head.contains("Content-Length: 5000"));
    assert_eq!(connection.get("/file").body.len(), 5_000);
    agent.wait_for("2 spans", |spans| spans.len() >= 2);
    let spans = agent.finish().successful().spans;

    assert_eq!(spans.len(), 2);
    let head = spans.one("HEAD", |span| span.name == "HEAD");
    assert_eq!(head.int("http.response.status_code"), Some(200));
    spans.one("GET", |span| span.name == "GET");
}

#[test]
fn a_context_after_30_kilobytes_of_cookies_is_read() {
    if skipped() {
        return;
    }
    let nginx = Nginx::start("large_client_header_buffers 8 64k; location / { return 200 ok; }");
    let agent = Agent::trace_pid(nginx.pid());
    let mut connection = Connection::to(nginx.port);
    connection.send(format!(
        "GET /big HTTP/1.1\r\nHost: a\r\nCookie: secret={}\r\n\
         traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n\r\n",
        "c".repeat(30_000)
    ));
    assert_eq!(connection.response().status, 200);
    agent.wait_for("the span", |spans| !spans.is_empty());
    let spans = agent.finish().successful().spans;

    let span = spans.one("request", |span| is_request(span, "/big"));
    assert_eq!(span.trace_id, "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(span.parent.as_deref(), Some("b7ad6b7169203331"));
    assert_eq!(span.evidence.as_deref(), Some("context"));
    let everything = format!("{span:?}");
    assert!(!everything.contains("cccc"), "a cookie has left the machine: {everything}");
}

#[test]
fn an_aborted_request_is_a_span_with_an_error() {
    if skipped() {
        return;
    }
    let upstream = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let address = upstream.local_addr().expect("its address");
    let nginx = Nginx::start(&format!("location / {{ proxy_pass http://{address}; }}"));
    let agent = Agent::trace_pid(nginx.pid());

    let mut connection = Connection::to(nginx.port);
    connection.send("GET /aborted HTTP/1.1\r\nHost: a\r\n\r\n");
    let (mut asked, _) = upstream.accept().expect("nginx asks its upstream");
    let _ = asked.read(&mut [0; 1_000]).expect("a request");
    drop(connection);
    // nginx notices and hangs up on its upstream.
    let mut rest = Vec::new();
    let _ = asked.read_to_end(&mut rest);

    agent.wait_for("both sides", |spans| spans.len() >= 2);
    let spans = agent.finish().successful().spans;
    for kind in ["SERVER", "CLIENT"] {
        let span = spans.one(kind, |span| span.kind == kind && span.path() == Some("/aborted"));
        assert_eq!(span.status, "ERROR");
        assert!(span.text("error.type").is_some());
        assert_eq!(span.int("http.response.status_code"), None);
    }
}

#[test]
fn http_1_0_ends_with_the_connection() {
    if skipped() {
        return;
    }
    let nginx = Nginx::start("location / { return 200 ok; }");
    let agent = Agent::trace_pid(nginx.pid());
    let mut connection = Connection::to(nginx.port);
    connection.send("GET /old HTTP/1.0\r\n\r\n");
    assert_eq!(connection.response().status, 200);
    agent.wait_for("the span", |spans| !spans.is_empty());
    let spans = agent.finish().successful().spans;
    let span = spans.one("request", |span| is_request(span, "/old"));
    assert_eq!(span.text("network.protocol.version"), Some("1.0"));
}
