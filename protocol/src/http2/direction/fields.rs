//! Field blocks: HEADERS, PUSH_PROMISE and CONTINUATION frames (§6.2, 6.6, 6.10).

use super::{Direction, Step, payload};
use crate::chunk::Moment;
use crate::http2::frame::{END_HEADERS, END_STREAM, HEADER, Header, Kind, content};
use crate::http2::hpack::Decoder;
use crate::http2::streams::{Arrival, Streams};

/// The longest field block that is read, in bytes. Servers and clients accept 8 to 64 KiB. Of a
/// longer one the front is read, and the table is forgotten.
const BLOCK_LIMIT: usize = 64 * 1024;

/// A field block in pieces (§4.3).
#[derive(Debug)]
pub(super) struct Block {
    pub(super) stream: u32,
    target: Target,
    bytes: Vec<u8>,
    first: Moment,
    whole: bool,
}

impl Block {
    /// What it takes beyond its own size, in bytes.
    pub(super) fn held(&self) -> usize {
        self.bytes.capacity()
    }
}

/// What a field block is for.
#[derive(Clone, Copy, Debug)]
enum Target {
    Head { end_stream: bool },
    Promise,
}

impl Direction {
    pub(super) fn fields(&mut self, header: &Header, streams: &mut Streams) -> Step {
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
}

fn give(arrival: &Arrival<'_>, target: Target, hpack: &mut Decoder, streams: &mut Streams) {
    match target {
        Target::Head { end_stream } => streams.fields(arrival, end_stream, hpack),
        Target::Promise => streams.promise(arrival, hpack),
    }
}
