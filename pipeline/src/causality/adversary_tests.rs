//! Services that were built to make a guess of a parent come out wrong: pools, hand-offs, and schedulers of tasks whose
//! threads look, for a moment, as if they served one request each.

use onlooker_protocol::{Extent, Task};

use super::overlaps::OpenIn;
use super::settle::Causality;
use super::tests::{MS, Table, finished};
use super::{Finished, IdSource};
use crate::span::Evidence;

/// Another thread than that of [`finished`], which may have started it.
const HELPER: u32 = 2;

/// The evidence of the calls' parents, if they have one, in the order of their starts.
fn evidence(causality: &Causality) -> Vec<Option<Evidence>> {
    let calls = causality.spans.iter().filter(|span| span.start_unix_nano != MS);
    let mut calls: Vec<_> = calls.map(|span| (span.start_unix_nano, span.evidence)).collect();
    calls.sort_by_key(|call| call.0);
    calls.into_iter().map(|call| call.1).collect()
}

fn added(exchanges: impl IntoIterator<Item = Box<Finished>>) -> Causality {
    let mut causality = Causality::new(IdSource::new(1), 0);
    for exchange in exchanges {
        let end = exchange.end;
        causality.add(exchange, end, &Table);
    }
    causality
}

/// The request of connection 1, from 1 ms on, and another on connection 3.
fn request(end: u64) -> Box<Finished> {
    finished(1, false, MS, end)
}

/// Makes another thread the one that sent, or read, an answer.
fn by(mut exchange: Box<Finished>, thread: u32) -> Box<Finished> {
    let mut answer = exchange.response.expect("an answer").first;
    answer.task = Task { thread, id: thread.into(), ..Task::default() };
    exchange.response = Some(Extent::at(answer));
    exchange
}

/// A task of tokio's on the thread that had read another's request, and was not seen to poll yet. Seen with
/// axum 0.7 at 3 requests at once, just after the start: two of three parents by `same-task` were wrong.
#[test]
fn who_serves_a_request_has_read_the_answer_to_its_call_when_that_is_over() {
    let mut causality = added([request(5 * MS), finished(2, true, 3 * MS, 9 * MS)]);
    assert_eq!(evidence(&causality), [None]);
    assert_eq!(causality.counters.over, 1);
    causality = added([request(9 * MS), finished(2, true, 3 * MS, 9 * MS)]);
    assert_eq!(evidence(&causality), [Some(Evidence::SameTask)]);
}

/// A call that nobody answered tells nothing: its end is that of its connection.
#[test]
fn a_call_that_is_given_up_is_the_requests_also_if_it_is_closed_later() {
    let mut call = finished(2, true, 3 * MS, 9 * MS);
    call.response = None;
    let causality = added([request(5 * MS), call]);
    assert_eq!(evidence(&causality), [Some(Evidence::SameTask)]);
}

#[test]
fn a_thread_whose_answers_others_read_does_not_serve_one_request_at_a_time() {
    let call = by(finished(2, true, 3 * MS, 4 * MS), HELPER);
    let causality = added([call, finished(4, true, 5 * MS, 6 * MS), request(9 * MS)]);
    assert_eq!(evidence(&causality), [None, None]);
}

/// One reads all answers of a connection that many calls share.
#[test]
fn but_where_calls_share_a_connection_another_reads_the_answers() {
    let mut call = by(finished(2, true, 3 * MS, 4 * MS), HELPER);
    call.serial = false;
    let causality = added([call, request(9 * MS)]);
    assert_eq!(evidence(&causality), [Some(Evidence::SameTask)]);
}

/// Whoever has read and queued a request works on another's, whose client has left as well.
#[test]
fn who_reads_requests_for_others_shows_nothing_by_one_that_is_not_answered() {
    let handed_off = by(finished(3, false, MS, 2 * MS), HELPER);
    let unanswered = || {
        let mut request = request(9 * MS);
        request.response = None;
        request
    };
    let call = || finished(2, true, 3 * MS, 4 * MS);
    assert_eq!(evidence(&added([call(), unanswered()])), [Some(Evidence::SameTask)]);
    assert_eq!(evidence(&added([handed_off, call(), unanswered()])), [None]);
}

/// A call of a thread that the request's thread started.
fn of_helper(on: u32, start: u64) -> Box<Finished> {
    let mut call = finished(on, true, start, start + MS);
    let task = &mut call.request.first.task;
    (task.thread, task.id, task.inherited) = (HELPER, HELPER.into(), true);
    let task = *task;
    by(call, task.thread)
}

/// Calls of a helper that ended within its request, while another was open, or not.
fn helped(calls: &[u64], others: bool) -> Vec<Option<Evidence>> {
    let mut causality = Causality::new(IdSource::new(1), 0);
    causality.tasks.overlaps.begins(&mut OpenIn::default(), 0, MS);
    if others {
        causality.tasks.overlaps.begins(&mut OpenIn::default(), 0, 2 * MS);
    }
    for (on, start) in (10..).zip(calls) {
        causality.add(of_helper(on, *start), start + MS, &Table);
    }
    causality.tasks.ended(HELPER, 20 * MS);
    causality.add(request(30 * MS), 30 * MS, &Table);
    causality.tick(200 * MS, &Table);
    evidence(&causality)
}

/// A thread that is started when there is something to do, does what all requests leave to be done, and ends. Seen with
/// a `ThreadPoolExecutor` of Java's that keeps no thread: 272 of 480 parents were wrong.
#[test]
fn a_helper_that_calls_more_than_once_may_call_for_other_requests() {
    assert_eq!(helped(&[3 * MS], true), [Some(Evidence::Lineage)]);
    assert_eq!(helped(&[3 * MS, 5 * MS], false), [Some(Evidence::Lineage); 2]);
    assert_eq!(helped(&[3 * MS, 5 * MS], true), [None, None]);
}

/// Memory is not shared with a process that was forked.
#[test]
fn a_process_that_was_started_for_a_request_calls_for_no_other() {
    let mut causality = Causality::new(IdSource::new(1), 0);
    for at in [MS, 2 * MS] {
        causality.tasks.overlaps.begins(&mut OpenIn::default(), 0, at);
    }
    for (on, start) in [(10, 3 * MS), (11, 5 * MS)] {
        let mut call = of_helper(on, start);
        call.request.first.task.process = 77;
        causality.add(call, start + MS, &Table);
    }
    causality.tasks.ended(HELPER, 20 * MS);
    causality.add(request(30 * MS), 30 * MS, &Table);
    assert_eq!(evidence(&causality), [Some(Evidence::Lineage); 2]);
}
