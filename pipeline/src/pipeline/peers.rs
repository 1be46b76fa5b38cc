//! The connection table's answers to causality.

use onlooker_protocol::Origin;

use crate::causality::Connections;
use crate::connection::{Connection, ConnectionId, Table, Taken};

/// The table, and what is out of it.
pub(super) struct Peers<'a> {
    pub(super) table: &'a Table,
    /// A connection that is out of the table for a moment, and lives.
    pub(super) lent: Option<ConnectionId>,
}

impl<'a> Peers<'a> {
    /// Of all connections that are in the table.
    pub(super) fn of(table: &'a Table) -> Self {
        Self { table, lent: None }
    }
}

impl Connections for Peers<'_> {
    fn alive(&self, id: ConnectionId) -> bool {
        let speaks = |connection: &Connection| match connection.conversation.taken() {
            Taken::For(..) => true,
            // Bytes that a process sends itself mostly wake one of its threads (kafka-python, pika,
            // asyncio); a request would be known by its first bytes.
            Taken::Undecided => !self.table.is_pair(connection),
            Taken::Opaque(_) => false,
        };
        self.lent == Some(id) || self.table.get(id).is_some_and(speaks)
    }

    fn open(&self, id: ConnectionId, read: Origin) -> bool {
        let last = read.position.saturating_add(u64::from(read.length).saturating_sub(1));
        self.table.get(id).is_some_and(|connection| {
            let conversation = &connection.conversation;
            // The first bytes may be the end of an earlier request.
            [read.position, last].iter().any(|&at| conversation.open_request(at).is_some())
        })
    }

    fn peer(&self, id: ConnectionId) -> Option<ConnectionId> {
        self.table.peer(id)
    }
}
