//! Trace and span ids.

use crate::span::{SpanId, TraceId};

/// W3C flags of a trace that starts here: sampled, and random.
pub(crate) const NEW_TRACE_FLAGS: u8 = 0b11;

/// What identifies a span to its children.
#[derive(Clone, Debug)]
pub(crate) struct Ids {
    pub(crate) trace: TraceId,
    pub(crate) span: SpanId,
    pub(crate) flags: u8,
    pub(crate) state: Option<Box<str>>,
}

/// A source of ids: SplitMix64, seeded by the system's randomness (or fixed, for replay).
#[derive(Debug)]
pub(crate) struct IdSource(u64);

impl IdSource {
    /// A source that gives the same ids for the same seed.
    #[must_use]
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn span(&mut self) -> SpanId {
        SpanId(self.next().max(1).to_be_bytes())
    }

    pub(crate) fn trace(&mut self) -> TraceId {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.next().to_be_bytes());
        bytes[8..].copy_from_slice(&self.next().max(1).to_be_bytes());
        TraceId(bytes)
    }
}
