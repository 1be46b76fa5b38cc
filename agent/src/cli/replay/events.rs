//! An event file: what the live agent's pipeline was told, told again.

use std::collections::HashMap;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use onlooker_common::counter::Counter;
use onlooker_pipeline::PipelineOptions;
use onlooker_pipeline::process::{Handlers, Processes};
use onlooker_pipeline::span::Resource;
use onlooker_replay::recording::{End, Frame, Process, Reader};

use super::{Arguments, FRAMES_AT_ONCE, Outlet};
use crate::cli::failures::Failures;
use crate::cli::report;
use crate::cli::say::say;
use crate::cli::summary::Account;
use crate::process;

/// Processes whose resources are kept; of those beyond nothing is known, which is counted.
const MOST_PROCESSES: usize = 64 * 1024;

/// Replays one event file.
pub(super) fn replay(
    input: impl Read,
    path: &Path,
    arguments: &Arguments,
    outlet: &mut Outlet,
) -> anyhow::Result<()> {
    let mut reader = Reader::open(input)?;
    let head = reader.head().clone();
    // Those of the live run, so that its ids and times come out again.
    let options = PipelineOptions { seed: head.seed, epoch: head.epoch };
    let mut pipeline = outlet.pipeline(Known::default(), options);
    pipeline.take_ended();
    let mut spans = 0;
    let mut frames = 0;
    let mut end = End::default();
    while let Some(frame) = reader.next_frame()? {
        match frame {
            Frame::Record(record) => pipeline.feed(record),
            Frame::Tick(now) => pipeline.tick(now),
            Frame::Epoch(epoch) => pipeline.set_epoch(epoch),
            Frame::OlderSockets(inodes) => pipeline.add_older_sockets(inodes),
            Frame::Process(process) => pipeline.processes().learn(process),
            Frame::ProcessEnded(process) => pipeline.process_ended(process),
            Frame::End(last) => end = last,
        }
        frames += 1;
        if frames % FRAMES_AT_ONCE == 0 {
            spans += outlet.give(&mut pipeline);
            report::print_ended(arguments.report, &mut pipeline)?;
            if outlet.sinks.output_closed() {
                return Ok(());
            }
        }
    }
    pipeline.finish();
    spans += outlet.give(&mut pipeline);
    report::print_ended(arguments.report, &mut pipeline)?;
    if !arguments.quiet {
        let mut kernel = [0; Counter::Count as usize];
        kernel.iter_mut().zip(&end.kernel).for_each(|(count, recorded)| *count = *recorded);
        let (counters, links) = (pipeline.counters(), pipeline.links());
        let messages = pipeline.messages();
        let failures = Failures::of(pipeline.failed_connects());
        let summary = report::EventSummary {
            path,
            head: &head,
            ended: reader.ended(),
            read: reader.counters(),
            left_out: (end.left_out, end.left_out_bytes),
            nameless: pipeline.processes().nameless,
            account: Account { kernel, pipeline: counters, links, messages, failures, spans },
        };
        say(summary);
    }
    Ok(())
}

/// What the live agent knew of processes.
#[derive(Debug)]
struct Known {
    processes: HashMap<u32, (Arc<Resource>, Handlers)>,
    other: Arc<Resource>,
    /// Processes that were too many.
    nameless: u64,
}

impl Default for Known {
    fn default() -> Self {
        let other = Arc::new(process::of_name("unknown_service"));
        Self { processes: HashMap::new(), other, nameless: 0 }
    }
}

impl Known {
    fn learn(&mut self, Process { process, handlers, resource }: Process) {
        if self.processes.len() >= MOST_PROCESSES && !self.processes.contains_key(&process) {
            self.nameless += 1;
            return;
        }
        self.processes.insert(process, (Arc::new(resource), handlers));
    }
}

impl Processes for Known {
    fn resource(&mut self, process: u32) -> Arc<Resource> {
        Arc::clone(self.processes.get(&process).map_or(&self.other, |(resource, _)| resource))
    }

    fn handlers(&mut self, process: u32) -> Handlers {
        self.processes.get(&process).map_or(Handlers::Unknown, |(_, handlers)| *handlers)
    }
}
