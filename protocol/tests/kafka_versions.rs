//! Every version of the messages that are read whole, written by an independent encoder
//! (`kafka-protocol`, generated from Apache Kafka's message definitions).

mod support;

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::fetch_response::{
    AbortedTransaction, FetchableTopicResponse, PartitionData,
};
use kafka_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::produce_response::{
    BatchIndexAndErrorMessage, PartitionProduceResponse, TopicProduceResponse,
};
use kafka_protocol::messages::{
    ApiKey, FetchRequest, FetchResponse, MetadataRequest, MetadataResponse, ProduceRequest,
    ProduceResponse, RequestHeader, ResponseHeader, TopicName,
};
use kafka_protocol::protocol::{Encodable, StrBytes};
use kafka_protocol::records::{
    Compression, Record, RecordBatchEncoder, RecordEncodeOptions, TimestampType,
};
use onlooker_protocol::kafka::{Api, ErrorCode, Kafka, KafkaFacts, PartitionRange, TopicIds};
use onlooker_protocol::{Exchange, Facts, Output, Side};
use support::writes::{Recording, pieces, whole};
use uuid::Uuid;

const ORDERS: Uuid = Uuid::from_u128(0x1111);
const BILLS: Uuid = Uuid::from_u128(0x2222);

fn text(text: &'static str) -> StrBytes {
    StrBytes::from_static_str(text)
}

fn topic(name: &'static str) -> TopicName {
    TopicName(text(name))
}

/// A request and its response, with heads and lengths.
fn call(
    api: ApiKey,
    version: i16,
    correlation: i32,
    request: &impl Encodable,
    response: &impl Encodable,
) -> Recording {
    let mut asked = BytesMut::new();
    RequestHeader::default()
        .with_request_api_key(api as i16)
        .with_request_api_version(version)
        .with_correlation_id(correlation)
        .with_client_id(Some(text("oracle")))
        .encode(&mut asked, api.request_header_version(version))
        .expect("a header");
    request.encode(&mut asked, version).expect("a request");
    let mut answered = BytesMut::new();
    ResponseHeader::default()
        .with_correlation_id(correlation)
        .encode(&mut answered, api.response_header_version(version))
        .expect("a header");
    response.encode(&mut answered, version).expect("a response");
    let framed = |bytes: BytesMut| {
        let mut frame = (bytes.len() as u32).to_be_bytes().to_vec();
        frame.extend_from_slice(&bytes);
        frame
    };
    Recording(vec![(Side::Client, framed(asked)), (Side::Server, framed(answered))])
}

/// Records from `first` on, in one batch, each with a context of its offset.
fn records(magic: i8, first: i64, count: i64) -> Bytes {
    let records: Vec<Record> = (first..first + count)
        .map(|offset| Record {
            transactional: false,
            control: false,
            delete_horizon: false,
            partition_leader_epoch: 5,
            producer_id: 77,
            producer_epoch: 1,
            timestamp_type: TimestampType::Creation,
            offset,
            sequence: (offset - first) as i32 + 9,
            timestamp: 1_700_000_000_000 + offset,
            key: Some(Bytes::from_static(b"key")),
            value: Some(Bytes::from_static(b"value")),
            headers: [(
                text("traceparent"),
                Some(Bytes::from(format!("00-{:032x}-{:016x}-01", offset + 1, offset + 1))),
            )]
            .into_iter()
            .filter(|_| magic == 2)
            .collect(),
        })
        .collect();
    let mut bytes = BytesMut::new();
    let options = RecordEncodeOptions { version: magic, compression: Compression::None };
    RecordBatchEncoder::encode(&mut bytes, &records, &options).expect("records");
    bytes.freeze()
}

/// Ids as a Metadata response of the given version teaches them, and what it told.
fn metadata(version: i16) -> (Arc<TopicIds>, Recording) {
    let of = |name, id| {
        MetadataResponseTopic::default()
            .with_name(Some(topic(name)))
            .with_topic_id(if version >= 10 { id } else { Uuid::nil() })
            .with_partitions(vec![
                MetadataResponsePartition::default()
                    .with_replica_nodes(vec![1.into(), 2.into()])
                    .with_isr_nodes(vec![1.into()]),
                MetadataResponsePartition::default().with_partition_index(1),
            ])
    };
    let response = MetadataResponse::default()
        .with_brokers(vec![MetadataResponseBroker::default().with_host(text("broker"))])
        .with_cluster_id(Some(text("cluster")))
        .with_topics(vec![of("orders", ORDERS), of("bills", BILLS)]);
    let request = MetadataRequest::default();
    (Arc::default(), call(ApiKey::Metadata, version, 1, &request, &response))
}

fn produce(version: i16) -> Recording {
    let ids = version >= 13;
    let magic = if version >= 3 { 2 } else { 1 };
    let data = |name, id, partitions: Vec<(i32, i64)>| {
        let partitions = partitions.into_iter().map(|(index, count)| {
            PartitionProduceData::default()
                .with_index(index)
                .with_records(Some(records(magic, 0, count)))
        });
        let data = TopicProduceData::default().with_partition_data(partitions.collect());
        if ids { data.with_topic_id(id) } else { data.with_name(topic(name)) }
    };
    let request = ProduceRequest::default().with_acks(-1).with_topic_data(vec![
        data("orders", ORDERS, vec![(0, 1)]),
        data("bills", BILLS, vec![(2, 3), (1, 2)]),
    ]);
    let told = |name, id, partitions: Vec<(i32, i16, i64)>| {
        let partitions = partitions.into_iter().map(|(index, error, offset)| {
            let errors = vec![
                BatchIndexAndErrorMessage::default()
                    .with_batch_index(1)
                    .with_batch_index_error_message(Some(text("no"))),
            ];
            PartitionProduceResponse::default()
                .with_index(index)
                .with_error_code(error)
                .with_base_offset(offset)
                .with_record_errors(if version >= 8 { errors } else { vec![] })
        });
        let told = TopicProduceResponse::default().with_partition_responses(partitions.collect());
        if ids { told.with_topic_id(id) } else { told.with_name(topic(name)) }
    };
    // In another order than asked.
    let response = ProduceResponse::default().with_responses(vec![
        told("bills", BILLS, vec![(1, 0, 500), (2, 6, -1)]),
        told("orders", ORDERS, vec![(0, 0, 40)]),
    ]);
    call(ApiKey::Produce, version, 2, &request, &response)
}

fn fetch(version: i16) -> Recording {
    let ids = version >= 13;
    let of = |topic: FetchTopic, name, id| {
        if ids { topic.with_topic_id(id) } else { topic.with_topic(self::topic(name)) }
    };
    let partition =
        |index, offset| FetchPartition::default().with_partition(index).with_fetch_offset(offset);
    let request = FetchRequest::default().with_topics(vec![
        of(FetchTopic::default().with_partitions(vec![partition(0, 102)]), "orders", ORDERS),
        of(FetchTopic::default().with_partitions(vec![partition(3, 0)]), "bills", BILLS),
    ]);
    let of = |topic: FetchableTopicResponse, name, id| {
        if ids { topic.with_topic_id(id) } else { topic.with_topic(self::topic(name)) }
    };
    // Two batches, of which the first begins before the offset asked for, and a part of a third.
    let mut sent = BytesMut::from(&records(2, 100, 4)[..]);
    sent.extend_from_slice(&records(2, 104, 1));
    sent.extend_from_slice(&records(2, 105, 3)[..70]);
    let orders = PartitionData::default()
        .with_records(Some(sent.freeze()))
        .with_aborted_transactions(Some(vec![AbortedTransaction::default()]));
    let bills =
        PartitionData::default().with_partition_index(3).with_error_code(3).with_records(None);
    let response = FetchResponse::default().with_responses(vec![
        of(FetchableTopicResponse::default().with_partitions(vec![orders]), "orders", ORDERS),
        of(FetchableTopicResponse::default().with_partitions(vec![bills]), "bills", BILLS),
    ]);
    call(ApiKey::Fetch, version, 3, &request, &response)
}

fn facts(exchange: &Exchange) -> &KafkaFacts {
    let Facts::Kafka(facts) = &exchange.facts else { panic!("not Kafka") };
    facts
}

/// Reads Metadata and then the call, whole and byte by byte.
fn dissected(call: Recording) -> Output {
    let (ids, Recording(mut turns)) = metadata(12);
    turns.extend(call.0);
    let connection = Recording(turns);
    let output = whole(Kafka::with_topic_ids(true, Arc::clone(&ids)), &connection);
    let by_byte = pieces(Kafka::with_topic_ids(true, ids), &connection, || 1);
    assert_eq!(support::writes::texts(&output), support::writes::texts(&by_byte));
    assert_eq!((output.lost, output.not_understood), (0, 0));
    output
}

fn offsets(range: &PartitionRange) -> (i32, Option<i64>, Option<i64>, Option<u64>) {
    (range.partition, range.first_offset, range.last_offset, range.messages)
}

fn trace_ids(exchange: &Exchange) -> Vec<u128> {
    let contexts = exchange.context.iter().chain(&exchange.links);
    contexts.map(|context| u128::from_be_bytes(context.trace_id)).collect()
}

#[test]
fn produce_of_every_version() {
    for version in 3..=13 {
        let output = dissected(produce(version));
        let [_, orders, bills] = &output.exchanges[..] else { panic!("{version}: {output:?}") };
        assert_eq!(facts(orders).topic.as_deref(), Some("orders"), "{version}");
        assert_eq!((facts(orders).version, facts(orders).messages), (version, Some(1)));
        assert_eq!(facts(orders).cluster.as_deref(), Some("cluster"));
        assert_eq!(
            facts(orders).partitions.iter().map(offsets).collect::<Vec<_>>(),
            [(0, Some(40), Some(40), Some(1))]
        );
        assert_eq!((trace_ids(orders), orders.links.len()), (vec![1], 0));
        let producer = facts(orders).partitions[0].producer.expect("it is idempotent");
        assert_eq!((producer.id, producer.epoch, producer.base_sequence), (77, 1, 9));

        assert_eq!(facts(bills).topic.as_deref(), Some("bills"), "{version}");
        assert_eq!((facts(bills).topic_index, facts(bills).messages), (1, Some(5)));
        assert_eq!(facts(bills).error, Some(ErrorCode(6)));
        assert_eq!(
            facts(bills).partitions.iter().map(offsets).collect::<Vec<_>>(),
            [(2, None, None, Some(3)), (1, Some(500), Some(501), Some(2)),]
        );
        assert_eq!((trace_ids(bills), bills.context.as_ref()), (vec![1, 2, 3, 1, 2], None));
    }
}

#[test]
fn fetch_of_every_version() {
    for version in 4..=18 {
        let output = dissected(fetch(version));
        let [_, orders, bills] = &output.exchanges[..] else { panic!("{version}: {output:?}") };
        assert_eq!(facts(orders).topic.as_deref(), Some("orders"), "{version}");
        assert_eq!((facts(orders).api, facts(orders).messages), (Api::FETCH, Some(3)));
        assert_eq!(
            facts(orders).partitions.iter().map(offsets).collect::<Vec<_>>(),
            [(0, Some(102), Some(104), Some(3))]
        );
        assert_eq!(facts(orders).partitions[0].leader_epoch, Some(5));
        assert_eq!(trace_ids(orders), [103, 104, 105], "{version}");
        assert!(!facts(orders).is_replication);
        assert_eq!(facts(bills).topic.as_deref(), Some("bills"), "{version}");
        assert_eq!((facts(bills).error, facts(bills).messages), (Some(ErrorCode(3)), Some(0)));
    }
}

#[test]
fn metadata_of_every_version_with_a_cluster_id() {
    for version in 2..=13 {
        let (ids, Recording(mut turns)) = metadata(version);
        turns.extend(fetch(13).0);
        let output = whole(Kafka::with_topic_ids(true, ids), &Recording(turns));
        assert_eq!((output.lost, output.not_understood), (0, 0), "{version}");
        let [_, orders, _] = &output.exchanges[..] else { panic!("{version}") };
        assert_eq!(facts(orders).cluster.as_deref(), Some("cluster"), "{version}");
        // Versions before 10 have no ids: the name stays unknown.
        let name = (version >= 10).then_some("orders");
        assert_eq!(facts(orders).topic.as_deref(), name, "{version}");
        assert_eq!(facts(orders).topic_id, Some(ORDERS.into_bytes()));
    }
}

#[test]
fn a_follower_is_told_from_a_consumer() {
    for version in [11, 14, 15, 17] {
        let mut request = FetchRequest::default();
        if version >= 15 {
            request.replica_state.replica_id = 2.into();
        } else {
            request.replica_id = 2.into();
        }
        let call = call(ApiKey::Fetch, version, 1, &request, &FetchResponse::default());
        let output = whole(Kafka::with_topic_ids(true, Arc::default()), &call);
        assert!(facts(&output.exchanges[0]).is_replication, "{version}");
    }
}

/// A Fetch of version 0 (protocol guide), whose response has these records for partition 7 of
/// topic `old`. `claimed` is the length of the records; the response may be cut.
fn fetch_v0(records: &[u8], claimed: usize) -> [Vec<u8>; 2] {
    let mut request = vec![0, 1, 0, 0, 0, 0, 0, 9, 0, 1, b'c']; // api, version, correlation, client
    request.extend_from_slice(&[0xff; 4]); // replica -1
    request.extend_from_slice(&[0, 0, 0, 100, 0, 0, 0, 1, 0, 0, 0, 1, 0, 3]);
    request.extend_from_slice(b"old");
    request.extend_from_slice(&[0, 0, 0, 1, 0, 0, 0, 7]); // one partition, 7
    request.extend_from_slice(&[0; 8]); // offset
    request.extend_from_slice(&[0, 1, 0, 0]); // most bytes
    let mut response = vec![0, 0, 0, 9, 0, 0, 0, 1, 0, 3, b'o', b'l', b'd', 0, 0, 0, 1, 0, 0, 0, 7];
    response.extend_from_slice(&[0; 10]); // no error, high watermark
    response.extend_from_slice(&(claimed as u32).to_be_bytes());
    let framed = |bytes: Vec<u8>, len: usize| {
        let mut frame = (len as u32).to_be_bytes().to_vec();
        frame.extend_from_slice(&bytes);
        frame
    };
    let (asked, answered) = (request.len(), response.len() + claimed);
    response.extend_from_slice(records);
    [framed(request, asked), framed(response, answered)]
}

/// A message of format 0 or 1 (protocol guide, "Message Set").
fn message(magic: u8, offset: u64, attributes: u8) -> Vec<u8> {
    let mut message = vec![0xde, 0xad, 0xbe, 0xef, magic, attributes];
    if magic == 1 {
        message.extend_from_slice(&[0; 8]); // timestamp
    }
    message.extend_from_slice(&[0xff, 0xff, 0xff, 0xff, 0, 0, 0, 2, b'h', b'i']);
    let mut entry = offset.to_be_bytes().to_vec();
    entry.extend_from_slice(&(message.len() as u32).to_be_bytes());
    entry.extend_from_slice(&message);
    entry
}

#[test]
fn message_sets_of_the_formats_before_record_batches() {
    for magic in [0, 1] {
        for (attributes, count) in [(0, Some(4)), (1, None)] {
            let set: Vec<u8> =
                (100..104).flat_map(|offset| message(magic, offset, attributes)).collect();
            let [request, response] = fetch_v0(&set, set.len());
            let call = Recording(vec![(Side::Client, request), (Side::Server, response)]);
            let output = whole(Kafka::with_topic_ids(true, Arc::default()), &call);
            let [exchange] = &output.exchanges[..] else { panic!("one exchange") };
            assert_eq!(facts(exchange).topic.as_deref(), Some("old"));
            let ranges: Vec<_> = facts(exchange).partitions.iter().map(offsets).collect();
            assert_eq!(ranges, [(7, Some(100), Some(103), count)], "{magic} {attributes}");
        }
    }
}

#[test]
fn a_fetch_of_200_mb_is_read_from_its_head() {
    let mut batch = records(2, 100, 3).to_vec();
    // The batch's length, which does not count itself and the offset.
    let claimed = 200_000_000_usize;
    batch[8..12].copy_from_slice(&(claimed as u32 - 12).to_be_bytes());
    let [request, response] = fetch_v0(&batch[..61], claimed);
    let mut feeder = support::writes::Feeder::new(Kafka::with_topic_ids(true, Arc::default()));
    feeder.feed(Side::Client, &request, 0);
    feeder.feed_cut(Side::Server, &response, 100_000_000);
    feeder.feed_cut(Side::Server, b"some of it", claimed as u64 - 61 - 10 - 100_000_000 - 1);
    assert!(feeder.out.exchanges.is_empty(), "one byte is to come");
    feeder.feed(Side::Server, b".", 0);
    let output = feeder.close();
    let [exchange] = &output.exchanges[..] else { panic!("one exchange") };
    let ranges: Vec<_> = facts(exchange).partitions.iter().map(offsets).collect();
    assert_eq!(ranges, [(7, Some(100), Some(102), Some(3))]);
    let response = exchange.response.expect("it is complete");
    assert_eq!(response.last.position - response.first.position, 4 + 31 + 4 + 200_000_000 - 1);
}
