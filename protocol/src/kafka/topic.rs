//! A topic's part of a Produce request or a Fetch response.

use std::sync::Arc;

use super::facts::PartitionRange;
use super::known::Known;
use super::wire::{Cursor, Read, Stop};
use super::{ErrorCode, MAX_LINKS, MAX_PARTITIONS};
use crate::context::{Carrier, WireContext};

/// The first version of Produce and Fetch that names topics by id.
const FIRST_WITH_IDS: i16 = 13;

/// How a request names a topic: by name, or by id and then perhaps by name as well.
#[derive(Clone, Debug, Default)]
pub(super) struct TopicName {
    pub(super) name: Option<Arc<str>>,
    pub(super) id: Option<[u8; 16]>,
}

impl TopicName {
    /// Reads a topic's name or id, as Produce and Fetch of this version have it.
    pub(super) fn read(
        version: i16,
        flexible: bool,
        fields: &mut Cursor<'_>,
        known: &mut Known,
    ) -> Read<Self> {
        if version >= FIRST_WITH_IDS {
            let id = fields.uuid()?;
            return Ok(Self { name: known.topic_ids.name(&id), id: Some(id) });
        }
        let name = fields.string(flexible)?.ok_or(Stop::Bad)?;
        Ok(Self { name: Some(known.names.intern(name)), id: None })
    }

    pub(super) fn is_same(&self, other: &Self) -> bool {
        match (self.id, other.id) {
            (None, None) => self.name == other.name,
            (mine, theirs) => mine == theirs,
        }
    }
}

/// What was gathered of a topic.
#[derive(Debug, Default)]
pub(super) struct Topic {
    pub(super) topic: TopicName,
    pub(super) partitions: Vec<PartitionRange>,
    pub(super) omitted: u32,
    /// Messages of the partitions that were not kept; `None` if unknown.
    pub(super) omitted_messages: Option<u64>,
    pub(super) error: Option<ErrorCode>,
    /// One a message at most, in order, without consecutive repeats.
    pub(super) contexts: Vec<WireContext>,
    pub(super) tombstones: u64,
}

impl Topic {
    pub(super) fn new(topic: TopicName) -> Self {
        Self { topic, omitted_messages: Some(0), ..Self::default() }
    }

    /// Adds a partition, if it has messages or an error.
    pub(super) fn add(&mut self, range: PartitionRange) {
        if range.error.is_none() && range.messages == Some(0) {
            return;
        }
        self.error = self.error.or(range.error);
        if self.partitions.len() < MAX_PARTITIONS {
            self.partitions.push(range);
        } else {
            self.omitted = self.omitted.saturating_add(1);
            self.omitted_messages = add(self.omitted_messages, range.messages);
        }
    }

    /// Takes what a message's headers said; whether that was a context.
    pub(super) fn gather(&mut self, mut carrier: Carrier) -> bool {
        let link = carrier.take_link();
        let Some(context) = carrier.finish().or(link) else { return false };
        if self.contexts.len() < MAX_LINKS && self.contexts.last() != Some(&context) {
            self.contexts.push(context);
        }
        true
    }

    /// Messages of all partitions.
    pub(super) fn messages(&self) -> Option<u64> {
        self.partitions.iter().map(|range| range.messages).fold(self.omitted_messages, add)
    }
}

/// The sum of two numbers, if both are known.
pub(super) fn add(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    one?.checked_add(other?)
}
