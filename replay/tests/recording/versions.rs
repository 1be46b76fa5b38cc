//! Other files, and other versions of the format.

use onlooker_common::event::{self, Header};
use onlooker_common::view::Record;
use onlooker_pipeline::process::Handlers;
use onlooker_replay::recording::{Ended, MAGIC, Payloads, VERSION, Writer};

use super::{file, frame, head, read, resource};

#[test]
fn other_files_and_other_versions_are_refused() {
    let good = file(Payloads::Complete);
    let error = |bytes: &[u8]| read(bytes).expect_err("it is refused").to_string();
    assert_eq!(error(b"\xd4\xc3\xb2\xa1 and so on"), "not an event file of Onlooker");
    let mut newer = good.clone();
    newer[8..12].copy_from_slice(&(VERSION + 1).to_le_bytes());
    let message = error(&newer);
    assert!(message.contains("version 3") && message.contains("newer"), "{message}");
    newer[8..12].copy_from_slice(&0_u32.to_le_bytes());
    assert!(error(&newer).contains("version 0"));
    // As a transfer as text leaves it.
    let as_text: Vec<u8> = good.iter().copied().filter(|byte| *byte != b'\r').collect();
    assert!(error(&as_text).contains("damaged"));
    assert!(error(&MAGIC).contains("ends within its head"));
}

/// What only readers of version 2 know must not be in a file that readers of version 1 take: they would
/// pass it over as damage.
#[test]
fn what_version_1_did_not_have_is_in_files_of_another_version() {
    let mut out = Vec::new();
    let mut writer =
        Writer::start(&mut out, &head(Payloads::Complete), u64::MAX).expect("a vector");
    writer.process(7, Handlers::Scheduled, &resource());
    let failure = event::ConnectFailure {
        header: Header { kind: 9, ..Header::default() },
        error: 111,
        family: 2,
        remote_port: 5432,
        remote: [10; 16],
        path_length: 2,
        // What was in the kernel's memory before.
        path: [0x5a; 108],
    };
    writer.record(Some(&Record::ConnectFailure(failure)));
    writer.finish(&[]);
    assert_eq!(out[8..12], [2, 0, 0, 0]);
    let (frames, ended, counters) = read(&out).expect("a head");
    assert_eq!((ended, counters.damaged), (Ended::Complete, 0));
    assert!(frames[0].starts_with("is 7 Scheduled"), "{frames:?}");
    assert!(frames[1].contains("error: 111"), "{frames:?}");
    assert_eq!(frames[1].matches("90").count(), 2, "the path's used bytes alone: {frames:?}");
}

/// Put together by hand, as version 1 had it.
#[test]
fn files_of_version_1_are_read() {
    let text = |text: &str| [&(text.len() as u32).to_le_bytes(), text.as_bytes()].concat();
    let head = [&[0, 0][..], &[0; 16], &text("0.1.0"), &text("6.1.0")].concat();
    let process = [&[6, 7, 0, 0, 0, 1][..], &text("nginx"), &[0; 4]].concat();
    // Six of the kernel's counters.
    let end = [&[8, 0][..], &[0; 16], &[0; 48]].concat();
    let bytes = [
        &MAGIC[..],
        &1_u32.to_le_bytes(),
        &frame(&head),
        &frame(&process),
        &frame(&[7, 7, 0, 0, 0]),
        &frame(&end),
    ]
    .concat();
    let (frames, ended, counters) = read(&bytes).expect("a head");
    assert_eq!((ended, counters.damaged), (Ended::Complete, 0));
    assert!(frames[0].starts_with("is 7 Inline"), "{frames:?}");
    assert_eq!(frames[1], "ended 7");
}
