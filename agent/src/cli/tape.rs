//! `--record`: what the pipeline is told goes into an event file as well.

use std::collections::HashMap;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{BufWriter, ErrorKind};
use std::ops::{Deref, DerefMut};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::Args;
use onlooker_common::view::Record;
use onlooker_pipeline::PipelineOptions;
use onlooker_pipeline::process::{Handlers, Processes};
use onlooker_pipeline::span::Resource;
use onlooker_replay::recording::{self, Head, Payloads, Stopped, Writer};

use super::say::say;
use crate::probe::kernel;
use crate::process::ProcessTable;
use crate::words::counted;

/// How much is collected before it is handed to the system, in bytes.
const BUFFER: usize = 1 << 20;
/// How long at most: what an agent that is killed leaves out.
const FLUSH: Duration = Duration::from_secs(1);
/// Processes of which it is remembered what was written of them. Beyond, it is written again.
const MOST_TOLD: usize = 16 * 1024;

#[derive(Debug, Args)]
pub(super) struct RecordArguments {
    /// Record what the kernel tells to an event file, which `onlooker replay` reads: for bug
    /// reports. Payloads are masked but for how messages are built (see docs/replay.md); the file
    /// is new, for its owner only, and holds what spans show: addresses, programs, service names
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Record payloads as they are, passwords and personal data included
    #[arg(long, requires = "record")]
    record_payloads: bool,
    /// The size at which a recording stops (bytes, KiB, MiB, GiB); tracing goes on, and what is
    /// left out is counted
    #[arg(long, value_name = "SIZE", value_parser = super::values::size, requires = "record", default_value = "1GiB")]
    record_limit: u64,
}

/// A recording under way.
pub(super) struct Tape {
    path: PathBuf,
    payloads: Payloads,
    writer: Writer<BufWriter<File>>,
    told: HashMap<u32, (Arc<Resource>, Handlers)>,
    flushed: Instant,
    /// It was said that the recording has stopped.
    said: bool,
}

impl Tape {
    /// Starts a recording if one is wanted.
    pub(super) fn start(
        arguments: &RecordArguments,
        options: &PipelineOptions,
    ) -> anyhow::Result<Option<Self>> {
        let Some(path) = &arguments.record else { return Ok(None) };
        let payloads =
            if arguments.record_payloads { Payloads::Complete } else { Payloads::Redacted };
        let head = Head {
            payloads,
            epoch: options.epoch,
            seed: options.seed,
            agent: env!("CARGO_PKG_VERSION").to_owned(),
            kernel: kernel::release(),
        };
        let writer = start(path, &head, arguments.record_limit)
            .with_context(|| format!("cannot record to {}", path.display()))?;
        Ok(Some(Self {
            path: path.clone(),
            payloads,
            writer,
            told: HashMap::new(),
            flushed: Instant::now(),
            said: false,
        }))
    }

    /// The pipeline was fed a record.
    pub(super) fn fed(&mut self, record: Option<&Record<'_>>, processes: &mut Witness) {
        self.asked(processes);
        self.writer.record(record);
    }

    /// The pipeline was told the time.
    pub(super) fn ticked(&mut self, now: u64, processes: &mut Witness) {
        self.asked(processes);
        self.writer.tick(now);
        if self.flushed.elapsed() >= FLUSH {
            self.flushed = Instant::now();
            self.writer.flush();
        }
        if let Some(stopped) = self.writer.stopped().filter(|_| !self.said) {
            self.said = true;
            say(format_args!(
                "onlooker: nothing more is recorded to {}, tracing goes on: {stopped}",
                self.path.display()
            ));
        }
    }

    /// The pipeline was told the wall clock.
    pub(super) fn epoch(&mut self, epoch: u64) {
        self.writer.epoch(epoch);
    }

    /// The pipeline was told of older sockets.
    pub(super) fn older_sockets(&mut self, inodes: &[u32]) {
        self.writer.older_sockets(inodes);
    }

    /// The pipeline was told that a process ended.
    pub(super) fn process_ended(&mut self, process: u32, processes: &mut Witness) {
        self.asked(processes);
        self.writer.process_ended(process);
        self.told.remove(&process);
    }

    /// Ends it. The pipeline has finished.
    pub(super) fn finish(mut self, processes: &mut Witness, kernel: &[u64]) -> Recorded {
        self.asked(processes);
        let Self { path, payloads, writer, .. } = self;
        Recorded { path, payloads, summary: writer.finish(kernel) }
    }

    /// Writes what the pipeline has asked about processes, as far as it is new: before what made it
    /// ask, so that the replay has the answers.
    fn asked(&mut self, processes: &mut Witness) {
        for process in processes.take_asked() {
            let (resource, handlers) = (processes.resource(process), processes.handlers(process));
            let same = |(told, how): &(Arc<Resource>, Handlers)| {
                Arc::ptr_eq(told, &resource) && *how == handlers
            };
            if self.told.get(&process).is_some_and(same) {
                continue;
            }
            self.writer.process(process, handlers, &resource);
            if self.told.len() >= MOST_TOLD {
                self.told.clear();
            }
            self.told.insert(process, (resource, handlers));
        }
        // Its own questions are none of the pipeline's.
        processes.take_asked();
    }
}

/// A file with its head, or none at all.
fn start(path: &Path, head: &Head, limit: u64) -> anyhow::Result<Writer<BufWriter<File>>> {
    let file = create(path).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => {
            anyhow::anyhow!("a file of that name exists, and a recording is always a new one")
        }
        _ => error.into(),
    })?;
    let writer = Writer::start(BufWriter::with_capacity(BUFFER, file), head, limit);
    if writer.is_err() {
        // Without its head it is of no use, and in the way of the next attempt. Why there is none is said.
        let _ = std::fs::remove_file(path);
    }
    Ok(writer?)
}

/// A new file that only its owner can read. Never one that exists: that could be anybody's.
fn create(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// What became of a recording.
#[derive(Debug)]
pub(super) struct Recorded {
    path: PathBuf,
    payloads: Payloads,
    summary: recording::Summary,
}

impl Recorded {
    /// Whether writing failed.
    pub(super) fn failed(&self) -> bool {
        matches!(self.summary.stopped, Some(Stopped::Failed(_)))
    }
}

impl fmt::Display for Recorded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, payloads, summary } = self;
        let payloads = match payloads {
            Payloads::Redacted => "payloads masked",
            Payloads::Complete => "with complete payloads",
        };
        let (frames, bytes) = (summary.frames, summary.bytes);
        write!(
            f,
            "  recorded to {}: {} in {}, {payloads}",
            path.display(),
            counted(frames, "frame(s)"),
            counted(bytes, "byte(s)")
        )?;
        if let Some(stopped) = &summary.stopped {
            let (frames, bytes) = (summary.left_out, summary.left_out_bytes);
            let (frames, bytes) = (counted(frames, "frame(s)"), counted(bytes, "byte(s)"));
            write!(f, "; {frames} of {bytes} left out: {stopped}")?;
        }
        writeln!(f)
    }
}

/// The table of processes, with a note of which the pipeline has asked about.
#[derive(Debug, Default)]
pub(super) struct Witness {
    table: ProcessTable,
    /// `None` if nobody wants to know.
    asked: Option<Vec<u32>>,
}

impl Witness {
    /// Takes notes from here on.
    pub(super) fn take_notes(&mut self) {
        self.asked.get_or_insert_default();
    }

    fn take_asked(&mut self) -> Vec<u32> {
        self.asked.as_mut().map(std::mem::take).unwrap_or_default()
    }

    fn note(&mut self, process: u32) {
        if let Some(asked) = &mut self.asked
            && asked.last() != Some(&process)
        {
            asked.push(process);
        }
    }
}

impl Deref for Witness {
    type Target = ProcessTable;

    fn deref(&self) -> &ProcessTable {
        &self.table
    }
}

impl DerefMut for Witness {
    fn deref_mut(&mut self) -> &mut ProcessTable {
        &mut self.table
    }
}

impl Processes for Witness {
    fn resource(&mut self, process: u32) -> Arc<Resource> {
        self.note(process);
        self.table.resource(process)
    }

    fn handlers(&mut self, process: u32) -> Handlers {
        self.note(process);
        self.table.handlers(process)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::{Head, Payloads, create, start};

    #[test]
    fn a_recording_is_new_and_for_its_owner_only() {
        let path = std::env::temp_dir().join(format!("onlooker-tape-{}", std::process::id()));
        let file = create(&path).expect("a new file");
        let mode = file.metadata().expect("its metadata").permissions().mode();
        let again = create(&path).expect_err("it exists");
        std::fs::remove_file(&path).expect("it is there");
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(again.kind(), std::io::ErrorKind::AlreadyExists);
    }

    #[test]
    fn a_recording_that_cannot_start_leaves_no_file() {
        let path = std::env::temp_dir().join(format!("onlooker-tape-none-{}", std::process::id()));
        let head = Head {
            payloads: Payloads::Redacted,
            epoch: 0,
            seed: 0,
            agent: String::new(),
            kernel: String::new(),
        };
        let Err(why) = start(&path, &head, 0) else { panic!("no room for its head") };
        assert!(why.to_string().contains("limit"), "{why}");
        assert!(!path.exists());
    }
}
