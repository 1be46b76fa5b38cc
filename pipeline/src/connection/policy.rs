//! What flows back to the kernel: how much of a connection to copy.

use onlooker_common::event::direction;
use onlooker_common::map::{Policy, mode};
use onlooker_protocol::{Capture, Side};

/// A capture policy for one socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Address of the kernel's sock.
    pub socket: u64,
    /// The policy.
    pub policy: Policy,
}

/// Turns a dissector's wish into received and sent bytes, for the end that is `side`.
pub(crate) fn policy(capture: Capture, side: Side, inode: u32) -> Policy {
    let base = Policy { inode, mode: mode::HEADS, received: 0, sent: 0 };
    match capture {
        Capture::Heads { client, server } => match side {
            Side::Client => Policy { received: server, sent: client, ..base },
            Side::Server => Policy { received: client, sent: server, ..base },
        },
        Capture::Full => Policy { mode: mode::FULL, ..base },
        Capture::Frames { client, server } => {
            let (received, sent) = match side {
                Side::Client => (server, client),
                Side::Server => (client, server),
            };
            Policy { mode: mode::FRAMES, received, sent, ..base }
        }
        Capture::Lengths => base,
        Capture::Mute => Policy { mode: mode::MUTE, ..base },
    }
}

/// Who sent bytes that went this way, at the end that is `side`.
pub(crate) fn sender(towards: u8, side: Side) -> Side {
    if towards == direction::OUT { side } else { side.other() }
}
