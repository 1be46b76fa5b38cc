//! What was learnt from a connection's earlier messages.

use std::sync::Arc;

use super::names::{Names, TopicIds};

/// What requests and responses say once for those that follow.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) names: Names,
    pub(super) topic_ids: Arc<TopicIds>,
    /// The group of the last group request.
    pub(super) group: Option<Arc<str>>,
    /// The cluster's id, from Metadata.
    pub(super) cluster: Option<Arc<str>>,
}
