//! Threads that are woken by a byte on a socketpair(2), as kafka-python and asyncio do it, or on a
//! TCP connection of the process with itself, as pika does it.

use std::sync::Arc;

use onlooker_common::event::{
    Data, Header, Kind, Place, Socket, call, direction, role, role_evidence,
};
use onlooker_common::view::Record;
use onlooker_pipeline::process::{Handlers, Processes};
use onlooker_pipeline::span::Resource;
use onlooker_pipeline::{Pipeline, PipelineOptions};

const AF_UNIX: u16 = 1;
const AF_INET: u16 = 2;
const SECOND: u64 = 1_000_000_000;

struct OneService;

impl Processes for OneService {
    fn resource(&mut self, _process: u32) -> Arc<Resource> {
        Arc::default()
    }

    fn handlers(&mut self, _process: u32) -> Handlers {
        Handlers::Unknown
    }
}

fn header(kind: Kind, captured: usize, time: u64) -> Header {
    Header { kind: kind as u32, tgid: 1, tid: 1, captured: captured as u32, time }
}

fn socket(number: u32, family: u16, role: u8, role_evidence: u8) -> Socket {
    Socket {
        header: header(Kind::Socket, 0, 1),
        socket: number.into(),
        peer_inode: 0,
        opener_flags: 0,
        inode: number,
        netns: 1,
        sent_base: 0,
        received_base: 0,
        family,
        protocol: if family == AF_INET { 6 } else { 0 },
        local_port: 40_000,
        remote_port: 80,
        local: [0; 16],
        remote: [0; 16],
        role,
        role_evidence,
        path_length: 0,
        path: [0; 108],
        cause: Place::default(),
        resumed: Place::default(),
        opener: 0,
    }
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
    let mut pipeline = Pipeline::new(OneService, PipelineOptions { seed: 1, epoch: 1 });
    let call = socket(8, AF_INET, role::CLIENT, role_evidence::CONNECT);
    let reads_at = u64::from(sockets[sockets.len() - 1].received_base);
    for &of in sockets.iter().chain([&call]) {
        pipeline.feed(Some(Record::Socket(of)));
    }
    let mut passes = |number: u32, towards, position: u64, cause, bytes: &[u8], time| {
        let place =
            Place { socket: number.into(), position, inode: number, length: bytes.len() as u32 };
        let data = Data {
            header: header(Kind::Data, bytes.len(), time),
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
