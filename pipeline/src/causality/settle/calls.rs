//! Calls that wait for what they were made for: a request that is not over, or another call's cause.

use super::{Came, Causality, Connections, MOST_WAITING, PEER_WAIT};
use crate::causality::node::{NodeId, Waits};
use crate::causality::serving::{self, Cause, Why};
use crate::span::Evidence;

/// How long a client's exchange waits for the server's exchange that it was made for, at least.
const CAUSE_WAIT: u64 = 30_000_000_000;
/// How long it waits while the server's request is known to be open. It cannot leave before: what shows
/// that it was made for that request (one thread from the first byte to the answer, nothing else
/// meanwhile) is complete when the request is.
pub(crate) const OPEN_CAUSE_WAIT: u64 = 600_000_000_000;
/// How often it is looked whether the request is open still.
const LOOK_AGAIN: u64 = 5_000_000_000;
/// How long a thread's end is waited for, and the answer to a request that shows that a call was its.
const THREAD_END_WAIT: u64 = 60_000_000;
/// Exchanges that may wait while calls wait longer than [`CAUSE_WAIT`]: half of the room, as every call
/// keeps what it caused waiting. About 1.5 KiB each.
const MOST_WAITING_LONG: usize = MOST_WAITING / 2;

/// Until when a call goes on waiting that has waited for [`CAUSE_WAIT`].
pub(super) const fn enough(now: u64) -> u64 {
    now.saturating_add(OPEN_CAUSE_WAIT - CAUSE_WAIT)
}

impl Causality {
    /// A client's exchange looks for what its task was serving. `last` says that there is no
    /// waiting any more.
    pub(super) fn find_cause(
        &mut self,
        id: NodeId,
        now: u64,
        table: &impl Connections,
        last: bool,
    ) {
        let Some(node) = self.nodes.get_mut(&id) else { return };
        let has_waited = matches!(node.waits, Waits::Cause(_));
        let call = &node.finished;
        let from = call.connection;
        let came = Came::of(call);
        // One that has a context has a parent all the same.
        let is_root = u64::from(call.context.is_none());
        let why = match serving::cause(call, &self.history, &self.tasks, |on| table.alive(on)) {
            Cause::Unless(on, entry) if !last => {
                // What is asked upon its answer goes on from here.
                let request = entry.request.first;
                let are_answered = call.response.is_some() && entry.response.is_some();
                self.history.set_cause(from, id, Some((on, request)));
                self.resolved.push(came);
                node.waits = Waits::ThreadEnd;
                if are_answered {
                    // Calls that are made upon its answer may take long.
                    self.later.set(now.saturating_add(PEER_WAIT), id);
                } else {
                    self.thread_ends.set(now.saturating_add(THREAD_END_WAIT), id);
                }
                return;
            }
            cause @ (Cause::Known(on, entry, _) | Cause::Unless(on, entry)) => {
                let evidence = match cause {
                    Cause::Known(_, _, evidence) => evidence,
                    _ => Evidence::Segment,
                };
                // A context that the application wrote itself tells more than the thread; one
                // that it only passed on does not.
                let own = call.written_context().map(|it| (it.trace_id, it.span_id));
                let passed_on = own.is_none() || own == entry.context;
                let standing = entry.standing.clone();
                let request = entry.request.first;
                self.history.set_cause(from, id, Some((on, request)));
                self.resolved.push(came);
                if !passed_on {
                    return self.settle_alone(id);
                }
                return self.attach(id, standing, evidence);
            }
            Cause::NotYet(on, read) if !last => {
                node.waits = Waits::Cause(on);
                self.waiting_cause.entry(on).or_default().push_back((id, read));
                if !has_waited {
                    self.much_later.set(now.saturating_add(CAUSE_WAIT), id);
                }
                return;
            }
            Cause::ThreadRuns if !last => {
                node.waits = Waits::ThreadEnd;
                self.thread_ends.set(now.saturating_add(THREAD_END_WAIT), id);
                return;
            }
            Cause::ThreadRuns => Why::Pool,
            Cause::NotYet(..) => Why::Over,
            Cause::None(why) => why,
        };
        match why {
            // What it waited for turned out to be none.
            Why::NothingServed if has_waited => self.counters.cause_lost += is_root,
            Why::NothingServed => {}
            Why::Over => self.counters.over += is_root,
            Why::Multiplexed => self.counters.multiplexed += is_root,
            Why::Scheduled => self.counters.scheduled += is_root,
            Why::Waited => {
                self.counters.waited += is_root;
                let cause = call.request.first.task.cause;
                self.history.share(cause);
            }
            Why::HandedOff => self.counters.handed_off += is_root,
            Why::Pool => self.counters.pool += is_root,
        }
        self.history.set_cause(from, id, None);
        self.resolved.push(came);
        self.settle_alone(id);
    }

    /// An exchange came (or none will): calls may have waited for it.
    pub(super) fn wake_calls(&mut self, came: Came, now: u64, table: &impl Connections) {
        self.wake_calls_for(came, now, table);
        self.wake_resolved(now, table);
    }

    /// Causes of calls were found: calls that were made upon their answers may have waited for that.
    pub(super) fn wake_resolved(&mut self, now: u64, table: &impl Connections) {
        while let Some(came) = self.resolved.pop() {
            self.wake_calls_for(came, now, table);
        }
    }

    fn wake_calls_for(&mut self, came: Came, now: u64, table: &impl Connections) {
        let Some(waiting) = self.waiting_cause.get_mut(&came.on) else { return };
        // The others wait for other requests of the connection: thousands, where one is open for long.
        let mut concerned = std::mem::take(&mut self.concerned);
        waiting.retain(|&(id, read)| {
            let is_concerned = came.concerns(read);
            if is_concerned {
                concerned.push(id);
            }
            !is_concerned
        });
        if waiting.is_empty() {
            self.waiting_cause.remove(&came.on);
        }
        for &id in &concerned {
            self.foresee(id, table);
        }
        for id in concerned.drain(..) {
            if self.nodes.get(&id).is_some_and(|node| node.waits == Waits::Cause(came.on)) {
                self.find_cause(id, now, table, false);
            }
        }
        self.concerned = concerned;
    }

    /// Looks at the cause of a call before those of others that waited with it are decided: one that an
    /// event loop made for something else tells of all.
    fn foresee(&mut self, id: NodeId, table: &impl Connections) {
        let Some(call) = self.nodes.get(&id).map(|node| &node.finished) else { return };
        let cause = call.request.first.task.cause;
        match serving::cause(call, &self.history, &self.tasks, |on| table.alive(on)) {
            Cause::Known(on, entry, Evidence::Segment) | Cause::Unless(on, entry) => {
                let request = entry.request.first;
                self.history.set_cause(call.connection, id, Some((on, request)));
            }
            Cause::None(Why::Waited) => self.history.share(cause),
            _ => {}
        }
    }

    /// A call has waited for its cause for long: it goes on if the request is open, there is room, and
    /// it is not `enough` yet.
    pub(super) fn go_on_waiting(&mut self, id: NodeId, enough: u64, table: &impl Connections) {
        let Some(node) = self.nodes.get(&id) else { return };
        let Waits::Cause(on) = node.waits else { return };
        let call = &node.finished;
        let is_root = u64::from(call.context.is_none());
        let cause = serving::cause(call, &self.history, &self.tasks, |on| table.alive(on));
        let counter = match cause {
            Cause::NotYet(on, read) if !table.open(on, read) && !self.history.waits(on, read) => {
                &mut self.counters.cause_lost
            }
            Cause::NotYet(..) if self.now >= enough => &mut self.counters.cause_missing,
            Cause::NotYet(..) if self.nodes.len() > MOST_WAITING_LONG => {
                &mut self.counters.overflow
            }
            Cause::NotYet(..) => {
                self.patient.push_back((self.now.saturating_add(LOOK_AGAIN), enough, id));
                return;
            }
            // What was learned meanwhile decides.
            _ => return self.find_cause(id, self.now, table, false),
        };
        *counter += is_root;
        self.settle_alone(id);
        // Those that waited longest are the first to go.
        if let Some(waiting) = self.waiting_cause.get_mut(&on) {
            while waiting.pop_front_if(|(id, _)| !self.nodes.contains_key(id)).is_some() {}
        }
    }
}
