//! When a process had several requests to serve at once.

use rustc_hash::FxHashMap;

/// Processes that are remembered; beyond, the table starts over, and requests are taken to overlap from the
/// beginning on.
const MOST: usize = 64 * 1024;

/// Which process has a request of a connection open; kept with the connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct OpenIn(Option<u32>);

#[derive(Debug, Default)]
struct Process {
    open: u32,
    /// When the last of several requests came, or the first of them was answered: nanoseconds.
    overlapped: u64,
}

/// Requests that are open, by process.
#[derive(Debug, Default)]
pub(crate) struct Overlaps {
    processes: FxHashMap<u32, Process>,
    /// Something was forgotten.
    is_unsure: bool,
}

impl Overlaps {
    /// A process received bytes of a request on a connection.
    pub(crate) fn begins(&mut self, on: &mut OpenIn, process: u32, now: u64) {
        if *on != OpenIn(Some(process)) {
            // Somebody else may have read the beginning.
            self.ends(on, now);
            if self.processes.len() >= MOST {
                self.processes.clear();
                self.is_unsure = true;
            }
            *on = OpenIn(Some(process));
            self.processes.entry(process).or_default().open += 1;
        }
        if let Some(process) = self.processes.get_mut(&process).filter(|it| it.open > 1) {
            process.overlapped = now;
        }
    }

    /// An answer was begun, or the connection is over.
    pub(crate) fn ends(&mut self, on: &mut OpenIn, now: u64) {
        let Some(process) = on.0.take() else { return };
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
        let [mut one, mut two, mut three] = [OpenIn::default(); 3];
        overlaps.begins(&mut one, 7, 10);
        overlaps.begins(&mut one, 7, 11);
        overlaps.begins(&mut three, 8, 12);
        assert!(!overlaps.since(7, 1));
        overlaps.begins(&mut two, 7, 20);
        assert!(overlaps.since(7, 25));
        overlaps.ends(&mut one, 30);
        assert!(overlaps.since(7, 30) && !overlaps.since(7, 31));
        overlaps.ends(&mut two, 40);
        overlaps.begins(&mut one, 7, 50);
        assert!(!overlaps.since(7, 31) && !overlaps.since(8, 1));
    }

    /// A parent has accepted what its child serves.
    #[test]
    fn a_request_that_another_process_goes_on_reading_is_that_ones() {
        let mut overlaps = Overlaps::default();
        let [mut one, mut two, mut three] = [OpenIn::default(); 3];
        overlaps.begins(&mut one, 7, 10);
        overlaps.begins(&mut one, 8, 20);
        overlaps.begins(&mut two, 7, 30);
        assert!(!overlaps.since(7, 1) && !overlaps.since(8, 1));
        overlaps.begins(&mut three, 8, 40);
        assert!(overlaps.since(8, 40));
    }
}
