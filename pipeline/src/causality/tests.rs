//! Parents and links of exchanges that carry messages.

use std::net::IpAddr;
use std::sync::Arc;

use onlooker_protocol::{ContextFormat, Extent, Moment, Origin, Task, WireContext};

use super::settle::{Causality, Connections};
use super::{Finished, IdSource};
use crate::connection::{ConnectionId, Transport};
use crate::messages::{Broker, Messages, Name, OffsetRange, Way};
use crate::process::Handlers;
use crate::span::{Attributes, Description, Evidence, Kind, Resource, Span, SpanId, Status, Value};

pub(super) const MS: u64 = 1_000_000;

/// All connections live, and none has another end.
pub(super) struct Table;

impl Connections for Table {
    fn alive(&self, _: ConnectionId) -> bool {
        true
    }

    fn open(&self, _: ConnectionId, _: Origin) -> bool {
        false
    }

    fn peer(&self, _: ConnectionId) -> Option<ConnectionId> {
        None
    }
}

/// An exchange from `start` to `end`, made by task 1; it was serving the request of connection 1.
pub(super) fn finished(connection: u32, asked: bool, start: u64, end: u64) -> Box<Finished> {
    let task = Task {
        thread: 1,
        id: 1,
        cause: if asked {
            Origin { connection: 1, position: 0, length: 10 }
        } else {
            Origin::default()
        },
        ..Task::default()
    };
    let moment = |at| Moment { position: 0, start: at, end: at, task };
    Box::new(Finished {
        connection: ConnectionId(connection),
        peer: None,
        transport: Transport::Tcp,
        alone: true,
        asked,
        serial: true,
        first: true,
        from_start: true,
        part: 0,
        opener: Task::default(),
        handlers: Handlers::Unknown,
        request: Extent::at(moment(start)),
        response: Some(Extent::at(moment(end))),
        start,
        end,
        context: None,
        links: Vec::new(),
        messages: None,
        sender: None,
        description: Description {
            name: "a".into(),
            kind: Kind::Client,
            attributes: Attributes::default(),
            status: Status::Unset,
        },
        resource: Arc::new(Resource::default()),
    })
}

pub(super) fn context(number: u8) -> WireContext {
    WireContext {
        trace_id: [number; 16],
        span_id: [number; 8],
        sampled: Some(true),
        random: false,
        state: None,
        format: ContextFormat::W3c,
    }
}

fn run(way: Way, at: u64) -> Messages {
    let broker = Broker { netns: 1, address: IpAddr::from([127, 0, 0, 1]), port: 9092 };
    Messages {
        way,
        brought_context: way == Way::Received,
        names: vec![Name::Offsets(OffsetRange {
            broker,
            cluster: None,
            topic: Some("orders".into()),
            topic_id: None,
            partition: 0,
            first: 7,
            last: 7,
            messages: Some(1),
        })],
        contexts: Vec::new(),
        nameless: 0,
        at,
    }
}

fn evidence(span: &Span) -> Vec<(SpanId, Option<&Value>)> {
    span.links
        .iter()
        .map(|link| (link.span_id, link.attributes.get("onlooker.link.evidence")))
        .collect()
}

/// The message was not what made the service ask for it.
#[test]
fn a_poll_within_a_request_is_its_child_and_linked_to_what_it_brought() {
    let mut causality = Causality::new(IdSource::new(1), 0);
    let mut poll = finished(2, true, 2 * MS, 3 * MS);
    poll.context = Some(context(5));
    let mut messages = run(Way::Received, 3 * MS);
    messages.names.clear();
    messages.contexts.push(context(5));
    poll.messages = Some(messages);
    causality.add(poll, 3 * MS, &Table);
    causality.add(finished(1, false, MS, 4 * MS), 4 * MS, &Table);
    let [request, poll] = &causality.spans[..] else { panic!("{:?}", causality.spans) };
    assert_eq!(poll.parent, Some(request.span_id));
    assert_eq!(poll.evidence, Some(Evidence::SameTask));
    let by_context = Value::from("message-context");
    assert_eq!(evidence(poll), [(SpanId([5; 8]), Some(&by_context))]);
}

/// The producer's ids are those of its request's trace, which is over long after the fetch.
#[test]
fn a_link_leads_into_the_trace_of_the_request_that_sent_the_message() {
    let mut causality = Causality::new(IdSource::new(1), 0);
    let mut send = finished(2, true, 2 * MS, 3 * MS);
    send.messages = Some(run(Way::Sent, 2 * MS));
    causality.add(send, 3 * MS, &Table);
    let mut poll = finished(3, true, MS, 3 * MS);
    poll.request.first.task.cause = Origin::default();
    poll.messages = Some(run(Way::Received, 3 * MS));
    causality.add(poll, 3 * MS, &Table);
    causality.tick(5_000 * MS, &Table);
    assert!(causality.spans.is_empty());
    causality.add(finished(1, false, MS, 6_000 * MS), 6_000 * MS, &Table);
    causality.tick(7_000 * MS, &Table);
    let [request, send, poll] = &causality.spans[..] else { panic!("{:?}", causality.spans) };
    assert_eq!(send.parent, Some(request.span_id));
    let by_offset = Value::from("message-offset");
    assert_eq!(evidence(poll), [(send.span_id, Some(&by_offset))]);
    assert_eq!(poll.links[0].trace_id, request.trace_id);
    assert_eq!(poll.parent, None);
}

/// A call of task 1, an event loop that was serving the request of connection 1. It had last received
/// `length` bytes of connection `read`, and had waited for events since, or not.
pub(super) fn looped(connection: u32, start: u64, read: u32, waited: bool) -> Box<Finished> {
    let mut call = finished(connection, true, start, start + MS);
    call.first = false;
    let task = &mut call.request.first.task;
    task.polls = true;
    task.waited = waited;
    task.resumed = Origin { connection: read, position: 0, length: 10 };
    call
}

/// Adds calls of an event loop and then the request, which is open all the while: the parents'
/// evidence of the calls.
fn of_an_event_loop<const N: usize>(
    calls: [Box<Finished>; N],
) -> (Vec<Option<Evidence>>, Causality) {
    let mut causality = Causality::new(IdSource::new(1), 0);
    let order: Vec<_> = calls.iter().map(|call| call.start).collect();
    for call in calls {
        let end = call.end;
        causality.add(call, end, &Table);
    }
    causality.add(finished(1, false, MS, 90 * MS), 90 * MS, &Table);
    let of = |start| causality.spans.iter().find(|span| span.start_unix_nano == start);
    let evidence = order.iter().map(|&start| of(start).expect("a span").evidence).collect();
    (evidence, causality)
}

#[test]
fn an_event_loop_calls_for_a_request_in_the_turn_that_read_it_or_an_answer_for_it() {
    let calls = [looped(2, 2 * MS, 1, false), looped(3, 4 * MS, 2, false)];
    let (evidence, _) = of_an_event_loop(calls);
    assert_eq!(evidence, [Some(Evidence::Segment); 2]);
}

#[test]
fn a_call_in_a_turn_that_other_bytes_began_is_not_the_requests() {
    let (evidence, causality) = of_an_event_loop([looped(2, 2 * MS, 9, false)]);
    assert_eq!(evidence, [None]);
    assert_eq!(causality.counters.waited, 1);
}

#[test]
fn after_a_timer_called_no_call_of_the_event_loop_is_a_requests() {
    let calls = [looped(2, 2 * MS, 1, true), looped(3, 4 * MS, 1, false)];
    let (evidence, causality) = of_an_event_loop(calls);
    assert_eq!(evidence, [None; 2]);
    assert_eq!(causality.counters.waited, 2);
}

/// It is written to when it is open: a turn later.
#[test]
fn a_connection_that_was_opened_in_the_turn_of_the_request_is_opened_for_it() {
    let mut call = looped(2, 2 * MS, 1, true);
    call.first = true;
    call.opener = call.request.first.task;
    call.opener.waited = false;
    let (evidence, _) = of_an_event_loop([call]);
    assert_eq!(evidence, [Some(Evidence::Segment)]);
}

#[test]
fn a_thread_says_nothing_where_a_scheduler_moves_tasks() {
    let mut call = finished(2, true, 2 * MS, 3 * MS);
    call.handlers = Handlers::Scheduled;
    let (evidence, causality) = of_an_event_loop([call]);
    assert_eq!(evidence, [None]);
    assert_eq!(causality.counters.scheduled, 1);
}

/// A timer can be due in the turn that read the request, too.
#[test]
fn a_loop_that_did_other_things_meanwhile_calls_for_no_request() {
    let calls = [looped(2, 2 * MS, 1, false), looped(3, 4 * MS, 9, false)];
    let (evidence, causality) = of_an_event_loop(calls);
    assert_eq!(evidence, [None; 2]);
    assert_eq!(causality.counters.waited, 2);
}

/// Of the requests of many streams that came in one read, the first that is over would be taken for the
/// only one.
#[test]
fn after_a_read_of_more_than_one_stream_an_event_loop_calls_for_no_request() {
    let mut causality = Causality::new(IdSource::new(1), 0);
    causality.add(looped(2, 2 * MS, 1, false), 3 * MS, &Table);
    let mut request = finished(1, false, MS, 90 * MS);
    request.serial = false;
    request.request.last.position = 8;
    causality.add(request, 90 * MS, &Table);
    assert!(causality.spans.iter().all(|span| span.evidence.is_none()), "{:?}", causality.spans);
    assert_eq!(causality.spans.len(), 2);
}

/// A call on a fresh connection by nginx, which had read the request of connection `by` last; the answer
/// is at `end`.
fn inline(connection: u32, by: u32, start: u64, end: u64) -> Box<Finished> {
    let mut call = finished(connection, true, start, end);
    call.handlers = Handlers::Inline;
    call.request.first.task.resumed = Origin { connection: by, position: 0, length: 10 };
    call.opener = call.request.first.task;
    call
}

/// A request to nginx that was answered after it had read from `upon`.
fn proxied(connection: u32, upon: u32, start: u64, end: u64) -> Box<Finished> {
    let mut request = finished(connection, false, start, end);
    request.handlers = Handlers::Inline;
    let answer = request.response.as_mut().expect("an answer");
    answer.first.task.resumed = Origin { connection: upon, position: 0, length: 10 };
    request
}

fn in_order<const N: usize>(exchanges: [Box<Finished>; N]) -> Causality {
    let mut causality = Causality::new(IdSource::new(1), 0);
    for exchange in exchanges {
        let end = exchange.end;
        causality.add(exchange, end, &Table);
    }
    causality
}

/// Start and evidence of the client's spans, and the start of their parents.
fn calls(causality: &Causality) -> Vec<(u64, Option<Evidence>, Option<u64>)> {
    let mut calls: Vec<_> = causality
        .spans
        .iter()
        .filter(|span| span.evidence.is_some() || span.start_unix_nano >= 10 * MS)
        .map(|span| {
            let parent = causality.spans.iter().find(|of| Some(of.span_id) == span.parent);
            let ms = |span: &Span| span.start_unix_nano / MS;
            (ms(span), span.evidence, parent.map(ms))
        })
        .collect();
    calls.sort_unstable_by_key(|call| call.0);
    calls
}

#[test]
fn a_call_whose_answer_answers_the_request_is_the_requests() {
    let causality = in_order([inline(3, 1, 10 * MS, 20 * MS), proxied(1, 3, MS, 21 * MS)]);
    assert_eq!(calls(&causality), [(10, Some(Evidence::Segment), Some(1))]);
}

/// The first server refused the request of connection 1, which shows in the turn in which that of
/// connection 2 is read.
#[test]
fn a_call_whose_answer_answers_another_request_is_not_the_requests() {
    let mut causality = in_order([
        inline(4, 2, 11 * MS, 15 * MS),
        proxied(2, 4, 3 * MS, 16 * MS),
        inline(3, 2, 10 * MS, 20 * MS),
        proxied(1, 3, MS, 21 * MS),
    ]);
    causality.tick(2200 * MS, &Table);
    assert_eq!(calls(&causality), [(10, None, None), (11, Some(Evidence::Segment), Some(3))]);
    assert_eq!(causality.counters.waited, 1);
}

#[test]
fn a_call_that_answers_nothing_is_that_of_the_request_that_was_read() {
    let mut causality = in_order([proxied(1, 0, 9 * MS, 12 * MS), inline(3, 1, 10 * MS, 20 * MS)]);
    assert_eq!(causality.waiting(), 1, "it may be another's");
    causality.tick(2200 * MS, &Table);
    assert_eq!(calls(&causality), [(10, Some(Evidence::Segment), Some(9))]);
}

/// The request of connection 2 was delayed. It went on in the turn that read the request of connection 1, by asking
/// whether it may: upon that answer it asks what it is for, and is answered upon that.
#[test]
fn a_call_whose_answer_leads_to_the_answer_of_another_request_is_not_the_requests() {
    let mut causality = in_order([
        inline(3, 1, 10 * MS, 20 * MS),
        inline(4, 3, 20 * MS, 30 * MS),
        proxied(1, 0, 9 * MS, 30 * MS),
        proxied(2, 4, MS, 31 * MS),
    ]);
    causality.tick(2200 * MS, &Table);
    let all = calls(&causality);
    assert!(all.iter().all(|call| call.1.is_none()), "{all:?}");
    // The same of the request that was read.
    let mut causality = in_order([
        inline(3, 1, 10 * MS, 20 * MS),
        inline(4, 3, 20 * MS, 30 * MS),
        proxied(1, 4, 9 * MS, 31 * MS),
    ]);
    causality.tick(2200 * MS, &Table);
    let segment = Some(Evidence::Segment);
    assert_eq!(calls(&causality), [(10, segment, Some(9)), (20, segment, Some(9))]);
}

/// A request that is delayed goes on when its time has come.
#[test]
fn a_call_of_a_turn_that_read_nothing_is_no_requests_even_of_nginx() {
    let mut call = inline(3, 1, 10 * MS, 20 * MS);
    call.opener.waited = true;
    let causality = in_order([call, proxied(1, 3, MS, 21 * MS)]);
    assert_eq!(calls(&causality), [(10, None, None)]);
}

/// Of the requests of many streams that came in one read, the first that is over would be taken for the
/// only one.
#[test]
fn a_call_after_a_read_of_more_than_one_stream_is_no_requests() {
    let mut request = proxied(1, 3, MS, 21 * MS);
    request.serial = false;
    request.request.last.position = 9;
    let whole = in_order([inline(3, 1, 10 * MS, 20 * MS), request]);
    assert_eq!(whole.waiting(), 1, "another may be answered upon it");
    let mut request = proxied(1, 3, MS, 21 * MS);
    request.serial = false;
    request.request.last.position = 8;
    let part = in_order([inline(3, 1, 10 * MS, 20 * MS), request]);
    assert_eq!(calls(&part), [(10, None, None)]);
    assert_eq!(part.counters.multiplexed, 1);
}

/// Asks whether the caller may, and then for what it wants.
#[test]
fn a_call_upon_the_answer_to_a_call_is_of_the_same_request() {
    let mut causality = in_order([
        inline(3, 1, 10 * MS, 20 * MS),
        inline(4, 3, 21 * MS, 30 * MS),
        proxied(1, 4, MS, 31 * MS),
    ]);
    causality.tick(200 * MS, &Table);
    let segment = Some(Evidence::Segment);
    assert_eq!(calls(&causality), [(10, segment, Some(1)), (21, segment, Some(1))]);
    assert_eq!(causality.waiting(), 0);
}

/// Two calls on two connections that stay open, each made upon the answer to the one before.
#[test]
fn a_long_chain_on_few_connections_ends() {
    let mut causality = Causality::new(IdSource::new(1), 0);
    let mut upon = 1;
    for n in 0..20_u32 {
        let start = u64::from(10 + 2 * n) * MS;
        let mut call = inline(3 + n % 2, upon, start, start + MS);
        let at = u64::from(n / 2) * 100;
        call.first = n < 2;
        call.request.first.position = at;
        call.request.last.position = at;
        if let Some(answer) = &mut call.response {
            answer.first.position = at;
            answer.last.position = at;
        }
        let before = u64::from(n.saturating_sub(1) / 2) * 100;
        call.request.first.task.resumed.position = before;
        call.opener = call.request.first.task;
        upon = call.connection.0;
        causality.add(call, start + MS, &Table);
    }
    causality.add(proxied(1, 0, MS, 90 * MS), 90 * MS, &Table);
    causality.tick(2300 * MS, &Table);
    assert_eq!(calls(&causality).len(), 20);
    assert!(calls(&causality).iter().all(|call| call.2 == Some(1)), "{:?}", calls(&causality));
}
