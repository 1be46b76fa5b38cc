//! Parents and links of exchanges that carry messages.

use std::net::IpAddr;
use std::sync::Arc;

use onlooker_protocol::{ContextFormat, Extent, Moment, Origin, Task, WireContext};

use super::settle::{Causality, Connections};
use super::{Finished, IdSource};
use crate::connection::{ConnectionId, Transport};
use crate::messages::{Broker, Messages, Name, Run, Way};
use crate::process::Handlers;
use crate::span::{Attributes, Description, Evidence, Kind, Resource, Span, SpanId, Status, Value};

pub(super) const MS: u64 = 1_000_000;

/// All connections live, and none has another end.
struct Table;

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

fn context(number: u8) -> WireContext {
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
        names: vec![Name::Offsets(Run {
            broker,
            cluster: None,
            topic: "orders".into(),
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
    assert_eq!(causality.counters.multiplexed, 1);
}

/// A timer can be due in the turn that read the request, too.
#[test]
fn a_loop_that_did_other_things_meanwhile_calls_for_no_request() {
    let calls = [looped(2, 2 * MS, 1, false), looped(3, 4 * MS, 9, false)];
    let (evidence, causality) = of_an_event_loop(calls);
    assert_eq!(evidence, [None; 2]);
    assert_eq!(causality.counters.waited, 2);
}
