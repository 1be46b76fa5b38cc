//! A packet capture: frames, connections, records as the kernel would have told them.

use std::io::Read;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use onlooker_common::view::Record;
use onlooker_pipeline::process::{Handlers, Processes};
use onlooker_pipeline::span::{Resource, Value};
use onlooker_pipeline::{Pipeline, PipelineOptions};
use onlooker_replay::{Assembler, Capture, Event, Recorder};

use super::{Arguments, FRAMES_AT_ONCE, Outlet};
use crate::cli::failures::Failures;
use crate::cli::report;
use crate::cli::say::say;
use crate::process;

/// Replays one capture.
pub(super) fn replay(
    input: impl Read,
    seed: u64,
    path: &Path,
    arguments: &Arguments,
    outlet: &mut Outlet,
) -> anyhow::Result<()> {
    let mut capture = Capture::open(input)?;
    let mut assembler = Assembler::new();
    let mut recorder = Recorder::new(arguments.ends.into());
    // The times of a capture count from 1970 by themselves.
    let mut pipeline = outlet.pipeline(Hosts::default(), PipelineOptions { seed, epoch: 0 });
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
            failures: Failures::of(pipeline.failed_connects()).of_a_capture(),
        };
        say(summary);
    }
    Ok(())
}

fn feed(event: &Event<'_>, recorder: &mut Recorder, pipeline: &mut Pipeline<Hosts>) {
    let mut failed = None;
    recorder.take(event, &mut |record| match record {
        Record::ConnectFailure(failure) => failed = Some(failure),
        record => pipeline.feed(Some(record)),
    });
    if matches!(event, Event::Opened(_) | Event::ConnectFailed { .. }) {
        pipeline.processes().learn(recorder.hosts());
    }
    if let Some(failure) = failed {
        pipeline.feed(Some(Record::ConnectFailure(failure)));
    }
}

/// The hosts of a capture, which stand for processes.
#[derive(Debug)]
struct Hosts {
    resources: Vec<Arc<Resource>>,
    other: Arc<Resource>,
}

impl Default for Hosts {
    fn default() -> Self {
        Self { resources: Vec::new(), other: Arc::new(process::of_name("unknown_service")) }
    }
}

impl Hosts {
    fn learn(&mut self, hosts: &[IpAddr]) {
        let new = hosts.get(self.resources.len()..).unwrap_or_default();
        self.resources.extend(new.iter().map(|host| {
            let service = host.to_string();
            let mut resource = process::of_name(&service);
            let addresses = [service.as_str().into()].into();
            resource.attributes.set("host.ip", Value::Texts(addresses));
            Arc::new(resource)
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
