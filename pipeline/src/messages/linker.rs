//! Holds receivers' spans back until the senders of what they received are known.
//!
//! Either end can be over first: a long poll brings messages before the answer to their sender has
//! been read, and a sender's span gets its ids only when the request it was sent for is over.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::identities::{Found, Identities};
use super::offsets::Offsets;
use super::{Broker, Messages, Name, OffsetRange, Sender};
use crate::causality::OPEN_CAUSE_WAIT;
use crate::span::{Attributes, Link, LinkEvidence, Span};

/// When it is looked for senders, in nanoseconds after a receiver's span was done. The exchange of
/// a sender that is traced is over by then.
const LOOKS: [u64; 6] = [0, 20_000_000, 100_000_000, 400_000_000, 1_000_000_000, 2_000_000_000];
/// The first look for a message that has no name of its own: another one alike may be on its way.
const FIRST_LOOK_AT_CONTENT: u64 = 400_000_000;
/// How long the ids of senders that are known are waited for: as long as a request may be open and
/// its calls be kept, and the looks before.
const IDS_WAIT: u64 = OPEN_CAUSE_WAIT + 2_000_000_000;
/// How often.
const IDS_LOOK: u64 = 1_000_000_000;
/// Spans that may be held back; beyond, the one that would be longest is let go.
pub(super) const MOST_HELD: usize = 16 * 1024;
/// Links of one span that are made. Sinks show fewer and count the rest.
const MOST_LINKS: usize = 1024;

/// How receivers of messages came by links to their senders, and why others did not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MessageCounters {
    /// Links by evidence: context in the message, offset in its log, identity.
    pub by_evidence: [u64; 3],
    /// Messages, or runs of them, whose senders were not seen in time.
    pub sender_missing: u64,
    /// … whose senders were seen and got no ids in time.
    pub sender_unsettled: u64,
    /// Messages that several senders could have sent.
    pub ambiguous: u64,
    /// Messages, or runs of them, of which too little was seen to name them.
    pub nameless: u64,
    /// Sent messages, or runs of them, forgotten because there were too many.
    pub forgotten: u64,
    /// Spans let go without a wait because too many waited.
    pub overflow: u64,
    /// Links left out because a span had too many.
    pub links_cut: u64,
}

#[derive(Debug)]
struct Held {
    span: Span,
    names: Vec<Name>,
    received: u64,
    since: u64,
    looks: usize,
}

/// What a look came to.
#[derive(Debug, Default)]
struct Look {
    links: Vec<(Arc<Sender>, LinkEvidence, Attributes)>,
    missing: u64,
    unsettled: u64,
    ambiguous: u64,
}

/// All senders that are remembered, and all spans that wait for them.
#[derive(Debug, Default)]
pub(crate) struct Linker {
    offsets: Offsets,
    identities: Identities,
    /// By the time of the next look.
    held: BTreeMap<(u64, u64), Held>,
    last: u64,
    counters: MessageCounters,
}

impl Linker {
    /// A broker told its cluster's id.
    pub(crate) fn learn(&mut self, broker: Broker, cluster: &Arc<str>) {
        self.offsets.learn(broker, cluster);
    }

    /// Messages were sent, by a span that gets its ids later.
    pub(crate) fn sent(&mut self, messages: &Messages) -> Arc<Sender> {
        let sender = Sender::new(messages.at);
        self.counters.nameless += messages.nameless;
        for name in &messages.names {
            match name {
                Name::Offsets(run) => self.offsets.add(run, &sender),
                Name::Identity(identity) => self.identities.add(identity, &sender),
            }
        }
        sender
    }

    /// Links that a span got from the contexts in its messages.
    pub(crate) fn count_contexts(&mut self, links: usize) {
        self.counters.by_evidence[0] += links as u64;
    }

    /// Takes the span of a receiver; gives it back if there is nothing to wait for.
    pub(crate) fn hold(&mut self, span: Span, messages: Messages, now: u64) -> Option<Span> {
        self.counters.nameless += messages.nameless;
        if messages.names.is_empty() {
            return Some(span);
        }
        let Messages { names, at, .. } = messages;
        let by_content =
            |name: &Name| matches!(name, Name::Identity(identity) if !identity.key.is_named());
        let looks = if names.iter().any(by_content) {
            LOOKS.iter().position(|&after| after >= FIRST_LOOK_AT_CONTENT).unwrap_or(0)
        } else {
            0
        };
        let held = Held { span, names, received: at, since: now, looks };
        if looks > 0 {
            self.put_back(held, now.saturating_add(LOOKS[looks]));
        } else if let Some(span) = self.look(held, now, false) {
            return Some(span);
        }
        if self.held.len() > MOST_HELD {
            self.counters.overflow += 1;
            let (_, last) = self.held.pop_last()?;
            return self.look(last, now, true);
        }
        None
    }

    /// Lets the spans go that have waited long enough.
    pub(crate) fn tick(&mut self, now: u64, out: &mut Vec<Span>) {
        while let Some(first) = self.held.first_entry().filter(|first| first.key().0 <= now) {
            let held = first.remove();
            out.extend(self.look(held, now, false));
        }
    }

    /// The end: all spans go.
    pub(crate) fn finish(&mut self, now: u64, out: &mut Vec<Span>) {
        for held in std::mem::take(&mut self.held).into_values() {
            out.extend(self.look(held, now, true));
        }
    }

    pub(crate) fn counters(&self) -> MessageCounters {
        let forgotten = self.offsets.forgotten + self.identities.forgotten;
        MessageCounters { forgotten, ..self.counters }
    }

    /// Looks for the senders; gives the span with its links, or holds it back for another look.
    fn look(&mut self, mut held: Held, now: u64, is_last: bool) -> Option<Span> {
        let mut look = Look::default();
        for name in &held.names {
            match name {
                Name::Offsets(run) => self.look_for_run(run, held.received, &mut look),
                Name::Identity(identity) => match self.identities.find(identity, held.received) {
                    Found::Nobody => look.missing += 1,
                    Found::Several => look.ambiguous += 1,
                    Found::Sender(sender) => {
                        let mut attributes = Attributes::default();
                        let id = identity.key.message_id().map(str::to_owned);
                        attributes.set_some("messaging.message.id", id);
                        look.add(sender, LinkEvidence::MessageIdentity, attributes);
                    }
                },
            }
        }
        held.looks += 1;
        let next = match LOOKS.get(held.looks) {
            _ if is_last || look.missing + look.unsettled == 0 => None,
            Some(after) => Some(held.since.saturating_add(*after)),
            None if look.unsettled > 0 => Some(now.saturating_add(IDS_LOOK)),
            None => None,
        };
        match next.filter(|&next| next <= held.since.saturating_add(IDS_WAIT)) {
            Some(next) => {
                self.put_back(held, next);
                None
            }
            None => Some(self.link(held.span, look)),
        }
    }

    fn look_for_run(&self, run: &OffsetRange, received: u64, look: &mut Look) {
        let mut known = 0_u64;
        for part in self.offsets.find(run, received) {
            let messages = part.last.abs_diff(part.first).saturating_add(1);
            known = known.saturating_add(messages);
            let mut attributes = Attributes::default();
            attributes.set("messaging.destination.partition.id", run.partition.to_string());
            if messages == 1 {
                attributes.set("messaging.kafka.offset", part.first);
            }
            look.add(part.by, LinkEvidence::MessageOffset, attributes);
        }
        // Markers of transactions and what was compacted away have offsets as well.
        let all = run.last.abs_diff(run.first).saturating_add(1);
        look.missing += u64::from(known < run.messages.unwrap_or(all).min(all));
    }

    fn put_back(&mut self, held: Held, next: u64) {
        self.last += 1;
        self.held.insert((next, self.last), held);
    }

    fn link(&mut self, mut span: Span, look: Look) -> Span {
        self.counters.sender_missing += look.missing;
        self.counters.sender_unsettled += look.unsettled;
        self.counters.ambiguous += look.ambiguous;
        for (sender, evidence, mut attributes) in look.links {
            let Some(ids) = sender.ids() else { continue };
            if span.links.iter().any(|link| link.span_id == ids.span) {
                continue;
            }
            if span.links.len() >= MOST_LINKS {
                self.counters.links_cut += 1;
                continue;
            }
            self.counters.by_evidence[counter(evidence)] += 1;
            attributes.set(LinkEvidence::KEY, evidence.name());
            span.links.push(Link {
                trace_id: ids.trace,
                span_id: ids.span,
                state: ids.state.clone(),
                attributes,
            });
        }
        span
    }
}

fn counter(evidence: LinkEvidence) -> usize {
    match evidence {
        LinkEvidence::Context | LinkEvidence::MessageContext => 0,
        LinkEvidence::MessageOffset => 1,
        LinkEvidence::MessageIdentity => 2,
    }
}

impl Look {
    fn add(&mut self, sender: Arc<Sender>, evidence: LinkEvidence, attributes: Attributes) {
        if sender.ids().is_none() {
            self.unsettled += 1;
        }
        self.links.push((sender, evidence, attributes));
    }
}
