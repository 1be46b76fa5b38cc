//! The connection changes hands.

use super::talk::{Talk, facts};
use crate::dissector::{Ending, Handover};
use crate::exchange::Facts;
use crate::grpc::Status;

#[test]
fn a_tunnel_begins_behind_both_heads() {
    let mut talk = Talk::new();
    talk.client("CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n");
    talk.server("HTTP/1.1 200 Connection established\r\nContent-Length: 9\r\n\r\n");
    assert_eq!(talk.told(), ["CONNECT  200"]);
    assert_eq!(talk.handover, Some(Handover::Detect { client: 39, server: 58 }));
}

#[test]
fn bytes_sent_early_into_a_tunnel_belong_to_it() {
    let mut talk = Talk::new();
    talk.client("CONNECT h:443 HTTP/1.1\r\n\r\n\x16\x03\x01");
    talk.server("HTTP/1.1 200 OK\r\n\r\n");
    assert_eq!(talk.handover, Some(Handover::Detect { client: 26, server: 19 }));
}

#[test]
fn a_tunnel_refused_leaves_http() {
    let mut talk = Talk::new();
    talk.client("CONNECT h:443 HTTP/1.1\r\n\r\nGET /in HTTP/1.1\r\n\r\n");
    talk.server("HTTP/1.1 407 Auth\r\nContent-Length: 0\r\n\r\n");
    talk.server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(talk.told(), ["CONNECT  407", "GET /in 200"]);
    assert_eq!(talk.handover, None);
}

#[test]
fn a_websocket() {
    let mut talk = Talk::new();
    talk.client(
        "GET /chat HTTP/1.1\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n\r\n",
    );
    talk.server(
        "HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n\x01\x05",
    );
    assert_eq!(talk.told(), ["GET /chat 101"]);
    assert_eq!(talk.handover, Some(Handover::Opaque("websocket")));
    assert_eq!(facts(&talk.exchanges[0]).upgrade.as_deref(), Some("websocket"));
}

#[test]
fn an_upgrade_to_http_2() {
    let mut talk = Talk::new();
    talk.client("POST / HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nContent-Length: 2\r\n\r\nab");
    talk.server("HTTP/1.1 101 S\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n\0\0\0\x04");
    assert_eq!(talk.handover, Some(Handover::Http2 { client: 91, server: 53 }));
}

#[test]
fn an_upgrade_refused_leaves_http() {
    let mut talk = Talk::new();
    talk.client("GET /1 HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n");
    talk.server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    talk.client("GET /2 HTTP/1.1\r\n\r\n").server("HTTP/1.1 204 N\r\n\r\n");
    assert_eq!(talk.told(), ["GET /1 200", "GET /2 204"]);
    assert_eq!(talk.handover, None);
}

/// PROTOCOL-WEB.md: the trailers are the last message of the body, marked by the highest bit.
#[test]
fn a_grpc_web_call() {
    let mut talk = Talk::new();
    talk.client("POST /shop.Cart/Add HTTP/1.1\r\nHost: h\r\nContent-Type: application/grpc-web+proto\r\nContent-Length: 7\r\n\r\n\0\0\0\0\x02hi");
    talk.server(b"HTTP/1.1 200 OK\r\nContent-Type: application/grpc-web+proto\r\nTransfer-Encoding: chunked\r\n\r\n7\r\n\0\0\0\0\x02yo\r\n");
    talk.server(b"15\r\n\x80\0\0\0\x10grpc-status: 5\r\n\r\n0\r\n\r\n");
    let Facts::Grpc(call) = &talk.exchanges[0].facts else { panic!("{:?}", talk.exchanges) };
    assert_eq!(call.method(), Some("shop.Cart/Add"));
    assert_eq!(call.status, Some(Status::NotFound));
    assert_eq!((call.sent, call.received), (1, 1));

    // Without its response it is a call all the same.
    let mut talk = Talk::new();
    talk.client("POST /shop.Cart/Add HTTP/1.1\r\nContent-Type: application/grpc-web\r\nContent-Length: 0\r\n\r\n");
    talk.closed(Ending::Reset);
    assert!(matches!(talk.exchanges[0].facts, Facts::Grpc(_)));
}
