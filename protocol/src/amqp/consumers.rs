//! Who consumes on a channel: a delivery names its consumer by a tag alone.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::{MAX_CONSUMERS, MAX_EARLY};

/// The consumers of a channel.
#[derive(Debug, Default)]
pub(super) struct Consumers {
    known: HashMap<Box<[u8]>, Consumer>,
    /// Those whose consume-ok has not come.
    asked_for: VecDeque<Consumer>,
}

/// A consumer, as basic.consume asked for it.
#[derive(Clone, Debug)]
pub(super) struct Consumer {
    pub(super) queue: Option<Arc<str>>,
    pub(super) no_ack: bool,
}

impl Consumers {
    /// basic.consume was sent; without a tag the server chooses one.
    pub(super) fn asked(&mut self, tag: &[u8], consumer: Consumer, no_wait: bool) {
        if no_wait {
            self.know(tag, consumer);
        } else if self.asked_for.len() < MAX_EARLY {
            self.asked_for.push_back(consumer);
        }
    }

    /// The server has given the oldest consumer its tag.
    pub(super) fn answered(&mut self, tag: &[u8]) {
        if let Some(consumer) = self.asked_for.pop_front() {
            self.know(tag, consumer);
        }
    }

    fn know(&mut self, tag: &[u8], consumer: Consumer) {
        if self.known.len() < MAX_CONSUMERS || self.known.contains_key(tag) {
            self.known.insert(tag.into(), consumer);
        }
    }

    /// The consumer of this tag.
    pub(super) fn get(&self, tag: &[u8]) -> Option<&Consumer> {
        self.known.get(tag)
    }

    /// Frames were lost: which consumer the next consume-ok is for is not known.
    pub(super) fn missed(&mut self) {
        self.asked_for.clear();
    }
}
