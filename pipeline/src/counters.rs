//! What became of all that was fed.

use crate::connection::Ordering;

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
    /// Connections on which too little was said to know what is spoken: a request without an answer, mostly.
    pub undecided: u64,
    /// Connections whose bytes are encrypted.
    pub encrypted: u64,
    /// Connections that went on with what is not read: WebSocket, replication, MONITOR, compression.
    pub left_alone: u64,
    /// Connections taken for a protocol and found to be another.
    pub demotions: u64,
    /// Exchanges found.
    pub exchanges: u64,
    /// Spans of exchanges that were not over when the agent stopped looking (`onlooker.open`).
    pub open: u64,
    /// Exchanges of which the conventions make no span.
    pub without_span: u64,
    /// Messages not understood.
    pub not_understood: u64,
    /// Messages that were cut short, by a hole or by the end of their connection, or whose counterpart is not sure.
    pub lost: u64,
    /// Bytes that never came, between records that did.
    pub gap_bytes: u64,
    /// Bytes that came twice or too late.
    pub late_bytes: u64,
    /// Connections forgotten because there were too many.
    pub forgotten: u64,
    /// Connections whose readers were given up, and began afresh, because all together held too much.
    pub started_over: u64,
}

impl PipelineCounters {
    /// Positions are the kernel's word: their sums may be anything.
    pub(crate) fn passed_over(&mut self, ordering: Ordering) {
        self.gap_bytes = self.gap_bytes.saturating_add(ordering.gap);
        self.late_bytes = self.late_bytes.saturating_add(ordering.late);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Found by the fuzz target `events`.
    #[test]
    fn gaps_beyond_all_counting_do_no_harm() {
        let mut counters = PipelineCounters::default();
        for _ in 0..2 {
            counters.passed_over(Ordering { gap: u64::MAX, late: u64::MAX });
        }
        assert_eq!((counters.gap_bytes, counters.late_bytes), (u64::MAX, u64::MAX));
    }
}
