//! Topics that requests name by id (Produce and Fetch from version 13), with and without the Metadata
//! response that explains them. That one came before the agent did, on connections that it finds open.

use super::*;

const ID: [u8; 16] = [7; 16];

/// At `offset` of partition 0, as requests with ids say it.
fn by_id(api: kafka::Api, name: Option<&str>, id: [u8; 16], offset: i64) -> Facts {
    let Facts::Kafka(facts) = topic(api, None, vec![range(0, offset, offset)]) else {
        unreachable!()
    };
    Facts::Kafka(Box::new(KafkaFacts { topic: name.map(Into::into), topic_id: Some(id), ..*facts }))
}

fn sends(bench: &mut Bench, name: Option<&str>, id: [u8; 16], offset: i64, sender: u8) {
    bench.sends(by_id(kafka::Api::PRODUCE, name, id, offset), START).settle(ids(sender));
}

/// Who sent what is fetched from there.
fn linked(bench: &mut Bench, name: Option<&str>, id: [u8; 16], offset: i64) -> Vec<u8> {
    bench.receives(Side::Client, by_id(kafka::Api::FETCH, name, id, offset), START + MS);
    bench.linker.finish(START + MS, &mut bench.out);
    bench.linked()
}

#[test]
fn a_topic_without_a_known_name_is_one_by_its_id() {
    let mut bench = Bench::new();
    sends(&mut bench, None, ID, 5, 1);
    assert_eq!(linked(&mut bench, None, ID, 5), [1]);
    assert!(linked(&mut bench, None, [8; 16], 5).is_empty(), "another topic");
    assert_eq!(bench.linker.counters().nameless, 0);
    // A UUID is the same at any address.
    bench.port = 9093;
    assert_eq!(linked(&mut bench, None, ID, 5), [1]);
}

#[test]
fn a_name_that_is_learnt_later_finds_what_was_written_before() {
    let mut bench = Bench::new();
    sends(&mut bench, None, ID, 5, 1);
    sends(&mut bench, Some("orders"), ID, 6, 2);
    assert_eq!(linked(&mut bench, Some("orders"), ID, 5), [1]);
    assert_eq!(linked(&mut bench, Some("orders"), ID, 6), [2]);
    // A consumer of an older version knows the name alone.
    let fetched = topic(kafka::Api::FETCH, None, vec![range(0, 6, 6)]);
    bench.receives(Side::Client, fetched, START + MS);
    assert_eq!(bench.linked(), [2]);
}

#[test]
fn a_topic_that_was_made_again_is_another() {
    let mut bench = Bench::new();
    sends(&mut bench, Some("orders"), ID, 5, 1);
    assert!(linked(&mut bench, Some("orders"), [8; 16], 5).is_empty());
    sends(&mut bench, None, [8; 16], 5, 2);
    assert_eq!(linked(&mut bench, Some("orders"), [8; 16], 5), [2]);
}

#[test]
fn no_id_names_no_topic() {
    let mut bench = Bench::new();
    sends(&mut bench, None, [0; 16], 5, 1);
    assert!(linked(&mut bench, None, [0; 16], 5).is_empty());
    assert_eq!(bench.linker.counters().nameless, 2);
}
