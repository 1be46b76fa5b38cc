//! Copying the payload of a call, from one buffer or many, into records.

#[cfg(feature = "loops")]
use core::ffi::c_void;

#[cfg(feature = "loops")]
use aya_ebpf::helpers::generated::bpf_loop;
use aya_ebpf::helpers::generated::bpf_probe_read_user;
use onlooker_common::counter::Counter;
use onlooker_common::event::flag;
use onlooker_common::map::{CALL_RECORDS, RECORD_PAYLOAD};

use crate::emit::{Cursor, Scratch};
use crate::{counter, emit, kernel};

/// The most steps that a call takes: each copies from one buffer into one record. The kernel takes
/// up to 1024 buffers (`UIO_MAXIOV`), and gRPC's core makes use of 260: three for each frame of
/// many streams.
#[cfg(feature = "loops")]
const MOST_STEPS: u32 = 1024 + CALL_RECORDS as u32;
/// The same on kernels without `bpf_loop`, where each is verified anew: of a call with one buffer
/// and of one with several, which Node.js makes of the messages of a PostgreSQL query.
#[cfg(not(feature = "loops"))]
const MOST_STEPS_UNROLLED: [u32; 2] = [4, 8];

/// Where the bytes of a call are.
#[derive(Clone, Copy)]
pub enum Source {
    /// One buffer, and its length.
    Buffer(u64, u64),
    /// An array of `struct iovec` and its length.
    Vector(u64, u64),
    /// The same, of one message of several: such are mostly datagrams, in one buffer each.
    Message(u64, u64),
    /// Not in user memory (sendfile, splice), or not known where.
    Nowhere,
}

/// Copies up to `want` bytes (of `total`) and submits them: records of full payloads, then one
/// without [`flag::MORE`], which may be empty.
#[inline(always)]
pub fn submit(scratch: *mut Scratch, source: Source, want: u64, total: u64) {
    let want = match source {
        Source::Nowhere | Source::Buffer(0, _) => 0,
        // A datagram may be longer than what it was received into.
        Source::Buffer(_, most) => want.min(most),
        Source::Vector(..) | Source::Message(..) => want,
    };
    place(scratch, source, want);
    // Most calls are one small buffer, which is one step.
    if step(scratch) {
        steps(scratch, matches!(source, Source::Vector(..)));
    }
    let Cursor { copied, fill, .. } = load(scratch);
    last(scratch, copied, fill, total);
}

/// Puts the cursor on a call's first byte.
#[inline(always)]
pub fn place(scratch: *mut Scratch, source: Source, want: u64) {
    let (base, buffers) = match source {
        Source::Buffer(base, _) => (base, 0),
        Source::Vector(vector, count) | Source::Message(vector, count) => (vector, count),
        Source::Nowhere => (0, 0),
    };
    save(scratch, Cursor { base, buffers, want, segment: 0, within: 0, copied: 0, fill: 0 });
}

/// Takes the further steps.
#[cfg(feature = "loops")]
#[inline(always)]
fn steps(_scratch: *mut Scratch, _several_buffers: bool) {
    // SAFETY: `next` has the callback's type and needs no context.
    unsafe { bpf_loop(MOST_STEPS, next as *mut c_void, core::ptr::null_mut(), 0) };
}

/// Takes the further steps, as many as the verifier bears to walk one by one.
#[cfg(not(feature = "loops"))]
#[inline(always)]
fn steps(scratch: *mut Scratch, several_buffers: bool) {
    for _ in 1..MOST_STEPS_UNROLLED[usize::from(several_buffers)] {
        if !step(scratch) {
            break;
        }
    }
}

/// The loop's callback: one further step; 1 ends the loop.
#[cfg(feature = "loops")]
extern "C" fn next(_index: u32, _context: *mut c_void) -> i64 {
    match emit::scratch() {
        Some(scratch) if step(scratch) => 0,
        _ => 1,
    }
}

/// Copies from one buffer into one record; `false` when there is nothing more to do.
#[inline(always)]
fn step(scratch: *mut Scratch) -> bool {
    let mut cursor = load(scratch);
    let sofar = cursor.copied.wrapping_add(cursor.fill);
    if sofar >= cursor.want || cursor.copied >= MOST_COPIED {
        return false;
    }
    let Some((base, length)) = buffer(&cursor) else { return false };
    let here = length.saturating_sub(cursor.within);
    let room = (RECORD_PAYLOAD as u64).saturating_sub(cursor.fill);
    let n = here.min(cursor.want - sofar).min(room);
    if !copy(scratch, cursor.fill, base.wrapping_add(cursor.within), n) {
        return false;
    }
    cursor.fill += n;
    cursor.within += n;
    if n == here {
        cursor.segment += 1;
        cursor.within = 0;
    }
    if n == room {
        part(scratch, cursor.copied, cursor.fill);
        cursor.copied += cursor.fill;
        cursor.fill = 0;
    }
    save(scratch, cursor);
    cursor.copied.wrapping_add(cursor.fill) < cursor.want
}

/// The buffer that the cursor is in, and its length; `None` behind the last.
#[inline(always)]
pub fn buffer(cursor: &Cursor) -> Option<(u64, u64)> {
    if cursor.buffers == 0 {
        return Some((cursor.base, cursor.want));
    }
    if cursor.segment >= cursor.buffers {
        return None;
    }
    let at = cursor.base.wrapping_add(cursor.segment * 16);
    kernel::read_user::<[u64; 2]>(at).map(|[base, length]| (base, length))
}

/// The most bytes of one call that are copied.
const MOST_COPIED: u64 = (CALL_RECORDS * RECORD_PAYLOAD) as u64;

#[inline(always)]
pub fn load(scratch: *mut Scratch) -> Cursor {
    // SAFETY: the scratch is this CPU's; volatile, so that it is a load.
    unsafe { (&raw const (*scratch).cursor).read_volatile() }
}

#[inline(always)]
pub fn save(scratch: *mut Scratch, cursor: Cursor) {
    // SAFETY: the scratch is this CPU's.
    unsafe { (&raw mut (*scratch).cursor).write_volatile(cursor) };
}

/// Copies `length` bytes from user memory to `at` in the payload.
#[inline(always)]
pub fn copy(scratch: *mut Scratch, at: u64, from: u64, length: u64) -> bool {
    if length == 0 {
        return true;
    }
    let at = opaque(at);
    let length = opaque(length);
    if at >= RECORD_PAYLOAD as u64 || length > RECORD_PAYLOAD as u64 {
        return false;
    }
    // SAFETY: `at` and `length` are each at most one payload, and there is room for two.
    let failed = unsafe {
        let to = (&raw mut (*scratch).payload).cast::<u8>().add(at as usize);
        bpf_probe_read_user(to.cast(), length as u32, from as *const _)
    };
    if failed != 0 {
        counter::add(Counter::Faults, 1);
        // SAFETY: the scratch is this CPU's.
        unsafe { (*scratch).data.flags |= flag::FAULT };
    }
    failed == 0
}

#[inline(always)]
fn part(scratch: *mut Scratch, offset: u64, length: u64) {
    // SAFETY: the scratch is this CPU's.
    unsafe {
        (*scratch).data.offset = offset as u32;
        (*scratch).data.header.captured = length as u32;
        (*scratch).data.flags |= flag::MORE;
    }
    emit::data(scratch, length);
}

#[inline(always)]
fn last(scratch: *mut Scratch, offset: u64, length: u64, total: u64) {
    // SAFETY: the scratch is this CPU's.
    unsafe {
        (*scratch).data.offset = offset as u32;
        (*scratch).data.header.captured = length as u32;
        (*scratch).data.flags &= !flag::MORE;
    }
    emit::data(scratch, opaque(length));
    let beyond = total - offset.wrapping_add(length).min(total);
    if beyond > 0 {
        counter::add(Counter::Beyond, beyond);
    }
}

/// Hides a value from the optimiser, which else drops the bound checks that the verifier needs.
#[inline(always)]
pub fn opaque(mut value: u64) -> u64 {
    // SAFETY: moves a register to itself. (An empty text would give two line records for one
    // instruction, which the kernel refuses.)
    unsafe { core::arch::asm!("{0} = {0}", inout(reg) value, options(pure, nomem, nostack)) };
    value
}
