//! Connections from their first byte on, as the kernel programs tell of an accepted socket.

mod support;

use onlooker_common::event::{Data, Kind, Place, Socket, call, direction, role, role_evidence};
use onlooker_common::view::Record;
use onlooker_pipeline::Pipeline;
use support::{AF_INET, OneService, header};

const SOCKET: u64 = 0x1000;
const INODE: u32 = 7;
/// Sequence numbers of the first bytes; the server's wraps on the way.
const CLIENT_BASE: u32 = 1_000;
const SERVER_BASE: u32 = u32::MAX - 100;
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// The server's end of a TCP connection whose accept is not told of: its first call tells.
struct Server {
    pipeline: Pipeline<OneService>,
    /// Bytes received and sent.
    passed: [u32; 2],
    time: u64,
}

impl Server {
    fn new(older: bool) -> Self {
        let mut pipeline = support::pipeline(1);
        pipeline.add_older_sockets(older.then_some(INODE));
        pipeline.feed(Some(Record::Socket(Socket {
            sent_base: SERVER_BASE,
            received_base: CLIENT_BASE,
            ..support::socket(AF_INET, SOCKET, INODE, role::SERVER, role_evidence::LISTENER)
        })));
        Self { pipeline, passed: [0; 2], time: 1_000 }
    }

    fn receives(&mut self, bytes: &str) {
        self.call(direction::IN, bytes);
    }

    fn sends(&mut self, bytes: &str) {
        self.call(direction::OUT, bytes);
    }

    /// Bytes that are sent and of which no record comes.
    fn sends_unseen(&mut self, bytes: &str) {
        self.passed[usize::from(direction::OUT)] += bytes.len() as u32;
    }

    fn call(&mut self, towards: u8, bytes: &str) {
        self.time += 1_000;
        let passed = &mut self.passed[usize::from(towards)];
        let out = towards == direction::OUT;
        let base = if out { SERVER_BASE } else { CLIENT_BASE };
        let length = bytes.len() as u32;
        let position = u64::from(base.wrapping_add(*passed));
        *passed += length;
        let data = Data {
            header: header(Kind::Data, length, self.time),
            start: self.time - 500,
            place: Place { socket: SOCKET, position, inode: INODE, length },
            direction: towards,
            call: if out { call::WRITEV } else { call::RECVFROM },
            task: 1,
            ..Data::default()
        };
        self.pipeline.feed(Some(Record::Data(data, bytes.as_bytes())));
    }

    /// Spans made, and messages lost.
    fn finish(mut self) -> (usize, u64) {
        self.pipeline.finish();
        (self.pipeline.take_spans().len(), self.pipeline.counters().lost)
    }
}

/// RFC 9112 §9.3.2: responses come in the order of the requests.
fn burst() -> String {
    (0..20).map(|n| format!("GET /{n} HTTP/1.1\r\nHost: a\r\n\r\n")).collect()
}

/// Nothing is added to a time that has no room: found by the fuzz target `events`.
#[test]
fn times_at_the_end_of_their_range_do_no_harm() {
    let mut server = Server::new(false);
    server.time = u64::MAX - 3_000;
    server.receives("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    server.sends(OK);
    assert_eq!(server.finish(), (1, 0));
}

#[test]
fn a_burst_that_opens_an_accepted_connection_is_a_span_each() {
    let mut server = Server::new(false);
    server.receives(&burst());
    (0..20).for_each(|_| server.sends(OK));
    assert_eq!(server.finish(), (20, 0));
}

#[test]
fn a_burst_that_is_answered_at_once_is_a_span_each() {
    let mut server = Server::new(false);
    server.receives(&burst());
    server.sends(&OK.repeat(20));
    assert_eq!(server.finish(), (20, 0));
}

/// The first response of the burst is missing: the second must not be taken for it.
#[test]
fn a_response_that_is_missing_at_the_start_shifts_no_pair() {
    let mut server = Server::new(false);
    server.receives(&burst());
    server.sends_unseen(OK);
    (1..20).for_each(|_| server.sends(OK));
    assert_eq!(server.finish().0, 0);
}

/// The server may have spoken before the agent came.
#[test]
fn a_burst_on_an_older_connection_is_in_doubt() {
    let mut server = Server::new(true);
    server.receives(&burst());
    (0..20).for_each(|_| server.sends(OK));
    assert_eq!(server.finish().0, 0);
}

/// A process that was not watched when it opened the socket is looked at when it has become a target.
#[test]
fn a_connection_may_turn_out_to_be_older() {
    let mut server = Server::new(false);
    server.pipeline.add_older_sockets([INODE]);
    server.receives(&burst());
    (0..20).for_each(|_| server.sends(OK));
    assert_eq!(server.finish().0, 0);
}

/// An event file can say any time; a fuzzer did.
#[test]
fn the_last_time_that_there_is_overflows_nothing() {
    let mut server = Server::new(false);
    server.receives("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    server.pipeline.tick(u64::MAX);
    server.sends(OK);
    assert_eq!(server.finish().0, 1);
}

/// A server's exchange waits for its other end only where that may still appear.
#[test]
fn a_connection_whose_client_is_not_watched_delays_nothing() {
    const SECOND: u64 = 1_000_000_000;
    let mut server = Server::new(false);
    let mut asked = |time| {
        server.time = time;
        server.receives("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        server.sends(OK);
        server.pipeline.spans_done()
    };
    assert_eq!(asked(SECOND), 0, "the client may have been watched");
    assert_eq!(asked(3 * SECOND), 1, "it would be known by now");
}

/// RFC 6455 §4.2.2: what follows the 101 are WebSocket's frames, which are not read.
#[test]
fn a_connection_that_goes_on_with_what_is_not_read_is_counted() {
    let mut server = Server::new(false);
    server.receives(
        "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    );
    server.sends(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    );
    server.receives("\u{1}\u{2}hi");
    server.pipeline.finish();
    assert_eq!(server.pipeline.take_spans().len(), 1);
    let counters = server.pipeline.counters();
    assert_eq!((counters.left_alone, counters.unknown, counters.encrypted), (1, 0, 0));
}
