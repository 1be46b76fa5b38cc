//! A channel: contents that are under way, and operations that wait for their answers.

use std::collections::VecDeque;
use std::hash::Hasher as _;
use std::sync::Arc;

use super::consumers::Consumers;
use super::content::{Content, What};
use super::facts::{AmqpError, AmqpFacts, Operation, Settlement};
use super::wire::Properties;
use super::{MAX_EARLY, MAX_IN_DOUBT, MAX_RETURNABLE, MAX_UNSETTLED, NAME_LIMIT};
use crate::chunk::{Moment, Side, Tail};
use crate::context::ContextFormat;
use crate::dissector::Output;
use crate::exchange::{Exchange, Extent, Facts, Outcome};
use crate::text;

/// A broker routes a message when it comes, so a return is there within a round trip. Nanoseconds.
const RETURNED_WITHIN: u64 = 1_000_000_000;

/// What is known of a channel.
#[derive(Debug, Default)]
pub(super) struct Channel {
    /// By who sends it.
    content: [Option<Content>; 2],
    /// The next publish's number, where the channel has confirms and none was missed.
    pub(super) next_publish: Option<u64>,
    unconfirmed: VecDeque<Open>,
    /// Publishes without a confirm that may still be returned.
    returnable: VecDeque<Exchange>,
    /// When the server's frames were missed last: nanoseconds.
    missed_until: u64,
    unsettled: VecDeque<Open>,
    gets: VecDeque<(Arc<str>, Extent)>,
    pub(super) consumers: Consumers,
    /// The queue that an empty name means.
    pub(super) last_queue: Option<Arc<str>>,
    /// Settlements of what has not been seen yet: the two directions are not delivered in strict
    /// order. By who sends them.
    early: [VecDeque<Settle>; 2],
}

/// An operation that waits for its answer.
#[derive(Debug)]
struct Open {
    tag: u64,
    exchange: Exchange,
    /// The answer may have been lost, or there may be none: whether the consumer has to ack was
    /// said before the connection was seen.
    in_doubt: bool,
}

/// basic.ack, nack or reject.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settle {
    pub(super) tag: u64,
    pub(super) multiple: bool,
    pub(super) how: Settlement,
    pub(super) extent: Extent,
}

impl Settle {
    /// A tag of zero with `multiple` means all that are open.
    fn covers(&self, tag: u64) -> bool {
        self.tag == tag || self.multiple && (tag <= self.tag || self.tag == 0)
    }
}

impl Channel {
    /// About what it takes beyond its own size, in bytes.
    pub(super) fn held(&self) -> usize {
        let exchange = size_of::<Exchange>() + size_of::<AmqpFacts>();
        let open = self.unconfirmed.len() + self.unsettled.len() + self.returnable.len();
        open * exchange + self.gets.capacity() * size_of::<(Arc<str>, Extent)>()
    }

    /// A method with content begins. What was under way cannot become whole any more.
    pub(super) fn begin(&mut self, side: Side, content: Content, out: &mut Output) {
        out.lost += u64::from(self.content[side as usize].replace(content).is_some());
    }

    /// The content under way.
    pub(super) fn content(&mut self, side: Side) -> Option<&mut Content> {
        self.content[side as usize].as_mut()
    }

    /// The content under way will not become whole.
    pub(super) fn drop_content(&mut self, side: Side, out: &mut Output) {
        out.lost += u64::from(self.content[side as usize].take().is_some());
    }

    /// A content header, as far as it was seen.
    pub(super) fn header(&mut self, side: Side, properties: Properties<'_>) {
        let Some(content) = self.content(side).filter(|content| !content.has_header) else {
            return;
        };
        let Properties { body_size, mut carrier, message_id, correlation_id, timestamp } =
            properties;
        content.has_header = true;
        content.left = body_size;
        content.link = carrier.take_link();
        content.context = carrier.finish();
        let text = |bytes| text::lossy(bytes, NAME_LIMIT);
        content.facts.message = Some(super::Message {
            body_size,
            content_hash: None,
            message_id: message_id.map(text),
            correlation_id: correlation_id.map(text),
            timestamp,
        });
    }

    /// A body frame of this size begins; whether it belongs to the content.
    pub(super) fn body(&mut self, side: Side, size: u64) -> bool {
        let Some(content) = self.content(side).filter(|content| content.has_header) else {
            return false;
        };
        match content.left.checked_sub(size) {
            Some(left) => content.left = left,
            None => self.content[side as usize] = None,
        }
        self.content[side as usize].is_some()
    }

    /// A frame of content has ended; so may have the content.
    pub(super) fn frame_ended(&mut self, side: Side, last: impl Into<Tail>, out: &mut Output) {
        let slot = &mut self.content[side as usize];
        let Some(content) = slot.take_if(|content| content.has_header && content.left == 0) else {
            return;
        };
        let Content { what, first, mut facts, context, link, hash, .. } = content;
        if let Some(message) = &mut facts.message {
            message.content_hash = hash.map(|hash| hash.finish());
        }
        let extent = Extent::new(first, last);
        let tag = facts.delivery_tag.unwrap_or(0);
        let mut exchange = Exchange {
            asker: side,
            context: context.filter(|context| context.format != ContextFormat::SkyWalking),
            links: link.into_iter().collect(),
            ..Exchange::new(extent, None, Facts::Amqp(Box::new(facts)))
        };
        match what {
            What::Publish { returnable } => self.published(exchange, returnable, out),
            What::Return(code) => self.returned(code, &exchange, out),
            What::Deliver { no_ack: Some(true) } => {
                exchange.outcome = Outcome::OneWay;
                out.exchanges.push(exchange);
            }
            What::Deliver { no_ack } => {
                let early = take_early(&mut self.early[Side::Client as usize], tag);
                self.unsettled.push_back(Open { tag, exchange, in_doubt: no_ack.is_none() });
                match early {
                    Some(settle) => {
                        self.settle(Side::Client, Settle { multiple: false, tag, ..settle }, out)
                    }
                    None => shorten(&mut self.unsettled, out),
                }
            }
            What::GetOk => self.got(Some(exchange), extent, out),
        }
    }

    fn published(&mut self, mut exchange: Exchange, returnable: bool, out: &mut Output) {
        let Some(tag) = self.next_publish else {
            exchange.outcome = Outcome::OneWay;
            if returnable && exchange.request.first.start <= self.missed_until {
                // The return may have been lost before this was delivered.
                exchange.outcome = Outcome::Inferred;
                out.exchanges.push(exchange);
            } else if returnable {
                self.returnable.push_back(exchange);
                if self.returnable.len() > MAX_RETURNABLE {
                    out.exchanges.extend(self.returnable.pop_front());
                }
            } else {
                out.exchanges.push(exchange);
            }
            return;
        };
        self.next_publish = tag.checked_add(1);
        let early = take_early(&mut self.early[Side::Server as usize], tag);
        self.unconfirmed.push_back(Open { tag, exchange, in_doubt: false });
        match early {
            Some(settle) => {
                self.settle(Side::Server, Settle { multiple: false, tag, ..settle }, out)
            }
            None => shorten(&mut self.unconfirmed, out),
        }
    }

    /// A message came back. Where there are confirms, its own comes next; where there are none,
    /// this is the answer.
    fn returned(&mut self, code: u16, exchange: &Exchange, out: &mut Output) {
        let Facts::Amqp(returned) = &exchange.facts else { return };
        let is_same = |exchange: &Exchange| match &exchange.facts {
            Facts::Amqp(facts) => {
                facts.error.is_none()
                    && facts.exchange == returned.exchange
                    && facts.routing_key == returned.routing_key
                    && facts.message == returned.message
            }
            _ => false,
        };
        let refuse = |exchange: &mut Exchange| {
            if let Facts::Amqp(facts) = &mut exchange.facts {
                facts.error = Some(AmqpError::Reply(code));
            }
        };
        if let Some(open) = self.unconfirmed.iter_mut().find(|open| is_same(&open.exchange)) {
            return refuse(&mut open.exchange);
        }
        let at = self.returnable.iter().position(is_same);
        if let Some(mut refused) = at.and_then(|at| self.returnable.remove(at)) {
            refuse(&mut refused);
            refused.response = Some(exchange.request);
            refused.outcome = Outcome::Complete;
            out.exchanges.push(refused);
        }
    }

    /// Whether a publish is held back because it may come back.
    pub(super) fn waits(&self) -> bool {
        !self.returnable.is_empty()
    }

    /// Gives out the publishes that would have come back by `now`, in nanoseconds.
    pub(super) fn idle(&mut self, now: u64, out: &mut Output) {
        let is_over = |exchange: &mut Exchange| {
            now.saturating_sub(exchange.request.last.end) >= RETURNED_WITHIN
        };
        while let Some(exchange) = self.returnable.pop_front_if(is_over) {
            out.exchanges.push(exchange);
        }
    }

    /// basic.get was sent.
    pub(super) fn get(&mut self, queue: Arc<str>, extent: Extent, out: &mut Output) {
        if self.gets.len() >= MAX_EARLY {
            self.gets.pop_front();
            out.lost += 1;
        }
        self.gets.push_back((queue, extent));
    }

    /// basic.get was answered, with a message or without.
    pub(super) fn got(&mut self, message: Option<Exchange>, response: Extent, out: &mut Output) {
        let Some((queue, request)) = self.gets.pop_front() else { return };
        let (mut facts, context, links) = match message {
            Some(Exchange { facts: Facts::Amqp(facts), context, links, .. }) => {
                (*facts, context, links)
            }
            _ => {
                (AmqpFacts { operation: Operation::Get, ..AmqpFacts::default() }, None, Vec::new())
            }
        };
        facts.queue = Some(queue);
        let facts = Facts::Amqp(Box::new(facts));
        let exchange = Exchange::new(request, Some(response), facts);
        out.exchanges.push(Exchange { context, links, ..exchange });
    }

    /// A client settles deliveries, a server confirms publishes.
    pub(super) fn settle(&mut self, from: Side, settle: Settle, out: &mut Output) {
        let open = match from {
            Side::Client => &mut self.unsettled,
            Side::Server => &mut self.unconfirmed,
        };
        let mut found = false;
        let mut at = 0;
        while let Some(it) = open.get(at) {
            if !settle.covers(it.tag) {
                at += 1;
                continue;
            }
            found = true;
            let Some(Open { mut exchange, .. }) = open.remove(at) else { break };
            exchange.response = Some(settle.extent);
            if let Facts::Amqp(facts) = &mut exchange.facts {
                match from {
                    Side::Client => facts.settlement = Some(settle.how),
                    Side::Server if settle.how != Settlement::Ack => {
                        facts.error = facts.error.or(Some(AmqpError::Nack));
                    }
                    Side::Server => {}
                }
            }
            out.exchanges.push(exchange);
            if !settle.multiple {
                break;
            }
        }
        if !found {
            let early = &mut self.early[from as usize];
            if early.len() >= MAX_EARLY {
                early.pop_front();
            }
            early.push_back(settle);
        }
    }

    /// Frames of this side were lost: what is under way, and what they would have answered.
    /// The last of them was due at `at`.
    pub(super) fn missed(&mut self, side: Side, at: Moment, out: &mut Output) {
        self.drop_content(side, out);
        match side {
            Side::Client => {
                self.next_publish = None;
                self.consumers.missed();
                self.unsettled.iter_mut().for_each(|open| open.in_doubt = true);
            }
            Side::Server => {
                // Which get the next answer belongs to is not known any more.
                out.lost += self.gets.len() as u64;
                self.gets.clear();
                self.consumers.missed();
                self.unconfirmed.iter_mut().for_each(|open| open.in_doubt = true);
                // A return may have been among what was lost.
                self.missed_until = self.missed_until.max(at.end);
                out.exchanges.extend(
                    self.returnable
                        .drain(..)
                        .map(|exchange| Exchange { outcome: Outcome::Inferred, ..exchange }),
                );
            }
        }
    }

    /// The channel ends. `refusal` is why, if the broker ends it because of an error.
    pub(super) fn end(
        self,
        refusal: Option<(AmqpError, Extent)>,
        outcome: Outcome,
        out: &mut Output,
    ) {
        for Open { mut exchange, in_doubt, .. } in self.unconfirmed {
            match (refusal, &mut exchange.facts) {
                (Some((error, extent)), Facts::Amqp(facts)) => {
                    facts.error = facts.error.or(Some(error));
                    exchange.response = Some(extent);
                }
                _ if in_doubt => exchange.outcome = Outcome::Inferred,
                _ => exchange.outcome = outcome,
            }
            out.exchanges.push(exchange);
        }
        // A return may be under way.
        for exchange in self.returnable {
            out.exchanges.push(Exchange { outcome: Outcome::Inferred, ..exchange });
        }
        for (queue, request) in self.gets {
            let mut facts = AmqpFacts { operation: Operation::Get, ..AmqpFacts::default() };
            facts.queue = Some(queue);
            facts.error = refusal.map(|(error, _)| error);
            let response = refusal.map(|(_, extent)| extent);
            let exchange = Exchange::new(request, response, Facts::Amqp(Box::new(facts)));
            let outcome = if response.is_some() { Outcome::Complete } else { outcome };
            out.exchanges.push(Exchange { outcome, ..exchange });
        }
        // Where the channel ends in order, these were waiting in the consumer, and go back.
        for Open { mut exchange, in_doubt, .. } in self.unsettled {
            exchange.outcome = if in_doubt { Outcome::Inferred } else { outcome };
            out.exchanges.push(exchange);
        }
    }
}

/// Takes the settlement of this tag, if it came early.
fn take_early(early: &mut VecDeque<Settle>, tag: u64) -> Option<Settle> {
    early.iter().find(|settle| settle.covers(tag)).copied()
}

/// Gives out the oldest operation, if too many wait.
fn shorten(open: &mut VecDeque<Open>, out: &mut Output) {
    let in_doubt = open.front().is_some_and(|oldest| oldest.in_doubt);
    let limit = if in_doubt { MAX_IN_DOUBT } else { MAX_UNSETTLED };
    if open.len() > limit
        && let Some(Open { exchange, .. }) = open.pop_front()
    {
        out.lost += u64::from(!in_doubt);
        out.exchanges.push(Exchange { outcome: Outcome::Inferred, ..exchange });
    }
}
