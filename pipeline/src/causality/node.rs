//! A finished exchange on its way to becoming a span.

use std::sync::Arc;

use onlooker_protocol::{Extent, Task, WireContext};

use super::ids::Ids;
use crate::connection::{ConnectionId, Transport};
use crate::messages::{Messages, Sender};
use crate::process::Handlers;
use crate::span::{Description, Evidence, Resource};

/// A node's number, never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct NodeId(pub(crate) u64);

/// A finished exchange, as the connection reports it.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) connection: ConnectionId,
    /// The other end, if it is known.
    pub(crate) peer: Option<ConnectionId>,
    pub(crate) transport: Transport,
    /// No other end is known, and it would be if there were one that is watched: whoever asked
    /// has read answers on this connection before.
    pub(crate) alone: bool,
    /// The traced process asked.
    pub(crate) asked: bool,
    /// The protocol serves one exchange at a time on a connection.
    pub(crate) serial: bool,
    /// It is the first exchange on its connection.
    pub(crate) first: bool,
    /// Positions at this end count from the connection's first byte, as they do at the other then.
    pub(crate) from_start: bool,
    /// Which of the exchanges that one request is told as.
    pub(crate) part: u32,
    pub(crate) opener: Task,
    pub(crate) handlers: Handlers,
    pub(crate) request: Extent,
    pub(crate) response: Option<Extent>,
    /// Monotonic nanoseconds: of the span, not of the bytes.
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) context: Option<WireContext>,
    pub(crate) links: Vec<WireContext>,
    /// The messages that it sends or receives.
    pub(crate) messages: Option<Messages>,
    /// Who sends them, if it does.
    pub(crate) sender: Option<Arc<Sender>>,
    pub(crate) description: Description,
    pub(crate) resource: Arc<Resource>,
}

impl Finished {
    /// About what it takes, in bytes.
    pub(crate) fn held(&self) -> usize {
        size_of::<Self>() + self.description.attributes.held()
    }

    /// The context that is in what the asker wrote: not one that came back in the message that it
    /// asked for.
    pub(crate) fn written_context(&self) -> Option<&WireContext> {
        let came_back = self.messages.as_ref().is_some_and(|messages| messages.brought_context);
        self.context.as_ref().filter(|_| !came_back)
    }
}

/// What a node waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waits {
    /// For records that are on their way: the other end may become known.
    Grace,
    /// For the client's exchange at the other end of its connection.
    Peer,
    /// For the server's exchange that its task was serving.
    Cause(ConnectionId),
    /// For the thread that made the call to end, which shows that it was no pool's.
    ThreadEnd,
    /// For the ids of its parent.
    Parent,
}

/// A finished exchange that waits.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) finished: Box<Finished>,
    /// What that takes, in bytes.
    pub(crate) held: usize,
    pub(crate) waits: Waits,
    /// Whose ids it waits for.
    pub(crate) children: Vec<(NodeId, Evidence)>,
}

/// A parent: its ids and how it is known.
#[derive(Clone, Debug)]
pub(crate) struct Parent {
    pub(crate) ids: Ids,
    pub(crate) evidence: Evidence,
    pub(crate) remote: bool,
}
