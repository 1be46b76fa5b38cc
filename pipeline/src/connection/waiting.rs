//! What came on a connection before detection decided.

use onlooker_protocol::detect::Opening;
use onlooker_protocol::{Chunk, Side};

use super::conversation::index;
use super::kept::Kept;

/// Bytes of a side that detection looks at, if they are its first.
const FIRST: usize = 16 * 1024;
/// The same if the side was met later: with less, there are never three headers of frames of 16 KiB.
const LATER: usize = 49 * 1024;

/// Chunks, and what each side began with.
#[derive(Default)]
pub(super) struct Waiting {
    chunks: Vec<Kept>,
    /// What the chunks take, in bytes.
    size: usize,
    openings: Openings,
    /// Where the last two turns begin: that of one side, and that of the other behind it.
    turns: [usize; 2],
}

impl Waiting {
    /// Takes a chunk. `from_start`: its side is read from the connection's first byte.
    pub(super) fn add(&mut self, chunk: &Chunk<'_>, from_start: bool) {
        self.openings.add(chunk, from_start);
        if self.chunks.last().is_some_and(|last| last.side != chunk.side) {
            self.turns = [self.turns[1], self.chunks.len()];
        }
        self.size += chunk.bytes.len() + size_of::<Kept>();
        self.chunks.push(Kept::from(chunk));
    }

    /// What it takes, in bytes.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// What it takes beyond its own size, in bytes, the openings included.
    pub(super) fn held(&self) -> usize {
        self.size + self.openings.sides.iter().map(Vec::capacity).sum::<usize>()
    }

    /// What both sides began with.
    pub(super) fn openings(&self) -> &Openings {
        &self.openings
    }

    /// The last turn of a side with the answer to it so far, if there is one and it is not all
    /// that there is.
    pub(super) fn last_turns(&self) -> Option<(Side, Openings)> {
        let [asked, answered] = self.turns;
        if asked == 0 || answered <= asked {
            return None;
        }
        let turns = self.chunks.get(asked..)?;
        let mut openings = Openings::default();
        for kept in turns {
            openings.add(&kept.chunk(), false);
        }
        Some((turns.first()?.side, openings))
    }

    /// Whether the last chunk began a turn.
    pub(super) fn is_new_turn(&self) -> bool {
        self.turns[1] + 1 == self.chunks.len()
    }

    /// The chunks; of the last two turns only, if so asked.
    pub(super) fn into_chunks(mut self, last_turns: bool) -> Vec<Kept> {
        if last_turns { self.chunks.split_off(self.turns[0]) } else { self.chunks }
    }
}

/// The first bytes of both sides.
#[derive(Debug, Default)]
pub(super) struct Openings {
    sides: [Vec<u8>; 2],
    /// The opening of a side ended in a hole, or is full.
    broken: [bool; 2],
    /// A side has said as much as is looked at.
    full: [bool; 2],
    datagram: bool,
}

impl Openings {
    fn add(&mut self, chunk: &Chunk<'_>, from_start: bool) {
        let side = index(chunk.side);
        let limit = if from_start { FIRST } else { LATER };
        self.datagram |= chunk.datagram;
        if chunk.datagram {
            // Each stands alone: the latest of each side is judged.
            let taken = chunk.bytes.get(..limit).unwrap_or(chunk.bytes);
            self.sides[side] = taken.to_vec();
        } else if !self.broken[side] {
            let room = limit.saturating_sub(self.sides[side].len());
            let taken = chunk.bytes.get(..room.min(chunk.bytes.len())).unwrap_or_default();
            self.sides[side].extend_from_slice(taken);
            // What was lost ahead of all else breaks nothing; detection knows whether it judges from
            // the connection's start.
            let is_ahead = chunk.bytes.is_empty() && self.sides[side].is_empty() && !from_start;
            self.broken[side] = (chunk.missing > 0 && !is_ahead) || taken.len() < chunk.bytes.len();
        }
        self.full[side] = self.sides[side].len() >= limit;
    }

    /// For detection, with the side that is thought (or known) to ask, and what is read from its start.
    pub(super) fn asked_by(
        &self,
        asker: Side,
        from_start: [bool; 2],
        sides_known: bool,
    ) -> Opening<'_> {
        let (client, server) = (index(asker), index(asker.other()));
        Opening {
            client: &self.sides[client],
            server: &self.sides[server],
            client_from_start: from_start[client],
            server_from_start: from_start[server],
            datagram: self.datagram,
            sides_known,
        }
    }

    /// Whether a side cannot be judged by what comes further.
    pub(super) fn is_broken(&self) -> bool {
        self.broken.contains(&true)
    }

    /// Whether both sides spoke.
    pub(super) fn are_both_seen(&self) -> bool {
        self.sides.iter().all(|side| !side.is_empty())
    }

    /// Whether a side has said as much as is looked at.
    pub(super) fn is_full(&self) -> bool {
        self.full.contains(&true)
    }
}
