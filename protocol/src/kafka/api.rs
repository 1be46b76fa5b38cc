//! The requests there are (Kafka protocol guide, "The Messages"; message definitions of 4.1, and
//! of 3.9 for what 4.0 removed).

/// Which request: the protocol's API key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Api(pub i16);

impl Api {
    /// Writes messages.
    pub const PRODUCE: Self = Self(0);
    /// Reads messages.
    pub const FETCH: Self = Self(1);
    /// Asks for brokers, topics and their ids.
    pub const METADATA: Self = Self(3);
    /// Commits a consumer group's offsets.
    pub const OFFSET_COMMIT: Self = Self(8);
    /// Asks which broker coordinates a group or a transaction.
    pub const FIND_COORDINATOR: Self = Self(10);
    /// Joins a consumer group.
    pub const JOIN_GROUP: Self = Self(11);
    /// Keeps a membership alive.
    pub const HEARTBEAT: Self = Self(12);
    /// Leaves a consumer group.
    pub const LEAVE_GROUP: Self = Self(13);
    /// Gets a member's partitions.
    pub const SYNC_GROUP: Self = Self(14);
    /// Announces that a broker stops; version 0 has a head of its own.
    pub(super) const CONTROLLED_SHUTDOWN: Self = Self(7);
    /// Chooses a SASL mechanism.
    pub const SASL_HANDSHAKE: Self = Self(17);
    /// Asks which requests the broker knows.
    pub const API_VERSIONS: Self = Self(18);
    /// Makes a producer idempotent or transactional.
    pub const INIT_PRODUCER_ID: Self = Self(22);
    /// Adds a group's offsets to a transaction.
    pub const ADD_OFFSETS_TO_TXN: Self = Self(25);
    /// Commits or aborts a transaction.
    pub const END_TXN: Self = Self(26);
    /// Carries the tokens of a SASL mechanism.
    pub const SASL_AUTHENTICATE: Self = Self(36);
    /// Heartbeat of the consumer group protocol of KIP-848.
    pub const CONSUMER_GROUP_HEARTBEAT: Self = Self(68);

    /// The name, as in the protocol guide; `None` for keys beyond the table.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        self.entry().map(|entry| entry.0)
    }

    /// The highest version that is known.
    pub(super) fn highest(self) -> Option<i16> {
        self.entry().map(|entry| entry.1)
    }

    /// Whether this version has compact types and tagged fields (KIP-482).
    pub(super) fn is_flexible(self, version: i16) -> bool {
        self.entry().is_some_and(|entry| version >= entry.2)
    }

    fn entry(self) -> Option<&'static (&'static str, i16, i16)> {
        usize::try_from(self.0).ok().and_then(|key| APIS.get(key))
    }
}

const NEVER: i16 = i16::MAX;

/// By API key: name, highest version, first flexible version.
static APIS: &[(&str, i16, i16)] = &[
    ("Produce", 13, 9),
    ("Fetch", 18, 12),
    ("ListOffsets", 11, 6),
    ("Metadata", 13, 9),
    ("LeaderAndIsr", 7, 4),
    ("StopReplica", 4, 2),
    ("UpdateMetadata", 8, 6),
    ("ControlledShutdown", 3, 3),
    ("OffsetCommit", 10, 8),
    ("OffsetFetch", 10, 6),
    ("FindCoordinator", 6, 3),
    ("JoinGroup", 9, 6),
    ("Heartbeat", 4, 4),
    ("LeaveGroup", 5, 4),
    ("SyncGroup", 5, 4),
    ("DescribeGroups", 6, 5),
    ("ListGroups", 5, 3),
    ("SaslHandshake", 1, NEVER),
    ("ApiVersions", 5, 3),
    ("CreateTopics", 7, 5),
    ("DeleteTopics", 6, 4),
    ("DeleteRecords", 2, 2),
    ("InitProducerId", 6, 2),
    ("OffsetForLeaderEpoch", 4, 4),
    ("AddPartitionsToTxn", 5, 3),
    ("AddOffsetsToTxn", 4, 3),
    ("EndTxn", 5, 3),
    ("WriteTxnMarkers", 2, 1),
    ("TxnOffsetCommit", 6, 3),
    ("DescribeAcls", 3, 2),
    ("CreateAcls", 3, 2),
    ("DeleteAcls", 3, 2),
    ("DescribeConfigs", 4, 4),
    ("AlterConfigs", 2, 2),
    ("AlterReplicaLogDirs", 2, 2),
    ("DescribeLogDirs", 5, 2),
    ("SaslAuthenticate", 2, 2),
    ("CreatePartitions", 3, 2),
    ("CreateDelegationToken", 3, 2),
    ("RenewDelegationToken", 2, 2),
    ("ExpireDelegationToken", 2, 2),
    ("DescribeDelegationToken", 3, 2),
    ("DeleteGroups", 3, 2),
    ("ElectLeaders", 2, 2),
    ("IncrementalAlterConfigs", 1, 1),
    ("AlterPartitionReassignments", 1, 0),
    ("ListPartitionReassignments", 0, 0),
    ("OffsetDelete", 0, NEVER),
    ("DescribeClientQuotas", 1, 1),
    ("AlterClientQuotas", 1, 1),
    ("DescribeUserScramCredentials", 0, 0),
    ("AlterUserScramCredentials", 0, 0),
    ("Vote", 2, 0),
    ("BeginQuorumEpoch", 1, 1),
    ("EndQuorumEpoch", 1, 1),
    ("DescribeQuorum", 2, 0),
    ("AlterPartition", 3, 0),
    ("UpdateFeatures", 2, 0),
    ("Envelope", 0, 0),
    ("FetchSnapshot", 1, 0),
    ("DescribeCluster", 2, 0),
    ("DescribeProducers", 0, 0),
    ("BrokerRegistration", 4, 0),
    ("BrokerHeartbeat", 2, 0),
    ("UnregisterBroker", 0, 0),
    ("DescribeTransactions", 0, 0),
    ("ListTransactions", 2, 0),
    ("AllocateProducerIds", 0, 0),
    ("ConsumerGroupHeartbeat", 1, 0),
    ("ConsumerGroupDescribe", 1, 0),
    ("ControllerRegistration", 0, 0),
    ("GetTelemetrySubscriptions", 0, 0),
    ("PushTelemetry", 0, 0),
    ("AssignReplicasToDirs", 0, 0),
    ("ListConfigResources", 1, 0),
    ("DescribeTopicPartitions", 0, 0),
    ("ShareGroupHeartbeat", 1, 0),
    ("ShareGroupDescribe", 1, 0),
    ("ShareFetch", 2, 0),
    ("ShareAcknowledge", 2, 0),
    ("AddRaftVoter", 1, 0),
    ("RemoveRaftVoter", 0, 0),
    ("UpdateRaftVoter", 0, 0),
    ("InitializeShareGroupState", 0, 0),
    ("ReadShareGroupState", 0, 0),
    ("WriteShareGroupState", 1, 0),
    ("DeleteShareGroupState", 0, 0),
    ("ReadShareGroupStateSummary", 1, 0),
    ("StreamsGroupHeartbeat", 1, 0),
    ("StreamsGroupDescribe", 1, 0),
    ("DescribeShareGroupOffsets", 1, 0),
    ("AlterShareGroupOffsets", 0, 0),
    ("DeleteShareGroupOffsets", 0, 0),
    ("StreamsGroupTopologyDescriptionUpdate", 0, 0),
    ("UnregisterController", 0, 0),
];
