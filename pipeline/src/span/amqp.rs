//! Semantic conventions of RabbitMQ, whose protocol AMQP 0-9-1 is.
//!
//! <https://opentelemetry.io/docs/specs/semconv/messaging/rabbitmq/>. A publish is
//! `publish {exchange}:{routing key}`, a delivery `process {exchange}:{routing key}:{queue}` from
//! its arrival to its ack, a get that found a message `receive …`. Empty gets, and the broker's
//! end of deliveries, make no span.

use std::borrow::Cow;

use onlooker_protocol::amqp::{self, AmqpFacts};
use onlooker_protocol::{Ending, Exchange, Outcome};

use super::describe::{Description, Vantage};
use super::messaging::{Operation, OperationType};

/// Prefixes of names that a server makes up. They would give each client a span name of its own.
const MADE_UP: [&str; 2] = ["amq.gen-", "amq.rabbitmq.reply-to"];

pub(super) fn describe(
    exchange: &Exchange,
    facts: &AmqpFacts,
    vantage: &Vantage<'_>,
) -> Option<Description> {
    let is_asker = vantage.is_asker(exchange);
    let (name, kind) = match facts.operation {
        // The agent looked away: how it ended is not known.
        _ if exchange.outcome == Outcome::Aborted(Ending::Forgotten) => return None,
        amqp::Operation::Publish => ("publish", OperationType::Send),
        // The broker's end, or a message that went back to the queue unprocessed.
        amqp::Operation::Deliver if is_asker || exchange.outcome == Outcome::Cancelled => {
            return None;
        }
        amqp::Operation::Deliver => ("process", OperationType::Process),
        amqp::Operation::Get if facts.message.is_some() || facts.error.is_some() => {
            ("receive", OperationType::Receive)
        }
        amqp::Operation::Get => return None,
    };
    let parts = destination(facts, kind);
    let is_anonymous = parts.iter().any(|part| is_made_up(part));
    let operation = Operation {
        system: "rabbitmq",
        name,
        kind,
        destination: Some(join(&parts)),
        error: facts.error.map(|error| Cow::Borrowed(error.name())),
        is_broker: !is_asker && kind != OperationType::Process,
    };
    let mut description = operation.describe(exchange, vantage, |attributes| {
        if is_anonymous {
            attributes.set("messaging.destination.anonymous", true);
        }
        if !facts.routing_key.is_empty() {
            let key = facts.routing_key.to_string();
            attributes.set("messaging.rabbitmq.destination.routing_key", key);
        }
        let tag = facts.delivery_tag.and_then(|tag| i64::try_from(tag).ok());
        attributes.set_some("messaging.rabbitmq.message.delivery_tag", tag);
        if let Some(message) = &facts.message {
            attributes.set_some("messaging.message.id", message.message_id.clone());
            let conversation = message.correlation_id.clone();
            attributes.set_some("messaging.message.conversation_id", conversation);
        }
    });
    if is_anonymous {
        let parts = parts.map(|part| if is_made_up(part) { "(anonymous)" } else { part });
        description.name = format!("{name} {}", join(&parts)).into();
    }
    Some(description)
}

/// Exchange, routing key and, for consumers, a queue that is not called like the key.
fn destination(facts: &AmqpFacts, kind: OperationType) -> [&str; 3] {
    let queue = match facts.queue.as_deref() {
        Some(queue) if kind != OperationType::Send && *queue != *facts.routing_key => queue,
        _ => "",
    };
    [&facts.exchange, &facts.routing_key, queue]
}

/// The parts that are not empty; `amq.default` if all are.
fn join(parts: &[&str; 3]) -> String {
    let parts: Vec<&str> = parts.iter().copied().filter(|part| !part.is_empty()).collect();
    if parts.is_empty() { "amq.default".to_owned() } else { parts.join(":") }
}

fn is_made_up(name: &str) -> bool {
    MADE_UP.iter().any(|prefix| name.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use onlooker_protocol::amqp::{AmqpError, Message};
    use onlooker_protocol::{Extent, Facts, Side};

    use super::super::model::{Kind, Status, Value};
    use super::*;

    fn facts(operation: amqp::Operation, exchange: &str, key: &str, queue: &str) -> AmqpFacts {
        AmqpFacts {
            operation,
            exchange: exchange.into(),
            routing_key: key.into(),
            queue: (!queue.is_empty()).then(|| queue.into()),
            message: Some(Message { message_id: Some("m1".into()), ..Message::default() }),
            ..AmqpFacts::default()
        }
    }

    fn described(facts: AmqpFacts, side: Side) -> Option<Description> {
        let (client, broker) = (([127, 0, 0, 1].into(), 40_000), ([127, 0, 0, 1].into(), 5672));
        let vantage = Vantage::between(side, client, broker);
        let asker =
            if facts.operation == amqp::Operation::Deliver { Side::Server } else { Side::Client };
        let facts = Facts::Amqp(Box::new(facts));
        let exchange =
            Exchange { asker, ..Exchange::new(Extent::default(), Some(Extent::default()), facts) };
        super::super::describe(&exchange, &vantage)
    }

    fn name(facts: AmqpFacts) -> (String, Kind) {
        let span = described(facts, Side::Client).expect("a span");
        (span.name.into(), span.kind)
    }

    #[test]
    fn destinations_are_named_as_the_conventions_say() {
        use amqp::Operation::{Deliver, Get, Publish};
        let named = |operation, exchange, key, queue| name(facts(operation, exchange, key, queue));
        let producer = |text: &str| (text.to_owned(), Kind::Producer);
        assert_eq!(named(Publish, "shop", "order", ""), producer("publish shop:order"));
        assert_eq!(named(Publish, "logs", "", ""), producer("publish logs"));
        assert_eq!(named(Publish, "", "billing", ""), producer("publish billing"));
        assert_eq!(named(Publish, "", "", ""), producer("publish amq.default"));
        let consumer = |text: &str| (text.to_owned(), Kind::Consumer);
        assert_eq!(
            named(Deliver, "shop", "order", "billing"),
            consumer("process shop:order:billing")
        );
        assert_eq!(named(Deliver, "shop", "billing", "billing"), consumer("process shop:billing"));
        assert_eq!(named(Deliver, "", "billing", "billing"), consumer("process billing"));
        assert_eq!(named(Deliver, "logs", "", "amq.gen-x"), consumer("process logs:(anonymous)"));
        let client = ("receive shop:order:billing".to_owned(), Kind::Client);
        assert_eq!(named(Get, "shop", "order", "billing"), client);
    }

    #[test]
    fn a_delivery_is_a_consumers_span_and_not_the_brokers() {
        let delivery = || facts(amqp::Operation::Deliver, "shop", "order", "billing");
        let span = described(delivery(), Side::Client).expect("a span");
        let text = |text: &'static str| Some(Value::from(text));
        assert_eq!(span.attributes.get("messaging.operation.type").cloned(), text("process"));
        assert_eq!(span.attributes.get("messaging.message.id").cloned(), text("m1"));
        assert_eq!(span.attributes.get("server.port"), Some(&Value::Int(5672)));
        assert!(described(delivery(), Side::Server).is_none());
    }

    #[test]
    fn a_refused_publish_is_an_error() {
        let refused = AmqpFacts {
            error: Some(AmqpError::Reply(404)),
            ..facts(amqp::Operation::Publish, "absent", "x", "")
        };
        let span = described(refused, Side::Server).expect("a span");
        assert_eq!((span.kind, span.status), (Kind::Server, Status::Error("".into())));
        assert_eq!(span.attributes.get("error.type"), Some(&Value::from("NOT_FOUND")));
    }

    #[test]
    fn an_empty_queue_is_no_message() {
        let empty = AmqpFacts { message: None, ..facts(amqp::Operation::Get, "", "", "billing") };
        assert!(described(empty, Side::Client).is_none());
    }
}
