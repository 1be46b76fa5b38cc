//! Where spans go.

use std::time::Duration;

use super::otlp::OtlpSettings;

/// The `export` section. What is `None` is off.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Export {
    /// A collector.
    pub otlp: Option<OtlpSettings>,
    /// Standard output.
    pub console: Option<ConsoleSettings>,
    /// Queues and batches of all sinks.
    pub batch: BatchSettings,
}

/// How the console shows spans.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConsoleSettings {
    /// The form.
    pub format: Format,
    /// Colours.
    pub color: Color,
}

/// `--format`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Each finished trace as a tree.
    #[default]
    Tree,
    /// One span a line.
    Line,
    /// One JSON object a span, one a line.
    Json,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Queues and batches (`OTEL_BSP_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchSettings {
    /// The longest time that a span waits for others (`OTEL_BSP_SCHEDULE_DELAY`).
    pub delay: Duration,
    /// The time that one request may take, if that is less than the exporter's own timeout
    /// (`OTEL_BSP_EXPORT_TIMEOUT`).
    pub timeout: Duration,
    /// Spans that each sink's queue holds (`OTEL_BSP_MAX_QUEUE_SIZE`). The specification's 2048
    /// is meant for one process; an agent collects for a whole machine and must outlast a slow
    /// answer at 20,000 spans a second.
    pub queue: usize,
    /// Spans of a request (`OTEL_BSP_MAX_EXPORT_BATCH_SIZE`).
    pub size: usize,
}

impl Default for BatchSettings {
    fn default() -> Self {
        Self {
            delay: Duration::from_secs(5),
            timeout: Duration::from_secs(30),
            queue: 16_384,
            size: 512,
        }
    }
}
