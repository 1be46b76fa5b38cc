//! What is settled because time has passed, a connection is over, or everything is.

use super::{Came, Causality, Connections, PEER_WAIT, calls};
use crate::causality::node::Waits;
use crate::connection::ConnectionId;

/// How long a connection's exchanges are remembered after its end.
const MEMORY: u64 = PEER_WAIT;
/// Ended connections whose exchanges are remembered; beyond, those of the ones that ended first are forgotten, and
/// what waits for them settled.
const MOST_ENDED: usize = 64 * 1024;

impl Causality {
    /// A connection is over: no exchange of it will follow.
    pub(crate) fn closed(&mut self, on: ConnectionId, now: u64, table: &impl Connections) {
        self.ended.push_back((now.saturating_add(MEMORY), on));
        self.wake_calls(Came::none(on), now, table);
    }

    /// Time passes: deadlines.
    pub(crate) fn tick(&mut self, now: u64, table: &impl Connections) {
        self.now = now;
        while let Some(id) = self.soon.due(now) {
            if self.nodes.get(&id).is_some_and(|node| node.waits == Waits::Grace) {
                match self.peer_of(id, table) {
                    Some(_) => self.find_peer(id, now, table),
                    None => self.settle_alone(id),
                }
            }
        }
        while let Some(id) = self.thread_ends.due(now) {
            if self.nodes.get(&id).is_some_and(|node| node.waits == Waits::ThreadEnd) {
                self.find_cause(id, now, table, true);
                self.wake_resolved(now, table);
            }
        }
        while let Some(id) = self.later.due(now) {
            if self.nodes.get(&id).is_some_and(|node| node.waits == Waits::Peer) {
                self.settle_without_peer(id);
            } else if self.nodes.get(&id).is_some_and(|node| node.waits == Waits::ThreadEnd) {
                self.find_cause(id, now, table, true);
                self.wake_resolved(now, table);
            }
        }
        while let Some(id) = self.much_later.due(now) {
            self.go_on_waiting(id, calls::enough(now), table);
        }
        while let Some((_, enough, id)) = self.patient.pop_front_if(|look| look.0 <= now) {
            self.go_on_waiting(id, enough, table);
        }
        loop {
            let most = if self.ended.len() > MOST_ENDED { u64::MAX } else { now };
            let Some((_, on)) = self.ended.pop_front_if(|&mut (at, _)| at <= most) else { break };
            for (id, _) in self.waiting_cause.remove(&on).unwrap_or_default() {
                self.settle_alone_if(id, Waits::Cause(on));
            }
            for id in self.waiting_peer.remove(&on).unwrap_or_default() {
                if self.nodes.get(&id).is_some_and(|node| node.waits == Waits::Peer) {
                    self.settle_without_peer(id);
                }
            }
            self.history.forget(on);
        }
        self.later.tidy(&self.nodes);
        self.much_later.tidy(&self.nodes);
        self.history.sweep(now);
        self.linker.tick(now, &mut self.spans);
    }

    /// The end: everything that waits is settled as it stands.
    pub(crate) fn finish(&mut self) {
        // First those whose children wait for them; that leaves whom their own children are to be the parents
        // of, which only a record that is not the kernel's can say.
        for is_last in [false, true] {
            let waiting =
                self.nodes.iter().filter(|(_, node)| is_last || node.waits != Waits::Parent);
            let mut rest: Vec<_> = waiting.map(|(id, _)| *id).collect();
            rest.sort_unstable();
            for id in rest {
                self.settle_alone(id);
            }
        }
        self.linker.finish(self.now, &mut self.spans);
    }
}
