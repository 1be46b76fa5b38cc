//! `onlooker replay`: the traces of packet captures, through the pipeline of the live agent.

use std::fs::File;
use std::io::{BufReader, Read};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use onlooker_pipeline::process::{Handlers, Processes};
use onlooker_pipeline::span::{Attributes, Resource, Value};
use onlooker_pipeline::{Pipeline, PipelineOptions};
use onlooker_replay::{Assembler, Capture, Ends, Event, Recorder};

use super::output::{OutputArguments, Shown};
use super::report;
use crate::sink::Sinks;

/// Frames between two looks at what the pipeline has done.
const FRAMES_AT_ONCE: u64 = 256;
/// How long a full sink is waited for. After that its spans are dropped, and counted there.
const PATIENCE: Duration = Duration::from_secs(30);
/// What is left for delivering spans at the end.
const FLUSH: Duration = Duration::from_secs(30);
/// How often a full sink is looked at again.
const POLL: Duration = Duration::from_millis(1);

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  onlooker replay capture.pcap                        the traces of a capture
  onlooker replay capture.pcap --report               what each connection was taken for, and why
  onlooker replay *.pcapng --format json              one JSON object a span
  tcpdump -w - port 5432 | onlooker replay -          from a pipe
  onlooker replay capture.pcap --otlp http://localhost:4318")]
pub(super) struct Arguments {
    /// Packet captures (pcap or pcapng); `-` is standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Whose spans: a capture shows both ends of each call
    #[arg(long, value_enum, default_value = "clients")]
    ends: EndsShown,
    /// List each connection instead of spans: what it was taken for, on what evidence, how many
    /// exchanges, what was not understood
    #[arg(long)]
    report: bool,
    #[command(flatten)]
    output: OutputArguments,
    /// Do not print the closing summaries
    #[arg(short, long)]
    quiet: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum EndsShown {
    /// One span a call, by the end that asks
    Clients,
    /// One span a call, by the end that is asked
    Servers,
    /// Two spans a call
    Both,
}

impl From<EndsShown> for Ends {
    fn from(ends: EndsShown) -> Self {
        match ends {
            EndsShown::Clients => Self::Clients,
            EndsShown::Servers => Self::Servers,
            EndsShown::Both => Self::Both,
        }
    }
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let otherwise = if arguments.report { Shown::None } else { Shown::Tree };
    let config = arguments.output.config(otherwise)?;
    config.check()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("export")
        .enable_all()
        .build()
        .context("cannot start the export threads")?;
    let mut outlet = Outlet { sinks: Sinks::start(&config, runtime.handle())?, given_up: false };
    let mut failed = false;
    for path in &arguments.files {
        if let Err(error) = replay(path, arguments, &mut outlet) {
            eprintln!("onlooker: {}: {error:#}", path.display());
            failed = true;
        }
        if outlet.sinks.output_closed() {
            break;
        }
    }
    let delivered = runtime.block_on(outlet.sinks.flush_and_stop(FLUSH));
    runtime.shutdown_timeout(Duration::from_millis(100));
    if !arguments.quiet {
        eprintln!("{delivered}");
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Replays one capture.
fn replay(path: &Path, arguments: &Arguments, outlet: &mut Outlet) -> anyhow::Result<()> {
    let (input, seed) = open(path)?;
    let mut capture = Capture::open(input)?;
    let mut assembler = Assembler::new();
    let mut recorder = Recorder::new(arguments.ends.into());
    // The times of a capture count from 1970 by themselves.
    let mut pipeline = Pipeline::new(Hosts::default(), PipelineOptions { seed, epoch: 0 });
    pipeline.take_ended();
    let mut spans = 0;
    let mut frames = 0;
    while let Some(frame) = capture.next_frame()? {
        let time = frame.time;
        assembler.frame(&frame, &mut |event| feed(&event, &mut recorder, &mut pipeline));
        frames += 1;
        if frames % FRAMES_AT_ONCE == 0 {
            pipeline.tick(time);
            spans += outlet.give(&mut pipeline);
            report::print_ended(arguments.report, &mut pipeline)?;
            if outlet.sinks.output_closed() {
                return Ok(());
            }
        }
    }
    assembler.finish(&mut |event| feed(&event, &mut recorder, &mut pipeline));
    pipeline.finish();
    spans += outlet.give(&mut pipeline);
    report::print_ended(arguments.report, &mut pipeline)?;
    if !arguments.quiet {
        let summary = report::Summary {
            path,
            spans,
            ended: capture.ended(),
            unreadable_records: capture.unreadable_records(),
            wire: assembler.counters(),
            pipeline: pipeline.counters(),
        };
        eprint!("{summary}");
    }
    Ok(())
}

fn feed(event: &Event<'_>, recorder: &mut Recorder, pipeline: &mut Pipeline<Hosts>) {
    recorder.take(event, &mut |record| pipeline.feed(Some(record)));
    if matches!(event, Event::Opened(_)) {
        pipeline.processes().learn(recorder.hosts());
    }
}

/// The input, and a seed for ids: the same capture gives the same ids, another one others.
fn open(path: &Path) -> anyhow::Result<(Box<dyn Read>, u64)> {
    if path == Path::new("-") {
        return Ok((Box::new(std::io::stdin().lock()), 0));
    }
    let file = File::open(path).context("cannot be opened")?;
    let length = file.metadata().context("cannot be read")?.len();
    // FNV-1a.
    let name = path.as_os_str().as_encoded_bytes().iter().copied();
    let seed = name.chain(length.to_le_bytes()).fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    Ok((Box::new(BufReader::new(file)), seed))
}

/// Gives spans to the sinks as fast as they take them: unlike live traffic, a capture can wait.
struct Outlet {
    sinks: Sinks,
    given_up: bool,
}

impl Outlet {
    fn give(&mut self, pipeline: &mut Pipeline<Hosts>) -> u64 {
        let mut spans = pipeline.take_spans();
        let count = spans.len() as u64;
        while !spans.is_empty() {
            let room = if self.given_up { spans.len() } else { self.room() };
            let rest = spans.split_off(room.min(spans.len()));
            self.sinks.submit(spans);
            spans = rest;
        }
        count
    }

    /// Waits until there is room.
    fn room(&mut self) -> usize {
        let since = Instant::now();
        loop {
            let room = self.sinks.room();
            if room > 0 {
                return room;
            }
            if since.elapsed() > PATIENCE || self.sinks.output_closed() {
                self.given_up = true;
                return usize::MAX;
            }
            std::thread::sleep(POLL);
        }
    }
}

/// The hosts of a capture, which stand for processes.
#[derive(Debug, Default)]
struct Hosts {
    resources: Vec<Arc<Resource>>,
    other: Arc<Resource>,
}

impl Hosts {
    fn learn(&mut self, hosts: &[IpAddr]) {
        let new = hosts.get(self.resources.len()..).unwrap_or_default();
        self.resources.extend(new.iter().map(|host| {
            let service = host.to_string();
            let mut attributes = Attributes::default();
            attributes.set("service.name", service.clone());
            attributes.set("host.ip", Value::Texts([service.as_str().into()].into()));
            Arc::new(Resource { service, attributes })
        }));
    }
}

impl Processes for Hosts {
    fn resource(&mut self, process: u32) -> Arc<Resource> {
        let index = (process as usize).checked_sub(1);
        let resource = index.and_then(|index| self.resources.get(index));
        Arc::clone(resource.unwrap_or(&self.other))
    }

    fn handlers(&mut self, _process: u32) -> Handlers {
        Handlers::Unknown
    }
}
