//! What became of all that was fed.

/// What the pipeline did and what it could not do.
#[derive(Clone, Copy, Debug, Default)]
pub struct PipelineCounters {
    /// Records read.
    pub records: u64,
    /// Records that were no records.
    pub malformed: u64,
    /// Data on sockets whose own record was lost.
    pub strangers: u64,
    /// Connections seen.
    pub connections: u64,
    /// Connections given up because nothing known is spoken on them.
    pub unknown: u64,
    /// Connections whose bytes are encrypted.
    pub encrypted: u64,
    /// Connections taken for a protocol and found to be another.
    pub demotions: u64,
    /// Exchanges found.
    pub exchanges: u64,
    /// Exchanges of which the conventions make no span.
    pub without_span: u64,
    /// Messages not understood.
    pub not_understood: u64,
    /// Messages whose ends were lost in holes.
    pub lost: u64,
    /// Bytes that never came, between records that did.
    pub gap_bytes: u64,
    /// Bytes that came twice or too late.
    pub late_bytes: u64,
    /// Connections forgotten because there were too many.
    pub forgotten: u64,
}
