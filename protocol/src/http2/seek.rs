//! Finds frames in the middle of a stream.
//!
//! Frames have no mark of their own, so footing needs a chain: headers that each lead to the next,
//! all of them as a peer would write them, worth a stated number of bits that accident would have
//! to guess.

use super::frame::{Header, Kind, PADDED, PRIORITY};
use crate::chunk::Side;

/// Bits of evidence that make a chain.
const ENOUGH: u32 = 64;
/// The fewest frames of a chain.
const FEWEST: u32 = 2;
/// For a chain that ends where a call ended.
const EXACT_END: u32 = 16;
/// For a chain that starts where a call started: of all places the likeliest.
const CALL_START: u32 = 12;
/// The longest frame of a chain, in bytes: peers that allow frames of 1 MiB are rare, and what is
/// longer cannot be followed in a window.
const LONGEST: usize = 1 << 20;

/// Where the frames are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Footing {
    /// A frame starts at this offset.
    At(usize),
    /// None yet: bytes before this offset are of no use.
    None(usize),
}

/// Searches a stretch of `side`'s stream, which ends with a call, and may start with one.
pub(super) fn find(bytes: &[u8], side: Side, from_call: bool) -> Footing {
    let mut keep = None;
    for start in 0..bytes.len() {
        let rest = &bytes[start..];
        // A CONTINUATION belongs to what is not here (§6.10).
        if Header::parse(rest).is_some_and(|it| it.kind == Kind::Continuation) {
            continue;
        }
        let chain = chain(rest, side);
        let aligned = if from_call && start == 0 { CALL_START } else { 0 };
        match chain.end {
            End::Broken => {}
            _ if chain.frames >= FEWEST && chain.bits + aligned >= ENOUGH => {
                return Footing::At(start);
            }
            End::Exact | End::Beyond => keep = keep.or(Some(start)),
        }
    }
    Footing::None(keep.unwrap_or(bytes.len()))
}

/// A run of frames from the front of a stretch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chain {
    pub(super) frames: u32,
    /// What accident would have to guess.
    pub(super) bits: u32,
    pub(super) end: End,
}

/// How a chain ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// With something that is no frame.
    Broken,
    /// With the last byte of the stretch.
    Exact,
    /// Within a frame, behind the last byte of the stretch.
    Beyond,
}

/// Follows the frames from the front of a stretch.
pub(super) fn chain(bytes: &[u8], side: Side) -> Chain {
    let mut it = Chain { frames: 0, bits: 0, end: End::Broken };
    let mut rest = bytes;
    loop {
        if rest.is_empty() {
            it.bits += EXACT_END;
            it.end = End::Exact;
            return it;
        }
        let Some(header) = Header::parse(rest) else {
            it.end = End::Beyond;
            return it;
        };
        let payload = rest.get(super::frame::HEADER..).unwrap_or_default();
        let Some(bits) = weight(&header, payload, side) else { return it };
        it.frames += 1;
        it.bits += bits;
        let Some(next) = payload.get(header.length..) else {
            it.end = End::Beyond;
            return it;
        };
        if it.bits >= 2 * ENOUGH {
            it.end = End::Beyond;
            return it;
        }
        rest = next;
    }
}

/// The bits of evidence in a frame's header; `None` if a peer would not write it.
fn weight(header: &Header, payload: &[u8], side: Side) -> Option<u32> {
    if !header.is_usual(side) || header.length > LONGEST {
        return None;
    }
    Some(match header.kind {
        // Zeros are common in any data, and DATA is type 0: little is left to guess.
        Kind::Data if header.length == 16_384 => 24,
        Kind::Data => 12,
        Kind::Headers => {
            let block = &payload[block_start(header, payload)..];
            let fits = match block.first() {
                Some(&first) => begins_block(first, side),
                None => header.length > 0,
            };
            return fits.then_some(24);
        }
        Kind::PushPromise | Kind::Continuation => 24,
        Kind::WindowUpdate => {
            // "A receiver MUST treat the receipt of a WINDOW_UPDATE frame with a flow-control
            // window increment of 0 as a stream error" (§6.9).
            let none = payload.get(..4).is_some_and(|it| it.iter().all(|&byte| byte == 0));
            return (!none).then_some(40);
        }
        _ => 40,
    })
}

fn block_start(header: &Header, payload: &[u8]) -> usize {
    let mut start = usize::from(header.has(PADDED));
    if header.has(PRIORITY) {
        start += 5;
    }
    start.min(payload.len())
}

/// Whether a block of this side can begin with this byte. Pseudo-header fields come first
/// (RFC 9113 §8.3): those of requests are 1 to 7 in the static table, `:status` 8 to 14.
fn begins_block(first: u8, side: Side) -> bool {
    match first {
        // Indexed, in the static table.
        0x81..=0x87 => side == Side::Client,
        0x88..=0x8e => side == Side::Server,
        0x80 | 0x8f..=0xbd => false,
        // Indexed, in the dynamic table.
        0xbe.. => true,
        // Literal with incremental indexing: a pseudo-header field, or a trailer.
        0x41..=0x47 => side == Side::Client,
        0x48..=0x4e => side == Side::Server,
        0x40..=0x7f => side == Side::Server,
        // A table size update.
        0x20..=0x3f => true,
        // Literals without indexing.
        0x01..=0x07 | 0x11..=0x17 => side == Side::Client,
        0x00 | 0x08..=0x10 | 0x18..=0x1f => side == Side::Server,
    }
}
