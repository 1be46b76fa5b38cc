//! The streams that are open, and what their frames mean to them.

use std::collections::{BTreeMap, BTreeSet};

use super::Fronts;
use super::fields::{Reply, Request, STATUS};
use super::hpack::{Decoder, Field};
use super::stream::{Finish, Stream};
use crate::chunk::{Moment, Side};
use crate::dissector::Ending;
use crate::exchange::{Exchange, Facts};

/// The most streams that are kept open. Servers allow 100 to 250 at once; beyond, the oldest is
/// given up and counted.
const STREAMS: usize = 4096;

/// After frames were lost, how long a stream that shows no more frames is kept, in nanoseconds.
const PATIENCE: u64 = 5_000_000_000;

/// `NO_ERROR` (RFC 9113 §7).
const NO_ERROR: u32 = 0x0;
/// `REFUSED_STREAM` (RFC 9113 §7).
const REFUSED_STREAM: u32 = 0x7;

/// A whole field block, or the front of one.
pub(super) struct Arrival<'a> {
    pub(super) side: Side,
    pub(super) stream: u32,
    pub(super) block: &'a [u8],
    /// Nothing of the block is missing.
    pub(super) whole: bool,
    /// The first byte of its first frame.
    pub(super) first: Moment,
    /// The last byte of its last frame, as far as seen.
    pub(super) last: Moment,
}

/// How a block was read.
enum Read {
    Whole,
    /// A part is missing.
    Cut,
    Malformed,
}

fn read(arrival: &Arrival<'_>, hpack: &mut Decoder, take: impl FnMut(Field<'_>)) -> Read {
    let result = hpack.decode(arrival.block, take);
    if !arrival.whole {
        hpack.forget();
        Read::Cut
    } else if result.is_err() {
        Read::Malformed
    } else {
        Read::Whole
    }
}

/// All streams of a connection.
#[derive(Debug, Default)]
pub(super) struct Streams {
    /// By identifier, so by age: a client's identifiers ascend (§5.1.1). Boxed, for moves within
    /// the tree are many.
    open: BTreeMap<u32, Box<Stream>>,
    /// The highest identifier that the client has used, as far as seen; 0 if none was.
    highest: u32,
    /// Streams may have been opened that were not seen.
    partial: bool,
    /// How many streams were answered and not asked for.
    early: usize,
    /// Streams that were answered, and may yet be asked for to the end.
    lingering: BTreeSet<u32>,
    /// A gRPC call was among the exchanges.
    calls: bool,
    /// What is wanted of DATA frames.
    pub(super) data: Fronts,
    /// When frames were last known to be lost, in nanoseconds; `None` if no stream can be stale.
    doubted: Option<u64>,
    pub(super) exchanges: Vec<Exchange>,
    pub(super) not_understood: u64,
    pub(super) lost: u64,
}

impl Streams {
    /// Of a connection of which some was not seen.
    pub(super) fn partial() -> Self {
        Self { partial: true, ..Self::default() }
    }

    /// Opens stream 1, half-closed, for a request that HTTP/1 carried (RFC 9113 §3.1); without
    /// the request, its response is ignored.
    pub(super) fn upgrade(&mut self, request: Option<&Exchange>) {
        self.highest = 1;
        if let Some(stream) = request.and_then(Stream::upgraded) {
            self.open.insert(1, Box::new(stream));
        }
    }

    /// What they take beyond their own size, in bytes.
    pub(super) fn held(&self) -> usize {
        self.open.values().map(|stream| size_of::<Stream>() + stream.held()).sum()
    }

    /// Frames were lost before this time: how any stream went on is uncertain.
    pub(super) fn doubt(&mut self, time: u64) {
        self.partial = true;
        for stream in self.open.values_mut() {
            stream.doubt();
        }
        self.doubted = Some(time);
    }

    /// Gives up streams that ended, it seems, among frames that were lost.
    pub(super) fn give_up_stale(&mut self, now: Moment) {
        if self.doubted.is_none_or(|since| now.end < since.saturating_add(PATIENCE)) {
            return;
        }
        self.doubted = None;
        let stale = self.open.iter().filter(|(_, it)| it.is_stale());
        for id in stale.map(|(&id, _)| id).collect::<Vec<_>>() {
            self.finish(id, Finish::Closed(Ending::Forgotten), now);
        }
    }

    /// A field block of HEADERS and CONTINUATION frames.
    pub(super) fn fields(&mut self, arrival: &Arrival<'_>, end_stream: bool, hpack: &mut Decoder) {
        match arrival.side {
            Side::Client => self.request_fields(arrival, end_stream, hpack),
            Side::Server => self.reply_fields(arrival, end_stream, hpack),
        }
    }

    /// A field block of PUSH_PROMISE frames. The block keeps the table right; the promised
    /// request was asked for by nobody, so it makes no exchange, and frames of its stream are
    /// passed over.
    pub(super) fn promise(&mut self, arrival: &Arrival<'_>, hpack: &mut Decoder) {
        self.decode(arrival, hpack, |_| {});
    }

    fn decode(&mut self, arrival: &Arrival<'_>, hpack: &mut Decoder, take: impl FnMut(Field<'_>)) {
        let read = read(arrival, hpack, take);
        self.count(read);
    }

    fn count(&mut self, read: Read) {
        match read {
            Read::Whole => {}
            Read::Cut => self.lost += 1,
            Read::Malformed => self.not_understood += 1,
        }
    }

    fn request_fields(&mut self, arrival: &Arrival<'_>, end_stream: bool, hpack: &mut Decoder) {
        let id = arrival.stream;
        let known = self.open.get(&id).is_some_and(|it| it.is_asked());
        if known {
            // Trailers: nothing in them is of interest, but the table must go on.
            self.decode(arrival, hpack, |_| {});
            if let Some(stream) = self.open.get_mut(&id) {
                stream.request_goes_on(arrival.last, end_stream);
            }
            return;
        }
        let early = self.open.remove(&id);
        let was_early = early.is_some();
        let mut stream = early.unwrap_or_default();
        let mut request = Request::default();
        self.decode(arrival, hpack, |field| stream.request_field(&mut request, field));
        request.cut |= !arrival.whole;

        // §5.1.1: client-initiated streams are odd, and ascend. A block without pseudo-header
        // fields on a stream that is not fresh is trailers.
        let fresh = id > self.highest && !(self.partial && self.highest == 0);
        self.early -= usize::from(was_early);
        if id.is_multiple_of(2) || !(fresh || request.is_request) {
            return;
        }
        self.highest = self.highest.max(id);
        self.drop_early(id);
        let stream = self.insert(id, stream);
        stream.ask(request, arrival.first, arrival.last, end_stream);
        let wanted = [Side::Client, Side::Server].map(|side| (side, stream.front(side)));
        for (side, front) in wanted {
            self.data.raise(side, front);
        }
        self.settle(id, arrival.last);
    }

    fn reply_fields(&mut self, arrival: &Arrival<'_>, end_stream: bool, hpack: &mut Decoder) {
        let id = arrival.stream;
        let mut reply = Reply::of(arrival.whole);
        if let Some(stream) = self.open.get_mut(&id) {
            let read = read(arrival, hpack, |field| stream.response_field(&mut reply, field));
            stream.answer(&reply, arrival.first, arrival.last, end_stream);
            if matches!(read, Read::Whole)
                && end_stream
                && let Some(older) = stream.learn_status(reply, self.calls)
            {
                hpack.learn(older, STATUS);
            }
            self.data.raise(Side::Server, stream.front(Side::Server));
            self.count(read);
            self.settle(id, arrival.last);
            return;
        }
        // The answer's call may be delivered before the request's.
        if id.is_multiple_of(2) || id <= self.highest {
            self.decode(arrival, hpack, |_| {});
            if self.partial && !id.is_multiple_of(2) && end_stream {
                self.lost += 1;
            }
            return;
        }
        let mut early = Box::<Stream>::default();
        self.decode(arrival, hpack, |field| early.response_field(&mut reply, field));
        if reply.status.is_some() {
            early.answer(&reply, arrival.first, arrival.last, end_stream);
            self.early += 1;
            self.insert(id, early);
        }
    }

    /// Streams whose request gets one more chunk to end in.
    pub(super) fn take_lingering(&mut self) -> BTreeSet<u32> {
        std::mem::take(&mut self.lingering)
    }

    /// Gives out what is left of these streams: nobody waits for the rest of their requests.
    pub(super) fn end_lingering(&mut self, ids: BTreeSet<u32>, at: Moment) {
        for id in ids {
            if self.open.get(&id).is_some_and(|it| it.lingers()) {
                self.finish(id, Finish::Ended, at);
            }
        }
    }

    /// A piece of DATA.
    pub(super) fn data(&mut self, side: Side, id: u32, bytes: &[u8]) {
        if let Some(stream) = self.open.get_mut(&id) {
            stream.body(side, bytes);
        }
    }

    /// A piece of DATA that was not looked at, or not captured.
    pub(super) fn skipped(&mut self, side: Side, id: u32, n: u64) {
        if let Some(stream) = self.open.get_mut(&id) {
            stream.skip_body(side, n);
        }
    }

    /// How many of the next bytes of DATA need not be looked at.
    pub(super) fn indifferent(&self, side: Side, id: u32) -> u64 {
        self.open.get(&id).map_or(u64::MAX, |stream| stream.indifferent(side))
    }

    /// The end of a DATA frame.
    pub(super) fn end_of_data(&mut self, side: Side, id: u32, end_stream: bool, last: Moment) {
        let Some(stream) = self.open.get_mut(&id) else { return };
        match side {
            Side::Client => stream.request_goes_on(last, end_stream),
            Side::Server => stream.response_goes_on(last, end_stream),
        }
        self.settle(id, last);
    }

    /// RST_STREAM: "all outstanding work" of the stream ends (§6.4).
    pub(super) fn reset(&mut self, side: Side, id: u32, code: u32, at: Moment) {
        if let Some(stream) = self.open.get_mut(&id) {
            let finish = match (side, code) {
                // §8.1: a server says NO_ERROR "after sending a complete response".
                (Side::Server, NO_ERROR) => Finish::Ended,
                _ => Finish::Reset(code),
            };
            if side == Side::Server {
                stream.response_goes_on(at, false);
            }
            self.finish(id, finish, at);
        }
    }

    /// GOAWAY of the server: streams above `last` "were not or might not be processed" (§6.8).
    pub(super) fn go_away(&mut self, last: u32, at: Moment) {
        while let Some((&id, _)) = self.open.last_key_value()
            && id > last
        {
            self.finish(id, Finish::Reset(REFUSED_STREAM), at);
        }
    }

    /// The connection is over.
    pub(super) fn close(&mut self, finish: Finish, at: Moment) {
        while let Some((&id, _)) = self.open.first_key_value() {
            self.finish(id, finish, at);
        }
    }

    /// The first byte of the request that covers a position of the client's stream.
    pub(super) fn open_request(&self, position: u64) -> Option<Moment> {
        let asked = self.open.values().rev().filter_map(|stream| stream.request());
        asked.filter(|it| it.covers(position)).map(|it| it.first).next()
    }

    fn insert(&mut self, id: u32, stream: Box<Stream>) -> &mut Stream {
        if self.open.len() >= STREAMS
            && let Some((_, oldest)) = self.open.pop_first()
        {
            self.early -= usize::from(!oldest.is_asked());
            self.lost += 1;
        }
        self.open.entry(id).or_insert(stream)
    }

    /// Gives up answers whose request can no longer come: the client is beyond them.
    fn drop_early(&mut self, id: u32) {
        if self.early == 0 {
            return;
        }
        let before = self.open.len();
        self.open.retain(|&it, stream| it >= id || stream.is_asked());
        let dropped = before - self.open.len();
        self.early -= dropped;
        self.lost += dropped as u64;
    }

    /// Gives out a stream if it is over.
    fn settle(&mut self, id: u32, at: Moment) {
        match self.open.get(&id) {
            Some(stream) if stream.is_over() => self.finish(id, Finish::Ended, at),
            Some(stream) if stream.lingers() => {
                self.lingering.insert(id);
            }
            _ => {}
        }
    }

    fn finish(&mut self, id: u32, finish: Finish, at: Moment) {
        let Some(stream) = self.open.remove(&id) else { return };
        if !stream.is_asked() {
            self.early -= 1;
        }
        match stream.finish(finish, at, self.calls) {
            Some(exchange) => {
                self.calls |= matches!(exchange.facts, Facts::Grpc(_));
                self.exchanges.push(exchange);
            }
            None => self.lost += 1,
        }
    }
}
