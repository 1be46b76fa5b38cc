//! Apache Kafka, by the protocol guide (kafka.apache.org/protocol) and its message definitions.
//!
//! Every request becomes an exchange, so that nothing on the connection is unaccounted for.
//! Produce and Fetch are read whole, heads of record batches and headers of uncompressed records
//! included, and give one exchange a topic. Of the others what later requests need is read (the
//! group of group requests, the cluster's and the topics' ids of Metadata), and what failed.
//!
//! Messages of any length are read as they come, with memory for a few fields at a time.
//!
//! Reading order: [`facts`](KafkaFacts), `dissector` (pairing), `head`, `body` (how a message is
//! read), `produce`, `fetch`, `records`, `errors`.

mod api;
mod body;
mod detect;
mod dissector;
mod error;
mod errors;
mod exchanges;
mod facts;
mod fetch;
mod head;
mod known;
mod metadata;
mod names;
mod produce;
mod records;
mod request;
mod response;
mod shapes;
mod topic;
mod wire;

pub use api::Api;
pub use dissector::Kafka;
pub use error::ErrorCode;
pub use facts::{Compression, KafkaFacts, PartitionRange, ProducerState};
pub use names::TopicIds;

use crate::detect::Protocol;

/// How many topics of one request are kept. The others are counted as lost.
pub const MAX_TOPICS: usize = 256;
/// How many partitions of one topic's part of a request are kept.
pub const MAX_PARTITIONS: usize = 256;
/// How many contexts of a topic's messages are kept: as many as a span may have links.
pub const MAX_LINKS: usize = 128;
/// How many of a Fetch request's offsets are kept until the response.
pub const MAX_FETCH_OFFSETS: usize = 1024;
/// How many topic ids are remembered. A cluster of this many topics is very large.
pub const MAX_TOPIC_IDS: usize = 16 * 1024;

/// Kafka's entry in the list of protocols.
pub static PROTOCOL: Protocol = Protocol {
    name: "kafka",
    detect: detect::detect,
    dissector: |from_start| Box::new(Kafka::new(from_start)),
    ports: &[9092],
};
