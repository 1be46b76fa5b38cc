//! `onlooker replay`: the traces of packet captures and event files, through the pipeline of the live
//! agent.

mod capture;
mod events;

use std::fs::File;
use std::io::{BufReader, Cursor, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use onlooker_pipeline::process::Processes;
use onlooker_pipeline::{Pipeline, PipelineOptions};
use onlooker_replay::Ends;
use onlooker_replay::recording::MAGIC;

use super::output::{OutputArguments, Shown, runtime};
use super::say::say;
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
  onlooker replay bug.events                          what `onlooker trace --record` has seen
  tcpdump -w - port 5432 | onlooker replay -          from a pipe
  onlooker replay capture.pcap --otlp http://localhost:4318")]
pub(super) struct Arguments {
    /// Packet captures (pcap or pcapng) and event files (`onlooker trace --record`); `-` is standard
    /// input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Whose spans of a capture, which shows both ends of each call; an event file has those that were
    /// traced
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
    let runtime = runtime()?;
    let sinks = Sinks::start(&config, runtime.handle())?;
    let known_methods = config.known_methods;
    let mut outlet = Outlet { sinks, known_methods, given: 0, given_up: false };
    let mut failed = 0;
    for path in &arguments.files {
        if let Err(error) = replay(path, arguments, &mut outlet) {
            say(format_args!("onlooker: {}: {error:#}", path.display()));
            failed += 1;
        }
        if outlet.sinks.output_closed() {
            break;
        }
    }
    let Outlet { sinks, given, .. } = outlet;
    let delivered = runtime.block_on(sinks.flush_and_stop(FLUSH));
    runtime.shutdown_timeout(Duration::from_millis(100));
    // Where nothing could be read, the errors say it all.
    let read = given > 0 || failed < arguments.files.len();
    if read && !arguments.quiet {
        say(&delivered);
    }
    Ok(if failed > 0 || delivered.write_failed() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Replays one file.
fn replay(path: &Path, arguments: &Arguments, outlet: &mut Outlet) -> anyhow::Result<()> {
    let mut input: Box<dyn Read> = if path == Path::new("-") {
        Box::new(std::io::stdin().lock())
    } else {
        Box::new(BufReader::new(File::open(path).context("cannot be opened")?))
    };
    let mut start = Vec::new();
    input.by_ref().take(SEEDED_BY).read_to_end(&mut start).context("cannot be read")?;
    let (is_event_file, seed) = (start.get(..4) == MAGIC.get(..4), seed(&start));
    let input = Cursor::new(start).chain(input);
    if is_event_file {
        events::replay(input, path, arguments, outlet)
    } else {
        capture::replay(input, seed, path, arguments, outlet)
    }
}

/// Bytes of a capture that its ids depend on.
const SEEDED_BY: u64 = 64 * 1024;

/// What the ids of a capture are made of: the same capture gives the same ids wherever it lies, and another
/// one, which has other times, others. FNV-1a.
fn seed(start: &[u8]) -> u64 {
    start.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Gives spans to the sinks as fast as they take them: unlike live traffic, a capture can wait.
struct Outlet {
    sinks: Sinks,
    /// Those of [`Config::known_methods`](crate::config::Config::known_methods).
    known_methods: Option<Vec<Box<str>>>,
    /// Spans so far.
    given: u64,
    given_up: bool,
}

impl Outlet {
    /// An empty pipeline, as the configuration wants it.
    fn pipeline<P: Processes>(&self, processes: P, options: PipelineOptions) -> Pipeline<P> {
        let mut pipeline = Pipeline::new(processes, options);
        if let Some(methods) = &self.known_methods {
            pipeline.set_known_methods(methods.iter().cloned());
        }
        pipeline
    }

    fn give<P: Processes>(&mut self, pipeline: &mut Pipeline<P>) -> u64 {
        // Nobody captures: there is no policy to follow.
        pipeline.take_verdicts();
        let mut spans = pipeline.take_spans();
        let count = spans.len() as u64;
        self.given += count;
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
