//! What a method does on its channel.

use std::sync::Arc;

use super::NAME_LIMIT;
use super::channel::{Channel, Settle};
use super::consumers::Consumer;
use super::content::{Content, What};
use super::facts::{AmqpFacts, Operation};
use super::method::Method;
use crate::chunk::{Moment, Side};
use crate::dissector::Output;
use crate::exchange::{Extent, Outcome};
use crate::text;

/// Does what a method means on its channel.
pub(super) fn operate(channel: &mut Channel, method: Method<'_>, origin: Origin, out: &mut Output) {
    let Origin { side, extent, vhost } = origin;
    let text = |bytes: &[u8]| text::lossy(bytes, NAME_LIMIT);
    let facts = |operation, exchange: &[u8], routing_key: &[u8]| AmqpFacts {
        operation,
        vhost: vhost.clone(),
        exchange: text(exchange),
        routing_key: text(routing_key),
        ..AmqpFacts::default()
    };
    let first: Moment = extent.first;
    match method {
        Method::QueueDeclared { queue } => channel.last_queue = Some(text(queue).into()),
        Method::Consume { queue, tag, no_ack, no_wait } => {
            let queue = if queue.is_empty() {
                channel.last_queue.clone()
            } else {
                Some(text(queue).into())
            };
            channel.consumers.asked(tag, Consumer { queue, no_ack }, no_wait);
        }
        Method::ConsumeOk { tag } => channel.consumers.answered(tag),
        Method::ConfirmSelect => channel.next_publish = channel.next_publish.or(Some(1)),
        Method::Publish { exchange, routing_key, returnable } => {
            let facts = facts(Operation::Publish, exchange, routing_key);
            channel.begin(side, Content::new(What::Publish { returnable }, first, facts), out);
        }
        Method::Return { code, exchange, routing_key } => {
            let facts = facts(Operation::Publish, exchange, routing_key);
            channel.begin(side, Content::new(What::Return(code), first, facts), out);
        }
        Method::Deliver { consumer, tag, redelivered, exchange, routing_key } => {
            let consumer = channel.consumers.get(consumer);
            let facts = AmqpFacts {
                queue: consumer.and_then(|consumer| consumer.queue.clone()),
                delivery_tag: Some(tag),
                is_redelivered: redelivered,
                ..facts(Operation::Deliver, exchange, routing_key)
            };
            let what = What::Deliver { no_ack: consumer.map(|consumer| consumer.no_ack) };
            channel.begin(side, Content::new(what, first, facts), out);
        }
        Method::Get { queue } => {
            let queue = match &channel.last_queue {
                Some(last) if queue.is_empty() => Arc::clone(last),
                _ => text(queue).into(),
            };
            channel.get(queue, extent, out);
        }
        Method::GetOk { tag, redelivered, exchange, routing_key } => {
            let facts = AmqpFacts {
                delivery_tag: Some(tag),
                is_redelivered: redelivered,
                ..facts(Operation::Get, exchange, routing_key)
            };
            channel.begin(side, Content::new(What::GetOk, first, facts), out);
        }
        Method::GetEmpty => channel.got(None, extent, out),
        Method::Settle { tag, multiple, how } => {
            channel.settle(side, Settle { tag, multiple, how, extent }, out);
        }
        Method::ChannelEnd => std::mem::take(channel).end(None, Outcome::Cancelled, out),
        Method::ConnectionOpen { .. }
        | Method::ConnectionClose { .. }
        | Method::ChannelClose { .. }
        | Method::Other => {}
    }
}

/// Where a method came from.
pub(super) struct Origin {
    pub(super) side: Side,
    pub(super) extent: Extent,
    pub(super) vhost: Option<Arc<str>>,
}
