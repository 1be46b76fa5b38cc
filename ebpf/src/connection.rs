//! The life of a socket: first sight, connect, end. What never began is in [`connect`](crate::connect).

use aya_ebpf::programs::RawTracePointContext;
use onlooker_common::counter::Counter;
use onlooker_common::event::{Kind, SocketEnd, direction, role, role_evidence};
use onlooker_common::map::{Listener, Offset, Target, target};

use crate::announce::{announce, bases};
use crate::kernel::field;
use crate::map::{LISTENERS, POLICIES, PORT_RULES, SOCKETS, TARGETS};
use crate::socket::{self, Socket, SocketState};
use crate::task::{Flight, NO_PLACE, TaskState};
use crate::{connect, counter, emit, policy, task};

/// TCP states, from `include/net/tcp_states.h`.
const TCP_ESTABLISHED: u64 = 1;
const TCP_SYN_SENT: u64 = 2;
const TCP_CLOSE: u64 = 7;
const TCP_LISTEN: u64 = 10;

/// The state of a socket that a target uses; on first sight it is made and announced. Of a datagram
/// socket the `first` direction seen tells the role: who is asked before it asks serves.
#[inline(always)]
pub fn known(
    socket: &Socket,
    who: (u32, u32),
    first: u8,
    moved: u64,
) -> Option<&'static mut SocketState> {
    let state = match socket::state(socket.sock, socket.inode) {
        Some(state) => state,
        None => {
            let over = is_over(socket);
            // The end of the stream of a connection whose own end has been told.
            if over && moved == 0 {
                return None;
            }
            let state = note(socket.sock, socket.inode)?;
            if over {
                set_over(socket.sock, state);
            }
            state
        }
    };
    if state.announced == 0 && socket.datagram {
        state.role = if first == direction::IN { role::SERVER } else { role::CLIENT };
    }
    if state.announced == 0 && announce(socket, state, who) {
        state.announced = 1;
        state.tcp = u8::from(!socket.unix && !socket.datagram);
        state.ports = socket::ports_of(socket.sock);
    }
    Some(state)
}

#[inline(always)]
fn is_over(socket: &Socket) -> bool {
    let tcp = !socket.unix && !socket.datagram;
    tcp && u64::from(field::<u8>(socket.sock, Offset::SockState)) == TCP_CLOSE
}

const FRESH: SocketState = SocketState {
    sent: 0,
    received: 0,
    turn: 0,
    inode: 0,
    turning: 0,
    role: role::UNKNOWN,
    role_evidence: role_evidence::NONE,
    announced: 0,
    tcp: 0,
    opener_flags: 0,
    established: 0,
    followed: 0,
    over: 0,
    error: 0,
    ports: 0,
    wanted_received: policy::NOTHING,
    wanted_sent: policy::NOTHING,
    sent_base: 0,
    received_base: 0,
    opener: 0,
    opener_process: 0,
    cause: NO_PLACE,
    resumed: NO_PLACE,
};

#[inline(always)]
fn note(sock: u64, inode: u32) -> Option<&'static mut SocketState> {
    begin(sock, inode);
    socket::state(sock, inode)
}

/// Adds a socket. A function apart, so that the value is on no other's stack.
#[inline(never)]
fn begin(sock: u64, inode: u32) -> u64 {
    if SOCKETS.insert(sock, SocketState { inode, ..FRESH }, 0).is_err() {
        counter::add(Counter::SocketsFull, 1);
    }
    0
}

/// A TCP socket changed its state; `inet_sock_set_state(sk, old, new)`.
#[inline(always)]
pub fn state_changed(context: &RawTracePointContext) {
    let sock: u64 = context.arg(0);
    let old = u64::from(context.arg::<u32>(1));
    let new = u64::from(context.arg::<u32>(2));
    if new == TCP_CLOSE {
        if old == TCP_SYN_SENT {
            connect::failed(sock);
        }
        if !lingers(sock) {
            ended(sock);
        }
    } else if new == TCP_LISTEN {
        listening(sock);
    } else if old == TCP_CLOSE && new == TCP_SYN_SENT {
        connecting(sock);
    } else if old == TCP_SYN_SENT && new == TCP_ESTABLISHED {
        established(sock);
    }
}

/// Whether bytes may be read from a connection that has ended: a reset, or a FIN for one that had sent its
/// own, leaves them in the queue, and a call that has taken them may not have returned. Then the end is
/// told when the process has closed the socket, which [`destroyed`] hears of.
#[inline(always)]
fn lingers(sock: u64) -> bool {
    let Some(state) = SOCKETS.get_ptr_mut(sock) else { return false };
    let next: u32 = field(sock, Offset::TcpRcvNxt);
    let read: u32 = field(sock, Offset::TcpCopiedSeq);
    let owned: u32 = field(sock, Offset::SockLockOwned);
    if socket::inode_of(sock) == 0 || (next == read && owned == 0) {
        return false;
    }
    // SAFETY: a live map value, written by whoever holds the socket.
    let state = unsafe { &mut *state };
    set_over(sock, state);
    // The local port has been given back.
    state.ports = socket::ports_of(sock);
    true
}

/// Keeps why a connection is over: the process is told of the error, which clears it.
#[inline(always)]
fn set_over(sock: u64, state: &mut SocketState) {
    state.over = 1;
    state.error = field::<u32>(sock, Offset::SockErr) as u8;
}

/// The kernel lets go of a TCP socket; `tcp_destroy_sock(sk)`.
#[inline(always)]
pub fn destroyed(context: &RawTracePointContext) {
    ended(context.arg(0));
}

#[inline(never)]
fn ended(sock: u64) -> u64 {
    let Some(state) = SOCKETS.get_ptr(sock) else { return 0 };
    // SAFETY: a live map value.
    let (announced, inode, over, why) =
        unsafe { ((*state).announced, (*state).inode, (*state).over, (*state).error) };
    if announced != 0 {
        let error = if over == 0 { field(sock, Offset::SockErr) } else { u32::from(why) };
        let header = emit::header(Kind::SocketEnd, task::current());
        emit::fixed(SocketEnd { header, socket: sock, inode, error });
    }
    let _ = SOCKETS.remove(sock);
    let _ = POLICIES.remove(sock);
    0
}

/// Runs in the process that called listen(2).
#[inline(always)]
fn listening(sock: u64) {
    let net: u64 = field(sock, Offset::SockNet);
    let netns: u32 = field(net, Offset::NetNsInum);
    let port = u32::from(field::<u16>(sock, Offset::SockNum));
    let who = task::current();
    if PORT_RULES.get_ptr(port).is_some() && who.0 != crate::globals::agent() {
        let chosen = Target { flags: target::FOLLOW };
        if TARGETS.insert(who.0, chosen, 0).is_err() {
            counter::add(Counter::TargetsFull, 1);
        }
    }
    let _ = LISTENERS.insert(Listener { netns, port }, 1, 0);
    if task::is_target(who.0) {
        emit::process(emit::header(Kind::Listen, who), port, netns);
    }
}

/// Runs in the task that called connect(2): its cause is the cause of the connection.
#[inline(always)]
fn connecting(sock: u64) {
    let (tgid, tid) = task::current();
    if !task::is_target(tgid) {
        return;
    }
    // A socket that was disconnected is used again.
    ended(sock);
    let Some(state) = note(sock, socket::inode_of(sock)) else { return };
    let mut task = task::existing(tid);
    if let Some(task) = &mut task {
        connect::began(task);
    }
    opened(state, (tgid, tid), task);
}

/// A Unix socket has connected. What has no name of its own is known to be a client's when it is used.
#[inline(always)]
pub fn unix_connected(who: (u32, u32), task: &mut TaskState) {
    let Flight { socket, inode, .. } = task.flight;
    if field::<u64>(socket, Offset::UnixAddr) != 0
        && let Some(state) = note(socket, inode)
    {
        opened(state, who, Some(task));
    }
}

/// Notes that a task has opened the connection.
#[inline(always)]
fn opened(state: &mut SocketState, (tgid, tid): (u32, u32), task: Option<&mut TaskState>) {
    state.role = role::CLIENT;
    state.role_evidence = role_evidence::CONNECT;
    state.opener = tid;
    state.opener_process = tgid;
    if let Some(task) = task {
        state.cause.set(&task.cause);
        state.resumed.set(&task.resumed);
        state.opener_flags = task.waits as u8;
    }
}

/// The peer agreed. Nothing else moves the sequence numbers meanwhile: this runs under the socket's lock.
#[inline(always)]
fn established(sock: u64) {
    let Some(state) = SOCKETS.get_ptr_mut(sock) else { return };
    // SAFETY: a live map value, written by whoever holds the socket.
    let state = unsafe { &mut *state };
    (state.sent_base, state.received_base) = bases(sock);
    state.established = 1;
    // It has sent before (TCP Fast Open): where the peer's bytes begin could not be told then.
    if state.announced != 0 {
        let socket = Socket { sock, inode: state.inode, unix: false, datagram: false };
        announce(&socket, state, (state.opener_process, state.opener));
    }
}
