//! Servers that read requests in the threads of the pool that answers them (Tomcat's HTTP/2): whoever
//! reads the connection hands most requests on, and works on those that others have read.

use onlooker_protocol::{Extent, Origin, Task};

use super::settle::Causality;
use super::tests::{MS, Table, finished};
use super::{Finished, IdSource};
use crate::connection::ConnectionId;
use crate::span::{Evidence, Span};

/// The thread whose calls the tests look at; that of [`finished`].
const THREAD: u32 = 1;
const OTHER: u32 = 2;
/// Bytes of a request.
const LENGTH: u32 = 10;

/// A request of a stream of connection 1, from one byte to one behind; `threads` read and answered it.
fn stream(position: u64, threads: [u32; 2], start: u64, end: u64) -> Box<Finished> {
    let mut served = finished(1, false, start, end);
    let [reader, answerer] =
        threads.map(|id| Task { thread: id, id: id.into(), ..Task::default() });
    served.serial = false;
    let request = &mut served.request;
    request.first.task = reader;
    request.first.position = position;
    request.last = request.first.into();
    request.last.position += u64::from(LENGTH) - 1;
    let mut answer = served.response.expect("an answer").first;
    answer.task = answerer;
    answer.position = position;
    served.response = Some(Extent::at(answer));
    served
}

/// A call of [`THREAD`] on connection `on` after it read `length` bytes at `read` of connection 1.
fn call(on: u32, read: u64, length: u32, start: u64) -> Box<Finished> {
    let mut call = finished(on, true, start, start + MS);
    call.request.first.task.cause = Origin { connection: 1, position: read, length };
    call
}

/// Adds exchanges in the order of their ends: of each span with a parent its start, that of the parent,
/// and the evidence.
fn parents<const N: usize>(mut exchanges: [Box<Finished>; N]) -> Vec<(u64, u64, Option<Evidence>)> {
    let mut causality = Causality::new(IdSource::new(1), 0);
    exchanges.sort_by_key(|exchange| exchange.end);
    for exchange in exchanges {
        let end = exchange.end;
        causality.add(exchange, end, &Table);
    }
    let spans = &causality.spans;
    let parent = |span: &Span| spans.iter().find(|of| Some(of.span_id) == span.parent);
    let ms = |span: &Span| span.start_unix_nano / MS;
    spans.iter().filter_map(|it| Some((ms(it), ms(parent(it)?), it.evidence))).collect()
}

#[test]
fn a_thread_that_reads_and_answers_all_of_its_requests_calls_for_them() {
    let found = parents([
        stream(0, [THREAD; 2], MS, 9 * MS),
        call(2, 20, LENGTH, 30 * MS),
        stream(20, [THREAD; 2], 20 * MS, 40 * MS),
        stream(40, [OTHER; 2], 21 * MS, 35 * MS),
    ]);
    assert_eq!(found, [(30, 20, Some(Evidence::SameTask))]);
}

/// Seen with Tomcat 10.1 at 64 requests at once.
#[test]
fn a_thread_that_answers_what_another_read_calls_for_that_and_not_for_what_it_read_itself() {
    let found = parents([
        call(2, 20, LENGTH, 30 * MS),
        stream(0, [OTHER, THREAD], MS, 35 * MS),
        stream(20, [THREAD; 2], 20 * MS, 40 * MS),
    ]);
    assert_eq!(found, []);
}

/// The same where each connection has one request at a time.
#[test]
fn so_it_is_between_connections() {
    let mut own = finished(1, false, 20 * MS, 40 * MS);
    own.request.last.position = u64::from(LENGTH) - 1;
    let mut others = stream(0, [OTHER, THREAD], MS, 35 * MS);
    others.connection = ConnectionId(3);
    others.serial = true;
    let found = parents([call(2, 0, LENGTH, 30 * MS), others, own]);
    assert_eq!(found, []);
}

/// An answer that another thread goes on with keeps nobody from serving.
#[test]
fn who_only_begins_an_answer_is_free_then() {
    let mut own = finished(1, false, 20 * MS, 40 * MS);
    own.request.last.position = u64::from(LENGTH) - 1;
    let mut others = stream(0, [OTHER, THREAD], MS, 50 * MS);
    others.connection = ConnectionId(3);
    others.serial = true;
    let answer = others.response.as_mut().expect("an answer");
    answer.first.start = 10 * MS;
    answer.first.end = 11 * MS;
    let found = parents([call(2, 0, LENGTH, 30 * MS), others, own]);
    assert_eq!(found, [(30, 20, Some(Evidence::SameTask))]);
}

/// Whom it hands requests on to may call for them on its behalf, and it for others.
#[test]
fn where_requests_of_a_connection_are_handed_on_no_thread_shows_for_which_it_calls() {
    let found = parents([
        stream(0, [THREAD, OTHER], MS, 9 * MS),
        call(2, 20, LENGTH, 30 * MS),
        stream(20, [THREAD; 2], 20 * MS, 40 * MS),
    ]);
    assert_eq!(found, []);
}

/// The one that is over first would be taken for the only one.
#[test]
fn a_call_after_a_read_of_two_requests_is_for_neither() {
    let found = parents([
        call(2, 20, 2 * LENGTH, 30 * MS),
        stream(30, [THREAD; 2], 20 * MS, 40 * MS),
        stream(20, [THREAD; 2], 20 * MS, 50 * MS),
    ]);
    assert_eq!(found, []);
}
