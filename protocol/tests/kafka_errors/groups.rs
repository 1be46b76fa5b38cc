//! Groups, their offsets, and transactions.

use bytes::Bytes;
use kafka_protocol::messages::{self as of, ApiKey};
use onlooker_protocol::kafka::ErrorCode;

use crate::{error_of, text, told};

#[test]
fn of_offsets() {
    use of::{list_offsets_response, offset_commit_response, offset_fetch_response};
    let name = || of::TopicName(text("orders"));
    told(ApiKey::ListOffsets, 1..=10, |version, code| {
        let partition = |code| {
            set! { list_offsets_response::ListOffsetsPartitionResponse, error_code = code,
            offset = 9, leader_epoch = if version >= 4 { 3 } else { -1 } }
        };
        let topic = set! { list_offsets_response::ListOffsetsTopicResponse, name = name(),
        partitions = vec![partition(0), partition(code)] };
        set! { of::ListOffsetsResponse, topics = vec![topic] }
    });
    told(ApiKey::OffsetCommit, 2..=10, |version, code| {
        let partition = |code| set! { offset_commit_response::OffsetCommitResponsePartition, error_code = code };
        let topic = |code| {
            let mut topic = set! { offset_commit_response::OffsetCommitResponseTopic,
            partitions = vec![partition(0), partition(code)] };
            if version < 10 {
                topic.name = name();
            }
            topic
        };
        set! { of::OffsetCommitResponse, topics = vec![topic(0), topic(code)] }
    });
    told(ApiKey::OffsetFetch, 1..=7, |_, code| {
        let partition = |code| {
            set! { offset_fetch_response::OffsetFetchResponsePartition, error_code = code,
            metadata = Some(text("mine")) }
        };
        let topic = set! { offset_fetch_response::OffsetFetchResponseTopic, name = name(),
        partitions = vec![partition(0), partition(code)] };
        set! { of::OffsetFetchResponse, topics = vec![topic] }
    });
    told(ApiKey::OffsetFetch, 2..=7, |_, code| set! { of::OffsetFetchResponse, error_code = code });
    told(ApiKey::OffsetFetch, 8..=10, |version, code| {
        let partition = |code| {
            set! { offset_fetch_response::OffsetFetchResponsePartitions, error_code = code,
            metadata = Some(text("mine")) }
        };
        let mut topic = set! { offset_fetch_response::OffsetFetchResponseTopics,
        partitions = vec![partition(0), partition(code)] };
        if version < 10 {
            topic.name = name();
        }
        let group = set! { offset_fetch_response::OffsetFetchResponseGroup, topics = vec![topic] };
        set! { of::OffsetFetchResponse, groups = vec![group] }
    });
    told(ApiKey::OffsetFetch, 8..=10, |_, code| {
        let group = |code| {
            set! { offset_fetch_response::OffsetFetchResponseGroup,
            group_id = of::GroupId(text("g")), error_code = code }
        };
        set! { of::OffsetFetchResponse, groups = vec![group(0), group(code)] }
    });
}

#[test]
fn of_groups_and_their_coordinators() {
    use of::{delete_groups_response, describe_groups_response, find_coordinator_response};
    told(ApiKey::FindCoordinator, 0..=3, |_, code| {
        set! { of::FindCoordinatorResponse, error_code = code, host = text("kafka") }
    });
    told(ApiKey::FindCoordinator, 4..=6, |_, code| {
        let coordinator = |code| {
            set! { find_coordinator_response::Coordinator, key = text("group"), host = text("kafka"),
            error_code = code, error_message = Some(text("no")) }
        };
        set! { of::FindCoordinatorResponse, coordinators = vec![coordinator(0), coordinator(code)] }
    });
    told(ApiKey::LeaveGroup, 3..=5, |_, code| {
        let member = |code| {
            set! { of::leave_group_response::MemberResponse, member_id = text("me"),
            group_instance_id = Some(text("1")), error_code = code }
        };
        set! { of::LeaveGroupResponse, members = vec![member(0), member(code)] }
    });
    told(ApiKey::DescribeGroups, 0..=6, |version, code| {
        let member = set! { describe_groups_response::DescribedGroupMember,
        member_id = text("me"), member_metadata = Bytes::from_static(b"abc"),
        member_assignment = Bytes::from_static(b"abcd"),
        group_instance_id = (version >= 4).then(|| text("1")) };
        let group = |code| {
            set! { describe_groups_response::DescribedGroup, error_code = code,
            protocol_type = text("consumer"), members = vec![member.clone(), member.clone()] }
        };
        set! { of::DescribeGroupsResponse, groups = vec![group(0), group(code)] }
    });
    told(ApiKey::DeleteGroups, 0..=2, |_, code| {
        let group = |code| {
            set! { delete_groups_response::DeletableGroupResult,
            group_id = of::GroupId(text("g")), error_code = code }
        };
        set! { of::DeleteGroupsResponse, results = vec![group(0), group(code)] }
    });
}

#[test]
fn of_groups_of_the_newer_protocols() {
    use of::consumer_group_describe_response as it;
    told(ApiKey::ConsumerGroupDescribe, 0..=1, |_, code| {
        let partitions = set! { it::TopicPartitions, topic_name = of::TopicName(text("orders")),
        partitions = vec![1, 2, 3] };
        let member = set! { it::Member, member_id = text("me"),
        subscribed_topic_names = vec![of::TopicName(text("a")), of::TopicName(text("b"))],
        subscribed_topic_regex = Some(text(".*")),
        assignment.topic_partitions = vec![partitions.clone(), partitions.clone()],
        target_assignment.topic_partitions = vec![partitions.clone()] };
        let group = |code| {
            set! { it::DescribedGroup, error_code = code, group_id = of::GroupId(text("g")),
            members = vec![member.clone(), member.clone()] }
        };
        set! { of::ConsumerGroupDescribeResponse, groups = vec![group(0), group(code)] }
    });
    use of::describe_share_group_offsets_response as share;
    told(ApiKey::DescribeShareGroupOffsets, 0..=0, |_, code| {
        let partition = |code| {
            set! { share::DescribeShareGroupOffsetsResponsePartition, error_code = code,
            error_message = Some(text("no")) }
        };
        let topic = set! { share::DescribeShareGroupOffsetsResponseTopic,
        topic_name = of::TopicName(text("orders")),
        partitions = vec![partition(0), partition(code)] };
        let group = set! { share::DescribeShareGroupOffsetsResponseGroup, topics = vec![topic] };
        set! { of::DescribeShareGroupOffsetsResponse, groups = vec![group] }
    });
    use of::share_fetch_response as fetch;
    told(ApiKey::ShareFetch, 1..=1, |_, code| {
        let partition = |error, acknowledgement| {
            set! { fetch::PartitionData, error_code = error,
            acknowledge_error_code = acknowledgement,
            records = Some(Bytes::from(vec![0x5a; 300])),
            acquired_records = vec![fetch::AcquiredRecords::default(); 2] }
        };
        let topic = set! { fetch::ShareFetchableTopicResponse,
        partitions = vec![partition(0, 0), partition(0, code), partition(code, 0)] };
        set! { of::ShareFetchResponse, responses = vec![topic] }
    });
}

#[test]
fn of_transactions() {
    use of::add_partitions_to_txn_response as add;
    let name = || of::TopicName(text("orders"));
    let topic = |code| {
        let partition =
            |code| set! { add::AddPartitionsToTxnPartitionResult, partition_error_code = code };
        set! { add::AddPartitionsToTxnTopicResult, name = name(),
        results_by_partition = vec![partition(0), partition(code)] }
    };
    told(ApiKey::AddPartitionsToTxn, 0..=3, |_, code| {
        set! { of::AddPartitionsToTxnResponse,
        results_by_topic_v3_and_below = vec![topic(0), topic(code)] }
    });
    told(ApiKey::AddPartitionsToTxn, 4..=5, |_, code| {
        let result = set! { add::AddPartitionsToTxnResult, topic_results = vec![topic(code)] };
        set! { of::AddPartitionsToTxnResponse, results_by_transaction = vec![result] }
    });
    use of::txn_offset_commit_response as commit;
    told(ApiKey::TxnOffsetCommit, 0..=5, |_, code| {
        let partition = |code| set! { commit::TxnOffsetCommitResponsePartition, error_code = code };
        let topic = set! { commit::TxnOffsetCommitResponseTopic, name = name(),
        partitions = vec![partition(0), partition(code)] };
        set! { of::TxnOffsetCommitResponse, topics = vec![topic] }
    });
    use of::write_txn_markers_response as marker;
    told(ApiKey::WriteTxnMarkers, 1..=1, |_, code| {
        let partition = |code| set! { marker::WritableTxnMarkerPartitionResult, error_code = code };
        let topic = set! { marker::WritableTxnMarkerTopicResult, name = name(),
        partitions = vec![partition(0), partition(code)] };
        let marker = set! { marker::WritableTxnMarkerResult, topics = vec![topic] };
        set! { of::WriteTxnMarkersResponse, markers = vec![marker] }
    });
    use of::describe_transactions_response as state;
    told(ApiKey::DescribeTransactions, 0..=0, |_, code| {
        let topic = set! { state::TopicData, topic = name(), partitions = vec![1, 2] };
        let state = |code| {
            set! { state::TransactionState, error_code = code, topics = vec![topic.clone()] }
        };
        set! { of::DescribeTransactionsResponse, transaction_states = vec![state(0), state(code)] }
    });
}

#[test]
fn the_cause_and_not_what_it_kept_from_being_tried() {
    // OPERATION_NOT_ATTEMPTED (55): "The broker did not attempt to execute this operation. This may
    // happen for batched RPCs where some operations in the batch failed."
    use of::add_partitions_to_txn_response as add;
    let partition =
        |code| set! { add::AddPartitionsToTxnPartitionResult, partition_error_code = code };
    let topic = set! { add::AddPartitionsToTxnTopicResult,
    results_by_partition = vec![partition(55), partition(29), partition(55)] };
    let response =
        set! { of::AddPartitionsToTxnResponse, results_by_topic_v3_and_below = vec![topic] };
    assert_eq!(error_of(ApiKey::AddPartitionsToTxn, 2, &response), Some(ErrorCode(29)));
}
