//! The dynamic table (RFC 7541 §2.3.2, §4), as far as it is known.
//!
//! An index counts from the newest entry (§2.3.3). Whatever was in the table before this reader
//! came, and whatever has been evicted since, the newest entries are the insertions last seen, in
//! order. So an index within them is right without knowing the table's size, and one beyond them
//! is unknown until eviction has emptied the table of everything older.

use std::collections::VecDeque;

/// The most that is kept, by the measure of §4.1, in bytes. Peers seldom allow more than 64 KiB;
/// of a greater table the oldest entries are unknown. An entry counts for 32 bytes and more, so
/// there are no more than 2,048.
const KEPT: usize = 64 * 1024;

/// The size of the table when a connection starts (RFC 9113 §6.5.2,
/// `SETTINGS_HEADER_TABLE_SIZE`).
const INITIAL_SIZE: usize = 4096;

/// "The size of an entry is the sum of its name's length in octets, its value's length in octets,
/// and 32." (§4.1)
const ENTRY_OVERHEAD: usize = 32;

/// Names of older entries that are kept: of `grpc-status` there is one for each status and name.
const LEARNT: usize = 32;

/// A field that was inserted.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: Name,
    pub(super) value: Box<[u8]>,
}

/// The name of a field that was inserted.
#[derive(Clone, Debug)]
pub(super) enum Name {
    /// Of the static table.
    Static(&'static [u8]),
    /// Sent as a literal, or taken from such an entry.
    Literal(Box<[u8]>),
    /// Taken from an entry that was inserted before this reader came.
    Older(Older),
}

impl Name {
    fn len(&self) -> usize {
        match self {
            Self::Static(name) => name.len(),
            Self::Literal(name) => name.len(),
            Self::Older(_) => 0,
        }
    }
}

impl Entry {
    /// The size by §4.1; of an unnamed entry the least that it can be.
    fn size(&self) -> usize {
        ENTRY_OVERHEAD + self.name.len() + self.value.len()
    }
}

/// An entry that was inserted before this reader came: how many were newer then. `None` of one that the
/// reader saw and did not keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Older(Option<usize>);

/// What an index leads to.
pub(super) enum Found<'a> {
    /// This entry.
    Entry(&'a Entry),
    /// An entry that was inserted before this reader came.
    Unknown(Older),
    /// No entry: the encoder or the reader is wrong.
    Nothing,
}

/// The newest entries.
#[derive(Debug)]
pub(super) struct Table {
    /// Newest first.
    entries: VecDeque<Entry>,
    /// The sum of the entries' sizes (a lower bound, by unnamed entries).
    size: usize,
    /// The maximum size in force, if it is known.
    max: Option<usize>,
    /// Older entries than these cannot be in the peer's table.
    complete: bool,
    /// Insertions that were seen.
    inserted: usize,
    /// Names of older entries that were learnt.
    learnt: Vec<(Older, &'static [u8])>,
}

impl Table {
    /// The empty table of a connection's start.
    pub(super) const fn empty() -> Self {
        let mut it = Self::unknown();
        (it.max, it.complete) = (Some(INITIAL_SIZE), true);
        it
    }

    /// About what it takes beyond its own size, in bytes.
    pub(super) fn held(&self) -> usize {
        self.size + self.entries.capacity() * size_of::<Entry>()
    }

    /// A table of which nothing is known.
    pub(super) const fn unknown() -> Self {
        Self {
            entries: VecDeque::new(),
            size: 0,
            max: None,
            complete: false,
            inserted: 0,
            learnt: Vec::new(),
        }
    }

    /// The entry at an offset from the newest.
    pub(super) fn get(&self, offset: usize) -> Found<'_> {
        match self.entries.get(offset) {
            Some(entry) => Found::Entry(entry),
            None if self.complete => Found::Nothing,
            None => Found::Unknown(Older(offset.checked_sub(self.inserted))),
        }
    }

    /// The bytes of a name, or the entry that has them.
    pub(super) fn name<'a>(&'a self, name: &'a Name) -> Result<&'a [u8], Older> {
        match name {
            Name::Static(name) => Ok(name),
            Name::Literal(name) => Ok(name),
            Name::Older(older) => self.name_of(*older).ok_or(*older),
        }
    }

    /// The name of an older entry, if it was learnt.
    pub(super) fn name_of(&self, older: Older) -> Option<&[u8]> {
        self.learnt.iter().find(|(of, _)| *of == older).map(|(_, name)| *name)
    }

    /// An older entry has this name.
    pub(super) fn learn(&mut self, older: Older, name: &'static [u8]) {
        if older.0.is_some() && self.learnt.len() < LEARNT && self.name_of(older).is_none() {
            self.learnt.push((older, name));
        }
    }

    /// Inserts an entry and evicts what has no room (§4.4).
    pub(super) fn insert(&mut self, entry: Entry) {
        self.inserted = self.inserted.saturating_add(1);
        self.size += entry.size();
        self.entries.push_front(entry);
        // "An attempt to add an entry larger than the maximum size causes the table to be emptied
        // of all existing entries": evicting from the old end does that too, the entry included.
        if let Some(max) = self.max {
            self.evict_to(max);
        }
        while self.size > KEPT {
            self.drop_oldest();
            self.complete = false;
        }
    }

    /// A dynamic table size update (§6.3): evicts what has no room (§4.3).
    pub(super) fn resize(&mut self, max: usize) {
        self.max = Some(max);
        self.evict_to(max);
        if max < ENTRY_OVERHEAD {
            self.complete = true;
        }
    }

    /// Evicts as the peer does. The peer's table holds at least what is known here, so an
    /// eviction here proves that nothing older is left there.
    fn evict_to(&mut self, max: usize) {
        while self.size > max {
            self.drop_oldest();
            self.complete = true;
        }
    }

    fn drop_oldest(&mut self) {
        match self.entries.pop_back() {
            Some(entry) => self.size -= entry.size(),
            None => self.size = 0,
        }
    }
}
