//! The two ends of one call, and what is waited for.

use std::cell::Cell;

use onlooker_protocol::Origin;

use super::settle::{Causality, Connections};
use super::tests::{MS, Table, context, finished};
use super::{Finished, IdSource};
use crate::connection::{ConnectionId, Transport};
use crate::span::{Evidence, Span};

/// The client's end of a connection and the server's.
const ASKS: u32 = 2;
const SERVES: u32 = 3;

/// A call of a thread that serves nobody, whose first byte is at `position`.
fn called(position: u64, start: u64, end: u64) -> Box<Finished> {
    let mut call = finished(ASKS, true, start, end);
    call.request.first.task.cause = Origin::default();
    call.request.first.position = position;
    call.request.last.position = position;
    call
}

/// The other end of one.
fn served(position: u64, start: u64, end: u64) -> Box<Finished> {
    let mut served = called(position, start, end);
    (served.connection, served.asked, served.alone) = (ConnectionId(SERVES), false, false);
    served.peer = Some(ConnectionId(ASKS));
    served
}

fn over_unix(mut exchange: Box<Finished>, from_start: bool) -> Box<Finished> {
    exchange.transport = Transport::Unix;
    exchange.from_start = from_start;
    exchange
}

fn settled<const N: usize>(exchanges: [Box<Finished>; N]) -> Causality {
    let mut causality = Causality::new(IdSource::new(1), 0);
    for exchange in exchanges {
        let end = exchange.end;
        causality.add(exchange, end, &Table);
    }
    causality
}

/// Starts of the spans that are the other end of a call, in milliseconds, with that of the call.
fn pairs(causality: &Causality) -> Vec<(u64, u64)> {
    let spans = &causality.spans;
    let ms = |span: &Span| span.start_unix_nano / MS;
    let parent = |span: &Span| spans.iter().find(|of| Some(of.span_id) == span.parent);
    let same_call = spans.iter().filter(|span| span.evidence == Some(Evidence::SameCall));
    let mut pairs: Vec<_> = same_call.map(|it| (ms(it), ms(parent(it).expect("one")))).collect();
    pairs.sort_unstable();
    pairs
}

/// AMQP: what a broker was sent may begin at the position of its stream at which that of its consumer has a
/// delivery, which is a request of the broker's.
#[test]
fn what_both_ends_are_asked_is_no_call_from_one_to_the_other() {
    let mut publish = served(100, MS, 3 * MS);
    (publish.connection, publish.peer) = (ConnectionId(ASKS), Some(ConnectionId(SERVES)));
    let mut causality = settled([publish, served(100, 2 * MS, 4 * MS)]);
    causality.tick(3_000 * MS, &Table);
    assert_eq!(causality.spans.len(), 2);
    assert_eq!(pairs(&causality), []);
}

/// Clients of PostgreSQL in pipeline mode (libpq's), which use a Unix socket by default.
#[test]
fn calls_that_follow_each_other_without_a_wait_over_a_unix_socket_are_told_apart() {
    let calls = [called(0, MS, 8 * MS), called(50, 2 * MS, 9 * MS)];
    let others = [served(0, 3 * MS, 6 * MS), served(50, 4 * MS, 7 * MS)];
    let ([one, two], [at_one, at_two]) = (calls, others);
    let [one, two, at_one, at_two] =
        [one, two, at_one, at_two].map(|exchange| over_unix(exchange, true));
    let causality = settled([at_one, at_two, one, two]);
    assert_eq!(pairs(&causality), [(3, 1), (4, 2)]);
}

/// Where positions cannot be compared and times do not tell, nothing does.
#[test]
fn calls_that_cannot_be_told_apart_have_no_other_end() {
    let calls = [called(1_000, MS, 8 * MS), called(1_050, 2 * MS, 9 * MS)];
    let [one, two] = calls.map(|exchange| over_unix(exchange, false));
    let mut causality = settled([one, two, over_unix(served(50, 4 * MS, 7 * MS), true)]);
    assert_eq!(pairs(&causality), []);
    causality.tick(3_000 * MS, &Table);
    assert_eq!((causality.spans.len(), causality.counters.peer_missing), (3, 1));
}

/// gRPC over a Unix socket, as containerd and its like speak it.
#[test]
fn streams_over_a_unix_socket_have_two_ends() {
    let calls = [called(100, MS, 9 * MS), called(50, 2 * MS, 8 * MS)];
    let others = [served(100, 3 * MS, 6 * MS), served(50, 4 * MS, 7 * MS)];
    let ([one, two], [at_one, at_two]) = (calls, others);
    let [at_one, at_two, two, one] = [at_one, at_two, two, one].map(|mut exchange| {
        exchange.serial = false;
        over_unix(exchange, true)
    });
    assert_eq!(pairs(&settled([at_one, at_two, two, one])), [(3, 1), (4, 2)]);
}

#[test]
fn streams_that_cannot_be_told_apart_wait_for_nobody() {
    let mut stream = over_unix(served(50, MS, 2 * MS), false);
    stream.serial = false;
    let causality = settled([stream]);
    assert_eq!((causality.spans.len(), causality.counters.peer_missing), (1, 1));
}

/// Its connection was over before the server's exchange, and is forgotten first.
#[test]
fn an_end_that_brought_nothing_before_it_closed_is_counted() {
    let mut causality = Causality::new(IdSource::new(1), 0);
    causality.closed(ConnectionId(ASKS), MS, &Table);
    causality.add(served(50, MS, 2 * MS), 2 * MS, &Table);
    causality.tick(2_001 * MS, &Table);
    assert_eq!((causality.spans.len(), causality.counters.peer_missing), (1, 1));
}

/// Kafka: one request for several topics is a span each, at both ends.
#[test]
fn parts_of_a_request_have_their_own_ends() {
    let part = |mut exchange: Box<Finished>, part| {
        exchange.part = part;
        // To tell them apart.
        exchange.start += u64::from(part) * MS;
        exchange
    };
    let exchanges = [0, 1].map(|n| part(called(0, MS, 9 * MS), n));
    let others = [0, 1].map(|n| part(served(0, 4 * MS, 7 * MS), n));
    let ([one, two], [at_one, at_two]) = (exchanges, others);
    assert_eq!(pairs(&settled([at_one, at_two, one, two])), [(4, 1), (5, 2)]);
}

/// It has a parent.
#[test]
fn a_context_stands_in_for_a_missing_end_and_for_what_a_thread_does_not_show() {
    let mut served = served(0, MS, 2 * MS);
    served.context = Some(context(5));
    let mut call = finished(4, true, 2 * MS, 3 * MS);
    call.handlers = crate::process::Handlers::Scheduled;
    call.context = Some(context(6));
    let mut causality = settled([served, call]);
    causality.tick(3_000 * MS, &Table);
    let evidence: Vec<_> = causality.spans.iter().map(|span| span.evidence).collect();
    assert_eq!(evidence, [Some(Evidence::Context); 2]);
    assert_eq!((causality.counters.peer_missing, causality.counters.scheduled), (0, 0));
}

/// Counts how often it is asked whether a connection lives: once for each look at a call that waits.
#[derive(Default)]
struct Counting(Cell<u64>);

impl Connections for Counting {
    fn alive(&self, _: ConnectionId) -> bool {
        self.0.set(self.0.get() + 1);
        true
    }

    fn open(&self, _: ConnectionId, _: Origin) -> bool {
        true
    }

    fn peer(&self, _: ConnectionId) -> Option<ConnectionId> {
        None
    }
}

/// A stream that is open for long has made many calls; others of its connection come and go.
#[test]
fn calls_are_not_looked_at_for_each_other_stream_that_ends() {
    let (mut causality, table) = (Causality::new(IdSource::new(1), 0), Counting::default());
    for n in 0..100 {
        causality.add(finished(10 + n, true, 2 * MS, 3 * MS), 3 * MS, &table);
    }
    let looks = table.0.get();
    for n in 1..=100 {
        let mut stream = finished(1, false, MS, 4 * MS);
        stream.serial = false;
        stream.request.first.position = n * 100;
        stream.request.last.position = n * 100;
        causality.add(stream, 4 * MS, &table);
    }
    assert_eq!(table.0.get(), looks);
    assert_eq!(causality.waiting(), 100);
    let mut own = finished(1, false, MS, 5 * MS);
    own.serial = false;
    own.request.last.position = 9;
    causality.add(own, 5 * MS, &table);
    assert_eq!(causality.waiting(), 0);
}

/// Two ends of a connection, of which each is said to have been asked because of the other: an event file
/// can say so.
#[test]
fn a_circle_of_parents_is_settled_at_the_end() {
    let mut call = finished(ASKS, true, MS, 2 * MS);
    call.request.first.task.cause = Origin { connection: SERVES, position: 0, length: 10 };
    let mut causality = settled([call, served(0, MS, 2 * MS)]);
    causality.finish();
    assert_eq!((causality.spans.len(), causality.waiting()), (2, 0));
}

/// Each call whose request is open sets a deadline of half a minute, and most leave soon.
#[test]
fn deadlines_of_what_has_left_are_not_kept() {
    let mut causality = Causality::new(IdSource::new(1), 0);
    for n in 0..150_000 {
        let at = (1 + n) * 1_000;
        let mut call = finished(ASKS, true, at, at);
        call.request.first.task.cause.position = n * 10;
        causality.add(call, at, &Table);
        let mut request = finished(1, false, at, at + 10);
        request.request.first.position = n * 10;
        request.request.last.position = n * 10 + 9;
        causality.add(request, at + 10, &Table);
        if n % 100 == 0 {
            causality.tick(at, &Table);
            causality.spans.clear();
        }
    }
    assert_eq!(causality.waiting(), 0);
    assert!(causality.deadlines() < 130 * 1024, "{}", causality.deadlines());
}
