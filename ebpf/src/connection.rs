//! The life of a socket: first sight, role, end. What never began is in [`connect`](crate::connect).

use aya_ebpf::programs::RawTracePointContext;
use onlooker_common::counter::Counter;
use onlooker_common::event::{self, Kind, SocketEnd, direction, role, role_evidence};
use onlooker_common::map::{Listener, Offset, Target, target};

use crate::kernel::{field, field_to};
use crate::map::{LISTENERS, POLICIES, PORT_RULES, SOCKETS, TARGETS};
use crate::socket::{self, AF_INET, IPPROTO_TCP, IPPROTO_UDP, Socket, SocketState};
use crate::task::NO_PLACE;
use crate::{connect, counter, emit, policy, task};

/// TCP states, from `include/net/tcp_states.h`.
const TCP_ESTABLISHED: u64 = 1;
const TCP_SYN_SENT: u64 = 2;
const TCP_CLOSE: u64 = 7;
const TCP_LISTEN: u64 = 10;
const PATH_MOST: u32 = 108;

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

/// Submits the socket's record; `false` if there was no room, to be tried again.
#[inline(never)]
fn announce(socket: &Socket, state: &mut SocketState, who: (u32, u32)) -> bool {
    emit::in_place::<event::Socket>(|record| {
        // SAFETY: `record` is the ring buffer's reservation for exactly this type, and every
        // field is written here or in the two functions below.
        unsafe {
            (*record).header = emit::header(Kind::Socket, who);
            (*record).socket = socket.sock;
            (*record).peer_inode = 0;
            (*record).opener_flags = u32::from(state.opener_flags);
            (*record).inode = socket.inode;
            (*record).netns = 0;
            (*record).sent_base = 0;
            (*record).received_base = 0;
            (*record).protocol = 0;
            (*record).local_port = 0;
            (*record).remote_port = 0;
            (*record).local = [0; 16];
            (*record).remote = [0; 16];
            (*record).path_length = 0;
            (*record).path = [0; 108];
            (*record).cause = state.cause;
            (*record).resumed = state.resumed;
            (*record).opener = u64::from(state.opener);
            field_to(&raw mut (*record).family, socket.sock, Offset::SockFamily);
            if socket.unix {
                unix(socket.sock, state, record);
            } else {
                internet(socket, state, record);
            }
            (*record).role = state.role;
            (*record).role_evidence = state.role_evidence;
        }
    })
}

/// # Safety
///
/// `record` is valid for writes.
#[inline(always)]
unsafe fn internet(socket: &Socket, state: &mut SocketState, record: *mut event::Socket) {
    let sock = socket.sock;
    let net: u64 = field(sock, Offset::SockNet);
    let netns: u32 = field(net, Offset::NetNsInum);
    let port = local_port(sock);
    // SAFETY: the caller's promise.
    unsafe {
        (*record).netns = netns;
        (*record).protocol = if socket.datagram { IPPROTO_UDP } else { IPPROTO_TCP };
        (*record).local_port = port;
        (*record).remote_port = u16::from_be(field(sock, Offset::SockDport));
        if field::<u16>(sock, Offset::SockFamily) == AF_INET {
            field_to((&raw mut (*record).local).cast::<u32>(), sock, Offset::SockRcvSaddr);
            field_to((&raw mut (*record).remote).cast::<u32>(), sock, Offset::SockDaddr);
        } else {
            field_to(&raw mut (*record).local, sock, Offset::SockV6RcvSaddr);
            field_to(&raw mut (*record).remote, sock, Offset::SockV6Daddr);
        }
    }
    if socket.datagram {
        return;
    }
    // SAFETY: the caller's promise.
    unsafe {
        ((*record).sent_base, (*record).received_base) = if state.established == 0 {
            bases(sock)
        } else {
            (state.sent_base, state.received_base)
        };
    }
    if state.role == role::UNKNOWN {
        let listener = Listener { netns, port: u32::from(port) };
        (state.role, state.role_evidence) = if LISTENERS.get_ptr(listener).is_some() {
            (role::SERVER, role_evidence::LISTENER)
        } else {
            (role::CLIENT, role_evidence::NO_LISTENER)
        };
    }
}

/// A connection that is over has given its port back, but for the copy in network order.
#[inline(always)]
fn local_port(sock: u64) -> u16 {
    match field(sock, Offset::SockNum) {
        0 => u16::from_be(field(sock, Offset::InetSport)),
        port => port,
    }
}

/// The sequence numbers at which both directions began, sent and received.
#[inline(always)]
fn bases(sock: u64) -> (u32, u32) {
    (
        base(sock, Offset::TcpSndUna, Offset::TcpBytesAcked),
        base(sock, Offset::TcpRcvNxt, Offset::TcpBytesReceived),
    )
}

/// The sequence number at which a direction began: the next or first unacknowledged one less the bytes that
/// have passed. Softirq may be moving the two on another CPU, and the first store is seen well before the
/// second when their cache lines are in use here, so a value counts when it was read three times in a
/// row.
#[inline(always)]
fn base(sock: u64, sequence: Offset, bytes: Offset) -> u32 {
    let (mut result, mut agreed) = (0, 0);
    for _ in 0..9 {
        let passed: u64 = field(sock, bytes);
        let next = field::<u32>(sock, sequence).wrapping_sub(passed as u32);
        agreed = if next == result { agreed + 1 } else { 1 };
        result = next;
        if agreed == 3 {
            break;
        }
    }
    result
}

/// # Safety
///
/// `record` is valid for writes.
#[inline(always)]
unsafe fn unix(sock: u64, state: &mut SocketState, record: *mut event::Socket) {
    let peer: u64 = field(sock, Offset::UnixPeer);
    let mut address: u64 = field(sock, Offset::UnixAddr);
    state.role = role::SERVER;
    state.role_evidence = role_evidence::BOUND_NAME;
    if address == 0 {
        state.role = role::CLIENT;
        address = field(peer, Offset::UnixAddr);
    }
    let inode = socket::inode_of(peer);
    // SAFETY: the caller's promise.
    unsafe { (*record).peer_inode = inode };
    if address == 0 {
        // socketpair(2): neither end has a name.
        state.role = role::UNKNOWN;
        state.role_evidence = role_evidence::NONE;
        return;
    }
    let length: u32 = field(address, Offset::UnixAddressLen);
    // The name is a sockaddr_un, whose path follows the 16-bit family.
    let name = address.wrapping_add(2);
    // SAFETY: the caller's promise.
    unsafe {
        (*record).path_length = length.saturating_sub(2).min(PATH_MOST) as u16;
        field_to(&raw mut (*record).path, name, Offset::UnixAddressName);
    }
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
    state.role = role::CLIENT;
    state.role_evidence = role_evidence::CONNECT;
    state.opener = tid;
    state.opener_process = tgid;
    if let Some(task) = task::existing(tid) {
        connect::began(task);
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
}
