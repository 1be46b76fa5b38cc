//! Calls of requests that are open for long.

use std::cell::Cell;

use onlooker_protocol::Origin;

use super::IdSource;
use super::settle::{Causality, Connections};
use super::tests::{MS, finished, looped};
use crate::connection::ConnectionId;
use crate::span::Evidence;

const SECOND: u64 = 1_000 * MS;
const MINUTE: u64 = 60 * SECOND;

/// The request of connection 1 is open, or was lost.
struct Table {
    open: Cell<bool>,
    alive: Cell<bool>,
}

impl Table {
    fn new() -> Self {
        Self { open: Cell::new(true), alive: Cell::new(true) }
    }
}

impl Connections for Table {
    fn alive(&self, _: ConnectionId) -> bool {
        self.alive.get()
    }

    fn open(&self, id: ConnectionId, read: Origin) -> bool {
        // What task 1 had read when it called.
        self.open.get() && id == ConnectionId(1) && (read.position, read.length) == (0, 10)
    }

    fn peer(&self, _: ConnectionId) -> Option<ConnectionId> {
        None
    }
}

/// Lets time pass as the pipeline does, if more coarsely.
fn pass(causality: &mut Causality, from: u64, to: u64, table: &Table) {
    (from / SECOND..=to / SECOND).for_each(|second| causality.tick(second * SECOND, table));
}

fn causality() -> (Causality, Table) {
    (Causality::new(IdSource::new(1), 0), Table::new())
}

#[test]
fn a_call_waits_for_a_request_as_long_as_that_is_open() {
    let (mut causality, table) = causality();
    causality.add(finished(2, true, 2 * MS, 3 * MS), 3 * MS, &table);
    pass(&mut causality, 0, 5 * MINUTE, &table);
    assert!(causality.spans.is_empty());
    causality.add(finished(1, false, MS, 5 * MINUTE), 5 * MINUTE, &table);
    let [request, call] = &causality.spans[..] else { panic!("{:?}", causality.spans) };
    assert_eq!((call.parent, call.trace_id), (Some(request.span_id), request.trace_id));
    assert_eq!(call.evidence, Some(Evidence::SameTask));
    assert_eq!(causality.waiting(), 0);
}

/// The end shows what the middle could not: another thread answered.
#[test]
fn a_call_of_a_request_that_changed_threads_is_still_nobodys() {
    let (mut causality, table) = causality();
    causality.add(finished(2, true, 2 * MS, 3 * MS), 3 * MS, &table);
    pass(&mut causality, 0, 5 * MINUTE, &table);
    let mut request = finished(1, false, MS, 5 * MINUTE);
    request.response.as_mut().expect("a response").first.task.thread = 2;
    causality.add(request, 5 * MINUTE, &table);
    assert!(causality.spans.iter().all(|span| span.parent.is_none()));
    assert_eq!((causality.spans.len(), causality.counters.handed_off), (2, 1));
}

#[test]
fn a_request_that_does_not_end_is_not_waited_for_without_end() {
    let (mut causality, table) = causality();
    causality.add(finished(2, true, 2 * MS, 3 * MS), 3 * MS, &table);
    pass(&mut causality, 0, 9 * MINUTE, &table);
    assert!(causality.spans.is_empty());
    pass(&mut causality, 9 * MINUTE, 11 * MINUTE, &table);
    assert_eq!((causality.spans.len(), causality.waiting()), (1, 0));
    assert_eq!((causality.counters.cause_missing, causality.counters.cause_lost), (1, 0));
}

#[test]
fn a_request_that_was_lost_is_not_waited_for() {
    let (mut causality, table) = causality();
    table.open.set(false);
    causality.add(finished(2, true, 2 * MS, 3 * MS), 3 * MS, &table);
    pass(&mut causality, 0, 29 * SECOND, &table);
    assert!(causality.spans.is_empty());
    pass(&mut causality, 29 * SECOND, 31 * SECOND, &table);
    assert_eq!((causality.spans.len(), causality.counters.cause_lost), (1, 1));
}

/// It was taken for another protocol, say.
#[test]
fn a_request_that_is_lost_while_a_call_waits_is_told_so() {
    let (mut causality, table) = causality();
    causality.add(finished(2, true, 2 * MS, 3 * MS), 3 * MS, &table);
    pass(&mut causality, 0, MINUTE, &table);
    table.open.set(false);
    pass(&mut causality, MINUTE, 2 * MINUTE, &table);
    assert_eq!((causality.spans.len(), causality.counters.cause_lost), (1, 1));
}

#[test]
fn a_connection_that_ends_without_an_exchange_leaves_calls_without_a_parent_and_says_so() {
    let (mut causality, table) = causality();
    causality.add(finished(2, true, 2 * MS, 3 * MS), 3 * MS, &table);
    table.alive.set(false);
    causality.closed(ConnectionId(1), 4 * MS, &table);
    assert_eq!((causality.spans.len(), causality.counters.cause_lost), (1, 1));
}

#[test]
fn calls_do_not_wait_long_where_many_wait() {
    let (mut causality, table) = causality();
    let many = 40_000;
    for n in 0..many {
        causality.add(finished(2 + n, true, 2 * MS, 3 * MS), 3 * MS, &table);
    }
    pass(&mut causality, 0, 2 * MINUTE, &table);
    let waiting = causality.waiting();
    assert!((20_000..35_000).contains(&waiting), "{waiting}");
    assert_eq!(causality.counters.overflow, u64::from(many) - waiting as u64);
    causality.add(finished(1, false, MS, 3 * MINUTE), 3 * MINUTE, &table);
    assert_eq!(causality.waiting(), 0);
    let linked = causality.spans.iter().filter(|span| span.parent.is_some()).count();
    assert_eq!(linked, waiting);
}

/// What the answer to the first call brought made the second: the first must be remembered.
#[test]
fn a_loops_calls_are_linked_after_any_time() {
    let (mut causality, table) = causality();
    causality.add(looped(2, 2 * MS, 1, false), 3 * MS, &table);
    causality.add(looped(3, 4 * MS, 2, false), 5 * MS, &table);
    // The connections are used by others meanwhile.
    for (on, at) in [(2, 40), (3, 41)] {
        let mut other = finished(on, true, at * SECOND, at * SECOND + MS);
        other.first = false;
        let task = &mut other.request.first.task;
        (task.id, task.thread, task.cause) = (9, 9, Origin::default());
        other.request.last.thread = 9;
        causality.add(other, at * SECOND + MS, &table);
    }
    pass(&mut causality, 0, 2 * MINUTE, &table);
    causality.add(finished(1, false, MS, 2 * MINUTE), 2 * MINUTE, &table);
    let of = |start| causality.spans.iter().find(|span| span.start_unix_nano == start);
    let evidence = [2 * MS, 4 * MS].map(|start| of(start).expect("a span").evidence);
    assert_eq!(evidence, [Some(Evidence::Segment); 2]);
}
