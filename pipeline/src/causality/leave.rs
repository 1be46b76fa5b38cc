//! The last step: a node that has its ids becomes a span.

use onlooker_protocol::WireContext;

use super::ids::Ids;
use super::node::{Finished, Parent};
use crate::messages::Messages;
use crate::span::sampling::{Decision, SAMPLED};
use crate::span::{Attributes, Link, LinkEvidence, Sampler, Span, SpanId, TraceId};

/// The ids that a context names.
fn carried(context: &WireContext) -> Ids {
    Ids {
        trace: TraceId(context.trace_id),
        span: SpanId(context.span_id),
        flags: u8::from(context.sampled != Some(false)) | (u8::from(context.random) << 1),
        state: context.state.clone(),
    }
}

/// What the spans of a trace carry on that a caller brought.
pub(super) fn joined(context: &WireContext, sampler: &Sampler) -> Ids {
    let ids = carried(context);
    let Decision { sampled, state } =
        sampler.remote(ids.trace, context.sampled, context.state.as_deref());
    Ids { flags: with_sampled(ids.flags, sampled), state, ..ids }
}

/// Flags with the bit that says whether the trace is kept.
pub(super) fn with_sampled(flags: u8, sampled: bool) -> u8 {
    (flags & !SAMPLED) | u8::from(sampled)
}

/// Links to the contexts that came along and are no parents, or are parents beside.
pub(super) fn links(finished: &Finished, messages: Option<&Messages>) -> Vec<Link> {
    let of_messages = messages.into_iter().flat_map(|messages| &messages.contexts);
    let of_messages = of_messages.map(|context| (context, LinkEvidence::MessageContext));
    let others = finished.links.iter().map(|context| (context, LinkEvidence::Context));
    let mut links: Vec<Link> = Vec::new();
    for (context, evidence) in of_messages.chain(others) {
        let Ids { trace, span, state, .. } = carried(context);
        if links.iter().any(|link| link.span_id == span && link.trace_id == trace) {
            continue;
        }
        let mut attributes = Attributes::default();
        attributes.set(LinkEvidence::KEY, evidence.name());
        links.push(Link { trace_id: trace, span_id: span, state, attributes });
    }
    links
}

/// The span of an exchange that has its ids, without links.
pub(super) fn span_of(
    finished: Box<Finished>,
    ids: Ids,
    parent: Option<Parent>,
    epoch: u64,
) -> Span {
    let start_unix_nano = finished.start.saturating_add(epoch);
    Span {
        trace_id: ids.trace,
        span_id: ids.span,
        parent: parent.as_ref().map(|parent| parent.ids.span),
        evidence: parent.as_ref().map(|parent| parent.evidence),
        parent_is_remote: parent.as_ref().is_some_and(|parent| parent.remote),
        flags: ids.flags,
        state: ids.state,
        name: finished.description.name,
        kind: finished.description.kind,
        start_unix_nano,
        end_unix_nano: finished.end.max(finished.start).saturating_add(epoch),
        status: finished.description.status,
        attributes: finished.description.attributes,
        links: Vec::new(),
        resource: finished.resource,
    }
}

#[cfg(test)]
mod tests {
    use onlooker_protocol::{ContextFormat, WireContext};

    use super::joined;
    use crate::span::Sampler;

    fn context(sampled: Option<bool>) -> WireContext {
        WireContext {
            trace_id: [0x7f; 16],
            span_id: [1; 8],
            sampled,
            random: true,
            state: Some("a=b".into()),
            format: ContextFormat::W3c,
        }
    }

    #[test]
    fn a_caller_is_followed_unless_the_sampler_decides_alone() {
        let flags = |name: &str, ratio, sampled| {
            let sampler = Sampler::parse(name, ratio).unwrap();
            joined(&context(sampled), &sampler).flags
        };
        assert_eq!(flags("parentbased_always_on", 1.0, Some(true)), 3);
        assert_eq!(flags("parentbased_always_on", 1.0, Some(false)), 2);
        assert_eq!(flags("parentbased_always_on", 1.0, None), 3);
        assert_eq!(flags("parentbased_always_off", 1.0, None), 2);
        assert_eq!(flags("always_on", 1.0, Some(false)), 3);
        // R is 0x7f7f7f7f7f7f7f, just below one half.
        assert_eq!(flags("traceidratio", 0.5, Some(true)), 2);
        assert_eq!(flags("traceidratio", 0.6, Some(false)), 3);
    }

    #[test]
    fn the_threshold_is_stated_beside_what_the_caller_states() {
        let sampler = Sampler::parse("traceidratio", 0.75).unwrap();
        let ids = joined(&context(Some(true)), &sampler);
        assert_eq!(ids.state.as_deref(), Some("ot=th:4,a=b"));
    }
}
