//! What is looked at again when its time has come.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

use super::node::{Node, NodeId};

/// Deadlines kept; beyond, those of nodes that have left go. Most nodes leave long before theirs.
const MOST: usize = 128 * 1024;

/// Deadlines that lie equally far ahead when they are set: they are due in the order they come.
#[derive(Debug, Default)]
pub(super) struct Deadlines(VecDeque<(u64, NodeId)>);

impl Deadlines {
    /// Sets one, in the records' clock.
    pub(super) fn set(&mut self, at: u64, id: NodeId) {
        self.0.push_back((at, id));
    }

    /// Takes one that is due.
    pub(super) fn due(&mut self, now: u64) -> Option<NodeId> {
        self.0.pop_front_if(|(at, _)| *at <= now).map(|(_, id)| id)
    }

    /// Forgets those of nodes that have left, if there are many. Fewer nodes wait than half of what is kept,
    /// so that each is looked at twice at most.
    pub(super) fn tidy(&mut self, waiting: &FxHashMap<NodeId, Node>) {
        if self.0.len() > MOST {
            self.0.retain(|(_, id)| waiting.contains_key(id));
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}
