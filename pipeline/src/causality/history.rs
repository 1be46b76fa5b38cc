//! The last exchanges of each connection, by position: what causes and peers are looked up in.

use std::collections::VecDeque;

use onlooker_protocol::{Extent, Origin};
use rustc_hash::{FxHashMap, FxHashSet};

use super::ids::Ids;
use super::node::{Finished, NodeId};
use crate::connection::ConnectionId;

/// Exchanges remembered a connection.
const MOST: usize = 64;
/// How long an exchange is remembered beyond its end, in nanoseconds: what it called may go on
/// without it for as long. The last of each connection is remembered while that is open, and what waits
/// for its parent until it has one.
const MEMORY: u64 = 10_000_000_000;
/// Connections of which it is remembered beyond their end what their bytes led to, some 300 bytes each. Where there
/// are more, a call may have to do without that, and the rules for calls that lead to nothing hold.
const MOST_PROMPTED: usize = 16 * 1024;
/// Exchanges remembered beside the last of each connection, 168 bytes each, before [`BRIEF`] is long enough: thousands of connections
/// that stay open and are busy.
const MOST_IN_ALL: usize = 32 * 1024;
/// How long an exchange is remembered where there are more, in nanoseconds.
const BRIEF: u64 = 1_000_000_000;
/// Turns that are followed from an answer, to what was answered in the end.
const MOST_TURNS: usize = 64;
/// How often what is older is looked for, in nanoseconds.
const SWEEP_EVERY: u64 = 5_000_000_000;

/// Where an exchange is on its way to ids.
#[derive(Clone, Debug)]
pub(crate) enum Standing {
    /// It waits.
    Pending(NodeId),
    /// It has left as a span.
    Settled(Ids),
}

/// First and last position of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bytes {
    pub(crate) first: u64,
    pub(crate) last: u64,
}

impl From<&Extent> for Bytes {
    fn from(extent: &Extent) -> Self {
        Self { first: extent.first.position, last: extent.last.position }
    }
}

impl Bytes {
    pub(crate) fn intersects(self, origin: Origin) -> bool {
        let end = origin.position.saturating_add(u64::from(origin.length.max(1)));
        self.first < end && origin.position <= self.last
    }
}

/// A finished exchange at one end of a connection.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// The traced process asked.
    pub(crate) asked: bool,
    pub(crate) request: Bytes,
    pub(crate) response: Option<Bytes>,
    /// The thread that read the request's last bytes and the one that sent the first answer are
    /// two.
    pub(crate) handed_off: bool,
    /// The process that read, or wrote, the request.
    pub(crate) process: u32,
    /// The protocol serves one exchange at a time on a connection.
    pub(crate) serial: bool,
    /// See [`Finished::from_start`].
    pub(crate) from_start: bool,
    /// See [`Finished::part`].
    pub(crate) part: u32,
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) standing: Standing,
    /// The trace and span that the request's header named.
    pub(crate) context: Option<([u8; 16], [u8; 8])>,
    /// For a server's exchange: the event loop that served it did other things meanwhile, so nothing
    /// shows which of its calls were for this one.
    pub(crate) shared: bool,
    /// For a client's exchange: the server's exchange that caused it.
    pub(crate) caused_by: Option<(ConnectionId, u64)>,
}

impl Entry {
    pub(crate) fn new(finished: &Finished, standing: Standing) -> Self {
        let request = &finished.request;
        let answered = finished.response.map(|response| response.first.task.thread);
        Self {
            asked: finished.asked,
            request: Bytes::from(request),
            response: finished.response.as_ref().map(Bytes::from),
            handed_off: answered.is_some_and(|thread| thread != request.last.thread),
            process: request.first.task.process,
            serial: finished.serial,
            from_start: finished.from_start,
            part: finished.part,
            start: finished.start,
            end: finished.end,
            standing,
            context: finished.written_context().map(|it| (it.trace_id, it.span_id)),
            shared: false,
            caused_by: None,
        }
    }

    /// Whether a run of received bytes is (partly) this exchange's request.
    pub(crate) fn asks_within(&self, origin: Origin) -> bool {
        self.request.intersects(origin)
    }

    /// Whether a run of received bytes is nothing but (a part of) this exchange's request.
    pub(crate) fn asks_all(&self, origin: Origin) -> bool {
        let last = origin.position.saturating_add(u64::from(origin.length.max(1)) - 1);
        self.request.first <= origin.position && last <= self.request.last
    }

    /// Whether a run of received bytes is (partly) the response to this exchange, a client's.
    pub(crate) fn answers_within(&self, origin: Origin) -> bool {
        self.asked && self.response.is_some_and(|response| response.intersects(origin))
    }
}

/// What was done in the turn that read these bytes.
#[derive(Clone, Copy, Debug)]
struct Prompt {
    read: Origin,
    then: Then,
    at: u64,
}

#[derive(Clone, Copy, Debug)]
enum Then {
    /// A server's exchange was answered: its connection, and the first position of its request.
    Answered(ConnectionId, u64),
    /// A call was made, and this is its answer.
    Asked(ConnectionId, Bytes),
}

/// All connections' last exchanges.
#[derive(Debug, Default)]
pub(crate) struct History {
    of: FxHashMap<ConnectionId, VecDeque<Entry>>,
    /// By the connection that was read from. Of programs that handle what they read at once.
    prompts: FxHashMap<ConnectionId, VecDeque<Prompt>>,
    /// Connections that many exchanges share, of which one was [handed off](Entry::handed_off).
    handing_on: FxHashSet<ConnectionId>,
    swept: u64,
    /// How many exchanges are remembered.
    entries: usize,
}

impl History {
    pub(crate) fn add(&mut self, on: ConnectionId, entry: Entry) {
        if entry.handed_off && !entry.asked && !entry.serial {
            self.handing_on.insert(on);
        }
        // Most connections of a service whose clients open a new one for each request have but one.
        let entries = self.of.entry(on).or_insert_with(|| VecDeque::with_capacity(1));
        if entries.len() >= MOST {
            entries.pop_front();
            self.entries -= 1;
        }
        entries.push_back(entry);
        self.entries += 1;
    }

    /// Whether who reads this connection, which many exchanges share, hands their requests on: that it
    /// answers one itself does not show that it did nothing else meanwhile.
    pub(crate) fn hands_on(&self, on: ConnectionId) -> bool {
        self.handing_on.contains(&on)
    }

    /// Newest first.
    pub(crate) fn of(&self, on: ConnectionId) -> impl Iterator<Item = &Entry> {
        self.of.get(&on).into_iter().flat_map(|entries| entries.iter().rev())
    }

    pub(crate) fn of_mut(&mut self, on: ConnectionId) -> impl Iterator<Item = &mut Entry> {
        self.of.get_mut(&on).into_iter().flat_map(|entries| entries.iter_mut().rev())
    }

    /// Whether these bytes answer a client's exchange that waits for its own cause.
    pub(crate) fn waits(&self, on: ConnectionId, read: Origin) -> bool {
        let answered = self.of(on).find(|entry| entry.answers_within(read));
        answered.is_some_and(|entry| matches!(entry.standing, Standing::Pending(_)))
    }

    /// Says which server's exchange caused the client's exchange of a node.
    pub(crate) fn set_cause(
        &mut self,
        on: ConnectionId,
        node: NodeId,
        by: Option<(ConnectionId, u64)>,
    ) {
        let pending =
            |entry: &&mut Entry| matches!(entry.standing, Standing::Pending(of) if of == node);
        if let Some(entry) = self.of_mut(on).find(pending) {
            entry.caused_by = by;
        }
    }

    /// Marks the exchange that these bytes asked for as [shared](Entry::shared).
    pub(crate) fn share(&mut self, cause: Origin) {
        let asked = |entry: &&mut Entry| entry.asks_within(cause);
        if let Some(entry) = self.of_mut(ConnectionId(cause.connection)).find(asked) {
            entry.shared = true;
        }
    }

    /// The answer to a server's exchange was begun in the turn that read these bytes.
    pub(crate) fn prompted(&mut self, read: Origin, answered: (ConnectionId, u64), at: u64) {
        self.note(Prompt { read, then: Then::Answered(answered.0, answered.1), at });
    }

    /// A call was made in the turn that read these bytes, and was answered.
    pub(crate) fn asked_upon(&mut self, read: Origin, answer: (ConnectionId, Bytes), at: u64) {
        self.note(Prompt { read, then: Then::Asked(answer.0, answer.1), at });
    }

    fn note(&mut self, prompt: Prompt) {
        let prompts = self.prompts.entry(ConnectionId(prompt.read.connection)).or_default();
        if prompts.len() >= MOST {
            prompts.pop_front();
        }
        prompts.push_back(prompt);
    }

    /// The server's exchanges that were answered in the turns that read these bytes of a connection, or that
    /// read the answers to calls which were made in those turns, and so on.
    pub(crate) fn answered_upon(&self, on: ConnectionId, bytes: Bytes) -> Vec<(ConnectionId, u64)> {
        let (mut turns, mut found) = (vec![(on, bytes)], Vec::new());
        let mut next = 0;
        while let Some(&(on, bytes)) = turns.get(next) {
            next += 1;
            let prompts = self.prompts.get(&on).into_iter().flatten();
            for prompt in prompts.filter(|prompt| bytes.intersects(prompt.read)) {
                match prompt.then {
                    Then::Answered(on, request) => found.push((on, request)),
                    Then::Asked(on, answer)
                        if turns.len() < MOST_TURNS && !turns.contains(&(on, answer)) =>
                    {
                        turns.push((on, answer));
                    }
                    Then::Asked(..) => {}
                }
            }
        }
        found
    }

    pub(crate) fn forget(&mut self, on: ConnectionId) {
        self.entries -= self.of.remove(&on).map_or(0, |entries| entries.len());
        // What its bytes led to may be asked for yet: that goes when it is old.
        if self.prompts.len() > MOST_PROMPTED {
            self.prompts.remove(&on);
        }
        self.handing_on.remove(&on);
    }

    /// Forgets what is too old to be asked for: thousands of connections that were busy once would
    /// else keep their last exchanges for as long as they are open.
    pub(crate) fn sweep(&mut self, now: u64) {
        let many = self.entries > MOST_IN_ALL + self.of.len();
        let (every, memory) = if many { (BRIEF / 2, BRIEF) } else { (SWEEP_EVERY, MEMORY) };
        if now.saturating_sub(self.swept) < every {
            return;
        }
        self.swept = now;
        let mut left = 0;
        for entries in self.of.values_mut() {
            // What waits for its parent may be what shows the parent of another.
            let is_old = |entry: &mut Entry| {
                entry.end.saturating_add(memory) < now
                    && matches!(entry.standing, Standing::Settled(_))
            };
            while entries.len() > 1 && entries.pop_front_if(is_old).is_some() {}
            if entries.len() < entries.capacity() / 4 {
                entries.shrink_to_fit();
            }
            left += entries.len();
        }
        self.entries = left;
        self.prompts.retain(|_, prompts| {
            while prompts.pop_front_if(|prompt| prompt.at.saturating_add(MEMORY) < now).is_some() {}
            !prompts.is_empty()
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::span::{SpanId, TraceId};

    const SECOND: u64 = 1_000_000_000;

    fn ended(end: u64) -> Entry {
        let bytes = Bytes { first: end, last: end };
        Entry {
            asked: false,
            request: bytes,
            response: Some(bytes),
            handed_off: false,
            process: 1,
            serial: true,
            from_start: true,
            part: 0,
            start: end,
            end,
            standing: Standing::Settled(Ids {
                trace: TraceId([1; 16]),
                span: SpanId([1; 8]),
                flags: 0,
                state: None,
            }),
            context: None,
            shared: false,
            caused_by: None,
        }
    }

    #[test]
    fn what_is_old_is_forgotten_but_for_the_last() {
        let mut history = History::default();
        let (busy, idle) = (ConnectionId(1), ConnectionId(2));
        (1..=40).for_each(|second| history.add(busy, ended(second * SECOND)));
        (1..=40).for_each(|second| history.add(idle, ended(second)));
        history.sweep(40 * SECOND);
        assert_eq!(history.of(busy).count(), 11);
        assert_eq!(history.of(idle).map(|entry| entry.end).collect::<Vec<_>>(), [40]);
        assert!(history.of[&idle].capacity() < 8);
    }

    #[test]
    fn of_thousands_of_busy_connections_less_is_remembered() {
        let mut history = History::default();
        for tenth in 1..=40 {
            (0..1000).for_each(|on| history.add(ConnectionId(on), ended(tenth * SECOND / 10)));
        }
        history.sweep(4 * SECOND);
        assert_eq!(history.of(ConnectionId(7)).count(), 11);
        assert_eq!(history.entries, 11_000);
        history.forget(ConnectionId(7));
        assert_eq!(history.entries, 10_989);
    }
}
