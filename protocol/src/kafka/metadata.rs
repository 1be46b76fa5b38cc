//! Metadata responses (API key 3): the cluster's id, the topics' ids, and what failed.

use std::sync::Arc;

use super::body::{Body, Step};
use super::known::Known;
use super::wire::{Cursor, Read};
use super::{Api, ErrorCode, MAX_TOPIC_IDS};

/// The response in the course of being read.
#[derive(Debug)]
pub(super) struct MetadataResponse {
    version: i16,
    flexible: bool,
    state: State,
    left: u32,
    partitions: u32,
    cluster: Option<Arc<str>>,
    topics: Vec<([u8; 16], Arc<str>)>,
    error: Option<ErrorCode>,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Head,
    Broker,
    Cluster,
    Topic,
    Partition,
    TopicEnd,
    End,
}

impl MetadataResponse {
    pub(super) fn new(version: i16) -> Self {
        let flexible = Api::METADATA.is_flexible(version);
        Self {
            version,
            flexible,
            state: State::Head,
            left: 0,
            partitions: 0,
            cluster: None,
            topics: Vec::new(),
            error: None,
        }
    }

    /// Makes known what was read, and says what failed first. Not done as it is read: a message that
    /// turns out to be something else must not have taught anything.
    pub(super) fn teach(self, known: &mut Known) -> Option<ErrorCode> {
        known.cluster = self.cluster.or_else(|| known.cluster.take());
        for (id, name) in &self.topics {
            known.topic_ids.learn(*id, name);
        }
        self.error
    }

    fn note(&mut self, code: i16) {
        self.error = self.error.or(ErrorCode::new(code));
    }

    fn topic(&mut self, fields: &mut Cursor<'_>, known: &mut Known) -> Read<()> {
        let error = fields.int16()?;
        let name = fields.string(self.flexible)?;
        let id = if self.version >= 10 { Some(fields.uuid()?) } else { None };
        if self.version >= 1 {
            fields.int8()?; // internal
        }
        self.partitions = fields.count(self.flexible)?;
        self.left -= 1;
        self.note(error);
        if let (0, Some(name), Some(id)) = (error, name, id)
            && self.topics.len() < MAX_TOPIC_IDS
        {
            self.topics.push((id, known.names.intern(name)));
        }
        Ok(())
    }

    fn partition(&mut self, fields: &mut Cursor<'_>) -> Read<()> {
        let error = fields.int16()?;
        fields.int32()?; // index
        fields.int32()?; // leader
        if self.version >= 7 {
            fields.int32()?; // leader epoch
        }
        fields.fixed_array(self.flexible, 4)?; // replicas
        fields.fixed_array(self.flexible, 4)?; // replicas in sync
        if self.version >= 5 {
            fields.fixed_array(self.flexible, 4)?; // replicas that are offline
        }
        fields.tags(self.flexible)?;
        self.partitions -= 1;
        // A replica that is offline fails nothing: the guide says that it can be ignored.
        if error != ErrorCode::REPLICA_NOT_AVAILABLE.0 {
            self.note(error);
        }
        Ok(())
    }
}

impl Body for MetadataResponse {
    fn step(&mut self, fields: &mut Cursor<'_>, known: &mut Known) -> Read<Step> {
        match self.state {
            State::Head => {
                if self.version >= 3 {
                    fields.int32()?; // throttle time
                }
                self.left = fields.count(self.flexible)?;
                self.state = State::Broker;
            }
            State::Broker if self.left == 0 => self.state = State::Cluster,
            State::Broker => {
                fields.int32()?; // id
                fields.string(self.flexible)?; // host
                fields.int32()?; // port
                if self.version >= 1 {
                    fields.string(self.flexible)?; // rack
                }
                fields.tags(self.flexible)?;
                self.left -= 1;
            }
            State::Cluster => {
                let id = if self.version >= 2 { fields.string(self.flexible)? } else { None };
                if self.version >= 1 {
                    fields.int32()?; // controller
                }
                self.left = fields.count(self.flexible)?;
                self.cluster = id.map(|id| known.names.intern(id));
                self.state = State::Topic;
            }
            State::Topic if self.left == 0 => {
                if (8..=10).contains(&self.version) {
                    fields.int32()?; // authorized operations on the cluster
                }
                let error = if self.version >= 13 { fields.int16()? } else { 0 };
                fields.tags(self.flexible)?;
                self.note(error);
                self.state = State::End;
            }
            State::Topic => {
                self.topic(fields, known)?;
                self.state = State::Partition;
            }
            State::Partition if self.partitions == 0 => self.state = State::TopicEnd,
            State::Partition => self.partition(fields)?,
            State::TopicEnd => {
                if self.version >= 8 {
                    fields.int32()?; // authorized operations on the topic
                }
                fields.tags(self.flexible)?;
                self.state = State::Topic;
            }
            State::End => return Ok(Step::Done),
        }
        Ok(Step::Next)
    }
}
