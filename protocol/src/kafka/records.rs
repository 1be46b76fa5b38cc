//! Record batches and message sets (Kafka protocol guide, "Record Batch", "Message Set").

use super::MAX_LINKS;
use super::body::Step;
use super::facts::{Compression, PartitionRange, ProducerState};
use super::topic::{Topic, add};
use super::wire::{Cursor, Read, Stop};
use crate::context::Carrier;

/// Offset and length, which every entry starts with and its length does not count.
const ENTRY_PREFIX: u64 = 12;
/// The head of a record batch (magic 2), in bytes.
const BATCH_HEAD: u64 = 61;
/// Bit 5 of the attributes: a transaction marker, which is no message.
const CONTROL: i16 = 0x20;
/// The longest value of a record header that is looked at, in bytes.
const HEADER_VALUE_LIMIT: usize = 8192;

/// A RECORDS field in the course of being read.
#[derive(Debug, Default)]
pub(super) struct Records {
    /// Bytes of the field behind the batch in hand.
    left: u64,
    state: State,
    batch: Batch,
    record: Record,
    /// Messages before this offset were not asked for, though their batch was sent whole.
    wanted_from: i64,
    /// A Fetch response may end inside an entry; a Produce request may not.
    may_end_early: bool,
    range: PartitionRange,
}

/// What comes next.
#[derive(Clone, Copy, Debug, Default)]
enum State {
    #[default]
    Entry,
    Record,
    Value,
    Headers,
    Header,
}

/// An uncompressed batch in hand.
#[derive(Debug, Default)]
struct Batch {
    base_offset: i64,
    /// Bytes and records that were not read yet.
    left: u64,
    records: u32,
}

/// A record in hand.
#[derive(Debug, Default)]
struct Record {
    /// Bytes and headers that were not read yet.
    left: u64,
    headers: u32,
    carrier: Carrier,
}

impl Records {
    /// Records of a Produce request.
    pub(super) fn produced(partition: i32, length: u64) -> Self {
        let range = PartitionRange { partition, ..PartitionRange::default() };
        Self { may_end_early: false, ..Self::fetched(range, None, length) }
    }

    /// Records of a Fetch response; `range` has what stands before them.
    pub(super) fn fetched(range: PartitionRange, wanted_from: Option<i64>, length: u64) -> Self {
        Self {
            left: length,
            range: PartitionRange { messages: Some(0), bytes: length, ..range },
            wanted_from: wanted_from.unwrap_or(i64::MIN),
            may_end_early: true,
            ..Self::default()
        }
    }

    /// What was read.
    pub(super) fn range(&self) -> PartitionRange {
        self.range
    }

    /// Reads the next fields; [`Step::Done`] at the end of the field.
    pub(super) fn step(&mut self, fields: &mut Cursor<'_>, topic: &mut Topic) -> Read<Step> {
        let start = fields.taken();
        match self.state {
            State::Entry if self.left == 0 => Ok(Step::Done),
            State::Entry => self.entry(fields),
            State::Record if self.batch.records == 0 || topic.contexts.len() >= MAX_LINKS => {
                self.state = State::Entry;
                Ok(Step::Skip(self.batch.left))
            }
            State::Record => self.record(fields),
            State::Value => {
                let value = fields.varint()?;
                topic.tombstones += u64::from(value < 0);
                let value = value.max(0) as u64;
                self.spend((fields.taken() - start) as u64 + value)?;
                self.state = State::Headers;
                Ok(Step::Skip(value))
            }
            State::Headers => {
                let headers = u32::try_from(fields.varint()?).map_err(|_| Stop::Bad)?;
                self.spend((fields.taken() - start) as u64)?;
                self.record.headers = headers;
                self.state = State::Header;
                Ok(Step::Next)
            }
            State::Header if self.record.headers == 0 => {
                let has_context = topic.gather(std::mem::take(&mut self.record.carrier));
                self.range.contexts += u64::from(has_context);
                // Fields behind the headers would be ones that nobody knows.
                let rest = self.record.left;
                self.spend(rest)?;
                self.state = State::Record;
                Ok(Step::Skip(rest))
            }
            State::Header => self.header(fields),
        }
    }

    /// The next bytes are lost: how many there are before an entry can be read again.
    pub(super) fn cut(&mut self) -> u64 {
        match std::mem::take(&mut self.state) {
            State::Entry if self.left == 0 => 0,
            // How many messages are in what is left, nobody knows.
            State::Entry => {
                self.range.messages = None;
                self.range.last_offset = None;
                std::mem::take(&mut self.left)
            }
            // The batch's head was read; only contexts are lost.
            _ => self.batch.left,
        }
    }

    /// A batch or a message, from its head.
    fn entry(&mut self, fields: &mut Cursor<'_>) -> Read<Step> {
        if self.left < ENTRY_PREFIX {
            return self.end_early();
        }
        let before = fields.taken();
        let mut head = *fields;
        let offset = head.int64()?;
        let length = head.int32()?;
        let total = u64::try_from(length).map_err(|_| Stop::Bad)? + ENTRY_PREFIX;
        if total > self.left {
            return self.end_early();
        }
        let epoch_or_crc = head.int32()?;
        let magic = head.int8()?;
        *fields = head;
        let batch = match magic {
            0 | 1 => {
                let attributes = fields.int8()?;
                self.message(offset, attributes.into());
                None
            }
            2 => self.batch(fields, offset, epoch_or_crc, total)?,
            _ => return Err(Stop::Bad),
        };
        let taken = (fields.taken() - before) as u64;
        let rest = total.checked_sub(taken).ok_or(Stop::Bad)?;
        self.left -= total;
        match batch {
            Some(batch) => {
                self.batch = Batch { left: rest, ..batch };
                self.state = State::Record;
                Ok(Step::Next)
            }
            None => Ok(Step::Skip(rest)),
        }
    }

    /// The field's rest is not a whole entry.
    fn end_early(&mut self) -> Read<Step> {
        if !self.may_end_early {
            return Err(Stop::Bad);
        }
        Ok(Step::Skip(std::mem::take(&mut self.left)))
    }

    /// A message of the formats before 0.11.
    fn message(&mut self, offset: i64, attributes: i16) {
        if offset < self.wanted_from {
            return;
        }
        let compression = Compression::from_attributes(attributes);
        let known = (compression == Compression::None).then_some(1);
        self.note(offset, offset, known, compression);
    }

    /// A record batch; it is given back if its records can be read.
    fn batch(
        &mut self,
        fields: &mut Cursor<'_>,
        base_offset: i64,
        leader_epoch: i32,
        total: u64,
    ) -> Read<Option<Batch>> {
        let _crc = fields.int32()?;
        let attributes = fields.int16()?;
        let last_offset_delta = fields.int32()?;
        fields.take(16)?; // base and highest timestamp
        let producer = ProducerState {
            id: fields.int64()?,
            epoch: fields.int16()?,
            base_sequence: fields.int32()?,
        };
        let records = u32::try_from(fields.int32()?).map_err(|_| Stop::Bad)?;
        if total < BATCH_HEAD || last_offset_delta < 0 {
            return Err(Stop::Bad);
        }
        let last_offset = base_offset.saturating_add(last_offset_delta.into());
        if attributes & CONTROL != 0 || last_offset < self.wanted_from || records == 0 {
            return Ok(None);
        }
        let compression = Compression::from_attributes(attributes);
        if self.range.messages == Some(0) {
            self.range.leader_epoch = (leader_epoch >= 0).then_some(leader_epoch);
            self.range.producer = (producer.id >= 0).then_some(producer);
        }
        let first_offset = base_offset.max(self.wanted_from);
        let unwanted = first_offset.abs_diff(base_offset);
        let is_dense = i64::from(records) == i64::from(last_offset_delta) + 1;
        let wanted = match unwanted {
            0 => Some(records.into()),
            _ => u64::from(records).checked_sub(unwanted).filter(|_| is_dense),
        };
        self.note(first_offset, last_offset, wanted, compression);
        let readable = compression == Compression::None;
        Ok(readable.then_some(Batch { base_offset, left: 0, records }))
    }

    /// Adds messages to what is known of the partition.
    fn note(&mut self, first: i64, last: i64, messages: Option<u64>, compression: Compression) {
        if self.range.messages == Some(0) {
            self.range.first_offset = Some(first);
            self.range.compression = compression;
        }
        self.range.last_offset = Some(last);
        self.range.messages = add(self.range.messages, messages);
    }

    /// A record's fields up to its key.
    fn record(&mut self, fields: &mut Cursor<'_>) -> Read<Step> {
        let start = fields.taken();
        let length = u64::try_from(fields.varint()?).map_err(|_| Stop::Bad)?;
        let prefix = (fields.taken() - start) as u64;
        fields.int8()?; // attributes
        fields.varlong()?; // timestamp delta
        let offset_delta = fields.varint()?;
        let key = fields.varint()?.max(0) as u64;
        let read = (fields.taken() - start) as u64 - prefix;

        self.batch.left = self.batch.left.checked_sub(prefix).ok_or(Stop::Bad)?;
        self.batch.records -= 1;
        self.record = Record { left: length, ..Record::default() };
        let offset = self.batch.base_offset.saturating_add(offset_delta.into());
        let (skip, next) = if offset < self.wanted_from {
            (length.checked_sub(read).ok_or(Stop::Bad)?, State::Record)
        } else {
            (key, State::Value)
        };
        self.spend(read.saturating_add(skip))?;
        self.state = next;
        Ok(Step::Skip(skip))
    }

    /// A record's header.
    fn header(&mut self, fields: &mut Cursor<'_>) -> Read<Step> {
        let start = fields.taken();
        let key = usize::try_from(fields.varint()?).map_err(|_| Stop::Bad)?;
        let key = fields.take(key)?;
        let length = fields.varint()?;
        let (value, skip) = match usize::try_from(length) {
            Ok(length) if length > HEADER_VALUE_LIMIT => (None, length as u64),
            Ok(length) => (Some(fields.take(length)?), 0),
            Err(_) => (None, 0),
        };
        if let Some(value) = value {
            self.record.carrier.field(key, value);
        }
        self.spend(((fields.taken() - start) as u64).saturating_add(skip))?;
        self.record.headers -= 1;
        Ok(Step::Skip(skip))
    }

    /// Takes bytes off what is left of the record and its batch. Lengths that contradict each
    /// other are no records.
    fn spend(&mut self, bytes: u64) -> Read<()> {
        self.record.left = self.record.left.checked_sub(bytes).ok_or(Stop::Bad)?;
        self.batch.left = self.batch.left.checked_sub(bytes).ok_or(Stop::Bad)?;
        Ok(())
    }
}
