//! UDP: which datagrams belong together, and which were captured before.
//!
//! A capture of several interfaces shows a datagram once for each that it passed, on its way through
//! a tunnel's inner and outer interface, and before and after its addresses were translated. A copy
//! follows its original at once, and from elsewhere; a client that asks two servers the same thing
//! does so at one place.

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::net::SocketAddr;

use onlooker_protocol::Side;

use crate::event::{ConnectionId, End, Event, Opened, Role, Transport};
use crate::table::{Context, Ends, eighth, ends, guess_client, is_translation, side};
use crate::udp::{self, Datagram};

/// How long after a datagram its copies are looked for, in nanoseconds of the capture's clock: a
/// host forwards in less than a millisecond, and nobody asks again as soon as that.
const COPY_WINDOW: u64 = 20_000_000;
/// How many datagrams are remembered for that. More within the time go without.
const MAX_RECENT: usize = 4096;
/// The shortest payload that tells its datagram from others: that of a message of DNS.
const MIN_TELLING: usize = 12;

/// All flows.
#[derive(Debug, Default)]
pub(crate) struct Flows {
    flows: HashMap<Ends, Flow>,
    /// Flows under other addresses, with the client among these.
    aliases: HashMap<Ends, (Ends, SocketAddr)>,
    recent: VecDeque<Recent>,
}

#[derive(Debug)]
struct Flow {
    id: ConnectionId,
    client: SocketAddr,
    /// Time of the last datagram, and who sent it.
    time: u64,
    last: Side,
    used: u64,
}

/// A datagram that was captured just before.
#[derive(Debug)]
struct Recent {
    time: u64,
    content: u64,
    source: SocketAddr,
    destination: SocketAddr,
    /// Where it was captured.
    vantage: u64,
}

impl Flows {
    /// Takes a datagram. At most `most` flows are kept.
    pub(crate) fn datagram(
        &mut self,
        source: SocketAddr,
        destination: SocketAddr,
        datagram: &Datagram<'_>,
        most: usize,
        context: &mut Context<'_, '_>,
    ) {
        let time = context.time;
        let mut key = ends(source, destination);
        let is_idle = |flow: &Flow| flow.time.saturating_add(udp::IDLE) < time;
        if let Some(flow) = self.flows.get(&key)
            && is_idle(flow)
        {
            (context.listener)(Event::Closed { id: flow.id, end: End::Forgotten, time });
            self.flows.remove(&key);
        }
        if !self.flows.contains_key(&key)
            && let Some((original, _)) = self.aliases.get(&key)
            && self.flows.get(original).is_none_or(is_idle)
        {
            self.aliases.remove(&key);
        }
        if self.is_copy(source, destination, datagram, (context.vantage, time)) {
            context.counters.copied_datagrams += 1;
            return;
        }
        let mut sender = None;
        if let Some((original, client)) = self.aliases.get(&key) {
            sender = Some(side(*client, source));
            key = *original;
        }
        if !self.flows.contains_key(&key) {
            self.make_room(most, context);
            let client = guess_client(source, destination);
            let server = if client == source { destination } else { source };
            let id = context.new_id();
            let (transport, role) = (Transport::Udp, Role::Guessed);
            let opened = Opened { id, transport, client, server, role, time };
            (context.listener)(Event::Opened(opened));
            self.flows.insert(key, Flow { id, client, time, last: Side::Client, used: 0 });
        }
        let Some(flow) = self.flows.get_mut(&key) else { return };
        flow.time = flow.time.max(time);
        flow.used = context.counters.frames;
        flow.last = sender.unwrap_or_else(|| side(flow.client, source));
        let (bytes, missing) = (datagram.payload, datagram.missing);
        context.counters.bytes += bytes.len() as u64;
        context.counters.missing_bytes += missing;
        let (id, side, time) = (flow.id, flow.last, flow.time);
        (context.listener)(Event::Datagram { id, side, bytes, missing, time });
    }

    /// The capture is over.
    pub(crate) fn finish(&mut self, context: &mut Context<'_, '_>) {
        let mut flows: Vec<_> = self.flows.drain().map(|(_, flow)| flow.id).collect();
        flows.sort();
        for id in flows {
            (context.listener)(Event::Closed { id, end: End::Capture, time: context.time });
        }
    }

    /// Whether a datagram was captured before. Learns under which other addresses its flow goes.
    fn is_copy(
        &mut self,
        source: SocketAddr,
        destination: SocketAddr,
        datagram: &Datagram<'_>,
        (vantage, time): (u64, u64),
    ) -> bool {
        let is_old = |recent: &Recent| recent.time.saturating_add(COPY_WINDOW) < time;
        while self.recent.front().is_some_and(is_old) || self.recent.len() >= MAX_RECENT {
            self.recent.pop_front();
        }
        if datagram.payload.len() < MIN_TELLING {
            return false;
        }
        let mut hasher = DefaultHasher::new();
        (datagram.payload, datagram.missing).hash(&mut hasher);
        let recent = Recent { time, content: hasher.finish(), source, destination, vantage };
        let key = ends(source, destination);
        let original = self.recent.iter().find(|it| it.is_original_of(&recent));
        let Some(original) = original.filter(|it| !self.was_answered(it)) else {
            self.recent.push_back(recent);
            return false;
        };
        let original_key = ends(original.source, original.destination);
        if key != original_key && !self.flows.contains_key(&key) {
            let target = self.aliases.get(&original_key).map_or(original_key, |(ends, _)| *ends);
            if let Some(flow) = self.flows.get(&target)
                && self.aliases.len() < MAX_RECENT * 16
            {
                let is_client = original.source == flow.client
                    || self.aliases.get(&original_key).is_some_and(|it| it.1 == original.source);
                let client = if is_client { source } else { destination };
                self.aliases.insert(key, (target, client));
            }
        }
        true
    }

    /// Whether the other end has spoken since: then the same again is said anew.
    fn was_answered(&self, recent: &Recent) -> bool {
        let flow = self.flows.get(&ends(recent.source, recent.destination));
        flow.is_some_and(|flow| flow.last != side(flow.client, recent.source))
    }

    fn make_room(&mut self, most: usize, context: &mut Context<'_, '_>) {
        if self.flows.len() < most {
            return;
        }
        let used = self.flows.values().map(|flow| flow.used);
        let border = eighth(used.collect());
        let old = self.flows.extract_if(|_, flow| flow.used <= border);
        let mut old: Vec<_> = old.map(|(_, flow)| flow.id).collect();
        old.sort();
        for id in old {
            context.counters.forgotten += 1;
            (context.listener)(Event::Closed { id, end: End::Forgotten, time: context.time });
        }
        self.aliases.retain(|_, (original, _)| self.flows.contains_key(original));
    }
}

impl Recent {
    fn is_original_of(&self, copy: &Self) -> bool {
        let same = (self.source, self.destination) == (copy.source, copy.destination);
        let ends = (self.source, self.destination);
        let translated =
            self.vantage != copy.vantage && is_translation(ends, (copy.source, copy.destination));
        self.content == copy.content && (same || translated)
    }
}
