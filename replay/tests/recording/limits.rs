//! Where a recording has to stop.

use std::io::{self, Write};

use onlooker_replay::recording::{Ended, Payloads, Stopped, Writer};

use super::{head, read};

#[test]
fn at_its_limit_a_file_ends_and_says_what_it_lacks() {
    let limit = 4_096;
    let mut out = Vec::new();
    let mut writer = Writer::start(&mut out, &head(Payloads::Complete), limit).expect("a vector");
    for tick in 0..1_000 {
        writer.tick(tick);
    }
    assert!(matches!(writer.stopped(), Some(Stopped::Limit(4_096))));
    let summary = writer.finish(&[0; 11]);
    assert!(out.len() as u64 <= limit);
    let (frames, ended, _) = read(&out).expect("a file");
    assert_eq!(ended, Ended::Complete);
    let (last, ticks) = frames.split_last().expect("frames");
    assert_eq!(ticks.len() as u64 + summary.left_out, 1_000);
    assert!(last.contains(&format!("Limit, left_out: {}", summary.left_out)), "{last}");
    assert!(Writer::start(Vec::new(), &head(Payloads::Complete), 100).is_err());
}

/// A disk that is full after so many bytes.
struct Full(usize);

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::StorageFull)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_stops_the_recording_and_is_told() {
    let mut writer = Writer::start(Full(200), &head(Payloads::Complete), u64::MAX).expect("room");
    for tick in 0..100 {
        writer.tick(tick);
    }
    let summary = writer.finish(&[]);
    assert!(matches!(summary.stopped, Some(Stopped::Failed(_))));
    assert_eq!(summary.frames - 1 + summary.left_out, 100);
}
