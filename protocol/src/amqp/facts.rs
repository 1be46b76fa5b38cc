//! What an AMQP exchange says.

use std::sync::Arc;

/// Facts of one operation on a message.
#[derive(Clone, Debug, Default)]
pub struct AmqpFacts {
    /// What was done.
    pub operation: Operation,
    /// The virtual host, if the connection's start was seen.
    pub vhost: Option<Arc<str>>,
    /// The exchange; empty is the default exchange.
    pub exchange: Box<str>,
    /// The routing key.
    pub routing_key: Box<str>,
    /// The queue that a message came from, if it is known: a consumer names it once.
    pub queue: Option<Arc<str>>,
    /// The message; `None` if a get found the queue empty.
    pub message: Option<Message>,
    /// What identifies a delivery on its channel until it is settled.
    pub delivery_tag: Option<u64>,
    /// The message was delivered before, to whomever.
    pub is_redelivered: bool,
    /// How the consumer settled a delivery.
    pub settlement: Option<Settlement>,
    /// Why the broker refused a publish.
    pub error: Option<AmqpError>,
}

/// An operation on a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Operation {
    /// basic.publish, up to the broker's confirm where the channel has confirms, or to the return
    /// of a mandatory message where it has none.
    #[default]
    Publish,
    /// basic.deliver, up to the consumer's ack, nack or reject unless it needs none.
    Deliver,
    /// basic.get and its answer.
    Get,
}

/// A message, as far as it was seen. Exchange, routing key, body size and content hash together
/// identify a message where no two alike are under way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// The size of the body in bytes.
    pub body_size: u64,
    /// A hash of the body, to be compared within one run of the agent; `None` if not all of it was captured.
    pub content_hash: Option<u64>,
    /// The property `message-id`.
    pub message_id: Option<Box<str>>,
    /// The property `correlation-id`.
    pub correlation_id: Option<Box<str>>,
    /// The property `timestamp`: seconds since 1970.
    pub timestamp: Option<u64>,
}

/// How a delivery was settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Settlement {
    /// basic.ack.
    Ack,
    /// basic.nack (RabbitMQ's extension); whether the message goes back to the queue.
    Nack(bool),
    /// basic.reject; whether the message goes back to the queue.
    Reject(bool),
}

/// A refusal by the broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AmqpError {
    /// basic.nack: the broker could not take responsibility for the message.
    Nack,
    /// A reply code of basic.return, channel.close or connection.close (AMQP 0-9-1, 1.2).
    Reply(u16),
}

impl AmqpError {
    /// The name: `nack`, or the constant's name in the specification, in RabbitMQ's spelling.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Nack => "nack",
            Self::Reply(code) => match code {
                311 => "CONTENT_TOO_LARGE",
                312 => "NO_ROUTE",
                313 => "NO_CONSUMERS",
                320 => "CONNECTION_FORCED",
                402 => "INVALID_PATH",
                403 => "ACCESS_REFUSED",
                404 => "NOT_FOUND",
                405 => "RESOURCE_LOCKED",
                406 => "PRECONDITION_FAILED",
                501 => "FRAME_ERROR",
                502 => "SYNTAX_ERROR",
                503 => "COMMAND_INVALID",
                504 => "CHANNEL_ERROR",
                505 => "UNEXPECTED_FRAME",
                506 => "RESOURCE_ERROR",
                530 => "NOT_ALLOWED",
                540 => "NOT_IMPLEMENTED",
                541 => "INTERNAL_ERROR",
                _ => "_OTHER",
            },
        }
    }
}
