//! What is told of a socket when it is first used: its addresses, which end it is, and where its bytes begin.

use onlooker_common::event::{self, Kind, role, role_evidence};
use onlooker_common::map::{Listener, Offset};

use crate::emit;
use crate::kernel::{field, field_to};
use crate::map::{LISTENERS, SOCKETS};
use crate::socket::{self, AF_INET, IPPROTO_TCP, IPPROTO_UDP, Socket, SocketState};

const PATH_MOST: u32 = 108;

/// Submits the socket's record; `false` if there was no room, to be tried again.
#[inline(never)]
pub fn announce(socket: &Socket, state: &mut SocketState, who: (u32, u32)) -> bool {
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
pub fn bases(sock: u64) -> (u32, u32) {
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
    let (own, others) = (field(sock, Offset::UnixAddr), field(peer, Offset::UnixAddr));
    let inode = socket::inode_of(peer);
    // SAFETY: the caller's promise.
    unsafe { (*record).peer_inode = inode };
    let address: u64;
    (state.role, state.role_evidence, address) = if state.role_evidence == role_evidence::CONNECT {
        (role::CLIENT, role_evidence::CONNECT, others)
    } else if own == 0 && others != 0 {
        (role::CLIENT, role_evidence::BOUND_NAME, others)
    } else if own != 0 && (others == 0 || has_connected(peer, inode)) {
        (role::SERVER, role_evidence::BOUND_NAME, own)
    } else {
        // socketpair(2): neither end has a name. Or both have one.
        (role::UNKNOWN, role_evidence::NONE, 0)
    };
    if address == 0 {
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

/// Whether a Unix socket is known to have connected.
#[inline(always)]
fn has_connected(sock: u64, inode: u32) -> bool {
    // SAFETY: a live map value.
    SOCKETS.get_ptr(sock).is_some_and(|state| unsafe {
        (*state).inode == inode && (*state).role_evidence == role_evidence::CONNECT
    })
}
