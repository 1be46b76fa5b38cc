//! Configurations, permissions, and the cluster itself.

use kafka_protocol::messages::{self as of, ApiKey, BrokerId};

use crate::{text, told};

#[test]
fn of_configurations_and_permissions() {
    use of::describe_configs_response as configs;
    told(ApiKey::DescribeConfigs, 1..=4, |version, code| {
        let synonym = set! { configs::DescribeConfigsSynonym, name = text("b") };
        let config = set! { configs::DescribeConfigsResourceResult, name = text("a"),
        value = Some(text("1")), synonyms = vec![synonym.clone(), synonym.clone()],
        documentation = (version >= 3).then(|| text("what it is")) };
        let result = |code| {
            set! { configs::DescribeConfigsResult, error_code = code, error_message = Some(text("")),
            configs = vec![config.clone(), config.clone()] }
        };
        set! { of::DescribeConfigsResponse, results = vec![result(0), result(code)] }
    });
    told(ApiKey::AlterConfigs, 0..=2, |_, code| {
        let response = |code| {
            set! { of::alter_configs_response::AlterConfigsResourceResponse, error_code = code,
            resource_name = text("orders") }
        };
        set! { of::AlterConfigsResponse, responses = vec![response(0), response(code)] }
    });
    told(ApiKey::IncrementalAlterConfigs, 0..=1, |_, code| {
        let response = |code| {
            set! { of::incremental_alter_configs_response::AlterConfigsResourceResponse,
            error_code = code, resource_name = text("orders") }
        };
        set! { of::IncrementalAlterConfigsResponse, responses = vec![response(0), response(code)] }
    });
    told(ApiKey::CreateAcls, 1..=3, |_, code| {
        let result = |code| {
            set! { of::create_acls_response::AclCreationResult, error_code = code,
            error_message = Some(text("no")) }
        };
        set! { of::CreateAclsResponse, results = vec![result(0), result(code)] }
    });
    use of::delete_acls_response as acls;
    told(ApiKey::DeleteAcls, 1..=3, |_, code| {
        let acl = |code| {
            set! { acls::DeleteAclsMatchingAcl, error_code = code, principal = text("User:me") }
        };
        let result = set! { acls::DeleteAclsFilterResult, matching_acls = vec![acl(0), acl(code)] };
        set! { of::DeleteAclsResponse, filter_results = vec![result] }
    });
    use of::alter_client_quotas_response as quotas;
    told(ApiKey::AlterClientQuotas, 0..=1, |_, code| {
        let entity = set! { quotas::EntityData, entity_type = text("user") };
        let entry = |code| {
            set! { quotas::EntryData, error_code = code, entity = vec![entity.clone(), entity.clone()] }
        };
        set! { of::AlterClientQuotasResponse, entries = vec![entry(0), entry(code)] }
    });
    use of::alter_user_scram_credentials_response as scram;
    told(ApiKey::AlterUserScramCredentials, 0..=0, |_, code| {
        let result = |code| {
            set! { scram::AlterUserScramCredentialsResult, user = text("me"), error_code = code }
        };
        set! { of::AlterUserScramCredentialsResponse, results = vec![result(0), result(code)] }
    });
}

#[test]
fn of_the_quorum_and_of_features() {
    use of::describe_quorum_response as quorum;
    told(ApiKey::DescribeQuorum, 0..=2, |_, code| {
        let partition = |code| {
            set! { quorum::PartitionData, error_code = code,
            current_voters = vec![quorum::ReplicaState::default(); 3],
            observers = vec![quorum::ReplicaState::default()] }
        };
        let topic = set! { quorum::TopicData, partitions = vec![partition(0), partition(code)] };
        set! { of::DescribeQuorumResponse, topics = vec![topic] }
    });
    use of::alter_partition_response as alter;
    told(ApiKey::AlterPartition, 2..=3, |_, code| {
        let partition = |code| {
            set! { alter::PartitionData, error_code = code, isr = vec![BrokerId(1), BrokerId(2)] }
        };
        let topic = set! { alter::TopicData, partitions = vec![partition(0), partition(code)] };
        set! { of::AlterPartitionResponse, topics = vec![topic] }
    });
    use of::update_features_response as features;
    told(ApiKey::UpdateFeatures, 0..=1, |_, code| {
        let feature = |code| {
            set! { features::UpdatableFeatureResult, feature = text("f"), error_code = code }
        };
        set! { of::UpdateFeaturesResponse, results = vec![feature(0), feature(code)] }
    });
    use of::assign_replicas_to_dirs_response as assign;
    told(ApiKey::AssignReplicasToDirs, 0..=0, |_, code| {
        let partition = |code| set! { assign::PartitionData, error_code = code };
        let topic = set! { assign::TopicData, partitions = vec![partition(0), partition(code)] };
        let directory = set! { assign::DirectoryData, topics = vec![topic] };
        set! { of::AssignReplicasToDirsResponse, directories = vec![directory] }
    });
}
