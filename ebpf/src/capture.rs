//! Socket calls: what is noted when they begin and reported when they return.

use aya_ebpf::EbpfContext as _;
use aya_ebpf::helpers::generated::bpf_ktime_get_ns;
use aya_ebpf::programs::{RawTracePointContext, TracePointContext};
use onlooker_common::counter::Counter;
use onlooker_common::event::{call, direction};

use crate::kernel::loaded;
use crate::report::report;
use crate::socket::{Found, Socket};
use crate::system_call::SystemCall;
use crate::task::{Flight, TaskState};
use crate::vector::Source;
use crate::{connection, counter, globals, kernel, socket, system_call, task};

const MSG_OOB: u64 = 0x1;
const MSG_PEEK: u64 = 0x2;
const MSG_TRUNC: u64 = 0x20;
const MSG_ERRQUEUE: u64 = 0x2000;
/// `struct mmsghdr` (64 bytes): a msghdr, then its length at 56.
const MMSGHDR_SIZE: u64 = 64;
const MMSGHDR_LENGTH: u64 = 56;
/// In `struct msghdr`: the iovec array at 16 and its length at 24.
const MSGHDR_IOV: u64 = 16;
/// Messages of one recvmmsg or sendmmsg that are told of before 6.3.
const MOST_MESSAGES: u64 = 4;

/// An argument of the system call (`sys_enter_*`: eight bytes each from offset 16).
#[inline(always)]
pub fn argument(context: &TracePointContext, n: usize) -> u64 {
    // SAFETY: tracepoint contexts of sys_enter hold six arguments, of sys_exit one.
    unsafe { context.as_ptr().cast::<u64>().add(2 + n).read() }
}

/// A call begins.
#[inline(always)]
pub fn enter(context: &TracePointContext, which: u8) {
    let (tgid, tid) = task::current();
    if !task::is_target(tgid) {
        return;
    }
    if globals::lengths() != 0 && which != call::SPLICE {
        return note(context, which, tid);
    }
    let flags = match which {
        call::RECVFROM | call::RECVMMSG => argument(context, 3),
        call::RECVMSG => argument(context, 2),
        _ => 0,
    };
    if flags & (MSG_PEEK | MSG_ERRQUEUE | MSG_OOB) != 0 {
        return;
    }
    let mut towards = towards(which);
    let found = if which == call::SPLICE {
        match socket::by_fd(argument(context, 2)) {
            Found::NoSocket => {
                towards = direction::IN;
                socket::by_fd(argument(context, 0))
            }
            found => found,
        }
    } else {
        socket::by_fd(argument(context, 0))
    };
    let socket = match found {
        Found::Socket(socket) => socket,
        Found::Other => return counter::add(Counter::OtherSockets, 1),
        Found::NoSocket => return,
    };
    let Some(task) = task::state(tid) else { return };
    let buffer = if is_discarded(&socket, flags) { 0 } else { argument(context, 1) };
    task.flight = Flight {
        socket: socket.sock,
        // SAFETY: no arguments.
        start: unsafe { bpf_ktime_get_ns() },
        position: socket::position(&socket, towards),
        buffer,
        count: argument(context, 2),
        inode: socket.inode,
        call: which,
        direction: towards,
        datagram: u8::from(socket.datagram),
        unix: u8::from(socket.unix),
    };
}

/// Whether what is received goes nowhere: TCP leaves the buffer as it is (tcp(7)). Of a datagram the flag asks for the
/// whole length, however little there is room for.
#[inline(always)]
fn is_discarded(socket: &Socket, flags: u64) -> bool {
    flags & MSG_TRUNC != 0 && !socket.unix && !socket.datagram
}

/// Which way a call moves bytes, if its first descriptor is the socket.
#[inline(always)]
fn towards(which: u8) -> u8 {
    match which {
        call::READ | call::READV | call::RECVFROM | call::RECVMSG | call::RECVMMSG => direction::IN,
        _ => direction::OUT,
    }
}

/// Notes where a call's bytes are, whatever its descriptor: [`moved`] tells if it was a socket.
#[inline(always)]
fn note(context: &TracePointContext, which: u8, tid: u32) {
    let Some(task) = task::state(tid) else { return };
    let (buffer, count) = (argument(context, 1), argument(context, 2));
    begin(&mut task.flight, SystemCall { which, buffer, count }, towards(which));
}

/// Bytes were sent: `sock_send_length(struct sock *sk, int ret, int flags)`, inside the call.
///
/// It is one program run less than a pair of enter and exit, and the sock is given: no descriptor
/// has to be followed. The position is that after the call, less what it moved. Where the bytes are stands in
/// the task's registers; what was noted when the call began tells when that was, if it was seen.
#[inline(always)]
pub fn sent(context: &RawTracePointContext) {
    let who = task::current();
    if !task::is_target(who.0) {
        return;
    }
    let Some(call) = system_call::sending() else { return };
    let Some(task) = task::state(who.1) else { return };
    let flight = &mut task.flight;
    if flight.call != call.which || flight.buffer != call.buffer {
        begin(flight, call, direction::OUT);
    }
    moved(context, who, task);
    // What was noted is for this call alone. (Not by what is known: as below.)
    if !matches!(loaded(&task.flight.call), call::SENDMMSG | call::SENDFILE) {
        task.flight.call = call::NONE;
    }
}

/// Bytes were received: `sock_recv_length(struct sock *sk, int ret, int flags)`, inside the call.
///
/// When a receive began tells nothing, so it has no enter program (but recvmmsg, whose messages are counted). A
/// thread that was already waiting when the programs were attached is understood that way too.
#[inline(always)]
pub fn received(context: &RawTracePointContext) {
    let who = task::current();
    if !task::is_target(who.0) {
        return;
    }
    let Some(call) = system_call::receiving() else { return };
    let Some(task) = task::state(who.1) else { return };
    let flight = &mut task.flight;
    let goes_on = call.which == call::RECVMMSG
        && flight.call == call::RECVMMSG
        && flight.buffer == call.buffer;
    let message_at = if goes_on { flight.position } else { 0 };
    begin(flight, call, direction::IN);
    flight.position = message_at;
    moved(context, who, task);
    // Not by what is known: the verifier would walk all that is between for each call anew.
    if loaded(&task.flight.call) != call::RECVMMSG {
        task.flight.call = call::NONE;
    }
}

/// A call begins, or would have been seen to.
#[inline(always)]
fn begin(flight: &mut Flight, call: SystemCall, towards: u8) {
    // SAFETY: no arguments.
    flight.start = unsafe { bpf_ktime_get_ns() };
    // Which of several messages comes next.
    flight.position = 0;
    flight.buffer = call.buffer;
    flight.count = call.count;
    flight.call = call.which;
    flight.direction = towards;
}

#[inline(always)]
fn moved(context: &RawTracePointContext, who: (u32, u32), task: &mut TaskState) {
    let returned = i64::from(context.arg::<i32>(1));
    let flags = u64::from(context.arg::<u32>(2));
    if returned < 0 || flags & (MSG_PEEK | MSG_ERRQUEUE | MSG_OOB) != 0 {
        return;
    }
    let sock = context.arg(0);
    let (socket, state) = match socket::announced(sock) {
        Some(announced) => announced,
        None => {
            let socket = match socket::by_sock(sock) {
                Found::Socket(socket) => socket,
                Found::Other => return counter::add(Counter::OtherSockets, 1),
                Found::NoSocket => return,
            };
            match connection::known(&socket, who, task.flight.direction, returned as u64) {
                Some(state) => (socket, state),
                None => return,
            }
        }
    };
    let flight = &mut task.flight;
    flight.socket = socket.sock;
    flight.inode = socket.inode;
    flight.unix = u8::from(socket.unix);
    flight.datagram = u8::from(socket.datagram);
    let mut position = socket::position(&socket, flight.direction);
    if !socket.unix && !socket.datagram {
        let mut passed = returned as u32;
        if flight.direction == direction::IN {
            passed = passed.wrapping_add(socket::end_counted(&socket, position as u32));
        }
        position = u64::from((position as u32).wrapping_sub(passed));
    }
    let source = match loaded(&flight.call) {
        call::RECVMMSG | call::SENDMMSG => {
            let message_at = flight.position;
            flight.position = message_at + 1;
            message(flight.buffer.wrapping_add((message_at & 0xffff) * MMSGHDR_SIZE))
        }
        call::RECVMSG | call::SENDMSG => message(flight.buffer),
        call::READV | call::WRITEV => Source::Vector(flight.buffer, flight.count),
        call::SENDFILE => Source::Nowhere,
        _ => {
            if returned == 0 && flight.count == 0 {
                return;
            }
            Source::Buffer(flight.buffer, flight.count)
        }
    };
    let source = if is_discarded(&socket, flags) { Source::Nowhere } else { source };
    report::<true>(who, task, state, position, returned as u64, source);
}

/// A call returns.
#[inline(always)]
pub fn exit(context: &TracePointContext, which: u8) {
    let who = task::current();
    let Some(task) = task::existing(who.1) else { return };
    if task.flight.call != which {
        return;
    }
    let returned = argument(context, 0) as i64;
    if returned >= 0 {
        finished(who, task, which, returned as u64);
    }
    task.flight.call = call::NONE;
}

#[inline(always)]
fn finished(who: (u32, u32), task: &mut TaskState, which: u8, returned: u64) {
    let socket = Socket {
        sock: task.flight.socket,
        inode: task.flight.inode,
        unix: task.flight.unix != 0,
        datagram: task.flight.datagram != 0,
    };
    let direction = task.flight.direction;
    let Some(state) = connection::known(&socket, who, direction, returned) else { return };
    let (buffer, count) = (task.flight.buffer, task.flight.count);
    let mut position = task.flight.position;
    if position == 0 && direction == direction::OUT && !socket.unix && !socket.datagram {
        // It was not connected when the call began (TCP Fast Open).
        let behind = socket::position(&socket, direction) as u32;
        position = u64::from(behind.wrapping_sub(returned as u32));
    }
    match which {
        call::RECVMMSG | call::SENDMMSG => {
            let mut at = position;
            for n in 0..MOST_MESSAGES {
                if n >= returned {
                    break;
                }
                let header = buffer + n * MMSGHDR_SIZE;
                let length = kernel::read_user::<u32>(header + MMSGHDR_LENGTH).unwrap_or(0);
                let source = one_of_many(message(header));
                report::<false>(who, task, state, at, u64::from(length), source);
                at += if socket.datagram { 1 } else { u64::from(length) };
            }
            counter::add(Counter::LostData, returned.saturating_sub(MOST_MESSAGES));
        }
        call::RECVMSG | call::SENDMSG => {
            report::<true>(who, task, state, position, returned, message(buffer));
        }
        call::READV | call::WRITEV => {
            report::<true>(who, task, state, position, returned, Source::Vector(buffer, count));
        }
        call::SENDFILE | call::SPLICE => {
            report::<true>(who, task, state, position, returned, Source::Nowhere);
        }
        _ => {
            // A read into no room returns zero too, and says nothing of the stream.
            if returned == 0 && count == 0 {
                return;
            }
            report::<true>(who, task, state, position, returned, Source::Buffer(buffer, count));
        }
    }
}

#[inline(always)]
fn message(header: u64) -> Source {
    match kernel::read_user::<[u64; 2]>(header + MSGHDR_IOV) {
        Some([vector, count]) => Source::Vector(vector, count),
        None => Source::Nowhere,
    }
}

#[inline(always)]
fn one_of_many(message: Source) -> Source {
    match message {
        Source::Vector(vector, count) => Source::Message(vector, count),
        other => other,
    }
}
