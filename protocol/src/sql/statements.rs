//! The statements that a connection has prepared.

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::Hash;
use std::sync::Arc;

use super::Digest;

/// The most statements that are kept for a connection.
pub(crate) const STATEMENTS_LIMIT: usize = 1024;

/// The most text that is kept for a connection, in bytes.
const TEXT_TOTAL_LIMIT: usize = 1024 * 1024;

/// Statements by their name or number. The oldest make room for new ones.
#[derive(Debug)]
pub(crate) struct Statements<K> {
    known: HashMap<K, Arc<Digest>>,
    /// Keys in the order they were set. May hold keys that are forgotten or set again.
    order: VecDeque<K>,
    text: usize,
    evicted: u64,
}

impl<K> Default for Statements<K> {
    fn default() -> Self {
        Self { known: HashMap::new(), order: VecDeque::new(), text: 0, evicted: 0 }
    }
}

impl<K: Clone + Eq + Hash> Statements<K> {
    pub(crate) fn get<Q>(&self, key: &Q) -> Option<&Arc<Digest>>
    where
        K: std::borrow::Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.known.get(key)
    }

    /// Forgets a key and returns what it stood for.
    pub(crate) fn remove<Q>(&mut self, key: &Q) -> Option<Arc<Digest>>
    where
        K: std::borrow::Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let before = self.known.remove(key);
        self.text -= before.as_ref().map_or(0, size);
        before
    }

    /// Sets a key and returns what it stood for.
    pub(crate) fn set(&mut self, key: K, digest: Arc<Digest>) -> Option<Arc<Digest>> {
        let before = self.remove(&key);
        self.text += size(&digest);
        self.known.insert(key.clone(), digest);
        self.order.push_back(key);
        self.make_room();
        before
    }

    /// About what they take, in bytes.
    pub(crate) fn held(&self) -> usize {
        self.text + (self.known.capacity() + self.order.capacity()) * 2 * size_of::<K>()
    }

    /// Forgets all.
    pub(crate) fn clear(&mut self) {
        *self = Self { evicted: self.evicted, ..Self::default() };
    }

    /// How many were forgotten for want of room since last asked.
    pub(crate) fn take_evicted(&mut self) -> u64 {
        std::mem::take(&mut self.evicted)
    }

    fn make_room(&mut self) {
        while self.known.len() > STATEMENTS_LIMIT || self.text > TEXT_TOTAL_LIMIT {
            let Some(oldest) = self.order.pop_front() else { break };
            if self.remove(&oldest).is_some() {
                self.evicted += 1;
            }
        }
        // Statements that come and go leave their traces in the order.
        if self.order.len() > 2 * STATEMENTS_LIMIT {
            let mut seen = HashSet::new();
            let mut order = std::mem::take(&mut self.order);
            while let Some(key) = order.pop_back() {
                if self.known.contains_key(&key) && seen.insert(key.clone()) {
                    self.order.push_front(key);
                }
            }
        }
    }
}

/// What a digest counts against the limit, in bytes.
pub(crate) fn size(digest: &Arc<Digest>) -> usize {
    digest.text.len() + digest.summary.len() + size_of::<Digest>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::{Dialect, digest};

    #[test]
    fn number_and_text_are_bounded() {
        let mut statements = Statements::default();
        let short = Arc::new(digest("SELECT a", Dialect::Standard));
        for key in 0..STATEMENTS_LIMIT as u32 * 5 {
            statements.set(key, short.clone());
            statements.set(key % 10, short.clone());
        }
        assert_eq!(statements.known.len(), STATEMENTS_LIMIT);
        assert!(statements.order.len() <= 2 * STATEMENTS_LIMIT);
        assert!(statements.take_evicted() > 0);

        let long = Arc::new(digest(&format!("SELECT {}", "a,".repeat(4000)), Dialect::Standard));
        for key in 0..1000 {
            statements.set(key, long.clone());
        }
        assert!(statements.text <= TEXT_TOTAL_LIMIT);
        statements.clear();
        assert!(statements.get(&999).is_none());
    }
}
