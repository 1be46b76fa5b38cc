//! What a Kafka exchange says.

use std::sync::Arc;

use super::{Api, ErrorCode};

/// Facts of one exchange: of a whole request, or, for Produce and Fetch, of one topic of it.
///
/// A Produce or Fetch request names any number of topics. Each makes an exchange of its own, all
/// with the same extents, because a messaging span has one destination;
/// [`topic_index`](Self::topic_index) tells them apart.
#[derive(Clone, Debug, Default)]
pub struct KafkaFacts {
    /// Which request.
    pub api: Api,
    /// The version of the request.
    pub version: i16,
    /// The client's name for itself.
    pub client_id: Option<Arc<str>>,
    /// The consumer group that the last group request on this connection named.
    pub group: Option<Arc<str>>,
    /// The cluster's id, from the Metadata responses seen on this connection.
    pub cluster: Option<Arc<str>>,
    /// The topic. `None` for requests without one, and where the topic was named by an id that no
    /// Metadata response explained.
    pub topic: Option<Arc<str>>,
    /// The topic's id, where the request or response had it (Produce and Fetch from version 13).
    pub topic_id: Option<[u8; 16]>,
    /// The topic's place in the request (Produce) or response (Fetch), from zero.
    pub topic_index: u32,
    /// The partitions with messages or errors, in the order of the wire.
    pub partitions: Vec<PartitionRange>,
    /// Partitions beyond [`MAX_PARTITIONS`](super::MAX_PARTITIONS), whose ranges were not kept.
    pub partitions_omitted: u32,
    /// The number of messages of all partitions; `None` if a part of them was not seen, or is
    /// inside a compressed message of the formats before 0.11.
    pub messages: Option<u64>,
    /// The first error, in the order of the wire.
    pub error: Option<ErrorCode>,
    /// A Fetch by a follower: replication between brokers.
    pub is_replication: bool,
    /// The only message is a tombstone (its value is null).
    pub is_tombstone: bool,
}

/// Consecutive messages of one partition. (Cluster, topic, partition, offset) names a message for
/// as long as it lives, so a consumer's range that overlaps a producer's has its messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PartitionRange {
    /// The partition's index.
    pub partition: i32,
    /// The offset of the first message. Of a Produce it is known from the response, and only if
    /// the broker took the messages.
    pub first_offset: Option<i64>,
    /// The offset of the last message.
    pub last_offset: Option<i64>,
    /// The number of messages, under the same conditions as [`KafkaFacts::messages`]. Compaction
    /// leaves offsets without a message, so it can be less than the range is long.
    pub messages: Option<u64>,
    /// How many of them were seen to carry a trace context in their headers.
    pub contexts: u64,
    /// The length of the record batches, in bytes, as sent (compressed).
    pub bytes: u64,
    /// How the first batch is compressed.
    pub compression: Compression,
    /// The leader's epoch of the first batch, as the broker wrote it (Fetch only).
    pub leader_epoch: Option<i32>,
    /// Who produced the first batch, if that producer is idempotent or transactional.
    pub producer: Option<ProducerState>,
    /// The partition's error.
    pub error: Option<ErrorCode>,
}

/// Identity and position of an idempotent producer (KIP-98).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ProducerState {
    /// The producer's id.
    pub id: i64,
    /// The producer's epoch.
    pub epoch: i16,
    /// The sequence number of the batch's first record.
    pub base_sequence: i32,
}

/// Bits 0 to 2 of a batch's attributes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Compression {
    /// The records can be read.
    #[default]
    None,
    /// gzip.
    Gzip,
    /// snappy.
    Snappy,
    /// lz4.
    Lz4,
    /// zstd.
    Zstd,
    /// A codec that the protocol guide does not list.
    Unknown,
}

impl Compression {
    /// From a batch's or message's attributes.
    #[must_use]
    pub const fn from_attributes(attributes: i16) -> Self {
        match attributes & 7 {
            0 => Self::None,
            1 => Self::Gzip,
            2 => Self::Snappy,
            3 => Self::Lz4,
            4 => Self::Zstd,
            _ => Self::Unknown,
        }
    }
}
