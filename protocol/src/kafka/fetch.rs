//! Fetch (API key 1), versions 0 to 18.

use super::body::{Body, Step};
use super::facts::PartitionRange;
use super::known::Known;
use super::records::Records;
use super::topic::{Topic, TopicName};
use super::wire::{Cursor, Read};
use super::{Api, ErrorCode, MAX_FETCH_OFFSETS, MAX_TOPICS};

/// The tag of ReplicaState in the request (version 15 on).
const REPLICA_STATE: u32 = 1;

/// What a Fetch request asks for.
#[derive(Debug, Default)]
pub(super) struct Fetch {
    /// A follower asks, not a consumer.
    pub(super) is_replication: bool,
    /// Where reading starts, for the partitions that the request names. In a fetch session
    /// (KIP-227) these are only the ones whose offset has changed.
    offsets: Vec<FetchOffset>,
    /// Topics that the request names.
    topics: Vec<TopicName>,
}

#[derive(Clone, Copy, Debug)]
struct FetchOffset {
    /// Index into `topics`.
    topic: u16,
    partition: i32,
    offset: i64,
}

impl Fetch {
    /// About what it takes beyond its own size, in bytes.
    pub(super) fn held(&self) -> usize {
        self.offsets.capacity() * size_of::<FetchOffset>()
            + self.topics.capacity() * size_of::<TopicName>()
    }

    fn offset(&self, topic: Option<u16>, partition: i32) -> Option<i64> {
        let topic = topic?;
        self.offsets
            .iter()
            .find(|it| it.topic == topic && it.partition == partition)
            .map(|it| it.offset)
    }
}

/// The request in the course of being read.
#[derive(Debug)]
pub(super) struct FetchRequest {
    version: i16,
    flexible: bool,
    state: State,
    topics: u32,
    partitions: u32,
    topic: u16,
    pub(super) fetch: Fetch,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Head,
    Topic,
    Partition,
    TopicEnd,
    Forgotten,
    ForgottenTopic,
    Rack,
    End,
}

impl FetchRequest {
    pub(super) fn new(version: i16) -> Self {
        Self {
            version,
            flexible: Api::FETCH.is_flexible(version),
            state: State::Head,
            topics: 0,
            partitions: 0,
            topic: 0,
            fetch: Fetch::default(),
        }
    }

    fn partition(&mut self, fields: &mut Cursor<'_>) -> Read<()> {
        let partition = fields.int32()?;
        if self.version >= 9 {
            fields.int32()?; // current leader epoch
        }
        let offset = fields.int64()?;
        if self.version >= 12 {
            fields.int32()?; // last fetched epoch
        }
        if self.version >= 5 {
            fields.int64()?; // log start offset
        }
        fields.int32()?; // most bytes
        fields.tags(self.flexible)?;
        self.partitions -= 1;
        if self.fetch.offsets.len() < MAX_FETCH_OFFSETS {
            self.fetch.offsets.push(FetchOffset { topic: self.topic, partition, offset });
        }
        Ok(())
    }
}

impl Body for FetchRequest {
    fn step(&mut self, fields: &mut Cursor<'_>, known: &mut Known) -> Read<Step> {
        match self.state {
            State::Head => {
                let replica = if self.version <= 14 { fields.int32()? } else { -1 };
                fields.int32()?; // longest wait
                fields.int32()?; // fewest bytes
                if self.version >= 3 {
                    fields.int32()?; // most bytes
                }
                if self.version >= 4 {
                    fields.int8()?; // isolation level
                }
                if self.version >= 7 {
                    fields.int64()?; // session id and epoch
                }
                self.topics = fields.count(self.flexible)?;
                self.fetch.is_replication = replica >= 0;
                self.state = State::Topic;
            }
            State::Topic if self.topics == 0 => self.state = State::Forgotten,
            State::Topic => {
                let name = TopicName::read(self.version, self.flexible, fields, known)?;
                self.partitions = fields.count(self.flexible)?;
                self.topics -= 1;
                self.topic = u16::try_from(self.fetch.topics.len()).unwrap_or(u16::MAX);
                if self.fetch.topics.len() < MAX_TOPICS {
                    self.fetch.topics.push(name);
                }
                self.state = State::Partition;
            }
            State::Partition if self.partitions == 0 => self.state = State::TopicEnd,
            State::Partition => self.partition(fields)?,
            State::TopicEnd => {
                fields.tags(self.flexible)?;
                self.state = State::Topic;
            }
            State::Forgotten if self.version < 7 => self.state = State::Rack,
            State::Forgotten => {
                self.topics = fields.count(self.flexible)?;
                self.state = State::ForgottenTopic;
            }
            State::ForgottenTopic if self.topics == 0 => self.state = State::Rack,
            State::ForgottenTopic => {
                TopicName::read(self.version, self.flexible, fields, known)?;
                fields.fixed_array(self.flexible, 4)?;
                fields.tags(self.flexible)?;
                self.topics -= 1;
            }
            State::Rack => {
                if self.version >= 11 {
                    fields.string(self.flexible)?;
                }
                let mut replica = None;
                fields.each_tag(self.flexible, |tag, value| {
                    if tag == REPLICA_STATE {
                        replica = Cursor::new(value).int32().ok();
                    }
                })?;
                self.fetch.is_replication |= replica.is_some_and(|replica| replica >= 0);
                self.state = State::End;
            }
            State::End => return Ok(Step::Done),
        }
        Ok(Step::Next)
    }
}

/// What a Fetch response brings.
#[derive(Debug, Default)]
pub(super) struct Fetched {
    pub(super) is_replication: bool,
    pub(super) topics: Vec<Topic>,
    /// Topics beyond [`MAX_TOPICS`].
    pub(super) omitted: u64,
    /// An error of the whole request.
    pub(super) error: Option<ErrorCode>,
}

impl Fetched {
    /// A request without a response.
    pub(super) fn nothing(asked: &Fetch) -> Self {
        Self { is_replication: asked.is_replication, ..Self::default() }
    }

    fn keep(&mut self, topic: Topic) {
        if topic.partitions.is_empty() {
        } else if self.topics.len() < MAX_TOPICS {
            self.topics.push(topic);
        } else {
            self.omitted += 1;
        }
    }
}

/// The response in the course of being read.
#[derive(Debug)]
pub(super) struct FetchResponse {
    version: i16,
    flexible: bool,
    state: ResponseState,
    topics: u32,
    partitions: u32,
    aborted: u32,
    asked: Fetch,
    /// The topic's index in `asked`.
    asked_topic: Option<u16>,
    topic: Topic,
    range: PartitionRange,
    records: Records,
    fetched: Fetched,
}

#[derive(Clone, Copy, Debug)]
enum ResponseState {
    Head,
    Topic,
    Partition,
    Aborted,
    PartitionTail,
    Records,
    TopicEnd,
    End,
}

impl FetchResponse {
    pub(super) fn new(version: i16, asked: Fetch) -> Self {
        Self {
            version,
            flexible: Api::FETCH.is_flexible(version),
            state: ResponseState::Head,
            topics: 0,
            partitions: 0,
            aborted: 0,
            fetched: Fetched::nothing(&asked),
            asked,
            asked_topic: None,
            topic: Topic::default(),
            range: PartitionRange::default(),
            records: Records::default(),
        }
    }

    /// What was read, with the topic in hand as far as it was read.
    pub(super) fn into_fetched(mut self) -> Fetched {
        match self.state {
            ResponseState::Records => self.topic.add(self.records.range()),
            ResponseState::Head | ResponseState::Topic | ResponseState::End => return self.fetched,
            _ => {}
        }
        self.fetched.keep(self.topic);
        self.fetched
    }

    /// A partition's fields before its aborted transactions.
    fn partition(&mut self, fields: &mut Cursor<'_>) -> Read<()> {
        let partition = fields.int32()?;
        let error = ErrorCode::new(fields.int16()?);
        fields.int64()?; // high watermark
        if self.version >= 4 {
            fields.int64()?; // last stable offset
        }
        if self.version >= 5 {
            fields.int64()?; // log start offset
        }
        self.aborted = if self.version >= 4 { fields.count(self.flexible)? } else { 0 };
        self.range = PartitionRange { partition, error, ..PartitionRange::default() };
        self.partitions -= 1;
        Ok(())
    }
}

impl Body for FetchResponse {
    fn step(&mut self, fields: &mut Cursor<'_>, known: &mut Known) -> Read<Step> {
        match self.state {
            ResponseState::Head => {
                if self.version >= 1 {
                    fields.int32()?; // throttle time
                }
                let mut error = 0;
                if self.version >= 7 {
                    error = fields.int16()?;
                    fields.int32()?; // session id
                }
                self.topics = fields.count(self.flexible)?;
                self.fetched.error = ErrorCode::new(error);
                self.state = ResponseState::Topic;
            }
            ResponseState::Topic if self.topics == 0 => {
                fields.tags(self.flexible)?;
                self.state = ResponseState::End;
            }
            ResponseState::Topic => {
                let name = TopicName::read(self.version, self.flexible, fields, known)?;
                self.partitions = fields.count(self.flexible)?;
                let asked = self.asked.topics.iter().position(|it| it.is_same(&name));
                self.asked_topic = asked.and_then(|at| u16::try_from(at).ok());
                self.topic = Topic::new(name);
                self.topics -= 1;
                self.state = ResponseState::Partition;
            }
            ResponseState::Partition if self.partitions == 0 => {
                self.state = ResponseState::TopicEnd;
            }
            ResponseState::Partition => {
                self.partition(fields)?;
                self.state = ResponseState::Aborted;
            }
            ResponseState::Aborted if self.aborted == 0 => {
                self.state = ResponseState::PartitionTail;
            }
            ResponseState::Aborted => {
                fields.take(16)?; // producer id and first offset
                fields.tags(self.flexible)?;
                self.aborted -= 1;
            }
            ResponseState::PartitionTail => {
                if self.version >= 11 {
                    fields.int32()?; // preferred read replica
                }
                let length = fields.records_len(self.flexible)?;
                let from = self.asked.offset(self.asked_topic, self.range.partition);
                self.records = Records::fetched(self.range, from, length);
                self.state = ResponseState::Records;
            }
            ResponseState::Records => match self.records.step(fields, &mut self.topic)? {
                Step::Done => {
                    fields.tags(self.flexible)?;
                    self.topic.add(self.records.range());
                    self.state = ResponseState::Partition;
                }
                step => return Ok(step),
            },
            ResponseState::TopicEnd => {
                fields.tags(self.flexible)?;
                self.fetched.keep(std::mem::take(&mut self.topic));
                self.state = ResponseState::Topic;
            }
            ResponseState::End => return Ok(Step::Done),
        }
        Ok(Step::Next)
    }

    fn cut(&mut self) -> Option<u64> {
        matches!(self.state, ResponseState::Records).then(|| self.records.cut())
    }
}
