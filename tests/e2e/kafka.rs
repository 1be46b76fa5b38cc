//! Kafka: the real broker, with three clients that share no code: kafka-python, librdkafka and
//! kafkajs. Where messages went is what the clients were told by the broker.

use onlooker_e2e::servers::Kafka;
use onlooker_e2e::{Agent, Session, Span, Spans as _, skipped_without};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const SENDER: &str = "b7ad6b7169203331";

/// A producer and a consumer of the same library, each a process.
struct Pair {
    /// Topic, and prefix of the client's and the group's ids.
    name: &'static str,
    producer: Session,
    consumer: Session,
}

impl Pair {
    fn pids(&self) -> [u32; 2] {
        [self.producer.pid(), self.consumer.pid()]
    }
}

fn pairs(port: &str) -> [Pair; 3] {
    let python = |library| Session::python("kafka_session.py", &[library, port]);
    let node = || Session::node("kafka_session.js", &[port]);
    [
        Pair { name: "py", producer: python("kafka-python"), consumer: python("kafka-python") },
        Pair {
            name: "rd",
            producer: python("confluent-kafka"),
            consumer: python("confluent-kafka"),
        },
        Pair { name: "js", producer: node(), consumer: node() },
    ]
}

/// `PARTITION:OFFSET`.
fn place(text: &str) -> (&str, i64) {
    let (partition, offset) = text.split_once(':').expect("a place");
    (partition, offset.parse().expect("an offset"))
}

fn is_send(span: &Span, topic: &str) -> bool {
    span.kind == "PRODUCER" && span.name == format!("send {topic}")
}

fn is_poll(span: &Span, topic: &str) -> bool {
    span.kind == "CLIENT" && span.name == format!("poll {topic}")
}

fn messages(span: &Span) -> i64 {
    span.int("messaging.batch.message_count").unwrap_or(1)
}

/// Messages that the polls of a topic brought.
fn polled(spans: &[Span], topic: &str) -> i64 {
    spans.all(|span| is_poll(span, topic)).into_iter().map(messages).sum()
}

/// Waits until as many messages were polled as the consumer received.
fn wait_for(agent: &Agent, topic: &str, sends: usize, received: i64) {
    agent.wait_for(&format!("all of {topic}"), |spans| {
        spans.all(|span| is_send(span, topic)).len() >= sends && polled(spans, topic) >= received
    });
}

#[test]
fn kafka_messages_are_linked_from_consumer_to_producer() {
    if skipped_without(&Kafka::needs()) {
        return;
    }
    let kafka = Kafka::start();
    let port = kafka.port.to_string();
    let mut admin = Session::python("kafka_session.py", &["kafka-python", &port]);
    assert_eq!(admin.ask("create py rd js batch"), "done");
    let mut pairs = pairs(&port);
    let pids: Vec<u32> = pairs.iter().flat_map(Pair::pids).collect();
    let agent = Agent::trace_pids(&pids);
    let mut sent = Vec::new();
    for Pair { name, producer, consumer } in &mut pairs {
        let mut places = Vec::new();
        for line in ["0 pear", "2 quince", "2 plum"] {
            places.push(producer.ask(&format!("send {name} {line}")));
        }
        let carrying = producer.ask(&format!("send {name} 1 cherry 00-{TRACE}-{SENDER}-01"));
        places.push(carrying.clone());
        let mut received: Vec<_> =
            consumer.ask(&format!("receive {name} 4")).split(' ').map(str::to_owned).collect();
        // The consumer waits at the broker when the message is sent: the fetch that brings it
        // began before.
        consumer.tell(&format!("receive {name} 1"));
        places.push(producer.ask(&format!("send {name} 0 late")));
        received.push(consumer.answer());
        received.sort();
        let mut expected = places.clone();
        expected.sort();
        assert_eq!(received, expected, "the test itself");
        sent.push((places, carrying));
        wait_for(&agent, name, 5, 5);
    }
    let spans = agent.finish().successful().spans;

    for (Pair { name, .. }, (places, carrying)) in pairs.iter().zip(&sent) {
        let polls = spans.all(|span| is_poll(span, name));
        assert_eq!(polls.iter().map(|span| messages(span)).sum::<i64>(), 5, "{name}");
        for poll in &polls {
            assert_eq!(poll.text("messaging.system"), Some("kafka"));
            assert_eq!(poll.text("messaging.operation.name"), Some("poll"));
            assert_eq!(poll.text("messaging.operation.type"), Some("receive"));
            assert_eq!(poll.text("messaging.destination.name"), Some(*name));
            assert_eq!(poll.text("messaging.client.id").map(|id| &id[..2]), Some(*name));
            let group = format!("{name}-group");
            // Some clients ask the group's coordinator on a connection of its own.
            assert!(poll.text("messaging.consumer.group.name").is_none_or(|name| name == group));
            assert_eq!(poll.status, "UNSET");
        }
        let links: Vec<_> = polls.iter().flat_map(|span| &span.links).collect();
        assert_eq!(links.len(), 5, "one a message: {name}: {polls:#?}");
        for text in places {
            let (partition, offset) = place(text);
            let send = spans.one(text, |span| {
                is_send(span, name)
                    && span.text("messaging.destination.partition.id") == Some(partition)
                    && span.int("messaging.kafka.offset") == Some(offset)
            });
            assert_eq!(send.text("messaging.operation.type"), Some("send"));
            assert_eq!(send.text("messaging.client.id").map(|id| &id[..2]), Some(*name));
            assert_eq!(send.int("server.port"), Some(kafka.port.into()));
            assert_eq!(send.text("network.peer.address"), Some("127.0.0.1"));
            let carries = text == carrying;
            let found = links.iter().filter(|link| {
                if carries {
                    (&*link.trace_id, &*link.span_id) == (TRACE, SENDER)
                } else {
                    link.leads_to(send)
                }
            });
            let evidence: Vec<_> = found.map(|link| &*link.evidence).collect();
            let expected = if carries { "message-context" } else { "message-offset" };
            assert_eq!(evidence, [expected], "{name} {text}");
        }
    }
    let everything = format!("{spans:?}");
    for secret in ["pear", "quince", "plum", "cherry"] {
        assert!(!everything.contains(secret), "{secret} has left the machine");
    }

    drop(pairs);
    a_compressed_batch(&kafka);
}

/// Messages in compressed batches are known by their offsets alone; the broker's end is a part of
/// the trace, and of nobody's links.
fn a_compressed_batch(kafka: &Kafka) {
    let session = || Session::node("kafka_session.js", &[kafka.port.to_string()]);
    let (mut producer, mut consumer) = (session(), session());
    let agent = Agent::trace_pids(&[producer.pid(), consumer.pid(), kafka.pid()]);
    let first = producer.ask("batch batch 1 one two three");
    let received = consumer.ask("receive batch 3");
    let offsets: Vec<_> = received.split(' ').map(place).collect();
    let (partition, first) = place(&first);
    assert_eq!(offsets, [(partition, first), (partition, first + 1), (partition, first + 2)]);
    wait_for(&agent, "batch", 1, 3);
    let spans = agent.finish().successful().spans;

    let send = spans.one("send", |span| is_send(span, "batch"));
    assert_eq!(send.int("messaging.batch.message_count"), Some(3));
    assert_eq!(send.text("messaging.destination.partition.id"), Some(partition));
    let poll = spans.one("poll", |span| is_poll(span, "batch"));
    let [link] = &poll.links[..] else { panic!("{:?}", poll.links) };
    assert!(link.leads_to(send) && link.evidence == "message-offset");
    let broker = spans.one("broker's end", |span| {
        span.is_server() && span.parent.as_deref() == Some(&send.span_id)
    });
    assert_eq!(broker.evidence.as_deref(), Some("same-call"));
    assert!(spans.iter().filter(|span| span.is_server()).all(|span| span.links.is_empty()));
}
