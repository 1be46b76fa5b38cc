//! What a request and its response make: one exchange, or one a topic.

use super::KafkaFacts;
use super::known::Known;
use super::response::{Answered, Told};
use super::topic::Topic;
use crate::context::{ContextFormat, WireContext};
use crate::dissector::Output;
use crate::exchange::{Exchange, Extent, Facts, Outcome};

/// Gives out a request: one exchange, or one a topic.
pub(super) fn emit(
    known: &Known,
    answered: Answered,
    response: Option<Extent>,
    outcome: Outcome,
    out: &mut Output,
) {
    let Answered { asked, request, told } = answered;
    let mut facts = KafkaFacts {
        api: asked.api,
        version: asked.version,
        client_id: asked.client_id,
        group: known.group.clone(),
        cluster: known.cluster.clone(),
        ..KafkaFacts::default()
    };
    let topics = match told {
        Told::Produce(produce) => {
            out.lost += produce.omitted;
            produce.topics
        }
        Told::Fetch(fetched) => {
            out.lost += fetched.omitted;
            facts.is_replication = fetched.is_replication;
            facts.error = fetched.error;
            fetched.topics
        }
        Told::Other(error) => {
            // A response that did not come to its end may have been the middle of another.
            facts.error = error.filter(|_| outcome == Outcome::Complete);
            Vec::new()
        }
    };
    let exchange = |facts| {
        let facts = Facts::Kafka(Box::new(facts));
        Exchange { outcome, ..Exchange::new(request, response, facts) }
    };
    if topics.is_empty() {
        out.exchanges.push(exchange(facts));
        return;
    }
    for (index, topic) in topics.into_iter().enumerate() {
        let (facts, mut contexts) = topic_facts(facts.clone(), index, topic);
        let is_single = facts.messages == Some(1);
        let mut exchange = exchange(facts);
        if is_single {
            exchange.context = contexts.pop_if(|it| it.format != ContextFormat::SkyWalking);
        }
        exchange.links = contexts;
        out.exchanges.push(exchange);
    }
}

/// Puts a topic into facts.
fn topic_facts(facts: KafkaFacts, index: usize, topic: Topic) -> (KafkaFacts, Vec<WireContext>) {
    let messages = topic.messages();
    let facts = KafkaFacts {
        topic_index: u32::try_from(index).unwrap_or(u32::MAX),
        messages,
        error: topic.error.or(facts.error),
        is_tombstone: messages == Some(1) && topic.tombstones == 1,
        topic: topic.topic.name,
        topic_id: topic.topic.id,
        partitions: topic.partitions,
        partitions_omitted: topic.omitted,
        ..facts
    };
    (facts, topic.contexts)
}
