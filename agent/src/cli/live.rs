//! The live loop: records from the kernel through the pipeline to the sinks, targets and capture
//! policies back to the kernel.

mod rejected;
mod turn;

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use onlooker_common::counter::Counter;
use onlooker_common::event::{self, Kind};
use onlooker_common::map::target;
use onlooker_pipeline::connection::Connection;
use onlooker_pipeline::{Pipeline, PipelineOptions};

use super::clock::{epoch, now};
use super::failures::Failures;
use super::news::Teller;
use super::output::runtime;
use super::say::say;
use super::stop::stop_on_signals;
use super::summary::{Account, Summary};
use super::tape::{RecordArguments, Tape, Witness};
use crate::config::Config;
use crate::probe::{Courtesy, Probe, ProbeOptions, others_would_run};
use crate::process::{self, Listeners, Selector};
use crate::sink::Sinks;
use rejected::Rejected;

/// How long the loop sleeps while nothing happens.
const POLL: Duration = Duration::from_millis(10);
/// How long it sleeps after a turn of more than [`BUSY`] records. Short turns leave the processors to the
/// services: a burst of milliseconds is longer than what a scheduler lets one wait for.
const POLL_WHEN_BUSY: Duration = Duration::from_millis(2);
/// Records of a turn.
const BUSY: usize = 32;
/// Records that are taken between two looks at the clock and the signals.
const MOST_AT_ONCE: usize = 1024;
/// How often the wall clock is read again, which may be set while we run.
const CLOCK_CHECK: Duration = Duration::from_secs(10);
/// What is left for delivering spans at the end.
const FLUSH: Duration = Duration::from_secs(5);

/// When to end by itself.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Limits {
    pub(super) duration: Option<Duration>,
    pub(super) spans: Option<u64>,
    /// Goes on when nobody reads standard output any more: spans go elsewhere too.
    pub(super) outlives_output: bool,
}

/// A running capture.
pub(super) struct Live {
    probe: Probe,
    /// Gives way to the services, where the system allows it.
    courtesy: Option<Courtesy>,
    pipeline: Pipeline<Witness>,
    options: PipelineOptions,
    /// The event file, if one is written.
    tape: Option<Tape>,
    selector: Selector,
    sinks: Sinks,
    runtime: tokio::runtime::Runtime,
    stop: Arc<AtomicBool>,
    /// When all hooks were set (nanoseconds, monotonic clock). What passed before is left out: of
    /// that, some calls were told and others not, and requests without their responses would look
    /// like those of a client that pipelines, for as long as the connection lasts.
    complete_since: u64,
    rejected: Rejected,
    /// Targets that still run; the loop can end when a traced command's are gone.
    targets: HashSet<u32>,
    /// Ports that were listened on before the hooks were set. Of later ones the kernel programs know.
    listeners: Listeners,
    /// Targets that use io_uring, and their services.
    blind: Vec<(u32, String)>,
    spans: u64,
    limits: Limits,
    /// Tells of losses while it runs, if somebody wants that.
    teller: Option<Teller>,
    news: Vec<(Kind, event::Process)>,
}

impl Live {
    /// Loads the programs and starts the sinks. Nothing is captured yet.
    pub(super) fn prepare(config: &Config, selector: Selector) -> anyhow::Result<Self> {
        let stop = stop_on_signals()?;
        let options = ProbeOptions {
            ring_bytes: config.capture.ring_buffer_bytes,
            all: selector.takes_all(),
            discover: selector.watches_programs(),
            follow: selector.follows_children(),
            ..ProbeOptions::default()
        };
        let probe = Probe::load(&options)?;
        let runtime = runtime()?;
        let sinks = Sinks::start(config, runtime.handle())?;
        let options = PipelineOptions { seed: seed()?, epoch: epoch() };
        let courtesy = probe.courtesy().ok();
        let mut pipeline = Pipeline::new(Witness::default(), options);
        pipeline.set_sampler(config.sampling.sampler());
        if let Some(methods) = &config.known_methods {
            pipeline.set_known_methods(methods.iter().cloned());
        }
        Ok(Self {
            probe,
            courtesy,
            pipeline,
            options,
            tape: None,
            selector,
            sinks,
            runtime,
            stop,
            complete_since: 0,
            rejected: Rejected::default(),
            targets: HashSet::new(),
            listeners: Listeners::default(),
            blind: Vec::new(),
            spans: 0,
            limits: Limits::default(),
            teller: None,
            news: Vec::new(),
        })
    }

    /// Writes an event file from here on, if one is wanted. To be called before
    /// [`attach`](Self::attach), so that the file has all that the pipeline is told.
    pub(super) fn record(&mut self, arguments: &RecordArguments) -> anyhow::Result<()> {
        self.tape = Tape::start(arguments, &self.options)?;
        if self.tape.is_some() {
            self.pipeline.processes().take_notes();
        }
        Ok(())
    }

    /// Starts capturing: the rules first, then the hooks, then the processes that run already.
    pub(super) fn attach(&mut self) -> anyhow::Result<()> {
        for &port in self.selector.ports() {
            self.probe.add_port_rule(port)?;
        }
        self.add_running();
        self.probe.attach()?;
        self.complete_since = now();
        // Those that were forked or started while the hooks were being set, and what they listen on.
        self.listeners.forget();
        self.add_running();
        for pid in self.targets.clone() {
            self.add_listeners(pid);
        }
        for pid in self.selector.chosen_and_excluded() {
            say(format_args!("onlooker: warning: process {pid} is excluded, and not traced"));
        }
        if process::is_apart() {
            say(
                "onlooker: warning: this is a container's own pid namespace, where processes have other numbers \
                 than the kernel tells: none will be recognised. Run with the host's (docker: --pid=host, \
                 Kubernetes: hostPID: true)",
            );
        }
        for feature in self.probe.features() {
            if let Some(why) = feature.problem() {
                say(format_args!(
                    "onlooker: {} is not available, so {}: {why}",
                    feature.name, feature.without
                ));
            }
        }
        Ok(())
    }

    /// Makes the processes that run and are chosen targets. Their sockets are older than the hooks.
    fn add_running(&mut self) {
        if self.selector.takes_all() {
            for pid in self.selector.excluded() {
                self.exclude(pid);
            }
        }
        for pid in self.selector.running() {
            if !self.targets.contains(&pid) {
                self.add_older_sockets(pid);
                self.add_found(pid);
            }
        }
    }

    /// A process was there before it was watched, and so were its sockets.
    fn add_older_sockets(&mut self, pid: u32) {
        let older = process::open_sockets(pid);
        if let Some(tape) = &mut self.tape {
            tape.older_sockets(&older);
        }
        self.pipeline.add_older_sockets(older);
    }

    /// Makes a process a target.
    pub(super) fn add(&mut self, pid: u32) -> anyhow::Result<()> {
        let follow = if self.selector.follows_children() { target::FOLLOW } else { 0 };
        self.add_listeners(pid);
        self.probe.add_target(pid, follow)?;
        self.targets.insert(pid);
        // One that has just executed was looked at then, and may be gone.
        self.pipeline.processes().get(pid);
        Ok(())
    }

    /// Makes a process no target, if it was one.
    fn reject(&mut self, pid: u32) {
        if self.selector.takes_all() {
            self.exclude(pid);
        } else {
            self.probe.remove_target(pid);
        }
        self.pipeline.processes().ended(pid);
    }

    fn exclude(&mut self, pid: u32) {
        if let Err(error) = self.probe.exclude(pid) {
            say(format_args!(
                "onlooker: process {pid} is traced, although it is excluded: {error:#}"
            ));
        }
    }

    fn add_found(&mut self, pid: u32) {
        if let Err(error) = self.add(pid) {
            say(format_args!("onlooker: process {pid} is not traced: {error:#}"));
        }
    }

    fn add_listeners(&mut self, pid: u32) {
        if self.listeners.knows(pid) {
            return;
        }
        for listening in self.listeners.of(pid) {
            self.probe.add_listener(listening.listener);
        }
    }

    /// How many processes are targets.
    pub(super) fn targets(&self) -> usize {
        self.targets.len()
    }

    /// The processes that are targets.
    pub(super) fn target_ids(&self) -> impl Iterator<Item = u32> {
        self.targets.iter().copied()
    }

    /// What a process's service is called.
    pub(super) fn service(&mut self, pid: u32) -> String {
        self.pipeline.processes().get(pid).resource.service.clone()
    }

    /// The connections that are open.
    pub(super) fn connections(&self) -> impl Iterator<Item = &Connection> {
        self.pipeline.connections()
    }

    /// Connections that targets wanted and did not get.
    pub(super) fn failures(&self) -> Failures {
        Failures::of(self.pipeline.failed_connects())
    }

    /// What the kernel programs counted so far.
    pub(super) fn kernel(&self) -> [u64; Counter::Count as usize] {
        self.probe.counters()
    }

    /// Tells of these and of losses from time to time: to those who never see the end.
    pub(super) fn tell_news(&mut self) {
        self.teller = Some(Teller::default());
    }

    /// Whether spans were to be shown and nobody reads them any more.
    pub(super) fn output_closed(&self) -> bool {
        self.sinks.output_closed()
    }

    /// Whether a signal asked for the end.
    pub(super) fn stopping(&self) -> bool {
        self.stop.load(Relaxed)
    }

    /// Runs until a signal, a limit, a closed output, or `done`.
    pub(super) fn run(&mut self, limits: Limits, mut done: impl FnMut(&Self) -> bool) {
        self.limits = limits;
        let started = Instant::now();
        let mut clock_checked = started;
        loop {
            let taken = self.turn();
            let over = limits.duration.is_some_and(|limit| started.elapsed() >= limit)
                || limits.spans.is_some_and(|limit| self.spans >= limit)
                || (self.output_closed() && !limits.outlives_output)
                || self.stopping();
            if over || (taken == 0 && done(self)) {
                self.blind = self.users_of_io_uring();
                return;
            }
            if clock_checked.elapsed() >= CLOCK_CHECK {
                clock_checked = Instant::now();
                let epoch = epoch();
                self.pipeline.set_epoch(epoch);
                if let Some(tape) = &mut self.tape {
                    tape.epoch(epoch);
                }
                if let Some(teller) = &mut self.teller {
                    let (failed, kernel) = (self.pipeline.failed_connects(), self.probe.counters());
                    if let Some(news) = teller.news(failed, kernel, clock_checked) {
                        say(news);
                    }
                }
            }
            if let Some(courtesy) = &self.courtesy {
                let spans_wait = || self.sinks.is_behind() && others_would_run();
                courtesy.round(taken == MOST_AT_ONCE || spans_wait());
            }
            if taken < MOST_AT_ONCE {
                self.probe.wait(if taken > BUSY { POLL_WHEN_BUSY } else { POLL });
            }
        }
    }

    /// Ends: takes what the kernel still holds, finishes every span, delivers all, and lets `tell`
    /// speak of it.
    pub(super) fn finish(mut self, tell: impl FnOnce(&Summary)) -> Summary {
        self.courtesy = None;
        // Services go on meanwhile: a turn that is not full has emptied the ring.
        let until = Instant::now() + FLUSH;
        while self.turn() == MOST_AT_ONCE && Instant::now() < until {}
        self.pipeline.finish();
        self.submit();
        let kernel = self.probe.counters();
        let account = Account {
            kernel,
            pipeline: self.pipeline.counters(),
            links: self.pipeline.links(),
            messages: self.pipeline.messages(),
            failures: self.failures(),
            spans: self.spans,
        };
        let summary = Summary {
            account,
            blind: self.blind,
            recorded: self.tape.map(|tape| tape.finish(self.pipeline.processes(), &kernel)),
            sinks: self.runtime.block_on(self.sinks.flush_and_stop(FLUSH)),
        };
        tell(&summary);
        self.runtime.shutdown_timeout(Duration::from_millis(100));
        // Last, as the kernel takes its time for each hook: seconds, on a busy machine.
        drop(self.probe);
        summary
    }

    /// The targets that run and have an io_uring.
    fn users_of_io_uring(&mut self) -> Vec<(u32, String)> {
        let mut users: Vec<u32> =
            self.targets.iter().copied().filter(|&pid| process::has_io_uring(pid)).collect();
        users.sort_unstable();
        users.into_iter().map(|pid| (pid, self.service(pid))).collect()
    }

    fn submit(&mut self) {
        let mut spans = self.pipeline.take_spans();
        if let Some(limit) = self.limits.spans {
            spans.truncate(limit.saturating_sub(self.spans) as usize);
        }
        if !spans.is_empty() {
            self.spans += spans.len() as u64;
            self.sinks.submit(spans);
        }
    }
}

/// Randomness for ids, from the kernel.
fn seed() -> anyhow::Result<u64> {
    use std::io::Read as _;
    let mut bytes = [0; 8];
    std::fs::File::open("/dev/urandom")
        .and_then(|mut file| file.read_exact(&mut bytes))
        .context("cannot read /dev/urandom")?;
    Ok(u64::from_ne_bytes(bytes))
}
