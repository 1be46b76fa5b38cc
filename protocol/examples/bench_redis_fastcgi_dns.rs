//! How fast the dissectors of Redis, FastCGI and DNS are on small exchanges.
//!
//! `cargo run --release -p onlooker-protocol --example bench_redis_fastcgi_dns`

use std::hint::black_box;
use std::sync::OnceLock;
use std::time::Instant;

use onlooker_protocol::detect::Protocol;
use onlooker_protocol::{Chunk, Moment, Output, Side, dns, fastcgi, redis};

/// Exchanges a run; the best of several runs counts.
const EXCHANGES: u64 = 200_000;
const RUNS: usize = 5;

/// Where there are no counters, the wall clock has to do.
static START: OnceLock<Instant> = OnceLock::new();

struct Case {
    name: &'static str,
    protocol: &'static Protocol,
    request: Vec<u8>,
    response: Vec<u8>,
    datagram: bool,
}

fn main() {
    let value = "v".repeat(1000);
    let cases = [
        case(
            "redis GET",
            &redis::PROTOCOL,
            b"*2\r\n$3\r\nGET\r\n$6\r\nuser:1\r\n",
            format!("$1000\r\n{value}\r\n").as_bytes(),
        ),
        case(
            "redis HSET, lower case",
            &redis::PROTOCOL,
            b"*4\r\n$4\r\nhset\r\n$4\r\ncart\r\n$5\r\napple\r\n$1\r\n3\r\n",
            b":1\r\n",
        ),
        case(
            "redis pipeline of 10",
            &redis::PROTOCOL,
            &b"*2\r\n$3\r\nGET\r\n$6\r\nuser:1\r\n".repeat(10),
            &b"$5\r\nvalue\r\n".repeat(10),
        ),
        case("fastcgi, nginx", &fastcgi::PROTOCOL, &fastcgi_request(), &fastcgi_response()),
        Case {
            datagram: true,
            ..case("dns A", &dns::PROTOCOL, &dns_message(false), &dns_message(true))
        },
    ];
    println!("{:<24} {:>14} {:>14} {:>10}", "", "ns/exchange", "exchanges/s", "MB/s");
    for case in &cases {
        let nanoseconds = (0..RUNS).map(|_| run(case)).min().unwrap_or(0);
        let per_exchange = nanoseconds as f64 / EXCHANGES as f64;
        let bytes = (case.request.len() + case.response.len()) as f64;
        println!(
            "{:<24} {per_exchange:>14.0} {:>14.0} {:>10.0}",
            case.name,
            1e9 / per_exchange,
            bytes * 1e3 / per_exchange,
        );
    }
}

fn case(name: &'static str, protocol: &'static Protocol, request: &[u8], response: &[u8]) -> Case {
    let (request, response) = (request.to_vec(), response.to_vec());
    Case { name, protocol, request, response, datagram: false }
}

/// Nanoseconds that this thread has had of a processor, as Linux counts them: other load on the
/// machine does not matter.
fn clock() -> u128 {
    let counters = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = counters.split(' ').next().and_then(|number| number.parse().ok());
    nanoseconds.unwrap_or_else(|| {
        let start = *START.get_or_init(Instant::now);
        start.elapsed().as_nanos()
    })
}

/// Nanoseconds for all exchanges on one connection.
fn run(case: &Case) -> u128 {
    let mut dissector = (case.protocol.dissector)(true);
    let mut out = Output::default();
    let mut seen = 0;
    let start = clock();
    for index in 0..EXCHANGES {
        for (side, bytes) in [(Side::Client, &case.request), (Side::Server, &case.response)] {
            let at = index * 1000 + side as u64 * 500;
            let position = index * bytes.len() as u64;
            let first = Moment { position, start: at, end: at + 100, ..Moment::default() };
            let chunk = Chunk { side, first, bytes, missing: 0, datagram: case.datagram };
            dissector.feed(&chunk, &mut out);
        }
        seen += black_box(&out.exchanges).len() as u64;
        out.exchanges.clear();
    }
    let elapsed = clock() - start;
    assert_eq!((seen, out.lost, out.not_understood), (EXCHANGES, 0, 0), "{}", case.name);
    elapsed
}

fn record(kind: u8, content: &[u8]) -> Vec<u8> {
    let length = (content.len() as u16).to_be_bytes();
    [&[1, kind, 0, 1, length[0], length[1], 0, 0], content].concat()
}

fn fastcgi_request() -> Vec<u8> {
    let pairs = [
        ("QUERY_STRING", "item=1"),
        ("REQUEST_METHOD", "GET"),
        ("CONTENT_TYPE", ""),
        ("CONTENT_LENGTH", ""),
        ("SCRIPT_NAME", "/cart"),
        ("REQUEST_URI", "/cart?item=1"),
        ("DOCUMENT_URI", "/cart"),
        ("DOCUMENT_ROOT", "/srv/shop"),
        ("SERVER_PROTOCOL", "HTTP/1.1"),
        ("REQUEST_SCHEME", "http"),
        ("GATEWAY_INTERFACE", "CGI/1.1"),
        ("SERVER_SOFTWARE", "nginx/1.22.1"),
        ("REMOTE_ADDR", "192.0.2.7"),
        ("REMOTE_PORT", "51234"),
        ("SERVER_ADDR", "192.0.2.1"),
        ("SERVER_PORT", "80"),
        ("SERVER_NAME", "shop.example"),
        ("SCRIPT_FILENAME", "/srv/shop/index.php"),
        ("HTTP_HOST", "shop.example"),
        ("HTTP_USER_AGENT", "curl/7.88.1"),
        ("HTTP_ACCEPT", "*/*"),
    ];
    let mut params = Vec::new();
    for (name, value) in pairs {
        params.extend([name.len() as u8, value.len() as u8]);
        params.extend(name.bytes().chain(value.bytes()));
    }
    let begin = record(1, &[0, 1, 1, 0, 0, 0, 0, 0]);
    [begin, record(4, &params), record(4, b""), record(5, b"")].concat()
}

fn fastcgi_response() -> Vec<u8> {
    let output = b"Content-type: text/html; charset=UTF-8\r\n\r\nhello";
    [record(6, output), record(3, &[0; 8])].concat()
}

fn dns_message(response: bool) -> Vec<u8> {
    let question = b"\x04shop\x07example\x00\x00\x01\x00\x01";
    if response {
        let record = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\xc0\x00\x02\x01";
        [&b"\x00\x07\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00"[..], question, record].concat()
    } else {
        [&b"\x00\x07\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"[..], question].concat()
    }
}
