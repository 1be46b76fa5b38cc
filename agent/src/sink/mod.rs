//! Where finished spans go: OTLP collectors, the console, files, Zipkin.
//!
//! The pipeline hands spans to [`Sinks::submit`], which never waits: every sink has its own
//! bounded queue and its own task or thread behind it, and what does not fit is counted. Reading
//! order: this file, `queue`, [`counters`], `encoding`, then a sink: [`collector`], `console`, `file`.

pub mod collector;
pub mod counters;

mod console;
mod encoding;
mod file;
mod limits;
mod notice;
mod queue;
mod text;

#[cfg(test)]
mod sample;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use onlooker_pipeline::span::Span;
use onlooker_pipeline::span::sampling::SAMPLED;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

use crate::config::Config;
use crate::words::counted;
use collector::{ExportError, Exporter};
use counters::{Counters, DropReason, SinkCounts};
use notice::note;
use queue::{Queue, Spans};
pub(crate) use text::visible as escape;

/// How long the end is silent: whoever waits longer is told why.
const SILENT: Duration = Duration::from_secs(1);

/// What keeps a sink from starting: always something in the configuration.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The OTLP exporter.
    #[error("OTLP export: {0}")]
    Otlp(#[source] ExportError),
    /// The Zipkin exporter.
    #[error("Zipkin export: {0}")]
    Zipkin(#[source] ExportError),
    /// The file sink.
    #[error("cannot write spans to {}: {}", .0.display(), .1)]
    File(PathBuf, #[source] std::io::Error),
    /// A thread could not be started.
    #[error("cannot start a thread for output: {0}")]
    Thread(#[source] std::io::Error),
}

/// The account of all sinks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// One entry a sink, in the order they were started.
    pub sinks: Vec<SinkCounts>,
    /// Spans whose trace is not sampled, which were not exported for that reason.
    pub not_sampled: u64,
}

impl Summary {
    /// Whether spans could not be written to the console or a file.
    #[must_use]
    pub fn write_failed(&self) -> bool {
        self.sinks.iter().any(SinkCounts::write_failed)
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, sink) in self.sinks.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            sink.fmt(f)?;
        }
        if self.not_sampled > 0 {
            let spans =
                "span(s) (was|were) not exported: (its trace is|their traces are) not sampled";
            write!(f, "\n{}", counted(self.not_sampled, spans))?;
        }
        Ok(())
    }
}

/// All configured sinks, running.
#[derive(Debug, Default)]
pub struct Sinks {
    running: Vec<Running>,
    output_closed: Arc<AtomicBool>,
    not_sampled: AtomicU64,
}

#[derive(Debug)]
struct Running {
    /// Whether spans of traces that are not sampled come here too.
    takes_unsampled: bool,
    queue: Arc<Queue>,
    counters: Arc<Counters>,
    worker: Worker,
}

#[derive(Debug)]
enum Worker {
    Task(JoinHandle<()>),
    /// A thread for output that may block; it drops its end when it is done.
    Thread(oneshot::Receiver<()>),
}

impl Worker {
    /// Waits for its end. May be called again, before and after it ended.
    async fn end(&mut self) {
        match self {
            Self::Task(task) if task.is_finished() => {}
            // Cancelled or panicked, it is over as well.
            Self::Task(task) => drop(task.await),
            Self::Thread(done) if done.is_terminated() => {}
            Self::Thread(done) => drop(done.await),
        }
    }

    /// Ends a task. A thread that hangs in a write cannot be ended; it is left behind.
    async fn abandon(self) {
        if let Self::Task(task) = self {
            task.abort();
            // Cancelled, or done in the last moment: settled either way.
            drop(task.await);
        }
    }
}

impl Sinks {
    /// Starts what `config.export` asks for. Network sinks run as tasks on `runtime`, which needs
    /// its I/O and time drivers; the console and files have threads of their own.
    ///
    /// # Errors
    ///
    /// If a setting cannot be used: a malformed URL, unreadable certificates. That a collector
    /// does not answer is no error.
    pub fn start(config: &Config, runtime: &Handle) -> Result<Self, StartError> {
        let export = &config.export;
        let mut sinks = Self::default();
        for exporter in exporters(config)? {
            let name = exporter.name().to_owned();
            sinks.spawn_task(runtime, name, export.batch.queue, |queue, counters| {
                exporter.run(queue, counters)
            });
        }
        if let Some(settings) = &export.file {
            let sink = file::FileSink::open(settings, export.batch, config.limits)
                .map_err(|error| StartError::File(settings.path.clone(), error))?;
            let name = format!("file {}", settings.path.display());
            sinks.spawn_thread(name, export.batch.queue, |queue, counters| {
                sink.run(&queue, &counters);
            })?;
        }
        if let Some(settings) = export.console {
            let closed = Arc::clone(&sinks.output_closed);
            let console = console::Console::on_stdout(settings, config.limits, closed);
            sinks.spawn_thread("console".to_owned(), export.batch.queue, |queue, counters| {
                console.run(&queue, &counters);
            })?;
            // Whoever watches wants to see all, unless a sampler was asked for.
            sinks.let_unsampled_through(config.sampling.sampler.is_none());
        }
        Ok(sinks)
    }

    /// Gives finished spans to every sink. Never blocks; what a queue has no room for is counted
    /// there.
    pub fn submit(&self, spans: Vec<Span>) {
        let (sampled, unsampled): (Vec<_>, Vec<_>) = if spans.iter().all(is_sampled) {
            (spans, Vec::new())
        } else {
            spans.into_iter().partition(is_sampled)
        };
        self.give(sampled, |_| true);
        if !unsampled.is_empty() {
            if self.running.iter().any(|sink| !sink.takes_unsampled) {
                self.not_sampled.fetch_add(unsampled.len() as u64, Relaxed);
            }
            self.give(unsampled, |sink| sink.takes_unsampled);
        }
    }

    /// How many spans every sink has room for: who can wait need not lose any.
    #[must_use]
    pub fn room(&self) -> usize {
        self.running.iter().map(|sink| sink.queue.room()).min().unwrap_or(usize::MAX)
    }

    /// Whether a queue is half full.
    #[must_use]
    pub fn is_behind(&self) -> bool {
        self.running.iter().any(|sink| sink.queue.room() < sink.queue.capacity() / 2)
    }

    fn give(&self, spans: Vec<Span>, is_for: impl Fn(&Running) -> bool) {
        if spans.is_empty() {
            return;
        }
        let spans = Spans::all(Arc::new(spans));
        for sink in self.running.iter().filter(|sink| is_for(sink)) {
            sink.counters.accept(spans.as_slice().len());
            let left_over = sink.queue.push(spans.clone());
            if left_over > 0 {
                sink.counters.lose(DropReason::QueueFull, left_over as u64);
            }
        }
    }

    /// Whether the console's output is gone (a closed pipe): time for a command to end.
    #[must_use]
    pub fn output_closed(&self) -> bool {
        self.output_closed.load(Relaxed)
    }

    /// The account so far.
    #[must_use]
    pub fn counters(&self) -> Summary {
        Summary {
            sinks: self.running.iter().map(|sink| sink.counters.snapshot()).collect(),
            not_sampled: self.not_sampled.load(Relaxed),
        }
    }

    /// Whether [`Self::start`] would find what it needs: certificates, the folder of the file. Nothing
    /// is started, sent or written.
    ///
    /// # Errors
    ///
    /// As [`Self::start`].
    pub fn check(config: &Config) -> Result<(), StartError> {
        exporters(config)?;
        match &config.export.file {
            Some(file) => {
                file::check(&file.path).map_err(|error| StartError::File(file.path.clone(), error))
            }
            None => Ok(()),
        }
    }

    /// Asks each configured collector for a sign of life, without sending it a span. Gives a
    /// name and what is wrong, if something is.
    ///
    /// # Errors
    ///
    /// As [`Self::start`].
    pub async fn check_collectors(
        config: &Config,
    ) -> Result<Vec<(String, Result<(), String>)>, StartError> {
        let exporters = exporters(config)?;
        let mut found = Vec::with_capacity(exporters.len());
        for exporter in exporters {
            found.push((exporter.name().to_owned(), exporter.check().await));
        }
        Ok(found)
    }

    /// Delivers what is queued, for at most `within`, and ends all sinks. What could not be
    /// delivered is counted as [`DropReason::Stopped`].
    pub async fn flush_and_stop(self, within: Duration) -> Summary {
        let deadline = Instant::now() + within;
        let mut patience = Some(deadline.min(Instant::now() + SILENT));
        for sink in &self.running {
            sink.queue.close();
        }
        let mut sinks = Vec::with_capacity(self.running.len());
        for mut sink in self.running {
            if let Some(until) = patience
                && timeout_at(until, sink.worker.end()).await.is_err()
            {
                patience = None;
                let left = deadline.duration_since(Instant::now()).as_secs_f64();
                if left > 0.0 {
                    let name = sink.counters.name();
                    note(format_args!("{name}: still delivering, for {left:.0} s at most"));
                }
            }
            if timeout_at(deadline, sink.worker.end()).await.is_err() {
                sink.worker.abandon().await;
            }
            sink.counters.close();
            sinks.push(sink.counters.snapshot());
        }
        Summary { sinks, not_sampled: self.not_sampled.into_inner() }
    }

    /// Says so of the sink that was started last.
    fn let_unsampled_through(&mut self, all: bool) {
        if let Some(sink) = self.running.last_mut() {
            sink.takes_unsampled = all;
        }
    }

    fn spawn_task<F>(
        &mut self,
        runtime: &Handle,
        name: String,
        capacity: usize,
        run: impl FnOnce(Arc<Queue>, Arc<Counters>) -> F,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        let queue = Arc::new(Queue::new(capacity));
        let counters = Arc::new(Counters::new(name));
        let task = runtime.spawn(run(Arc::clone(&queue), Arc::clone(&counters)));
        self.running.push(Running {
            takes_unsampled: false,
            queue,
            counters,
            worker: Worker::Task(task),
        });
    }

    fn spawn_thread(
        &mut self,
        name: String,
        capacity: usize,
        run: impl FnOnce(Arc<Queue>, Arc<Counters>) + Send + 'static,
    ) -> Result<(), StartError> {
        let queue = Arc::new(Queue::new(capacity));
        let counters = Arc::new(Counters::new(name));
        let (alive, done) = oneshot::channel::<()>();
        let (their_queue, their_counters) = (Arc::clone(&queue), Arc::clone(&counters));
        std::thread::Builder::new()
            .name("onlooker-output".to_owned())
            .spawn(move || {
                run(their_queue, their_counters);
                drop(alive);
            })
            .map_err(StartError::Thread)?;
        self.running.push(Running {
            takes_unsampled: false,
            queue,
            counters,
            worker: Worker::Thread(done),
        });
        Ok(())
    }
}

/// Those of the collectors that are configured.
fn exporters(config: &Config) -> Result<Vec<Exporter>, StartError> {
    let export = &config.export;
    let mut exporters = Vec::new();
    if export.otlp.enabled {
        let exporter = Exporter::otlp(&export.otlp, export.batch, config.limits);
        exporters.push(exporter.map_err(StartError::Otlp)?);
    }
    if let Some(settings) = &export.zipkin {
        let exporter = Exporter::zipkin(settings, export.batch, config.limits);
        exporters.push(exporter.map_err(StartError::Zipkin)?);
    }
    Ok(exporters)
}

fn is_sampled(span: &Span) -> bool {
    span.flags & SAMPLED != 0
}
