//! A segment that waits for its turn.

use onlooker_protocol::Side;

use super::{Flags, Segment};

/// What is kept of it: ports are the connection's.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) side: Side,
    sequence: u32,
    pub(super) acknowledgement: u32,
    pub(super) flags: Flags,
    pub(super) payload: Vec<u8>,
    missing: u64,
    /// When it was captured, in nanoseconds.
    pub(super) time: u64,
}

impl Held {
    pub(super) fn new(side: Side, segment: &Segment<'_>, time: u64) -> Self {
        Self {
            side,
            sequence: segment.sequence,
            acknowledgement: segment.acknowledgement,
            flags: segment.flags,
            payload: segment.payload.to_vec(),
            missing: segment.missing,
            time,
        }
    }

    /// The segment itself, without its ports.
    pub(super) fn segment(&self) -> Segment<'_> {
        Segment {
            source_port: 0,
            destination_port: 0,
            sequence: self.sequence,
            acknowledgement: self.acknowledgement,
            flags: self.flags,
            payload: &self.payload,
            missing: self.missing,
        }
    }
}
