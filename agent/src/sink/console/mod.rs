//! Spans for people and scripts, on standard output.
//!
//! [`line`] and [`json`] write a span at a time; the tree needs whole traces, which [`assembly`]
//! collects and [`tree`] draws.

mod assembly;
mod facts;
mod json;
mod line;
mod terminal;
mod tree;

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Instant;

use onlooker_pipeline::span::Span;

use self::assembly::{Assembly, Trace};
use self::terminal::Terminal;
use super::counters::{Counters, DropReason};
use super::notice::warn;
use super::queue::{Queue, Spans};
use crate::config::{ConsoleSettings, Format, Limits};

/// Spans that are taken from the queue, and written, at a time.
const CHUNK: usize = 1024;

/// The console sink before it runs.
pub(super) struct Console<W> {
    output: W,
    /// Set when the output is gone.
    closed: Arc<AtomicBool>,
    /// Why, once it is.
    gone: Option<DropReason>,
    limits: Limits,
    settings: ConsoleSettings,
    assembly: Assembly,
}

impl Console<std::io::Stdout> {
    pub(super) fn on_stdout(
        settings: ConsoleSettings,
        limits: Limits,
        closed: Arc<AtomicBool>,
    ) -> Self {
        Self::new(std::io::stdout(), settings, limits, closed)
    }
}

impl<W: Write> Console<W> {
    fn new(output: W, settings: ConsoleSettings, limits: Limits, closed: Arc<AtomicBool>) -> Self {
        Self { output, closed, gone: None, limits, settings, assembly: Assembly::default() }
    }

    /// Runs until the queue is closed and everything is written.
    pub(super) fn run(mut self, queue: &Queue, counters: &Counters) {
        while !queue.wait(1, self.assembly.next_sweep()) {
            let runs = queue.take(CHUNK);
            let spans = runs.iter().flat_map(Spans::as_slice);
            if self.settings.format == Format::Tree {
                self.assemble(spans, counters);
            } else {
                self.write_each(spans, counters);
            }
        }
        let rest = self.assembly.all();
        self.write_traces(&rest, counters);
    }

    fn write_each<'a>(&mut self, spans: impl Iterator<Item = &'a Span>, counters: &Counters) {
        let terminal = Terminal::stdout(self.settings.color);
        let mut text = Vec::new();
        let mut count = 0;
        for span in spans {
            match self.settings.format {
                Format::Json => json::push(&mut text, span, &self.limits),
                Format::Line | Format::Tree => line::push(&mut text, span, terminal),
            }
            count += 1;
        }
        self.write(&text, count, counters);
    }

    fn assemble<'a>(&mut self, spans: impl Iterator<Item = &'a Span>, counters: &Counters) {
        let now = Instant::now();
        for span in spans {
            if !self.assembly.add(span.clone(), now) {
                counters.lose(DropReason::TraceTooLarge, 1);
            }
        }
        let due = self.assembly.due(now);
        self.write_traces(&due, counters);
    }

    fn write_traces(&mut self, traces: &[Trace], counters: &Counters) {
        let terminal = Terminal::stdout(self.settings.color);
        let mut text = Vec::new();
        let mut count = 0;
        for trace in traces {
            tree::push(&mut text, trace, terminal);
            count += trace.spans.len() as u64;
        }
        self.write(&text, count, counters);
    }

    fn write(&mut self, text: &[u8], spans: u64, counters: &Counters) {
        if spans == 0 {
            return;
        }
        if let Some(reason) = self.gone {
            return counters.lose(reason, spans);
        }
        match self.output.write_all(text).and_then(|()| self.output.flush()) {
            Ok(()) => counters.export(spans),
            Err(error) => {
                let reason = DropReason::of_write(&error);
                if reason != DropReason::OutputClosed {
                    warn(format_args!("cannot write to standard output: {error}"));
                }
                counters.fail(error.to_string());
                counters.lose(reason, spans);
                self.gone = Some(reason);
                self.closed.store(true, Relaxed);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Console;
    use crate::config::{ConsoleSettings, Format, Limits};
    use crate::sink::counters::{Counters, DropReason, SinkCounts};
    use crate::sink::queue::{Queue, Spans};
    use crate::sink::sample;
    use std::io::{Error, ErrorKind, Write};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

    /// Takes so many writes, then is closed.
    struct Pipe(usize);

    impl Write for Pipe {
        fn write(&mut self, bytes: &[u8]) -> Result<usize, Error> {
            match self.0.checked_sub(1) {
                Some(left) => self.0 = left,
                None => return Err(ErrorKind::BrokenPipe.into()),
            }
            Ok(bytes.len())
        }

        fn flush(&mut self) -> Result<(), Error> {
            Ok(())
        }
    }

    fn run(format: Format, output: impl Write, spans: usize) -> (SinkCounts, bool) {
        let closed = Arc::new(AtomicBool::new(false));
        let settings = ConsoleSettings { format, ..ConsoleSettings::default() };
        let console = Console::new(output, settings, Limits::default(), Arc::clone(&closed));
        let queue = Queue::new(spans);
        let counters = Counters::new("console".to_owned());
        counters.accept(spans);
        queue.push(Spans::all(Arc::new(vec![sample::span(); spans])));
        queue.close();
        console.run(&queue, &counters);
        (counters.snapshot(), closed.load(Relaxed))
    }

    #[test]
    fn every_format_writes_everything_before_the_end() {
        for (format, lines) in [(Format::Json, 3), (Format::Line, 3), (Format::Tree, 5)] {
            let mut out = Vec::new();
            let (counts, closed) = run(format, &mut out, 3);
            assert_eq!((counts.exported, counts.dropped_total(), closed), (3, 0, false));
            assert_eq!(out.iter().filter(|byte| **byte == b'\n').count(), lines, "{format:?}");
        }
    }

    #[test]
    fn a_closed_pipe_is_the_end_and_the_rest_is_counted() {
        let (counts, closed) = run(Format::Json, Pipe(1), 1024 * 3);
        assert!(closed);
        assert_eq!(counts.exported, 1024);
        assert_eq!(counts.dropped, [(DropReason::OutputClosed, 2048)]);
    }
}
