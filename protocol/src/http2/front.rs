//! The front of a body, for the API behind HTTP ([`crate::http::Api`]).

/// The first bytes of a body, without a gap, if they are wanted.
#[derive(Debug, Default)]
pub(super) struct Front {
    bytes: Option<Vec<u8>>,
    /// The most that is kept, in bytes.
    limit: usize,
    open: bool,
}

impl Front {
    /// Takes what comes from here on, up to so many bytes.
    pub(super) fn open(&mut self, limit: usize) {
        self.open = limit > 0;
        self.limit = limit;
        self.bytes = Some(Vec::new());
    }

    /// Whether the next bytes are of use.
    pub(super) const fn is_open(&self) -> bool {
        self.open
    }

    pub(super) fn take(&mut self, bytes: &[u8]) {
        if self.open
            && let Some(front) = &mut self.bytes
        {
            let room = self.limit.saturating_sub(front.len());
            front.extend_from_slice(&bytes[..bytes.len().min(room)]);
            self.open = front.len() < self.limit;
        }
    }

    /// What comes behind a gap is no front.
    pub(super) fn skip(&mut self, n: u64) {
        self.open &= n == 0;
    }

    /// What was taken, once, and if it was wanted.
    pub(super) fn close(&mut self) -> Option<Vec<u8>> {
        self.open = false;
        self.bytes.take()
    }
}
