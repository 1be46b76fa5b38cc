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
