//! Which span sent the messages that another one received.
//!
//! A context in a message names its sender by itself. A message without one may still be known at
//! both of its ends by what the protocols say of it: `told` reads its [`Name`] from an exchange.
//! Senders are remembered by [`offsets`] (a run of a partition's log) and by [`identities`] (an id,
//! or the whole content); the [`Linker`] holds a receiver's span back until they are known, or for
//! as long as they could still come.

mod identities;
mod linker;
mod offsets;
mod told;

#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use onlooker_protocol::WireContext;

use crate::span::{SpanId, TraceId};

pub use linker::MessageCounters;

pub(crate) use linker::Linker;
pub(crate) use told::told;

/// A broker, as its clients in one network namespace address it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Broker {
    pub(crate) netns: u32,
    pub(crate) address: IpAddr,
    pub(crate) port: u16,
}

/// What an exchange says of messages, at the end that wrote or read them.
#[derive(Debug)]
pub(crate) struct Messages {
    pub(crate) way: Way,
    /// The exchange's context is that of a message that was asked for, so nothing that made the
    /// process ask.
    pub(crate) brought_context: bool,
    pub(crate) names: Vec<Name>,
    /// Contexts that they carry, to be linked to.
    pub(crate) contexts: Vec<WireContext>,
    /// Messages, or runs of them, of which too little was seen to name them.
    pub(crate) nameless: u64,
    /// When they were on the wire, in monotonic nanoseconds: sent no earlier, received no later.
    pub(crate) at: u64,
}

/// Which way messages went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Sent,
    Received,
}

/// What names a message, or a run of messages, at both of its ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    Offsets(OffsetRange),
    Identity(Identity),
}

/// Consecutive messages of a Kafka partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OffsetRange {
    pub(crate) broker: Broker,
    /// The cluster's id, if the connection's metadata told it.
    pub(crate) cluster: Option<Arc<str>>,
    /// The topic's name, its id (a UUID), or both: what the request said, and Metadata explained.
    pub(crate) topic: Option<Arc<str>>,
    pub(crate) topic_id: Option<[u8; 16]>,
    pub(crate) partition: i32,
    pub(crate) first: i64,
    pub(crate) last: i64,
    /// Of a received run: its messages. The log can have offsets without one.
    pub(crate) messages: Option<u64>,
}

/// A message by what is said of it. Two messages may be alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) key: Arc<Key>,
    /// What may be unknown at one of the ends, and then contradicts nothing.
    pub(crate) vhost: Option<Arc<str>>,
    pub(crate) content: Option<u64>,
}

/// What is the same at both ends.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    Amqp {
        broker: Broker,
        exchange: Box<str>,
        routing_key: Box<str>,
        message_id: Option<Box<str>>,
        correlation_id: Option<Box<str>>,
        timestamp: Option<u64>,
        body_size: u64,
    },
    /// An id that SQS or SNS made up, a UUID.
    Aws(Box<str>),
}

impl Key {
    /// Whether the application, or the service, has given the message a name of its own.
    fn is_named(&self) -> bool {
        match self {
            Self::Amqp { message_id, .. } => message_id.is_some(),
            Self::Aws(_) => true,
        }
    }

    fn message_id(&self) -> Option<&str> {
        match self {
            Self::Amqp { message_id, .. } => message_id.as_deref(),
            Self::Aws(id) => Some(id),
        }
    }
}

/// Who sent messages: a span that has its ids, or will have them.
#[derive(Debug)]
pub(crate) struct Sender {
    /// When it began to, in monotonic nanoseconds.
    at: u64,
    ids: OnceLock<SenderIds>,
}

/// What a link to a sender holds.
#[derive(Clone, Debug)]
pub(crate) struct SenderIds {
    pub(crate) trace: TraceId,
    pub(crate) span: SpanId,
    pub(crate) state: Option<Box<str>>,
}

impl Sender {
    pub(crate) fn new(at: u64) -> Arc<Self> {
        Arc::new(Self { at, ids: OnceLock::new() })
    }

    /// It is decided which span it is.
    pub(crate) fn settle(&self, ids: SenderIds) {
        // A span is settled once.
        let _ = self.ids.set(ids);
    }

    fn ids(&self) -> Option<&SenderIds> {
        self.ids.get()
    }
}
