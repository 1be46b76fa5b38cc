//! The life of connections: they begin, halves of them end, they are over; and what their readers
//! hold back meanwhile is let go.

use onlooker_common::event::{self, direction};
use onlooker_protocol::{Chunk, Ending, Moment};

use super::Pipeline;
use super::peers::Peers;
use crate::connection::{Connection, ConnectionId, Run, Taken, Transport, sender};
use crate::process::Processes;

/// Ends of connections remembered; beyond, those unused longest are forgotten.
const MOST_CONNECTIONS: usize = 64 * 1024;
/// How long a Unix socket that has read its end may go on writing, in nanoseconds.
const UNIX_LINGER: u64 = 1_000_000_000;
/// `ECONNRESET` and `EPIPE`.
const RESETS: [u32; 2] = [104, 32];

impl<P: Processes> Pipeline<P> {
    /// A socket is seen for the first time.
    pub(super) fn socket(&mut self, record: &event::Socket) {
        self.now = self.now.max(record.header.time);
        self.counters.connections += 1;
        let (_, replaced) = self.table.insert(record);
        if let Some(connection) = replaced {
            self.close(connection, Ending::Forgotten);
        }
        if self.table.len() > MOST_CONNECTIONS {
            for oldest in self.table.unused_longest() {
                self.counters.forgotten += 1;
                self.end(oldest, Ending::Forgotten);
            }
        }
    }

    /// A socket is closed.
    pub(super) fn socket_end(&mut self, record: &event::SocketEnd) {
        self.now = self.now.max(record.header.time);
        self.older.remove(&record.inode);
        let Some(connection) = self.table.by_socket(record.socket, record.inode) else { return };
        let id = connection.id;
        let reset = RESETS.contains(&record.error);
        self.end(id, if reset { Ending::Reset } else { Ending::Closed });
    }

    /// Lets a dissector give out what it held back.
    pub(super) fn idle(&mut self, id: ConnectionId) {
        let Some(mut connection) = self.table.lend(id) else { return };
        connection.conversation.idle(self.now, &mut self.output);
        if connection.conversation.waits() {
            self.waiting.insert(id);
        }
        self.collect(&mut connection);
        self.table.give_back(connection);
    }

    /// Gives up on records that did not come.
    pub(super) fn release_of(&mut self, id: ConnectionId) {
        let Some(mut connection) = self.table.lend(id) else { return };
        self.release(&mut connection);
        self.table.give_back(connection);
    }

    pub(super) fn release(&mut self, connection: &mut Connection) {
        let Connection { endpoint, conversation, sent, received, .. } = connection;
        let output = &mut self.output;
        for (towards, stream) in [(direction::IN, received), (direction::OUT, sent)] {
            let side = sender(towards, endpoint.side);
            let ordering = stream.release(&mut |Run { first, bytes, missing }| {
                conversation.feed(&Chunk { side, first, bytes, missing, datagram: false }, output);
            });
            self.counters.passed_over(ordering);
        }
        self.collect(connection);
    }

    /// The process read zero bytes: the other end sends nothing more.
    pub(super) fn half_closed(&mut self, connection: &mut Connection, at: Moment) {
        self.release(connection);
        let side = connection.endpoint.side.other();
        connection.conversation.half_closed(side, at, &mut self.output);
        if connection.endpoint.transport == Transport::Unix {
            self.closing.push_back((self.now.saturating_add(UNIX_LINGER), connection.id));
        }
        self.collect(connection);
    }

    /// The kernel does not tell of the end of Unix sockets: one that has read its end is over soon
    /// after, and so is the other end.
    pub(super) fn end_unix(&mut self) {
        while let Some((_, id)) = self.closing.pop_front_if(|closing| closing.0 <= self.now) {
            let peer = self.table.peer(id);
            self.end(id, Ending::Closed);
            if let Some(peer) = peer {
                self.end(peer, Ending::Closed);
            }
        }
    }

    pub(super) fn end(&mut self, id: ConnectionId, ending: Ending) {
        self.release_of(id);
        let Some(connection) = self.table.remove(id, self.now) else { return };
        self.close(connection, ending);
    }

    /// A connection that is out of the table says its last.
    fn close(&mut self, mut connection: Connection, ending: Ending) {
        let at = Moment { start: self.now, end: self.now, ..Moment::default() };
        connection.conversation.closed(ending, at, &mut self.output);
        self.report(&mut connection, false);
        self.causality.tasks.answered(connection.served_by, connection.id);
        self.causality.tasks.overlaps.ends(connection.id, self.now);
        let doubts = connection.conversation.doubts();
        self.counters.not_understood += doubts.not_understood;
        self.counters.lost += doubts.lost;
        self.counters.demotions += u64::from(doubts.demotions);
        match connection.conversation.taken() {
            Taken::Opaque("tls" | "gssapi") => self.counters.encrypted += 1,
            Taken::Opaque("unknown" | "misdetected" | "multicast") => self.counters.unknown += 1,
            Taken::Opaque(_) => self.counters.left_alone += 1,
            Taken::Undecided | Taken::For(..) => {}
        }
        self.causality.closed(connection.id, self.now, &Peers::of(&self.table));
        if let Some(ended) = &mut self.ended {
            ended.push(connection);
        }
    }
}
