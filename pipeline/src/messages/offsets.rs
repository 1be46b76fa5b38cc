//! Who wrote which offsets: runs of each partition's log.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use super::{Broker, Run, Sender};

/// Runs remembered, of all partitions; beyond, the oldest are forgotten. Some 12 MB.
pub(super) const MOST_RUNS: usize = 64 * 1024;
/// Brokers whose cluster is known; beyond, all are learnt again.
const MOST_BROKERS: usize = 4096;
/// Runs of one partition that are looked at for what was received at once.
const MOST_FOUND: usize = 1024;

/// Which log.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Partition {
    cluster: Cluster,
    topic: Arc<str>,
    number: i32,
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
        let found: Vec<_> =
            self.logs.keys().filter(|partition| partition.cluster == there).cloned().collect();
        for partition in found {
            let Some(log) = self.logs.remove(&partition) else { continue };
            let partition = Partition { cluster: Cluster::Id(Arc::clone(cluster)), ..partition };
            for (first, written) in log {
                self.order.push_back((partition.clone(), first, written.number));
                self.logs.entry(partition.clone()).or_default().entry(first).or_insert(written);
            }
        }
    }

    /// Remembers who wrote a run. A log that begins anew (its topic was made again) is the later
    /// writer's.
    pub(super) fn add(&mut self, run: &Run, by: &Arc<Sender>) {
        if run.first > run.last {
            return;
        }
        let partition = self.partition(run);
        let log = self.logs.entry(partition.clone()).or_default();
        while let Some((&first, _)) =
            log.range(..=run.last).next_back().filter(|(_, written)| written.last >= run.first)
        {
            log.remove(&first);
        }
        self.last += 1;
        log.insert(run.first, Written { last: run.last, by: Arc::clone(by), number: self.last });
        self.order.push_back((partition, run.first, self.last));
        while self.order.len() > MOST_RUNS {
            self.forget_oldest();
        }
    }

    /// The parts of a run whose writers are known, in order of their offsets. Messages are not
    /// received before they are sent.
    pub(super) fn find(&self, run: &Run, received: u64) -> Vec<Part> {
        let Some(log) = self.logs.get(&self.partition(run)) else { return Vec::new() };
        let before = log.range(..run.first).next_back();
        before
            .into_iter()
            .chain(log.range(run.first..=run.last.max(run.first)))
            .filter(|(_, written)| written.last >= run.first && written.by.at <= received)
            .take(MOST_FOUND)
            .map(|(&first, written)| Part {
                first: first.max(run.first),
                last: written.last.min(run.last),
                by: Arc::clone(&written.by),
            })
            .collect()
    }

    fn partition(&self, run: &Run) -> Partition {
        let cluster = run.cluster.as_ref().or_else(|| self.clusters.get(&run.broker));
        Partition {
            cluster: cluster.map_or(Cluster::Broker(run.broker), |id| Cluster::Id(Arc::clone(id))),
            topic: Arc::clone(&run.topic),
            number: run.partition,
        }
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
