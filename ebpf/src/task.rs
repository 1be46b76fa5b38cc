//! Who: the state of a logical task, which is a thread here.

use aya_ebpf::helpers::bpf_get_current_pid_tgid;
use onlooker_common::counter::Counter;
use onlooker_common::event::{Place, call};
use onlooker_common::map::target;

use crate::map::{TARGETS, TASKS};
use crate::{counter, globals};

/// The socket call that a thread is in.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Flight {
    /// Address of the sock.
    pub socket: u64,
    /// When the call began.
    pub start: u64,
    /// Position before the call.
    pub position: u64,
    /// The call's buffer, iovec, msghdr or mmsghdr.
    pub buffer: u64,
    /// Its length or count.
    pub count: u64,
    pub inode: u32,
    pub call: u8,
    pub direction: u8,
    pub datagram: u8,
    pub unix: u8,
}

/// A thread of a target.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct TaskState {
    pub flight: Flight,
    /// The last bytes received on a server-side socket.
    pub cause: Place,
    /// The last bytes received on any socket.
    pub resumed: Place,
    /// Non-zero: `cause` was inherited from the thread that started this one.
    pub inherited: u64,
    /// Of `flag::POLLS` and `flag::WAITED` (see [`waiting`](crate::waiting)), and above 16 bits what
    /// is not told.
    pub waits: u64,
}

pub const NO_PLACE: Place = Place { socket: 0, position: 0, inode: 0, length: 0 };

const IDLE: TaskState = TaskState {
    flight: Flight {
        socket: 0,
        start: 0,
        position: 0,
        buffer: 0,
        count: 0,
        inode: 0,
        call: call::NONE,
        direction: 0,
        datagram: 0,
        unix: 0,
    },
    cause: NO_PLACE,
    resumed: NO_PLACE,
    inherited: 0,
    waits: 0,
};

/// The current process and thread: (tgid, tid).
#[inline(always)]
pub fn current() -> (u32, u32) {
    let both = bpf_get_current_pid_tgid();
    ((both >> 32) as u32, both as u32)
}

/// Whether a process is captured: one look-up for those that are not.
#[inline(always)]
pub fn is_target(tgid: u32) -> bool {
    match TARGETS.get_ptr(tgid) {
        // SAFETY: a live map value, read once.
        Some(target) => unsafe { (*target).flags & target::EXCLUDED == 0 },
        None => globals::all() != 0 && tgid != globals::agent(),
    }
}

/// The state of a thread, if it has one.
#[inline(always)]
pub fn existing(tid: u32) -> Option<&'static mut TaskState> {
    // SAFETY: map values live as long as the map; a thread's entry is written by itself alone
    // (and by its parent, before it runs).
    TASKS.get_ptr_mut(tid).map(|state| unsafe { &mut *state })
}

/// The state of a thread, made if it has none; `None` (and counted) when the table is full.
#[inline(always)]
pub fn state(tid: u32) -> Option<&'static mut TaskState> {
    if let Some(state) = existing(tid) {
        return Some(state);
    }
    begin(tid);
    existing(tid)
}

/// Adds a thread. A function apart, so that the value is on no other's stack.
#[inline(never)]
fn begin(tid: u32) -> u64 {
    if TASKS.insert(tid, IDLE, 0).is_err() {
        counter::add(Counter::TasksFull, 1);
    }
    0
}

/// Gives a thread or process that just started the cause of the one that started it.
#[inline(always)]
pub fn inherit(parent: u32, child: u32) {
    let Some(parent) = existing(parent) else { return };
    if parent.cause.socket == 0 {
        return;
    }
    let state = TaskState { cause: parent.cause, inherited: 1, ..IDLE };
    if TASKS.insert(child, state, 0).is_err() {
        counter::add(Counter::TasksFull, 1);
    }
}
