//! Whether a thread waits as an event loop does.
//!
//! Who waits with epoll for what it serves is one. poll(2) and select(2) are called by everybody: a
//! client with a time limit before each call, a thread that serves one connection and would be woken by
//! a pipe as well. A loop waits for its listener along with its connections; so only such a wait counts,
//! and not if the thread goes on to accept: prefork workers select, accept and serve.

use aya_ebpf::programs::TracePointContext;
use onlooker_common::event::flag;
use onlooker_common::map::Offset;

use crate::capture::argument;
use crate::kernel::{field, read_user};
use crate::socket::{self, Found};
use crate::task::{self, TaskState};

/// Files of a set that are looked at: listeners are among the first that a program opens.
const MOST_LOOKED_AT: u64 = 8;
/// `struct pollfd`: the descriptor, then events wanted and had.
const POLLFD_SIZE: u64 = 8;
/// `include/net/tcp_states.h`; a Unix socket that listens has it too.
const TCP_LISTEN: u8 = 10;

const WAITED: u64 = flag::WAITED as u64;
const POLLS: u64 = flag::POLLS as u64;
/// The thread has waited for events of many files since it last answered a request. If it reads a request
/// next, with or without answers to its own calls in between, it is an event loop. Not told: above the
/// bits of [`flag`](onlooker_common::event::flag).
const LOOKED: u64 = 1 << 16;
/// … and the last wait was for a set that was given with the call.
const SET: u64 = 1 << 17;

/// epoll_wait(2) is over. Known from the end of the wait, so that it holds for a thread that was waiting when
/// the programs were attached. A loop that had nothing to wait for has looked nevertheless, and may go
/// on with anything.
#[inline(always)]
pub fn epoll() {
    if let Some(task) = current() {
        task.waits = (task.waits | WAITED | LOOKED) & !SET;
    }
}

/// The current thread, if it is a target's.
#[inline(always)]
fn current() -> Option<&'static mut TaskState> {
    let (tgid, tid) = task::current();
    // The process first: most that wait are nobody's target, and find that out by one look-up.
    if task::is_target(tgid) { task::state(tid) } else { None }
}

/// poll(2) or ppoll(2) begins: an array of `struct pollfd` and its length.
#[inline(always)]
pub fn poll(context: &TracePointContext) {
    let (set, count) = (argument(context, 0), argument(context, 1));
    if count < 2 {
        return;
    }
    let Some(task) = current() else { return };
    if task.waits & POLLS != 0 {
        return waits(task);
    }
    for n in 0..MOST_LOOKED_AT {
        if n >= count {
            return;
        }
        let fd: u32 = read_user(set.wrapping_add(n * POLLFD_SIZE)).unwrap_or(u32::MAX);
        if listens(fd) {
            return waits(task);
        }
    }
}

/// select(2) or pselect6(2) begins: the highest descriptor and one, and the set of those to be read.
#[inline(always)]
pub fn select(context: &TracePointContext) {
    let (end, set) = (argument(context, 0), argument(context, 1));
    if set == 0 || end == 0 {
        return;
    }
    let Some(task) = current() else { return };
    let mut wanted: u64 = read_user(set).unwrap_or(0);
    if end < 64 {
        wanted &= (1 << end) - 1;
    }
    // One among the first 64 and none beyond: a client's.
    if end <= 64 && wanted & wanted.wrapping_sub(1) == 0 {
        return;
    }
    if task.waits & POLLS != 0 {
        return waits(task);
    }
    for _ in 0..MOST_LOOKED_AT {
        if wanted == 0 {
            return;
        }
        let lowest = wanted & wanted.wrapping_neg();
        wanted &= wanted - 1;
        if listens((lowest - 1).count_ones()) {
            return waits(task);
        }
    }
}

#[inline(always)]
fn waits(task: &mut TaskState) {
    task.waits |= WAITED | LOOKED | SET;
}

/// A function apart: it is called for each of several files.
#[inline(never)]
fn listens(fd: u32) -> bool {
    match socket::by_fd(u64::from(fd)) {
        Found::Socket(socket) => field::<u8>(socket.sock, Offset::SockState) == TCP_LISTEN,
        _ => false,
    }
}

/// accept(2) begins.
#[inline(always)]
pub fn accept() {
    if let Some(task) = task::existing(task::current().1)
        && task.waits & (SET | POLLS) == SET
    {
        task.waits &= !(SET | WAITED | LOOKED);
    }
}

/// Bytes were received; `asked` says that this task serves who sent them.
#[inline(always)]
pub fn received(task: &mut TaskState, asked: bool) {
    if task.waits & LOOKED != 0 && asked {
        task.waits |= POLLS;
    }
    task.waits &= !WAITED;
}

/// The task answers whom it serves.
#[inline(always)]
pub fn answered(task: &mut TaskState) {
    task.waits &= !(LOOKED | SET);
}
