//! RabbitMQ: the real broker, with pika and amqplib as clients. What was published and received is
//! what the test asked for.

use onlooker_e2e::servers::RabbitMq;
use onlooker_e2e::{Agent, Session, Span, Spans as _, skipped_without};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const SENDER: &str = "b7ad6b7169203331";

/// A broker with the queue `billing`, and sessions of pika (twice) and amqplib. Only the consumer
/// is connected.
struct Bench {
    rabbit: RabbitMq,
    pika: Session,
    consumer: Session,
    node: Session,
}

impl Bench {
    fn start() -> Self {
        let rabbit = RabbitMq::start();
        let port = rabbit.port.to_string();
        let pika = Session::python("pika_session.py", &[&port]);
        let mut consumer = Session::python("pika_session.py", &[&port]);
        let node = Session::node("amqplib_session.js", &[&port]);
        assert_eq!(consumer.ask("open"), "done");
        assert_eq!(consumer.ask("declare shop order billing"), "done");
        Self { rabbit, pika, consumer, node }
    }

    fn pids(&self) -> [u32; 3] {
        [self.pika.pid(), self.consumer.pid(), self.node.pid()]
    }
}

fn is_publish(span: &Span) -> bool {
    span.kind == "PRODUCER"
}

fn is_process(span: &Span) -> bool {
    span.kind == "CONSUMER"
}

fn id(span: &Span) -> Option<&str> {
    span.text("messaging.message.id")
}

/// Messages are named by ids, by a context, or by nothing but their content; one consumer's
/// connection is older than the agent.
#[test]
fn amqp_deliveries_are_linked_to_their_publishes() {
    if skipped_without(&RabbitMq::needs()) {
        return;
    }
    let bench = Bench::start();
    let agent = Agent::trace_pids(&bench.pids());
    let Bench { rabbit, mut pika, mut consumer, mut node } = bench;
    assert_eq!(pika.ask("open"), "done");
    assert_eq!(node.ask("open"), "done");
    for line in [
        "publish shop order pear message_id=m-1",
        "publish shop order quince correlation_id=c-2",
        &format!("publish shop order plum message_id=m-3 traceparent=00-{TRACE}-{SENDER}-01"),
    ] {
        assert_eq!(pika.ask(line), "done");
    }
    assert_eq!(node.ask("publish shop order cherry messageId=m-4"), "done");
    // Each connection's messages keep their order; which connection the broker reads first is its own
    // affair.
    let consumed = consumer.ask("consume billing 4");
    let fruits: Vec<_> = consumed.split(' ').collect();
    let (of_node, of_pika): (Vec<_>, Vec<_>) = fruits.iter().partition(|it| **it == "cherry");
    assert_eq!((of_pika, of_node), (vec!["pear", "quince", "plum"], vec!["cherry"]), "{consumed}");
    // The other way round: the broker confirms to pika, and amqplib consumes without acks.
    assert_eq!(pika.ask("confirm"), "done");
    assert_eq!(pika.ask("publish - billing medlar"), "done");
    assert_eq!(node.ask("consume billing 1"), "medlar");
    agent.wait_for("5 publishes and 5 deliveries", |spans| {
        spans.all(is_publish).len() >= 5 && spans.all(is_process).len() >= 5
    });
    let spans = agent.finish().successful().spans;

    assert_eq!(spans.len(), 10, "{spans:#?}");
    for span in &spans {
        assert_eq!(span.text("messaging.system"), Some("rabbitmq"));
        assert_eq!(span.int("server.port"), Some(rabbit.port.into()));
        assert_eq!(span.text("network.peer.address"), Some("127.0.0.1"));
        assert_eq!(span.status, "UNSET");
        let kind = if is_publish(span) { "send" } else { "process" };
        assert_eq!(span.text("messaging.operation.type"), Some(kind));
    }
    // `{exchange}:{routing key}` of a producer, `{exchange}:{routing key}:{queue}` of a consumer.
    for (fits, name) in [
        (is_publish as fn(&Span) -> bool, "publish shop:order"),
        (is_process, "process shop:order:billing"),
    ] {
        for span in spans.all(|span| fits(span) && span.name.contains("shop")) {
            assert_eq!(span.name, name);
            let destination = name.split_once(' ').map(|(_, destination)| destination);
            assert_eq!(span.text("messaging.destination.name"), destination);
            let key = span.text("messaging.rabbitmq.destination.routing_key");
            assert_eq!(key, Some("order"));
        }
    }

    let links_of = |what: &str, fits: &dyn Fn(&Span) -> bool| {
        let publish = spans.one(what, |span| is_publish(span) && fits(span));
        let delivery = spans.one(what, |span| is_process(span) && fits(span));
        let [link] = &delivery.links[..] else { panic!("{what}: {:?}", delivery.links) };
        (publish, delivery, link)
    };
    for message in ["m-1", "m-4"] {
        let (publish, _, link) = links_of(message, &|span| id(span) == Some(message));
        assert!(link.leads_to(publish), "{message}");
        assert_eq!(link.evidence, "message-identity");
    }
    let conversation = |span: &Span| span.text("messaging.message.conversation_id") == Some("c-2");
    let (publish, _, link) = links_of("c-2", &conversation);
    assert!(link.leads_to(publish) && link.evidence == "message-identity");
    // The context is that of a span of the application, whose children both are.
    let (publish, delivery, link) = links_of("m-3", &|span| id(span) == Some("m-3"));
    assert_eq!((&*link.trace_id, &*link.span_id), (TRACE, SENDER));
    assert_eq!(link.evidence, "message-context");
    for span in [publish, delivery] {
        assert_eq!(span.parent.as_deref(), Some(SENDER));
        assert_eq!(span.evidence.as_deref(), Some("context"));
    }
    let (publish, _, link) = links_of("medlar", &|span| span.name.ends_with(" billing"));
    assert!(link.leads_to(publish) && link.evidence == "message-identity");
    let everything = format!("{spans:?}");
    for secret in ["pear", "quince", "plum", "cherry", "medlar"] {
        assert!(!everything.contains(secret), "{secret} has left the machine");
    }
}

/// Which of two messages that are alike was delivered first, nobody can tell.
#[test]
fn amqp_messages_that_are_alike_are_linked_to_nobody() {
    if skipped_without(&RabbitMq::needs()) {
        return;
    }
    let mut bench = Bench::start();
    let agent = Agent::trace_pids(&bench.pids());
    assert_eq!(bench.pika.ask("open"), "done");
    for _ in 0..2 {
        assert_eq!(bench.pika.ask("publish shop order tick"), "done");
    }
    assert_eq!(bench.pika.ask("publish shop order tock"), "done");
    assert_eq!(bench.consumer.ask("consume billing 3"), "tick tick tock");
    agent.wait_for("all", |spans| {
        spans.all(is_publish).len() >= 3 && spans.all(is_process).len() >= 3
    });
    let finished = agent.finish().successful();
    let spans = finished.spans;
    let linked = spans.all(|span| !span.links.is_empty());
    let [tock] = &linked[..] else { panic!("{linked:#?}") };
    let last = spans.all(is_publish).into_iter().max_by_key(|span| span.start).expect("a publish");
    assert!(tock.links[0].leads_to(last));
    assert!(finished.messages.contains("2 several could have sent it"), "{}", finished.messages);
}
