//! What user space wants of a socket.
//!
//! It stands in a table, but is remembered in the socket's state: connections take turns, so by the time one
//! is used again its entry in a table of 65,536 has left the processor's caches, and looking for it
//! took a fifth of a receive.

use onlooker_common::event::direction;
use onlooker_common::map::{Policy, mode};

use crate::kernel::loaded;
use crate::map::{GENERATION, POLICIES};
use crate::socket::SocketState;
use crate::task::Flight;

/// A policy for one direction of a socket, in one word: two threads that use the socket at once may each write
/// it, never halves of it. From the top: 29 bits of the generation it was looked up in, three of the [`mode`]
/// plus one (zero: none was found), 32 of bytes.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Remembered(u64);

/// What was looked up before user space set its first policy.
pub const NOTHING: Remembered = Remembered(0);

const MODE_SHIFT: u32 = 32;
const GENERATION_SHIFT: u32 = 35;

impl Remembered {
    /// The [`mode`], if the socket has a policy.
    #[inline(always)]
    pub fn mode(self) -> Option<u32> {
        ((self.0 >> MODE_SHIFT) as u32 & 7).checked_sub(1)
    }

    /// Bytes of each turn (of each DATA frame) to copy.
    #[inline(always)]
    pub fn bytes(self) -> u32 {
        self.0 as u32
    }

    #[inline(always)]
    fn is_of(self, generation: u32) -> bool {
        self.0 >> GENERATION_SHIFT == u64::from(generation) & (u64::MAX >> GENERATION_SHIFT)
    }
}

/// The policy for the direction of a call.
#[inline(always)]
pub fn of(state: &mut SocketState, flight: &Flight) -> Remembered {
    // User space counts after it has set what it counts, so a policy that was looked up behind the
    // count is at least as new.
    // SAFETY: a live map value, read once.
    let generation = GENERATION.get_ptr(0).map_or(0, |it| unsafe { it.read_volatile() });
    let place = match flight.direction {
        direction::IN => &mut state.wanted_received,
        _ => &mut state.wanted_sent,
    };
    if !place.is_of(generation) {
        *place = look_up(flight, generation);
    }
    // From where it stands, so that the verifier knows nothing of it, and walks what follows once.
    loaded(place)
}

#[inline(always)]
fn look_up(flight: &Flight, generation: u32) -> Remembered {
    let mut found = u64::from(generation) << GENERATION_SHIFT;
    if let Some(policy) = POLICIES.get_ptr(flight.socket) {
        // SAFETY: a live map value; a torn update is a policy of before or after, until the count says so.
        let Policy { inode, mode, received, sent } = unsafe { *policy };
        if inode == flight.inode && mode <= mode::FRAMES {
            let bytes = if flight.direction == direction::IN { received } else { sent };
            found |= u64::from(mode + 1) << MODE_SHIFT | u64::from(bytes);
        }
    }
    Remembered(found)
}
