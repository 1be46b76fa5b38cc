//! Endpoint identifiers of the Elasticsearch REST specification, by method and path. OpenSearch
//! has the same, as far as they go.

use super::super::method::Method;

/// An endpoint that a request was for.
pub(super) struct Endpoint<'a> {
    pub(super) name: &'static str,
    pub(super) parameters: Vec<(&'static str, &'a str)>,
}

/// Methods (their initials; `U` is `PUT`), path and identifier. `{…}` is one part; an `{index}`
/// never starts with an underscore, but for `_all`.
const ENDPOINTS: [(&str, &str, &str); 98] = [
    ("H", "/", "ping"),
    ("G", "/", "info"),
    ("GP", "/_search", "search"),
    ("GP", "/{index}/_search", "search"),
    ("P", "/_bulk", "bulk"),
    ("U", "/_bulk", "bulk"),
    ("PU", "/{index}/_bulk", "bulk"),
    ("GP", "/_msearch", "msearch"),
    ("GP", "/{index}/_msearch", "msearch"),
    ("GP", "/_msearch/template", "msearch_template"),
    ("GP", "/_search/template", "search_template"),
    ("GP", "/{index}/_search/template", "search_template"),
    ("GP", "/_search/scroll", "scroll"),
    ("GP", "/_search/scroll/{scroll_id}", "scroll"),
    ("D", "/_search/scroll", "clear_scroll"),
    ("D", "/_search/scroll/{scroll_id}", "clear_scroll"),
    ("GP", "/_count", "count"),
    ("GP", "/{index}/_count", "count"),
    ("GP", "/_mget", "mget"),
    ("GP", "/{index}/_mget", "mget"),
    ("P", "/{index}/_doc", "index"),
    ("PU", "/{index}/_doc/{id}", "index"),
    ("G", "/{index}/_doc/{id}", "get"),
    ("H", "/{index}/_doc/{id}", "exists"),
    ("D", "/{index}/_doc/{id}", "delete"),
    ("PU", "/{index}/_create/{id}", "create"),
    ("P", "/{index}/_update/{id}", "update"),
    ("G", "/{index}/_source/{id}", "get_source"),
    ("H", "/{index}/_source/{id}", "exists_source"),
    ("GP", "/{index}/_explain/{id}", "explain"),
    ("GP", "/{index}/_termvectors/{id}", "termvectors"),
    ("P", "/{index}/_delete_by_query", "delete_by_query"),
    ("P", "/{index}/_update_by_query", "update_by_query"),
    ("P", "/_reindex", "reindex"),
    ("GP", "/_field_caps", "field_caps"),
    ("GP", "/{index}/_field_caps", "field_caps"),
    ("GP", "/{index}/_terms_enum", "terms_enum"),
    ("GP", "/{index}/_validate/query", "indices.validate_query"),
    ("P", "/{index}/_pit", "open_point_in_time"),
    ("D", "/_pit", "close_point_in_time"),
    ("GP", "/_rank_eval", "rank_eval"),
    ("GP", "/{index}/_knn_search", "knn_search"),
    ("P", "/_async_search", "async_search.submit"),
    ("P", "/{index}/_async_search", "async_search.submit"),
    ("G", "/_async_search/{id}", "async_search.get"),
    ("D", "/_async_search/{id}", "async_search.delete"),
    ("GP", "/_sql", "sql.query"),
    ("P", "/_query", "esql.query"),
    ("GP", "/{index}/_eql/search", "eql.search"),
    ("U", "/{index}", "indices.create"),
    ("G", "/{index}", "indices.get"),
    ("D", "/{index}", "indices.delete"),
    ("H", "/{index}", "indices.exists"),
    ("GP", "/_refresh", "indices.refresh"),
    ("GP", "/{index}/_refresh", "indices.refresh"),
    ("GP", "/_flush", "indices.flush"),
    ("GP", "/{index}/_flush", "indices.flush"),
    ("P", "/{index}/_forcemerge", "indices.forcemerge"),
    ("P", "/{index}/_close", "indices.close"),
    ("P", "/{index}/_open", "indices.open"),
    ("P", "/{index}/_rollover", "indices.rollover"),
    ("G", "/_mapping", "indices.get_mapping"),
    ("G", "/{index}/_mapping", "indices.get_mapping"),
    ("PU", "/{index}/_mapping", "indices.put_mapping"),
    ("G", "/_settings", "indices.get_settings"),
    ("G", "/{index}/_settings", "indices.get_settings"),
    ("U", "/{index}/_settings", "indices.put_settings"),
    ("G", "/_stats", "indices.stats"),
    ("G", "/{index}/_stats", "indices.stats"),
    ("GP", "/_analyze", "indices.analyze"),
    ("GP", "/{index}/_analyze", "indices.analyze"),
    ("P", "/_aliases", "indices.update_aliases"),
    ("G", "/_alias", "indices.get_alias"),
    ("G", "/_alias/{name}", "indices.get_alias"),
    ("G", "/{index}/_alias", "indices.get_alias"),
    ("H", "/_alias/{name}", "indices.exists_alias"),
    ("PU", "/{index}/_alias/{name}", "indices.put_alias"),
    ("G", "/_index_template/{name}", "indices.get_index_template"),
    ("PU", "/_index_template/{name}", "indices.put_index_template"),
    ("H", "/_index_template/{name}", "indices.exists_index_template"),
    ("D", "/_index_template/{name}", "indices.delete_index_template"),
    ("G", "/_template/{name}", "indices.get_template"),
    ("PU", "/_template/{name}", "indices.put_template"),
    ("U", "/_data_stream/{name}", "indices.create_data_stream"),
    ("G", "/_data_stream/{name}", "indices.get_data_stream"),
    ("D", "/_data_stream/{name}", "indices.delete_data_stream"),
    ("U", "/_ingest/pipeline/{id}", "ingest.put_pipeline"),
    ("G", "/_ingest/pipeline/{id}", "ingest.get_pipeline"),
    ("G", "/_cluster/health", "cluster.health"),
    ("G", "/_cluster/health/{index}", "cluster.health"),
    ("G", "/_cluster/state", "cluster.state"),
    ("G", "/_cluster/stats", "cluster.stats"),
    ("G", "/_cluster/settings", "cluster.get_settings"),
    ("U", "/_cluster/settings", "cluster.put_settings"),
    ("G", "/_nodes", "nodes.info"),
    ("G", "/_nodes/stats", "nodes.stats"),
    ("G", "/_nodes/{node_id}", "nodes.info"),
    ("G", "/_tasks", "tasks.list"),
];

/// `/_cat/{what}`, whose identifier is `cat.{what}`.
const CAT: [(&str, &str); 12] = [
    ("aliases", "cat.aliases"),
    ("allocation", "cat.allocation"),
    ("count", "cat.count"),
    ("health", "cat.health"),
    ("indices", "cat.indices"),
    ("master", "cat.master"),
    ("nodes", "cat.nodes"),
    ("plugins", "cat.plugins"),
    ("recovery", "cat.recovery"),
    ("segments", "cat.segments"),
    ("shards", "cat.shards"),
    ("thread_pool", "cat.thread_pool"),
];

/// The endpoint for a method and a path.
pub(super) fn find<'a>(method: &Method, path: &'a str) -> Option<Endpoint<'a>> {
    let initial = match method {
        Method::Get => 'G',
        Method::Post => 'P',
        Method::Put => 'U',
        Method::Delete => 'D',
        Method::Head => 'H',
        _ => return None,
    };
    if let Some(what) = path.strip_prefix("/_cat/") {
        let what = what.split('/').next()?;
        let (_, name) = CAT.iter().find(|(known, _)| *known == what)?;
        return Some(Endpoint { name, parameters: Vec::new() });
    }
    ENDPOINTS
        .iter()
        .filter(|(methods, ..)| methods.contains(initial))
        .find_map(|(_, pattern, name)| Some(Endpoint { name, parameters: matched(pattern, path)? }))
}

/// The parameters of a path, if it fits the pattern.
fn matched<'a>(pattern: &'static str, path: &'a str) -> Option<Vec<(&'static str, &'a str)>> {
    let path = if path == "/" { path } else { path.strip_suffix('/').unwrap_or(path) };
    let (mut expected, mut parts) = (pattern.split('/'), path.split('/'));
    let mut parameters = Vec::new();
    loop {
        match (expected.next(), parts.next()) {
            (None, None) => return Some(parameters),
            (Some(expected), Some(part)) => {
                let name = expected.strip_prefix('{').and_then(|it| it.strip_suffix('}'));
                match name {
                    Some(name) if fits(name, part) => parameters.push((name, part)),
                    None if expected == part => {}
                    _ => return None,
                }
            }
            _ => return None,
        }
    }
}

fn fits(name: &str, part: &str) -> bool {
    !part.is_empty() && (name != "index" || !part.starts_with('_') || part == "_all")
}
