//! Unix sockets whose peer says that it sends nothing more. The kernel does not tell of their ends.

mod support;

use onlooker_common::event::{Data, Kind, Place, call, direction, flag, role, role_evidence};
use onlooker_common::view::Record;
use onlooker_pipeline::Pipeline;
use support::{OneService, header};

const AF_UNIX: u16 = 1;
const SECOND: u64 = 1_000_000_000;
const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const RESPONSE: &[u8] = b"HTTP/1.1 204 No Content\r\n\r\n";
const STATUS: &str = "http.response.status_code";

/// A server that has read a request, and in the first second the end of what its client says.
fn asked(end: u16) -> Pipeline<OneService> {
    let mut pipeline = support::pipeline(1);
    let socket = support::socket(AF_UNIX, 7, 7, role::SERVER, role_evidence::BOUND_NAME);
    pipeline.feed(Some(Record::Socket(socket)));
    passes(&mut pipeline, direction::IN, 0, 0, REQUEST, SECOND);
    passes(&mut pipeline, direction::IN, end, REQUEST.len(), b"", SECOND);
    pipeline
}

fn passes(
    pipeline: &mut Pipeline<OneService>,
    towards: u8,
    flags: u16,
    position: usize,
    bytes: &[u8],
    time: u64,
) {
    let length = bytes.len() as u32;
    let data = Data {
        header: header(Kind::Data, length, time),
        start: time,
        place: Place { socket: 7, position: position as u64, inode: 7, length },
        direction: towards,
        call: if towards == direction::OUT { call::WRITEV } else { call::RECVFROM },
        task: 1,
        flags,
        ..Data::default()
    };
    pipeline.feed(Some(Record::Data(data, bytes)));
}

/// Lets seconds pass, from the second on up to another.
fn wait(pipeline: &mut Pipeline<OneService>, seconds: std::ops::RangeInclusive<u64>) {
    seconds.for_each(|second| pipeline.tick(second * SECOND));
}

#[test]
fn who_has_closed_its_half_is_answered_however_long_it_takes() {
    let mut pipeline = asked(flag::END);
    wait(&mut pipeline, 2..=30);
    assert_eq!(pipeline.take_spans().len(), 0, "it is not over");
    passes(&mut pipeline, direction::OUT, 0, 0, RESPONSE, 30 * SECOND);
    wait(&mut pipeline, 31..=32);
    let spans = pipeline.take_spans();
    assert_eq!(spans.len(), 1);
    assert!(spans[0].attributes.get(STATUS).is_some(), "{:?}", spans[0]);
    assert_eq!(pipeline.connections().count(), 0, "nothing more is owed");
}

#[test]
fn who_has_closed_waits_for_no_answer() {
    let mut pipeline = asked(flag::END | flag::CLOSED);
    wait(&mut pipeline, 2..=3);
    assert_eq!(pipeline.connections().count(), 0);
    let spans = pipeline.take_spans();
    assert_eq!(spans.len(), 1);
    assert!(spans[0].attributes.get(STATUS).is_none(), "{:?}", spans[0]);
}

#[test]
fn nobody_waits_for_ever() {
    let mut pipeline = asked(flag::END);
    wait(&mut pipeline, 2..=602);
    assert_eq!(pipeline.connections().count(), 0);
    assert_eq!(pipeline.take_spans().len(), 1);
}
