//! Reads the frames of one direction.

use super::frame::{END_HEADERS, END_STREAM, HEADER, Header, Kind, PADDED, PREFACE, content};
use super::hpack::Decoder;
use super::seek::{self, Footing};
use super::streams::{Arrival, Streams};
use crate::chunk::{Chunk, Moment, Side};
use crate::window::Window;

/// The longest field block that is read, in bytes. Servers and clients accept 8 to 64 KiB. Of a
/// longer one the front is read, and the table is forgotten.
const BLOCK_LIMIT: usize = 64 * 1024;

/// One direction: bytes in, frames out to [`Streams`].
#[derive(Debug)]
pub(super) struct Direction {
    side: Side,
    window: Window,
    hpack: Decoder,
    state: State,
    /// A field block whose CONTINUATION is to come.
    block: Option<Block>,
    /// Where the next chunk should start.
    expected: Option<u64>,
    /// Where a call started, if at the window's front.
    call: Option<u64>,
    /// Bytes passed since footing was lost.
    sought: u64,
    /// How often something was no frame.
    faults: u32,
}

#[derive(Debug)]
enum State {
    /// The client's preface is to come (§3.4).
    Preface,
    /// The first frame, which must be SETTINGS, is to come (§3.4).
    Settings,
    /// At a frame's first byte.
    Frame,
    /// Within a DATA frame.
    Data(Data),
    /// Somewhere.
    Seeking,
}

/// What is left of a DATA frame.
#[derive(Clone, Copy, Debug)]
struct Data {
    stream: u32,
    end_stream: bool,
    content: u64,
    padding: u64,
    /// The last byte that was passed.
    last: Moment,
    /// Bytes were promised to be skipped when the last chunk ended.
    waiting: bool,
}

/// A field block in pieces (§4.3).
#[derive(Debug)]
struct Block {
    stream: u32,
    target: Target,
    bytes: Vec<u8>,
    first: Moment,
    whole: bool,
}

/// What a field block is for.
#[derive(Clone, Copy, Debug)]
enum Target {
    Head { end_stream: bool },
    Promise,
}

/// What a step led to.
#[derive(PartialEq, Eq)]
enum Step {
    /// On.
    Done,
    /// More bytes are needed.
    Wait,
    /// This is no frame.
    Fault,
}

impl Direction {
    /// A direction read from its first byte.
    pub(super) fn from_start(side: Side) -> Self {
        let state = if side == Side::Client { State::Preface } else { State::Settings };
        Self::new(side, Decoder::from_start(), state)
    }

    /// A direction that has been running.
    pub(super) fn late(side: Side) -> Self {
        Self::new(side, Decoder::late(), State::Seeking)
    }

    fn new(side: Side, hpack: Decoder, state: State) -> Self {
        Self {
            side,
            window: Window::default(),
            hpack,
            state,
            block: None,
            expected: None,
            call: None,
            sought: 0,
            faults: 0,
        }
    }

    /// Nothing that was read so far was a frame.
    pub(super) fn is_hopeless(&self) -> bool {
        /// Bytes without a frame among them.
        const SOUGHT: u64 = 1 << 20;
        const FAULTS: u32 = 8;
        self.faults >= FAULTS || (matches!(self.state, State::Seeking) && self.sought >= SOUGHT)
    }

    /// Something else than the protocol's first bytes came.
    pub(super) fn is_refuted(&self) -> bool {
        self.faults > 0 && matches!(self.state, State::Preface | State::Settings)
    }

    /// Takes a chunk, and reads as far as it goes.
    pub(super) fn feed(&mut self, chunk: &Chunk<'_>, streams: &mut Streams) {
        if let Some(gap) = self.expected.and_then(|it| chunk.first.position.checked_sub(it))
            && gap > 0
        {
            let mut first = chunk.first;
            first.position -= gap;
            self.push(&Chunk { bytes: &[], missing: gap, first, ..*chunk }, streams);
        }
        self.expected = Some(chunk.end_position());
        self.push(chunk, streams);
    }

    fn push(&mut self, chunk: &Chunk<'_>, streams: &mut Streams) {
        if self.window.is_empty() && self.window.skipping() == 0 {
            self.call = Some(chunk.first.position);
        }
        self.window.push(chunk);
        self.read(streams);
        if self.window.hole() > 0 {
            // What is missing is no frame's payload.
            self.window.jump();
            self.lose_footing(streams);
        }
    }

    fn read(&mut self, streams: &mut Streams) {
        loop {
            let step = match &mut self.state {
                State::Preface => self.preface(),
                State::Settings | State::Frame => self.frame(streams),
                State::Data(_) => self.data(streams),
                State::Seeking => self.seek(streams),
            };
            match step {
                Step::Done => {}
                Step::Wait => return,
                Step::Fault => {
                    self.faults += 1;
                    streams.not_understood += 1;
                    if self.is_refuted() || self.is_hopeless() {
                        return;
                    }
                    self.lose_footing(streams);
                    // What was no frame is not to be found again.
                    self.window.consume(1);
                }
            }
        }
    }

    fn lose_footing(&mut self, streams: &mut Streams) {
        if !matches!(self.state, State::Seeking) {
            streams.lost += 1;
            streams.doubt(self.window.last().end);
        }
        self.hpack.forget();
        self.block = None;
        self.sought = 0;
        self.state = State::Seeking;
    }

    fn preface(&mut self) -> Step {
        let bytes = self.window.bytes();
        if bytes.starts_with(PREFACE) {
            self.window.consume(PREFACE.len());
            self.state = State::Settings;
            Step::Done
        } else if PREFACE.starts_with(bytes) {
            Step::Wait
        } else {
            Step::Fault
        }
    }

    fn seek(&mut self, streams: &mut Streams) -> Step {
        let bytes = self.window.bytes();
        if self.side == Side::Client && bytes.starts_with(PREFACE) {
            self.hpack = Decoder::from_start();
            self.state = State::Preface;
            return Step::Done;
        }
        match seek::find(bytes, self.side, self.call == Some(self.window.position())) {
            Footing::At(offset) => {
                self.window.consume(offset);
                // What passed unread may have been of any stream.
                streams.doubt(self.window.last().end);
                self.state = State::Frame;
                Step::Done
            }
            Footing::None(useless) => {
                self.window.consume(useless);
                self.sought = self.sought.saturating_add(useless as u64);
                Step::Wait
            }
        }
    }

    fn frame(&mut self, streams: &mut Streams) -> Step {
        let Some(header) = Header::parse(self.window.bytes()) else { return Step::Wait };
        if !header.is_valid(self.side) {
            return Step::Fault;
        }
        if matches!(self.state, State::Settings) {
            if header.kind != Kind::Settings {
                return Step::Fault;
            }
            self.state = State::Frame;
        }
        // §6.10: nothing but CONTINUATION frames of the stream may interrupt a field block.
        match (&self.block, header.kind) {
            (None, Kind::Continuation) => return Step::Fault,
            (Some(block), Kind::Continuation) if block.stream == header.stream => {}
            (None, _) => {}
            (Some(_), _) => return Step::Fault,
        }
        match header.kind {
            Kind::Data => self.begin_data(&header),
            Kind::Headers | Kind::PushPromise | Kind::Continuation => self.fields(&header, streams),
            Kind::RstStream | Kind::Goaway => self.end(&header, streams),
            // SETTINGS_HEADER_TABLE_SIZE needs no reading: the encoder signals the size that it
            // uses in its next block (RFC 7541 §4.2).
            Kind::Settings | Kind::Priority | Kind::Ping | Kind::WindowUpdate | Kind::Other(_) => {
                self.window.skip((HEADER + header.length) as u64);
                Step::Done
            }
        }
    }

    fn begin_data(&mut self, header: &Header) -> Step {
        let (mut content, mut padding, mut front) = (header.length as u64, 0, HEADER);
        if header.has(PADDED) {
            match payload(&self.window, header, 1) {
                Some(&[length, ..]) => padding = u64::from(length),
                // Lost, and with it what is content and what is padding.
                Some([]) => {}
                None => return Step::Wait,
            }
            front += 1;
            match content.checked_sub(padding + 1) {
                Some(rest) => content = rest,
                None => return Step::Fault,
            }
        }
        let last = self.window.moment(front - 1);
        self.window.skip(front as u64);
        self.state = State::Data(Data {
            stream: header.stream,
            end_stream: header.has(END_STREAM),
            content,
            padding,
            last,
            waiting: false,
        });
        Step::Done
    }

    fn data(&mut self, streams: &mut Streams) -> Step {
        let State::Data(mut data) = self.state else { return Step::Done };
        let window = &mut self.window;
        if window.skipping() > 0 {
            return Step::Wait;
        }
        if data.waiting {
            data.waiting = false;
            data.last = Moment { position: window.position().saturating_sub(1), ..window.last() };
        }
        while data.content + data.padding > 0 {
            let here = window.len() as u64;
            let indifferent = match data.content {
                0 => data.padding,
                content => streams.indifferent(self.side, data.stream).min(content),
            };
            let n = match indifferent {
                // What nobody wants to see is skipped, wherever it is.
                1.. => {
                    if data.content > 0 {
                        streams.skipped(self.side, data.stream, indifferent);
                    }
                    indifferent
                }
                0 if here > 0 => {
                    let n = here.min(data.content);
                    let bytes = window.bytes().get(..n as usize).unwrap_or_default();
                    streams.data(self.side, data.stream, bytes);
                    n
                }
                0 if window.hole() > 0 => {
                    let n = window.hole().min(data.content);
                    streams.skipped(self.side, data.stream, n);
                    n
                }
                0 => {
                    self.state = State::Data(data);
                    return Step::Wait;
                }
            };
            if n > 0 && n <= here {
                data.last = window.moment(n as usize - 1);
            } else {
                data.last =
                    Moment { position: window.position().saturating_add(n - 1), ..window.last() };
            }
            window.skip(n);
            match data.content {
                0 => data.padding -= n,
                _ => data.content -= n,
            }
            if window.skipping() > 0 {
                data.waiting = true;
                self.state = State::Data(data);
                return Step::Wait;
            }
        }
        streams.end_of_data(self.side, data.stream, data.end_stream, data.last);
        self.state = State::Frame;
        Step::Done
    }

    fn fields(&mut self, header: &Header, streams: &mut Streams) -> Step {
        let Some(payload) = payload(&self.window, header, BLOCK_LIMIT) else { return Step::Wait };
        let mut whole = payload.len() == header.length;
        let Some(mut fragment) = content(header, payload) else {
            if whole {
                return Step::Fault;
            }
            // Nothing but the front of padding or priority is here.
            return self.lose_fields(header, streams);
        };
        let first = self.window.moment(0);
        let last = self.window.moment(HEADER + payload.len() - usize::from(!payload.is_empty()));
        if header.kind == Kind::PushPromise {
            // §6.6: the promised stream, whose request is told in the block.
            let Some((_, rest)) = fragment.split_at_checked(4) else {
                return self.lose_fields(header, streams);
            };
            fragment = rest;
        }
        let target = match header.kind {
            Kind::PushPromise => Target::Promise,
            _ => Target::Head { end_stream: header.has(END_STREAM) },
        };
        let ends = header.has(END_HEADERS);

        match &mut self.block {
            None if ends => {
                let arrival = Arrival {
                    side: self.side,
                    stream: header.stream,
                    block: fragment,
                    whole,
                    first,
                    last,
                };
                give(&arrival, target, &mut self.hpack, streams);
            }
            None => {
                self.block = Some(Block {
                    stream: header.stream,
                    target,
                    bytes: fragment.to_vec(),
                    first,
                    whole,
                });
            }
            Some(block) => {
                let room = BLOCK_LIMIT.saturating_sub(block.bytes.len());
                whole &= block.whole;
                // Behind a missing piece nothing can be read.
                if block.whole {
                    block.bytes.extend_from_slice(&fragment[..fragment.len().min(room)]);
                    whole &= fragment.len() <= room;
                }
                block.whole = whole;
                if ends && let Some(block) = self.block.take() {
                    let arrival = Arrival {
                        side: self.side,
                        stream: block.stream,
                        block: &block.bytes,
                        whole,
                        first: block.first,
                        last,
                    };
                    give(&arrival, block.target, &mut self.hpack, streams);
                }
            }
        }
        self.window.skip((HEADER + header.length) as u64);
        Step::Done
    }

    /// A frame with fields of which none can be read; where it ends is known.
    fn lose_fields(&mut self, header: &Header, streams: &mut Streams) -> Step {
        self.hpack.forget();
        self.block = None;
        streams.lost += 1;
        streams.doubt(self.window.last().end);
        self.window.skip((HEADER + header.length) as u64);
        // CONTINUATION frames would be taken for a fault.
        if header.has(END_HEADERS) { Step::Done } else { Step::Fault }
    }

    /// RST_STREAM (§6.4) and GOAWAY (§6.8).
    fn end(&mut self, header: &Header, streams: &mut Streams) -> Step {
        let Some(payload) = payload(&self.window, header, 8) else { return Step::Wait };
        let at = self.window.moment(HEADER + payload.len().saturating_sub(1));
        match (header.kind, payload) {
            (Kind::RstStream, &[a, b, c, d]) => {
                let code = u32::from_be_bytes([a, b, c, d]);
                streams.reset(self.side, header.stream, code, at);
            }
            (Kind::Goaway, &[a, b, c, d, ..]) if self.side == Side::Server => {
                let last = u32::from_be_bytes([a, b, c, d]) & 0x7fff_ffff;
                streams.go_away(last, at);
            }
            (Kind::Goaway, _) => {}
            _ => {
                streams.lost += 1;
                streams.doubt(at.end);
            }
        }
        self.window.skip((HEADER + header.length) as u64);
        Step::Done
    }
}

/// The front of the payload at the window's front, up to `limit` bytes; less if the rest is lost,
/// `None` while it may come.
fn payload<'a>(window: &'a Window, header: &Header, limit: usize) -> Option<&'a [u8]> {
    let payload = window.bytes().get(HEADER..).unwrap_or_default();
    match payload.get(..header.length.min(limit)) {
        Some(payload) => Some(payload),
        None => (window.hole() > 0).then_some(payload),
    }
}

fn give(arrival: &Arrival<'_>, target: Target, hpack: &mut Decoder, streams: &mut Streams) {
    match target {
        Target::Head { end_stream } => streams.fields(arrival, end_stream, hpack),
        Target::Promise => streams.promise(arrival, hpack),
    }
}
