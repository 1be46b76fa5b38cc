//! Names that are said over and over: client ids, topics, groups.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::MAX_TOPIC_IDS;
use crate::text;

/// The longest name that is kept, in bytes. Topics have at most 249.
const NAME_LIMIT: usize = 255;
/// How many names a connection remembers.
const SLOTS: usize = 32;

/// The names of one connection: one that was said lately costs no allocation.
#[derive(Debug, Default)]
pub(super) struct Names([Option<Arc<str>>; SLOTS]);

impl Names {
    /// `name` as text, cut at 255 bytes.
    pub(super) fn intern(&mut self, name: &[u8]) -> Arc<str> {
        // FNV-1a: a collision costs an allocation and nothing else.
        let hash = name.iter().fold(0x811c_9dc5_u32, |hash, byte| {
            (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
        });
        let slot = &mut self.0[hash as usize % SLOTS];
        match slot {
            Some(known) if known.as_bytes() == name => Arc::clone(known),
            _ => {
                let text: Arc<str> = text::lossy(name, NAME_LIMIT).into();
                Arc::clone(slot.insert(text))
            }
        }
    }
}

/// Topic ids and the names that Metadata responses gave them.
///
/// Clients ask for metadata on one connection and fetch on others, so the table is shared by all
/// connections. Ids are random UUIDs (KIP-516), never given twice, so that names of different
/// clusters do not mix. The first name stays: topics cannot be renamed.
#[derive(Debug, Default)]
pub struct TopicIds(Mutex<HashMap<[u8; 16], Arc<str>>>);

impl TopicIds {
    /// The table that all connections of the process share.
    pub(super) fn shared() -> Arc<Self> {
        static SHARED: OnceLock<Arc<TopicIds>> = OnceLock::new();
        Arc::clone(SHARED.get_or_init(Arc::default))
    }

    /// Remembers a name; a full table forgets all, and learns again from later responses.
    pub(super) fn learn(&self, id: [u8; 16], name: &Arc<str>) {
        if id == [0; 16] {
            return;
        }
        let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if names.len() >= MAX_TOPIC_IDS && !names.contains_key(&id) {
            names.clear();
        }
        names.entry(id).or_insert_with(|| Arc::clone(name));
    }

    /// The name of a topic.
    pub(super) fn name(&self, id: &[u8; 16]) -> Option<Arc<str>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_said_twice_is_one_allocation() {
        let mut names = Names::default();
        let first = names.intern(b"orders");
        assert!(Arc::ptr_eq(&first, &names.intern(b"orders")));
    }

    #[test]
    fn the_first_name_of_an_id_stays_and_no_id_has_none() {
        let ids = TopicIds::default();
        ids.learn([1; 16], &"a".into());
        ids.learn([1; 16], &"b".into());
        ids.learn([0; 16], &"zero".into());
        assert_eq!(ids.name(&[1; 16]).as_deref(), Some("a"));
        assert_eq!(ids.name(&[0; 16]), None);
    }
}
