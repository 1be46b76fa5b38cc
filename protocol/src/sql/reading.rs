//! What the dissectors of both databases share.

use std::sync::Arc;

use super::{Dialect, Digest, digest};
use crate::context::WireContext;
use crate::dissector::Capture;
use crate::text;

/// The longest statement that is read, in bytes. What is longer is cut there.
pub(crate) const TEXT_LIMIT: usize = 8 * 1024;

/// How often footing may be lost on a connection that has not given one exchange, before it is
/// said to be another protocol's.
pub(crate) const LOSSES_LIMIT: u32 = 8;

/// What is captured: whole requests as far as texts are read, and answers far enough to see the
/// end of most.
pub(crate) const CAPTURE: Capture = Capture::Heads { client: 64 * 1024, server: 32 * 1024 };

/// Whether the next byte of a side is known to start a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Footing {
    /// It does, or messages are in the window.
    Found,
    /// Perhaps: if the next bytes look like it.
    Perhaps,
    /// It does not. The next turn will tell.
    Lost,
}

impl Footing {
    /// Of a connection that is read from its first byte, or from the middle.
    pub(crate) const fn new(from_start: bool) -> Self {
        if from_start { Self::Found } else { Self::Perhaps }
    }
}

/// Reads a statement, and the context in its comments.
pub(crate) fn statement(text: &[u8], dialect: Dialect) -> (Arc<Digest>, Option<WireContext>) {
    let mut digest = digest(&text::readable(text, TEXT_LIMIT), dialect);
    let context = digest.context.take();
    (Arc::new(digest), context)
}

/// A database's or user's name, cut at `limit` bytes.
pub(crate) fn name(bytes: &[u8], limit: usize) -> Arc<str> {
    Arc::from(&*text::readable(bytes, limit))
}
