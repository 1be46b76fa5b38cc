//! What the names of a connection stand for: prepared statements, or portals.

use std::sync::Arc;

use crate::sql::Digest;
use crate::sql::statements::{Statements, size};

/// The longest name that is kept, in bytes. PostgreSQL's own names end at 63.
pub(super) const NAME_LIMIT: usize = 256;

/// Names and what they stand for.
#[derive(Debug, Default)]
pub(super) struct Names {
    named: Statements<Box<[u8]>>,
    unnamed: Option<Arc<Digest>>,
}

impl Names {
    /// About what they take, in bytes.
    pub(super) fn held(&self) -> usize {
        self.named.held() + self.unnamed.as_ref().map_or(0, size)
    }

    pub(super) fn get(&self, name: &[u8]) -> Option<Arc<Digest>> {
        if name.is_empty() { self.unnamed.clone() } else { self.named.get(name).cloned() }
    }

    /// Sets (or, with `None`, forgets) a name and returns what it stood for.
    pub(super) fn set(&mut self, name: &[u8], digest: Option<Arc<Digest>>) -> Option<Arc<Digest>> {
        if name.is_empty() {
            return std::mem::replace(&mut self.unnamed, digest);
        }
        match digest {
            Some(digest) if name.len() <= NAME_LIMIT => self.named.set(name.into(), digest),
            _ => self.named.remove(name),
        }
    }

    /// Forgets the unnamed one.
    pub(super) fn forget_unnamed(&mut self) {
        self.unnamed = None;
    }

    /// Forgets all.
    pub(super) fn clear(&mut self) {
        self.named.clear();
        self.unnamed = None;
    }

    /// How many were forgotten for want of room since last asked.
    pub(super) fn take_evicted(&mut self) -> u64 {
        self.named.take_evicted()
    }
}
