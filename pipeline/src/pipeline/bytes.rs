//! The bytes that a record brings, on their way to a dissector.

use onlooker_common::event::{self, direction, flag};
use onlooker_common::run::runs;
use onlooker_protocol::{Chunk, Moment, Side, Task};

use super::Pipeline;
use crate::connection::{Connection, Transport, sender};
use crate::process::Processes;

impl<P: Processes> Pipeline<P> {
    /// Bytes went through a socket.
    pub(super) fn data(&mut self, data: &event::Data, payload: &[u8]) {
        self.now = self.now.max(data.header.time);
        let Some(own) = self.table.by_socket(data.place.socket, data.place.inode) else {
            self.counters.strangers += 1;
            return;
        };
        let (id, slot) = (own.id, own.slot);
        let task = Task {
            process: data.header.tgid,
            thread: data.header.tid,
            id: data.task,
            cause: self.table.origin_beside(own, &data.cause),
            resumed: self.table.origin_beside(own, &data.resumed),
            inherited: data.flags & flag::INHERITED != 0,
            polls: data.flags & flag::POLLS != 0,
            waited: data.flags & flag::WAITED != 0,
        };
        // Out of the table and back: what is said on it is looked up in others.
        let Some(mut lent) = self.table.lend_from(slot) else { return };
        let connection = &mut *lent;
        connection.last_seen = data.header.time;
        let outward = data.direction == direction::OUT;
        if connection.endpoint.side == Side::Server && data.place.length > 0 {
            connection.served_by = task.id;
            if outward {
                self.causality.tasks.answered(task.id, id);
                self.causality.tasks.overlaps.ends(&mut connection.open_in, self.now);
            } else {
                let is_shared = connection.endpoint.transport == Transport::Udp;
                self.causality.tasks.received(task.id, id, is_shared);
                let open_in = &mut connection.open_in;
                self.causality.tasks.overlaps.begins(open_in, task.process, self.now);
            }
        }
        // Known when the first byte leaves, not when the exchange is over: requests that it says something
        // about may be over before.
        let start = connection.offset(outward, data.place.position);
        if outward && connection.sent.is_fresh() && connection.endpoint.side == Side::Client {
            // Else what the connection was opened for was lost, and this is something else.
            connection.is_whole &= start == 0 || connection.endpoint.transport == Transport::Udp;
            let opener = connection.is_whole.then_some(&connection.endpoint.opener);
            self.causality.tasks.calls(&task, opener);
        }
        let first = Moment {
            position: start.saturating_add(data.offset.into()),
            start: data.start,
            end: data.header.time,
            task,
        };
        if data.flags & flag::END != 0 {
            // The client asks nothing more: what was read behind the last answer was no request.
            self.causality.tasks.answered(task.id, id);
            self.causality.tasks.overlaps.ends(&mut connection.open_in, self.now);
            self.half_closed(connection, first, data.flags & flag::CLOSED != 0);
        } else {
            let side = sender(data.direction, connection.endpoint.side);
            let datagram = data.flags & flag::DATAGRAM != 0;
            for run in runs(data, payload) {
                let position = start.saturating_add(run.offset.into());
                let first = Moment { position, ..first };
                let (bytes, missing) = (run.bytes, run.missing.into());
                self.pass(connection, outward, Chunk { side, first, bytes, missing, datagram });
            }
        }
        self.table.give_back(lent);
        if self.held.came(payload.len()) {
            self.relieve();
        }
    }

    /// Brings bytes to the connection's dissector, in their order.
    fn pass(&mut self, connection: &mut Connection, outward: bool, chunk: Chunk<'_>) {
        let Connection { id, endpoint, conversation, sent, received, is_new, is_whole, .. } =
            connection;
        let (stream, other) = if outward { (sent, received) } else { (received, sent) };
        if stream.is_fresh() {
            let at_start =
                chunk.first.position == 0 && (*is_new || endpoint.transport == Transport::Tcp);
            conversation.starts(chunk.side, at_start);
            // Nothing of a connection that is watched from its first byte on has passed the other
            // way: the protocol may be found, and read, before anything does.
            if at_start && *is_new && !chunk.datagram && other.is_fresh() {
                conversation.starts(chunk.side.other(), true);
                other.begin();
            }
        }
        let output = &mut self.output;
        if chunk.datagram {
            conversation.feed(&chunk, output);
        } else {
            let ordering = stream.push(chunk, &mut |chunk| conversation.feed(&chunk, output));
            if stream.holds() && !self.holding.contains(id) {
                self.holding.push(*id);
            }
            *is_whole &= ordering.gap == 0;
            self.counters.passed_over(ordering);
        }
        if conversation.waits() {
            self.waiting.insert(*id);
        }
        self.collect(connection);
    }
}
