//! Who sent which message, where a message has no place in a log.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::{Identity, Key, Sender};

/// Messages remembered; beyond, the oldest are forgotten. Some 20 MB with names as they are; 80 MB
/// if all of them are as long as AMQP allows.
pub(super) const MOST_IDENTITIES: usize = 64 * 1024;
/// Messages alike that are remembered: one more tells nothing more.
const MOST_ALIKE: usize = 4;

#[derive(Debug)]
struct Entry {
    vhost: Option<Arc<str>>,
    content: Option<u64>,
    by: Arc<Sender>,
    number: u64,
}

impl Entry {
    /// Nothing that is known of both contradicts.
    fn is_like(&self, other: &Identity) -> bool {
        fits(self.vhost.as_ref(), other.vhost.as_ref())
            && fits(self.content.as_ref(), other.content.as_ref())
    }
}

fn fits<T: PartialEq>(one: Option<&T>, other: Option<&T>) -> bool {
    one.is_none() || other.is_none() || one == other
}

/// What was sent.
#[derive(Debug, Default)]
pub(super) struct Identities {
    sent: HashMap<Arc<Key>, Vec<Entry>>,
    /// In the order they came.
    order: VecDeque<(Arc<Key>, u64)>,
    last: u64,
    /// Messages forgotten because there were too many.
    pub(super) forgotten: u64,
}

/// Who sent a message.
#[derive(Debug)]
pub(super) enum Found {
    Nobody,
    Sender(Arc<Sender>),
    /// Several sent messages that cannot be told apart.
    Several,
}

impl Identities {
    /// Remembers who sent a message.
    pub(super) fn add(&mut self, identity: &Identity, by: &Arc<Sender>) {
        let alike = self.sent.entry(Arc::clone(&identity.key)).or_default();
        self.last += 1;
        if alike.iter().filter(|entry| entry.is_like(identity)).count() >= MOST_ALIKE {
            // The latest stands for those between: there are several anyhow.
            if let Some(entry) = alike.iter_mut().rev().find(|entry| entry.is_like(identity)) {
                entry.by = Arc::clone(by);
            }
            return;
        }
        alike.push(Entry {
            vhost: identity.vhost.clone(),
            content: identity.content,
            by: Arc::clone(by),
            number: self.last,
        });
        self.order.push_back((Arc::clone(&identity.key), self.last));
        while self.order.len() > MOST_IDENTITIES {
            self.forget_oldest();
        }
    }

    /// Who sent a message that was received then. Messages are not received before they are sent.
    pub(super) fn find(&self, identity: &Identity, received: u64) -> Found {
        let Some(alike) = self.sent.get(&identity.key) else { return Found::Nobody };
        let mut found =
            alike.iter().filter(|entry| entry.is_like(identity) && entry.by.at <= received);
        match (found.next(), found.next()) {
            (None, _) => Found::Nobody,
            (Some(entry), None) => Found::Sender(Arc::clone(&entry.by)),
            (Some(_), Some(_)) => Found::Several,
        }
    }

    fn forget_oldest(&mut self) {
        let Some((key, number)) = self.order.pop_front() else { return };
        let Some(alike) = self.sent.get_mut(&key) else { return };
        let before = alike.len();
        alike.retain(|entry| entry.number != number);
        self.forgotten += (before - alike.len()) as u64;
        if alike.is_empty() {
            self.sent.remove(&key);
        }
    }
}
