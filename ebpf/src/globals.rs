//! What the agent sets before the programs are loaded.

use onlooker_common::map::{Globals, Offset};

/// Set by the agent; the map behind it is frozen, so the verifier knows every value.
#[unsafe(no_mangle)]
static GLOBALS: Globals = Globals::ZERO;

macro_rules! global {
    ($($(#[$doc:meta])* $name:ident),*) => {$(
        $(#[$doc])*
        #[inline(always)]
        pub fn $name() -> u32 {
            // SAFETY: a read of an initialised static; volatile, because its value is not the one
            // that was compiled in.
            unsafe { core::ptr::read_volatile(&raw const GLOBALS.$name) }
        }
    )*};
}

global! {
    /// The agent's tgid.
    agent,
    /// Whether every process is a target.
    all,
    /// Whether programs that start are captured until user space has decided.
    discover,
    /// Bytes of each received turn to copy without a policy.
    default_received,
    /// Bytes of each sent turn to copy without a policy.
    default_sent,
    /// Ring buffer fill at which the reader is woken.
    wake_at,
    /// Whether the kernel tells of every send and receive (`sock_send_length`, 6.3).
    lengths
}

/// The offset of a field of a kernel struct.
#[inline(always)]
pub fn offset(of: Offset) -> u64 {
    // SAFETY: as above; `Offset` is below `Count` by construction.
    u64::from(unsafe { core::ptr::read_volatile(&raw const GLOBALS.offsets[of as usize]) })
}
