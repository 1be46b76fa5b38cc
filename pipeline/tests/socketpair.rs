//! Threads that are woken by a byte on a socketpair(2), as kafka-python and asyncio do it, or on a
//! TCP connection of the process with itself, as pika does it.

mod support;

use onlooker_common::event::{Data, Kind, Place, Socket, call, direction, role, role_evidence};
use onlooker_common::view::Record;
use support::{AF_INET, header};

const AF_UNIX: u16 = 1;
const SECOND: u64 = 1_000_000_000;

fn socket(number: u32, family: u16, role: u8, role_evidence: u8) -> Socket {
    support::socket(family, number.into(), number, role, role_evidence)
}

#[test]
fn a_byte_on_a_socketpair_is_no_request_to_wait_for() {
    woken(&[socket(7, AF_UNIX, role::UNKNOWN, role_evidence::NONE)]);
}

#[test]
fn a_byte_from_the_process_itself_is_no_request_to_wait_for() {
    // The kernel counts an opener's SYN as a byte.
    woken(&[
        Socket { sent_base: 99, ..socket(6, AF_INET, role::CLIENT, role_evidence::CONNECT) },
        Socket { received_base: 100, ..socket(7, AF_INET, role::SERVER, role_evidence::LISTENER) },
    ]);
}

/// A thread reads a byte from socket 7, and then calls a service by socket 8.
fn woken(sockets: &[Socket]) {
    let mut pipeline = support::pipeline(1);
    let call = socket(8, AF_INET, role::CLIENT, role_evidence::CONNECT);
    let reads_at = u64::from(sockets[sockets.len() - 1].received_base);
    for &of in sockets.iter().chain([&call]) {
        pipeline.feed(Some(Record::Socket(of)));
    }
    let mut passes = |number: u32, towards, position: u64, cause, bytes: &[u8], time| {
        let place =
            Place { socket: number.into(), position, inode: number, length: bytes.len() as u32 };
        let data = Data {
            header: header(Kind::Data, bytes.len() as u32, time),
            start: time,
            place,
            direction: towards,
            call: if towards == direction::OUT { call::WRITEV } else { call::RECVFROM },
            task: 1,
            cause,
            ..Data::default()
        };
        pipeline.feed(Some(Record::Data(data, bytes)));
        place
    };
    let none = Place::default();
    let woken = passes(7, direction::IN, reads_at, none, b"x", SECOND);
    passes(8, direction::OUT, 1, woken, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", 2 * SECOND);
    passes(8, direction::IN, 0, woken, b"HTTP/1.1 204 No Content\r\n\r\n", 3 * SECOND);
    pipeline.tick(3 * SECOND + 1);
    let spans = pipeline.take_spans();
    assert_eq!(spans.len(), 1, "its span is there at once");
    assert_eq!(spans[0].parent, None);
}
