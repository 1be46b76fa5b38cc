//! Finished spans into finished traces. Spans come one by one, children before or after their
//! parents; a trace is shown when it looks whole and nothing has come for a moment.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use onlooker_pipeline::span::{Evidence, Span, SpanId, TraceId};

/// How long a whole trace waits for more.
const QUIET: Duration = Duration::from_millis(250);

/// How long a trace waits for spans that it knows of: a request that is not over yet.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often traces are looked at.
const SWEEP: Duration = Duration::from_millis(50);

/// Spans that are held in all. Beyond it everything is shown as it stands.
const MAX_SPANS: usize = 20_000;

/// What these may take, in bytes: most take 1 KiB or less.
const MAX_BYTES: usize = 32 * 1024 * 1024;

/// Spans that are held of one trace. More are only counted.
const MAX_TRACE_SPANS: usize = 2_000;

/// A trace as far as it came.
#[derive(Debug)]
pub(super) struct Trace {
    pub(super) spans: Vec<Span>,
    /// Spans beyond [`MAX_TRACE_SPANS`].
    pub(super) left_out: u64,
    latest: Instant,
}

/// The traces that are not shown yet.
#[derive(Debug, Default)]
pub(super) struct Assembly {
    traces: HashMap<TraceId, Trace>,
    spans: usize,
    bytes: usize,
    next_sweep: Option<Instant>,
}

impl Assembly {
    /// Takes a span. False if its trace has too many already.
    pub(super) fn add(&mut self, span: Span, now: Instant) -> bool {
        let trace = self.traces.entry(span.trace_id).or_insert_with(|| Trace {
            spans: Vec::new(),
            left_out: 0,
            latest: now,
        });
        trace.latest = now;
        self.next_sweep.get_or_insert(now + SWEEP);
        if trace.spans.len() >= MAX_TRACE_SPANS {
            trace.left_out += 1;
            return false;
        }
        self.bytes += span.held();
        trace.spans.push(span);
        self.spans += 1;
        true
    }

    /// When to call [`Self::due`] next; `None` while nothing is held.
    pub(super) const fn next_sweep(&self) -> Option<Instant> {
        self.next_sweep
    }

    /// The traces to show, oldest first.
    pub(super) fn due(&mut self, now: Instant) -> Vec<Trace> {
        if self.spans >= MAX_SPANS || self.bytes >= MAX_BYTES {
            return self.all();
        }
        if self.next_sweep.is_none_or(|at| now < at) {
            return Vec::new();
        }
        let due = self
            .traces
            .extract_if(|_, trace| {
                let waited = now.saturating_duration_since(trace.latest);
                waited >= PATIENCE || (waited >= QUIET && trace.is_whole())
            })
            .map(|(_, trace)| trace)
            .collect();
        let due = self.released(due);
        self.next_sweep = (!self.traces.is_empty()).then_some(now + SWEEP);
        due
    }

    /// Everything, whole or not.
    pub(super) fn all(&mut self) -> Vec<Trace> {
        let all = self.traces.drain().map(|(_, trace)| trace).collect();
        self.next_sweep = None;
        self.released(all)
    }

    fn released(&mut self, mut traces: Vec<Trace>) -> Vec<Trace> {
        for span in traces.iter().flat_map(|trace| &trace.spans) {
            self.spans -= 1;
            self.bytes -= span.held();
        }
        traces.sort_by_key(Trace::start);
        traces
    }
}

impl Trace {
    /// When its first span started.
    pub(super) fn start(&self) -> u64 {
        self.spans.iter().map(|span| span.start_unix_nano).min().unwrap_or(0)
    }

    /// When its last span ended.
    pub(super) fn end(&self) -> u64 {
        self.spans.iter().map(|span| span.end_unix_nano).max().unwrap_or(0)
    }

    /// Whether no parent is missing that could still come: a parent that is only known from a
    /// context on the wire belongs to somebody who is not watched.
    fn is_whole(&self) -> bool {
        let known: HashSet<SpanId> = self.spans.iter().map(|span| span.span_id).collect();
        self.spans.iter().all(|span| match span.parent {
            Some(parent) => known.contains(&parent) || span.evidence == Some(Evidence::Context),
            None => true,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Assembly, MAX_SPANS, MAX_TRACE_SPANS, PATIENCE, QUIET};
    use crate::sink::sample;
    use onlooker_pipeline::span::{Evidence, Span, SpanId, TraceId};
    use std::time::{Duration, Instant};

    fn child() -> Span {
        Span {
            span_id: SpanId([2; 8]),
            parent: Some(sample::span().span_id),
            evidence: Some(Evidence::SameTask),
            ..sample::span()
        }
    }

    #[test]
    fn a_trace_is_due_when_it_is_whole_and_quiet() {
        let begin = Instant::now();
        let mut assembly = Assembly::default();
        assert_eq!(assembly.next_sweep(), None);
        assembly.add(child(), begin);
        assert!(assembly.due(begin + QUIET * 2).is_empty());
        let root_at = begin + QUIET * 3;
        assembly.add(sample::span(), root_at);
        assert!(assembly.due(root_at + QUIET / 2).is_empty());
        let due = assembly.due(root_at + QUIET * 2);
        assert_eq!(due.len(), 1);
        assert_eq!(due[0].spans.len(), 2);
        assert_eq!(assembly.next_sweep(), None);
    }

    #[test]
    fn a_parent_elsewhere_is_not_waited_for_and_a_missing_one_not_for_ever() {
        let begin = Instant::now();
        let mut assembly = Assembly::default();
        let remote = Span { evidence: Some(Evidence::Context), ..child() };
        assembly.add(remote, begin);
        assert_eq!(assembly.due(begin + QUIET).len(), 1);

        assembly.add(child(), begin);
        assert!(assembly.due(begin + PATIENCE - Duration::from_millis(1)).is_empty());
        assert_eq!(assembly.due(begin + PATIENCE * 2).len(), 1);
    }

    #[test]
    fn memory_is_bounded() {
        let now = Instant::now();
        let mut assembly = Assembly::default();
        for _ in 0..MAX_TRACE_SPANS {
            assert!(assembly.add(child(), now));
        }
        assert!(!assembly.add(child(), now));
        let mut shown = 0;
        for number in 0..MAX_SPANS as u64 {
            let mut trace_id = [9; 16];
            trace_id[..8].copy_from_slice(&number.to_be_bytes());
            assembly.add(Span { trace_id: TraceId(trace_id), ..child() }, now);
            shown += assembly.due(now).len();
        }
        assert_eq!(shown, MAX_SPANS - MAX_TRACE_SPANS + 1);
    }
}
