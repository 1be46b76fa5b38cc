//! Chunks that are kept for later.

use onlooker_protocol::{Chunk, Moment, Side};

/// A chunk with bytes of its own.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) side: Side,
    pub(super) first: Moment,
    pub(super) bytes: Vec<u8>,
    missing: u64,
    datagram: bool,
}

impl From<&Chunk<'_>> for Kept {
    fn from(chunk: &Chunk<'_>) -> Self {
        let Chunk { side, first, bytes, missing, datagram } = *chunk;
        Self { side, first, bytes: bytes.to_vec(), missing, datagram }
    }
}

impl Kept {
    /// The chunk as it came.
    pub(super) fn chunk(&self) -> Chunk<'_> {
        let Self { side, first, ref bytes, missing, datagram } = *self;
        Chunk { side, first, bytes, missing, datagram }
    }
}
