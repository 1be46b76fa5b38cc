//! Files that were cut, changed or made up.

use onlooker_common::event::{self, Header};
use onlooker_common::view::AsBytes as _;
use onlooker_replay::recording::{Ended, LONGEST_FRAME, Payloads, RecordingError, Writer};

use super::{data, file, frame, head, read};

#[test]
fn a_file_that_was_cut_anywhere_gives_what_is_whole() {
    let bytes = file(Payloads::Complete);
    let (whole, ..) = read(&bytes).expect("a file");
    let mut seen = 0;
    for length in 0..bytes.len() {
        match read(&bytes[..length]) {
            Ok((frames, ended, counters)) => {
                assert!(frames.len() >= seen && whole.starts_with(&frames), "{length}");
                seen = frames.len();
                match ended {
                    Ended::Truncated { offset } => {
                        assert_eq!(counters.unread_bytes, length as u64 - offset, "{length}");
                    }
                    other => assert_eq!(other, Ended::WithoutEnd, "{length}"),
                }
                assert_eq!(counters.damaged, 0, "{length}");
            }
            Err(error) => {
                assert_eq!(seen, 0);
                let cut = matches!(error, RecordingError::HeadCut);
                assert!(cut || (length < 4 && matches!(error, RecordingError::NotARecording)));
            }
        }
    }
    assert_eq!(seen, whole.len() - 1);
}

#[test]
fn a_byte_that_was_changed_anywhere_is_noticed() {
    let bytes = file(Payloads::Complete);
    let (whole, ..) = read(&bytes).expect("a file");
    for at in 0..bytes.len() {
        for change in [1, 0x80, 0xff] {
            let mut damaged = bytes.clone();
            damaged[at] ^= change;
            let Ok((frames, ended, counters)) = read(&damaged) else { continue };
            assert!(
                counters.damaged > 0 || ended != Ended::Complete,
                "byte {at}: {frames:?} {ended:?} {counters:?}"
            );
            // What is told is a part of the truth, in its order.
            let mut rest = whole.iter();
            assert!(frames.iter().all(|frame| rest.any(|other| other == frame)), "byte {at}");
        }
    }
}

#[test]
fn one_damaged_frame_costs_one_frame() {
    let mut bytes = file(Payloads::Complete);
    let at = bytes.windows(11).position(|window| window == b"secret body").expect("it is there");
    bytes[at] ^= 0x20;
    let (frames, ended, counters) = read(&bytes).expect("a file");
    assert_eq!((frames.len(), ended), (10, Ended::Complete));
    assert_eq!((counters.frames, counters.damaged), (10, 1));
}

#[test]
fn lengths_and_counts_that_lie_are_counted() {
    for length in [0, LONGEST_FRAME + 1, u32::MAX] {
        let mut bytes = start();
        let offset = bytes.len() as u64;
        bytes.extend(length.to_le_bytes());
        bytes.extend([0; 100]);
        let (frames, ended, counters) = read(&bytes).expect("a head");
        assert_eq!((frames.len(), ended), (0, Ended::Corrupt { offset }), "{length}");
        assert_eq!(counters.unread_bytes, 104);
    }
    // A frame of the longest length, of which nothing is there.
    let mut bytes = start();
    let offset = bytes.len() as u64;
    bytes.extend(LONGEST_FRAME.to_le_bytes());
    bytes.extend([0; 8]);
    assert_eq!(read(&bytes).expect("a head").1, Ended::Truncated { offset });

    let mut record = vec![1];
    record.extend(data(0, &[0; 64]).as_bytes());
    // Times that are beyond what a kernel tells: the pipeline reckons with them.
    let mut far = vec![1];
    far.extend(
        event::SocketEnd {
            header: Header { kind: 3, time: u64::MAX, ..Header::default() },
            ..event::SocketEnd::default()
        }
        .as_bytes(),
    );
    let process = [&[6, 7, 0, 0, 0, 0, 0, 0, 0, 0][..], &u32::MAX.to_le_bytes()].concat();
    for content in [
        // A record whose payload is not there, too short ones, of a kind that there is not.
        &record[..],
        &far,
        &[3, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        &[1],
        &[1, 9, 9, 9, 9],
        &[3, 1, 2],
        &[3, 1, 2, 3, 4, 5, 6, 7, 8, 9],
        &[5, 1],
        // Four thousand million attributes, a text of as many bytes, a handler that is none.
        &process,
        &[6, 7, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff],
        &[6, 7, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0],
        &[8, 0, 1],
    ] {
        let bytes = [start(), frame(content), frame(&[7, 1, 0, 0, 0])].concat();
        let (frames, _, counters) = read(&bytes).expect("a head");
        assert_eq!(frames, ["ended 1"], "{content:?}");
        assert_eq!(counters.damaged, 1, "{content:?}");
    }
    let (frames, _, counters) = read(&[start(), frame(&[99, 1, 2])].concat()).expect("a head");
    assert_eq!((frames.len(), counters.unknown), (0, 1));
}

fn start() -> Vec<u8> {
    let mut out = Vec::new();
    let writer = Writer::start(&mut out, &head(Payloads::Complete), u64::MAX).expect("a vector");
    drop(writer);
    out
}
