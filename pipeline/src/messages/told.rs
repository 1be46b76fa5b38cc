//! What an exchange tells of the messages that it carries, by protocol.

use std::sync::Arc;

use onlooker_protocol::amqp::{self, AmqpFacts};
use onlooker_protocol::http::{Api, HttpFacts};
use onlooker_protocol::kafka::{self, KafkaFacts};
use onlooker_protocol::{Exchange, Facts, WireContext};

use super::{Broker, Identity, Key, Messages, Name, OffsetRange, Way};
use crate::span::Vantage;

/// The messages that the traced process sent or received by an exchange; `None` if there are none,
/// or if it is the broker, which only passes them on.
pub(crate) fn told(exchange: &Exchange, vantage: &Vantage<'_>, netns: u32) -> Option<Messages> {
    let broker = vantage.server().map(|(address, port)| Broker { netns, address, port });
    let is_asker = vantage.is_asker(exchange);
    match &exchange.facts {
        Facts::Kafka(facts) if is_asker => kafka(exchange, facts, broker?),
        Facts::Amqp(facts) => amqp(exchange, facts, broker, is_asker),
        Facts::Http(facts) if is_asker => aws(exchange, facts),
        _ => None,
    }
}

fn messages(way: Way, exchange: &Exchange) -> Messages {
    let at = match way {
        Way::Sent => exchange.request.first.start,
        Way::Received => exchange.response.unwrap_or(exchange.request).last.end,
    };
    Messages {
        way,
        brought_context: false,
        names: Vec::new(),
        contexts: Vec::new(),
        nameless: 0,
        at,
    }
}

/// The contexts that messages carry. A receiver links to that of its one message even where that
/// is its parent; a sender's own context is only its parent.
fn contexts(way: Way, exchange: &Exchange) -> Vec<WireContext> {
    let one = exchange.context.iter().filter(|_| way == Way::Received);
    one.chain(&exchange.links).cloned().collect()
}

fn kafka(exchange: &Exchange, facts: &KafkaFacts, broker: Broker) -> Option<Messages> {
    let way = match facts.api {
        kafka::Api::PRODUCE => Way::Sent,
        kafka::Api::FETCH if !facts.is_replication => Way::Received,
        _ => return None,
    };
    let mut told = messages(way, exchange);
    told.brought_context = way == Way::Received;
    told.contexts = contexts(way, exchange);
    told.nameless = facts.partitions_omitted.into();
    let topic_id = facts.topic_id.filter(|id| *id != [0; 16]);
    let has_topic = facts.topic.is_some() || topic_id.is_some();
    for range in &facts.partitions {
        if range.error.is_some() || range.messages == Some(0) {
            continue;
        }
        // Contexts in the messages say it all.
        if way == Way::Received && range.messages == Some(range.contexts) {
            continue;
        }
        let (true, Some(first), Some(last)) = (has_topic, range.first_offset, range.last_offset)
        else {
            told.nameless += 1;
            continue;
        };
        told.names.push(Name::Offsets(OffsetRange {
            broker,
            cluster: facts.cluster.clone(),
            topic: facts.topic.clone(),
            topic_id,
            partition: range.partition,
            first,
            last,
            messages: range.messages,
        }));
    }
    Some(told)
}

fn amqp(
    exchange: &Exchange,
    facts: &AmqpFacts,
    broker: Option<Broker>,
    is_asker: bool,
) -> Option<Messages> {
    let message = facts.message.as_ref()?;
    let way = match facts.operation {
        amqp::Operation::Publish if is_asker && facts.error.is_none() => Way::Sent,
        amqp::Operation::Get if is_asker => Way::Received,
        amqp::Operation::Deliver if !is_asker => Way::Received,
        _ => return None,
    };
    let mut told = messages(way, exchange);
    told.brought_context = facts.operation == amqp::Operation::Get;
    told.contexts = contexts(way, exchange);
    if facts.operation == amqp::Operation::Deliver {
        // The response is the consumer's ack.
        told.at = exchange.request.last.end;
    }
    // A message with a context names its sender by itself.
    if exchange.context.is_some() || !exchange.links.is_empty() {
        return Some(told);
    }
    let can_be_named = message.content_hash.is_some() || message.message_id.is_some();
    let Some(broker) = broker.filter(|_| can_be_named) else {
        told.nameless += 1;
        return Some(told);
    };
    let key = Key::Amqp {
        broker,
        exchange: facts.exchange.clone(),
        routing_key: facts.routing_key.clone(),
        message_id: message.message_id.clone(),
        correlation_id: message.correlation_id.clone(),
        timestamp: message.timestamp,
        body_size: message.body_size,
    };
    told.names.push(Name::Identity(Identity {
        key: Arc::new(key),
        vhost: facts.vhost.clone(),
        content: message.content_hash,
    }));
    Some(told)
}

fn aws(exchange: &Exchange, facts: &HttpFacts) -> Option<Messages> {
    let Some(Api::Aws(call)) = facts.api.as_deref() else { return None };
    if call.messages.is_empty() {
        return None;
    }
    let is_receive = call.receives();
    let way = if is_receive { Way::Received } else { Way::Sent };
    let mut told = messages(way, exchange);
    for message in &call.messages {
        told.contexts.extend(message.context.clone());
        if is_receive && message.context.is_some() {
            continue;
        }
        // What came through a topic was sent to that.
        match message.topic_id.as_ref().or(message.id.as_ref()) {
            Some(id) => told.names.push(Name::Identity(Identity {
                key: Arc::new(Key::Aws(id.clone())),
                vhost: None,
                content: None,
            })),
            None => told.nameless += 1,
        }
    }
    Some(told)
}
