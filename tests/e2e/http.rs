//! HTTP/1 beyond one server: clients that are not ours, bodies of every kind, connections that
//! change hands.

use std::process::Command;

use onlooker_e2e::http::Connection;
use onlooker_e2e::servers::Nginx;
use onlooker_e2e::services::{node_service, python_service};
use onlooker_e2e::{Agent, Scratch, Span, Spans as _, skipped};

#[test]
fn a_file_sent_by_the_kernel_ends_where_it_ends() {
    if skipped() {
        return;
    }
    let nginx = Nginx::start("sendfile on; tcp_nopush on; location /next { return 200 next; }");
    nginx.directory().write("www/large", vec![b'x'; 3_000_000]);
    let agent = Agent::trace_pid(nginx.pid());
    let mut connection = Connection::to(nginx.port);
    for number in 0..5 {
        assert_eq!(connection.get(&format!("/large?{number}")).body.len(), 3_000_000);
        assert_eq!(connection.get(&format!("/next/{number}")).text(), "next");
    }
    agent.wait_for("10 spans", |spans| spans.len() >= 10);
    let spans = agent.finish().successful().spans;
    assert_eq!(spans.len(), 10);
    for number in 0..5 {
        let query = number.to_string();
        let large = spans.one("file", |span| span.text("url.query") == Some(&query));
        let path = format!("/next/{number}");
        let next = spans.one("next", |span| span.path() == Some(&path));
        assert_eq!(large.int("http.response.status_code"), Some(200));
        assert!(large.end <= next.start);
    }
}

#[test]
fn curl_uploads_with_expect() {
    if skipped() {
        return;
    }
    let back = Nginx::start("client_max_body_size 10m; location / { return 201 made; }");
    let nginx = Nginx::start(&format!(
        "client_max_body_size 10m; location / {{ proxy_pass http://127.0.0.1:{}; }}",
        back.port
    ));
    let scratch = Scratch::new("upload");
    let file = scratch.write("file", vec![b'u'; 2_000_000]);
    let base = format!("http://127.0.0.1:{}", nginx.port);
    let agent = Agent::trace(["--pid", &nginx.pid().to_string(), "--exe", "*/curl"]);
    let output = Command::new("curl")
        .args([
            "-s",
            "-S",
            "-H",
            "Expect: 100-continue",
            "-H",
            "Authorization: Bearer secret-token",
        ])
        .arg("-T")
        .arg(&file)
        .arg(format!("{base}/upload?agent={}", agent.pid()))
        .output()
        .expect("curl");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "made");
    let put = |kind: &'static str| {
        move |span: &Span| {
            span.kind == kind
                && span.text("http.request.method") == Some("PUT")
                && span.path() == Some("/upload")
        }
    };
    let query = format!("agent={}", agent.pid());
    agent.wait_for("both ends", |spans| {
        spans.iter().any(put("SERVER"))
            && spans.iter().any(|span| put("CLIENT")(span) && span.service == "curl")
    });
    let spans = agent.finish().successful().spans;
    let server = spans.one("upload", put("SERVER"));
    assert_eq!(server.text("url.query"), Some(query.as_str()));
    // An interim response is not the response.
    assert_eq!(server.int("http.response.status_code"), Some(201));
    let client = spans.one("upload at curl", |span| put("CLIENT")(span) && span.service == "curl");
    assert_eq!(client.int("http.response.status_code"), Some(201));
    assert_eq!(server.parent.as_deref(), Some(client.span_id.as_str()));
    assert!(!format!("{spans:?}").contains("secret-token"));
}

#[test]
fn what_follows_an_upgrade_is_no_http() {
    if skipped() {
        return;
    }
    let service = python_service("upgrade.py", &[] as &[&str]);
    let agent = Agent::trace_pid(service.pid());
    let mut connection = Connection::to(service.port);
    connection
        .send("GET /socket HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n");
    let response = connection.response();
    assert_eq!(response.status, 101);
    for number in 0..5 {
        let line = format!("GET /not/http/{number} HTTP/1.1");
        connection.send(format!("{line}\r\n"));
        assert_eq!(connection.line(), line);
    }
    drop(connection);
    agent.wait_for("the span", |spans| !spans.is_empty());
    let spans = agent.finish().successful().spans;
    assert_eq!(spans.len(), 1, "{spans:#?}");
    let span = spans.one("upgrade", |span| span.path() == Some("/socket"));
    assert_eq!(span.int("http.response.status_code"), Some(101));
    assert_eq!(span.status, "UNSET");
}

#[test]
fn a_client_error_is_an_error_at_the_client_alone() {
    if skipped() {
        return;
    }
    let nginx = Nginx::start("location / { return 404 no; }");
    let service = node_service("hop.js", &[&format!("127.0.0.1:{}", nginx.port)]);
    let agent = Agent::trace_pids(&[service.pid(), nginx.pid()]);
    // The service answers 200 with whatever came back.
    assert_eq!(Connection::to(service.port).get("/absent").text(), "no");
    agent.wait_for("3 spans", |spans| spans.len() >= 3);
    let spans = agent.finish().successful().spans;
    let client = spans.one("call", Span::is_client);
    assert_eq!(client.status, "ERROR");
    assert_eq!(client.text("error.type"), Some("404"));
    assert_eq!(client.name, "GET");
    let server = spans.one("leaf", |span| span.is_server() && span.service == "nginx");
    assert_eq!(server.status, "UNSET");
    assert_eq!(server.parent.as_deref(), Some(client.span_id.as_str()));
}

#[test]
fn methods_that_nobody_knows_are_other() {
    if skipped() {
        return;
    }
    let nginx = Nginx::start("location / { return 200 ok; }");
    let agent = Agent::trace_pid(nginx.pid());
    let mut connection = Connection::to(nginx.port);
    for method in ["PATCH", "PROPFIND"] {
        connection
            .send(format!("{method} /{method} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"));
        assert_eq!(connection.response().status, 200);
    }
    agent.wait_for("2 spans", |spans| spans.len() >= 2);
    let spans = agent.finish().successful().spans;
    let known = spans.one("PATCH", |span| span.path() == Some("/PATCH"));
    assert_eq!(known.name, "PATCH");
    assert_eq!(known.text("http.request.method_original"), None);
    let other = spans.one("PROPFIND", |span| span.path() == Some("/PROPFIND"));
    assert_eq!(other.name, "HTTP");
    assert_eq!(other.text("http.request.method"), Some("_OTHER"));
    assert_eq!(other.text("http.request.method_original"), Some("PROPFIND"));
}
