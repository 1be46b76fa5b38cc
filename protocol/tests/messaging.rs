//! Detection of Kafka and AMQP, and what both do with bytes that are neither.

mod support;

use std::sync::Arc;

use onlooker_protocol::amqp::Amqp;
use onlooker_protocol::detect::{Evidence, Opening, PROTOCOLS, Verdict, decide};
use onlooker_protocol::kafka::{Api, Kafka};
use onlooker_protocol::{Facts, Handover, Outcome, Side};
use support::Random;
use support::writes::{Feeder, Recording, recordings, whole};

const FOLDERS: [(&str, &str); 7] = [
    ("kafka", "kafka/java"),
    ("kafka", "kafka/java-lz4"),
    ("kafka", "kafka/kafka-python"),
    ("kafka", "kafka/kafkajs"),
    ("kafka", "kafka/librdkafka"),
    ("amqp", "amqp/pika"),
    ("amqp", "amqp/amqplib"),
];

fn connections() -> impl Iterator<Item = (&'static str, Recording)> {
    FOLDERS.into_iter().flat_map(|(name, folder)| {
        recordings(folder).into_iter().map(move |connection| (name, connection))
    })
}

/// What detection says after each write: the first verdict that is one.
fn detected(connection: &Recording, from_start: bool) -> Option<&'static str> {
    let mut sides = [Vec::new(), Vec::new()];
    for (side, bytes) in &connection.0 {
        sides[*side as usize].extend_from_slice(bytes);
        let opening = Opening {
            client: &sides[0],
            server: &sides[1],
            client_from_start: from_start,
            server_from_start: from_start,
            ..Opening::default()
        };
        if let Verdict::Found(protocol, evidence) = decide(&opening, 1) {
            assert!(evidence == Evidence::Certain || !from_start);
            return Some(protocol.name);
        }
    }
    None
}

#[test]
fn connections_are_known_from_their_start() {
    for (name, connection) in connections() {
        assert_eq!(detected(&connection, true), Some(name));
    }
}

#[test]
fn connections_are_known_from_any_later_request_and_never_taken_for_others() {
    for (name, connection) in connections() {
        for turn in 1..connection.0.len() {
            let rest = connection.from(turn);
            let found = detected(&rest, false);
            assert!(found.is_none_or(|found| found == name), "{found:?}");
            // The first request's correlation id comes back in the next write.
            let is_dialogue = matches!(
                &rest.0[..],
                [(Side::Client, asked), (Side::Server, answered), ..]
                    if asked.get(8..12) == answered.get(4..8)
            );
            if name == "kafka" && is_dialogue {
                assert_eq!(found, Some(name), "{turn}");
            }
        }
    }
}

/// kgo 1.22 against Kafka 4.1: the client is newer than the broker, which refuses the version.
#[test]
fn a_client_opens_with_an_api_versions_of_any_version() {
    for version in [5, 6] {
        let asked = [
            b"\0\0\0\x36\0\x12\0".as_slice(),
            &[version],
            b"\0\0\0\0\0\x03kgo\0\x04kgo\x07v1.22.2\x17AAAAAAAAAAAAAAAAAAAAAQ\0\0\0\x01\0",
        ];
        let answered = b"\0\0\0\x10\0\0\0\0\0\x23\0\0\0\x01\0\x12\0\0\0\x04";
        let turns = vec![(Side::Client, asked.concat()), (Side::Server, answered.to_vec())];
        let connection = Recording(turns);
        assert_eq!(detected(&connection, true), Some("kafka"));
        let out = whole(Kafka::new(true), &connection);
        let [exchange] = &out.exchanges[..] else { panic!("{:?}", out.exchanges) };
        let Facts::Kafka(facts) = &exchange.facts else { panic!("Kafka") };
        assert_eq!(facts.error.and_then(|error| error.name()), Some("UNSUPPORTED_VERSION"));
    }
}

#[test]
fn one_side_alone_is_no_evidence() {
    for (_, connection) in connections().filter(|(name, _)| *name == "kafka") {
        let client = connection.side(Side::Client);
        let opening = Opening {
            client: &client,
            server: &[],
            client_from_start: true,
            server_from_start: true,
            ..Opening::default()
        };
        assert!(!matches!(decide(&opening, 9092), Verdict::Found(..)));
    }
}

#[test]
fn other_protocols_are_refused() {
    let openings: [(&[u8], &[u8]); 7] = [
        // PostgreSQL's start-up message, whose length and version look like a Kafka head.
        (b"\0\0\0\x21\0\x03\0\0user\0u\0database\0database\0\0", b"R\0\0\0\x08\0\0\0\0"),
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n"),
        // ZooKeeper's ConnectRequest and ConnectResponse.
        (
            b"\0\0\0\x2d\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x27\x10\0\0\0\0\0\0\0\0\0\0\0\x10\
              \0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
            b"\0\0\0\x25\0\0\0\0\0\0\x27\x10\x01\0\x12\x34\x56\x78\0\0\0\0\0\x10\
              \x8a\xae\xf6\x35\x19\xa3\x77\x50\x11\x2c\x99\x31\x0b\x07\xc6\x6e\0",
        ),
        // SMB over NetBIOS.
        (
            b"\0\0\0\x2f\xffSMB\x72\0\0\0\0\x18\x53\xc8",
            b"\0\0\0\x2f\xffSMB\x72\0\0\0\0\x98\x53\xc8",
        ),
        (b"\x16\x03\x01\0\x05hello", b"\x16\x03\x03\0\x05hello"),
        // AMQP 1.0 and its SASL layer.
        (b"AMQP\0\x01\0\0", b"AMQP\0\x01\0\0"),
        (b"AMQP\x03\x01\0\0", b"AMQP\x03\x01\0\0"),
    ];
    for (client, server) in openings {
        let opening = Opening {
            client,
            server,
            client_from_start: true,
            server_from_start: true,
            ..Opening::default()
        };
        for protocol in PROTOCOLS.iter().filter(|it| ["amqp", "kafka"].contains(&it.name)) {
            assert_eq!((protocol.detect)(&opening), Evidence::No, "{client:?}");
        }
    }
}

#[test]
fn what_is_something_else_is_given_back() {
    let mut random = Random(99);
    let mut noise: Vec<(Side, Vec<u8>)> = Vec::new();
    for turn in 0..200 {
        let side = if turn % 2 == 0 { Side::Client } else { Side::Server };
        noise.push((side, (0..random.below(400)).map(|_| random.below(256) as u8).collect()));
    }
    let noise = Recording(noise);
    for from_start in [false, true] {
        let kafka = whole(Kafka::with_topic_ids(from_start, Arc::default()), &noise);
        assert_eq!((kafka.exchanges.len(), kafka.handover), (0, Some(Handover::NotMine)));
        let amqp = whole(Amqp::new(from_start), &noise);
        assert_eq!(amqp.exchanges.len(), 0);
    }
}

#[test]
fn changed_bytes_are_no_reason_to_panic() {
    let mut random = Random(17);
    for (name, connection) in connections() {
        for _ in 0..60 {
            let mut changed = connection.clone();
            for (_, bytes) in &mut changed.0 {
                for _ in 0..=random.below(3) {
                    let at = random.below(bytes.len());
                    bytes[at] = [0, 1, 0x7f, 0x80, 0xff][random.below(5)];
                }
            }
            match name {
                "kafka" => drop(whole(Kafka::with_topic_ids(true, Arc::default()), &changed)),
                _ => drop(whole(Amqp::new(true), &changed)),
            }
        }
    }
}

/// A Kafka request with a head of version 1.
fn request(api: u8, version: u8, correlation: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, 0, 11 + body.len() as u8, 0, api, 0, version, 0, 0, 0, correlation];
    bytes.extend_from_slice(&[0, 1, b'c']);
    bytes.extend_from_slice(body);
    bytes
}

#[test]
fn sasl_tokens_without_heads_are_passed_over() {
    // SaslHandshake version 0 is followed by tokens that have a length and nothing else.
    let mut feeder = Feeder::new(Kafka::with_topic_ids(true, Arc::default()));
    feeder.feed(Side::Client, &request(17, 0, 1, b"\0\x05PLAIN"), 0);
    feeder.feed(Side::Server, &[0, 0, 0, 10, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0], 0);
    feeder.feed(Side::Client, b"\0\0\0\x0c\0user\0secret", 0);
    feeder.feed(Side::Server, &[0, 0, 0, 0], 0);
    feeder.feed(Side::Client, &request(12, 0, 2, b"\0\x01g\0\0\0\x01\0\x01m"), 0);
    feeder.feed(Side::Server, &[0, 0, 0, 6, 0, 0, 0, 2, 0, 27], 0);
    let output = feeder.close();
    assert_eq!((output.lost, output.not_understood), (0, 0));
    let found: Vec<_> = output
        .exchanges
        .iter()
        .map(|exchange| {
            let Facts::Kafka(facts) = &exchange.facts else { panic!("not Kafka") };
            (facts.api, facts.error.and_then(|error| error.name()), facts.group.as_deref())
        })
        .collect();
    assert_eq!(
        found,
        [
            (Api::SASL_HANDSHAKE, None, None),
            (Api::HEARTBEAT, Some("REBALANCE_IN_PROGRESS"), Some("g"))
        ]
    );
    assert!(!format!("{:?}", output.exchanges).contains("secret"));
}

#[test]
fn a_response_that_is_delivered_before_its_request_waits_for_it() {
    let mut feeder = Feeder::new(Kafka::with_topic_ids(true, Arc::default()));
    feeder.feed(Side::Server, &[0, 0, 0, 6, 0, 0, 0, 2, 0, 0], 0);
    feeder.feed(Side::Client, &request(12, 0, 2, b"\0\x01g\0\0\0\x01\0\x01m"), 0);
    let output = feeder.close();
    assert_eq!((output.lost, output.exchanges.len()), (0, 1));
    assert_eq!(output.exchanges[0].outcome, Outcome::Complete);
}

#[test]
fn a_lost_response_is_not_replaced_by_the_next_one() {
    let heartbeat = |correlation| request(12, 0, correlation, b"\0\x01g\0\0\0\x01\0\x01m");
    let mut feeder = Feeder::new(Kafka::with_topic_ids(true, Arc::default()));
    feeder.feed(Side::Client, &heartbeat(1), 0);
    feeder.feed(Side::Client, &heartbeat(2), 0);
    feeder.feed_cut(Side::Server, &[], 10);
    feeder.feed(Side::Client, &heartbeat(3), 0);
    feeder.feed(Side::Server, &[0, 0, 0, 6, 0, 0, 0, 2, 0, 0], 0);
    feeder.feed(Side::Server, &[0, 0, 0, 6, 0, 0, 0, 3, 0, 0], 0);
    let output = feeder.close();
    let answered: Vec<_> = output
        .exchanges
        .iter()
        .map(|exchange| (exchange.request.first.position, exchange.outcome))
        .collect();
    let length = heartbeat(1).len() as u64;
    assert_eq!(answered, [(length, Outcome::Complete), (2 * length, Outcome::Complete)]);
    assert!(output.lost >= 1, "the first one is counted");
}
