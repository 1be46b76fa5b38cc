//! Counts links against the truth that the paths tell.

use std::collections::HashMap;

use onlooker_e2e::Span;

use super::workload::{Role, Workload};

/// Links of one kind. Wrong and missing are never added up: a wrong one is worse.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Links {
    pub(super) right: u32,
    pub(super) wrong: u32,
    pub(super) missing: u32,
}

/// Links inside the service (its calls to the requests that caused them) and between processes (a
/// request at a server to the call it came from), for so many requests.
pub(super) fn count(
    spans: &[Span],
    requests: u32,
    workload: &Workload,
    roles: &HashMap<i64, Role>,
) -> (Links, Links) {
    let role = |span: &Span| span.pid().and_then(|pid| roles.get(&pid)).copied();
    let by_id: HashMap<&str, &Span> =
        spans.iter().map(|span| (span.span_id.as_str(), span)).collect();
    let (mut inside, mut between) = (Links::default(), Links::default());
    for span in spans {
        let expected_of_parent = match (role(span), span.kind.as_str()) {
            (Some(Role::Service), "CLIENT") => Some((Role::Service, "SERVER", &mut inside)),
            (Some(Role::Leaf), "SERVER") => Some((Role::Service, "CLIENT", &mut between)),
            (Some(Role::Service), "SERVER") if workload.has_front() => {
                Some((Role::Front, "CLIENT", &mut between))
            }
            _ => None,
        };
        let Some((parent_role, parent_kind, links)) = expected_of_parent else { continue };
        let Some(parent) = &span.parent else { continue };
        let is_right = by_id.get(parent.as_str()).is_some_and(|parent| {
            role(parent) == Some(parent_role)
                && parent.kind == parent_kind
                && parent.path() == span.path()
                && parent.trace_id == span.trace_id
        });
        if is_right {
            links.right += 1;
        } else {
            links.wrong += 1;
        }
    }
    let calls = requests * workload.calls;
    inside.missing = calls.saturating_sub(inside.right + inside.wrong);
    let across = calls + if workload.has_front() { requests } else { 0 };
    between.missing = across.saturating_sub(between.right + between.wrong);
    (inside, between)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use onlooker_e2e::Span;

    use super::{Links, count};
    use crate::accuracy::workload::{ALL, Role};

    const SERVICE: i64 = 1;
    const LEAF: i64 = 2;

    fn span(id: &str, parent: Option<&str>, kind: &str, pid: i64, path: &str) -> Span {
        let parent = parent.map_or("null".to_owned(), |parent| format!("\"{parent}\""));
        Span::parse(&format!(
            r#"{{"trace_id":"t","span_id":"{id}","parent_span_id":{parent},"evidence":null,
            "name":"GET","kind":"{kind}","start_unix_nano":1,"end_unix_nano":2,"status":"UNSET",
            "service":"s","attributes":{{"url.path":"{path}"}},"resource":{{"process.pid":{pid}}}}}"#
        ))
        .expect("a span")
    }

    #[test]
    fn a_link_to_another_request_is_wrong_and_one_that_is_not_there_is_missing() {
        let roles = HashMap::from([(SERVICE, Role::Service), (LEAF, Role::Leaf)]);
        let spans = [
            span("a", None, "SERVER", SERVICE, "/r/0"),
            span("b", Some("a"), "CLIENT", SERVICE, "/r/0"),
            span("c", Some("b"), "SERVER", LEAF, "/r/0"),
            // Its call has the other request for a parent; the server's end of it has none.
            span("d", None, "SERVER", SERVICE, "/r/1"),
            span("e", Some("a"), "CLIENT", SERVICE, "/r/1"),
            span("f", None, "SERVER", LEAF, "/r/1"),
            // A request whose call was not seen, and one with a parent that was not.
            span("g", None, "SERVER", SERVICE, "/r/2"),
            span("h", Some("?"), "SERVER", LEAF, "/r/2"),
        ];
        let (inside, between) = count(&spans, 3, &ALL[0], &roles);
        assert_eq!(inside, Links { right: 1, wrong: 1, missing: 1 });
        assert_eq!(between, Links { right: 1, wrong: 1, missing: 1 });
    }
}
