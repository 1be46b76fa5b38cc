//! Connections that a proxy passes on with a header of the PROXY protocol.

use onlooker_e2e::http::Connection;
use onlooker_e2e::servers::Nginx;
use onlooker_e2e::{Agent, free_port, skipped};

/// nginx tells who it takes for the client.
#[test]
fn requests_behind_the_header_are_the_clients() {
    if skipped() {
        return;
    }
    let port = free_port();
    let server = format!(
        "server {{ listen 127.0.0.1:{port} proxy_protocol; \
         location / {{ return 200 $proxy_protocol_addr; }} }}"
    );
    let nginx = Nginx::start_with(&server, "", 1);
    let agent = Agent::trace_pid(nginx.pid());
    let mut line = Connection::to(port);
    line.send(
        "PROXY TCP4 192.0.2.7 198.51.100.2 56324 443\r\nGET /line HTTP/1.1\r\nHost: h\r\n\r\n",
    );
    assert_eq!(line.response().text(), "192.0.2.7");
    assert_eq!(line.get("/second").text(), "192.0.2.7");
    let mut binary = Connection::to(port);
    // Version 2, PROXY, TCP over IPv6, 36 bytes: two addresses and two ports.
    binary.send(b"\r\n\r\n\0\r\nQUIT\n\x21\x21\0\x24");
    binary
        .send([&[0x20, 1, 0xd, 0xb8][..], &[0; 11], &[9], &[0; 16], &[0xdc, 4, 1, 0xbb]].concat());
    binary.send("GET /binary HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_eq!(binary.response().text(), "2001:db8::9");
    agent.wait_for("the requests", |spans| spans.len() == 3);
    let spans = agent.finish().successful().spans;
    for (path, client) in
        [("/line", "192.0.2.7"), ("/second", "192.0.2.7"), ("/binary", "2001:db8::9")]
    {
        let span = spans.iter().find(|span| span.path() == Some(path)).expect("a span");
        assert!(span.is_server());
        assert_eq!(span.int("http.response.status_code"), Some(200));
        assert_eq!(span.text("client.address"), Some(client));
        assert_eq!(span.text("network.peer.address"), Some("127.0.0.1"));
    }
}
