//! Who sent which message, where a message has no place in a log.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::{Identity, Key, Sender};

/// Messages remembered; beyond, the oldest are forgotten. Some 20 MB with names as they are; 80 MB
/// if all of them are as long as AMQP allows.
pub(super) const MOST_IDENTITIES: usize = 64 * 1024;
/// Messages alike that are remembered: one more tells nothing more.
const MOST_ALIKE: usize = 4;
/// Messages of one id that are remembered, whatever is in them; beyond, the oldest are forgotten. An id is
/// for one message, but applications give what they like.
const MOST_OF_ONE_ID: usize = 64;

/// What messages are looked up by. Those without an id by their content as well: queues of messages of one
/// size are common, and each look at all of them would be one at as many as are remembered.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Bucket {
    key: Arc<Key>,
    /// Of messages without an id.
    content: Option<u64>,
}

impl Bucket {
    fn of(identity: &Identity) -> Self {
        let content = identity.content.filter(|_| !identity.key.is_named());
        Self { key: Arc::clone(&identity.key), content }
    }
}

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
    sent: HashMap<Bucket, Vec<Entry>>,
    /// In the order they came.
    order: VecDeque<(Bucket, u64)>,
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
        let bucket = Bucket::of(identity);
        let alike = self.sent.entry(bucket.clone()).or_default();
        self.last += 1;
        if alike.iter().filter(|entry| entry.is_like(identity)).count() >= MOST_ALIKE {
            // The latest stands for those between: there are several anyhow.
            if let Some(entry) = alike.iter_mut().rev().find(|entry| entry.is_like(identity)) {
                entry.by = Arc::clone(by);
            }
            return;
        }
        if alike.len() >= MOST_OF_ONE_ID {
            alike.remove(0);
            self.forgotten += 1;
        }
        alike.push(Entry {
            vhost: identity.vhost.clone(),
            content: identity.content,
            by: Arc::clone(by),
            number: self.last,
        });
        self.order.push_back((bucket, self.last));
        while self.order.len() > MOST_IDENTITIES {
            self.forget_oldest();
        }
    }

    /// Who sent a message that was received then. Messages are not received before they are sent.
    pub(super) fn find(&self, identity: &Identity, received: u64) -> Found {
        let Some(alike) = self.sent.get(&Bucket::of(identity)) else { return Found::Nobody };
        let mut found =
            alike.iter().filter(|entry| entry.is_like(identity) && entry.by.at <= received);
        match (found.next(), found.next()) {
            (None, _) => Found::Nobody,
            (Some(entry), None) => Found::Sender(Arc::clone(&entry.by)),
            (Some(_), Some(_)) => Found::Several,
        }
    }

    fn forget_oldest(&mut self) {
        let Some((bucket, number)) = self.order.pop_front() else { return };
        let Some(alike) = self.sent.get_mut(&bucket) else { return };
        let before = alike.len();
        alike.retain(|entry| entry.number != number);
        self.forgotten += (before - alike.len()) as u64;
        if alike.is_empty() {
            self.sent.remove(&bucket);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::super::Broker;
    use super::*;

    fn message(id: Option<&str>, content: u64) -> Identity {
        let broker = Broker { netns: 1, address: IpAddr::from([127, 0, 0, 1]), port: 5672 };
        let key = Key::Amqp {
            broker,
            exchange: "shop".into(),
            routing_key: "order".into(),
            message_id: id.map(Into::into),
            correlation_id: None,
            timestamp: None,
            body_size: 100,
        };
        Identity { key: Arc::new(key), vhost: None, content: Some(content) }
    }

    /// A queue's messages are mostly of one size, and none has an id.
    #[test]
    fn a_look_is_at_few_messages_however_many_there_are() {
        for id in [None, Some("always the same")] {
            let mut identities = Identities::default();
            let sender = Sender::new(1);
            for content in 0..1000 {
                identities.add(&message(id, content), &sender);
            }
            let most = identities.sent.values().map(Vec::len).max();
            assert!(most <= Some(MOST_OF_ONE_ID), "{most:?}");
            assert!(matches!(identities.find(&message(id, 999), 2), Found::Sender(_)));
            assert!(matches!(identities.find(&message(id, 1000), 2), Found::Nobody));
        }
    }

    #[test]
    fn what_is_forgotten_leaves_nothing_and_is_counted() {
        let mut identities = Identities::default();
        let sender = Sender::new(1);
        let more = 100;
        for content in 0..(MOST_IDENTITIES + more) as u64 {
            identities.add(&message(None, content), &sender);
        }
        assert_eq!(
            (identities.sent.len(), identities.order.len()),
            (MOST_IDENTITIES, MOST_IDENTITIES)
        );
        assert_eq!(identities.forgotten, more as u64);
        assert!(matches!(identities.find(&message(None, 0), 2), Found::Nobody));
        assert!(matches!(identities.find(&message(None, more as u64), 2), Found::Sender(_)));
    }
}
