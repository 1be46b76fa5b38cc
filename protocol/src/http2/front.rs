//! The front of a body, for the API behind HTTP ([`crate::http::Api`]).

/// The most that is kept, in bytes.
const LIMIT: usize = 4096;

/// The first bytes of a body, without a gap, if they are wanted.
#[derive(Debug, Default)]
pub(super) struct Front {
    bytes: Option<Vec<u8>>,
    open: bool,
}

impl Front {
    /// Takes what comes from here on.
    pub(super) fn open(&mut self) {
        self.open = true;
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
            let room = LIMIT - front.len();
            front.extend_from_slice(&bytes[..bytes.len().min(room)]);
            self.open = front.len() < LIMIT;
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
