//! Which tasks serve one request at a time.
//!
//! A thread that reads a request while it still owes an answer on another connection is an event
//! loop: "the thread that served the parent" says nothing about it from then on.

use onlooker_protocol::Task as Caller;
use rustc_hash::{FxHashMap, FxHashSet};

use super::overlaps::Overlaps;
use super::serving::decider;
use crate::connection::ConnectionId;

/// Tasks whose requests are remembered; beyond, the table starts over, and overlaps of that moment are not
/// seen. As many are remembered not to serve one request at a time; beyond, no task is taken to.
const MOST_TASKS: usize = 64 * 1024;
/// Ends of threads remembered, and threads whose calls are counted.
const MOST_ENDS: usize = 16 * 1024;

#[derive(Debug, Default)]
struct Task {
    /// The connection whose request it read last, and whether it has begun to answer.
    serving: Option<ConnectionId>,
    answered: bool,
    /// The last exchange it served: connection, and when it ended.
    last: Option<(ConnectionId, u64)>,
}

/// What is known of tasks.
#[derive(Debug, Default)]
pub(crate) struct Tasks {
    tasks: FxHashMap<u64, Task>,
    /// Those that have been seen to serve several requests at once. What speaks against a parent is kept
    /// apart from what is forgotten.
    multiplexing: FxHashSet<u64>,
    /// Those that have been seen to call after they waited for other events: timers are in play.
    drifting: FxHashSet<u64>,
    /// Those that have read a request which another answered.
    handing_off: FxHashSet<u64>,
    /// When threads ended, for lineage.
    ends: FxHashMap<u32, u64>,
    /// How many calls threads made that were started by one that served a request.
    calls: FxHashMap<u32, u32>,
    /// When processes had several requests open.
    pub(crate) overlaps: Overlaps,
}

impl Tasks {
    fn task(&mut self, id: u64) -> &mut Task {
        if self.tasks.len() >= MOST_TASKS && !self.tasks.contains_key(&id) {
            self.tasks.clear();
        }
        self.tasks.entry(id).or_default()
    }

    /// The task received bytes as a server. `is_shared` says that they are a request of their own, whoever
    /// asked before by the same socket: a datagram.
    pub(crate) fn received(&mut self, id: u64, on: ConnectionId, is_shared: bool) {
        let task = self.task(id);
        let owed = task.serving.filter(|_| !task.answered);
        (task.serving, task.answered) = (Some(on), false);
        if owed.is_some_and(|other| other != on || is_shared) {
            remember(&mut self.multiplexing, id);
        }
    }

    /// The task sent bytes as a server, or nothing is owed any more (the connection ended).
    pub(crate) fn answered(&mut self, id: u64, on: ConnectionId) {
        if let Some(task) = self.tasks.get_mut(&id)
            && task.serving == Some(on)
        {
            task.answered = true;
        }
    }

    /// The task served an exchange from `start` to `end`. `serial` says that the protocol serves
    /// one exchange at a time on a connection, so that overlaps on it are pipelining.
    pub(crate) fn served(&mut self, id: u64, on: ConnectionId, start: u64, end: u64, serial: bool) {
        let task = self.task(id);
        let before = task.last;
        if before.is_none_or(|(_, ended)| ended < end) {
            task.last = Some((on, end));
        }
        if before.is_some_and(|(other, ended)| start < ended && (other != on || !serial)) {
            remember(&mut self.multiplexing, id);
        }
    }

    /// Whether the task has been seen to serve several requests at once.
    pub(crate) fn multiplexes(&self, id: u64) -> bool {
        is_among(&self.multiplexing, id)
    }

    /// A task sends the first bytes of a connection, which `opener` has opened for that.
    pub(crate) fn calls(&mut self, by: &Caller, opener: Option<&Caller>) {
        if opener.map_or(*by, |opener| decider(*by, true, opener)).waited {
            self.drifted(by.id);
        }
    }

    /// The task, an event loop, called in a turn that no bytes had begun.
    pub(crate) fn drifted(&mut self, id: u64) {
        remember(&mut self.drifting, id);
    }

    /// Whether the task has been seen to call in turns that no bytes had begun.
    pub(crate) fn drifts(&self, id: u64) -> bool {
        is_among(&self.drifting, id)
    }

    /// The task read a request that another answered.
    pub(crate) fn handed_off(&mut self, id: u64) {
        remember(&mut self.handing_off, id);
    }

    /// Whether the task has been seen to read requests that others answer.
    pub(crate) fn hands_off(&self, id: u64) -> bool {
        is_among(&self.handing_off, id)
    }

    /// The task called, and another read the answer: it does not wait for what it asks.
    pub(crate) fn does_not_wait(&mut self, id: u64) {
        remember(&mut self.multiplexing, id);
    }

    /// A thread that was started by one which served a request has made a call.
    pub(crate) fn helped(&mut self, thread: u32, start: u64) {
        let is_room = self.calls.len() < MOST_ENDS;
        match self.calls.get_mut(&thread) {
            // An earlier thread's, of the same id.
            Some(calls) if self.ends.get(&thread).is_some_and(|end| *end < start) => *calls = 1,
            Some(calls) => *calls = calls.saturating_add(1),
            None if is_room => drop(self.calls.insert(thread, 1)),
            None => {}
        }
    }

    /// How many calls that thread has made, or the most there can be if that was not counted.
    pub(crate) fn calls_of(&self, thread: u32) -> u32 {
        self.calls.get(&thread).copied().unwrap_or(u32::MAX)
    }

    /// A thread ended.
    pub(crate) fn ended(&mut self, thread: u32, at: u64) {
        let id = u64::from(thread);
        self.tasks.remove(&id);
        self.multiplexing.remove(&id);
        self.drifting.remove(&id);
        self.handing_off.remove(&id);
        self.overlaps.forget(thread);
        if self.ends.len() >= MOST_ENDS {
            self.calls.retain(|thread, _| !self.ends.contains_key(thread));
            self.ends.clear();
        }
        self.ends.insert(thread, at);
    }

    /// When the last thread of an id ended. One that has the same id may run.
    pub(crate) fn end_of(&self, thread: u32) -> Option<u64> {
        self.ends.get(&thread).copied()
    }
}

fn remember(known: &mut FxHashSet<u64>, id: u64) {
    if known.len() < MOST_TASKS {
        known.insert(id);
    }
}

/// Whether a task is among those, or may be: when no more can be remembered, nobody knows who is not.
fn is_among(known: &FxHashSet<u64>, id: u64) -> bool {
    known.contains(&id) || known.len() >= MOST_TASKS
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: ConnectionId = ConnectionId(1);
    const B: ConnectionId = ConnectionId(2);

    #[test]
    fn one_request_after_the_other_is_not_multiplexing() {
        let mut tasks = Tasks::default();
        for on in [A, B, A] {
            tasks.received(7, on, false);
            tasks.received(7, on, false);
            tasks.answered(7, on);
        }
        assert!(!tasks.multiplexes(7));
    }

    #[test]
    fn a_request_read_while_another_is_unanswered_is() {
        let mut tasks = Tasks::default();
        tasks.received(7, A, false);
        tasks.received(7, B, false);
        assert!(tasks.multiplexes(7));
    }

    #[test]
    fn datagrams_that_are_unanswered_are_two_requests_on_one_socket() {
        let mut tasks = Tasks::default();
        for _ in 0..3 {
            tasks.received(7, A, true);
            tasks.answered(7, A);
        }
        assert!(!tasks.multiplexes(7));
        tasks.received(7, A, true);
        tasks.received(7, A, true);
        assert!(tasks.multiplexes(7));
    }

    #[test]
    fn exchanges_that_overlap_on_two_connections_are() {
        let mut tasks = Tasks::default();
        tasks.served(7, A, 10, 30, true);
        tasks.served(7, A, 20, 40, true);
        assert!(!tasks.multiplexes(7), "pipelining on one connection");
        tasks.served(7, B, 35, 50, true);
        assert!(tasks.multiplexes(7));
    }

    #[test]
    fn a_client_that_left_is_owed_nothing() {
        let mut tasks = Tasks::default();
        tasks.received(7, A, false);
        tasks.answered(7, A);
        tasks.received(7, B, false);
        assert!(!tasks.multiplexes(7));
    }

    #[test]
    fn what_speaks_against_a_parent_outlasts_the_table() {
        let mut tasks = Tasks::default();
        tasks.received(7, A, false);
        tasks.received(7, B, false);
        tasks.drifted(8);
        (100..100 + MOST_TASKS as u64).for_each(|id| tasks.received(id, A, false));
        assert!(tasks.multiplexes(7) && tasks.drifts(8));
        assert!(!tasks.multiplexes(100));
        tasks.ended(7, 1);
        assert!(!tasks.multiplexes(7));
    }

    #[test]
    fn when_no_more_can_be_remembered_nobody_serves_one_at_a_time() {
        let mut tasks = Tasks::default();
        (0..=MOST_TASKS as u64).for_each(|id| tasks.drifted(id));
        assert!(tasks.drifts(u64::MAX) && !tasks.multiplexes(u64::MAX));
    }
}
