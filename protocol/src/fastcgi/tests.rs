//! Expectations are from the FastCGI specification 1.0 and RFC 3875.

use super::dissector::FastCgi;
use super::{PROTOCOL, detect};
use crate::chunk::{Chunk, Moment, Side};
use crate::detect::{Evidence, Opening};
use crate::dissector::{Dissector, Ending, Handover, Output};
use crate::exchange::{Exchange, Facts, Outcome};
use crate::http::{HttpFacts, Method, Scheme};

struct Wire {
    dissector: FastCgi,
    out: Output,
    clock: u64,
    positions: [u64; 2],
}

impl Wire {
    fn new(from_start: bool) -> Self {
        let dissector = FastCgi::new(from_start);
        Self { dissector, out: Output::default(), clock: 0, positions: [0; 2] }
    }

    fn feed(&mut self, side: Side, bytes: &[u8], missing: u64) -> &mut Self {
        self.clock += 10;
        let position = &mut self.positions[side as usize];
        let first = Moment {
            position: *position,
            start: self.clock,
            end: self.clock + 1,
            ..Moment::default()
        };
        *position += bytes.len() as u64 + missing;
        let chunk = Chunk { side, first, bytes, missing, datagram: false };
        self.dissector.feed(&chunk, &mut self.out);
        self
    }

    fn client(&mut self, records: &[Vec<u8>]) -> &mut Self {
        self.feed(Side::Client, &records.concat(), 0)
    }

    fn server(&mut self, records: &[Vec<u8>]) -> &mut Self {
        self.feed(Side::Server, &records.concat(), 0)
    }

    fn close(&mut self, ending: Ending) -> &mut Self {
        self.dissector.closed(ending, Moment::default(), &mut self.out);
        self
    }

    fn only(&self) -> (&Exchange, &HttpFacts) {
        assert_eq!(self.out.exchanges.len(), 1, "{:?}", self.out);
        (&self.out.exchanges[0], facts(&self.out.exchanges[0]))
    }
}

fn facts(exchange: &Exchange) -> &HttpFacts {
    match &exchange.facts {
        Facts::Http(facts) => facts,
        other => panic!("{other:?}"),
    }
}

fn record(kind: u8, id: u16, content: &[u8]) -> Vec<u8> {
    let padding = (8 - content.len() % 8) % 8;
    let mut record = vec![1, kind];
    record.extend(id.to_be_bytes());
    record.extend((content.len() as u16).to_be_bytes());
    record.extend([padding as u8, 0]);
    record.extend(content);
    record.extend(vec![0xaa; padding]);
    record
}

fn begin(id: u16, keep: bool) -> Vec<u8> {
    record(1, id, &[0, 1, keep.into(), 0, 0, 0, 0, 0])
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, value) in pairs {
        for text in [name, value] {
            match text.len() {
                short @ ..128 => bytes.push(short as u8),
                long => bytes.extend((long as u32 | 1 << 31).to_be_bytes()),
            }
        }
        bytes.extend(name.bytes().chain(value.bytes()));
    }
    bytes
}

fn params(id: u16, path: &str) -> Vec<u8> {
    let pairs = pairs(&[("REQUEST_METHOD", "GET"), ("REQUEST_URI", path)]);
    [record(4, id, &pairs), record(4, id, b"")].concat()
}

fn end(id: u16, status: u8) -> Vec<u8> {
    record(3, id, &[0, 0, 0, 0, status, b's', b'u', b'c'])
}

#[test]
fn a_request_says_what_cgi_says() {
    let long = "x".repeat(300);
    let all = pairs(&[
        ("SCRIPT_FILENAME", "/srv/index.php"),
        ("HTTP_COOKIE", &long),
        ("REQUEST_METHOD", "POST"),
        ("REQUEST_URI", "/cart?item=1"),
        ("REQUEST_SCHEME", "https"),
        ("HTTP_HOST", "shop.example"),
        ("HTTP_USER_AGENT", "curl/8"),
        ("HTTP_TRACEPARENT", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ("REMOTE_ADDR", "192.0.2.7"),
    ]);
    // Pairs may be split over records anywhere (§3.3).
    for cut in 0..all.len() {
        let (one, two) = all.split_at(cut);
        let mut wire = Wire::new(true);
        let mut records = vec![begin(1, false)];
        records.extend([one, two].iter().filter(|part| !part.is_empty()).map(|p| record(4, 1, p)));
        records.extend([record(4, 1, b""), record(5, 1, b"body"), record(5, 1, b"")]);
        wire.client(&records);
        wire.server(&[record(6, 1, b"Status: 201 Created\r\nX: y\r\n\r\nbody"), record(6, 1, b"")]);
        wire.server(&[end(1, 0)]);
        let (exchange, facts) = wire.only();
        assert_eq!(facts.method, Some(Method::Post));
        assert_eq!(
            (facts.path.as_deref(), facts.query.as_deref()),
            (Some("/cart"), Some("item=1"))
        );
        assert_eq!(facts.scheme, Some(Scheme::Https));
        assert_eq!(facts.host.as_deref(), Some("shop.example"));
        assert_eq!(facts.user_agent.as_deref(), Some("curl/8"));
        assert_eq!(facts.forwarded.as_ref().and_then(|told| told.client()), Some("192.0.2.7"));
        assert_eq!((facts.status, facts.carrier), (Some(201), Some("fastcgi")));
        assert_eq!(exchange.context.as_ref().map(|context| context.span_id[7]), Some(0x31));
        assert_eq!(exchange.outcome, Outcome::Complete);
        assert_eq!(exchange.request.last.position, wire.positions[0] - 1);
        assert_eq!(exchange.response.map(|r| r.last.position), Some(wire.positions[1] - 1));
        assert_eq!((wire.out.lost, wire.out.not_understood), (0, 0));
    }
}

#[test]
fn the_status_is_that_of_cgi() {
    for (output, status) in [
        (&b"Content-Type: text/html\n\nhi"[..], 200),
        (b"status: 404 Not Found\r\n\r\n", 404),
        (b"Location: https://example.org/\r\n\r\n", 302),
        (b"Location: /local\r\n\r\n", 200),
        (b"\r\nno head", 200),
    ] {
        // In pieces of one byte, each a record.
        let mut wire = Wire::new(true);
        wire.client(&[begin(7, true), params(7, "/"), record(5, 7, b"")]);
        for byte in output {
            wire.server(&[record(6, 7, &[*byte])]);
        }
        wire.server(&[end(7, 0)]);
        assert_eq!(wire.only().1.status, Some(status), "{}", String::from_utf8_lossy(output));
    }
}

#[test]
fn requests_of_one_connection_are_told_apart_by_id() {
    let mut wire = Wire::new(true);
    wire.client(&[begin(1, true), begin(2, true), params(2, "/two"), params(1, "/one")]);
    wire.client(&[record(5, 1, b""), record(5, 2, b"")]);
    wire.server(&[record(6, 2, b"Status: 500 x\n\n"), record(7, 1, b"PHP Warning: ...")]);
    wire.server(&[end(2, 0), record(6, 1, b"\n\n"), end(1, 0)]);
    let seen: Vec<_> = wire.out.exchanges.iter().map(facts).collect();
    assert_eq!((seen[0].path.as_deref(), seen[0].status), (Some("/two"), Some(500)));
    assert_eq!((seen[1].path.as_deref(), seen[1].status), (Some("/one"), Some(200)));
}

#[test]
fn refusals_and_aborts() {
    let mut wire = Wire::new(true);
    wire.client(&[begin(1, true), params(1, "/"), record(5, 1, b"")]).server(&[end(1, 2)]);
    assert_eq!(wire.only().1.error.as_deref(), Some("FCGI_OVERLOADED"));
    assert_eq!(wire.only().1.status, None);

    let mut wire = Wire::new(true);
    wire.client(&[begin(1, true), params(1, "/")]).client(&[record(2, 1, b"")]);
    wire.server(&[end(1, 0)]);
    assert_eq!(wire.only().0.outcome, Outcome::Cancelled);

    let mut wire = Wire::new(true);
    wire.client(&[begin(1, false), params(1, "/")]).close(Ending::Reset);
    assert_eq!(wire.only().0.outcome, Outcome::Aborted(Ending::Reset));
}

#[test]
fn management_is_no_request() {
    let mut wire = Wire::new(true);
    wire.client(&[record(9, 0, b"\x0e\x00FCGI_MAX_CONNS")]);
    wire.server(&[record(10, 0, b"\x0e\x01FCGI_MAX_CONNS1")]);
    wire.client(&[begin(1, true), params(1, "/"), record(5, 1, b"")]);
    wire.server(&[record(6, 1, b"\n"), end(1, 0)]);
    assert_eq!(wire.only().1.status, Some(200));
    assert_eq!(wire.out.not_understood, 0);
}

#[test]
fn without_a_uri_the_path_is_that_of_the_script() {
    let mut wire = Wire::new(true);
    let all = pairs(&[
        ("REQUEST_METHOD", "GET"),
        ("SCRIPT_NAME", "/app.php"),
        ("PATH_INFO", "/users/7"),
        ("QUERY_STRING", "a=b"),
        ("SERVER_NAME", "example.org"),
        ("SERVER_PORT", "8080"),
    ]);
    wire.client(&[begin(1, true), record(4, 1, &all), record(4, 1, b""), record(5, 1, b"")]);
    wire.server(&[record(6, 1, b"\n"), end(1, 0)]);
    let facts = wire.only().1;
    assert_eq!(facts.path.as_deref(), Some("/app.php/users/7"));
    assert_eq!(facts.query.as_deref(), Some("a=b"));
    assert_eq!(facts.authority.as_deref(), Some("example.org:8080"));
}

#[test]
fn a_large_response_that_was_cut_ends_with_its_last_record() {
    let body = vec![b'x'; 60_000];
    let head = [b"Status: 200 OK\r\n\r\n", &body[..]].concat();
    let stdout = record(6, 1, &head);
    let mut wire = Wire::new(true);
    wire.client(&[begin(1, true), params(1, "/big"), record(5, 1, b"")]);
    // Two records and a part of a third, of which the first 100 bytes were captured.
    wire.feed(Side::Server, &stdout[..100], stdout.len() as u64 * 2);
    wire.server(&[vec![b'x'; 50], end(1, 0)]);
    assert_eq!(wire.only().0.outcome, Outcome::Complete);
    assert_eq!(wire.only().1.status, Some(200));

    // The end was lost as well: the next request of the id tells.
    let mut wire = Wire::new(true);
    wire.client(&[begin(1, true), params(1, "/big"), record(5, 1, b"")]);
    wire.feed(Side::Server, &stdout[..100], stdout.len() as u64 * 2);
    wire.client(&[begin(1, true), params(1, "/next"), record(5, 1, b"")]);
    assert_eq!(wire.only().0.outcome, Outcome::Inferred);
    wire.server(&[record(6, 1, b"Status: 404 x\n\n"), end(1, 0)]);
    assert_eq!(facts(&wire.out.exchanges[1]).status, Some(404));
    assert_eq!(facts(&wire.out.exchanges[1]).path.as_deref(), Some("/next"));
}

#[test]
fn an_uploaded_body_may_be_lost() {
    let mut wire = Wire::new(true);
    let start = [begin(1, true), params(1, "/upload"), record(5, 1, &[7; 1000])].concat();
    wire.feed(Side::Client, &start, 100_000).server(&[record(6, 1, b"\n"), end(1, 0)]);
    assert_eq!(wire.only().1.path.as_deref(), Some("/upload"));
    wire.client(&[begin(1, true), params(1, "/next"), record(5, 1, b"")]);
    wire.server(&[record(6, 1, b"\n"), end(1, 0)]);
    assert_eq!(wire.out.exchanges.len(), 2);
}

#[test]
fn footing_is_found_at_a_request() {
    let mut wire = Wire::new(false);
    wire.client(&[vec![9; 30]]).server(&[vec![7; 40], end(1, 0)]);
    wire.client(&[begin(1, true), params(1, "/a"), record(5, 1, b"")]);
    wire.server(&[record(6, 1, b"\n"), end(1, 0)]);
    assert_eq!(wire.only().1.path.as_deref(), Some("/a"));
}

#[test]
fn other_bytes_are_handed_back() {
    let mut wire = Wire::new(true);
    wire.client(&[vec![2; 30]]).server(&[vec![7; 40]]);
    assert_eq!(wire.out.handover, Some(Handover::NotMine));
}

#[test]
fn detection_wants_a_whole_begin_request() {
    let judge = |client: &[u8], server: &[u8]| {
        (PROTOCOL.detect)(&Opening {
            client,
            server,
            client_from_start: true,
            server_from_start: true,
            ..Opening::default()
        })
    };
    let request = [begin(1, true), params(1, "/")].concat();
    assert_eq!(judge(&request, b""), Evidence::Certain);
    assert_eq!(judge(&request[..16], b""), Evidence::Likely);
    assert_eq!(judge(&request[..16], &end(1, 0)), Evidence::Certain);
    assert_eq!(judge(&request[..15], b""), Evidence::NeedMore);
    assert_eq!(judge(&request[..16], b"HTTP/1.1 200 OK"), Evidence::No);
    assert_eq!(judge(b"GET / HTTP/1.1\r\n\r\n", b""), Evidence::No);
    // DNS over TCP, RADIUS, TLS and others that begin with small numbers.
    assert_eq!(judge(b"\x01\x01\x00\x01\x00\x0c\x00\x00\x00\x01\x00\x00", b""), Evidence::No);
    assert_eq!(
        detect(&Opening {
            client: &request,
            server: b"",
            client_from_start: true,
            server_from_start: true,
            datagram: true,
            ..Opening::default()
        }),
        Evidence::No
    );
}
