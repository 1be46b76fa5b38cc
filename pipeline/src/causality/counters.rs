//! How many spans came by their parents which way, and how many did not.

/// How spans came by their parents, and why others have none.
#[derive(Clone, Copy, Debug, Default)]
pub struct LinkCounters {
    /// Parents by evidence: context, same call, same task, lineage, segment.
    pub by_evidence: [u64; 5],
    /// Roots: nothing pointed to a parent.
    pub roots: u64,
    /// Calls without a parent because the thread serves several requests at once.
    pub multiplexed: u64,
    /// … because a scheduler of the language's own moves requests between threads (Go, Erlang).
    pub scheduled: u64,
    /// … because the thread is an event loop that had waited for other events meanwhile.
    pub waited: u64,
    /// … because the request was handed to another thread.
    pub handed_off: u64,
    /// … because the thread belongs to a pool.
    pub pool: u64,
    /// … because what the task had served was over.
    pub over: u64,
    /// Servers' exchanges whose other end is known but brought no exchange in time.
    pub peer_missing: u64,
    /// Calls whose cause did not end in time.
    pub cause_missing: u64,
    /// Calls whose cause turned out not to be told: its request, or its answer, was lost or not
    /// understood.
    pub cause_lost: u64,
    /// Exchanges settled early because too many waited.
    pub overflow: u64,
}
