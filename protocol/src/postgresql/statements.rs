//! The statements that a connection has prepared.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use crate::sql::Digest;

/// The most names that are kept for a connection, prepared statements and portals each.
const NAMES_LIMIT: usize = 1024;

/// The most text that is kept for a connection, in bytes.
const TEXT_TOTAL_LIMIT: usize = 1024 * 1024;

/// The longest name that is kept, in bytes. PostgreSQL's own names end at 63.
pub(super) const NAME_LIMIT: usize = 256;

/// Names and what they stand for. The oldest make room for new ones.
#[derive(Debug, Default)]
pub(super) struct Names {
    known: HashMap<Box<[u8]>, Arc<Digest>>,
    /// Names in the order they were set. May hold names that are forgotten or set again.
    order: VecDeque<Box<[u8]>>,
    /// The unnamed one.
    unnamed: Option<Arc<Digest>>,
    text: usize,
    evicted: u64,
}

impl Names {
    pub(super) fn get(&self, name: &[u8]) -> Option<Arc<Digest>> {
        if name.is_empty() { self.unnamed.clone() } else { self.known.get(name).cloned() }
    }

    /// Sets (or, with `None`, forgets) a name and returns what it stood for.
    pub(super) fn set(&mut self, name: &[u8], digest: Option<Arc<Digest>>) -> Option<Arc<Digest>> {
        if name.is_empty() {
            return std::mem::replace(&mut self.unnamed, digest);
        }
        let before = self.known.remove(name);
        self.text -= before.as_ref().map_or(0, size);
        if let Some(digest) = digest.filter(|_| name.len() <= NAME_LIMIT) {
            self.text += size(&digest);
            self.known.insert(name.into(), digest);
            self.order.push_back(name.into());
            self.make_room();
        }
        before
    }

    /// How many were forgotten for want of room since last asked.
    pub(super) fn take_evicted(&mut self) -> u64 {
        std::mem::take(&mut self.evicted)
    }

    fn make_room(&mut self) {
        while self.known.len() > NAMES_LIMIT || self.text > TEXT_TOTAL_LIMIT {
            let Some(oldest) = self.order.pop_front() else { break };
            if let Some(digest) = self.known.remove(&oldest) {
                self.text -= size(&digest);
                self.evicted += 1;
            }
        }
        // Names that come and go leave their traces in the order.
        if self.order.len() > 2 * NAMES_LIMIT {
            let known = &self.known;
            let mut seen = std::collections::HashSet::new();
            let mut order: VecDeque<_> = std::mem::take(&mut self.order);
            while let Some(name) = order.pop_back() {
                if known.contains_key(&name) && seen.insert(name.clone()) {
                    self.order.push_front(name);
                }
            }
        }
    }
}

/// What a digest counts against the limit, in bytes.
fn size(digest: &Arc<Digest>) -> usize {
    digest.text.len() + digest.summary.len() + size_of::<Digest>()
}
