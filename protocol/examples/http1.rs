//! How fast HTTP/1 is read: `cargo run --release -p onlooker-protocol --example http1`.
//!
//! Reads small exchanges on one keep-alive connection and prints nanoseconds an exchange.

use std::hint::black_box;
use std::time::Instant;

use onlooker_protocol::http1::Http1;
use onlooker_protocol::{Chunk, Dissector, Moment, Output, Side};

const REQUEST: &[u8] = b"GET /api/v1/orders/4711?page=2 HTTP/1.1\r\n\
    Host: shop.example:8080\r\nUser-Agent: python-requests/2.31.0\r\n\
    Accept-Encoding: gzip, deflate\r\nAccept: */*\r\nConnection: keep-alive\r\n\
    traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n\r\n";
const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\n\
    Date: Mon, 01 Jan 2024 00:00:00 GMT\r\nContent-Type: application/json\r\n\
    Content-Length: 27\r\nConnection: keep-alive\r\n\r\n{\"id\":4711,\"state\":\"paid\"}\r\n";
const EXCHANGES: u64 = 1_000_000;

fn main() {
    let mut dissector = Http1::new(true);
    let mut out = Output::default();
    let (mut client, mut server) = (0, 0);
    let started = Instant::now();
    for n in 0..EXCHANGES {
        let at = |position| Moment { position, start: 2 * n, end: 2 * n + 1, ..Moment::default() };
        dissector.feed(&Chunk::new(Side::Client, at(client), REQUEST), &mut out);
        dissector.feed(&Chunk::new(Side::Server, at(server), RESPONSE), &mut out);
        client += REQUEST.len() as u64;
        server += RESPONSE.len() as u64;
        assert_eq!(black_box(&out.exchanges).len(), 1);
        out.exchanges.clear();
    }
    let spent = started.elapsed();
    let bytes = (client + server) as f64;
    println!(
        "{:.0} ns an exchange, {:.0} MB/s",
        spent.as_nanos() as f64 / EXCHANGES as f64,
        bytes / spent.as_secs_f64() / 1e6
    );
}
