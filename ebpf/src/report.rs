//! What is told of a call that has returned: how much of it, and what the task has received or answered
//! by it.

use onlooker_common::counter::Counter;
use onlooker_common::event::{Data, Kind, Place, direction, flag, role};
use onlooker_common::map::{EARLY_DATA, Offset, mode};

use crate::emit::Scratch;
#[cfg(feature = "loops")]
use crate::frames;
use crate::kernel::field;
use crate::socket::SocketState;
use crate::task::{Flight, TaskState};
use crate::vector::Source;
use crate::{counter, emit, globals, policy, vector, waiting};

/// Reports `length` bytes of the task's call, from `position` on, and remembers what it received. Without
/// `FRAMES` it takes less stack, and of HTTP/2 copies what it copies of all.
#[inline(always)]
pub fn report<const FRAMES: bool>(
    who: (u32, u32),
    task: &mut TaskState,
    state: &mut SocketState,
    position: u64,
    length: u64,
    source: Source,
) {
    let flight = &task.flight;
    let inward = flight.direction == direction::IN;
    let datagram = flight.datagram != 0;
    if length == 0 && (!inward || datagram) {
        return;
    }
    let place = Place {
        socket: flight.socket,
        position,
        inode: flight.inode,
        length: if length > u64::from(u32::MAX) { u32::MAX } else { length as u32 },
    };
    if let Some(wanted) = allowance::<FRAMES>(state, flight, length) {
        if let Some(scratch) = emit::scratch() {
            let mut flags = if length == 0 { end_of(flight) } else { 0 };
            if datagram {
                flags |= flag::DATAGRAM;
            }
            if task.inherited != 0 {
                flags |= flag::INHERITED;
            }
            flags |= task.waits as u16;
            // Field by field: put together as one value, it would take a third of the 512 bytes of
            // stack that kernels before 6.13 give all functions of a program.
            // SAFETY: the scratch is this CPU's, and no field is left out.
            unsafe {
                let Data {
                    header,
                    start,
                    place: where_,
                    offset,
                    direction,
                    call,
                    flags: flags_,
                    task: task_,
                    cause,
                    resumed,
                } = &mut (*scratch).data;
                *header = emit::header(Kind::Data, who);
                *start = flight.start;
                *where_ = place;
                *offset = 0;
                *direction = flight.direction;
                *call = flight.call;
                *flags_ = flags;
                *task_ = u64::from(who.1);
                cause.set(&task.cause);
                resumed.set(&task.resumed);
            }
            submit::<FRAMES>(scratch, source, state, flight, position, length, &wanted);
        }
    } else {
        counter::add(Counter::Muted, 1);
    }
    let passed = if datagram { 1 } else { length };
    if inward {
        state.received = state.received.wrapping_add(passed);
        if length > 0 {
            task.resumed = place;
            // Answers are no causes, and neither are the bytes on a socketpair that wake a thread.
            let asked = state.role == role::SERVER;
            waiting::received(task, asked);
            if asked {
                task.cause = place;
                task.inherited = 0;
            }
        }
    } else {
        state.sent = state.sent.wrapping_add(passed);
        if state.role == role::SERVER {
            waiting::answered(task);
        }
    }
}

/// How it is told that nothing more can be read.
#[inline(always)]
fn end_of(flight: &Flight) -> u16 {
    // `SEND_SHUTDOWN` of include/net/sock.h: by the peer's close(2), if not by the process itself
    // (`unix_release_sock` and `unix_shutdown`, net/unix/af_unix.c).
    const SEND_SHUTDOWN: u8 = 2;
    let is_over =
        flight.unix != 0 && field::<u8>(flight.socket, Offset::SockShutdown) & SEND_SHUTDOWN != 0;
    if is_over { flag::END | flag::CLOSED } else { flag::END }
}

/// Copies what is wanted of a call.
#[inline(always)]
#[cfg_attr(
    not(feature = "loops"),
    expect(unused_variables, reason = "following frames takes loops")
)]
fn submit<const FRAMES: bool>(
    scratch: *mut Scratch,
    source: Source,
    state: &mut SocketState,
    flight: &Flight,
    position: u64,
    length: u64,
    wanted: &Wanted,
) {
    #[cfg(feature = "loops")]
    if FRAMES && wanted.data != NO_FRAMES && length > 0 {
        let bit = 1 << flight.direction;
        let key = flight.socket | u64::from(flight.direction);
        if state.followed & bit == 0 {
            let sofar = if flight.direction == direction::IN { state.received } else { state.sent };
            if (sofar == 0 || wanted.are_frames)
                && frames::begin(source, !wanted.are_frames)
                && frames::note(key, position) != 0
            {
                state.followed |= bit;
            }
        }
        if state.followed & bit != 0 {
            vector::place(scratch, source, length);
            match frames::follow(scratch, key, position, wanted.data) {
                frames::result::FOLLOWED => return,
                frames::result::LOST => return state.followed &= !bit,
                _ => state.followed &= !bit,
            }
        }
    }
    vector::submit(scratch, source, wanted.bytes, length);
}

/// What to copy of a call.
#[cfg_attr(not(feature = "loops"), expect(dead_code, reason = "following frames takes loops"))]
struct Wanted {
    /// So many of its bytes.
    bytes: u64,
    /// But if it is known where its frames begin: so many of each DATA frame's, and everything else.
    data: u64,
    /// User space says that there are frames.
    are_frames: bool,
}

/// Whatever the bytes are, they are not to be taken for frames.
const NO_FRAMES: u64 = u64::MAX;

/// How many of `length` bytes to copy; `None` if the connection is muted.
#[inline(always)]
fn allowance<const FRAMES: bool>(
    state: &mut SocketState,
    flight: &Flight,
    length: u64,
) -> Option<Wanted> {
    let turning = flight.direction + 1;
    if state.turning != turning {
        state.turning = turning;
        state.turn = 0;
    }
    let before = state.turn;
    state.turn = before.wrapping_add(length);
    let inward = flight.direction == direction::IN;
    let mut limit = if inward { globals::default_received() } else { globals::default_sent() };
    let of_server = (state.role == role::SERVER) != inward;
    let mut data = u64::from(EARLY_DATA[usize::from(of_server)]);
    let policy = policy::of(state, flight);
    match policy.mode() {
        None => {}
        Some(mode::MUTE) => return None,
        Some(mode::FRAMES) if FRAMES => {
            let data = u64::from(policy.bytes());
            return Some(Wanted { bytes: length, data, are_frames: true });
        }
        Some(mode::FULL | mode::FRAMES) => {
            return Some(Wanted { bytes: length, data: NO_FRAMES, are_frames: false });
        }
        Some(_) => (limit, data) = (policy.bytes(), NO_FRAMES),
    }
    let is_stream = flight.datagram == 0;
    let before = if is_stream { before } else { 0 };
    let bytes = length.min(u64::from(limit).saturating_sub(before));
    Some(Wanted { bytes, data: if is_stream { data } else { NO_FRAMES }, are_frames: false })
}
