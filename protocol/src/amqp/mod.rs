//! AMQP 0-9-1, as RabbitMQ speaks it (the specification of 2008 with its errata and extensions).
//!
//! Operations on messages make exchanges: a publish (with the broker's confirm, where the channel
//! has confirms, or its return), a delivery (asked by the server: up to the consumer's ack, nack or reject, or one
//! way where none is needed), and a get. Everything else is followed only as far as these need it.
//!
//! Reading order: [`facts`](AmqpFacts), `dissector` (frames), `operate` (what methods do), `channel`
//! (operations that wait for answers), `content`, `consumers`, `method`, `wire`.

mod channel;
mod consumers;
mod content;
mod detect;
mod dissector;
mod facts;
mod method;
mod operate;
mod wire;

pub use dissector::Amqp;
pub use facts::{AmqpError, AmqpFacts, Message, Operation, Settlement};

use crate::detect::Protocol;

/// How many channels of a connection are followed; RabbitMQ's default limit is 2047.
pub const MAX_CHANNELS: usize = 2048;
/// How many deliveries, and how many publishes, of a channel may wait to be settled. The oldest
/// is given out when there are more, without its settlement.
pub const MAX_UNSETTLED: usize = 1024;
/// How many of them may wait behind one that is perhaps never settled.
pub const MAX_IN_DOUBT: usize = 16;
/// How many publishes of a channel may wait for a return, where there are no confirms. The oldest is
/// given out when there are more.
pub const MAX_RETURNABLE: usize = 256;
/// How many consumers of a channel are known by their tags.
pub const MAX_CONSUMERS: usize = 256;
/// How many answers that came before their questions, and questions of a rare kind, are kept.
const MAX_EARLY: usize = 16;
/// The longest text that is kept, in bytes: no short string is longer.
const NAME_LIMIT: usize = 255;

/// AMQP's entry in the list of protocols.
pub static PROTOCOL: Protocol = Protocol {
    name: "amqp",
    detect: detect::detect,
    dissector: |from_start| Box::new(Amqp::new(from_start)),
    ports: &[5672],
};
