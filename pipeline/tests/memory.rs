//! Connections by the thousand that use up what a single one may hold.

mod support;

use onlooker_common::event::{Data, Kind, Place, direction, role, role_evidence};
use onlooker_common::view::Record;
use onlooker_pipeline::Pipeline;
use onlooker_pipeline::span::{Span, Value};
use support::{AF_INET, OneService, header, socket};

const MEBIBYTE: usize = 1024 * 1024;

/// A service with many connections.
struct Service {
    pipeline: Pipeline<OneService>,
    time: u64,
    /// Of each connection: how many bytes it has received and sent.
    positions: Vec<[u64; 2]>,
}

impl Service {
    fn with(connections: u32) -> Self {
        let mut pipeline = support::pipeline(0);
        for number in 0..connections {
            let (address, inode) = (0x1000 + u64::from(number), number + 1);
            let mut socket = socket(AF_INET, address, inode, role::SERVER, role_evidence::LISTENER);
            (socket.sent_base, socket.received_base) = (number, number);
            pipeline.feed(Some(Record::Socket(socket)));
        }
        Self { pipeline, time: 1, positions: vec![[0; 2]; connections as usize] }
    }

    fn moves(&mut self, number: u32, direction: u8, bytes: &[u8]) {
        self.time += 1_000;
        let position =
            &mut self.positions[number as usize][usize::from(direction == direction::OUT)];
        for piece in bytes.chunks(16 * 1024) {
            let length = piece.len() as u32;
            let place = Place {
                socket: 0x1000 + u64::from(number),
                position: u64::from(number) + *position,
                inode: number + 1,
                length,
            };
            *position += u64::from(length);
            let header = header(Kind::Data, length, self.time);
            let data =
                Data { header, start: self.time, place, direction, task: 1, ..Data::default() };
            self.pipeline.feed(Some(Record::Data(data, piece)));
        }
    }
}

#[test]
fn heads_that_never_end_are_given_up_and_what_follows_is_read() {
    const CONNECTIONS: u32 = 1_200;
    let mut service = Service::with(CONNECTIONS);
    let mut head = b"GET /long HTTP/1.1\r\nHost: a\r\nX: ".to_vec();
    head.resize(60_000, b'x');
    let mut most = 0;
    for number in 0..CONNECTIONS {
        service.moves(number, direction::IN, &head);
        most = most.max(service.pipeline.held());
    }
    assert!(most < 48 * MEBIBYTE, "{} MiB", most / MEBIBYTE);
    let given_up = service.pipeline.counters().started_over;
    assert!((600..u64::from(CONNECTIONS)).contains(&given_up), "{given_up}");

    // All clients go on in the end.
    for number in 0..CONNECTIONS {
        service.moves(number, direction::IN, b"\r\n\r\n");
        service.moves(number, direction::OUT, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        service.moves(number, direction::IN, b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n");
        service.moves(number, direction::OUT, b"HTTP/1.1 204 No Content\r\n\r\n");
    }
    service.pipeline.tick(service.time + 1_000_000_000);
    service.pipeline.finish();
    let spans = service.pipeline.take_spans();
    let to = |path: &str| spans.iter().filter(|span| is_to(span, path)).count();
    assert_eq!(to("/next"), CONNECTIONS as usize);
    let lost = service.pipeline.counters().lost;
    assert!(
        to("/long") as u64 + lost >= u64::from(CONNECTIONS),
        "each is a span or counted: {lost}"
    );
}

/// Of a request of 120 bytes an HTTP/2 connection remembers a thousand.
#[test]
fn short_requests_that_are_never_answered_are_no_way_around_the_limit() {
    const CONNECTIONS: u32 = 40;
    let mut service = Service::with(CONNECTIONS);
    for number in 0..CONNECTIONS {
        service.moves(
            number,
            direction::IN,
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0",
        );
        service.moves(number, direction::OUT, b"\0\0\0\x04\0\0\0\0\0");
    }
    // GET, http, a path of 100 bytes as a literal, an authority of one (RFC 7541, appendix A).
    let block = [b"\x82\x86\x04\x64".as_slice(), &[b'/'; 100], b"\x01\x01a"].concat();
    let mut most = 0;
    for turn in 0..40 {
        let mut requests = Vec::new();
        for stream in turn * 50..turn * 50 + 50u32 {
            requests.extend([0, 0, block.len() as u8, 1, 5]);
            requests.extend((2 * stream + 1).to_be_bytes());
            requests.extend(&block);
        }
        for number in 0..CONNECTIONS {
            service.moves(number, direction::IN, &requests);
        }
        most = most.max(service.pipeline.held());
    }
    assert!((16 * MEBIBYTE..64 * MEBIBYTE).contains(&most), "{} MiB", most / MEBIBYTE);
    service.pipeline.finish();
    let counters = service.pipeline.counters();
    assert!(counters.started_over > 0 && counters.open > 40_000, "{counters:?}");
}

fn is_to(span: &Span, path: &str) -> bool {
    span.attributes.get("url.path") == Some(&Value::from(path.to_owned()))
}

#[test]
fn many_idle_connections_are_no_reason_to_give_any_up() {
    let mut service = Service::with(20_000);
    for number in 0..20_000 {
        service.moves(number, direction::IN, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        service.moves(number, direction::OUT, b"HTTP/1.1 204 No Content\r\n\r\n");
    }
    assert_eq!(service.pipeline.counters().started_over, 0, "{}", service.pipeline.held());
}
