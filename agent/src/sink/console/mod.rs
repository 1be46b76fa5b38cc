//! Spans for people and scripts, on standard output.

mod json;

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use onlooker_pipeline::span::Span;

use super::counters::{Counters, DropReason};
use super::notice::warn;
use super::queue::{Queue, Spans};
use crate::config::{ConsoleSettings, Format, Limits};

/// Spans that are taken from the queue, and written, at a time.
const CHUNK: usize = 1024;

/// The console sink before it runs.
pub(super) struct Console {
    output: Box<dyn Write + Send>,
    closed: Arc<AtomicBool>,
    limits: Limits,
    settings: ConsoleSettings,
}

impl Console {
    pub(super) fn on_stdout(
        settings: ConsoleSettings,
        limits: Limits,
        closed: Arc<AtomicBool>,
    ) -> Self {
        Self { output: Box::new(std::io::stdout()), closed, limits, settings }
    }

    /// Runs until the queue is closed and everything is written.
    pub(super) fn run(mut self, queue: &Queue, counters: &Counters) {
        let mut text = Vec::new();
        while !queue.wait(None) {
            let runs = queue.take(CHUNK);
            let mut count = 0;
            for span in runs.iter().flat_map(Spans::as_slice) {
                self.render(&mut text, span);
                count += 1;
            }
            self.write(&text, count, counters);
            text.clear();
        }
    }

    fn render(&self, out: &mut Vec<u8>, span: &Span) {
        match self.settings.format {
            Format::Json => json::push(out, span, &self.limits),
            Format::Line | Format::Tree => {}
        }
    }

    fn write(&mut self, text: &[u8], spans: u64, counters: &Counters) {
        if self.closed.load(Relaxed) {
            return counters.lose(DropReason::OutputClosed, spans);
        }
        match self.output.write_all(text).and_then(|()| self.output.flush()) {
            Ok(()) => counters.export(spans),
            Err(error) => {
                // The reader of a pipe went away: what `head` does is no fault.
                if error.kind() != std::io::ErrorKind::BrokenPipe {
                    warn(format_args!("cannot write to standard output: {error}"));
                }
                counters.fail(error.to_string());
                counters.lose(DropReason::OutputClosed, spans);
                self.closed.store(true, Relaxed);
            }
        }
    }
}
