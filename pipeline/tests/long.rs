//! A service that makes a call and answers its own caller long after.

mod support;

use onlooker_common::event::{
    Data, Header, Kind, Place, Socket, SocketEnd, direction, role, role_evidence,
};
use onlooker_common::view::Record;
use onlooker_pipeline::Pipeline;
use onlooker_pipeline::span::{Evidence, Span};
use support::{AF_INET, OneService};

const SECOND: u64 = 1_000_000_000;
/// The socket of who asks, and the one that the service asks on, each with its inode.
const ASKED_ON: (u64, u32) = (0x1000, 7);
const ASKS_ON: (u64, u32) = (0x2000, 8);
const REQUEST: &str = "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// The service's one thread.
struct Thread {
    pipeline: Pipeline<OneService>,
    time: u64,
    cause: Place,
}

impl Thread {
    fn new() -> Self {
        let mut thread =
            Self { pipeline: support::pipeline(0), time: SECOND, cause: Place::default() };
        thread.opens(ASKED_ON, role::SERVER, role_evidence::LISTENER);
        thread.opens(ASKS_ON, role::CLIENT, role_evidence::CONNECT);
        thread
    }

    fn header(&self, kind: Kind, captured: u32) -> Header {
        support::header(kind, captured, self.time)
    }

    fn opens(&mut self, (socket, inode): (u64, u32), role: u8, role_evidence: u8) {
        self.pipeline.feed(Some(Record::Socket(Socket {
            header: self.header(Kind::Socket, 0),
            sent_base: inode,
            received_base: inode,
            ..support::socket(AF_INET, socket, inode, role, role_evidence)
        })));
    }

    fn moves(&mut self, (socket, inode): (u64, u32), direction: u8, bytes: &str) {
        self.time += 1_000;
        let length = bytes.len() as u32;
        // The kernel counts an opener's SYN as a byte.
        let opener = socket == ASKS_ON.0 && direction == direction::OUT;
        let position = u64::from(inode + u32::from(opener));
        let place = Place { socket, position, inode, length };
        let data = Data {
            header: self.header(Kind::Data, length),
            start: self.time - 500,
            place,
            direction,
            task: 1,
            cause: self.cause,
            ..Data::default()
        };
        self.pipeline.feed(Some(Record::Data(data, bytes.as_bytes())));
        if socket == ASKED_ON.0 && direction == direction::IN {
            self.cause = place;
        }
    }

    /// Is asked, asks, and has an answer.
    fn calls(&mut self) {
        self.moves(ASKED_ON, direction::IN, REQUEST);
        self.moves(ASKS_ON, direction::OUT, REQUEST);
        self.moves(ASKS_ON, direction::IN, OK);
    }

    fn waits(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.time += SECOND;
            self.pipeline.tick(self.time);
        }
    }

    fn spans(&mut self) -> Vec<Span> {
        self.pipeline.take_spans()
    }
}

#[test]
fn a_call_has_its_parent_however_long_that_takes() {
    let mut thread = Thread::new();
    thread.calls();
    thread.waits(9 * 60);
    assert!(thread.spans().is_empty());
    thread.moves(ASKED_ON, direction::OUT, OK);
    thread.waits(1);
    let spans = thread.spans();
    let [server, client] = &spans[..] else { panic!("{spans:?}") };
    assert_eq!((client.parent, client.evidence), (Some(server.span_id), Some(Evidence::SameTask)));
    assert_eq!(thread.pipeline.links().cause_missing, 0);
}

#[test]
fn a_caller_that_goes_away_ends_the_request_and_the_wait() {
    let mut thread = Thread::new();
    thread.calls();
    thread.waits(2 * 60);
    let (socket, inode) = ASKED_ON;
    let header = thread.header(Kind::SocketEnd, 0);
    thread.pipeline.feed(Some(Record::SocketEnd(SocketEnd { header, socket, inode, error: 104 })));
    thread.waits(1);
    let spans = thread.spans();
    let [server, client] = &spans[..] else { panic!("{spans:?}") };
    assert_eq!((client.parent, client.evidence), (Some(server.span_id), Some(Evidence::SameTask)));
}

#[test]
fn what_is_open_for_longer_than_is_waited_is_told() {
    let mut thread = Thread::new();
    thread.calls();
    thread.waits(11 * 60);
    let spans = thread.spans();
    let [client] = &spans[..] else { panic!("{spans:?}") };
    assert_eq!(client.parent, None);
    assert_eq!(thread.pipeline.links().cause_missing, 1);
    assert_eq!(thread.pipeline.waiting(), 0);
}
