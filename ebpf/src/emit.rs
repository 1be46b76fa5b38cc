//! Submitting records.

use aya_ebpf::helpers::generated::{bpf_ringbuf_output, bpf_ringbuf_query};
use onlooker_common::counter::Counter;
use onlooker_common::event::{Data, Header, Kind, Process};
use onlooker_common::map::RECORD_PAYLOAD;

use crate::map::{EVENTS, SCRATCH};
use crate::{counter, globals};

const BPF_RB_NO_WAKEUP: u64 = 1;
const BPF_RB_FORCE_WAKEUP: u64 = 2;
const BPF_RB_AVAIL_DATA: u64 = 0;
/// The reader is woken while the fill crosses a band of this width, not on every record above it:
/// a wake-up costs fifty times a submit.
const WAKE_BAND: u64 = 64 * 1024;

/// A data record under construction. Twice the payload, so that a copy of at most one payload that
/// starts within the first is always inside.
#[repr(C)]
pub struct Scratch {
    pub cursor: Cursor,
    #[cfg(feature = "loops")]
    pub walk: crate::frames::Walk,
    pub data: Data,
    pub payload: [u8; 2 * RECORD_PAYLOAD],
}

/// How far the copying of a call has come. It lives in the map, not in registers: what the verifier
/// loads from memory is merely "a number", so each turn of a loop looks to it like the one before,
/// and it need not walk every combination of branches.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Cursor {
    /// The bytes, or the array of `struct iovec`.
    pub base: u64,
    /// Length of that array; zero when `base` is the bytes' own address.
    pub buffers: u64,
    /// Bytes of the call to copy.
    pub want: u64,
    /// Which buffer.
    pub segment: u64,
    /// Bytes of that buffer that were copied.
    pub within: u64,
    /// Bytes of the call that were submitted.
    pub copied: u64,
    /// Bytes in the payload.
    pub fill: u64,
}

/// This CPU's scratch.
#[inline(always)]
pub fn scratch() -> Option<*mut Scratch> {
    SCRATCH.get_ptr_mut(0)
}

#[inline(always)]
fn wake_flag() -> u64 {
    let at = u64::from(globals::wake_at());
    // SAFETY: the map is a ring buffer.
    let waiting =
        unsafe { bpf_ringbuf_query((&raw const EVENTS).cast_mut().cast(), BPF_RB_AVAIL_DATA) };
    if waiting >= at && waiting < at + WAKE_BAND { BPF_RB_FORCE_WAKEUP } else { BPF_RB_NO_WAKEUP }
}

/// Submits a data record with `length` bytes of payload (at most [`RECORD_PAYLOAD`]).
#[inline(always)]
pub fn data(scratch: *mut Scratch, length: u64) {
    let length = if length > RECORD_PAYLOAD as u64 { RECORD_PAYLOAD as u64 } else { length };
    let size = size_of::<Data>() as u64 + length;
    // SAFETY: `scratch` holds more than `size` bytes, all initialised since the map was made.
    let failed = unsafe {
        let record = (&raw mut (*scratch).data).cast();
        bpf_ringbuf_output((&raw const EVENTS).cast_mut().cast(), record, size, wake_flag())
    };
    if failed == 0 {
        counter::add(Counter::Submitted, 1);
    } else {
        counter::add(Counter::LostData, 1);
        counter::add(Counter::LostBytes, length);
    }
}

/// Submits a record of fixed size; `false` when the ring buffer is full.
#[inline(always)]
pub fn fixed<T: 'static>(record: T) -> bool {
    match EVENTS.reserve::<T>(0) {
        Some(mut entry) => {
            entry.write(record);
            entry.submit(wake_flag());
            counter::add(Counter::Submitted, 1);
            true
        }
        None => {
            counter::add(Counter::LostOther, 1);
            false
        }
    }
}

/// Submits a record about the current process. The reader is woken for a program that starts: it
/// may be gone in milliseconds, and only while it is there can it be looked at.
#[inline(always)]
pub fn process(header: Header, other: u32, more: u32) {
    let comm = aya_ebpf::helpers::bpf_get_current_comm().unwrap_or_default();
    let flag =
        if header.kind == Kind::Exec as u32 { BPF_RB_FORCE_WAKEUP } else { BPF_RB_NO_WAKEUP };
    match EVENTS.reserve::<Process>(0) {
        Some(mut entry) => {
            entry.write(Process { header, other, more, comm });
            entry.submit(flag);
            counter::add(Counter::Submitted, 1);
        }
        None => counter::add(Counter::LostOther, 1),
    }
}

/// Submits a record that is built in place by `fill`, because it is too large for the stack;
/// `false` when the ring buffer is full.
#[inline(always)]
pub fn in_place<T: 'static>(fill: impl FnOnce(*mut T)) -> bool {
    match EVENTS.reserve::<T>(0) {
        Some(mut entry) => {
            fill(entry.as_mut_ptr());
            entry.submit(wake_flag());
            counter::add(Counter::Submitted, 1);
            true
        }
        None => {
            counter::add(Counter::LostOther, 1);
            false
        }
    }
}

/// A header of the current process and thread.
#[inline(always)]
pub fn header(kind: Kind, (tgid, tid): (u32, u32)) -> Header {
    // SAFETY: no arguments.
    let time = unsafe { aya_ebpf::helpers::generated::bpf_ktime_get_ns() };
    Header { kind: kind as u32, tgid, tid, captured: 0, time }
}
