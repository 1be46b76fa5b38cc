//! The life of connections: they begin, halves of them end, they are over; and what their readers
//! hold back meanwhile is let go.

use onlooker_common::event;
use onlooker_protocol::{Ending, Moment};

use super::Pipeline;
use super::peers::Peers;
use crate::connection::{Connection, ConnectionId, Taken, Transport};
use crate::process::Processes;

/// Ends of connections remembered; beyond, those unused longest are forgotten.
const MOST_CONNECTIONS: usize = 64 * 1024;
/// How long a Unix socket that has read its end may go on writing, in nanoseconds.
const UNIX_LINGER: u64 = 1_000_000_000;
/// The same while it owes an answer to a peer that has closed its half of the connection alone.
const MOST_UNIX_LINGER: u64 = 600_000_000_000;
/// `ECONNRESET` and `EPIPE`.
const RESETS: [u32; 2] = [104, 32];

/// A Unix socket that has read its end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Closing {
    id: ConnectionId,
    /// When it is taken for closed, if it owes nothing.
    due: u64,
    /// When it is whatever it owes.
    until: u64,
}

impl<P: Processes> Pipeline<P> {
    /// A socket is seen for the first time.
    pub(super) fn socket(&mut self, record: &event::Socket) {
        self.now = self.now.max(record.header.time);
        if self.table.learn_base(record) {
            return;
        }
        self.counters.connections += 1;
        let is_older = self.older.contains(&record.inode);
        let (_, replaced) = self.table.insert(record, is_older);
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
        let Connection { conversation, sent, received, is_whole, .. } = connection;
        let output = &mut self.output;
        for stream in [received, sent] {
            let ordering = stream.release(&mut |chunk| conversation.feed(&chunk, output));
            *is_whole &= ordering.gap == 0;
            self.counters.passed_over(ordering);
        }
        self.collect(connection);
    }

    /// The process read zero bytes: the other end sends nothing more, and reads nothing if it is `closed`.
    pub(super) fn half_closed(&mut self, connection: &mut Connection, at: Moment, closed: bool) {
        self.release(connection);
        let side = connection.endpoint.side.other();
        connection.conversation.half_closed(side, at, &mut self.output);
        if connection.endpoint.transport == Transport::Unix {
            let most = if closed { UNIX_LINGER } else { MOST_UNIX_LINGER };
            self.closing.push_back(Closing {
                id: connection.id,
                due: self.now.saturating_add(UNIX_LINGER),
                until: self.now.saturating_add(most),
            });
        }
        self.collect(connection);
    }

    /// The kernel does not tell of the end of Unix sockets: one that has read its end is over soon
    /// after, or soon after its answer, and so is the other end.
    pub(super) fn end_unix(&mut self) {
        while let Some(closing) = self.closing.pop_front_if(|closing| closing.due <= self.now) {
            let id = closing.id;
            if self.now < closing.until && self.table.get(id).is_some_and(Connection::owes) {
                let due = self.now.saturating_add(UNIX_LINGER);
                self.closing.push_back(Closing { due, ..closing });
                continue;
            }
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
        // Nobody is there to be captured; it would be taken for the next connection's.
        self.output.capture = None;
        self.report(&mut connection, false);
        self.causality.tasks.answered(connection.served_by, connection.id);
        self.causality.tasks.overlaps.ends(&mut connection.open_in, self.now);
        let doubts = connection.conversation.doubts();
        self.counters.not_understood += doubts.not_understood;
        self.counters.lost += doubts.lost;
        self.counters.demotions += u64::from(doubts.demotions);
        match connection.conversation.taken() {
            Taken::Opaque("tls" | "gssapi") => self.counters.encrypted += 1,
            Taken::Opaque("unknown" | "misdetected" | "multicast") => self.counters.unknown += 1,
            Taken::Opaque(_) => self.counters.left_alone += 1,
            Taken::Undecided => {
                let is_told = connection.conversation.is_undecided();
                let counts = is_told && !self.table.is_pair(&connection);
                self.counters.undecided += u64::from(counts);
            }
            Taken::For(..) => {}
        }
        self.causality.closed(connection.id, self.now, &Peers::of(&self.table));
        if let Some(ended) = &mut self.ended {
            ended.push(connection);
        }
    }
}
