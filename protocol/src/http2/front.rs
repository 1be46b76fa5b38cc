//! The front of a body, for the API behind HTTP ([`crate::http::HttpFacts::refine`]).

/// The most that is kept, in bytes.
const LIMIT: usize = 4096;

/// The first bytes of a body, without a gap; empty unless [`open`](Self::open)ed.
#[derive(Debug, Default)]
pub(super) struct Front {
    bytes: Vec<u8>,
    open: bool,
}

impl Front {
    /// Takes what comes from here on.
    pub(super) fn open(&mut self) {
        self.open = true;
    }

    /// Whether the next bytes are of use.
    pub(super) const fn is_open(&self) -> bool {
        self.open
    }

    pub(super) fn take(&mut self, bytes: &[u8]) {
        if self.open {
            let room = LIMIT - self.bytes.len();
            self.bytes.extend_from_slice(&bytes[..bytes.len().min(room)]);
            self.open = self.bytes.len() < LIMIT;
        }
    }

    /// What comes behind a gap is no front.
    pub(super) fn skip(&mut self, n: u64) {
        self.open &= n == 0;
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}
