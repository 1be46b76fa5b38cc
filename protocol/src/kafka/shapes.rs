//! The fields of responses, up to the last that tells of an error (message definitions of Kafka
//! 4.1, which also hold for the versions that 4.0 removed, unless a row begins later; those of the
//! four requests of brokers under ZooKeeper are of 3.9, and only their first error is read).
//!
//! Produce, Fetch and Metadata have rooms of their own. StreamsGroupDescribe, whose definition is
//! not final, is not read.

use super::Api;
use super::errors::{BYTES, ERROR, Shape, TEXT, TEXTS, each, ints, one, pass, since, until};

/// The form of one request's response.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) api: Api,
    /// The versions that have this form.
    pub(super) from: i16,
    pub(super) to: i16,
    pub(super) fields: Shape,
}

/// The form of a response; `None` if it has no errors, or is not known.
pub(super) fn of(api: Api, version: i16) -> Option<Shape> {
    let at = SHAPES.binary_search_by_key(&api.0, |entry| entry.api.0).ok()?;
    let entry = SHAPES.get(at).filter(|entry| (entry.from..=entry.to).contains(&version))?;
    Some(entry.fields)
}

const fn shape(api: i16, from: i16, to: i16, fields: Shape) -> Entry {
    Entry { api: Api(api), from, to, fields }
}

/// The error comes first, or behind the throttle time, in every version.
const ANY: i16 = i16::MAX;

/// By API key.
#[rustfmt::skip]
pub(super) static SHAPES: &[Entry] = &[
    // ListOffsets
    shape(2, 1, 10, &[since(2, pass(4)), each(&[TEXT, each(&[pass(4), ERROR, pass(16), since(4,
        pass(4))])])]),
    // LeaderAndIsr
    shape(4, 0, ANY, &[ERROR]),
    // StopReplica
    shape(5, 0, ANY, &[ERROR]),
    // UpdateMetadata
    shape(6, 0, ANY, &[ERROR]),
    // ControlledShutdown
    shape(7, 0, ANY, &[ERROR]),
    // OffsetCommit
    shape(8, 0, 10, &[since(3, pass(4)), each(&[until(9, TEXT), since(10, pass(16)),
        each(&[pass(4), ERROR])])]),
    // OffsetFetch
    shape(9, 0, 10, &[since(3, pass(4)), until(7, each(&[TEXT, each(&[pass(12), since(5,
        pass(4)), TEXT, ERROR])])), since(2, until(7, ERROR)), since(8, each(&[TEXT, each(&[until(9,
        TEXT), since(10, pass(16)), each(&[pass(16), TEXT, ERROR])]), ERROR]))]),
    // FindCoordinator
    shape(10, 0, 6, &[since(1, pass(4)), until(3, ERROR), since(1, until(3, TEXT)), until(3,
        pass(4)), until(3, TEXT), until(3, pass(4)), since(4, each(&[TEXT, pass(4), TEXT, pass(4),
        ERROR, TEXT]))]),
    // JoinGroup
    shape(11, 0, ANY, &[since(2, pass(4)), ERROR]),
    // Heartbeat
    shape(12, 0, ANY, &[since(1, pass(4)), ERROR]),
    // LeaveGroup
    shape(13, 0, 5, &[since(1, pass(4)), ERROR, since(3, each(&[TEXT, TEXT, ERROR]))]),
    // SyncGroup
    shape(14, 0, ANY, &[since(1, pass(4)), ERROR]),
    // DescribeGroups
    shape(15, 0, 6, &[since(1, pass(4)), each(&[ERROR, since(6, TEXT), TEXT, TEXT, TEXT, TEXT,
        each(&[TEXT, since(4, TEXT), TEXT, TEXT, BYTES, BYTES]), since(3, pass(4))])]),
    // ListGroups
    shape(16, 0, ANY, &[since(1, pass(4)), ERROR]),
    // SaslHandshake
    shape(17, 0, ANY, &[ERROR]),
    // ApiVersions
    shape(18, 0, ANY, &[ERROR]),
    // CreateTopics
    shape(19, 0, 7, &[since(2, pass(4)), each(&[TEXT, since(7, pass(16)), ERROR, since(1, TEXT),
        since(5, pass(6)), since(5, each(&[TEXT, TEXT, pass(3)]))])]),
    // DeleteTopics
    shape(20, 0, 6, &[since(1, pass(4)), each(&[TEXT, since(6, pass(16)), ERROR, since(5, TEXT)])]),
    // DeleteRecords
    shape(21, 0, 2, &[pass(4), each(&[TEXT, each(&[pass(12), ERROR])])]),
    // InitProducerId
    shape(22, 0, ANY, &[pass(4), ERROR]),
    // OffsetForLeaderEpoch
    shape(23, 0, 4, &[since(2, pass(4)), each(&[TEXT, each(&[ERROR, pass(4), since(1, pass(4)),
        pass(8)])])]),
    // AddPartitionsToTxn
    shape(24, 0, 5, &[pass(4), since(4, ERROR), since(4, each(&[TEXT, each(&[TEXT,
        each(&[pass(4), ERROR])])])), until(3, each(&[TEXT, each(&[pass(4), ERROR])]))]),
    // AddOffsetsToTxn
    shape(25, 0, ANY, &[pass(4), ERROR]),
    // EndTxn
    shape(26, 0, ANY, &[pass(4), ERROR]),
    // WriteTxnMarkers
    shape(27, 0, 1, &[each(&[pass(8), each(&[TEXT, each(&[pass(4), ERROR])])])]),
    // TxnOffsetCommit
    shape(28, 0, 5, &[pass(4), each(&[TEXT, each(&[pass(4), ERROR])])]),
    // DescribeAcls
    shape(29, 0, ANY, &[pass(4), ERROR]),
    // CreateAcls
    shape(30, 0, 3, &[pass(4), each(&[ERROR, TEXT])]),
    // DeleteAcls
    shape(31, 0, 3, &[pass(4), each(&[ERROR, TEXT, each(&[ERROR, TEXT, pass(1), TEXT, since(1,
        pass(1)), TEXT, TEXT, pass(2)])])]),
    // DescribeConfigs
    shape(32, 1, 4, &[pass(4), each(&[ERROR, TEXT, pass(1), TEXT, each(&[TEXT, TEXT, pass(1),
        pass(1), pass(1), each(&[TEXT, TEXT, pass(1)]), since(3, pass(1)), since(3, TEXT)])])]),
    // AlterConfigs
    shape(33, 0, 2, &[pass(4), each(&[ERROR, TEXT, pass(1), TEXT])]),
    // AlterReplicaLogDirs
    shape(34, 0, 2, &[pass(4), each(&[TEXT, each(&[pass(4), ERROR])])]),
    // DescribeLogDirs
    shape(35, 0, 4, &[pass(4), since(3, ERROR), each(&[ERROR, TEXT, each(&[TEXT,
        each(&[pass(21)])]), since(4, pass(16))])]),
    // SaslAuthenticate
    shape(36, 0, ANY, &[ERROR]),
    // CreatePartitions
    shape(37, 0, 3, &[pass(4), each(&[TEXT, ERROR, TEXT])]),
    // CreateDelegationToken
    shape(38, 0, ANY, &[ERROR]),
    // RenewDelegationToken
    shape(39, 0, ANY, &[ERROR]),
    // ExpireDelegationToken
    shape(40, 0, ANY, &[ERROR]),
    // DescribeDelegationToken
    shape(41, 0, ANY, &[ERROR]),
    // DeleteGroups
    shape(42, 0, 2, &[pass(4), each(&[TEXT, ERROR])]),
    // ElectLeaders
    shape(43, 0, 2, &[pass(4), since(1, ERROR), each(&[TEXT, each(&[pass(4), ERROR, TEXT])])]),
    // IncrementalAlterConfigs
    shape(44, 0, 1, &[pass(4), each(&[ERROR, TEXT, pass(1), TEXT])]),
    // AlterPartitionReassignments
    shape(45, 0, 1, &[pass(4), since(1, pass(1)), ERROR, TEXT, each(&[TEXT, each(&[pass(4),
        ERROR, TEXT])])]),
    // ListPartitionReassignments
    shape(46, 0, ANY, &[pass(4), ERROR]),
    // OffsetDelete
    shape(47, 0, 0, &[ERROR, pass(4), each(&[TEXT, each(&[pass(4), ERROR])])]),
    // DescribeClientQuotas
    shape(48, 0, ANY, &[pass(4), ERROR]),
    // AlterClientQuotas
    shape(49, 0, 1, &[pass(4), each(&[ERROR, TEXT, each(&[TEXT, TEXT])])]),
    // DescribeUserScramCredentials
    shape(50, 0, 0, &[pass(4), ERROR, TEXT, each(&[TEXT, ERROR, TEXT, each(&[pass(5)])])]),
    // AlterUserScramCredentials
    shape(51, 0, 0, &[pass(4), each(&[TEXT, ERROR, TEXT])]),
    // Vote
    shape(52, 0, 2, &[ERROR, each(&[TEXT, each(&[pass(4), ERROR, pass(9)])])]),
    // BeginQuorumEpoch
    shape(53, 0, 1, &[ERROR, each(&[TEXT, each(&[pass(4), ERROR, pass(8)])])]),
    // EndQuorumEpoch
    shape(54, 0, 1, &[ERROR, each(&[TEXT, each(&[pass(4), ERROR, pass(8)])])]),
    // DescribeQuorum
    shape(55, 0, 2, &[ERROR, since(2, TEXT), each(&[TEXT, each(&[pass(4), ERROR, since(2, TEXT),
        pass(16), each(&[pass(4), since(2, pass(16)), pass(8), since(1, pass(16))]), each(&[pass(4),
        since(2, pass(16)), pass(8), since(1, pass(16))])])])]),
    // AlterPartition
    shape(56, 2, 3, &[pass(4), ERROR, each(&[pass(16), each(&[pass(4), ERROR, pass(8), ints(4),
        pass(1), pass(4)])])]),
    // UpdateFeatures
    shape(57, 0, 2, &[pass(4), ERROR, TEXT, until(1, each(&[TEXT, ERROR, TEXT]))]),
    // Envelope
    shape(58, 0, ANY, &[BYTES, ERROR]),
    // FetchSnapshot
    shape(59, 0, 1, &[pass(4), ERROR, each(&[TEXT, each(&[pass(4), ERROR, one(&[pass(12)]),
        pass(16), BYTES])])]),
    // DescribeCluster
    shape(60, 0, ANY, &[pass(4), ERROR]),
    // DescribeProducers
    shape(61, 0, 0, &[pass(4), each(&[TEXT, each(&[pass(4), ERROR, TEXT, each(&[pass(36)])])])]),
    // BrokerRegistration
    shape(62, 0, ANY, &[pass(4), ERROR]),
    // BrokerHeartbeat
    shape(63, 0, ANY, &[pass(4), ERROR]),
    // UnregisterBroker
    shape(64, 0, ANY, &[pass(4), ERROR]),
    // DescribeTransactions
    shape(65, 0, 0, &[pass(4), each(&[ERROR, TEXT, TEXT, pass(22), each(&[TEXT, ints(4)])])]),
    // ListTransactions
    shape(66, 0, ANY, &[pass(4), ERROR]),
    // AllocateProducerIds
    shape(67, 0, ANY, &[pass(4), ERROR]),
    // ConsumerGroupHeartbeat
    shape(68, 0, ANY, &[pass(4), ERROR]),
    // ConsumerGroupDescribe
    shape(69, 0, 1, &[pass(4), each(&[ERROR, TEXT, TEXT, TEXT, pass(8), TEXT, each(&[TEXT, TEXT,
        TEXT, pass(4), TEXT, TEXT, TEXTS, TEXT, one(&[each(&[pass(16), TEXT, ints(4)])]),
        one(&[each(&[pass(16), TEXT, ints(4)])]), since(1, pass(1))]), pass(4)])]),
    // ControllerRegistration
    shape(70, 0, ANY, &[pass(4), ERROR]),
    // GetTelemetrySubscriptions
    shape(71, 0, ANY, &[pass(4), ERROR]),
    // PushTelemetry
    shape(72, 0, ANY, &[pass(4), ERROR]),
    // AssignReplicasToDirs
    shape(73, 0, 0, &[pass(4), ERROR, each(&[pass(16), each(&[pass(16), each(&[pass(4),
        ERROR])])])]),
    // ListConfigResources
    shape(74, 0, ANY, &[pass(4), ERROR]),
    // DescribeTopicPartitions
    shape(75, 0, 0, &[pass(4), each(&[ERROR, TEXT, pass(17), each(&[ERROR, pass(12), ints(4),
        ints(4), ints(4), ints(4), ints(4)]), pass(4)])]),
    // ShareGroupHeartbeat
    shape(76, 0, ANY, &[pass(4), ERROR]),
    // ShareGroupDescribe
    shape(77, 0, 1, &[pass(4), each(&[ERROR, TEXT, TEXT, TEXT, pass(8), TEXT, each(&[TEXT, TEXT,
        pass(4), TEXT, TEXT, TEXTS, one(&[each(&[pass(16), TEXT, ints(4)])])]), pass(4)])]),
    // ShareFetch
    shape(78, 0, 1, &[pass(4), ERROR, TEXT, since(1, pass(4)), each(&[pass(16), each(&[pass(4),
        ERROR, TEXT, ERROR, TEXT, one(&[pass(8)]), BYTES, each(&[pass(18)])])])]),
    // ShareAcknowledge
    shape(79, 0, 1, &[pass(4), ERROR, TEXT, each(&[pass(16), each(&[pass(4), ERROR, TEXT,
        one(&[pass(8)])])])]),
    // AddRaftVoter
    shape(80, 0, ANY, &[pass(4), ERROR]),
    // RemoveRaftVoter
    shape(81, 0, ANY, &[pass(4), ERROR]),
    // UpdateRaftVoter
    shape(82, 0, ANY, &[pass(4), ERROR]),
    // InitializeShareGroupState
    shape(83, 0, 0, &[each(&[pass(16), each(&[pass(4), ERROR, TEXT])])]),
    // ReadShareGroupState
    shape(84, 0, 0, &[each(&[pass(16), each(&[pass(4), ERROR, TEXT, pass(12),
        each(&[pass(19)])])])]),
    // WriteShareGroupState
    shape(85, 0, 0, &[each(&[pass(16), each(&[pass(4), ERROR, TEXT])])]),
    // DeleteShareGroupState
    shape(86, 0, 0, &[each(&[pass(16), each(&[pass(4), ERROR, TEXT])])]),
    // ReadShareGroupStateSummary
    shape(87, 0, 0, &[each(&[pass(16), each(&[pass(4), ERROR, TEXT, pass(16)])])]),
    // StreamsGroupHeartbeat
    shape(88, 0, ANY, &[pass(4), ERROR]),
    // DescribeShareGroupOffsets
    shape(90, 0, 0, &[pass(4), each(&[TEXT, each(&[TEXT, pass(16), each(&[pass(16), ERROR,
        TEXT])]), ERROR, TEXT])]),
    // AlterShareGroupOffsets
    shape(91, 0, 0, &[pass(4), ERROR, TEXT, each(&[TEXT, pass(16), each(&[pass(4), ERROR,
        TEXT])])]),
    // DeleteShareGroupOffsets
    shape(92, 0, 0, &[pass(4), ERROR, TEXT, each(&[TEXT, pass(16), ERROR, TEXT])]),
];
