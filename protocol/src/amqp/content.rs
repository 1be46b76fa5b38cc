//! Content under way: the method that announces it, its header, and as much of its body as has come.

use std::hash::{DefaultHasher, Hasher as _};

use super::facts::AmqpFacts;
use crate::chunk::Moment;
use crate::context::WireContext;

/// A method with content, whose content is under way.
#[derive(Debug)]
pub(super) struct Content {
    pub(super) what: What,
    pub(super) first: Moment,
    pub(super) facts: AmqpFacts,
    pub(super) context: Option<WireContext>,
    pub(super) link: Option<WireContext>,
    pub(super) has_header: bool,
    pub(super) left: u64,
    pub(super) hash: Option<DefaultHasher>,
}

/// Which method.
#[derive(Clone, Copy, Debug)]
pub(super) enum What {
    Publish { returnable: bool },
    Return(u16),
    Deliver { no_ack: Option<bool> },
    GetOk,
}

impl Content {
    pub(super) fn new(what: What, first: Moment, facts: AmqpFacts) -> Self {
        Self {
            what,
            first,
            facts,
            context: None,
            link: None,
            has_header: false,
            left: 0,
            hash: Some(DefaultHasher::new()),
        }
    }

    /// Takes bytes of the body, in whatever pieces they come.
    pub(super) fn take(&mut self, bytes: &[u8]) {
        if let Some(hash) = &mut self.hash {
            hash.write(bytes);
        }
    }

    /// A part of the body was not seen.
    pub(super) fn miss(&mut self) {
        self.hash = None;
    }
}

#[cfg(test)]
mod tests {
    use std::hash::{DefaultHasher, Hasher as _};

    /// What a body's hash rests on: the library does not promise it.
    #[test]
    fn a_hash_does_not_depend_on_the_pieces() {
        let body: Vec<u8> = (0..=255).cycle().take(1_000).collect();
        let hash = |size: usize| {
            let mut hash = DefaultHasher::new();
            body.chunks(size).for_each(|piece| hash.write(piece));
            hash.finish()
        };
        for size in [1, 7, 8, 9, 64, 333] {
            assert_eq!(hash(size), hash(1_000), "{size}");
        }
    }
}
