//! Produce (API key 0), versions 0 to 13.

use super::body::{Body, Step};
use super::known::Known;
use super::records::Records;
use super::topic::{Topic, TopicName};
use super::wire::{Cursor, Read};
use super::{Api, ErrorCode, MAX_TOPICS};

/// What a Produce request asks for.
#[derive(Debug, Default)]
pub(super) struct Produce {
    /// No response is sent to a request with `acks=0`.
    pub(super) is_one_way: bool,
    pub(super) topics: Vec<Topic>,
    /// Topics beyond [`MAX_TOPICS`].
    pub(super) omitted: u64,
}

impl Produce {
    /// About what it takes beyond its own size, in bytes.
    pub(super) fn held(&self) -> usize {
        self.topics.capacity() * size_of::<Topic>()
    }

    fn keep(&mut self, topic: Topic) {
        if self.topics.len() < MAX_TOPICS {
            self.topics.push(topic);
        } else {
            self.omitted += 1;
        }
    }
}

/// The request in the course of being read.
#[derive(Debug)]
pub(super) struct ProduceRequest {
    version: i16,
    flexible: bool,
    state: State,
    topics: u32,
    partitions: u32,
    topic: Topic,
    records: Records,
    pub(super) produce: Produce,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Head,
    Topic,
    Partition,
    Records,
    TopicEnd,
    End,
}

impl ProduceRequest {
    pub(super) fn new(version: i16) -> Self {
        Self {
            version,
            flexible: Api::PRODUCE.is_flexible(version),
            state: State::Head,
            topics: 0,
            partitions: 0,
            topic: Topic::default(),
            records: Records::default(),
            produce: Produce::default(),
        }
    }

    /// What was read, with the topic in hand as far as it was read.
    pub(super) fn into_produce(mut self) -> Produce {
        match self.state {
            State::Records => self.topic.add(produced(&self.records)),
            State::Partition | State::TopicEnd => {}
            State::Head | State::Topic | State::End => return self.produce,
        }
        self.produce.keep(self.topic);
        self.produce
    }
}

impl Body for ProduceRequest {
    fn step(&mut self, fields: &mut Cursor<'_>, known: &mut Known) -> Read<Step> {
        match self.state {
            State::Head => {
                if self.version >= 3 {
                    fields.string(self.flexible)?; // transactional id
                }
                let acks = fields.int16()?;
                fields.int32()?; // timeout
                self.topics = fields.count(self.flexible)?;
                self.produce.is_one_way = acks == 0;
                self.state = State::Topic;
            }
            State::Topic if self.topics == 0 => {
                fields.tags(self.flexible)?;
                self.state = State::End;
            }
            State::Topic => {
                let name = TopicName::read(self.version, self.flexible, fields, known)?;
                self.partitions = fields.count(self.flexible)?;
                self.topic = Topic::new(name);
                self.topics -= 1;
                self.state = State::Partition;
            }
            State::Partition if self.partitions == 0 => self.state = State::TopicEnd,
            State::Partition => {
                let partition = fields.int32()?;
                let length = fields.records_len(self.flexible)?;
                self.records = Records::produced(partition, length);
                self.partitions -= 1;
                self.state = State::Records;
            }
            State::Records => match self.records.step(fields, &mut self.topic)? {
                Step::Done => {
                    fields.tags(self.flexible)?;
                    self.topic.add(produced(&self.records));
                    self.state = State::Partition;
                }
                step => return Ok(step),
            },
            State::TopicEnd => {
                fields.tags(self.flexible)?;
                self.produce.keep(std::mem::take(&mut self.topic));
                self.state = State::Topic;
            }
            State::End => return Ok(Step::Done),
        }
        Ok(Step::Next)
    }

    fn cut(&mut self) -> Option<u64> {
        matches!(self.state, State::Records).then(|| self.records.cut())
    }
}

/// A producer counts offsets from zero; the real ones are in the response.
fn produced(records: &Records) -> super::PartitionRange {
    super::PartitionRange { first_offset: None, last_offset: None, ..records.range() }
}

/// The response in the course of being read; what it says goes into the request's topics.
#[derive(Debug)]
pub(super) struct ProduceResponse {
    version: i16,
    flexible: bool,
    state: ResponseState,
    topics: u32,
    partitions: u32,
    /// Which of `produce.topics` is in hand, and which of its partitions is likely next.
    topic: Option<usize>,
    next: usize,
    pub(super) produce: Produce,
}

#[derive(Clone, Copy, Debug)]
enum ResponseState {
    Head,
    Topic,
    Partition,
    TopicEnd,
    End,
}

impl ProduceResponse {
    pub(super) fn new(version: i16, produce: Produce) -> Self {
        Self {
            version,
            flexible: Api::PRODUCE.is_flexible(version),
            state: ResponseState::Head,
            topics: 0,
            partitions: 0,
            topic: None,
            next: 0,
            produce,
        }
    }

    fn partition(&mut self, fields: &mut Cursor<'_>) -> Read<()> {
        let index = fields.int32()?;
        let error = ErrorCode::new(fields.int16()?);
        let base_offset = fields.int64()?;
        if self.version >= 2 {
            fields.int64()?; // log append time
        }
        if self.version >= 5 {
            fields.int64()?; // log start offset
        }
        if self.version >= 8 {
            for _ in 0..fields.count(self.flexible)? {
                fields.int32()?; // record
                fields.string(self.flexible)?; // message
                fields.tags(self.flexible)?;
            }
            fields.string(self.flexible)?; // error message
        }
        fields.tags(self.flexible)?;
        self.partitions -= 1;

        let Some(topic) = self.topic.and_then(|at| self.produce.topics.get_mut(at)) else {
            return Ok(());
        };
        topic.error = topic.error.or(error);
        let is_it = |at: &usize| topic.partitions.get(*at).is_some_and(|it| it.partition == index);
        let at = Some(self.next)
            .filter(is_it)
            .or_else(|| topic.partitions.iter().position(|it| it.partition == index));
        if let Some(range) = at.and_then(|at| topic.partitions.get_mut(at)) {
            range.error = error;
            if error.is_none() && base_offset >= 0 {
                range.first_offset = Some(base_offset);
                range.last_offset = range
                    .messages
                    .and_then(|messages| i64::try_from(messages.checked_sub(1)?).ok())
                    .and_then(|messages| base_offset.checked_add(messages));
            }
        }
        self.next = at.map_or(0, |at| at + 1);
        Ok(())
    }
}

impl Body for ProduceResponse {
    fn step(&mut self, fields: &mut Cursor<'_>, known: &mut Known) -> Read<Step> {
        match self.state {
            ResponseState::Head => {
                self.topics = fields.count(self.flexible)?;
                self.state = ResponseState::Topic;
            }
            ResponseState::Topic if self.topics == 0 => {
                if self.version >= 1 {
                    fields.int32()?; // throttle time
                }
                fields.tags(self.flexible)?;
                self.state = ResponseState::End;
            }
            ResponseState::Topic => {
                let name = TopicName::read(self.version, self.flexible, fields, known)?;
                self.partitions = fields.count(self.flexible)?;
                self.topic = self.produce.topics.iter().position(|it| it.topic.is_same(&name));
                self.next = 0;
                self.topics -= 1;
                self.state = ResponseState::Partition;
            }
            ResponseState::Partition if self.partitions == 0 => {
                self.state = ResponseState::TopicEnd;
            }
            ResponseState::Partition => self.partition(fields)?,
            ResponseState::TopicEnd => {
                fields.tags(self.flexible)?;
                self.state = ResponseState::Topic;
            }
            ResponseState::End => return Ok(Step::Done),
        }
        Ok(Step::Next)
    }
}
