//! Why the kernel programs gave something up (map `COUNTERS`, an array for each CPU).

/// A reason, which is also an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Counter {
    /// Records that were submitted.
    Submitted,
    /// Data records that found the ring buffer full.
    LostData,
    /// Payload bytes in those.
    LostBytes,
    /// Other records that found the ring buffer full.
    LostOther,
    /// Calls whose payload could not be read.
    Faults,
    /// Sockets that found the table of sockets full.
    SocketsFull,
    /// Threads that found the table of tasks full.
    TasksFull,
    /// Processes that found the table of targets full.
    TargetsFull,
    /// Calls on muted connections.
    Muted,
    /// Calls on sockets of families and types that are not captured.
    OtherSockets,
    /// Payload bytes that passed beyond the capture policy.
    Beyond,
    /// Runs of programs that would have interrupted themselves. The kernel counts these itself, not in
    /// the map: the agent reads them elsewhere.
    SkippedRuns,
    /// How many there are.
    Count,
}

impl Counter {
    /// All reasons, in order.
    pub const ALL: [Self; Self::Count as usize] = [
        Self::Submitted,
        Self::LostData,
        Self::LostBytes,
        Self::LostOther,
        Self::Faults,
        Self::SocketsFull,
        Self::TasksFull,
        Self::TargetsFull,
        Self::Muted,
        Self::OtherSockets,
        Self::Beyond,
        Self::SkippedRuns,
    ];

    /// The name in summaries and JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Submitted => "events_submitted",
            Self::LostData => "events_lost_ring_full",
            Self::LostBytes => "bytes_lost_ring_full",
            Self::LostOther => "control_events_lost_ring_full",
            Self::Faults => "payload_faults",
            Self::SocketsFull => "sockets_table_full",
            Self::TasksFull => "tasks_table_full",
            Self::TargetsFull => "targets_table_full",
            Self::Muted => "calls_on_muted_connections",
            Self::OtherSockets => "calls_on_other_sockets",
            Self::Beyond => "bytes_beyond_capture_policy",
            Self::SkippedRuns => "program_runs_skipped",
            Self::Count => "count",
        }
    }
}
