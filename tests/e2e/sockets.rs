//! Every kind of socket, and connections that are older than the agent.

use std::io::{Read as _, Write as _};
use std::net::{Ipv6Addr, Shutdown, SocketAddr};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use onlooker_e2e::http::Connection;
use onlooker_e2e::servers::Nginx;
use onlooker_e2e::{
    Agent, Process, Scratch, Session, Span, Spans as _, free_port, python, skipped,
    wait_for_socket, workload,
};

#[test]
fn ipv6_is_traced() {
    if skipped() {
        return;
    }
    let port = free_port();
    let nginx = Nginx::start(&format!("listen [::1]:{port}; location / {{ return 200 six; }}"));
    let agent = Agent::trace_pid(nginx.pid());
    let mut connection = Connection::to_address(SocketAddr::from((Ipv6Addr::LOCALHOST, port)));
    assert_eq!(connection.get("/six").text(), "six");
    agent.wait_for("the span", |spans| !spans.is_empty());
    let spans = agent.finish().successful().spans;

    let span = spans.one("request", |span| span.path() == Some("/six"));
    assert_eq!(span.text("network.type"), Some("ipv6"));
    assert_eq!(span.text("network.peer.address"), Some("::1"));
    assert_eq!(span.int("network.peer.port"), Some(connection.local_port().into()));
}

#[test]
fn unix_sockets_are_traced() {
    if skipped() {
        return;
    }
    let nginx = Nginx::start("listen unix:DIR/socket; location / { return 200 unix; }");
    let agent = Agent::trace_pid(nginx.pid());
    let mut connection = Connection::to_socket(&nginx.directory().join("socket"));
    for number in 0..10 {
        assert_eq!(connection.get(&format!("/unix/{number}")).text(), "unix");
    }
    agent.wait_for("10 spans", |spans| spans.len() >= 10);
    let spans = agent.finish().successful().spans;

    assert_eq!(spans.len(), 10);
    for number in 0..10 {
        let path = format!("/unix/{number}");
        let span = spans.one(&path, |span| span.path() == Some(&path));
        assert!(span.is_server());
        assert_eq!(span.text("network.transport"), Some("unix"));
        assert_eq!(span.text("network.type"), None);
    }
}

#[test]
fn both_ends_of_a_call_over_a_unix_socket_are_linked() {
    if skipped() {
        return;
    }
    let back = Nginx::start("listen unix:DIR/socket; location / { return 200 back; }");
    let socket = back.directory().join("socket");
    let front =
        Nginx::start(&format!("location / {{ proxy_pass http://unix:{}; }}", socket.display()));
    let agent = Agent::trace_pids(&[front.pid(), back.pid()]);
    for number in 0..10 {
        let mut connection = Connection::to(front.port);
        assert_eq!(connection.get(&format!("/both/{number}")).text(), "back");
    }
    agent.wait_for("30 spans", |spans| spans.len() >= 30);
    let spans = agent.finish().successful().spans;

    assert_eq!(spans.len(), 30, "two servers and a client for each request");
    for number in 0..10 {
        let path = format!("/both/{number}");
        let client = spans.one("client", |span| span.is_client() && span.path() == Some(&path));
        let server = spans.one("server at the Unix socket", |span| {
            span.is_server()
                && span.path() == Some(&path)
                && span.text("network.transport") == Some("unix")
        });
        assert_eq!(server.parent.as_deref(), Some(client.span_id.as_str()));
        assert_eq!(server.trace_id, client.trace_id);
        assert_eq!(server.evidence.as_deref(), Some("same-call"));
    }
}

/// A name makes no server: this client has one, as some programs give themselves.
#[test]
fn a_client_with_a_name_is_a_client() {
    if skipped() {
        return;
    }
    let nginx = Nginx::start("listen unix:DIR/socket; location / { return 200 named; }");
    let socket = nginx.directory().join("socket");
    let mut client = Session::python("named_client.py", &[&socket]);
    let agent = Agent::trace_pids(&[nginx.pid(), client.pid()]);
    for number in 0..3 {
        assert_eq!(client.ask(&format!("/named/{number}")), "200");
    }
    agent.wait_for("6 spans", |spans| spans.len() >= 6);
    let spans = agent.finish().successful().spans;
    assert_eq!(spans.len(), 6, "{spans:#?}");
    for number in 0..3 {
        let path = format!("/named/{number}");
        let of = |span: &&Span| span.path() == Some(&path);
        let call = spans.one("call", |span| of(&span) && span.is_client());
        let server = spans.one("request", |span| of(&span) && span.is_server());
        assert_eq!(server.parent.as_deref(), Some(call.span_id.as_str()));
        assert_eq!(server.evidence.as_deref(), Some("same-call"));
    }
}

/// The end of what the client says is not the end of the connection, however long the answer takes.
#[test]
fn who_has_asked_and_closed_its_half_is_answered() {
    if skipped() {
        return;
    }
    let place = Scratch::new("half-closed");
    let socket = place.join("socket");
    let seconds = "2.5";
    let mut service = Process::start(
        python(),
        [workload("half_closed.py").as_os_str(), socket.as_os_str(), seconds.as_ref()],
    );
    wait_for_socket(&mut service, &socket);
    let agent = Agent::trace_pid(service.pid());
    let mut client = UnixStream::connect(&socket).expect("the service");
    client.write_all(b"GET /half HTTP/1.1\r\nHost: test.example\r\n\r\n").expect("a request");
    client.shutdown(Shutdown::Write).expect("an end");
    let mut response = String::new();
    client.read_to_string(&mut response).expect("a response");
    assert!(response.starts_with("HTTP/1.1 200"), "{response}");
    agent.wait_for("the request", |spans| !spans.is_empty());
    let spans = agent.finish().successful().spans;
    let span = spans.one("request", |span| span.path() == Some("/half"));
    assert_eq!(span.int("http.response.status_code"), Some(200), "{span:#?}");
    assert_eq!(span.status, "UNSET", "{span:#?}");
}

/// RFC 7413: the request leaves before it is known where the answer's bytes begin.
#[test]
fn a_request_in_the_packet_that_opens_the_connection() {
    if skipped() {
        return;
    }
    let mut own_network = onlooker_e2e::process::command("unshare");
    own_network.arg("--net").arg(python()).arg(workload("fast_open.py"));
    let mut client = Session::spawn(own_network);
    let first = client.ask("/cookie");
    if first != "slow" {
        println!("skipped: no slow network can be had here: {first}");
        return;
    }
    let agent = Agent::trace_pid(client.pid());
    for number in 0..3 {
        assert_eq!(client.ask(&format!("/fast/{number}")), "fast");
    }
    agent.wait_for("6 spans", |spans| spans.len() >= 6);
    let finished = agent.finish().successful();
    for number in 0..3 {
        let path = format!("/fast/{number}");
        let of = |span: &&Span| span.path() == Some(&path);
        let call = finished.spans.one("call", |span| of(&span) && span.is_client());
        let server = finished.spans.one("request", |span| of(&span) && span.is_server());
        assert_eq!(call.int("http.response.status_code"), Some(200), "{call:#?}");
        assert_eq!(server.parent.as_deref(), Some(call.span_id.as_str()));
    }
    assert!(!finished.messages.contains("byte(s) that never came"), "{}", finished.messages);
}

#[test]
fn a_connection_older_than_the_agent_is_traced_from_its_next_request() {
    if skipped() {
        return;
    }
    let nginx = Nginx::start("location / { return 200 ok; }");
    let mut connection = Connection::to(nginx.port);
    for number in 0..20 {
        assert_eq!(connection.get(&format!("/before/{number}")).status, 200);
    }
    let agent = Agent::trace_pid(nginx.pid());
    for number in 0..20 {
        assert_eq!(connection.get(&format!("/after/{number}")).status, 200);
    }
    agent.wait_for("20 spans", |spans| spans.len() >= 20);
    let spans = agent.finish().successful().spans;

    assert_eq!(spans.len(), 20);
    for number in 0..20 {
        let path = format!("/after/{number}");
        let span = spans.one(&path, |span| span.path() == Some(&path));
        assert!(span.is_server(), "the end that listens is the server, however late one comes");
        assert_eq!(span.int("network.peer.port"), Some(connection.local_port().into()));
    }
}

#[test]
fn an_agent_that_comes_in_mid_body_finds_its_footing() {
    if skipped() {
        return;
    }
    let back = Nginx::start("location / { return 200 back; }");
    // nginx reads the whole body before it passes a request on.
    let front = Nginx::start(&format!(
        "client_max_body_size 10m; location / {{ proxy_pass http://127.0.0.1:{}; }}",
        back.port
    ));
    let mut connection = Connection::to(front.port);
    connection.send("POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n");
    connection.send("x".repeat(400_000));
    let agent = Agent::trace_pid(front.pid());
    connection.send("x".repeat(600_000));
    assert_eq!(connection.response().text(), "back");
    assert_eq!(connection.get("/next").text(), "back");
    let is_next = |span: &Span| span.is_server() && span.path() == Some("/next");
    agent.wait_for("the next request", |spans| spans.iter().any(is_next));
    let spans = agent.finish().successful().spans;
    spans.one("next request", is_next);
    for span in &spans {
        // The upload's head may still have been waiting in the socket.
        let path = span.path().expect("a path");
        assert!(["/upload", "/next"].contains(&path), "{span:?}");
    }
}

/// While the hooks are set one after the other, requests may be seen whose responses are not.
#[test]
fn connections_under_traffic_when_the_agent_comes_are_all_understood() {
    if skipped() {
        return;
    }
    const CLIENTS: usize = 16;
    let nginx = Nginx::start("location / { return 200 busy; }");
    let over = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let mut connection = Connection::to(nginx.port);
            let port = i64::from(connection.local_port());
            let over = Arc::clone(&over);
            let asking = thread::spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    assert_eq!(connection.get("/busy").text(), "busy");
                    // Some hundred requests in a second: more than that the hooks take to be set.
                    thread::sleep(Duration::from_millis(3));
                }
            });
            (port, asking)
        })
        .collect();
    let agent = Agent::trace_pid(nginx.pid());
    let is_seen = |spans: &[Span], port: i64| {
        spans.iter().any(|span| span.int("network.peer.port") == Some(port))
    };
    agent.wait_for("spans of every connection", |spans| {
        clients.iter().all(|(port, _)| is_seen(spans, *port))
    });
    over.store(true, Ordering::Relaxed);
    clients.into_iter().for_each(|(_, asking)| asking.join().expect("a client"));
    assert!(agent.finish().successful().spans.iter().all(|span| span.path() == Some("/busy")));
}
