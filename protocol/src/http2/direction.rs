//! Reads the frames of one direction.

mod data;
mod fields;

use data::Data;
use fields::Block;

use super::frame::{HEADER, Header, Kind, PREFACE};
use super::hpack::Decoder;
use super::seek::{self, Footing};
use super::streams::Streams;
use crate::chunk::{Chunk, Side};
use crate::window::Window;

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
    /// When frames may have passed since footing was lost, in nanoseconds.
    unread: Option<u64>,
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
            unread: None,
        }
    }

    /// When frames may have passed that were not read, if footing has not been found since.
    pub(super) fn unread(&self) -> Option<u64> {
        self.unread
    }

    /// What it takes beyond its own size, in bytes.
    pub(super) fn held(&self) -> usize {
        let block = self.block.as_ref().map_or(0, Block::held);
        self.window.held() + block + self.hpack.held()
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
        self.unread = matches!(self.state, State::Seeking).then_some(chunk.first.end);
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
        let from_call = self.call == Some(self.window.position());
        match seek::find(bytes, self.window.hole(), self.side, from_call) {
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
