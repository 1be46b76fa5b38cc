//! Who wrote which offsets: runs of each partition's log.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use super::{Broker, OffsetRange, Sender};

/// Runs remembered, of all partitions; beyond, the oldest are forgotten. Some 12 MB.
pub(super) const MOST_RUNS: usize = 64 * 1024;
/// Brokers whose cluster is known; beyond, all are learnt again.
const MOST_BROKERS: usize = 4096;
/// Runs of one partition that are looked at for what was received at once.
const MOST_FOUND: usize = 1024;

/// Which log.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Partition {
    topic: Topic,
    number: i32,
}

/// A topic by its name. One whose name is not known (clients ask for names when they start, and every
/// five minutes) by its id, which is a random UUID and never given twice (KIP-516): it needs no cluster.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Topic {
    Named(Cluster, Arc<str>),
    Id([u8; 16]),
}

/// The cluster, or the one address that stands for it as long as its id is not known.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Cluster {
    Id(Arc<str>),
    Broker(Broker),
}

#[derive(Debug)]
struct Written {
    last: i64,
    by: Arc<Sender>,
    /// The topic's id, if it is known. A topic that is made again has another one.
    topic_id: Option<[u8; 16]>,
    number: u64,
}

/// What was written, by partition and first offset.
#[derive(Debug, Default)]
pub(super) struct Offsets {
    logs: HashMap<Partition, BTreeMap<i64, Written>>,
    /// In the order they came.
    order: VecDeque<(Partition, i64, u64)>,
    clusters: HashMap<Broker, Arc<str>>,
    last: u64,
    /// Runs forgotten because there were too many.
    pub(super) forgotten: u64,
}

/// A part of what was received, and who wrote it.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) first: i64,
    pub(super) last: i64,
    pub(super) by: Arc<Sender>,
}

impl Offsets {
    /// A broker told its cluster's id.
    pub(super) fn learn(&mut self, broker: Broker, cluster: &Arc<str>) {
        if self.clusters.get(&broker) == Some(cluster) {
            return;
        }
        if self.clusters.len() >= MOST_BROKERS {
            self.clusters.clear();
        }
        let earlier = self.clusters.insert(broker, Arc::clone(cluster));
        if earlier.is_some() {
            // Another cluster lives at the address: what was written there is filed already.
            return;
        }
        // What was written there before is filed under the address.
        let there = Cluster::Broker(broker);
        let is_there = |it: &&Partition| matches!(&it.topic, Topic::Named(it, _) if *it == there);
        let found: Vec<_> = self.logs.keys().filter(is_there).cloned().collect();
        let mut moved = Vec::new();
        for partition in found {
            let Some(log) = self.logs.remove(&partition) else { continue };
            let Topic::Named(_, name) = partition.topic else { continue };
            let topic = Topic::Named(Cluster::Id(Arc::clone(cluster)), name);
            let partition = Partition { topic, ..partition };
            for (first, written) in log {
                moved.push((partition.clone(), first, written.number));
                self.logs.entry(partition.clone()).or_default().entry(first).or_insert(written);
            }
        }
        // As they came: the table has another order in each run, and a replay must forget the same ones.
        moved.sort_unstable_by_key(|(_, _, number)| *number);
        self.order.extend(moved);
    }

    /// Remembers who wrote a run. A log that begins anew (its topic was made again) is the later
    /// writer's.
    pub(super) fn add(&mut self, run: &OffsetRange, by: &Arc<Sender>) {
        if run.first > run.last {
            return;
        }
        let Some(partition) = self.named(run).or_else(|| identified(run)) else { return };
        let log = self.logs.entry(partition.clone()).or_default();
        while let Some((&first, _)) =
            log.range(..=run.last).next_back().filter(|(_, written)| written.last >= run.first)
        {
            log.remove(&first);
        }
        self.last += 1;
        let (by, topic_id) = (Arc::clone(by), run.topic_id);
        log.insert(run.first, Written { last: run.last, by, topic_id, number: self.last });
        self.order.push_back((partition, run.first, self.last));
        while self.order.len() > MOST_RUNS {
            self.forget_oldest();
        }
    }

    /// The parts of a run whose writers are known: those that wrote before the topic's name was known,
    /// then the others, each in order of their offsets. Messages are not received before they are sent.
    pub(super) fn find(&self, run: &OffsetRange, received: u64) -> Vec<Part> {
        let mut parts = Vec::new();
        for partition in [identified(run), self.named(run)].into_iter().flatten() {
            let found = self.find_in(&partition, run, received);
            // An id is the better name: what it told stands.
            let is_new = |part: &Part| {
                !parts.iter().any(|it: &Part| it.first <= part.last && part.first <= it.last)
            };
            let found: Vec<_> = found.filter(is_new).collect();
            parts.extend(found);
        }
        parts
    }

    fn find_in(
        &self,
        partition: &Partition,
        run: &OffsetRange,
        received: u64,
    ) -> impl Iterator<Item = Part> {
        let contradicts = |written: &Written| match (written.topic_id, run.topic_id) {
            (Some(written), Some(wanted)) => written != wanted,
            _ => false,
        };
        let log = self.logs.get(partition).into_iter();
        log.flat_map(|log| {
            let before = log.range(..run.first).next_back();
            before.into_iter().chain(log.range(run.first..=run.last.max(run.first)))
        })
        .filter(move |(_, written)| written.last >= run.first && written.by.at <= received)
        .filter(move |(_, written)| !contradicts(written))
        .take(MOST_FOUND)
        .map(|(&first, written)| Part {
            first: first.max(run.first),
            last: written.last.min(run.last),
            by: Arc::clone(&written.by),
        })
    }

    /// The log by its topic's name, if that is known.
    fn named(&self, run: &OffsetRange) -> Option<Partition> {
        let name = Arc::clone(run.topic.as_ref()?);
        let cluster = run.cluster.as_ref().or_else(|| self.clusters.get(&run.broker));
        let cluster = cluster.map_or(Cluster::Broker(run.broker), |id| Cluster::Id(Arc::clone(id)));
        Some(Partition { topic: Topic::Named(cluster, name), number: run.partition })
    }

    fn forget_oldest(&mut self) {
        let Some((partition, first, number)) = self.order.pop_front() else { return };
        let Some(log) = self.logs.get_mut(&partition) else { return };
        if let Entry::Occupied(entry) = log.entry(first)
            && entry.get().number == number
        {
            entry.remove();
            self.forgotten += 1;
        }
        if log.is_empty() {
            self.logs.remove(&partition);
        }
    }
}

/// The log by its topic's id, if that is known.
fn identified(run: &OffsetRange) -> Option<Partition> {
    run.topic_id.map(|id| Partition { topic: Topic::Id(id), number: run.partition })
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    #[test]
    fn what_is_filed_anew_is_forgotten_in_the_order_it_came() {
        let broker = Broker { netns: 1, address: IpAddr::from([127, 0, 0, 1]), port: 9092 };
        let mut offsets = Offsets::default();
        let sender = Sender::new(1);
        for number in 0..50 {
            let run = OffsetRange {
                broker,
                cluster: None,
                topic: Some(format!("topic {number}").into()),
                topic_id: None,
                partition: 0,
                first: 7,
                last: 7,
                messages: None,
            };
            offsets.add(&run, &sender);
        }
        offsets.learn(broker, &"cluster".into());
        let order: Vec<u64> = offsets.order.iter().map(|(_, _, number)| *number).collect();
        assert_eq!(order, Vec::from_iter((1..=50).chain(1..=50)));
    }
}
