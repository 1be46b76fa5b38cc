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
/// A chain that is long enough is followed to the first head, but no further than this.
const MOST: u32 = 64;
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

/// Searches a stretch of `side`'s stream, which ends with a call, and may start with one. Behind it `missing`
/// bytes were not captured.
pub(super) fn find(bytes: &[u8], missing: u64, side: Side, from_call: bool) -> Footing {
    let mut keep = None;
    for start in 0..bytes.len() {
        let rest = &bytes[start..];
        // A CONTINUATION belongs to what is not here (§6.10).
        if Header::parse(rest).is_some_and(|it| it.kind == Kind::Continuation) {
            continue;
        }
        let chain = chain(rest, missing, side);
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
    /// A head was among them that only this side writes.
    pub(super) tells_side: bool,
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

/// Follows the frames from the front of a stretch, behind which `missing` bytes were not captured.
pub(super) fn chain(bytes: &[u8], missing: u64, side: Side) -> Chain {
    let mut it = Chain { frames: 0, bits: 0, tells_side: false, end: End::Broken };
    let mut rest = bytes;
    loop {
        if rest.is_empty() && missing == 0 {
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
        it.tells_side |= header.kind == Kind::Headers
            && block(&header, payload).is_some_and(|block| !begins_block(block, side.other()));
        let Some(next) = payload.get(header.length..) else {
            // All that is missing is the rest of this frame, as where frames are followed as they pass.
            let rest = header.length.saturating_sub(payload.len()) as u64;
            if missing > 0 && rest == missing {
                it.bits += EXACT_END;
            }
            it.end = End::Beyond;
            return it;
        };
        if it.bits >= 2 * ENOUGH && (it.tells_side || it.frames >= MOST) {
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
            let fits = match block(header, payload) {
                Some(block) => begins_block(block, side),
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

/// A field block as far as it is here, with what comes behind it; `None` if nothing of it is here.
fn block<'a>(header: &Header, payload: &'a [u8]) -> Option<&'a [u8]> {
    let mut start = usize::from(header.has(PADDED));
    if header.has(PRIORITY) {
        start += 5;
    }
    payload.get(start..).filter(|block| !block.is_empty())
}

/// Whether a block of this side can begin like this. Pseudo-header fields come first
/// (RFC 9113 §8.3): those of requests are 1 to 7 in the static table, `:status` 8 to 14.
fn begins_block(block: &[u8], side: Side) -> bool {
    let Some(&first) = block.first() else { return true };
    match first {
        // Indexed, in the static table.
        0x81..=0x87 => side == Side::Client,
        0x88..=0x8e => side == Side::Server,
        0x80 | 0x8f..=0xbd => false,
        // Indexed, in the dynamic table.
        0xbe.. => true,
        // Literals whose name is not in a table.
        0x00 | 0x10 | 0x40 => begins_name(block.get(1..).unwrap_or_default(), side),
        // Literal with incremental indexing: a pseudo-header field, or a trailer.
        0x41..=0x47 => side == Side::Client,
        0x48..=0x4e => side == Side::Server,
        0x4f..=0x7f => side == Side::Server,
        // A table size update.
        0x20..=0x3f => true,
        // Literals without indexing.
        0x01..=0x07 | 0x11..=0x17 => side == Side::Client,
        0x08..=0x0f | 0x18..=0x1f => side == Side::Server,
    }
}

/// Whether the first field of a block of this side can have this name, a literal: a pseudo-header
/// field's (gRPC's C-core writes that of `:path` so), or a trailer's.
fn begins_name(name: &[u8], side: Side) -> bool {
    let (Some(&length), Some(&first)) = (name.first(), name.get(1)) else { return true };
    match (length & 0x80 != 0, first) {
        // The colon's seven bits in Huffman's code (RFC 7541, appendix B).
        (true, 0xb8 | 0xb9) => true,
        (false, b':') => match name.get(2) {
            Some(b's') => match name.get(3) {
                Some(b't') => side == Side::Server,
                Some(_) => side == Side::Client,
                None => true,
            },
            Some(_) => side == Side::Client,
            None => true,
        },
        _ => side == Side::Server,
    }
}
