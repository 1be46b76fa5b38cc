//! The event stream: any bytes as records of the ring buffer, through the whole pipeline.
#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use onlooker_common::view;
use onlooker_pipeline::process::{Handlers, Processes};
use onlooker_pipeline::span::Resource;
use onlooker_pipeline::{Pipeline, PipelineOptions};

struct Nobody(Arc<Resource>);

impl Processes for Nobody {
    fn resource(&mut self, _process: u32) -> Arc<Resource> {
        Arc::clone(&self.0)
    }

    fn handlers(&mut self, process: u32) -> Handlers {
        if process.is_multiple_of(2) { Handlers::Inline } else { Handlers::Unknown }
    }
}

// Records come with their length in two bytes (little-endian); a length of zero lets time pass.
fuzz_target!(|input: &[u8]| {
    let processes = Nobody(Arc::default());
    let mut pipeline = Pipeline::new(processes, PipelineOptions { seed: 1, epoch: 0 });
    let mut rest = input;
    let mut now = 0;
    while let Some(([low, high], more)) = rest.split_first_chunk() {
        let length = usize::from(u16::from_le_bytes([*low, *high])).min(more.len());
        let (record, more) = more.split_at(length);
        if length == 0 {
            now += 300_000_000;
            pipeline.tick(now);
        } else {
            pipeline.feed(view::record(record));
        }
        rest = more;
    }
    pipeline.finish();
    for span in pipeline.take_spans() {
        assert!(span.start_unix_nano <= span.end_unix_nano);
        assert_eq!(span.parent.is_some(), span.evidence.is_some());
    }
});
