//! Where: from a file descriptor to the sock behind it, and the position in its streams.

use aya_ebpf::helpers::generated::bpf_get_current_task;
use onlooker_common::event::direction;
use onlooker_common::map::Offset;

use crate::kernel::{field, read};
use crate::map::SOCKETS;
use crate::policy::Remembered;

const S_IFMT: u16 = 0o170_000;
const S_IFSOCK: u16 = 0o140_000;
const SOCK_STREAM: u16 = 1;
const SOCK_DGRAM: u16 = 2;
pub const AF_UNIX: u16 = 1;
pub const AF_INET: u16 = 2;
pub const AF_INET6: u16 = 10;
pub const IPPROTO_TCP: u16 = 6;
pub const IPPROTO_UDP: u16 = 17;

/// What the programs remember of a socket. What each call needs comes first: in the kernel's hash tables it is the
/// cache line behind the key's.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct SocketState {
    /// Bytes (datagrams) sent since first seen; Unix and UDP.
    pub sent: u64,
    /// Bytes (datagrams) received since first seen; Unix and UDP.
    pub received: u64,
    /// Bytes of the current turn so far.
    pub turn: u64,
    pub inode: u32,
    /// Direction of the current turn, plus one; zero before the first.
    pub turning: u8,
    pub role: u8,
    pub role_evidence: u8,
    /// The socket record has been submitted.
    pub announced: u8,
    /// Non-zero: a TCP socket, whose end is always heard of, so that `inode` holds until then.
    pub tcp: u8,
    /// Of [`flag::POLLS`](onlooker_common::event::flag) and `WAITED`: of the task that connected.
    pub opener_flags: u8,
    /// Non-zero: the two bases below were read when the connection was established.
    pub established: u8,
    /// Whose frames are followed: a bit for each direction.
    pub followed: u8,
    /// Non-zero: the connection is over, and its process may still read what had come by then.
    pub over: u8,
    /// Why it is over (errno).
    pub error: u8,
    /// TCP: both ports, which tell a later socket at the same address apart if its predecessor's
    /// end was missed (the kernel does not run a program inside itself).
    pub ports: u32,
    pub wanted_received: Remembered,
    pub wanted_sent: Remembered,
    /// Sequence numbers at which the directions began, of a connect(2) that was seen.
    pub sent_base: u32,
    pub received_base: u32,
    /// The thread that connected, and its process.
    pub opener: u32,
    pub opener_process: u32,
    /// The cause of that thread, and what it last received.
    pub cause: onlooker_common::event::Place,
    pub resumed: onlooker_common::event::Place,
}

/// A socket that is captured: TCP, UDP, or a Unix stream.
#[derive(Clone, Copy)]
pub struct Socket {
    pub sock: u64,
    pub inode: u32,
    pub unix: bool,
    pub datagram: bool,
}

/// What a file descriptor is.
pub enum Found {
    Socket(Socket),
    /// A socket of another family or type.
    Other,
    NoSocket,
}

/// Follows current → files → fdt → fd[n] → file → socket → sock.
#[inline(always)]
pub fn by_fd(fd: u64) -> Found {
    // SAFETY: no arguments; the pointer is only given to probe reads.
    let task = unsafe { bpf_get_current_task() };
    let files: u64 = field(task, Offset::TaskFiles);
    let table: u64 = field(files, Offset::FilesFdt);
    let most: u32 = field(table, Offset::FdtableMaxFds);
    let fd = fd as u32;
    if fd >= most {
        return Found::NoSocket;
    }
    let array: u64 = field(table, Offset::FdtableFd);
    let file: u64 = read(array.wrapping_add(u64::from(fd) * 8));
    let inode: u64 = field(file, Offset::FileInode);
    let mode: u16 = field(inode, Offset::InodeMode);
    if mode & S_IFMT != S_IFSOCK {
        return Found::NoSocket;
    }
    let number: u64 = field(inode, Offset::InodeIno);
    let socket: u64 = field(file, Offset::FilePrivateData);
    let sock: u64 = field(socket, Offset::SocketSk);
    if sock == 0 {
        return Found::NoSocket;
    }
    kind_of(sock, socket, number as u32)
}

#[inline(always)]
fn kind_of(sock: u64, socket: u64, inode: u32) -> Found {
    let family: u16 = field(sock, Offset::SockFamily);
    let kind: u16 = field(socket, Offset::SocketType);
    let unix = family == AF_UNIX;
    let datagram = kind == SOCK_DGRAM;
    if unix {
        if kind != SOCK_STREAM {
            return Found::Other;
        }
    } else {
        if family != AF_INET && family != AF_INET6 {
            return Found::Other;
        }
        // A raw socket has the number of a protocol, too.
        match (field::<u16>(sock, Offset::SockProtocol), kind) {
            (IPPROTO_TCP, SOCK_STREAM) | (IPPROTO_UDP, SOCK_DGRAM) => {}
            _ => return Found::Other,
        }
    }
    Found::Socket(Socket { sock, inode, unix, datagram })
}

/// A TCP socket that has been announced, by its sock, with its state.
#[inline(always)]
pub fn announced(sock: u64) -> Option<(Socket, &'static mut SocketState)> {
    // SAFETY: as in `state`.
    let state = unsafe { &mut *SOCKETS.get_ptr_mut(sock)? };
    let inode = state.inode;
    if state.tcp == 0 || inode == 0 || state.ports != ports_of(sock) {
        return None;
    }
    Some((Socket { sock, inode, unix: false, datagram: false }, state))
}

/// The socket that a sock belongs to; none for the kernel's own.
#[inline(always)]
pub fn by_sock(sock: u64) -> Found {
    let inode = inode_of(sock);
    if inode == 0 {
        return Found::NoSocket;
    }
    kind_of(sock, field(sock, Offset::SockSocket), inode)
}

/// Remote and local port, which lie side by side (`skc_portpair`).
#[inline(always)]
pub fn ports_of(sock: u64) -> u32 {
    field(sock, Offset::SockDport)
}

/// Inode number of the socket that a sock belongs to; zero if it has none: it is the kernel's own,
/// not accepted yet, or closed.
#[inline(always)]
pub fn inode_of(sock: u64) -> u32 {
    let socket: u64 = if sock == 0 { 0 } else { field(sock, Offset::SockSocket) };
    let file: u64 = if socket == 0 { 0 } else { field(socket, Offset::SocketFile) };
    if file == 0 {
        return 0;
    }
    let inode: u64 = field(file, Offset::FileInode);
    field::<u64>(inode, Offset::InodeIno) as u32
}

/// The state of a socket, if it has one that is not an earlier socket's.
#[inline(always)]
pub fn state(sock: u64, inode: u32) -> Option<&'static mut SocketState> {
    // SAFETY: map values live as long as the map; races between threads on one socket can
    // miscount a turn, never touch other memory.
    let state = unsafe { &mut *SOCKETS.get_ptr_mut(sock)? };
    // A connecting client is noted before its socket's inode is known.
    if state.inode == 0 {
        state.inode = inode;
    }
    if state.inode == inode { Some(state) } else { None }
}

/// The position of the next byte: a sequence number for TCP, a count for others.
#[inline(always)]
pub fn position(socket: &Socket, towards: u8) -> u64 {
    if socket.unix || socket.datagram {
        return match state(socket.sock, socket.inode) {
            Some(state) if towards == direction::OUT => state.sent,
            Some(state) => state.received,
            None => 0,
        };
    }
    let of = if towards == direction::OUT { Offset::TcpWriteSeq } else { Offset::TcpCopiedSeq };
    u64::from(field::<u32>(socket.sock, of))
}

/// What the end of the stream (FIN) adds to `copied_seq`, which `position` is: the kernel counts it
/// in the receive that takes the last bytes, if it has come by then. Not by `sk_shutdown`, which a reset
/// sets as well.
#[inline(always)]
pub fn end_counted(socket: &Socket, position: u32) -> u32 {
    // Bit 1 of `enum sock_flags` (include/net/sock.h), which for TCP a FIN alone sets.
    const SOCK_DONE: u64 = 1 << 1;
    let flags: u64 = field(socket.sock, Offset::SockFlags);
    if flags & SOCK_DONE == 0 {
        return 0;
    }
    let next: u32 = field(socket.sock, Offset::TcpRcvNxt);
    u32::from(position == next)
}
