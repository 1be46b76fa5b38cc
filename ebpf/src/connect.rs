//! Connects that come to nothing: no byte will tell of them.
//!
//! What becomes of a TCP connect once its SYN is out is told by the socket's state, whenever and in
//! whosever context that is. A connect that fails before (no route, no free port), and any on a Unix
//! socket, is told by what connect(2) returns.

use aya_ebpf::helpers::generated::bpf_probe_read_user;
use aya_ebpf::programs::TracePointContext;
use onlooker_common::event::{ConnectFailure, Kind, call, direction, role_evidence};
use onlooker_common::map::Offset;

use crate::capture::argument;
use crate::kernel::{field, field_to, read_user};
use crate::map::SOCKETS;
use crate::socket::{self, AF_INET, AF_INET6, AF_UNIX, Found};
use crate::task::{self, Flight, TaskState};
use crate::{connection, emit, vector};

/// In `struct sockaddr_in` and `sockaddr_in6`, behind the 16-bit family; `sockaddr_un` has its path
/// there.
const SOCKADDR_PORT: u64 = 2;
const SOCKADDR_IN_ADDRESS: u64 = 4;
const SOCKADDR_IN6_ADDRESS: u64 = 8;
const SOCKADDR_UN_PATH: u64 = 2;
const PATH_MOST: u64 = 108;
/// `SS_CONNECTING` of `include/uapi/linux/net.h`.
const SS_CONNECTING: u32 = 2;

/// connect(2) begins. One that only asks what became of an earlier one is none.
#[inline(always)]
pub fn enter(context: &TracePointContext) {
    let (tgid, tid) = task::current();
    if !task::is_target(tgid) {
        return;
    }
    let Found::Socket(socket) = socket::by_fd(argument(context, 0)) else { return };
    if socket.datagram || is_connecting(socket.sock) {
        return;
    }
    let Some(task) = task::state(tid) else { return };
    task.flight = Flight {
        socket: socket.sock,
        start: 0,
        // The socket's state does not tell.
        position: 0,
        buffer: argument(context, 1),
        count: argument(context, 2),
        inode: socket.inode,
        call: call::CONNECT,
        // Not outwards: nothing is sent within.
        direction: direction::IN,
        datagram: 0,
        unix: u8::from(socket.unix),
    };
}

#[inline(always)]
fn is_connecting(sock: u64) -> bool {
    let socket: u64 = field(sock, Offset::SockSocket);
    field::<u32>(socket, Offset::SocketState) == SS_CONNECTING
}

/// A TCP socket goes to SYN_SENT in the task's connect: what follows is told by its state.
#[inline(always)]
pub fn began(task: &mut TaskState) {
    if task.flight.call == call::CONNECT {
        task.flight.position = 1;
    }
}

/// connect(2) returns.
#[inline(always)]
pub fn exit(context: &TracePointContext) {
    let who = task::current();
    let Some(task) = task::existing(who.1) else { return };
    if task.flight.call != call::CONNECT {
        return;
    }
    task.flight.call = call::NONE;
    let error = (argument(context, 0) as i64).wrapping_neg();
    if error == 0 && task.flight.unix != 0 {
        connection::unix_connected(who, task);
    }
    if error > 0 && task.flight.position == 0 && is_failure(error) {
        returned(who, &task.flight, error as u32);
    }
}

/// Not that it goes on, that it was over before, or that the program asked for nonsense.
#[inline(always)]
fn is_failure(error: i64) -> bool {
    const EINTR: i64 = 4;
    const EFAULT: i64 = 14;
    const EINVAL: i64 = 22;
    const EISCONN: i64 = 106;
    const EALREADY: i64 = 114;
    const EINPROGRESS: i64 = 115;
    // The kernel's own words for "to be restarted".
    const ERESTARTSYS: i64 = 512;
    !matches!(error, EINTR | EFAULT | EINVAL | EISCONN | EALREADY | EINPROGRESS)
        && error < ERESTARTSYS
}

/// Tells of a connect that failed at once, by the address that was asked for.
#[inline(never)]
fn returned(who: (u32, u32), flight: &Flight, error: u32) -> bool {
    let address = flight.buffer;
    let family: u16 = read_user(address).unwrap_or(0);
    tell(who, error, |record| {
        // SAFETY: `record` is the ring buffer's reservation for exactly this type, and all of it
        // was written before.
        unsafe {
            (*record).family = family;
            if family == AF_UNIX {
                let most = flight.count.saturating_sub(SOCKADDR_UN_PATH);
                let length = vector::opaque(if most > PATH_MOST { PATH_MOST } else { most });
                if length == 0 || length > PATH_MOST {
                    return;
                }
                let to = (&raw mut (*record).path).cast();
                let from = address.wrapping_add(SOCKADDR_UN_PATH) as *const _;
                if bpf_probe_read_user(to, length as u32, from) == 0 {
                    (*record).path_length = length as u32;
                }
                return;
            }
            let port = read_user(address.wrapping_add(SOCKADDR_PORT));
            (*record).remote_port = u16::from_be(port.unwrap_or(0));
            let to = (&raw mut (*record).remote).cast();
            let (at, length) = match family {
                AF_INET => (SOCKADDR_IN_ADDRESS, 4),
                AF_INET6 => (SOCKADDR_IN6_ADDRESS, 16),
                _ => return,
            };
            bpf_probe_read_user(to, length, address.wrapping_add(at) as *const _);
        }
    })
}

/// A TCP socket went from SYN_SENT to CLOSE; its state is still there.
#[inline(never)]
pub fn failed(sock: u64) -> bool {
    let Some(state) = SOCKETS.get_ptr(sock) else { return false };
    // SAFETY: a live map value.
    let (evidence, process, opener) =
        unsafe { ((*state).role_evidence, (*state).opener_process, (*state).opener) };
    if evidence != role_evidence::CONNECT {
        return false;
    }
    let error: u32 = field(sock, Offset::SockErr);
    // It got no further than this, and connect(2) is about to say why.
    if error == 0
        && let Some(task) = task::existing(task::current().1)
        && task.flight.call == call::CONNECT
        && task.flight.socket == sock
    {
        task.flight.position = 0;
        return false;
    }
    tell((process, opener), error, |record| {
        // SAFETY: as above.
        unsafe {
            (*record).family = field(sock, Offset::SockFamily);
            (*record).remote_port = u16::from_be(field(sock, Offset::SockDport));
            if (*record).family == AF_INET {
                field_to((&raw mut (*record).remote).cast::<u32>(), sock, Offset::SockDaddr);
            } else {
                field_to(&raw mut (*record).remote, sock, Offset::SockV6Daddr);
            }
        }
    })
}

/// Submits the record that `fill` completes.
#[inline(always)]
fn tell(who: (u32, u32), error: u32, fill: impl FnOnce(*mut ConnectFailure)) -> bool {
    emit::in_place::<ConnectFailure>(|record| {
        // SAFETY: `record` is the ring buffer's reservation for exactly this type.
        unsafe {
            (*record).header = emit::header(Kind::ConnectFailure, who);
            (*record).error = error;
            (*record).family = 0;
            (*record).remote_port = 0;
            (*record).remote = [0; 16];
            (*record).path_length = 0;
            (*record).path = [0; 108];
        }
        fill(record);
    })
}
