//! Connections that ended a moment ago: what others still ask about them.

use std::collections::VecDeque;

use onlooker_protocol::Side;
use rustc_hash::FxHashMap;

use super::stream::unwrap_near;
use super::table::{ConnectionId, Wire};

/// An end that has ended.
#[derive(Debug)]
pub(super) struct Grave {
    /// When it may be forgotten.
    pub(super) until: u64,
    pub(super) id: ConnectionId,
    pub(super) side: Side,
    pub(super) wire: Option<Wire>,
    /// Address of the kernel's sock, and inode number.
    pub(super) socket: (u64, u32),
    pub(super) tcp: bool,
    pub(super) received_base: u32,
    /// How far it was read.
    pub(super) received: u64,
}

impl Grave {
    /// A position of what was received, as the kernel tells it, as an offset into the stream.
    pub(super) fn offset(&self, position: u64) -> u64 {
        if !self.tcp {
            return position;
        }
        unwrap_near((position as u32).wrapping_sub(self.received_base), self.received)
    }
}

/// All of them, oldest first.
#[derive(Debug, Default)]
pub(super) struct Graves {
    all: VecDeque<Grave>,
    /// Where in `all`, counted from the first ever.
    by_socket: FxHashMap<(u64, u32), u64>,
    by_id: FxHashMap<ConnectionId, u64>,
    /// How many are in `all` no more.
    gone: u64,
}

impl Graves {
    pub(super) fn add(&mut self, grave: Grave) {
        let at = self.gone.wrapping_add(self.all.len() as u64);
        self.by_socket.insert(grave.socket, at);
        self.by_id.insert(grave.id, at);
        self.all.push_back(grave);
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// The last end of a socket.
    pub(super) fn of_socket(&self, socket: (u64, u32)) -> Option<&Grave> {
        self.at(*self.by_socket.get(&socket)?)
    }

    pub(super) fn of(&self, id: ConnectionId) -> Option<&Grave> {
        self.at(*self.by_id.get(&id)?)
    }

    /// Takes out one that may be forgotten.
    pub(super) fn take(&mut self, now: u64) -> Option<Grave> {
        let grave = self.all.pop_front_if(|grave| grave.until <= now)?;
        if self.by_socket.get(&grave.socket) == Some(&self.gone) {
            self.by_socket.remove(&grave.socket);
        }
        self.by_id.remove(&grave.id);
        self.gone = self.gone.wrapping_add(1);
        Some(grave)
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty() && self.by_socket.is_empty() && self.by_id.is_empty()
    }

    fn at(&self, at: u64) -> Option<&Grave> {
        self.all.get(at.wrapping_sub(self.gone) as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grave(id: u32, until: u64) -> Grave {
        Grave {
            until,
            id: ConnectionId(id),
            side: Side::Server,
            wire: None,
            socket: (7, 7),
            tcp: false,
            received_base: 0,
            received: 0,
        }
    }

    #[test]
    fn a_later_end_of_the_same_socket_outlives_the_earlier() {
        let mut graves = Graves::default();
        graves.add(grave(1, 10));
        graves.add(grave(2, 20));
        let ids =
            |graves: &Graves| [1, 2].map(|id| graves.of(ConnectionId(id)).map(|grave| grave.id.0));
        assert_eq!(ids(&graves), [Some(1), Some(2)]);
        assert!(graves.take(9).is_none());
        assert_eq!(graves.take(10).map(|grave| grave.id.0), Some(1));
        assert_eq!(ids(&graves), [None, Some(2)]);
        assert_eq!(graves.of_socket((7, 7)).map(|grave| grave.id.0), Some(2));
        assert_eq!(graves.take(20).map(|grave| grave.id.0), Some(2));
        assert!(graves.of_socket((7, 7)).is_none());
    }
}
