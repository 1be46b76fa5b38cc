//! The maps, each with its bound.

use aya_ebpf::macros::map;
use aya_ebpf::maps::{Array, HashMap, LruHashMap, PerCpuArray, RingBuf};
use onlooker_common::counter::Counter;
use onlooker_common::map::{Listener, MOST_PORT_RULES, MOST_TARGETS, Policy, Target};

use crate::emit::Scratch;
use crate::socket::SocketState;
use crate::task::TaskState;

/// `include/uapi/linux/bpf.h`: entries take memory when they are made, not before.
const BPF_F_NO_PREALLOC: u32 = 1;

/// The way to user space. The agent sets the size.
#[map]
pub static EVENTS: RingBuf = RingBuf::with_byte_size(8 * 1024 * 1024, 0);

/// Which processes are captured, by tgid.
#[map]
pub static TARGETS: HashMap<u32, Target> = HashMap::with_max_entries(MOST_TARGETS, 0);

/// Sockets that targets use, by the address of the sock.
#[map]
pub static SOCKETS: HashMap<u64, SocketState> =
    HashMap::with_max_entries(65_536, BPF_F_NO_PREALLOC);

/// What user space wants of a socket, by the address of the sock.
#[map]
pub static POLICIES: LruHashMap<u64, Policy> = LruHashMap::with_max_entries(65_536, 0);

/// One number, which user space changes after it has changed policies.
#[map]
pub static GENERATION: Array<u32> = Array::with_max_entries(1, 0);

/// Threads of targets, by tid.
#[map]
pub static TASKS: HashMap<u32, TaskState> = HashMap::with_max_entries(65_536, BPF_F_NO_PREALLOC);

/// Ports that are listened on: those of targets, and all that anybody has begun to listen on since.
/// Closing one takes nothing out, and a full table forgets its oldest.
#[map]
pub static LISTENERS: LruHashMap<Listener, u32> = LruHashMap::with_max_entries(4_096, 0);

/// Ports that make whoever listens on them a target.
#[map]
pub static PORT_RULES: HashMap<u32, u32> = HashMap::with_max_entries(MOST_PORT_RULES, 0);

/// How far the frames of HTTP/2 connections were followed, by the address of the sock and, in its lowest
/// bit, the direction. Forgotten ones begin anew.
#[cfg(feature = "loops")]
#[map]
pub static FRAMES: LruHashMap<u64, crate::frames::Followed> =
    LruHashMap::with_max_entries(16_384, 0);

/// Losses, by [`Counter`].
#[map]
pub static COUNTERS: PerCpuArray<u64> = PerCpuArray::with_max_entries(Counter::Count as u32, 0);

/// Where data records are put together. One a CPU serves all programs that use it: they run in system calls
/// of tasks, with preemption off, on the way into one, out of it, or where it has sent or received
/// (`sock_send_length` and `sock_recv_length` are told after the socket's work is done). None of these happens
/// inside another, and none in interrupts.
#[map]
pub static SCRATCH: PerCpuArray<Scratch> = PerCpuArray::with_max_entries(1, 0);
