//! Both directions of a connection, from its first segment to its end.

use std::collections::VecDeque;

use onlooker_protocol::Side;

use super::held::Held;
use super::stream::{Deliver, Origin, Stream};
use super::{Flags, Segment};
use crate::count::Counters;
use crate::event::{ConnectionId, End, Event};

/// How many segments are held back when one acknowledges bytes that were not seen: captures that
/// are written by several processors have neighbours in the wrong order.
const MAX_HELD: usize = 4;
/// How long they are held back, in nanoseconds of the capture's clock.
const PATIENCE: u64 = 50_000_000;
/// How far from the expected sequence number a reset may be and still be believed, in bytes.
const RESET_WINDOW: i64 = 1 << 24;

/// Takes what happened.
pub type Listener<'a> = dyn FnMut(Event<'_>) + 'a;

/// One TCP connection.
#[derive(Debug)]
pub struct Connection {
    id: ConnectionId,
    client: Stream,
    server: Stream,
    client_done: bool,
    server_done: bool,
    ended: bool,
    held: VecDeque<Held>,
    /// The time of the last event: times never run backwards within a connection.
    time: u64,
}

/// What a SYN means to a connection between the same addresses and ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syn {
    /// It belongs to the connection.
    Own,
    /// It opens another one.
    Another,
}

impl Connection {
    /// A connection that opens at `time`.
    #[must_use]
    pub fn new(id: ConnectionId, time: u64) -> Self {
        Self {
            id,
            client: Stream::default(),
            server: Stream::default(),
            client_done: false,
            server_done: false,
            ended: false,
            held: VecDeque::new(),
            time,
        }
    }

    /// Its name.
    #[must_use]
    pub fn id(&self) -> ConnectionId {
        self.id
    }

    /// Whether it is over.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// Bytes kept, with the cost of keeping them.
    #[must_use]
    pub fn buffered(&self) -> usize {
        let held: usize = self.held.iter().map(|held| held.payload.len()).sum();
        self.client.buffered() + self.server.buffered() + held
    }

    /// Whether a segment with a SYN belongs here: it does if it names the sequence numbers that
    /// the connection started with, or could have. One that was refused may be tried again with the
    /// same numbers.
    #[must_use]
    pub fn judge_syn(&self, side: Side, segment: &Segment<'_>) -> Syn {
        if self.ended && self.client.next() == 0 && self.server.next() == 0 {
            return Syn::Another;
        }
        let start = self.stream(side).start();
        let own = start.is_none_or(|start| start == segment.sequence.wrapping_add(1));
        // A SYN-ACK acknowledges the SYN, and what data came with it.
        let peer = self.stream(side.other());
        let peers = !segment.flags.has(Flags::ACK)
            || peer.start().is_none_or(|start| {
                u64::from(segment.acknowledgement.wrapping_sub(start)) <= peer.next()
            });
        if own && peers { Syn::Own } else { Syn::Another }
    }

    /// Takes a segment that `side` sent.
    pub fn segment(
        &mut self,
        side: Side,
        segment: &Segment<'_>,
        time: u64,
        counters: &mut Counters,
        listener: &mut Listener<'_>,
    ) {
        if self.ended {
            self.after_end(side, segment, counters);
            return;
        }
        self.find_starts(side, segment);
        while self.held.front().is_some_and(|held| held.time.saturating_add(PATIENCE) < time) {
            self.give_up_waiting(counters, listener);
        }
        if self.must_wait(side, segment) {
            self.held.push_back(Held::new(side, segment, time));
            if self.held.len() > MAX_HELD {
                self.give_up_waiting(counters, listener);
            }
            return;
        }
        self.take(side, segment, time, counters, listener);
        self.take_held(counters, listener);
    }

    /// Delivers what waits, gaps as missing bytes.
    pub fn flush(&mut self, counters: &mut Counters, listener: &mut Listener<'_>) {
        while !self.held.is_empty() {
            self.give_up_waiting(counters, listener);
        }
        for side in [Side::Client, Side::Server] {
            self.advance(side, self.time, listener, |stream, deliver| {
                stream.flush(counters, deliver);
            });
        }
    }

    /// Delivers what waits, then ends the connection, unless it has ended.
    pub fn end(
        &mut self,
        end: End,
        time: u64,
        counters: &mut Counters,
        listener: &mut Listener<'_>,
    ) {
        if self.ended {
            return;
        }
        self.flush(counters, listener);
        if !self.ended {
            self.close(end, time, listener);
        }
    }

    /// A segment tells where its own stream and the peer's are, if nothing told before.
    fn find_starts(&mut self, side: Side, segment: &Segment<'_>) {
        // The numbers of a reset may be made up.
        if segment.flags.has(Flags::RST) {
            return;
        }
        let syn = segment.flags.has(Flags::SYN);
        let origin = match (syn, segment.is_empty()) {
            (true, _) => Origin::Handshake,
            (false, false) => Origin::Capture,
            (false, true) => Origin::Probe,
        };
        self.stream_mut(side).start_at(segment.data_sequence(), origin);
        if segment.flags.has(Flags::ACK) {
            let stream = self.stream(side);
            let handshake = stream.is_from_handshake();
            let is_first = stream.position(segment.data_sequence()) == Some(0);
            let peer = self.stream_mut(side.other());
            match (handshake, is_first) {
                (true, true) => peer.start_at(segment.acknowledgement, Origin::Handshake),
                // The peer's own start was lost, and with it perhaps any number of bytes that this
                // acknowledges: at least one is taken as missing.
                (true, false) => {
                    peer.start_at(segment.acknowledgement.wrapping_sub(1), Origin::Handshake);
                }
                (false, _) => peer.start_at(segment.acknowledgement, Origin::Capture),
            }
            peer.expected(segment.acknowledgement);
        }
    }

    /// Whether a segment is ahead of what was captured. While one is held back, only those that
    /// fill the gap pass.
    fn must_wait(&self, side: Side, segment: &Segment<'_>) -> bool {
        match self.held.front() {
            None => self.is_ahead(side, segment.flags, segment.acknowledgement),
            Some(held) => {
                let fills = side == held.side.other()
                    && self.stream(side).continues(
                        segment.data_sequence(),
                        segment.len(),
                        segment.flags.has(Flags::FIN),
                    );
                !fills
            }
        }
    }

    /// Whether a segment acknowledges bytes that were not delivered. Those of resets say nothing:
    /// they are often made up.
    fn is_ahead(&self, side: Side, flags: Flags, acknowledgement: u32) -> bool {
        flags.has(Flags::ACK)
            && !flags.has(Flags::RST)
            && self.stream(side.other()).lacks(acknowledgement)
    }

    /// Takes the bytes that the first held segment acknowledges as lost, and goes on from there.
    fn give_up_waiting(&mut self, counters: &mut Counters, listener: &mut Listener<'_>) {
        let Some(held) = self.held.front() else { return };
        let (side, time) = (held.side.other(), held.time);
        let acknowledgement = held.acknowledgement;
        if self.is_ahead(held.side, held.flags, acknowledgement) {
            self.advance(side, time, listener, |stream, deliver| {
                stream.give_up_to(acknowledgement, counters, deliver);
            });
        }
        if let Some(held) = self.held.pop_front() {
            self.take(held.side, &held.segment(), held.time, counters, listener);
        }
        self.take_held(counters, listener);
    }

    /// Takes held segments up to the next that is ahead of what was captured.
    fn take_held(&mut self, counters: &mut Counters, listener: &mut Listener<'_>) {
        while let Some(held) = self.held.front() {
            if self.is_ahead(held.side, held.flags, held.acknowledgement) {
                return;
            }
            if let Some(held) = self.held.pop_front() {
                self.take(held.side, &held.segment(), held.time, counters, listener);
            }
        }
    }

    /// Takes a segment whose turn it is.
    fn take(
        &mut self,
        side: Side,
        segment: &Segment<'_>,
        time: u64,
        counters: &mut Counters,
        listener: &mut Listener<'_>,
    ) {
        if self.ended {
            self.after_end(side, segment, counters);
            return;
        }
        if segment.flags.has(Flags::RST) {
            self.reset(side, segment, time, counters, listener);
            return;
        }
        let fin = segment.flags.has(Flags::FIN);
        let sequence = segment.data_sequence();
        if !fin
            && !segment.flags.has(Flags::SYN)
            && self.stream(side).is_keep_alive(sequence, segment.len())
        {
            counters.keep_alives += 1;
            return;
        }
        if segment.is_empty() && !fin {
            return;
        }
        self.advance(side, time, listener, |stream, deliver| {
            stream.push(sequence, segment.payload, segment.missing, fin, counters, deliver);
        });
    }

    /// Counts a segment that comes when all is over: known bytes are only repeated.
    fn after_end(&self, side: Side, segment: &Segment<'_>, counters: &mut Counters) {
        let stream = self.stream(side);
        let end = stream.position(segment.data_sequence().wrapping_add(segment.len() as u32));
        if end.is_some_and(|end| end <= stream.next() as i64) {
            counters.repeated_bytes += segment.len();
        } else {
            counters.after_end += u64::from(!segment.is_empty());
        }
    }

    fn reset(
        &mut self,
        side: Side,
        segment: &Segment<'_>,
        time: u64,
        counters: &mut Counters,
        listener: &mut Listener<'_>,
    ) {
        let stream = self.stream(side);
        // Nothing is known of the sender's numbers, or it refuses a SYN with number zero.
        let believable = stream.start().is_none()
            || segment.sequence == 0
            || stream
                .position(segment.sequence)
                .is_some_and(|position| (position - stream.next() as i64).abs() <= RESET_WINDOW);
        if !believable {
            counters.out_of_window += 1;
            return;
        }
        for side in [Side::Client, Side::Server] {
            self.advance(side, time, listener, |stream, deliver| stream.flush(counters, deliver));
        }
        if !self.ended {
            self.close(End::Reset, time, listener);
        }
    }

    /// Tells of a side that is done, and of the end when both are.
    fn note_done(&mut self, side: Side, listener: &mut Listener<'_>) {
        let known = match side {
            Side::Client => &mut self.client_done,
            Side::Server => &mut self.server_done,
        };
        if *known {
            return;
        }
        *known = match side {
            Side::Client => self.client.is_done(),
            Side::Server => self.server.is_done(),
        };
        if *known {
            listener(Event::HalfClosed { id: self.id, side, time: self.time });
        }
        if self.client_done && self.server_done {
            self.close(End::Fin, self.time, listener);
        }
    }

    fn close(&mut self, end: End, time: u64, listener: &mut Listener<'_>) {
        self.ended = true;
        self.time = self.time.max(time);
        listener(Event::Closed { id: self.id, end, time: self.time });
    }

    fn stream(&self, side: Side) -> &Stream {
        match side {
            Side::Client => &self.client,
            Side::Server => &self.server,
        }
    }

    fn stream_mut(&mut self, side: Side) -> &mut Stream {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }

    /// Lets a stream make its next step, and tells what it delivers.
    fn advance(
        &mut self,
        side: Side,
        time: u64,
        listener: &mut Listener<'_>,
        step: impl FnOnce(&mut Stream, &mut Deliver<'_>),
    ) {
        if self.ended {
            return;
        }
        self.time = self.time.max(time);
        let (id, time) = (self.id, self.time);
        step(self.stream_mut(side), &mut |position, bytes, missing| {
            listener(Event::Data { id, side, position, bytes, missing, time });
        });
        self.note_done(side, listener);
    }
}
