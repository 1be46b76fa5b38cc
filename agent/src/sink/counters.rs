//! What became of every span a sink was given: exported, or dropped for a reason.

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use crate::words::counted;

/// Why a span did not reach its destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DropReason {
    /// The sink's queue was full: the destination is slower than the spans come.
    QueueFull,
    /// The destination refused the whole request for good (HTTP 400, gRPC INVALID_ARGUMENT, …).
    Refused,
    /// The destination took the request but rejected some of its spans (OTLP partial success).
    Rejected,
    /// The encoded span alone is larger than a request may be.
    TooLarge,
    /// Nobody reads the output any more: a closed pipe.
    OutputClosed,
    /// The output could not be written: a full disk.
    NotWritten,
    /// More spans in one trace than the tree shows.
    TraceTooLarge,
    /// The agent ended before the span was delivered.
    Stopped,
}

impl DropReason {
    /// What became of spans whose writing failed.
    pub(super) fn of_write(error: &io::Error) -> Self {
        // What `head` does is no fault.
        if error.kind() == io::ErrorKind::BrokenPipe {
            Self::OutputClosed
        } else {
            Self::NotWritten
        }
    }

    const ALL: [Self; 8] = [
        Self::QueueFull,
        Self::Refused,
        Self::Rejected,
        Self::TooLarge,
        Self::OutputClosed,
        Self::NotWritten,
        Self::TraceTooLarge,
        Self::Stopped,
    ];
}

impl fmt::Display for DropReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::QueueFull => "the queue was full",
            Self::Refused => "refused by the destination",
            Self::Rejected => "rejected by the destination (partial success)",
            Self::TooLarge => "larger than a request may be",
            Self::OutputClosed => "the output was closed",
            Self::NotWritten => "could not be written",
            Self::TraceTooLarge => "more spans in one trace than the tree shows",
            Self::Stopped => "not delivered before the end",
        })
    }
}

/// One sink's account, as it stands. `accepted = exported + dropped + still on their way`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SinkCounts {
    /// Which sink, with its destination: `otlp http/protobuf http://localhost:4318/v1/traces`.
    pub name: String,
    /// Spans given to the sink.
    pub accepted: u64,
    /// Spans delivered.
    pub exported: u64,
    /// Spans lost, by reason; only reasons that happened.
    pub dropped: Vec<(DropReason, u64)>,
    /// Requests sent again after a failure.
    pub retries: u64,
    /// The last thing that went wrong, fit for a terminal.
    pub last_error: Option<String>,
}

impl SinkCounts {
    /// Whether spans could not be written.
    #[must_use]
    pub fn write_failed(&self) -> bool {
        self.dropped.iter().any(|(reason, _)| *reason == DropReason::NotWritten)
    }

    /// All spans lost, whatever the reason.
    #[must_use]
    pub fn dropped_total(&self) -> u64 {
        self.dropped.iter().map(|(_, spans)| spans).sum()
    }
}

impl fmt::Display for SinkCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, counted(self.exported, "span(s)"))?;
        for (reason, spans) in &self.dropped {
            write!(f, ", {spans} dropped ({reason})")?;
        }
        if self.retries > 0 {
            write!(f, ", {}", counted(self.retries, "retr(y|ies)"))?;
        }
        if let Some(error) = &self.last_error {
            write!(f, "; last error: {error}")?;
        }
        Ok(())
    }
}

/// The live account of one sink.
#[derive(Debug)]
pub(super) struct Counters {
    name: String,
    accepted: AtomicU64,
    exported: AtomicU64,
    dropped: [AtomicU64; DropReason::ALL.len()],
    retries: AtomicU64,
    last_error: Mutex<Option<String>>,
}

impl Counters {
    pub(super) fn new(name: String) -> Self {
        Self {
            name,
            accepted: AtomicU64::new(0),
            exported: AtomicU64::new(0),
            dropped: Default::default(),
            retries: AtomicU64::new(0),
            last_error: Mutex::new(None),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn accept(&self, spans: usize) {
        self.accepted.fetch_add(spans as u64, Relaxed);
    }

    pub(super) fn export(&self, spans: u64) {
        self.exported.fetch_add(spans, Relaxed);
    }

    pub(super) fn lose(&self, reason: DropReason, spans: u64) {
        self.dropped[reason as usize].fetch_add(spans, Relaxed);
    }

    pub(super) fn lost(&self, reason: DropReason) -> u64 {
        self.dropped[reason as usize].load(Relaxed)
    }

    pub(super) fn retry(&self) {
        self.retries.fetch_add(1, Relaxed);
    }

    pub(super) fn fail(&self, error: String) {
        *self.last_error.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
    }

    /// Books what is still on its way as lost. To be called when nothing moves any more.
    pub(super) fn close(&self) {
        let counts = self.snapshot();
        let settled = counts.exported + counts.dropped_total();
        self.lose(DropReason::Stopped, counts.accepted.saturating_sub(settled));
    }

    pub(super) fn snapshot(&self) -> SinkCounts {
        SinkCounts {
            name: self.name.clone(),
            accepted: self.accepted.load(Relaxed),
            exported: self.exported.load(Relaxed),
            dropped: DropReason::ALL
                .into_iter()
                .map(|reason| (reason, self.lost(reason)))
                .filter(|(_, spans)| *spans > 0)
                .collect(),
            retries: self.retries.load(Relaxed),
            last_error: self.last_error.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }
}
