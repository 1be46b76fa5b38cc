//! AMQP 0-9-1 against recordings of real clients and a real RabbitMQ.

mod support;

use onlooker_protocol::amqp::{Amqp, AmqpError, AmqpFacts, Operation, Settlement};
use onlooker_protocol::{Chunk, Dissector, Exchange, Facts, Moment, Outcome, Output, Side};
use support::Random;
use support::writes::{Feeder, Recording, holes, pieces, recordings, texts, whole};

fn facts(exchange: &Exchange) -> &AmqpFacts {
    let Facts::Amqp(facts) = &exchange.facts else { panic!("not AMQP") };
    facts
}

fn of(output: &Output, operation: Operation) -> Vec<&Exchange> {
    output.exchanges.iter().filter(|exchange| facts(exchange).operation == operation).collect()
}

fn id(exchange: &Exchange) -> u128 {
    let context = exchange.context.as_ref().expect("every message has a context");
    u128::from_be_bytes(context.trace_id)
}

fn name(exchange: &Exchange) -> &str {
    let message = facts(exchange).message.as_ref();
    message.and_then(|message| message.message_id.as_deref()).unwrap_or("")
}

#[test]
fn every_byte_of_every_client_is_understood() {
    for connection in all_connections() {
        let output = whole(Amqp::new(true), &connection);
        assert_eq!((output.lost, output.not_understood, output.handover), (0, 0, None));
    }
}

#[test]
fn publishes_have_their_confirms_and_returns() {
    let [connection, refused] = &recordings("amqp/pika")[..] else { panic!("two connections") };
    let output = whole(Amqp::new(true), connection);
    let mut publishes = of(&output, Operation::Publish);
    publishes.sort_by_key(|exchange| exchange.request.first.position);
    let complete = Outcome::Complete;
    let expected = [
        ("m1", "shop", "order", Outcome::OneWay, None),
        ("m2", "shop", "order", Outcome::OneWay, None),
        ("m3", "shop", "order", Outcome::OneWay, None),
        ("m4", "", "billing", Outcome::OneWay, None),
        ("m5", "shop", "order", complete, None),
        ("m6", "shop", "nowhere", complete, Some(AmqpError::Reply(312))),
        ("m7", "shop", "order", complete, None),
    ];
    assert_eq!(publishes.len(), expected.len());
    for (at, (exchange, expected)) in publishes.into_iter().zip(expected).enumerate() {
        let facts = facts(exchange);
        let found =
            (name(exchange), &*facts.exchange, &*facts.routing_key, exchange.outcome, facts.error);
        assert_eq!(found, expected);
        assert_eq!(exchange.response.is_some(), exchange.outcome == complete);
        assert_eq!((exchange.asker, id(exchange)), (Side::Client, at as u128 + 1));
        assert_eq!(facts.vhost.as_deref(), Some("/"));
    }

    let output = whole(Amqp::new(true), refused);
    let [exchange] = of(&output, Operation::Publish)[..] else { panic!("one publish") };
    assert_eq!((name(exchange), facts(exchange).error), ("m8", Some(AmqpError::Reply(404))));
    assert_eq!(AmqpError::Reply(404).name(), "NOT_FOUND");
}

fn frame(kind: u8, payload: &[&[u8]]) -> Vec<u8> {
    let payload = payload.concat();
    let length = (payload.len() as u32).to_be_bytes();
    [&[kind, 0, 1][..], &length, &payload, &[0xce]].concat()
}

/// A method of class basic with exchange `e` and a routing key, and a message of two bytes
/// (AMQP 0-9-1, 1.8.3 and 4.2.6).
fn message(before: &[u8], routing_key: &str, after: &[u8]) -> Vec<u8> {
    let length = [routing_key.len() as u8];
    let method = [before, b"\x01e", &length, routing_key.as_bytes(), after];
    let header = [&[0, 60, 0, 0][..], &2_u64.to_be_bytes(), &[0, 0]];
    [frame(1, &method), frame(2, &header), frame(3, &[b"hi"])].concat()
}

#[test]
fn a_return_without_confirms_refuses_its_publish() {
    let publish = |key, mandatory| message(&[0, 60, 0, 40, 0, 0], key, &[mandatory]);
    let returned = |key| message(b"\0\x3c\0\x32\x01\x38\x08NO_ROUTE", key, b"");
    let mut feeder = Feeder::new(Amqp::new(false));
    feeder.feed(Side::Client, &publish("routed", 1), 0);
    feeder.feed(Side::Client, &publish("nowhere", 1), 0);
    feeder.feed(Side::Client, &publish("unasked", 0), 0);
    feeder.feed(Side::Server, &returned("nowhere"), 0);
    let output = feeder.close();
    let said = |exchange: &Exchange| {
        let facts = facts(exchange);
        (facts.routing_key.to_string(), facts.error, exchange.outcome, exchange.response.is_some())
    };
    let mut said: Vec<_> = output.exchanges.iter().map(said).collect();
    said.sort_by(|one, other| one.0.cmp(&other.0));
    let refused = Some(AmqpError::Reply(312));
    assert_eq!(
        said,
        [
            ("nowhere".to_owned(), refused, Outcome::Complete, true),
            ("routed".to_owned(), None, Outcome::Inferred, false),
            ("unasked".to_owned(), None, Outcome::OneWay, false),
        ]
    );
}

#[test]
fn what_was_not_returned_within_a_second_is_over() {
    let mut amqp = Amqp::new(false);
    let mut out = Output::default();
    let bytes = message(&[0, 60, 0, 40, 0, 0], "routed", &[1]);
    let first = Moment { start: 10, end: 20, ..Moment::default() };
    amqp.feed(&Chunk::new(Side::Client, first, &bytes), &mut out);
    assert!(amqp.waits() && out.exchanges.is_empty());
    amqp.idle(500_000_000, &mut out);
    assert!(amqp.waits() && out.exchanges.is_empty());
    amqp.idle(1_500_000_000, &mut out);
    assert!(!amqp.waits() && out.exchanges.len() == 1);
}

#[test]
fn deliveries_last_until_they_are_settled_and_have_the_published_content() {
    let output = whole(Amqp::new(true), &recordings("amqp/pika")[0]);
    let found: Vec<_> = of(&output, Operation::Deliver)
        .into_iter()
        .map(|exchange| {
            assert_eq!((exchange.asker, exchange.outcome), (Side::Server, Outcome::Complete));
            assert_eq!(facts(exchange).queue.as_deref(), Some("billing"));
            (name(exchange), facts(exchange).delivery_tag, facts(exchange).settlement)
        })
        .collect();
    let ack = Some(Settlement::Ack);
    let expected = [
        ("m2", Some(2), ack),
        ("m3", Some(3), Some(Settlement::Reject(false))),
        ("m4", Some(4), Some(Settlement::Nack(false))),
        ("m5", Some(5), ack),
        ("m7", Some(6), ack),
    ];
    assert_eq!(found, expected);

    for delivery in of(&output, Operation::Deliver) {
        let twin = of(&output, Operation::Publish)
            .into_iter()
            .find(|publish| name(publish) == name(delivery))
            .expect("it was published on the same connection");
        assert_eq!(facts(twin).message, facts(delivery).message);
        assert_eq!(twin.context, delivery.context);
        assert!(facts(twin).message.as_ref().is_some_and(|it| it.content_hash.is_some()));
    }
    let sizes: Vec<_> = of(&output, Operation::Deliver)
        .iter()
        .filter_map(|exchange| facts(exchange).message.as_ref().map(|message| message.body_size))
        .collect();
    assert_eq!(sizes, [7, 7, 7, 7, 20_000]);
}

#[test]
fn gets_are_answered_with_a_message_or_without() {
    let output = whole(Amqp::new(true), &recordings("amqp/pika")[0]);
    let [found, empty] = of(&output, Operation::Get)[..] else { panic!("two gets") };
    assert_eq!((name(found), id(found), found.asker), ("m1", 1, Side::Client));
    assert_eq!(facts(found).queue.as_deref(), Some("billing"));
    assert_eq!(&*facts(found).exchange, "shop");
    assert_eq!(facts(empty).message, None);
    assert_eq!(facts(empty).queue.as_deref(), Some("billing"));
}

#[test]
fn consumers_without_acks_get_messages_one_way() {
    let output = whole(Amqp::new(true), &recordings("amqp/amqplib")[0]);
    let deliveries = of(&output, Operation::Deliver);
    let ids: Vec<_> = deliveries.iter().map(|exchange| id(exchange)).collect();
    assert_eq!(ids, [1, 2, 3, 4]);
    for exchange in deliveries {
        assert_eq!(exchange.outcome, Outcome::OneWay);
        assert_eq!(&*facts(exchange).exchange, "logs");
        assert!(facts(exchange).queue.as_deref().is_some_and(|it| it.starts_with("amq.gen-")));
    }
    let outcomes: Vec<_> = of(&output, Operation::Publish)
        .iter()
        .map(|exchange| (id(exchange), exchange.outcome))
        .collect();
    let one_way = Outcome::OneWay;
    assert_eq!(
        outcomes,
        [(1, one_way), (2, one_way), (3, Outcome::Complete), (4, Outcome::Complete)]
    );
}

fn all_connections() -> impl Iterator<Item = Recording> {
    ["pika", "amqplib"].into_iter().flat_map(|client| recordings(&format!("amqp/{client}")))
}

#[test]
fn how_the_bytes_are_cut_makes_no_difference() {
    let mut random = Random(5);
    for connection in all_connections() {
        let expected = texts(&whole(Amqp::new(true), &connection));
        assert_eq!(texts(&pieces(Amqp::new(true), &connection, || 1)), expected);
        for size in 2..40 {
            assert_eq!(texts(&pieces(Amqp::new(true), &connection, || size)), expected, "{size}");
        }
        for _ in 0..100 {
            let cut = pieces(Amqp::new(true), &connection, || 1 + random.below(300));
            assert_eq!(texts(&cut), expected);
        }
    }
}

#[test]
fn what_is_found_between_holes_is_true() {
    let mut random = Random(3);
    for connection in all_connections() {
        let truth = whole(Amqp::new(true), &connection);
        let mut found = 0;
        for _ in 0..500 {
            for exchange in &holes(Amqp::new(true), &connection, &mut random).exchanges {
                found += 1;
                assert!(
                    truth.exchanges.iter().any(|whole| is_part_of(exchange, whole)),
                    "{exchange:?}"
                );
            }
        }
        assert!(found > 100, "most messages are behind a hole: {found}");
    }
}

#[test]
fn attached_in_the_middle_what_is_found_is_true() {
    for connection in all_connections() {
        let truth = whole(Amqp::new(true), &connection);
        for turn in 1..connection.0.len() {
            let output = whole(Amqp::new(false), &connection.from(turn));
            let skipped = |side| -> usize {
                connection.0[..turn].iter().filter(|it| it.0 == side).map(|it| it.1.len()).sum()
            };
            assert_eq!(output.not_understood, 0, "{turn}");
            for mut exchange in output.exchanges {
                exchange.request.first.position += skipped(exchange.asker) as u64;
                assert!(truth.exchanges.iter().any(|it| is_part_of(&exchange, it)), "{exchange:?}");
            }
        }
    }
}

/// Whether `part` says nothing that `whole` does not say.
fn is_part_of(part: &Exchange, whole: &Exchange) -> bool {
    let (some, all) = (facts(part), facts(whole));
    let message = match (&some.message, &all.message) {
        (Some(some), Some(all)) => {
            some.body_size == all.body_size
                && (some.content_hash.is_none() || some.content_hash == all.content_hash)
                && (some.message_id.is_none() || some.message_id == all.message_id)
        }
        (some, all) => some == all || part.response.is_none(),
    };
    part.request.first.position == whole.request.first.position
        && (part.asker, some.operation) == (whole.asker, all.operation)
        && (part.response.is_none() || whole.response.is_some())
        && (some.operation == Operation::Get || some.exchange == all.exchange)
        && (some.operation == Operation::Get || some.routing_key == all.routing_key)
        && (some.queue.is_none() || some.queue == all.queue)
        && (some.delivery_tag.is_none() || some.delivery_tag == all.delivery_tag)
        && (some.settlement.is_none() || some.settlement == all.settlement)
        && (some.error.is_none() || some.error == all.error)
        && (part.context.is_none() || part.context == whole.context)
        && message
}
