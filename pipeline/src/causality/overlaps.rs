//! When a process had several requests to serve at once.

use rustc_hash::FxHashMap;

use crate::connection::ConnectionId;

/// Connections with an open request, and processes, that are remembered; beyond, the table starts over, and requests are
/// taken to overlap from the beginning on.
const MOST: usize = 64 * 1024;

#[derive(Debug, Default)]
struct Process {
    open: u32,
    /// When the last of several requests came, or the first of them was answered: nanoseconds.
    overlapped: u64,
}

/// Requests that are open, by process.
#[derive(Debug, Default)]
pub(crate) struct Overlaps {
    open: FxHashMap<ConnectionId, u32>,
    processes: FxHashMap<u32, Process>,
    /// Something was forgotten.
    is_unsure: bool,
}

impl Overlaps {
    /// A process received bytes of a request.
    pub(crate) fn begins(&mut self, process: u32, on: ConnectionId, now: u64) {
        if self.open.len() >= MOST || self.processes.len() >= MOST {
            (self.open, self.processes, self.is_unsure) = Default::default();
            self.is_unsure = true;
        }
        let before = self.open.insert(on, process);
        if let Some(other) = before.filter(|&other| other != process)
            && let Some(other) = self.processes.get_mut(&other)
        {
            other.open = other.open.saturating_sub(1);
        }
        let is_new = before != Some(process);
        let process = self.processes.entry(process).or_default();
        process.open += u32::from(is_new);
        if process.open > 1 {
            process.overlapped = now;
        }
    }

    /// An answer was begun, or the connection is over.
    pub(crate) fn ends(&mut self, on: ConnectionId, now: u64) {
        let Some(process) = self.open.remove(&on) else { return };
        let Some(process) = self.processes.get_mut(&process) else { return };
        if process.open > 1 {
            process.overlapped = now;
        }
        process.open = process.open.saturating_sub(1);
    }

    /// Whether a process had several requests open at once at that time, or later.
    pub(crate) fn since(&self, process: u32, start: u64) -> bool {
        let of = self.processes.get(&process);
        self.is_unsure || of.is_some_and(|of| of.open > 1 || of.overlapped >= start)
    }

    /// A process ended.
    pub(crate) fn forget(&mut self, process: u32) {
        self.processes.remove(&process);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_overlap_from_the_second_to_the_first_answer() {
        let mut overlaps = Overlaps::default();
        overlaps.begins(7, ConnectionId(1), 10);
        overlaps.begins(7, ConnectionId(1), 11);
        overlaps.begins(8, ConnectionId(3), 12);
        assert!(!overlaps.since(7, 1));
        overlaps.begins(7, ConnectionId(2), 20);
        assert!(overlaps.since(7, 25));
        overlaps.ends(ConnectionId(1), 30);
        assert!(overlaps.since(7, 30) && !overlaps.since(7, 31));
        overlaps.ends(ConnectionId(2), 40);
        overlaps.begins(7, ConnectionId(1), 50);
        assert!(!overlaps.since(7, 31) && !overlaps.since(8, 1));
    }

    /// A parent has accepted what its child serves.
    #[test]
    fn a_request_that_another_process_goes_on_reading_is_that_ones() {
        let mut overlaps = Overlaps::default();
        overlaps.begins(7, ConnectionId(1), 10);
        overlaps.begins(8, ConnectionId(1), 20);
        overlaps.begins(7, ConnectionId(2), 30);
        assert!(!overlaps.since(7, 1) && !overlaps.since(8, 1));
        overlaps.begins(8, ConnectionId(3), 40);
        assert!(overlaps.since(8, 40));
    }
}
