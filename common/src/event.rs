//! Records of the ring buffer. Each starts with a [`Header`]; [`Kind`] tells what follows.

/// What a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Kind {
    /// [`Data`], then `captured` bytes of payload.
    Data = 1,
    /// [`Socket`]: a socket was seen for the first time.
    Socket = 2,
    /// [`SocketEnd`]: a TCP socket reached the state CLOSE.
    SocketEnd = 3,
    /// [`Process`]: a process executed a program.
    Exec = 4,
    /// [`Process`]: the last thread of a process ended.
    Exit = 5,
    /// [`Process`]: a target forked; `other` is the parent.
    Fork = 6,
    /// [`Process`]: a process listens; `other` is the TCP port.
    Listen = 7,
    /// [`Process`]: a thread of a target ended.
    ThreadExit = 8,
    /// [`ConnectFailure`]: a target's connect came to nothing.
    ConnectFailure = 9,
}

/// What every record starts with.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct Header {
    /// A [`Kind`].
    pub kind: u32,
    /// Thread group id (the process), in the initial pid namespace.
    pub tgid: u32,
    /// Thread id, in the initial pid namespace.
    pub tid: u32,
    /// Bytes of the record after the fixed part, for [`Kind::Data`]; else zero.
    pub captured: u32,
    /// `bpf_ktime_get_ns` (CLOCK_MONOTONIC): for data, when the call returned.
    pub time: u64,
}

/// A run of bytes on a socket. For TCP `position` is a sequence number (32 bits); for other
/// sockets it counts from the moment the kernel programs first saw the socket: bytes on Unix
/// streams, datagrams on UDP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Place {
    /// Address of the kernel's `struct sock`; zero for "none".
    pub socket: u64,
    /// Position of the first byte.
    pub position: u64,
    /// Inode number of the socket, which tells apart sockets that had the same address.
    pub inode: u32,
    /// How many bytes, saturated.
    pub length: u32,
}

impl Place {
    /// Takes another's fields, one by one: in kernel programs an assignment of the whole may
    /// become a loop over its bytes.
    #[inline(always)]
    pub const fn set(&mut self, other: &Self) {
        self.socket = other.socket;
        self.position = other.position;
        self.inode = other.inode;
        self.length = other.length;
    }
}

/// Bytes went through a socket.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct Data {
    /// Kind, process, thread, return time, captured bytes.
    pub header: Header,
    /// When the call began, in the same clock.
    pub start: u64,
    /// Which bytes: the whole call, of which this record may hold a part.
    pub place: Place,
    /// Where in the call this record's captured bytes start.
    pub offset: u32,
    /// A [`direction`].
    pub direction: u8,
    /// A [`call`].
    pub call: u8,
    /// A set of [`flag`]s.
    pub flags: u16,
    /// The logical task (thread id where nothing better is known).
    pub task: u64,
    /// The last bytes this task received on a server-side socket before the call.
    pub cause: Place,
    /// The last bytes this task received on any socket before the call.
    pub resumed: Place,
}

/// Length of what stands before each piece of a record with [`flag::SPARSE`], in bytes.
pub const PIECE_HEAD: usize = 8;

/// Values of [`Data::direction`].
pub mod direction {
    /// Received by the process.
    pub const IN: u8 = 0;
    /// Sent by the process.
    pub const OUT: u8 = 1;
}

/// Values of [`Data::call`]: which system call it was.
pub mod call {
    /// No call in flight.
    pub const NONE: u8 = 0;
    /// read(2)
    pub const READ: u8 = 1;
    /// write(2)
    pub const WRITE: u8 = 2;
    /// readv(2)
    pub const READV: u8 = 3;
    /// writev(2)
    pub const WRITEV: u8 = 4;
    /// recvfrom(2), recv(2)
    pub const RECVFROM: u8 = 5;
    /// sendto(2), send(2)
    pub const SENDTO: u8 = 6;
    /// recvmsg(2)
    pub const RECVMSG: u8 = 7;
    /// sendmsg(2)
    pub const SENDMSG: u8 = 8;
    /// recvmmsg(2)
    pub const RECVMMSG: u8 = 9;
    /// sendmmsg(2)
    pub const SENDMMSG: u8 = 10;
    /// sendfile(2)
    pub const SENDFILE: u8 = 11;
    /// splice(2)
    pub const SPLICE: u8 = 12;
    /// connect(2), of which no data is told.
    pub const CONNECT: u8 = 13;
}

/// Bits of [`Data::flags`].
pub mod flag {
    /// More records of the same call follow.
    pub const MORE: u16 = 1;
    /// A read of zero bytes: the peer sends nothing more.
    pub const END: u16 = 2;
    /// One datagram, not a part of a stream.
    pub const DATAGRAM: u16 = 4;
    /// `cause` was inherited from the thread or process that started this one.
    pub const INHERITED: u16 = 8;
    /// The payload could not be read (a fault), so less was captured than wanted.
    pub const FAULT: u16 = 16;
    /// The task has waited for events of many files (`epoll_wait`) since it last answered a request, and
    /// then read one: it is an event loop. A thread that waits so for answers of its own alone is none.
    pub const POLLS: u16 = 32;
    /// It has waited so since it last received anything: if it is an event loop, the handler of those
    /// bytes has returned.
    pub const WAITED: u16 = 64;
    /// The payload is not a run of bytes but pieces of the call, each after a [`PIECE_HEAD`](super::PIECE_HEAD):
    /// how many bytes before it were not captured (32 bits), how many there are (32 bits). What is
    /// behind the last piece, up to the next record or the end of the call, was not captured either.
    pub const SPARSE: u16 = 128;
    /// Of an [`END`] on a Unix socket: the peer has closed the connection, not its half of it alone.
    pub const CLOSED: u16 = 256;
}

/// A socket, when first seen.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Socket {
    /// Kind, process and thread that used it, time.
    pub header: Header,
    /// Address of the `struct sock`.
    pub socket: u64,
    /// Unix: inode number of the peer's socket; zero if it has none (it was not accepted yet, or
    /// is closed already).
    pub peer_inode: u32,
    /// Of the connecting task, when it connected: [`flag::POLLS`] and [`flag::WAITED`].
    pub opener_flags: u32,
    /// Inode number of the socket.
    pub inode: u32,
    /// Inode number of its network namespace.
    pub netns: u32,
    /// TCP: sequence number of the first byte sent, as `snd_una - bytes_acked` tells it. One less
    /// at the end that opened the connection, where the kernel counts the SYN as a byte.
    pub sent_base: u32,
    /// TCP: sequence number of the first byte received.
    pub received_base: u32,
    /// `AF_INET`, `AF_INET6` or `AF_UNIX`.
    pub family: u16,
    /// `IPPROTO_TCP`, `IPPROTO_UDP`, or 0 on Unix.
    pub protocol: u16,
    /// Local port, host order.
    pub local_port: u16,
    /// Remote port, host order.
    pub remote_port: u16,
    /// Local address; IPv4 in the first four bytes.
    pub local: [u8; 16],
    /// Remote address; IPv4 in the first four bytes.
    pub remote: [u8; 16],
    /// A [`role`].
    pub role: u8,
    /// Why: a [`role_evidence`].
    pub role_evidence: u8,
    /// Bytes of `path` in use.
    pub path_length: u16,
    /// Unix: the bound path of this end or, on a client, of its peer. Abstract names start
    /// with a zero byte.
    pub path: [u8; 108],
    /// Who opened the connection, for a client's socket: the cause of the connecting task.
    pub cause: Place,
    /// The last bytes the connecting task had received on any socket.
    pub resumed: Place,
    /// The connecting task; zero if the connection is older than the agent.
    pub opener: u64,
}

/// Values of [`Socket::role`].
pub mod role {
    /// Nothing tells.
    pub const UNKNOWN: u8 = 0;
    /// This end opened the connection.
    pub const CLIENT: u8 = 1;
    /// This end accepted it.
    pub const SERVER: u8 = 2;
}

/// Values of [`Socket::role_evidence`].
pub mod role_evidence {
    /// There is none.
    pub const NONE: u8 = 0;
    /// The connect was seen.
    pub const CONNECT: u8 = 1;
    /// The local port is one that the network namespace listens on.
    pub const LISTENER: u8 = 2;
    /// Nobody listens on the local port.
    pub const NO_LISTENER: u8 = 3;
    /// A Unix socket that carries (or lacks) the bound name of a listener.
    pub const BOUND_NAME: u8 = 4;
}

/// A TCP socket's end.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct SocketEnd {
    /// Kind and time; process and thread are whoever ran, which may be unrelated.
    pub header: Header,
    /// Address of the `struct sock`.
    pub socket: u64,
    /// Inode number of the socket.
    pub inode: u32,
    /// `sk_err`: `ECONNRESET`, `EPIPE`, `ETIMEDOUT`, or zero.
    pub error: u32,
}

/// A connection that a target wanted and did not get: a TCP socket went from SYN_SENT to CLOSE, or
/// connect(2) on a stream socket failed at once.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct ConnectFailure {
    /// Kind, process and thread that wanted it, time.
    pub header: Header,
    /// The errno; zero if the process closed the socket before there was an answer.
    pub error: u32,
    /// `AF_INET`, `AF_INET6` or `AF_UNIX`.
    pub family: u16,
    /// Remote port, host order.
    pub remote_port: u16,
    /// Remote address; IPv4 in the first four bytes.
    pub remote: [u8; 16],
    /// Bytes of `path` in use.
    pub path_length: u32,
    /// Unix: the path. Abstract names start with a zero byte.
    pub path: [u8; 108],
}

/// Something about a process.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct Process {
    /// Kind, process, thread, time.
    pub header: Header,
    /// By kind: the parent's tgid, the port, or zero.
    pub other: u32,
    /// By kind: network namespace inode (listen), or zero.
    pub more: u32,
    /// The kernel's short name of the thread that ran.
    pub comm: [u8; 16],
}

const _: () = {
    assert!(size_of::<Header>() == 24);
    assert!(size_of::<Data>() == 120);
    assert!(size_of::<Socket>() == 264);
    assert!(size_of::<ConnectFailure>() == 160);
};
