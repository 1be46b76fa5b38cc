//! Kafka against recordings of real clients and a real broker.

mod support;

use std::collections::BTreeMap;
use std::sync::Arc;

use onlooker_protocol::kafka::{Api, Compression, ErrorCode, Kafka, KafkaFacts, TopicIds};
use onlooker_protocol::{Exchange, Facts, Outcome, Output, Side};
use support::Random;
use support::writes::{Feeder, Recording, holes, pieces, recordings, texts, whole};

const CLIENTS: [&str; 5] = ["java", "java-lz4", "kafka-python", "kafkajs", "librdkafka"];

fn facts(exchange: &Exchange) -> &KafkaFacts {
    let Facts::Kafka(facts) = &exchange.facts else { panic!("not Kafka") };
    facts
}

/// All exchanges of a client's connections, which are read one after the other.
fn dissected(client: &str) -> Vec<Output> {
    let ids = Arc::new(TopicIds::default());
    recordings(&format!("kafka/{client}"))
        .iter()
        .map(|connection| whole(Kafka::with_topic_ids(true, Arc::clone(&ids)), connection))
        .collect()
}

fn messages(outputs: &[Output], api: Api) -> impl Iterator<Item = (&Exchange, &KafkaFacts)> {
    outputs
        .iter()
        .flat_map(|output| &output.exchanges)
        .map(|exchange| (exchange, facts(exchange)))
        .filter(move |(_, facts)| facts.api == api && facts.topic.is_some())
}

#[test]
fn every_byte_of_every_client_is_understood() {
    for client in CLIENTS {
        for (at, output) in dissected(client).iter().enumerate() {
            assert_eq!((output.lost, output.not_understood), (0, 0), "{client} {at}");
            assert_eq!(output.handover, None, "{client} {at}");
        }
    }
}

#[test]
fn all_messages_are_found_with_their_contexts_and_offsets() {
    // By the recipe in tests/data/README.md; partitions and offsets as the clients printed them.
    let expected = [
        ("java", "orders-java", "java-producer", "java-consumer", Some("javagroup")),
        ("kafka-python", "orders-py", "py-producer", "py-consumer", Some("pygroup")),
        ("librdkafka", "orders", "shop-producer", "shop-consumer", Some("billing")),
    ];
    for (client, topic, producer, consumer, _group) in expected {
        let outputs = dissected(client);
        let mut produced = BTreeMap::new();
        for (exchange, facts) in messages(&outputs, Api::PRODUCE) {
            assert_eq!(facts.topic.as_deref(), Some(topic), "{client}");
            assert_eq!(facts.client_id.as_deref(), Some(producer), "{client}");
            assert_eq!(facts.cluster.as_deref(), Some("AAAAAAAAAAAAAAAAAAAAAQ"), "{client}");
            assert_eq!(facts.messages, Some(1), "{client}");
            let context = exchange.context.as_ref().expect("every message has a context");
            let id = u128::from_be_bytes(context.trace_id);
            assert_eq!(u64::from_be_bytes(context.span_id), id as u64, "{client}");
            if facts.error.is_some() {
                continue; // the topic is being made
            }
            let [range] = facts.partitions[..] else { panic!("one partition") };
            assert_eq!(range.first_offset, range.last_offset, "{client}");
            produced.insert((range.partition, range.first_offset), id);
        }
        let ids: Vec<u128> = {
            let mut ids: Vec<_> = produced.values().copied().collect();
            ids.sort_unstable();
            ids
        };
        assert_eq!(ids, [1, 2, 3, 4, 5], "{client}");

        let mut consumed = Vec::new();
        for (exchange, facts) in messages(&outputs, Api::FETCH) {
            assert_eq!(facts.topic.as_deref(), Some(topic), "{client}");
            assert_eq!(facts.client_id.as_deref(), Some(consumer), "{client}");
            let contexts: Vec<_> = exchange.context.iter().chain(&exchange.links).collect();
            assert_eq!(facts.messages, Some(contexts.len() as u64), "{client}");
            let mut contexts = contexts.into_iter();
            for range in &facts.partitions {
                assert_eq!(range.compression, Compression::None, "{client}");
                assert_eq!(Some(range.contexts), range.messages, "every message has a context");
                for offset in range.first_offset.unwrap()..=range.last_offset.unwrap() {
                    let context = contexts.next().expect("one a message");
                    let producer = produced.get(&(range.partition, Some(offset)));
                    assert_eq!(producer, Some(&u128::from_be_bytes(context.trace_id)), "{client}");
                    consumed.push((range.partition, Some(offset)));
                }
            }
        }
        consumed.sort_unstable();
        assert_eq!(consumed, produced.keys().copied().collect::<Vec<_>>(), "{client}");
    }
}

#[test]
fn compressed_messages_are_counted_and_have_offsets() {
    let outputs = dissected("java-lz4");
    let lz4 = |facts: &KafkaFacts| {
        facts.partitions.iter().all(|range| range.compression == Compression::Lz4)
    };
    let produced: Vec<_> = messages(&outputs, Api::PRODUCE).collect();
    assert_eq!(produced.len(), 5);
    assert!(produced.iter().all(|(exchange, facts)| lz4(facts) && exchange.context.is_none()));
    let consumed: u64 =
        messages(&outputs, Api::FETCH).filter_map(|(_, facts)| facts.messages).sum();
    assert_eq!(consumed, 5);
}

#[test]
fn a_message_without_acknowledgement_is_one_way() {
    let outputs = dissected("kafkajs");
    let produced: Vec<_> = messages(&outputs, Api::PRODUCE).collect();
    let outcomes: Vec<_> = produced.iter().map(|(exchange, _)| exchange.outcome).collect();
    let complete = Outcome::Complete;
    assert_eq!(outcomes, [complete, complete, Outcome::OneWay, complete, complete, complete]);
    let counts: Vec<_> = produced.iter().map(|(_, facts)| facts.messages).collect();
    assert_eq!(counts, [Some(1), Some(1), Some(1), Some(1), Some(1), Some(2)]);
    let consumed: u64 =
        messages(&outputs, Api::FETCH).filter_map(|(_, facts)| facts.messages).sum();
    assert_eq!(consumed, 7);
}

fn fresh() -> Kafka {
    Kafka::with_topic_ids(true, Arc::default())
}

fn all_connections() -> impl Iterator<Item = (&'static str, Recording)> {
    CLIENTS.into_iter().flat_map(|client| {
        recordings(&format!("kafka/{client}")).into_iter().map(move |it| (client, it))
    })
}

#[test]
fn how_the_bytes_are_cut_makes_no_difference() {
    let mut random = Random(7);
    for (client, connection) in all_connections() {
        let expected = texts(&whole(fresh(), &connection));
        assert_eq!(texts(&pieces(fresh(), &connection, || 1)), expected, "{client}, single bytes");
        for size in 2..40 {
            assert_eq!(texts(&pieces(fresh(), &connection, || size)), expected, "{client}, {size}");
        }
        for _ in 0..100 {
            let cut = pieces(fresh(), &connection, || 1 + random.below(300));
            assert_eq!(texts(&cut), expected, "{client}, at random");
        }
    }
}

#[test]
fn what_is_found_between_holes_is_true() {
    let mut random = Random(11);
    for (client, connection) in all_connections() {
        let truth = whole(fresh(), &connection);
        for _ in 0..300 {
            for exchange in &holes(fresh(), &connection, &mut random).exchanges {
                assert!(
                    truth.exchanges.iter().any(|whole| is_part_of(exchange, whole)),
                    "{client}: {exchange:?}"
                );
            }
        }
    }
}

#[test]
fn attached_in_the_middle_all_later_exchanges_are_found() {
    for (client, connection) in all_connections() {
        let truth = whole(fresh(), &connection);
        for turn in 1..connection.0.len() {
            let part = connection.from(turn);
            let output = whole(Kafka::with_topic_ids(false, Arc::default()), &part);
            // All but the one that was open, whose response may come first.
            let skipped: usize = connection.0[..turn].iter().map(|turn| turn.1.len()).sum();
            let later = truth.exchanges.len();
            assert!(output.exchanges.len() <= later, "{client} {turn} {skipped}");
            assert_eq!(output.not_understood, 0, "{client} {turn}");
        }
    }
}

/// A message's length, then its fields.
fn framed(fields: &[&[u8]]) -> Vec<u8> {
    let fields = fields.concat();
    [&(fields.len() as u32).to_be_bytes()[..], &fields].concat()
}

/// KIP-511: a broker that does not know the version of ApiVersions answers in version 0's form.
#[test]
fn an_unsupported_version_of_api_versions_is_an_error() {
    for version in [4, 6] {
        let mut feeder = Feeder::new(fresh());
        // Key 18, a version, correlation id 0, client id, tags; software's name and version, tags.
        let request = framed(&[&[0, 18, 0, version, 0, 0, 0, 0], b"\0\x01c\0", b"\x02n\x02v\0"]);
        feeder.feed(Side::Client, &request, 0);
        // Correlation id, error 35, one range: ApiVersions from 0 to 3.
        let response = framed(&[&[0, 0, 0, 0, 0, 35, 0, 0, 0, 1, 0, 18, 0, 0, 0, 3]]);
        feeder.feed(Side::Server, &response, 0);
        let output = feeder.close();
        let [exchange] = &output.exchanges[..] else { panic!("{version}: {output:?}") };
        assert_eq!(facts(exchange).error, Some(ErrorCode(35)), "{version}");
    }
}

/// Behind a hole, a length and a small number are no evidence of a response: the middle of a
/// record is full of them.
#[test]
fn a_small_number_behind_a_hole_is_no_response() {
    let mut feeder = Feeder::new(fresh());
    // OffsetCommit, version 2, correlation ids 0 and 1.
    for id in 0..2 {
        let request = framed(&[&[0, 8, 0, 2, 0, 0, 0, id], b"\0\x01c", b"\0\x01g\0\0\0\0"]);
        feeder.feed(Side::Client, &request, 0);
    }
    // The first response, and some of what follows it, is lost.
    feeder.feed_cut(Side::Server, &framed(&[&[0; 60]])[..30], 50);
    feeder.feed(Side::Client, &framed(&[&[0, 12, 0, 0, 0, 0, 0, 2], b"\0\x01c", &[0; 10]]), 0);
    feeder.feed(Side::Server, &[&[0, 0, 0, 40, 0, 0, 0, 1][..], &[7; 20]].concat(), 0);
    feeder.feed(Side::Server, &[7; 200], 0);
    let output = feeder.close();
    let answers = output.exchanges.iter().filter_map(|exchange| exchange.response);
    let begun: Vec<_> = answers.map(|response| response.first.position).collect();
    assert_eq!(begun, [0], "{:?}", output.exchanges);
}

/// Whether a response, if there is one, is the one that has the request's correlation id.
fn is_same_answer(part: &Exchange, whole: &Exchange) -> bool {
    let begins = |exchange: &Exchange| exchange.response.map(|response| response.first.position);
    begins(part).is_none() || begins(part) == begins(whole)
}

/// Whether `part` says nothing that `whole` does not say.
fn is_part_of(part: &Exchange, whole: &Exchange) -> bool {
    let (some, all) = (facts(part), facts(whole));
    let agrees = |one: Option<i64>, other: Option<i64>| one.is_none() || one == other;
    part.request.first.position == whole.request.first.position
        && (some.api, some.version) == (all.api, all.version)
        && some.client_id == all.client_id
        && (some.topic.is_none() || some.topic == all.topic)
        && (some.topic_id.is_none() || some.topic_id == all.topic_id)
        && (some.group.is_none() || all.group.is_none() || some.group == all.group)
        && (some.messages.is_none()
            || some.messages == all.messages
            || some.partitions.len() < all.partitions.len())
        && (some.error.is_none() || some.error == all.error)
        && is_same_answer(part, whole)
        && part
            .context
            .iter()
            .chain(&part.links)
            .all(|context| whole.context.iter().chain(&whole.links).any(|other| other == context))
        && some.partitions.iter().all(|range| {
            all.partitions.iter().any(|other| {
                range.partition == other.partition
                    && agrees(range.first_offset, other.first_offset)
                    && agrees(range.last_offset, other.last_offset)
                    && (range.messages.is_none() || range.messages == other.messages)
            })
        })
}
