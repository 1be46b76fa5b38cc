//! Processes that were found to be no targets, whose last records are on their way.

use std::collections::HashSet;

/// Remembers them until their records have been taken. Not for longer: the kernel tells nothing further of
/// them, not that they end either, and their ids come again.
#[derive(Debug, Default)]
pub(super) struct Rejected {
    /// Since the ring buffer was last found empty.
    lately: HashSet<u32>,
    /// Before that: whoever was sending a record when it was rejected has sent it by the next time.
    before: HashSet<u32>,
}

impl Rejected {
    pub(super) fn insert(&mut self, pid: u32) {
        self.lately.insert(pid);
    }

    /// It is a target after all, or another process has its id.
    pub(super) fn remove(&mut self, pid: u32) {
        self.lately.remove(&pid);
        self.before.remove(&pid);
    }

    pub(super) fn contains(&self, pid: u32) -> bool {
        self.lately.contains(&pid) || self.before.contains(&pid)
    }

    /// All records that were in the ring buffer have been taken.
    pub(super) fn all_taken(&mut self) {
        std::mem::swap(&mut self.before, &mut self.lately);
        self.lately.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::Rejected;

    #[test]
    fn they_are_remembered_until_the_ring_was_empty_twice() {
        let mut rejected = Rejected::default();
        rejected.insert(7);
        rejected.all_taken();
        assert!(rejected.contains(7));
        rejected.insert(8);
        rejected.all_taken();
        assert!(!rejected.contains(7) && rejected.contains(8));
        rejected.remove(8);
        assert!(!rejected.contains(8));
    }
}
