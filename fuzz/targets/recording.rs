//! Event files: any bytes behind a good head, as they are and with checksums put right, through the
//! reader and the whole pipeline.
#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use onlooker_pipeline::process::{Handlers, Processes};
use onlooker_pipeline::span::Resource;
use onlooker_pipeline::{Pipeline, PipelineOptions};
use onlooker_replay::recording::{Frame, Head, Payloads, Reader, Writer};

struct Nobody(Arc<Resource>);

impl Processes for Nobody {
    fn resource(&mut self, _process: u32) -> Arc<Resource> {
        Arc::clone(&self.0)
    }

    fn handlers(&mut self, process: u32) -> Handlers {
        if process.is_multiple_of(2) { Handlers::Inline } else { Handlers::Unknown }
    }
}

/// Frames whose lengths and checksums are right: a length in two bytes (little-endian), then kind and
/// content.
fn repaired(mut rest: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    while let Some(([low, high], more)) = rest.split_first_chunk() {
        let length = usize::from(u16::from_le_bytes([*low, *high])).min(more.len());
        let (content, more) = more.split_at(length);
        out.extend((content.len() as u32).to_le_bytes());
        out.extend(checksum(content).to_le_bytes());
        out.extend(content);
        rest = more;
    }
    out
}

/// CRC-32 of IEEE 802.3, bit by bit.
fn checksum(bytes: &[u8]) -> u32 {
    let mut sum = u32::MAX;
    for byte in bytes {
        sum ^= u32::from(*byte);
        for _ in 0..8 {
            sum = if sum & 1 == 1 { 0xedb8_8320 ^ (sum >> 1) } else { sum >> 1 };
        }
    }
    !sum
}

fn replay(file: &[u8]) {
    let Ok(mut reader) = Reader::open(file) else { return };
    let head = reader.head().clone();
    let options = PipelineOptions { seed: head.seed, epoch: head.epoch };
    let mut pipeline = Pipeline::new(Nobody(Arc::default()), options);
    let mut frames = 0;
    while let Ok(Some(frame)) = reader.next_frame() {
        frames += 1;
        match frame {
            Frame::Record(record) => pipeline.feed(record),
            Frame::Tick(now) => pipeline.tick(now),
            Frame::Epoch(epoch) => pipeline.set_epoch(epoch),
            Frame::OlderSockets(inodes) => pipeline.add_older_sockets(inodes),
            Frame::Process(process) => drop(process),
            Frame::ProcessEnded(process) => pipeline.process_ended(process),
            Frame::End(_) => {}
        }
    }
    let counters = reader.counters();
    assert_eq!(counters.frames, frames);
    assert!(counters.unread_bytes <= file.len() as u64);
    pipeline.finish();
    for span in pipeline.take_spans() {
        assert!(span.start_unix_nano <= span.end_unix_nano);
    }
}

// The first byte says whether the rest is a whole file, the frames of one, or frames to be put right.
fuzz_target!(|input: &[u8]| {
    let Some((how, rest)) = input.split_first() else { return };
    if how % 3 == 0 {
        return replay(rest);
    }
    let mut file = Vec::new();
    let (agent, kernel) = (String::new(), String::new());
    let head = Head { payloads: Payloads::Complete, epoch: 0, seed: 1, agent, kernel };
    drop(Writer::start(&mut file, &head, u64::MAX));
    if how % 3 == 1 {
        file.extend(rest);
    } else {
        file.extend(repaired(rest));
    }
    replay(&file);
});
