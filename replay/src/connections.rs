//! TCP: which segments belong together, which connections were captured before, and which never came
//! about.
//!
//! Where a capture shows a connection before and after its addresses were translated, both have the
//! same two initial sequence numbers (RFC 9293, section 3.4.1), at different places. Both are told as
//! the earlier one of the two.

use std::collections::HashMap;
use std::net::SocketAddr;

use onlooker_protocol::Side;

use crate::event::{End, Event, FailedConnect, Opened, Role, Transport};
use crate::table::{Context, Ends, eighth, ends, guess_client, is_translation, side};
use crate::tcp::connection::{Connection, Syn};
use crate::tcp::{Flags, Segment};

/// How long an answer to a SYN is waited for before the connect counts as failed, in nanoseconds of
/// the capture's clock: a client asks again after a second (RFC 6298, section 2).
const ANSWER: u64 = 1_000_000_000;

/// All connections.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    connections: HashMap<Ends, Entry>,
    /// Connections by their initial sequence numbers, that of the client first.
    handshakes: HashMap<(u32, u32), Ends>,
    /// The last connection with a client's initial sequence number.
    syns: HashMap<u32, Ends>,
    /// Bytes that wait behind gaps.
    buffered: usize,
}

#[derive(Debug)]
struct Entry {
    client: SocketAddr,
    server: SocketAddr,
    connection: Connection,
    /// Where its first segment was captured.
    vantage: u64,
    /// The frame's number when it was last used.
    used: u64,
    /// What is to be told before anything else of this connection.
    untold: Option<Opened>,
    /// The client's SYN: its sequence number, and when it was sent.
    syn: Option<(u32, u64)>,
    /// The sequence numbers of the SYN and of the SYN that accepts it.
    handshake: Option<(u32, u32)>,
    /// The same SYN was captured before, under these addresses.
    syn_of: Option<Ends>,
    /// One end was seen to know that the other is there, or that it is not.
    answered: bool,
    /// The same connection is in the table under these addresses.
    copy_of: Option<Ends>,
}

impl Entry {
    fn segment(&mut self, side: Side, segment: &Segment<'_>, context: &mut Context<'_, '_>) {
        let Self { untold, connection, .. } = self;
        let listener = &mut *context.listener;
        connection.segment(side, segment, context.time, context.counters, &mut |event| {
            if let Some(opened) = untold.take() {
                listener(Event::Opened(opened));
            }
            listener(event);
        });
    }

    fn fail(&self, why: FailedConnect, context: &mut Context<'_, '_>) {
        let (client, server, time) = (self.client, self.server, context.time);
        (context.listener)(Event::ConnectFailed { client, server, why, time });
    }

    fn flush(&mut self, context: &mut Context<'_, '_>) {
        if self.untold.is_none() {
            self.connection.flush(context.counters, context.listener);
        }
    }

    fn end(&mut self, end: End, context: &mut Context<'_, '_>) {
        if self.copy_of.is_some() && self.untold.is_some() {
            return;
        }
        if let Some(opened) = self.untold.take() {
            (context.listener)(Event::Opened(opened));
        }
        self.connection.end(end, context.time, context.counters, context.listener);
    }
}

impl Connections {
    /// Takes a segment. At most `most` connections are kept, and `most_buffered` bytes.
    pub(crate) fn segment(
        &mut self,
        source: SocketAddr,
        destination: SocketAddr,
        segment: &Segment<'_>,
        (most, most_buffered): (usize, usize),
        context: &mut Context<'_, '_>,
    ) {
        let key = ends(source, destination);
        let flags = segment.flags;
        if flags.has(Flags::SYN)
            && !flags.has(Flags::RST)
            && let Some(entry) = self.connections.get(&key)
            && entry.connection.judge_syn(side(entry.client, source), segment) == Syn::Another
            && let Some(entry) = self.connections.remove(&key)
        {
            self.end(entry, End::Replaced, context);
        }
        if !self.connections.contains_key(&key) {
            self.make_room(most, context);
            self.connections.insert(key, open(source, destination, flags, context));
        }
        self.judge(key, source, segment, context);
        let Some(entry) = self.connections.get_mut(&key) else { return };
        entry.used = context.counters.frames;
        let (side, original) = (side(entry.client, source), entry.copy_of);
        if let Some(original) = original {
            // What the original lacks may be here: sequence numbers are not translated.
            context.counters.copied_segments += 1;
            return self.take(original, side, segment, most_buffered, context);
        }
        self.take(key, side, segment, most_buffered, context);
    }

    fn take(
        &mut self,
        key: Ends,
        side: Side,
        segment: &Segment<'_>,
        most_buffered: usize,
        context: &mut Context<'_, '_>,
    ) {
        let Some(entry) = self.connections.get_mut(&key) else { return };
        self.buffered -= entry.connection.buffered();
        entry.segment(side, segment, context);
        if self.buffered + entry.connection.buffered() > most_buffered {
            entry.flush(context);
        }
        self.buffered += entry.connection.buffered();
    }

    /// The capture is over.
    pub(crate) fn finish(&mut self, context: &mut Context<'_, '_>) {
        let mut entries: Vec<_> = self.connections.drain().map(|(_, entry)| entry).collect();
        entries.sort_by_key(|entry| entry.connection.id());
        for entry in entries {
            self.end(entry, End::Capture, context);
        }
        self.buffered = 0;
    }

    /// Follows the handshake: whether it is refused, and whether it was seen under other addresses.
    fn judge(
        &mut self,
        key: Ends,
        source: SocketAddr,
        segment: &Segment<'_>,
        context: &mut Context<'_, '_>,
    ) {
        let Some(entry) = self.connections.get_mut(&key) else { return };
        let flags = segment.flags;
        match (side(entry.client, source), flags.has(Flags::SYN), flags.has(Flags::RST)) {
            (Side::Client, true, false) if entry.syn.is_none() => {
                entry.syn = Some((segment.sequence, context.time));
                self.find_syn(key, segment.sequence);
            }
            (Side::Client, true, false) => {}
            (Side::Server, true, false) => {
                self.answered(key);
                if flags.has(Flags::ACK) {
                    let numbers = (segment.acknowledgement.wrapping_sub(1), segment.sequence);
                    self.compare(key, numbers);
                }
            }
            (_, false, false) => self.answered(key),
            // RFC 9293, section 3.10.7.1: a reset that acknowledges the SYN, and what came with it.
            (Side::Server, _, true) if flags.has(Flags::ACK) && !entry.answered => {
                let Some((sequence, _)) = entry.syn else { return };
                let ahead = segment.acknowledgement.wrapping_sub(sequence);
                if (1..=1 << 16).contains(&ahead) && !entry.connection.has_ended() {
                    entry.answered = true;
                    let original = entry.syn_of.unwrap_or(key);
                    self.refused(key, original, context);
                }
            }
            _ => {}
        }
    }

    fn answered(&mut self, key: Ends) {
        let Some(entry) = self.connections.get_mut(&key) else { return };
        entry.answered = true;
        if let Some(original) = entry.syn_of
            && let Some(entry) = self.connections.get_mut(&original)
        {
            entry.answered = true;
        }
    }

    /// Finds out whether a SYN was captured before its addresses were translated.
    fn find_syn(&mut self, key: Ends, sequence: u32) {
        if self.syns.len() > 2 * self.connections.len() + 64 {
            // A port that is used again has a SYN of its own.
            self.syns.retain(|&sequence, ends| {
                let entry = self.connections.get(ends);
                entry.and_then(|it| it.syn).is_some_and(|(own, _)| own == sequence)
            });
        }
        let known = self.syns.insert(sequence, key).filter(|known| *known != key);
        let Some(known) = known else { return };
        if self.are_one(known, key) {
            let first = self.connections.get(&known).and_then(|it| it.syn_of).unwrap_or(known);
            if let Some(entry) = self.connections.get_mut(&key) {
                entry.syn_of = Some(first);
            }
        }
    }

    /// Tells of a refused connect by the addresses that its client used, once.
    fn refused(&mut self, key: Ends, original: Ends, context: &mut Context<'_, '_>) {
        let Some(entry) = self.connections.get_mut(&original) else { return };
        if original == key || !std::mem::replace(&mut entry.answered, true) {
            entry.fail(FailedConnect::Refused, context);
        }
    }

    /// Whether two connections can be one that was captured at two places. Initial numbers that
    /// somebody made up are alike at one place.
    fn are_one(&self, one: Ends, other: Ends) -> bool {
        let (Some(one), Some(other)) = (self.connections.get(&one), self.connections.get(&other))
        else {
            return false;
        };
        let (ends, others) = ((one.client, one.server), (other.client, other.server));
        one.vantage != other.vantage && is_translation(ends, others)
    }

    /// Finds out whether a connection that was just accepted is in the table already.
    fn compare(&mut self, key: Ends, numbers: (u32, u32)) {
        if let Some(entry) = self.connections.get_mut(&key) {
            entry.handshake = Some(numbers);
        }
        let known = self.handshakes.insert(numbers, key).filter(|known| *known != key);
        if self.handshakes.len() > 2 * self.connections.len() + 64 {
            self.handshakes.retain(|numbers, ends| {
                self.connections.get(ends).and_then(|it| it.handshake) == Some(*numbers)
            });
        }
        let Some(known) = known else { return };
        if !self.are_one(known, key) {
            return;
        }
        let id = |ends| self.connections.get(ends).map(|it| it.connection.id());
        let (kept, copy) = if id(&known) < id(&key) { (known, key) } else { (key, known) };
        self.handshakes.insert(numbers, kept);
        // What was told stays told.
        if let Some(copy) = self.connections.get_mut(&copy)
            && copy.untold.is_some()
        {
            copy.copy_of = Some(kept);
        }
    }

    fn end(&mut self, mut entry: Entry, end: End, context: &mut Context<'_, '_>) {
        self.buffered = self.buffered.saturating_sub(entry.connection.buffered());
        if let Some((_, time)) = entry.syn
            && !entry.answered
            && entry.syn_of.is_none()
            && !entry.connection.has_ended()
            && context.time.saturating_sub(time) >= ANSWER
        {
            entry.fail(FailedConnect::Unanswered, context);
        }
        entry.end(end, context);
    }

    /// Forgets the longest idle eighth of a table that is full.
    fn make_room(&mut self, most: usize, context: &mut Context<'_, '_>) {
        if self.connections.len() < most {
            return;
        }
        let used = self.connections.values().map(|entry| entry.used);
        let border = eighth(used.collect());
        let old = self.connections.extract_if(|_, entry| entry.used <= border);
        let mut old: Vec<_> = old.map(|(_, entry)| entry).collect();
        old.sort_by_key(|entry| entry.connection.id());
        for entry in old {
            context.counters.forgotten += u64::from(!entry.connection.has_ended());
            self.end(entry, End::Forgotten, context);
        }
    }
}

fn open(
    source: SocketAddr,
    destination: SocketAddr,
    flags: Flags,
    context: &mut Context<'_, '_>,
) -> Entry {
    let (client, role) = match (flags.has(Flags::SYN), flags.has(Flags::ACK)) {
        (true, false) => (source, Role::Handshake),
        (true, true) => (destination, Role::Handshake),
        (false, _) => (guess_client(source, destination), Role::Guessed),
    };
    let server = if client == source { destination } else { source };
    let (id, time, transport) = (context.new_id(), context.time, Transport::Tcp);
    Entry {
        client,
        server,
        connection: Connection::new(id, time),
        vantage: context.vantage,
        used: 0,
        untold: Some(Opened { id, transport, client, server, role, time }),
        syn: None,
        handshake: None,
        syn_of: None,
        answered: false,
        copy_of: None,
    }
}
