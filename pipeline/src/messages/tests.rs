//! Exchanges as dissectors give them, at both ends of a message; here of Kafka.

mod identities;
mod topics;

use std::sync::Arc;

use onlooker_protocol::kafka::{self, ErrorCode, KafkaFacts, PartitionRange};
use onlooker_protocol::{Exchange, Extent, Facts, Moment, Side, WireContext};

use super::linker::MOST_HELD;
use super::offsets::MOST_RUNS;
use super::*;
use crate::span::{Attributes, Kind, Resource, Span, Status, Value, Vantage};

const MS: u64 = 1_000_000;
const SECOND: u64 = 1_000 * MS;
/// When the tests begin: a moment like any other.
const START: u64 = 100 * SECOND;

/// What the tests drive: a linker, and the spans that it let go.
#[derive(Default)]
struct Bench {
    linker: Linker,
    out: Vec<Span>,
    port: u16,
}

impl Bench {
    fn new() -> Self {
        Self { port: 9092, ..Self::default() }
    }

    fn told(&self, asker: Side, facts: Facts, context: Option<WireContext>, at: u64) -> Messages {
        let moment = Moment { start: at, end: at, ..Moment::default() };
        let extent = Extent::at(moment);
        let exchange = Exchange { asker, context, ..Exchange::new(extent, Some(extent), facts) };
        let (client, broker) =
            (([127, 0, 0, 1].into(), 40_000), ([127, 0, 0, 1].into(), self.port));
        let vantage = Vantage::between(Side::Client, client, broker);
        told(&exchange, &vantage, 1).expect("messages")
    }

    fn sends(&mut self, facts: Facts, at: u64) -> Arc<Sender> {
        let messages = self.told(Side::Client, facts, None, at);
        self.linker.sent(&messages)
    }

    fn receives(&mut self, asker: Side, facts: Facts, at: u64) {
        let messages = self.told(asker, facts, None, at);
        self.out.extend(self.linker.hold(span(), messages, at));
    }

    fn tick(&mut self, now: u64) {
        self.linker.tick(now, &mut self.out);
    }

    /// The only span that was let go: the spans it is linked to.
    fn linked(&mut self) -> Vec<u8> {
        let span = self.out.pop().expect("a span");
        assert!(self.out.is_empty());
        span.links.iter().map(|link| link.span_id.0[0]).collect()
    }
}

fn span() -> Span {
    Span {
        trace_id: TraceId([9; 16]),
        span_id: SpanId([9; 8]),
        parent: None,
        evidence: None,
        parent_is_remote: false,
        flags: 3,
        state: None,
        name: "poll".into(),
        kind: Kind::Client,
        start_unix_nano: 0,
        end_unix_nano: 0,
        status: Status::Unset,
        attributes: Attributes::default(),
        links: Vec::new(),
        resource: Arc::new(Resource::default()),
    }
}

fn ids(number: u8) -> SenderIds {
    SenderIds { trace: TraceId([number; 16]), span: SpanId([number; 8]), state: None }
}

fn range(partition: i32, first: i64, last: i64) -> PartitionRange {
    PartitionRange {
        partition,
        first_offset: Some(first),
        last_offset: Some(last),
        messages: Some(first.abs_diff(last) + 1),
        ..PartitionRange::default()
    }
}

fn topic(api: kafka::Api, cluster: Option<&str>, partitions: Vec<PartitionRange>) -> Facts {
    Facts::Kafka(Box::new(KafkaFacts {
        api,
        topic: Some("orders".into()),
        cluster: cluster.map(Into::into),
        messages: partitions.iter().map(|range| range.messages).sum(),
        partitions,
        ..KafkaFacts::default()
    }))
}

fn produced(first: i64, last: i64) -> Facts {
    topic(kafka::Api::PRODUCE, Some("c"), vec![range(0, first, last)])
}

fn fetched(first: i64, last: i64) -> Facts {
    topic(kafka::Api::FETCH, Some("c"), vec![range(0, first, last)])
}

#[test]
fn a_fetched_message_is_linked_to_who_produced_it() {
    let mut bench = Bench::new();
    bench.sends(produced(41, 41), START).settle(ids(1));
    bench.receives(Side::Client, fetched(41, 41), START + MS);
    let span = bench.out.pop().expect("it need not wait");
    let [link] = &span.links[..] else { panic!("{:?}", span.links) };
    assert_eq!((link.trace_id, link.span_id), (TraceId([1; 16]), SpanId([1; 8])));
    let text = |text: &'static str| Some(Value::from(text));
    let attribute = |key| link.attributes.get(key).cloned();
    assert_eq!(attribute("onlooker.link.evidence"), text("message-offset"));
    assert_eq!(attribute("messaging.destination.partition.id"), text("0"));
    assert_eq!(attribute("messaging.kafka.offset"), Some(Value::Int(41)));
    assert_eq!(bench.linker.counters().by_evidence, [0, 1, 0]);
}

#[test]
fn a_batch_is_linked_to_all_who_wrote_a_part_of_it_and_to_nobody_else() {
    let mut bench = Bench::new();
    for (number, first, last) in [(1, 5, 9), (2, 10, 12), (3, 13, 13), (4, 14, 20), (5, 21, 30)] {
        bench.sends(produced(first, last), START).settle(ids(number));
    }
    bench.receives(Side::Client, fetched(12, 15), START + MS);
    assert_eq!(bench.linked(), [2, 3, 4]);
}

#[test]
fn the_fetch_may_be_over_before_the_produce() {
    let mut bench = Bench::new();
    bench.receives(Side::Client, fetched(7, 7), START + MS);
    assert!(bench.out.is_empty(), "it waits for the sender");
    // Sent before, and known after.
    let sender = bench.sends(produced(7, 7), START);
    bench.tick(START + 50 * MS);
    assert!(bench.out.is_empty(), "it waits for the sender's ids");
    sender.settle(ids(1));
    bench.tick(START + SECOND);
    assert_eq!(bench.linked(), [1]);
    assert_eq!(bench.linker.counters().sender_missing, 0);
}

#[test]
fn ids_are_waited_for_as_long_as_a_request_may_last() {
    let mut bench = Bench::new();
    let sender = bench.sends(produced(7, 7), START);
    bench.receives(Side::Client, fetched(7, 7), START + MS);
    for second in 1..590 {
        bench.tick(START + second * SECOND);
        assert!(bench.out.is_empty(), "{second}");
    }
    sender.settle(ids(1));
    bench.tick(START + 591 * SECOND);
    assert_eq!(bench.linked(), [1]);

    let _never = bench.sends(produced(8, 8), START + 600 * SECOND);
    bench.receives(Side::Client, fetched(8, 8), START + 600 * SECOND);
    for second in 601..1_300 {
        bench.tick(START + second * SECOND);
    }
    assert!(bench.linked().is_empty());
    assert_eq!(bench.linker.counters().sender_unsettled, 1);
}

#[test]
fn a_sender_that_nobody_saw_is_waited_for_two_seconds_and_counted() {
    let mut bench = Bench::new();
    bench.receives(Side::Client, fetched(7, 7), START);
    bench.tick(START + 1_999 * MS);
    assert!(bench.out.is_empty());
    bench.tick(START + 2_000 * MS);
    assert!(bench.linked().is_empty());
    assert_eq!(bench.linker.counters().sender_missing, 1);
    // What is sent later at these offsets was not it.
    bench.receives(Side::Client, fetched(7, 7), START);
    bench.sends(produced(7, 7), START + MS).settle(ids(1));
    bench.tick(START + 2 * SECOND);
    assert!(bench.linked().is_empty());
}

#[test]
fn another_partition_topic_or_cluster_is_another_log() {
    let mut bench = Bench::new();
    let other = |cluster: &str, name: &str, number| {
        let Facts::Kafka(facts) =
            topic(kafka::Api::PRODUCE, Some(cluster), vec![range(number, 7, 7)])
        else {
            unreachable!()
        };
        Facts::Kafka(Box::new(KafkaFacts { topic: Some(name.into()), ..*facts }))
    };
    for (number, facts) in
        [other("c", "orders", 1), other("c", "bills", 0), other("d", "orders", 0)]
            .into_iter()
            .enumerate()
    {
        bench.sends(facts, START).settle(ids(number as u8 + 1));
    }
    bench.receives(Side::Client, fetched(7, 7), START + MS);
    bench.linker.finish(START + MS, &mut bench.out);
    assert!(bench.linked().is_empty());
}

#[test]
fn a_broker_without_a_known_cluster_is_one_by_its_address() {
    let mut bench = Bench::new();
    let unnamed = |api| topic(api, None, vec![range(0, 7, 7)]);
    bench.sends(unnamed(kafka::Api::PRODUCE), START).settle(ids(1));
    bench.receives(Side::Client, unnamed(kafka::Api::FETCH), START + MS);
    assert_eq!(bench.linked(), [1]);
    // The consumer's connection told the id, or another one to the same broker does later.
    let broker = Broker { netns: 1, address: [127, 0, 0, 1].into(), port: 9092 };
    bench.linker.learn(broker, &"c".into());
    bench.receives(Side::Client, fetched(7, 7), START + MS);
    assert_eq!(bench.linked(), [1]);
    bench.receives(Side::Client, unnamed(kafka::Api::FETCH), START + MS);
    assert_eq!(bench.linked(), [1]);
    // Another port is another broker: of which cluster, nobody said.
    bench.port = 9093;
    bench.receives(Side::Client, unnamed(kafka::Api::FETCH), START + MS);
    bench.linker.finish(START + MS, &mut bench.out);
    assert!(bench.linked().is_empty());
}

#[test]
fn offsets_without_a_message_are_not_waited_for() {
    let mut bench = Bench::new();
    bench.sends(produced(0, 3), START).settle(ids(1));
    // Offset 4 marks the end of a transaction.
    let with_marker = PartitionRange { messages: Some(4), ..range(0, 0, 4) };
    bench.receives(
        Side::Client,
        topic(kafka::Api::FETCH, Some("c"), vec![with_marker]),
        START + MS,
    );
    assert_eq!(bench.linked(), [1]);
}

#[test]
fn contexts_in_all_messages_say_it_all() {
    let mut bench = Bench::new();
    let carrying = PartitionRange { contexts: 2, ..range(0, 7, 8) };
    bench.receives(Side::Client, topic(kafka::Api::FETCH, Some("c"), vec![carrying]), START);
    assert!(bench.linked().is_empty(), "and it does not wait");
    // One has none.
    let carrying = PartitionRange { contexts: 1, ..range(0, 7, 8) };
    bench.sends(produced(8, 8), START).settle(ids(1));
    bench.receives(Side::Client, topic(kafka::Api::FETCH, Some("c"), vec![carrying]), START);
    bench.linker.finish(START, &mut bench.out);
    assert_eq!(bench.linked(), [1]);
}

#[test]
fn what_the_broker_refused_or_nobody_saw_has_no_offsets() {
    let mut bench = Bench::new();
    let refused = PartitionRange {
        error: Some(ErrorCode(6)),
        first_offset: None,
        last_offset: None,
        ..range(0, 0, 0)
    };
    bench.sends(topic(kafka::Api::PRODUCE, Some("c"), vec![refused]), START);
    assert_eq!(bench.linker.counters().nameless, 0);
    // Without acknowledgement.
    let untold = PartitionRange { first_offset: None, last_offset: None, ..range(0, 0, 0) };
    bench.sends(topic(kafka::Api::PRODUCE, Some("c"), vec![untold]), START);
    assert_eq!(bench.linker.counters().nameless, 1);
}

#[test]
fn a_log_that_begins_anew_is_the_later_writers() {
    let mut bench = Bench::new();
    bench.sends(produced(0, 5), START).settle(ids(1));
    bench.sends(produced(0, 0), START + SECOND).settle(ids(2));
    bench.receives(Side::Client, fetched(0, 0), START + SECOND + MS);
    assert_eq!(bench.linked(), [2]);
    bench.receives(Side::Client, fetched(1, 1), START + SECOND + MS);
    bench.linker.finish(START + SECOND + MS, &mut bench.out);
    assert!(bench.linked().is_empty());
}

#[test]
fn memory_has_a_limit_and_hitting_it_is_counted() {
    let mut bench = Bench::new();
    for offset in 0..=MOST_RUNS as i64 {
        bench.sends(produced(offset, offset), START).settle(ids(1));
    }
    assert_eq!(bench.linker.counters().forgotten, 1);
    bench.receives(Side::Client, fetched(1, 1), START + MS);
    assert_eq!(bench.linked(), [1]);
    bench.receives(Side::Client, fetched(0, 0), START + MS);
    assert!(bench.out.is_empty());

    for _ in 0..MOST_HELD {
        bench.receives(Side::Client, fetched(-5, -5), START + MS);
    }
    assert_eq!((bench.out.len(), bench.linker.counters().overflow), (1, 1));
}
