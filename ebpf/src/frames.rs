//! Following the frames of HTTP/2 (RFC 9113 §4.1): of a call with megabytes of DATA, what a dissector
//! needs is the few bytes of each frame's header.
//!
//! This is the one piece of a protocol in the kernel. User space cannot do it: it hears of a call when the
//! call is over, and a header that was not copied by then is gone, and with it the place of the next. So
//! the programs keep for each direction where the next header is. What they copy goes to user space as
//! pieces ([`flag::SPARSE`]), whose dissector judges each byte by itself: a program that follows what are
//! no frames loses bytes, which are counted, and makes no span.
//!
//! Where frames begin is known from a direction's first bytes, or, when user space has found HTTP/2
//! ([`mode::FRAMES`](onlooker_common::map::mode::FRAMES)), from a call that begins with a header.

mod header;
mod piece;
mod walk;

use core::ffi::c_void;

use aya_ebpf::helpers::generated::{bpf_loop, bpf_probe_read_user};
use onlooker_common::counter::Counter;
use onlooker_common::event::{PIECE_HEAD, flag};
use onlooker_common::map::{CALL_RECORDS, RECORD_PAYLOAD, SMALL_DATA};

use crate::emit::Scratch;
use crate::map::FRAMES;
use crate::vector::{self, Source, opaque};
use crate::{counter, emit, kernel};
use header::{DATA, HEADER, PADDED, SETTINGS, has_unused_flags, is_frame, length};
use piece::{grow, open, tell};
pub use walk::Walk;
use walk::{NONE, at, cursor, get, put, set};

/// The most steps that a call takes: three for each frame, and one for each buffer. 20 MB of frames of
/// the usual 16 KiB.
const MOST_STEPS: u32 = 4096;
/// Payload of DATA is copied while a call has filled fewer bytes of records than this.
const MOST_DATA: u64 = ((CALL_RECORDS - 1) * RECORD_PAYLOAD) as u64;
/// All the rest is copied while there are fewer than this.
const MOST_BYTES: u64 = (2 * CALL_RECORDS * RECORD_PAYLOAD) as u64;
/// Length of the client's preface (RFC 9113 §3.4), and its first bytes.
const PREFACE: u64 = 24;
const PREFACE_BEGINS: [u8; 9] = *b"PRI * HTT";
/// What a piece takes in the payload before its first byte of use.
const ROOM: u64 = PIECE_HEAD as u64 + HEADER;

/// How far a direction was followed (map `FRAMES`).
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Followed {
    /// Position in the stream.
    at: u64,
    /// Bytes from there on that are to be copied, then such that are not, up to the next header.
    keep: u64,
    skip: u64,
    /// Bytes of the next header that have passed, and these.
    have: u64,
    head: [u64; 2],
}

/// What [`follow`] led to.
pub mod result {
    /// All of the call was followed and told.
    pub const FOLLOWED: u64 = 0;
    /// It was told, but where the next frame begins is not known.
    pub const LOST: u64 = 1;
    /// Nothing was told: the call is not where the last one ended.
    pub const ELSEWHERE: u64 = 2;
}

/// Whether a call begins with a frame: a direction's `first`, as only HTTP/2 begins, or any.
#[inline(always)]
pub fn begin(source: Source, first: bool) -> bool {
    let from = match source {
        Source::Buffer(base, _) => Some([base, HEADER]),
        Source::Vector(vector, 1..) => kernel::read_user::<[u64; 2]>(vector),
        _ => None,
    };
    let Some([from, length]) = from else { return false };
    if length < HEADER {
        return false;
    }
    let Some(head) = kernel::read_user::<[u8; 9]>(from) else { return false };
    if !first {
        return head == PREFACE_BEGINS || is_frame(&head) && !has_unused_flags(&head);
    }
    head == PREFACE_BEGINS || head[3] == SETTINGS && head[4] == 0 && is_frame(&head)
}

/// Notes that a direction's frames begin at a position. A function apart, so that the value is on no
/// other's stack.
#[inline(never)]
pub fn note(key: u64, at: u64) -> u64 {
    let followed = Followed { at, keep: 0, skip: 0, have: 0, head: [0; 2] };
    u64::from(FRAMES.insert(key, followed, 0).is_ok())
}

/// Tells a call of `total` bytes from a position on, as pieces; gives one of [`result`]. Of each DATA
/// frame `most` bytes are copied.
#[inline(always)]
pub fn follow(scratch: *mut Scratch, key: u64, position: u64, most: u64) -> u64 {
    let Some(followed) = FRAMES.get_ptr_mut(key) else { return result::ELSEWHERE };
    // SAFETY: a live map value. Calls of two threads at once can mix it up, which shows by `at`, or by
    // what is no header.
    let from = unsafe { *followed };
    if from.at as u32 != position as u32 {
        return result::ELSEWHERE;
    }
    set!(scratch, keep, from.keep);
    set!(scratch, skip, from.skip);
    set!(scratch, have, from.have);
    set!(scratch, lost, 0);
    set!(scratch, at, 0);
    set!(scratch, gap, 0);
    set!(scratch, piece, NONE);
    set!(scratch, length, 0);
    set!(scratch, start, 0);
    set!(scratch, most, most);
    set!(scratch, taken, 0);
    // SAFETY: the scratch is this CPU's, and `head` begins at a multiple of eight bytes.
    unsafe { (&raw mut (*scratch).walk.head).cast::<[u64; 2]>().write_volatile(from.head) };
    // SAFETY: the scratch is this CPU's.
    unsafe { (*scratch).data.flags |= flag::SPARSE };

    let total = at(scratch, cursor!(want));
    if at(scratch, cursor!(base)) == 0 {
        nowhere(scratch, total);
    } else {
        // SAFETY: `next` has the callback's type and needs no context.
        unsafe { bpf_loop(MOST_STEPS, next as *mut c_void, core::ptr::null_mut(), 0) };
    }
    tell(scratch, at(scratch, cursor!(fill)), false);
    counter::add(Counter::Beyond, total.saturating_sub(get!(scratch, taken)));
    if get!(scratch, lost) != 0 || get!(scratch, at) != total {
        return result::LOST;
    }
    let (keep, skip, have) = (get!(scratch, keep), get!(scratch, skip), get!(scratch, have));
    // SAFETY: as above.
    unsafe {
        let head = (&raw const (*scratch).walk.head).cast::<[u64; 2]>().read_volatile();
        *followed = Followed { at: position.wrapping_add(total), keep, skip, have, head };
    }
    result::FOLLOWED
}

/// Passes over bytes that are not in user memory. No header may be among them.
#[inline(always)]
fn nowhere(scratch: *mut Scratch, total: u64) {
    let (keep, skip) = (get!(scratch, keep), get!(scratch, skip));
    if get!(scratch, have) != 0 || keep.wrapping_add(skip) < total {
        return set!(scratch, lost, 1);
    }
    let kept = keep.min(total);
    set!(scratch, keep, keep - kept);
    set!(scratch, skip, skip - (total - kept));
    set!(scratch, at, total);
}

/// The loop's callback: one step; 1 ends the loop.
extern "C" fn next(_index: u32, _context: *mut c_void) -> i64 {
    match emit::scratch() {
        Some(scratch) if step(scratch) => 0,
        _ => 1,
    }
}

/// Copies or passes over what is of one kind in one buffer; `false` when there is nothing more to do.
///
/// Fields are read and written one by one: values that live long are on the stack, of which kernels before
/// 6.13 give 512 bytes to this and its callers.
#[inline(always)]
fn step(scratch: *mut Scratch) -> bool {
    if at(scratch, cursor!(copied)) >= MOST_BYTES {
        return false;
    }
    let Some((from, here)) = buffer(scratch) else { return false };
    let skip = get!(scratch, skip);
    let n;
    if here == 0 {
        n = 0;
    } else if skip > 0 && get!(scratch, keep) == 0 {
        n = here.min(skip);
        set!(scratch, skip, skip - n);
        set!(scratch, gap, get!(scratch, gap).wrapping_add(n));
        set!(scratch, piece, NONE);
    } else if at(scratch, cursor!(fill)) + ROOM >= RECORD_PAYLOAD as u64 {
        let fill = at(scratch, cursor!(fill));
        tell(scratch, fill, true);
        put(scratch, cursor!(copied), at(scratch, cursor!(copied)).wrapping_add(fill));
        put(scratch, cursor!(fill), 0);
        return true;
    } else {
        n = take(scratch, from, here);
        if n == 0 {
            set!(scratch, lost, 1);
            return false;
        }
    }
    pass(scratch, n, n >= here);
    true
}

/// Where the rest of the buffer in hand is, and how long.
#[inline(always)]
fn buffer(scratch: *mut Scratch) -> Option<(u64, u64)> {
    let left = at(scratch, cursor!(want)).saturating_sub(get!(scratch, at));
    if left == 0 {
        return None;
    }
    let (mut base, mut length) = (at(scratch, cursor!(base)), at(scratch, cursor!(want)));
    let buffers = at(scratch, cursor!(buffers));
    if buffers != 0 {
        let segment = at(scratch, cursor!(segment));
        if segment >= buffers {
            return None;
        }
        [base, length] = kernel::read_user::<[u64; 2]>(base.wrapping_add(segment * 16))?;
    }
    let within = at(scratch, cursor!(within));
    Some((base.wrapping_add(within), length.saturating_sub(within).min(left)))
}

/// Moves on by `n` bytes; `ends` says that they end a buffer.
#[inline(always)]
fn pass(scratch: *mut Scratch, n: u64, ends: bool) {
    set!(scratch, at, get!(scratch, at).wrapping_add(n));
    if ends {
        put(scratch, cursor!(segment), at(scratch, cursor!(segment)).wrapping_add(1));
        put(scratch, cursor!(within), 0);
    } else {
        put(scratch, cursor!(within), at(scratch, cursor!(within)).wrapping_add(n));
    }
}

/// Copies what is to be kept of the next `here` bytes, or what they have of a header; gives how many that
/// were, zero if they cannot be read.
#[inline(always)]
fn take(scratch: *mut Scratch, from: u64, here: u64) -> u64 {
    if get!(scratch, piece) == NONE {
        open(scratch);
    }
    let fill = at(scratch, cursor!(fill));
    let keep = get!(scratch, keep);
    let n;
    if keep > 0 {
        n = here.min(keep).min((RECORD_PAYLOAD as u64).wrapping_sub(fill));
        set!(scratch, keep, keep - n);
    } else {
        n = here.min(HEADER.wrapping_sub(get!(scratch, have)));
        if !header(scratch, from, n) {
            return 0;
        }
    }
    if !vector::copy(scratch, fill, from, n) {
        return 0;
    }
    put(scratch, cursor!(fill), fill.wrapping_add(n));
    set!(scratch, taken, get!(scratch, taken).wrapping_add(n));
    grow(scratch, n);
    if get!(scratch, have) == HEADER {
        frame(scratch);
    }
    n
}

/// Adds `n` bytes at `from` to the header.
#[inline(always)]
fn header(scratch: *mut Scratch, from: u64, n: u64) -> bool {
    let (have, n) = (opaque(get!(scratch, have)), opaque(n));
    if have >= HEADER || n > HEADER {
        return false;
    }
    // SAFETY: at most eight bytes, then at most nine, of twenty-four.
    let failed = unsafe {
        let to = (&raw mut (*scratch).walk.head).cast::<u8>().add(have as usize);
        bpf_probe_read_user(to.cast(), n as u32, from as *const _)
    };
    set!(scratch, have, have + n);
    failed == 0
}

/// A header is there: what becomes of its frame.
#[inline(always)]
fn frame(scratch: *mut Scratch) {
    let sofar = at(scratch, cursor!(copied)).wrapping_add(at(scratch, cursor!(fill)));
    // SAFETY: the scratch is this CPU's.
    let head = unsafe { (&raw const (*scratch).walk.head).cast::<[u8; 9]>().read_volatile() };
    set!(scratch, have, 0);
    if head == PREFACE_BEGINS {
        set!(scratch, keep, PREFACE - HEADER);
        return;
    }
    if !is_frame(&head) {
        // The rest is copied as that of any other call.
        set!(scratch, lost, 1);
        set!(scratch, keep, MOST_DATA.saturating_sub(sofar));
        set!(scratch, skip, u64::MAX);
        return;
    }
    let length = length(&head);
    let mut keep = length;
    if head[3] == DATA {
        let most = if sofar >= MOST_DATA {
            0
        } else if length <= u64::from(SMALL_DATA) {
            length
        } else {
            get!(scratch, most)
        };
        // The padding's length comes first.
        keep = length.min(most.max(u64::from(head[4] & PADDED != 0)));
    }
    set!(scratch, keep, keep);
    set!(scratch, skip, length - keep);
}
