//! From finished exchanges to spans with ids: who waits for whom, and for how long.

pub(crate) mod calls;
mod peers;
mod time;

use std::collections::VecDeque;

use onlooker_protocol::Origin;
use rustc_hash::FxHashMap;

use super::counters::LinkCounters;
use super::deadlines::Deadlines;
use super::history::{Bytes, Entry, History, Standing};
use super::ids::{IdSource, Ids, NEW_TRACE_FLAGS};
use super::leave::{joined, links, span_of, with_sampled};
use super::node::{Finished, Node, NodeId, Parent, Waits};
use super::serving;
use super::tasks::Tasks;
use crate::connection::{ConnectionId, Transport};
use crate::messages::{Linker, SenderIds, Way};
use crate::process::Handlers;
use crate::span::sampling::Decision;
use crate::span::{Evidence, Sampler, Span};

/// How long a server's exchange on a new connection waits for its other end to become known, in
/// nanoseconds: a client that was preempted behind its first send tells of its socket when it runs
/// again, which on a busy machine takes several turns of the others.
const GRACE: u64 = 100_000_000;
/// How long it waits for the client's exchange at the other end, which is over soon after.
const PEER_WAIT: u64 = 2_000_000_000;
/// Exchanges that may wait; beyond, the oldest are settled as they stand.
const MOST_WAITING: usize = 64 * 1024;
/// What these may take, in bytes, before the oldest are settled likewise: as many have long texts.
const MOST_WAITING_BYTES: usize = 64 * 1024 * 1024;

/// Whether connections still live and who their peers are: the connection table's answers.
pub(crate) trait Connections {
    /// It may still bring forth exchanges.
    fn alive(&self, id: ConnectionId) -> bool;
    /// It has read a request in these bytes that is not answered to the end.
    fn open(&self, id: ConnectionId, read: Origin) -> bool;
    /// The other end.
    fn peer(&self, id: ConnectionId) -> Option<ConnectionId>;
}

/// All that waits.
#[derive(Debug)]
pub(crate) struct Causality {
    pub(crate) tasks: Tasks,
    pub(crate) counters: LinkCounters,
    /// Spans that are done.
    pub(crate) spans: Vec<Span>,
    /// Nanoseconds from the monotonic clock to 1970.
    pub(crate) epoch: u64,
    /// Decides about traces where they begin here.
    pub(crate) sampler: Sampler,
    /// Finds the senders of messages.
    pub(crate) linker: Linker,
    now: u64,
    history: History,
    nodes: FxHashMap<NodeId, Node>,
    /// What they take, in bytes.
    held: usize,
    last: u64,
    ids: IdSource,
    /// By the connection that was read from, with the bytes.
    waiting_cause: FxHashMap<ConnectionId, VecDeque<(NodeId, Origin)>>,
    waiting_peer: FxHashMap<ConnectionId, Vec<NodeId>>,
    /// Calls whose causes were found, for which later calls wait.
    resolved: Vec<Came>,
    /// Room for calls that are looked at together.
    concerned: Vec<NodeId>,
    soon: Deadlines,
    thread_ends: Deadlines,
    later: Deadlines,
    much_later: Deadlines,
    /// Calls whose causes are open for long: when to look again, and when that is enough.
    patient: VecDeque<(u64, u64, NodeId)>,
    ended: VecDeque<(u64, ConnectionId)>,
}

impl Causality {
    pub(crate) fn new(ids: IdSource, epoch: u64) -> Self {
        Self {
            tasks: Tasks::default(),
            counters: LinkCounters::default(),
            spans: Vec::new(),
            epoch,
            sampler: Sampler::default(),
            linker: Linker::default(),
            now: 0,
            history: History::default(),
            nodes: FxHashMap::default(),
            held: 0,
            last: 0,
            ids,
            waiting_cause: FxHashMap::default(),
            waiting_peer: FxHashMap::default(),
            resolved: Vec::new(),
            concerned: Vec::new(),
            soon: Deadlines::default(),
            thread_ends: Deadlines::default(),
            later: Deadlines::default(),
            much_later: Deadlines::default(),
            patient: VecDeque::new(),
            ended: VecDeque::new(),
        }
    }

    pub(crate) fn waiting(&self) -> usize {
        self.nodes.len()
    }

    #[cfg(test)]
    pub(crate) fn deadlines(&self) -> usize {
        self.later.len() + self.much_later.len()
    }

    /// An exchange is over.
    pub(crate) fn add(&mut self, mut finished: Box<Finished>, now: u64, table: &impl Connections) {
        self.now = now;
        let sent = finished.messages.as_ref().filter(|messages| messages.way == Way::Sent);
        finished.sender = sent.map(|messages| self.linker.sent(messages));
        self.last += 1;
        let id = NodeId(self.last);
        let on = finished.connection;
        let asked = finished.asked;
        let task = finished.request.first.task.id;
        if !asked {
            self.tasks.served(task, on, finished.start, finished.end, finished.serial);
            if let Some(answer) = finished.response.map(|response| response.first)
                && answer.task.id != task
            {
                // Another thread had read the request. What this one had read itself, if it owes an
                // answer, is not all that it serves.
                let serial = finished.serial;
                self.tasks.served(answer.task.id, on, answer.start, answer.end, serial);
            }
            self.note_hand_off(&finished);
            self.note_prompt(&finished);
        } else {
            self.note_manner(&finished);
            if serving::drifts(&finished) {
                self.tasks.drifted(task);
            } else {
                self.note_continuation(&finished);
            }
        }
        // Nobody can be waited for: most requests of a server whose clients are not watched.
        if finished.alone && !asked && table.peer(on).is_none() {
            let parent = self.on_the_wire(&finished);
            let ids = self.identify(parent.as_ref());
            let came = Came::of(&finished);
            self.history.add(on, Entry::new(&finished, Standing::Settled(ids.clone())));
            self.let_go(finished, ids, parent);
            return self.wake_calls(came, now, table);
        }
        let came = Came::of(&finished);
        self.history.add(on, Entry::new(&finished, Standing::Pending(id)));
        let held = finished.held();
        self.held += held;
        self.nodes.insert(id, Node { finished, held, waits: Waits::Grace, children: Vec::new() });
        if asked {
            self.find_cause(id, now, table, false);
            self.wake_servers(on);
        } else {
            self.find_peer(id, now, table);
        }
        self.wake_calls(came, now, table);
        if self.nodes.len() > MOST_WAITING || self.held > MOST_WAITING_BYTES {
            self.settle_oldest();
        }
    }

    /// Notes who reads requests that others answer.
    fn note_hand_off(&mut self, served: &Finished) {
        let reader = served.request.last.thread;
        if served.response.is_some_and(|answer| answer.first.task.thread != reader) {
            self.tasks.handed_off(reader.into());
        }
    }

    /// Notes what a call tells of the thread that made it: how often it called, if another started it, and
    /// whether it waits for what it asks. Where many exchanges share a connection, one thread may
    /// read the answers for all.
    fn note_manner(&mut self, call: &Finished) {
        let by = call.request.first.task;
        if by.inherited && call.transport != Transport::Udp {
            self.tasks.helped(by.thread, call.start);
        }
        let reader = call.response.map(|answer| answer.first.task.id);
        if call.serial && reader.is_some_and(|reader| reader != by.id) {
            self.tasks.does_not_wait(by.id);
        }
    }

    /// Notes whose answer it was upon which a program that handles what it reads at once answered. Where
    /// many exchanges share a connection, their answers wait for each other.
    fn note_prompt(&mut self, served: &Finished) {
        let Some(answer) = &served.response else { return };
        let read = answer.first.task.resumed;
        let elsewhere = read.connection != 0 && read.connection != served.connection.0;
        if served.handlers == Handlers::Inline && served.serial && elsewhere {
            let this = (served.connection, served.request.first.position);
            self.history.prompted(read, this, served.end);
        }
    }

    /// Notes upon which bytes such a program made a call: what its answer leads to is what those had led to.
    fn note_continuation(&mut self, call: &Finished) {
        let Some(answer) = &call.response else { return };
        let read = serving::decided(call).resumed;
        if call.handlers == Handlers::Inline && call.serial && read.connection != 0 {
            self.history.asked_upon(read, (call.connection, Bytes::from(answer)), call.end);
        }
    }

    /// Makes a node the child of another, or of a span that has left.
    fn attach(&mut self, id: NodeId, parent: Standing, evidence: Evidence) {
        match parent {
            Standing::Settled(ids) => {
                let remote = evidence == Evidence::SameCall;
                self.settle(id, Some(Parent { ids, evidence, remote }));
            }
            Standing::Pending(of) => {
                if let Some(node) = self.nodes.get_mut(&id) {
                    node.waits = Waits::Parent;
                }
                match self.nodes.get_mut(&of) {
                    Some(parent) => parent.children.push((id, evidence)),
                    None => self.settle_alone(id),
                }
            }
        }
    }

    fn settle_alone_if(&mut self, id: NodeId, waits: Waits) {
        if self.nodes.get(&id).is_some_and(|node| node.waits == waits) {
            self.settle_alone(id);
        }
    }

    /// Settles a node by the context on its wire, or as a root.
    fn settle_alone(&mut self, id: NodeId) {
        let parent = self.nodes.get(&id).and_then(|node| self.on_the_wire(&node.finished));
        self.settle(id, parent);
    }

    /// The parent that the context on the wire names.
    fn on_the_wire(&self, finished: &Finished) -> Option<Parent> {
        finished.context.as_ref().map(|context| Parent {
            ids: joined(context, &self.sampler),
            evidence: Evidence::Context,
            remote: true,
        })
    }

    /// New ids for the child of a parent, or for a root.
    fn identify(&mut self, parent: Option<&Parent>) -> Ids {
        let span = self.ids.span();
        match parent {
            Some(Parent { ids, evidence, .. }) => {
                self.counters.by_evidence[*evidence as usize] += 1;
                Ids { span, ..ids.clone() }
            }
            None => {
                self.counters.roots += 1;
                let trace = self.ids.trace();
                let Decision { sampled, state } = self.sampler.root(trace);
                Ids { trace, span, flags: with_sampled(NEW_TRACE_FLAGS, sampled), state }
            }
        }
    }

    /// Settles the eighth that has waited longest. To find one alone costs a look at all.
    fn settle_oldest(&mut self) {
        let waiting = self.nodes.iter().filter(|(_, node)| node.waits != Waits::Parent);
        let mut oldest: Vec<_> = waiting.map(|(id, _)| *id).collect();
        let eighth = oldest.len().div_ceil(8);
        if eighth < oldest.len() {
            oldest.select_nth_unstable(eighth);
            oldest.truncate(eighth);
        }
        for id in oldest {
            self.counters.overflow += 1;
            self.settle_alone(id);
        }
    }

    /// Gives a node its ids, and then those who waited for them.
    fn settle(&mut self, id: NodeId, parent: Option<Parent>) {
        // Most nodes have nobody who waits for them.
        let (mut next, mut todo) = (Some((id, parent)), Vec::new());
        while let Some((id, parent)) = next.take().or_else(|| todo.pop()) {
            let Some(node) = self.nodes.remove(&id) else { continue };
            self.held -= node.held;
            let ids = self.identify(parent.as_ref());
            let on = node.finished.connection;
            let pending =
                |entry: &&mut Entry| matches!(entry.standing, Standing::Pending(of) if of == id);
            if let Some(entry) = self.history.of_mut(on).find(pending) {
                entry.standing = Standing::Settled(ids.clone());
            }
            for (child, evidence) in node.children {
                let remote = evidence == Evidence::SameCall;
                todo.push((child, Some(Parent { ids: ids.clone(), evidence, remote })));
            }
            self.let_go(node.finished, ids, parent);
        }
    }

    /// A span leaves, unless it waits for the senders of the messages that it received.
    fn let_go(&mut self, mut finished: Box<Finished>, ids: Ids, parent: Option<Parent>) {
        if let Some(sender) = &finished.sender {
            let Ids { trace, span, state, .. } = ids.clone();
            sender.settle(SenderIds { trace, span, state });
        }
        let messages = finished.messages.take();
        let links = links(&finished, messages.as_ref());
        self.linker.count_contexts(messages.as_ref().map_or(0, |it| it.contexts.len()));
        let span = Span { links, ..span_of(finished, ids, parent, self.epoch) };
        let held = match messages {
            Some(messages) if messages.way == Way::Received => {
                self.linker.hold(span, messages, self.now)
            }
            _ => Some(span),
        };
        self.spans.extend(held);
    }
}

/// What came that calls may have waited for.
#[derive(Clone, Copy, Debug)]
struct Came {
    on: ConnectionId,
    /// What was read of it, where other exchanges of the connection are nothing to who waits for it.
    only: Option<Bytes>,
}

impl Came {
    /// An exchange. Of one at a time each tells of those before as well.
    fn of(finished: &Finished) -> Self {
        let read = match &finished.response {
            Some(response) if finished.asked => response,
            _ => &finished.request,
        };
        Self { on: finished.connection, only: (!finished.serial).then(|| Bytes::from(read)) }
    }

    /// Nothing, and nothing will.
    fn none(on: ConnectionId) -> Self {
        Self { on, only: None }
    }

    /// Whether it tells of what was read in these bytes.
    fn concerns(&self, read: Origin) -> bool {
        self.only.is_none_or(|bytes| bytes.intersects(read))
    }
}
