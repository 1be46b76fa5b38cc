//! The pieces of a call that user space is told of: each a head ([`PIECE_HEAD`]) and bytes that follow each other.

use onlooker_common::event::{PIECE_HEAD, flag};
use onlooker_common::map::RECORD_PAYLOAD;

use super::walk::{NONE, at, cursor, get, put, set};
use crate::emit::{self, Scratch};
use crate::vector::opaque;

/// Begins a piece in the payload.
#[inline(always)]
pub fn open(scratch: *mut Scratch) {
    let at = opaque(at(scratch, cursor!(fill)));
    if at >= RECORD_PAYLOAD as u64 {
        return;
    }
    let gap = get!(scratch, gap) as u32;
    // SAFETY: within the first of two payloads.
    unsafe {
        let to = (&raw mut (*scratch).payload).cast::<u8>().add(at as usize).cast::<u32>();
        to.write_unaligned(gap);
        to.add(1).write_unaligned(0);
    }
    set!(scratch, piece, at);
    set!(scratch, length, 0);
    set!(scratch, gap, 0);
    put(scratch, cursor!(fill), at + PIECE_HEAD as u64);
}

/// Writes the new length of the open piece.
#[inline(always)]
pub fn grow(scratch: *mut Scratch, n: u64) {
    let (piece, length) = (get!(scratch, piece), get!(scratch, length).wrapping_add(n));
    set!(scratch, length, length);
    if piece >= RECORD_PAYLOAD as u64 {
        return;
    }
    // SAFETY: within the first of two payloads, or eight bytes behind it.
    unsafe {
        let to = (&raw mut (*scratch).payload).cast::<u8>().add(piece as usize).cast::<u32>();
        to.add(1).write_unaligned(length as u32);
    }
}

/// Submits the record in hand.
#[inline(always)]
pub fn tell(scratch: *mut Scratch, length: u64, more: bool) {
    let start = get!(scratch, start) as u32;
    // SAFETY: the scratch is this CPU's.
    unsafe {
        (*scratch).data.offset = start;
        (*scratch).data.header.captured = length as u32;
        if more {
            (*scratch).data.flags |= flag::MORE;
        } else {
            (*scratch).data.flags &= !flag::MORE;
        }
    }
    emit::data(scratch, opaque(length));
    set!(scratch, start, get!(scratch, at).wrapping_sub(get!(scratch, gap)));
    set!(scratch, piece, NONE);
}
