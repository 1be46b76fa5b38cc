//! Elasticsearch and OpenSearch: <https://www.elastic.co/docs/api/doc/elasticsearch>.

use super::super::facts::HttpFacts;
use super::elasticsearch_endpoints::{Endpoint, find};
use super::{NAME_LIMIT, aws};
use crate::names::is;
use crate::text::lossy;

/// The port that both listen on by default.
const PORT: &str = ":9200";

/// A request to Elasticsearch or OpenSearch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ElasticsearchCall {
    /// `elasticsearch` or `opensearch`.
    pub system: &'static str,
    /// The endpoint's identifier in the REST specification (`search`, `indices.create`).
    pub endpoint: &'static str,
    /// The variable parts of the path, by their names in the specification.
    pub parameters: Vec<(&'static str, Box<str>)>,
    /// The cluster, where a cloud's proxy tells it.
    pub cluster: Option<Box<str>>,
    /// The node, where a cloud's proxy tells it.
    pub node: Option<Box<str>>,
}

impl ElasticsearchCall {
    /// The index, alias or data stream, or several with commas.
    #[must_use]
    pub fn index(&self) -> Option<&str> {
        self.parameters.iter().find(|(name, _)| *name == "index").map(|(_, value)| &**value)
    }
}

/// What the fields say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Hints {
    elasticsearch: bool,
    opensearch: bool,
    cluster: Option<Box<str>>,
    node: Option<Box<str>>,
}

impl Hints {
    pub(super) fn request_field(slot: &mut Option<Box<Self>>, name: &[u8], value: &[u8]) {
        let starts = |prefix: &[u8]| {
            let same_letter =
                value.first().is_some_and(|first| first.eq_ignore_ascii_case(&prefix[0]));
            same_letter
                && value.len() >= prefix.len()
                && value[..prefix.len()].eq_ignore_ascii_case(prefix)
        };
        match name.len() {
            10 if is(name, b"User-Agent", b"user-agent") => {
                if starts(b"elasticsearch") || starts(b"elastic-") || starts(b"elastic/") {
                    slot.get_or_insert_default().elasticsearch = true;
                } else if starts(b"opensearch") {
                    slot.get_or_insert_default().opensearch = true;
                }
            }
            21 if name.eq_ignore_ascii_case(b"x-elastic-client-meta") => {
                slot.get_or_insert_default().elasticsearch = true;
            }
            6 | 12
                if starts(b"application/vnd.elasticsearch+")
                    && (name.eq_ignore_ascii_case(b"accept")
                        || name.eq_ignore_ascii_case(b"content-type")) =>
            {
                slot.get_or_insert_default().elasticsearch = true;
            }
            _ => {}
        }
    }

    pub(super) fn response_field(slot: &mut Option<Box<Self>>, name: &[u8], value: &[u8]) {
        let text = || Some(lossy(value.trim_ascii(), NAME_LIMIT));
        match name.len() {
            17 if name.eq_ignore_ascii_case(b"x-elastic-product") => {
                slot.get_or_insert_default().elasticsearch = true;
            }
            24 if name.eq_ignore_ascii_case(b"x-found-handling-cluster") => {
                slot.get_or_insert_default().cluster = text();
            }
            25 if name.eq_ignore_ascii_case(b"x-found-handling-instance") => {
                slot.get_or_insert_default().node = text();
            }
            _ => {}
        }
    }
}

/// Recognises a request: a path of the API, and a field that only it has, or its port.
pub(super) fn call(facts: &HttpFacts) -> Option<ElasticsearchCall> {
    let path = facts.path.as_deref()?;
    let none = Hints::default();
    let hints = facts.hints.elasticsearch.as_deref().unwrap_or(&none);
    let on_aws = aws::signs_for_opensearch(facts);
    let by_port = facts.host().is_some_and(|host| host.ends_with(PORT)) && path.contains("/_");
    if !(hints.elasticsearch || hints.opensearch || on_aws || by_port) {
        return None;
    }
    let Endpoint { name, parameters } = find(facts.method.as_ref()?, path)?;
    Some(ElasticsearchCall {
        system: if hints.opensearch || on_aws { "opensearch" } else { "elasticsearch" },
        endpoint: name,
        parameters: parameters
            .into_iter()
            .map(|(name, value)| (name, lossy(value.as_bytes(), NAME_LIMIT)))
            .collect(),
        cluster: hints.cluster.clone(),
        node: hints.node.clone(),
    })
}
