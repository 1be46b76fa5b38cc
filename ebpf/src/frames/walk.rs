//! The state of a call whose frames are followed, and access to it field by field: values that live long are on
//! the stack, of which kernels before 6.13 give 512 bytes to a program's functions.

use crate::emit::Scratch;

/// No piece is open.
pub const NONE: u64 = u64::MAX;

/// A call under way, in the scratch: see [`Cursor`](crate::emit::Cursor) for why it is not in registers.
#[repr(C)]
pub struct Walk {
    /// As in [`Followed`](super::Followed), this and the next two.
    pub keep: u64,
    pub skip: u64,
    pub have: u64,
    /// Non-zero: what is here is no frame.
    pub lost: u64,
    /// Bytes of the call that were passed.
    pub at: u64,
    /// Of these, bytes at the end that were not copied, and belong to no piece yet.
    pub gap: u64,
    /// Where in the payload the open piece begins, or [`NONE`].
    pub piece: u64,
    /// Bytes in it.
    pub length: u64,
    /// Offset in the call of the record in hand.
    pub start: u64,
    /// Bytes of each DATA frame to copy.
    pub most: u64,
    /// Bytes that were copied.
    pub taken: u64,
    /// The next header, as far as it has passed. Longer, for the verifier's bounds.
    pub head: [u8; 24],
}

/// Which field of the walk.
macro_rules! walk {
    ($name:ident) => {
        core::mem::offset_of!(crate::emit::Scratch, walk)
            + core::mem::offset_of!(crate::frames::walk::Walk, $name)
    };
}

/// Which field of the cursor.
macro_rules! cursor {
    ($name:ident) => {
        core::mem::offset_of!(crate::emit::Scratch, cursor)
            + core::mem::offset_of!(crate::emit::Cursor, $name)
    };
}

macro_rules! get {
    ($scratch:expr, $name:ident) => {
        $crate::frames::walk::at($scratch, $crate::frames::walk::walk!($name))
    };
}

macro_rules! set {
    ($scratch:expr, $name:ident, $value:expr) => {
        $crate::frames::walk::put($scratch, $crate::frames::walk::walk!($name), $value)
    };
}

/// Reads a field of walk or cursor.
#[inline(always)]
pub fn at(scratch: *mut Scratch, field: usize) -> u64 {
    // SAFETY: the scratch is this CPU's, and all of these fields are of this type; volatile, so that it is
    // a load.
    unsafe { scratch.cast::<u8>().add(field).cast::<u64>().read_volatile() }
}

/// Writes a field of walk or cursor.
#[inline(always)]
pub fn put(scratch: *mut Scratch, field: usize, value: u64) {
    // SAFETY: as above.
    unsafe { scratch.cast::<u8>().add(field).cast::<u64>().write_volatile(value) };
}

pub(super) use {cursor, get, set, walk};
