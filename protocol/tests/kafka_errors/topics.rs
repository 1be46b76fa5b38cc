//! Topics and their partitions.

use kafka_protocol::messages::{self as of, ApiKey, BrokerId};

use crate::{text, told};

#[test]
fn of_topics_in_metadata() {
    use of::metadata_response as it;
    let topic = |code| {
        set! { it::MetadataResponseTopic, error_code = code,
        name = Some(of::TopicName(text("orders"))),
        partitions = vec![it::MetadataResponsePartition::default()] }
    };
    told(ApiKey::Metadata, 0..=13, |_, code| {
        let broker = set! { it::MetadataResponseBroker, host = text("kafka") };
        set! { of::MetadataResponse, brokers = vec![broker], topics = vec![topic(0), topic(code)] }
    });
    told(ApiKey::Metadata, 13..=13, |_, code| {
        set! { of::MetadataResponse, topics = vec![topic(0)], error_code = code }
    });
}

#[test]
fn of_partitions_in_metadata_unless_a_replica_is_offline() {
    use of::metadata_response as it;
    // The guide: REPLICA_NOT_AVAILABLE (9) "can be safely ignored by consumers".
    told(ApiKey::Metadata, 0..=13, |_, code| {
        let partition = |code| {
            set! { it::MetadataResponsePartition, error_code = code,
            replica_nodes = vec![BrokerId(1), BrokerId(2)], isr_nodes = vec![BrokerId(1)] }
        };
        let partitions = vec![partition(9), partition(code), partition(0)];
        let topic = set! { it::MetadataResponseTopic,
        name = Some(of::TopicName(text("orders"))), partitions = partitions };
        set! { of::MetadataResponse, topics = vec![topic] }
    });
}

#[test]
fn of_topics_that_are_created_deleted_and_grown() {
    use of::{create_partitions_response, create_topics_response, delete_topics_response};
    let name = || of::TopicName(text("orders"));
    told(ApiKey::CreateTopics, 2..=7, |version, code| {
        let config = set! { create_topics_response::CreatableTopicConfigs,
        name = text("retention.ms"), value = Some(text("1000")) };
        let topic = |code| {
            let mut topic = set! { create_topics_response::CreatableTopicResult,
            name = name(), error_code = code, error_message = Some(text("no")) };
            if version >= 5 {
                topic.configs = Some(vec![config.clone(), config.clone()]);
                topic.num_partitions = 3;
            }
            topic
        };
        set! { of::CreateTopicsResponse, topics = vec![topic(0), topic(code), topic(0)] }
    });
    told(ApiKey::DeleteTopics, 1..=6, |version, code| {
        let topic = |code| {
            set! { delete_topics_response::DeletableTopicResult, name = Some(name()),
            error_code = code,
            error_message = (version >= 5).then(|| text("no")) }
        };
        set! { of::DeleteTopicsResponse, responses = vec![topic(0), topic(code)] }
    });
    told(ApiKey::CreatePartitions, 0..=3, |_, code| {
        let topic = |code| {
            set! { create_partitions_response::CreatePartitionsTopicResult, name = name(),
            error_code = code, error_message = Some(text("no")) }
        };
        set! { of::CreatePartitionsResponse, results = vec![topic(0), topic(code)] }
    });
}

#[test]
fn of_partitions_that_are_moved_cut_and_described() {
    let name = || of::TopicName(text("orders"));
    use of::delete_records_response as records;
    told(ApiKey::DeleteRecords, 0..=2, |_, code| {
        let partition = |code| set! { records::DeleteRecordsPartitionResult, error_code = code };
        let topic = set! { records::DeleteRecordsTopicResult, name = name(),
        partitions = vec![partition(0), partition(code)] };
        set! { of::DeleteRecordsResponse, topics = vec![topic] }
    });
    use of::offset_for_leader_epoch_response as epoch;
    told(ApiKey::OffsetForLeaderEpoch, 2..=4, |_, code| {
        let partition = |code| set! { epoch::EpochEndOffset, error_code = code, end_offset = 7 };
        let topic = set! { epoch::OffsetForLeaderTopicResult, topic = name(),
        partitions = vec![partition(0), partition(code)] };
        set! { of::OffsetForLeaderEpochResponse, topics = vec![topic] }
    });
    use of::elect_leaders_response as elect;
    told(ApiKey::ElectLeaders, 0..=2, |_, code| {
        let partition = |code| set! { elect::PartitionResult, error_code = code };
        let topic = set! { elect::ReplicaElectionResult, topic = name(),
        partition_result = vec![partition(0), partition(code)] };
        set! { of::ElectLeadersResponse, replica_election_results = vec![topic] }
    });
    use of::alter_partition_reassignments_response as moved;
    told(ApiKey::AlterPartitionReassignments, 0..=1, |_, code| {
        let partition = |code| set! { moved::ReassignablePartitionResponse, error_code = code };
        let topic = set! { moved::ReassignableTopicResponse, name = name(),
        partitions = vec![partition(0), partition(code)] };
        set! { of::AlterPartitionReassignmentsResponse, responses = vec![topic] }
    });
    use of::describe_log_dirs_response as dirs;
    told(ApiKey::DescribeLogDirs, 1..=4, |_, code| {
        let topic = set! { dirs::DescribeLogDirsTopic, name = name(),
        partitions = vec![dirs::DescribeLogDirsPartition::default(); 2] };
        let result = |code| {
            set! { dirs::DescribeLogDirsResult, error_code = code, topics = vec![topic.clone()] }
        };
        set! { of::DescribeLogDirsResponse, results = vec![result(0), result(code)] }
    });
    use of::alter_replica_log_dirs_response as moved_dirs;
    told(ApiKey::AlterReplicaLogDirs, 1..=2, |_, code| {
        let partition =
            |code| set! { moved_dirs::AlterReplicaLogDirPartitionResult, error_code = code };
        let topic = set! { moved_dirs::AlterReplicaLogDirTopicResult, topic_name = name(),
        partitions = vec![partition(0), partition(code)] };
        set! { of::AlterReplicaLogDirsResponse, results = vec![topic] }
    });
    use of::describe_producers_response as producers;
    told(ApiKey::DescribeProducers, 0..=0, |_, code| {
        let partition = |code| {
            set! { producers::PartitionResponse, error_code = code,
            active_producers = vec![producers::ProducerState::default(); 2] }
        };
        let topic = set! { producers::TopicResponse, name = name(),
        partitions = vec![partition(0), partition(code)] };
        set! { of::DescribeProducersResponse, topics = vec![topic] }
    });
    use of::describe_topic_partitions_response as topics;
    told(ApiKey::DescribeTopicPartitions, 0..=0, |_, code| {
        let partition = |code| {
            set! { topics::DescribeTopicPartitionsResponsePartition, error_code = code,
            replica_nodes = vec![BrokerId(1), BrokerId(2)], last_known_elr = None }
        };
        let topic = set! { topics::DescribeTopicPartitionsResponseTopic, name = Some(name()),
        partitions = vec![partition(0), partition(code)] };
        set! { of::DescribeTopicPartitionsResponse, topics = vec![topic] }
    });
}
