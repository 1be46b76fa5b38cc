//! The two ends of one call: a server's exchange is the child of the client's.

use super::{Causality, Connections, GRACE, PEER_WAIT};
use crate::causality::history::{Entry, History};
use crate::causality::node::{Finished, NodeId, Waits};
use crate::connection::{ConnectionId, Transport};
use crate::span::Evidence;

impl Causality {
    /// A server's exchange looks for the client's at the other end.
    pub(super) fn find_peer(&mut self, id: NodeId, now: u64, table: &impl Connections) {
        let peer = self.peer_of(id, table);
        let Some(node) = self.nodes.get_mut(&id) else { return };
        let Some(peer) = peer else {
            if node.finished.alone {
                return self.settle_alone(id);
            }
            node.waits = Waits::Grace;
            self.soon.set(now.saturating_add(GRACE), id);
            return;
        };
        if let Some(client) = other_end(&self.history, peer, &node.finished) {
            let standing = client.standing.clone();
            return self.attach(id, standing, Evidence::SameCall);
        }
        if !can_be_told(&node.finished) {
            return self.settle_without_peer(id);
        }
        node.waits = Waits::Peer;
        self.waiting_peer.entry(peer).or_default().push(id);
        self.later.set(now.saturating_add(PEER_WAIT), id);
    }

    pub(super) fn peer_of(&self, id: NodeId, table: &impl Connections) -> Option<ConnectionId> {
        let finished = &self.nodes.get(&id)?.finished;
        finished.peer.or_else(|| table.peer(finished.connection))
    }

    /// A client's exchange came, the last of its connection: servers' exchanges may have waited for it.
    pub(super) fn wake_servers(&mut self, on: ConnectionId) {
        let Some(mut waiting) = self.waiting_peer.remove(&on) else { return };
        let mut at = 0;
        while let Some(found) = self.next_concerned(on, waiting.get(at..).unwrap_or_default()) {
            at += found;
            let id = waiting.remove(at);
            let Some(node) = self.nodes.get(&id) else { continue };
            match other_end(&self.history, on, &node.finished).map(|it| it.standing.clone()) {
                Some(standing) => self.attach(id, standing, Evidence::SameCall),
                None => {
                    waiting.insert(at, id);
                    at += 1;
                }
            }
        }
        if !waiting.is_empty() {
            self.waiting_peer.insert(on, waiting);
        }
    }

    /// The first of those that wait which the last exchange of a connection may concern, or that has left.
    fn next_concerned(&self, on: ConnectionId, waiting: &[NodeId]) -> Option<usize> {
        let came = self.history.of(on).next()?;
        let concerns =
            |id: &NodeId| self.nodes.get(id).is_none_or(|node| same_call(came, &node.finished));
        waiting.iter().position(concerns)
    }

    /// The other end brought nothing.
    pub(super) fn settle_without_peer(&mut self, id: NodeId) {
        let has_context = self.nodes.get(&id).is_some_and(|node| node.finished.context.is_some());
        self.counters.peer_missing += u64::from(!has_context);
        self.settle_alone(id);
    }
}

/// The client's exchange of a connection whose other end a server's exchange is. Where positions do not tell, it is
/// none if there are several that could be.
fn other_end<'a>(history: &'a History, on: ConnectionId, server: &Finished) -> Option<&'a Entry> {
    let mut found = None;
    for entry in history.of(on) {
        let tell = do_positions_tell(entry, server);
        if same_call(entry, server) {
            if tell || found.is_some() {
                return Some(entry).filter(|_| tell);
            }
            found = Some(entry);
        } else if tell && entry.serial && distance(entry, server) < 0 {
            // Those before it were asked earlier still.
            break;
        }
    }
    found
}

/// Whether a client's exchange and a server's are the two ends of one call.
fn same_call(client: &Entry, server: &Finished) -> bool {
    if !client.asked || client.start > server.start || client.part != server.part {
        return false;
    }
    if server.transport == Transport::Unix && server.start > client.end {
        return false;
    }
    if do_positions_tell(client, server) {
        return distance(client, server) == 0;
    }
    // One exchange at a time contains the other's.
    server.serial
}

/// How far a client's request is behind a server's. Only the low halves of positions are the same at both ends of
/// a connection that is older than the agent.
fn distance(client: &Entry, server: &Finished) -> i32 {
    (client.request.first as u32).wrapping_sub(server.request.first.position as u32).cast_signed()
}

/// Whether positions are the same at both ends: those of Unix sockets count from where each end was first seen.
fn do_positions_tell(client: &Entry, server: &Finished) -> bool {
    server.transport != Transport::Unix || (client.from_start && server.from_start)
}

/// Whether the other end of a server's exchange would be known as such.
fn can_be_told(server: &Finished) -> bool {
    server.transport != Transport::Unix || server.serial || server.from_start
}
