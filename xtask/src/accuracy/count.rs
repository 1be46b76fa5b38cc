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
