//! One connection: frames of both sides, and what they mean on their channels.

use std::collections::HashMap;
use std::sync::Arc;

use super::channel::Channel;
use super::detect::PROTOCOL_HEADER;
use super::facts::AmqpError;
use super::method::Method;
use super::operate::{Origin, operate};
use super::wire::{FRAME_END, FRAME_HEAD, FrameHead, FrameType, Properties, Stop};
use super::{MAX_CHANNELS, NAME_LIMIT};
use crate::chunk::{Chunk, Moment, Side};
use crate::dissector::{Capture, Dissector, Ending, Handover, Output};
use crate::exchange::{Extent, Outcome};
use crate::framed::Framed;
use crate::text;

/// The longest method or header frame that is read, in bytes; a longer one is passed over.
const FRAME_LIMIT: u64 = 64 * 1024;
/// How often the footing may be lost without a frame in between, before the connection is taken
/// for something else.
const MAX_MISSES: u32 = 32;

/// Reads one AMQP 0-9-1 connection.
pub struct Amqp {
    streams: [Stream; 2],
    channels: HashMap<u16, Channel>,
    vhost: Option<Arc<str>>,
    misses: u32,
    capture_asked: bool,
}

/// One direction.
#[derive(Default)]
struct Stream {
    framed: Framed,
    /// The next byte is a frame's first.
    footed: bool,
    from_start: bool,
    /// The frame in hand.
    frame: Option<Frame>,
}

/// A frame whose payload is not kept.
#[derive(Clone, Copy)]
enum Frame {
    /// A part of a channel's content.
    Body(u16),
    /// Nothing of interest.
    Other,
}

/// What to do after a step of reading.
enum Then {
    GoOn,
    Wait,
}

impl Amqp {
    /// A dissector of a connection, from its first byte or from the middle.
    #[must_use]
    pub fn new(from_start: bool) -> Self {
        let stream = || Stream { footed: from_start, from_start, ..Stream::default() };
        Self {
            streams: [stream(), stream()],
            channels: HashMap::new(),
            vhost: None,
            misses: 0,
            capture_asked: false,
        }
    }

    fn read(&mut self, side: Side, out: &mut Output) {
        loop {
            let then = match self.streams[side as usize].frame {
                Some(frame) => self.go_on(side, frame, out),
                None => self.begin(side, out),
            };
            match then {
                Then::GoOn => {}
                Then::Wait => return,
            }
        }
    }

    /// Reads on in the frame in hand.
    fn go_on(&mut self, side: Side, frame: Frame, out: &mut Output) -> Then {
        let Stream { framed, .. } = &mut self.streams[side as usize];
        let Frame::Body(number) = frame else {
            framed.skip_rest();
            if framed.finish().is_none() {
                return Then::Wait;
            }
            self.streams[side as usize].frame = None;
            return Then::GoOn;
        };
        let mut content = self.channels.get_mut(&number).and_then(|channel| channel.content(side));
        // The last byte is the frame's end.
        let body = framed.left().saturating_sub(1);
        if body > 0 {
            let bytes = framed.bytes();
            let here = bytes.get(..body.min(bytes.len() as u64) as usize).unwrap_or_default();
            if let Some(content) = &mut content {
                content.take(here);
            }
            let here = here.len();
            framed.take(here);
            if (here as u64) < body {
                if !framed.is_cut() {
                    return Then::Wait;
                }
                if let Some(content) = content {
                    content.miss();
                }
                framed.skip_rest();
            }
        }
        match (framed.left(), framed.bytes().first()) {
            (0, _) => {}
            (_, Some(&FRAME_END)) => framed.take(1),
            (_, Some(_)) => return self.lose_footing(side, out),
            (_, None) if framed.is_cut() => framed.skip_rest(),
            (_, None) => return Then::Wait,
        }
        let Some(extent) = framed.finish() else { return Then::Wait };
        self.streams[side as usize].frame = None;
        if let Some(channel) = self.channels.get_mut(&number) {
            channel.frame_ended(side, extent.last, out);
        }
        Then::GoOn
    }

    /// Reads a frame from its head on.
    fn begin(&mut self, side: Side, out: &mut Output) -> Then {
        let Stream { framed, footed, from_start, .. } = &mut self.streams[side as usize];
        let bytes = framed.bytes();
        let is_cut = framed.is_cut();
        if bytes.is_empty() && !is_cut {
            return Then::Wait;
        }
        if std::mem::take(from_start) && bytes.starts_with(&PROTOCOL_HEADER[..4.min(bytes.len())]) {
            if bytes.len() < PROTOCOL_HEADER.len() && !is_cut {
                *from_start = true;
                return Then::Wait;
            }
            framed.begin(PROTOCOL_HEADER.len() as u64);
            self.streams[side as usize].frame = Some(Frame::Other);
            return Then::GoOn;
        }
        let head = match FrameHead::read(bytes) {
            Ok(head) => head,
            Err(Stop::More) if !is_cut => return Then::Wait,
            Err(_) => return self.lose_footing(side, out),
        };
        let length = head.length();
        let frame = usize::try_from(length).ok().and_then(|length| bytes.get(..length));
        let is_short = length <= FRAME_LIMIT;
        match frame {
            // Where no frame has to begin, it takes a whole one to believe in it.
            None if !*footed && (is_cut || !is_short) => return self.lose_footing(side, out),
            None if !is_cut && is_short && (!*footed || head.kind != FrameType::Body) => {
                return Then::Wait;
            }
            Some(frame) if frame.last() != Some(&FRAME_END) => {
                return self.lose_footing(side, out);
            }
            _ => {}
        }
        if head.kind == FrameType::Body {
            *footed = true;
            framed.begin(length);
            framed.take(FRAME_HEAD);
            let channel = self.channels.get_mut(&head.channel);
            let belongs = channel.is_some_and(|channel| channel.body(side, head.size.into()));
            let frame = if belongs { Frame::Body(head.channel) } else { Frame::Other };
            self.streams[side as usize].frame = Some(frame);
            return Then::GoOn;
        }
        let Some(frame) = frame else {
            // Cut, or too long: its meaning is lost, its length is not.
            if head.kind == FrameType::Header {
                let payload = bytes.get(FRAME_HEAD..).unwrap_or_default();
                let properties = Properties::read(payload);
                if let (Some(properties), Some(channel)) =
                    (properties, self.channels.get_mut(&head.channel))
                {
                    channel.header(side, properties);
                }
            } else if head.kind == FrameType::Method {
                self.missed(side, out);
            }
            let Stream { framed, frame, .. } = &mut self.streams[side as usize];
            framed.begin(length);
            *frame = Some(if head.kind == FrameType::Header {
                Frame::Body(head.channel)
            } else {
                Frame::Other
            });
            if head.kind == FrameType::Header {
                framed.skip_rest();
            }
            return Then::GoOn;
        };
        let payload: Box<[u8]> = frame.get(FRAME_HEAD..frame.len() - 1).unwrap_or_default().into();
        framed.begin(length);
        framed.skip_rest();
        let Some(extent) = framed.finish() else { return Then::Wait };
        let is_understood = match head.kind {
            FrameType::Method => self.method(side, head.channel, &payload, extent, out),
            FrameType::Header => self.header(side, head.channel, &payload, extent, out),
            FrameType::Body | FrameType::Heartbeat => true,
        };
        if is_understood {
            self.streams[side as usize].footed = true;
            self.misses = 0;
            return Then::GoOn;
        }
        out.not_understood += 1;
        self.lose_footing(side, out)
    }

    fn header(
        &mut self,
        side: Side,
        number: u16,
        payload: &[u8],
        extent: Extent,
        out: &mut Output,
    ) -> bool {
        let Some(properties) = Properties::read(payload) else { return false };
        if let Some(channel) = self.channels.get_mut(&number) {
            channel.header(side, properties);
            channel.frame_ended(side, extent.last, out);
        }
        true
    }

    /// Whether the method could be read.
    fn method(
        &mut self,
        side: Side,
        number: u16,
        payload: &[u8],
        extent: Extent,
        out: &mut Output,
    ) -> bool {
        let Some(method) = Method::read(payload, side) else { return false };
        match method {
            Method::ConnectionOpen { vhost } => {
                self.vhost = Some(text::lossy(vhost, NAME_LIMIT).into());
                return true;
            }
            Method::ConnectionClose { code } => {
                let refusal = refusal(side, code, extent);
                self.end_all(refusal, Outcome::Cancelled, out);
                return true;
            }
            Method::ChannelClose { code } => {
                if let Some(channel) = self.channels.remove(&number) {
                    channel.end(refusal(side, code, extent), Outcome::Cancelled, out);
                }
                return true;
            }
            _ => {}
        }
        if number == 0 {
            return true;
        }
        if !self.channels.contains_key(&number) && self.channels.len() >= MAX_CHANNELS {
            out.lost += 1;
            return true;
        }
        let vhost = self.vhost.clone();
        let channel = self.channels.entry(number).or_default();
        channel.drop_content(side, out);
        operate(channel, method, Origin { side, extent, vhost }, out);
        true
    }

    /// The connection ends, with all channels.
    fn end_all(
        &mut self,
        refusal: Option<(AmqpError, Extent)>,
        outcome: Outcome,
        out: &mut Output,
    ) {
        let mut channels: Vec<_> = std::mem::take(&mut self.channels).into_iter().collect();
        channels.sort_unstable_by_key(|(number, _)| *number);
        for (_, channel) in channels {
            channel.end(refusal, outcome, out);
        }
    }

    /// Frames of this side were lost.
    fn missed(&mut self, side: Side, out: &mut Output) {
        out.lost += 1;
        let at = self.streams[side as usize].framed.last();
        for channel in self.channels.values_mut() {
            channel.missed(side, at, out);
        }
    }

    /// What should be a frame is none, or is lost.
    fn lose_footing(&mut self, side: Side, out: &mut Output) -> Then {
        let stream = &mut self.streams[side as usize];
        stream.framed.abandon();
        stream.frame = None;
        if std::mem::take(&mut stream.footed) {
            self.missed(side, out);
            self.misses += 1;
            if self.misses >= MAX_MISSES {
                out.handover = Some(Handover::NotMine);
            }
        }
        Then::Wait
    }
}

impl Dissector for Amqp {
    fn feed(&mut self, chunk: &Chunk<'_>, out: &mut Output) {
        if !std::mem::replace(&mut self.capture_asked, true) {
            // Frames of many channels follow each other within a turn.
            out.capture = Some(Capture::Full);
        }
        let side = chunk.side;
        if let Some(gap) = self.streams[side as usize].framed.gap_before(chunk) {
            self.streams[side as usize].framed.push(&gap);
            self.read(side, out);
        }
        self.streams[side as usize].framed.push(chunk);
        self.read(side, out);
    }

    fn half_closed(&mut self, _side: Side, _at: Moment, _out: &mut Output) {}

    fn held(&self) -> usize {
        let frames = self.streams.iter().map(|stream| stream.framed.held());
        let channels = self.channels.values().map(|it| size_of::<Channel>() + it.held());
        frames.sum::<usize>() + channels.sum::<usize>()
    }

    fn closed(&mut self, ending: Ending, _at: Moment, out: &mut Output) {
        self.end_all(None, Outcome::Aborted(ending), out);
    }

    fn waits(&self) -> bool {
        self.channels.values().any(Channel::waits)
    }

    fn idle(&mut self, now: u64, out: &mut Output) {
        self.channels.values_mut().for_each(|channel| channel.idle(now, out));
    }
}

/// Why the broker ends a channel or the connection; 200 is "success".
fn refusal(side: Side, code: u16, extent: Extent) -> Option<(AmqpError, Extent)> {
    (side == Side::Server && code != 200).then_some((AmqpError::Reply(code), extent))
}
