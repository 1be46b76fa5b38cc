//! A thread of which something was lost, or that serves several at once: what it calls for then.

mod support;

use onlooker_common::event::{
    Data, Kind, Place, Socket, SocketEnd, call, direction, flag, role, role_evidence,
};
use onlooker_common::view::Record;
use onlooker_pipeline::Pipeline;
use onlooker_pipeline::span::{Evidence, Span};
use support::{AF_INET, OneService, header};

const IPPROTO_UDP: u16 = 17;
const MS: u64 = 1_000_000;
/// Sockets, with inodes of the same numbers.
const ASKED_ON: u32 = 7;
const ASKS_ON: u32 = 8;
const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// The service's one thread.
struct Thread {
    pipeline: Pipeline<OneService>,
    time: u64,
    flags: u16,
    cause: Place,
}

impl Thread {
    fn new(flags: u16) -> Self {
        let pipeline = support::pipeline(0);
        Self { pipeline, time: MS, flags, cause: Place::default() }
    }

    fn opens(&mut self, number: u32, role: u8, role_evidence: u8, protocol: u16) {
        self.pipeline.feed(Some(Record::Socket(Socket {
            header: header(Kind::Socket, 0, self.time),
            // The kernel counts an opener's SYN as a byte.
            sent_base: u32::from(role == role::SERVER),
            received_base: 1,
            protocol,
            opener: 1,
            opener_flags: self.flags.into(),
            cause: self.cause,
            resumed: self.cause,
            ..support::socket(AF_INET, number.into(), number, role, role_evidence)
        })));
    }

    /// Bytes pass; `position` counts from the first of the direction.
    fn moves(&mut self, number: u32, direction: u8, position: u64, flags: u16, bytes: &[u8]) {
        self.time += MS;
        let length = bytes.len() as u32;
        let base = u64::from(flags & flag::DATAGRAM == 0);
        let place =
            Place { socket: number.into(), position: base + position, inode: number, length };
        let data = Data {
            header: header(Kind::Data, length, self.time),
            start: self.time - 500,
            place,
            direction,
            call: if direction == direction::OUT { call::WRITEV } else { call::RECVFROM },
            task: 1,
            flags: self.flags | flags,
            cause: self.cause,
            resumed: self.cause,
            ..Data::default()
        };
        self.pipeline.feed(Some(Record::Data(data, bytes)));
        if number == ASKED_ON && direction == direction::IN {
            self.cause = place;
        }
    }

    /// The span of the call that [`ASKS_ON`] carried.
    fn call(mut self) -> (Span, Pipeline<OneService>) {
        self.pipeline.tick(self.time + 5_000 * MS);
        let spans = self.pipeline.take_spans();
        let is_call = |span: &&Span| span.kind == onlooker_pipeline::span::Kind::Client;
        let call = spans.iter().find(is_call).expect("the call").clone();
        (call, self.pipeline)
    }
}

/// An event loop is asked, opens a connection to ask for that, and asks something else by it when a timer is due.
fn of_a_timer(is_first_lost: bool) -> (Span, Pipeline<OneService>) {
    let mut thread = Thread::new(flag::POLLS);
    thread.opens(ASKED_ON, role::SERVER, role_evidence::LISTENER, 6);
    thread.moves(ASKED_ON, direction::IN, 0, 0, REQUEST);
    thread.opens(ASKS_ON, role::CLIENT, role_evidence::CONNECT, 6);
    // What the connection was opened for was said before.
    let (asked, answered) = if is_first_lost { (REQUEST.len(), OK.len()) } else { (0, 0) };
    thread.moves(ASKS_ON, direction::OUT, asked as u64, flag::WAITED, REQUEST);
    thread.moves(ASKS_ON, direction::IN, answered as u64, flag::WAITED, OK);
    thread.moves(ASKED_ON, direction::OUT, 0, 0, OK);
    thread.call()
}

#[test]
fn what_a_connection_is_used_for_first_it_was_opened_for() {
    let (call, _) = of_a_timer(false);
    assert_eq!(call.evidence, Some(Evidence::Segment));
}

#[test]
fn what_it_is_used_for_after_a_loss_is_something_else() {
    let (call, pipeline) = of_a_timer(true);
    assert_eq!(call.evidence, None);
    assert_eq!(pipeline.links().waited, 1);
}

/// A query for an address of this name (RFC 1035 §4.1), and the answer that there is none.
fn dns(id: u8, is_answer: bool) -> Vec<u8> {
    let flags = if is_answer { [0x81, 0x83] } else { [0x01, 0x00] };
    let mut message = vec![0, id];
    message.extend(flags);
    message.extend([0, 1, 0, 0, 0, 0, 0, 0, 4]);
    message.extend(b"shop\0\0\x01\0\x01");
    message
}

/// A server has one socket for all who ask it by datagrams.
fn of_a_name_server(is_one_after_the_other: bool) -> (Span, Pipeline<OneService>) {
    let mut thread = Thread::new(0);
    thread.opens(ASKED_ON, role::SERVER, role_evidence::NONE, IPPROTO_UDP);
    thread.opens(ASKS_ON, role::CLIENT, role_evidence::CONNECT, 6);
    let length = dns(1, false).len() as u64;
    let asks = |thread: &mut Thread, id: u8, position| {
        thread.moves(ASKED_ON, direction::IN, position, flag::DATAGRAM, &dns(id, false));
    };
    let answers = |thread: &mut Thread, id: u8, position| {
        thread.moves(ASKED_ON, direction::OUT, position, flag::DATAGRAM, &dns(id, true));
    };
    asks(&mut thread, 1, 0);
    if is_one_after_the_other {
        answers(&mut thread, 1, 0);
    }
    asks(&mut thread, 2, length);
    thread.moves(ASKS_ON, direction::OUT, 0, 0, REQUEST);
    thread.moves(ASKS_ON, direction::IN, 0, 0, OK);
    answers(&mut thread, 2, length);
    if !is_one_after_the_other {
        answers(&mut thread, 1, 2 * length);
    }
    thread.call()
}

#[test]
fn who_answers_one_datagram_after_the_other_calls_for_the_last() {
    let (call, _) = of_a_name_server(true);
    assert_eq!(call.evidence, Some(Evidence::SameTask));
}

#[test]
fn who_has_read_two_datagrams_may_call_for_either() {
    let (call, pipeline) = of_a_name_server(false);
    assert_eq!(call.evidence, None);
    assert_eq!(pipeline.links().multiplexed, 1);
}

/// A line for a log, say, that nobody answers.
#[test]
fn a_connection_that_says_too_little_is_counted() {
    let mut thread = Thread::new(0);
    thread.opens(ASKED_ON, role::SERVER, role_evidence::LISTENER, 6);
    thread.moves(ASKED_ON, direction::IN, 0, 0, b"all is well\n");
    let end = SocketEnd {
        header: header(Kind::SocketEnd, 0, thread.time),
        socket: ASKED_ON.into(),
        inode: ASKED_ON,
        error: 0,
    };
    thread.pipeline.feed(Some(Record::SocketEnd(end)));
    // One on which nothing was said is no loss.
    thread.opens(ASKS_ON, role::CLIENT, role_evidence::CONNECT, 6);
    thread.pipeline.finish();
    let counters = thread.pipeline.counters();
    assert_eq!((counters.undecided, counters.unknown), (1, 0));
}
