//! Keys and values of the maps, and the globals that are set before loading.

/// What the kernel programs know about a target process (map `TARGETS`, keyed by tgid).
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct Target {
    /// A set of [`target`] bits.
    pub flags: u32,
}

/// Processes that can be targets, or excluded, at once.
pub const MOST_TARGETS: u32 = 16_384;
/// Ports that can make whoever listens on them a target.
pub const MOST_PORT_RULES: u32 = 256;

/// Bits of [`Target::flags`].
pub mod target {
    /// Captured while user space makes up its mind.
    pub const UNDECIDED: u32 = 1;
    /// Processes that it forks are targets too.
    pub const FOLLOW: u32 = 2;
    /// Never captured (the agent, or excluded by the user).
    pub const EXCLUDED: u32 = 4;
}

/// How much of a socket's payload to copy (map `POLICIES`, keyed by the address of the sock).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Policy {
    /// The socket's inode: a policy of an earlier socket at the same address does not count.
    pub inode: u32,
    /// A [`mode`].
    pub mode: u32,
    /// Bytes of each turn (of each DATA frame) to copy, received data.
    pub received: u32,
    /// Bytes of each turn (of each DATA frame) to copy, sent data.
    pub sent: u32,
}

/// Values of [`Policy::mode`].
pub mod mode {
    /// The heads of each turn.
    pub const HEADS: u32 = 0;
    /// Everything, up to the cap a call.
    pub const FULL: u32 = 1;
    /// No event but the end of the connection.
    pub const MUTE: u32 = 2;
    /// HTTP/2: everything but, of DATA frames of more than [`SMALL_DATA`](super::SMALL_DATA) bytes, what is behind the first [`Policy::received`](super::Policy)
    /// and [`Policy::sent`](super::Policy) bytes of each. Like [`FULL`] where that cannot be done: before
    /// 5.17, and until the programs know where frames begin.
    pub const FRAMES: u32 = 3;
}

/// A listening port (map `LISTENERS`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(C)]
pub struct Listener {
    /// Inode number of the network namespace.
    pub netns: u32,
    /// The TCP port.
    pub port: u32,
}

/// Which offset is where in [`Globals::offsets`]: fields of kernel structs, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
#[expect(missing_docs, reason = "each is named after the kernel's struct and field")]
pub enum Offset {
    TaskFiles,
    TaskPid,
    TaskTgid,
    TaskSignal,
    SignalLive,
    FilesFdt,
    FdtableFd,
    FdtableMaxFds,
    FileInode,
    FilePrivateData,
    InodeMode,
    InodeIno,
    SocketSk,
    SocketType,
    SocketState,
    SockFamily,
    SockNum,
    SockDport,
    SockRcvSaddr,
    SockDaddr,
    SockV6RcvSaddr,
    SockV6Daddr,
    SockNet,
    SockProtocol,
    SockErr,
    SockFlags,
    SockState,
    SockSocket,
    SockLockOwned,
    SockShutdown,
    SocketFile,
    NetNsInum,
    InetSport,
    TcpRcvNxt,
    TcpCopiedSeq,
    TcpBytesReceived,
    TcpSndUna,
    TcpWriteSeq,
    TcpBytesAcked,
    UnixPeer,
    UnixAddr,
    UnixAddressLen,
    UnixAddressName,
    Count,
}

/// Read-only globals, set before the programs are loaded. The verifier knows their values.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Globals {
    /// Offsets into kernel structs, by [`Offset`].
    pub offsets: [u32; Offset::Count as usize],
    /// The agent's tgid: never captured.
    pub agent: u32,
    /// Non-zero: every process is a target unless `TARGETS` says otherwise.
    pub all: u32,
    /// Non-zero: processes that execute a program are captured, with these [`target`] bits, until
    /// user space has decided.
    pub discover: u32,
    /// Bytes of each turn to copy while a connection has no policy, received data.
    pub default_received: u32,
    /// The same of sent data.
    pub default_sent: u32,
    /// Wake the reader when so many bytes wait in the ring buffer.
    pub wake_at: u32,
    /// Non-zero: the kernel tells of every send and receive (6.3).
    pub lengths: u32,
}

impl Globals {
    /// All zero.
    pub const ZERO: Self = Self {
        offsets: [0; Offset::Count as usize],
        agent: 0,
        all: 0,
        discover: 0,
        default_received: 0,
        default_sent: 0,
        wake_at: 0,
        lengths: 0,
    };
}

/// The longest payload of one record, in bytes: two of them and the fixed part fit the largest
/// value of a per-CPU array (32 KiB).
pub const RECORD_PAYLOAD: usize = 16 * 1024 - 160;
/// Bytes of each DATA frame to copy of a connection that begins as HTTP/2 does, until user space has said
/// anything: of the client's frames and of the server's.
pub const EARLY_DATA: [u32; 2] = [4096, 64];
/// DATA frames of up to so many bytes are copied whole.
pub const SMALL_DATA: u32 = 512;
/// The most records one call is cut into; beyond, only the length is known. (In [`mode::FRAMES`], the most
/// records with payload of DATA frames; there may be as many more.)
pub const CALL_RECORDS: usize = 5;
