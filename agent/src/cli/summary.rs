//! The closing summary: what was seen, dropped and not understood.

use std::fmt;

use onlooker_common::counter::Counter;
use onlooker_pipeline::{LinkCounters, MessageCounters, PipelineCounters};

use super::failures::Failures;
use super::tape::Recorded;
use crate::sink::{self, escape};
use crate::words::counted;

/// Processes that are named in a line.
const MOST_NAMED: usize = 8;

/// The account of a whole run.
#[derive(Debug)]
pub(super) struct Summary {
    pub(super) account: Account,
    /// Processes that use io_uring, and their services.
    pub(super) blind: Vec<(u32, String)>,
    /// The event file, if one was written.
    pub(super) recorded: Option<Recorded>,
    pub(super) sinks: sink::Summary,
}

impl Summary {
    /// Whether an event file was wanted and could not be written.
    pub(super) fn recording_failed(&self) -> bool {
        self.recorded.as_ref().is_some_and(Recorded::failed)
    }

    /// Whether spans could not be written to the console or a file.
    pub(super) fn write_failed(&self) -> bool {
        self.sinks.write_failed()
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { account, blind, recorded, sinks } = self;
        write!(f, "onlooker: {account}")?;
        let names = blind.iter().take(MOST_NAMED).map(|(pid, service)| {
            let service = escape(service);
            format!("process {pid} ({service})")
        });
        if !blind.is_empty() {
            let names = names.collect::<Vec<_>>().join(", ");
            let more = blind.len().saturating_sub(MOST_NAMED);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            writeln!(f, "  not seen: what is read and sent with io_uring by {names}{more}")?;
        }
        if let Some(recorded) = recorded {
            write!(f, "{recorded}")?;
        }
        write!(f, "{sinks}")
    }
}

/// What the kernel programs and the pipeline did and did not do, live or in a replay.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) kernel: [u64; Counter::Count as usize],
    pub(super) pipeline: PipelineCounters,
    pub(super) links: LinkCounters,
    pub(super) messages: MessageCounters,
    pub(super) failures: Failures,
    pub(super) spans: u64,
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kernel, pipeline, links, messages, failures, spans } = self;
        writeln!(
            f,
            "{} from {} on {}, {}",
            counted(*spans, "span(s)"),
            counted(pipeline.exchanges, "exchange(s)"),
            counted(pipeline.connections, "connection(s)"),
            counted(pipeline.records, "kernel event(s)")
        )?;
        list(
            f,
            "still open",
            &[(pipeline.open, "span(s), which end(s|) where the agent stopped looking")],
        )?;
        let [context, same_call, same_task, lineage, segment] = links.by_evidence;
        list(
            f,
            "parents",
            &[
                (same_call, "by both ends of a call"),
                (same_task, "by the serving thread"),
                (segment, "by event-loop segment"),
                (lineage, "by thread lineage"),
                (context, "by context on the wire"),
                (links.roots, "root(s)"),
            ],
        )?;
        list(
            f,
            "without a parent because",
            &[
                (links.multiplexed, "the thread serves several requests at once"),
                (links.scheduled, "the runtime moves requests between threads (Go, Erlang)"),
                (links.waited, "the thread is an event loop and did something else meanwhile"),
                (links.handed_off, "the request changed threads"),
                (links.pool, "the thread belongs to a pool"),
                (links.over, "what the thread had served was over"),
                (links.peer_missing, "the other end brought nothing"),
                (links.cause_missing, "the request that caused it did not end in time"),
                (links.cause_lost, "what the thread had read was no request, or was lost"),
                (links.overflow, "too many exchanges waited"),
            ],
        )?;
        let [context, offset, identity] = messages.by_evidence;
        list(
            f,
            "links from received messages to their senders",
            &[
                (context, "by context in the message"),
                (offset, "by offset"),
                (identity, "by identity"),
            ],
        )?;
        list(
            f,
            "messages without such a link because",
            &[
                (messages.sender_missing, "the sender was not seen in time"),
                (messages.sender_unsettled, "the sender's span was not over in time"),
                (messages.ambiguous, "several could have sent it"),
                (messages.nameless, "too little of it was seen"),
                (messages.forgotten, "sender(s) (was|were) forgotten: there were too many"),
                (messages.overflow, "too many spans waited"),
                (messages.links_cut, "the span had too many"),
            ],
        )?;
        write!(f, "{failures}")?;
        not_understood(f, pipeline)?;
        let mut lost = lost_in_kernel(kernel).to_vec();
        lost.extend([
            (pipeline.strangers, "event(s) of sockets that were not announced"),
            (pipeline.malformed, "malformed event(s)"),
            (pipeline.gap_bytes, "byte(s) that never came"),
            (pipeline.late_bytes, "byte(s) that came twice or late"),
            (pipeline.lost, "message(s) that (was|were) cut short, or had no sure counterpart"),
            (pipeline.forgotten, "connection(s): there were too many"),
            (
                pipeline.started_over,
                "connection(s) up to where reading began afresh: too much was held",
            ),
        ]);
        list(f, "lost", &lost)?;
        let of = |counter: Counter| kernel[counter as usize];
        list(
            f,
            "not copied",
            &[
                (of(Counter::Beyond), "byte(s) that no span needs"),
                (of(Counter::Muted), "call(s) on connections that are not understood"),
                (of(Counter::OtherSockets), "call(s) on sockets of other kinds"),
            ],
        )
    }
}

/// What the kernel programs gave up.
pub(super) fn lost_in_kernel(kernel: &[u64; Counter::Count as usize]) -> [(u64, &'static str); 8] {
    let of = |counter: Counter| kernel[counter as usize];
    [
        (of(Counter::LostData), "event(s): the ring buffer was full"),
        (of(Counter::LostBytes), "byte(s) in those"),
        (of(Counter::LostOther), "control event(s): the ring buffer was full"),
        (
            of(Counter::SkippedRuns),
            "look(s) that the kernel skipped: a program would have interrupted itself",
        ),
        (of(Counter::Faults), "payload(s) that could not be read"),
        (of(Counter::SocketsFull), "socket(s): the table was full"),
        (of(Counter::TasksFull), "thread(s): the table was full"),
        (of(Counter::TargetsFull), "process(es): the table was full"),
    ]
}

/// What was seen and is in no span: by the conventions, or because it was not read.
pub(super) fn not_understood(
    f: &mut fmt::Formatter<'_>,
    pipeline: &PipelineCounters,
) -> fmt::Result {
    // Heartbeats, metadata, settlements.
    list(f, "no span by the conventions", &[(pipeline.without_span, "exchange(s)")])?;
    list(
        f,
        "not understood",
        &[
            (pipeline.unknown, "connection(s) of unknown protocols"),
            (pipeline.undecided, "connection(s) on which too little was said"),
            (pipeline.encrypted, "encrypted connection(s)"),
            (
                pipeline.left_alone,
                "connection(s) that went on with WebSocket, replication, MONITOR, compression or the like",
            ),
            (pipeline.demotions, "connection(s) first taken for another protocol"),
            (pipeline.not_understood, "message(s)"),
        ],
    )
}

/// One line of counts, without the zeros; nothing if all are. The words are those of [`counted`].
pub(super) fn list(f: &mut fmt::Formatter<'_>, title: &str, counts: &[(u64, &str)]) -> fmt::Result {
    let mut shown = counts.iter().filter(|(n, _)| *n > 0).peekable();
    if shown.peek().is_none() {
        return Ok(());
    }
    write!(f, "  {title}:")?;
    for (index, (n, what)) in shown.enumerate() {
        write!(f, "{} {}", if index > 0 { "," } else { "" }, counted(*n, what))?;
    }
    writeln!(f)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_of_one_are_singular() {
        let mut account = Account {
            kernel: [1; Counter::Count as usize],
            pipeline: PipelineCounters::default(),
            links: LinkCounters::default(),
            messages: MessageCounters::default(),
            failures: Failures::default(),
            spans: 1,
        };
        let (pipeline, links) = (&mut account.pipeline, &mut account.links);
        for count in [
            &mut pipeline.records,
            &mut pipeline.malformed,
            &mut pipeline.strangers,
            &mut pipeline.connections,
            &mut pipeline.unknown,
            &mut pipeline.undecided,
            &mut pipeline.encrypted,
            &mut pipeline.left_alone,
            &mut pipeline.demotions,
            &mut pipeline.exchanges,
            &mut pipeline.open,
            &mut pipeline.without_span,
            &mut pipeline.not_understood,
            &mut pipeline.lost,
            &mut pipeline.gap_bytes,
            &mut pipeline.late_bytes,
            &mut pipeline.forgotten,
            &mut pipeline.started_over,
            &mut links.roots,
            &mut account.messages.forgotten,
        ] {
            *count = 1;
        }
        let text = account.to_string();
        assert!(
            text.starts_with("1 span from 1 exchange on 1 connection, 1 kernel event\n"),
            "{text}"
        );
        let words: Vec<&str> = text.split_whitespace().collect();
        for what in words.windows(3).filter(|words| words[0] == "1") {
            let noun = if matches!(what[1], "kernel" | "control" | "malformed" | "encrypted") {
                what[2]
            } else {
                what[1]
            };
            assert!(
                !noun.trim_end_matches([',', ':']).ends_with('s') || noun.starts_with("process"),
                "{what:?} in {text}"
            );
        }
        assert!(text.contains("1 process: the table was full"), "{text}");
        assert!(text.contains("1 span, which ends where"), "{text}");
        assert!(text.contains("no span by the conventions: 1 exchange"), "{text}");
    }
}
