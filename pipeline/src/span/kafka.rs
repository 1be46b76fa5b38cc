//! Semantic conventions of Kafka.
//!
//! <https://opentelemetry.io/docs/specs/semconv/messaging/kafka/>. A Produce is `send {topic}`, a
//! Fetch that brought messages, or an error of a topic, is `poll {topic}`; there is one span for
//! each topic of a request. Everything else (metadata, groups, transactions, empty polls,
//! replication between brokers) is no operation on messages and makes no span. Keys of messages
//! are data, and stay where they are.

use std::borrow::Cow;

use onlooker_protocol::kafka::{Api, ErrorCode, KafkaFacts};
use onlooker_protocol::{Ending, Exchange, Outcome};

use super::describe::{Description, Vantage};
use super::messaging::{Operation, OperationType};
use super::model::Text;

pub(super) fn describe(
    exchange: &Exchange,
    facts: &KafkaFacts,
    vantage: &Vantage<'_>,
) -> Option<Description> {
    let has_topic = facts.topic.is_some() || facts.topic_id.is_some();
    let (name, kind) = match facts.api {
        // The agent looked away: whether the broker took the messages is not known.
        _ if exchange.outcome == Outcome::Aborted(Ending::Forgotten) => return None,
        Api::PRODUCE if has_topic => ("send", OperationType::Send),
        Api::FETCH if has_topic && !facts.is_replication => ("poll", OperationType::Receive),
        _ => return None,
    };
    let operation = Operation {
        system: "kafka",
        name,
        kind,
        destination: facts.topic.as_deref().map(str::to_owned),
        error: facts.error.map(error_type),
        is_broker: !vantage.is_asker(exchange),
    };
    Some(operation.describe(exchange, vantage, |attributes| {
        if let (&[range], 0) = (&facts.partitions[..], facts.partitions_omitted) {
            attributes.set("messaging.destination.partition.id", range.partition.to_string());
            if facts.messages == Some(1) {
                attributes.set_some("messaging.kafka.offset", range.first_offset);
            }
        }
        let batch = facts.messages.filter(|messages| *messages > 1);
        let batch = batch.and_then(|messages| i64::try_from(messages).ok());
        attributes.set_some("messaging.batch.message_count", batch);
        if facts.is_tombstone {
            attributes.set("messaging.kafka.message.tombstone", true);
        }
        let client = facts.client_id.as_deref().filter(|id| !id.is_empty());
        attributes.set_some("messaging.client.id", client.map(Text::from));
        if kind == OperationType::Receive {
            let group = facts.group.as_deref().map(str::to_owned);
            attributes.set_some("messaging.consumer.group.name", group);
        }
    }))
}

/// The error's name in the protocol guide.
fn error_type(error: ErrorCode) -> Cow<'static, str> {
    error.name().unwrap_or("_OTHER").into()
}

#[cfg(test)]
mod tests {
    use onlooker_protocol::kafka::PartitionRange;
    use onlooker_protocol::{Extent, Facts, Side};

    use super::super::model::{Kind, Status, Value};
    use super::*;

    fn vantage(side: Side) -> Vantage<'static> {
        Vantage::between(side, ([127, 0, 0, 1].into(), 40_000), ([127, 0, 0, 1].into(), 9092))
    }

    fn described(facts: KafkaFacts, side: Side) -> Option<Description> {
        let facts = Facts::Kafka(Box::new(facts));
        let exchange = Exchange::new(Extent::default(), Some(Extent::default()), facts);
        super::super::describe(&exchange, &vantage(side))
    }

    fn produced() -> KafkaFacts {
        KafkaFacts {
            api: Api::PRODUCE,
            topic: Some("orders".into()),
            client_id: Some("shop".into()),
            group: Some("billing".into()),
            messages: Some(1),
            partitions: vec![PartitionRange {
                partition: 2,
                first_offset: Some(41),
                last_offset: Some(41),
                messages: Some(1),
                ..PartitionRange::default()
            }],
            ..KafkaFacts::default()
        }
    }

    #[test]
    fn a_produced_message_is_a_send_span() {
        let span = described(produced(), Side::Client).expect("a span");
        assert_eq!((&*span.name, span.kind), ("send orders", Kind::Producer));
        assert_eq!(span.status, Status::Unset);
        let text = |key| match span.attributes.get(key) {
            Some(Value::Text(text)) => Some(text.as_ref()),
            _ => None,
        };
        assert_eq!(text("messaging.system"), Some("kafka"));
        assert_eq!(text("messaging.operation.type"), Some("send"));
        assert_eq!(text("messaging.destination.name"), Some("orders"));
        assert_eq!(text("messaging.destination.partition.id"), Some("2"));
        assert_eq!(text("messaging.client.id"), Some("shop"));
        assert_eq!(text("messaging.consumer.group.name"), None);
        assert_eq!(span.attributes.get("messaging.kafka.offset"), Some(&Value::Int(41)));
        assert_eq!(span.attributes.get("messaging.batch.message_count"), None);
        assert_eq!(span.attributes.get("server.port"), Some(&Value::Int(9092)));
    }

    /// segmentio/kafka-go's writer gives none.
    #[test]
    fn a_client_without_a_name_has_none() {
        let facts = KafkaFacts { client_id: Some("".into()), ..produced() };
        let span = described(facts, Side::Client).expect("a span");
        assert_eq!(span.attributes.get("messaging.client.id"), None);
    }

    #[test]
    fn fetched_messages_are_a_poll_span() {
        let facts = KafkaFacts { api: Api::FETCH, messages: Some(3), ..produced() };
        let span = described(facts, Side::Client).expect("a span");
        assert_eq!((&*span.name, span.kind), ("poll orders", Kind::Client));
        assert_eq!(span.attributes.get("messaging.batch.message_count"), Some(&Value::Int(3)));
        assert_eq!(span.attributes.get("messaging.kafka.offset"), None);
        assert!(span.attributes.get("messaging.consumer.group.name").is_some());
    }

    #[test]
    fn errors_have_their_names() {
        let facts = KafkaFacts { error: Some(ErrorCode(6)), ..produced() };
        let span = described(facts, Side::Server).expect("a span");
        assert_eq!(span.kind, Kind::Server);
        assert_eq!(span.status, Status::Error("".into()));
        let name = Value::Text("NOT_LEADER_OR_FOLLOWER".into());
        assert_eq!(span.attributes.get("error.type"), Some(&name));
    }

    #[test]
    fn what_is_no_operation_on_messages_makes_no_span() {
        assert!(
            described(KafkaFacts { api: Api::HEARTBEAT, ..Default::default() }, Side::Client)
                .is_none()
        );
        assert!(
            described(KafkaFacts { api: Api::FETCH, ..Default::default() }, Side::Client).is_none()
        );
        let replicated = KafkaFacts { api: Api::FETCH, is_replication: true, ..produced() };
        assert!(described(replicated, Side::Client).is_none());
    }
}
