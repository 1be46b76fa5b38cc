//! The connections that are known, and which two of them are the ends of one.

use std::collections::BTreeSet;

use onlooker_common::event;
use onlooker_protocol::{Origin, Side};
use rustc_hash::{FxHashMap, FxHashSet};

use super::conversation::Conversation;
use super::endpoint::{Endpoint, Transport};
use super::graves::{Grave, Graves};
use super::stream::Stream;
use crate::causality::OpenIn;

/// How long the two ends of an ended connection still know each other, and what was read from it is still
/// known as its, in nanoseconds.
const MEMORY: u64 = 2_000_000_000;

/// Ended connections that are remembered; beyond, those that ended first are forgotten. Some 200 bytes each.
const MOST_GRAVES: usize = 64 * 1024;

/// The pipeline's number of one end of a connection, never zero, never used twice in 2³² ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId(pub u32);

/// Which connection it is, as both of its ends can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Wire {
    /// The server's and the client's first sequence numbers: they survive address translation.
    Tcp { server: u32, client: u32 },
    /// Inode number of the client's socket.
    Unix(u32),
}

impl Wire {
    /// As the end that is `side` tells it.
    fn tcp(side: Side, sent: u32, received: u32) -> Self {
        match side {
            Side::Client => Self::Tcp { server: received, client: sent },
            Side::Server => Self::Tcp { server: sent, client: received },
        }
    }
}

/// One end of a connection and all that is known of it.
#[derive(Debug)]
pub struct Connection {
    /// Its number.
    pub id: ConnectionId,
    /// Address of the kernel's sock.
    pub socket: u64,
    /// Inode number of the socket.
    pub inode: u32,
    /// Addresses and origin.
    pub endpoint: Endpoint,
    /// What is said on it.
    pub conversation: Conversation,
    /// Exchanges found on it.
    pub exchanges: u64,
    pub(crate) sent: Stream,
    pub(crate) received: Stream,
    pub(crate) sent_base: u32,
    pub(crate) received_base: u32,
    pub(crate) open_in: OpenIn,
    /// It is watched from its first byte on.
    pub(crate) is_new: bool,
    /// Nothing of it was lost so far.
    pub(crate) is_whole: bool,
    pub(crate) first_seen: u64,
    pub(crate) last_seen: u64,
    /// The task that last read or wrote as the server.
    pub(crate) served_by: u64,
    wire: Option<Wire>,
    pub(crate) slot: Slot,
}

/// Where a connection stands in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slot(u32);

impl Connection {
    /// A position as the kernel tells it, as an offset into the stream.
    pub(crate) fn offset(&self, outward: bool, position: u64) -> u64 {
        if self.endpoint.transport != Transport::Tcp {
            return position;
        }
        let (stream, base) = if outward {
            (&self.sent, self.sent_base)
        } else {
            (&self.received, self.received_base)
        };
        stream.unwrap((position as u32).wrapping_sub(base))
    }

    /// Whether a request that was read, or sent, is not answered.
    pub(crate) fn owes(&self) -> bool {
        let asks = (self.endpoint.side == Side::Client) != self.conversation.flipped();
        let asked = if asks { &self.sent } else { &self.received };
        asked
            .next()
            .checked_sub(1)
            .is_some_and(|last| self.conversation.open_request(last).is_some())
    }

    /// What a kernel place on this connection means.
    fn origin(&self, place: &event::Place) -> Origin {
        Origin {
            connection: self.id.0,
            length: place.length,
            position: self.offset(false, place.position),
        }
    }
}

/// All known ends.
#[derive(Debug, Default)]
pub(crate) struct Table {
    /// Empty where a connection was taken out, for a moment or for good.
    slots: Vec<Option<Box<Connection>>>,
    /// Those of the slots that are nobody's.
    free: Vec<Slot>,
    by_socket: FxHashMap<u64, Slot>,
    by_id: FxHashMap<ConnectionId, Slot>,
    by_wire: FxHashMap<(Wire, Side), ConnectionId>,
    /// By process, those of whose ends the kernel does not always tell: all but TCP's.
    untold: BTreeSet<(u32, ConnectionId)>,
    /// Ended connections, whose other end may still look for them.
    graves: Graves,
    last: u32,
}

impl Table {
    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Connection> {
        self.slots.iter().filter_map(Option::as_deref)
    }

    pub(crate) fn get(&self, id: ConnectionId) -> Option<&Connection> {
        self.at(*self.by_id.get(&id)?)
    }

    /// The ends that a process uses and of whose ends the kernel may not tell, oldest first.
    pub(crate) fn untold_of(&self, process: u32) -> impl Iterator<Item = ConnectionId> {
        let [first, last] = [0, u32::MAX].map(|id| (process, ConnectionId(id)));
        self.untold.range(first..=last).map(|(_, id)| *id)
    }

    /// These sockets were there before they were watched.
    pub(crate) fn set_older(&mut self, inodes: &FxHashSet<u32>) {
        for connection in self.slots.iter_mut().flatten() {
            connection.is_new &= !inodes.contains(&connection.inode);
        }
    }

    fn at(&self, slot: Slot) -> Option<&Connection> {
        self.slots.get(slot.0 as usize)?.as_deref()
    }

    /// The end behind a socket, if it is not an earlier one at the same address.
    pub(crate) fn by_socket(&self, socket: u64, inode: u32) -> Option<&Connection> {
        self.at(*self.by_socket.get(&socket)?).filter(|connection| connection.inode == inode)
    }

    /// What a kernel place means: which connection, at which offset.
    pub(crate) fn origin(&self, place: &event::Place) -> Origin {
        if place.socket == 0 {
            return Origin::default();
        }
        if let Some(connection) = self.by_socket(place.socket, place.inode) {
            return connection.origin(place);
        }
        // Who has read the whole answer may close the connection before it goes on.
        let grave = self.graves.of_socket((place.socket, place.inode));
        grave.map_or_else(Origin::default, |grave| Origin {
            connection: grave.id.0,
            length: place.length,
            position: grave.offset(place.position),
        })
    }

    /// The same, if it was a record of `own` that told of it: mostly it means that connection.
    pub(crate) fn origin_beside(&self, own: &Connection, place: &event::Place) -> Origin {
        if place.socket == own.socket && place.inode == own.inode {
            own.origin(place)
        } else {
            self.origin(place)
        }
    }

    /// The other end of a connection, if it is on this host and known. The connection may be over: a server
    /// that closes at once does so before its client, preempted behind the send, is heard of.
    pub(crate) fn peer(&self, id: ConnectionId) -> Option<ConnectionId> {
        if let Some(connection) = self.get(id) {
            return self.peer_of(connection);
        }
        let grave = self.graves.of(id)?;
        self.by_wire.get(&(grave.wire?, grave.side.other())).copied()
    }

    /// The same for an end that is out of the table.
    pub(crate) fn peer_of(&self, connection: &Connection) -> Option<ConnectionId> {
        let side = connection.endpoint.side.other();
        self.by_wire.get(&(connection.wire?, side)).copied()
    }

    /// Whether it is one of two sockets that one process made for itself: by socketpair(2), or with
    /// a listener of its own.
    pub(crate) fn is_pair(&self, connection: &Connection) -> bool {
        let Endpoint { transport, path, side_certain, process, .. } = &connection.endpoint;
        let peer = self.peer_of(connection).and_then(|peer| self.get(peer));
        peer.is_some_and(|peer| peer.endpoint.process == *process)
            || *transport == Transport::Unix && path.is_none() && !side_certain
    }

    /// Adds the end that a socket record tells of; gives the one it replaces, if any. `is_older` says that the
    /// socket was there before it was watched.
    pub(crate) fn insert(
        &mut self,
        record: &event::Socket,
        is_older: bool,
    ) -> (ConnectionId, Option<Connection>) {
        let replaced = self.by_socket.get(&record.socket).and_then(|slot| self.at(*slot));
        let replaced = replaced.map(|connection| connection.id);
        let replaced = replaced.and_then(|id| self.remove(id, record.header.time));
        self.last = self.last.wrapping_add(1).max(1);
        let id = ConnectionId(self.last);
        let endpoint = Endpoint::of(record, |place| self.origin(place));
        let client = endpoint.side == Side::Client;
        // The kernel counts an opener's SYN as a byte.
        let sent_base = record.sent_base.wrapping_add(u32::from(client));
        let wire = match endpoint.transport {
            Transport::Tcp => Some(Wire::tcp(endpoint.side, sent_base, record.received_base)),
            Transport::Unix if client => Some(Wire::Unix(record.inode)),
            Transport::Unix if record.peer_inode == 0 => None,
            Transport::Unix => Some(Wire::Unix(record.peer_inode)),
            Transport::Udp => None,
        };
        let port = match endpoint.side {
            Side::Client => endpoint.peer,
            Side::Server => endpoint.local,
        }
        .map_or(0, |(_, port)| port);
        let start = endpoint.seen_opening;
        let is_multicast = endpoint.transport == Transport::Udp
            && [endpoint.local, endpoint.peer].iter().flatten().any(|(ip, _)| ip.is_multicast());
        let conversation = if is_multicast {
            Conversation::multicast()
        } else {
            Conversation::new(port, endpoint.side_certain, start, start)
        };
        if let Some(wire) = wire {
            self.by_wire.insert((wire, endpoint.side), id);
        }
        if endpoint.transport != Transport::Tcp {
            self.untold.insert((endpoint.process, id));
        }
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            Slot(self.slots.len() as u32 - 1)
        });
        let connection = Connection {
            id,
            socket: record.socket,
            inode: record.inode,
            endpoint,
            conversation,
            exchanges: 0,
            sent: Stream::default(),
            received: Stream::default(),
            sent_base,
            received_base: record.received_base,
            open_in: OpenIn::default(),
            is_new: start || !is_older,
            is_whole: true,
            first_seen: record.header.time,
            last_seen: record.header.time,
            served_by: 0,
            wire,
            slot,
        };
        self.by_socket.insert(record.socket, slot);
        self.by_id.insert(id, slot);
        self.give_back(Box::new(connection));
        (id, replaced)
    }

    /// Learns where the peer's bytes begin, of a connection that has sent before the peer agreed to it (TCP Fast Open,
    /// RFC 7413) and is told of once more when it has; `false` if the record tells of another.
    pub(crate) fn learn_base(&mut self, record: &event::Socket) -> bool {
        let slot = self.by_socket.get(&record.socket);
        let known = slot.and_then(|slot| self.slots.get_mut(slot.0 as usize)?.as_deref_mut());
        let Some(known) = known.filter(|known| {
            known.inode == record.inode
                && known.endpoint.seen_opening
                && known.received_base == 0
                && known.sent_base == record.sent_base.wrapping_add(1)
        }) else {
            return false;
        };
        let side = known.endpoint.side;
        let wire = Wire::tcp(side, known.sent_base, record.received_base);
        known.received_base = record.received_base;
        if let Some(before) = known.wire.replace(wire) {
            self.by_wire.remove(&(before, side));
        }
        self.by_wire.insert((wire, side), known.id);
        true
    }

    /// Takes an end out. That it was the other end of some connection is remembered for a while.
    pub(crate) fn remove(&mut self, id: ConnectionId, now: u64) -> Option<Connection> {
        let slot = self.by_id.remove(&id)?;
        let connection = *self.lend_from(slot)?;
        self.free.push(slot);
        if connection.endpoint.transport != Transport::Tcp {
            self.untold.remove(&(connection.endpoint.process, id));
        }
        if self.by_socket.get(&connection.socket) == Some(&slot) {
            self.by_socket.remove(&connection.socket);
        }
        self.graves.add(Grave {
            until: now.saturating_add(MEMORY),
            id,
            side: connection.endpoint.side,
            wire: connection.wire,
            socket: (connection.socket, connection.inode),
            tcp: connection.endpoint.transport == Transport::Tcp,
            received_base: connection.received_base,
            received: connection.received.next(),
        });
        Some(connection)
    }

    /// Forgets ends that ended long enough ago.
    pub(crate) fn bury(&mut self, now: u64) {
        loop {
            let too_many = self.graves.len() > MOST_GRAVES;
            let Some(grave) = self.graves.take(if too_many { u64::MAX } else { now }) else {
                break;
            };
            if let Some(wire) = grave.wire
                && self.by_wire.get(&(wire, grave.side)) == Some(&grave.id)
            {
                self.by_wire.remove(&(wire, grave.side));
            }
        }
    }

    /// Takes an end out for a moment; it must be given back.
    pub(crate) fn lend(&mut self, id: ConnectionId) -> Option<Box<Connection>> {
        self.lend_from(*self.by_id.get(&id)?)
    }

    /// The same, where it is known at which place an end stands.
    pub(crate) fn lend_from(&mut self, slot: Slot) -> Option<Box<Connection>> {
        self.slots.get_mut(slot.0 as usize)?.take()
    }

    /// Puts a lent end back.
    pub(crate) fn give_back(&mut self, connection: Box<Connection>) {
        if let Some(slot) = self.slots.get_mut(connection.slot.0 as usize) {
            *slot = Some(connection);
        }
    }

    /// The eighth of the ends that has been silent longest. To find one alone costs a look at all.
    pub(crate) fn unused_longest(&self) -> Vec<ConnectionId> {
        let mut oldest: Vec<_> = self.iter().map(|it| (it.last_seen, it.id)).collect();
        let eighth = oldest.len().div_ceil(8);
        if eighth < oldest.len() {
            oldest.select_nth_unstable(eighth);
            oldest.truncate(eighth);
        }
        oldest.into_iter().map(|(_, id)| id).collect()
    }
}

#[cfg(test)]
mod tests;
