//! Event files: what was written is read, and what was damaged is counted.

use std::borrow::Cow;
use std::io::{self, Write};

use onlooker_common::event::{self, Header, Kind, direction, flag};
use onlooker_common::view::{AsBytes as _, Record};
use onlooker_pipeline::process::Handlers;
use onlooker_pipeline::span::{Attributes, Resource, Value};
use onlooker_replay::recording::{
    Counters, End, Ended, Frame, Head, LONGEST_FRAME, MAGIC, Payloads, Process, Reader,
    RecordingError, Stopped, VERSION, Why, Writer,
};

fn head(payloads: Payloads) -> Head {
    let (agent, kernel) = ("0.1.0".to_owned(), "6.1.0-example".to_owned());
    Head { payloads, epoch: 1_700_000_000_000_000_000, seed: 42, agent, kernel }
}

fn resource() -> Resource {
    let mut attributes = Attributes::default();
    attributes.set("service.name", "shop".to_owned());
    attributes.set("process.pid", 7_i64);
    attributes.set("half", Value::Double(0.5));
    attributes.set("flag", true);
    attributes.set("host.ip", Value::Texts(["::1".into(), "127.0.0.1".into()].into()));
    attributes.0.push((Cow::Borrowed("team"), Value::from("secret plans".to_owned())));
    Resource { service: "shop".to_owned(), attributes }
}

fn data(position: u64, payload: &[u8]) -> event::Data {
    let length = payload.len() as u32;
    let header = Header {
        kind: Kind::Data as u32,
        tgid: 7,
        tid: 8,
        captured: length,
        time: 1_000 + position,
    };
    let place = event::Place { socket: 0xabc, position, inode: 5, length };
    event::Data { header, start: 900, place, direction: direction::IN, ..event::Data::default() }
}

fn socket() -> event::Socket {
    let header = Header { kind: Kind::Socket as u32, tgid: 7, tid: 8, captured: 0, time: 999 };
    let mut path = [0; 108];
    path[..6].copy_from_slice(b"/run/s");
    // What was in the kernel's memory before.
    path[6..].fill(0x5a);
    event::Socket {
        header,
        socket: 0xabc,
        peer_inode: 0,
        opener_flags: 0,
        inode: 5,
        netns: 1,
        sent_base: 0,
        received_base: 0,
        family: 1,
        protocol: 0,
        local_port: 0,
        remote_port: 0,
        local: [0; 16],
        remote: [0; 16],
        role: 0,
        role_evidence: 0,
        path_length: 6,
        path,
        cause: event::Place::default(),
        resumed: event::Place::default(),
        opener: 0,
    }
}

/// A file with one frame of each kind at least.
fn file(payloads: Payloads) -> Vec<u8> {
    let mut out = Vec::new();
    let mut writer = Writer::start(&mut out, &head(payloads), u64::MAX).expect("a vector");
    writer.older_sockets(&[1, 2, 0xffff_ffff]);
    writer.record(Some(&Record::Socket(socket())));
    writer.process(7, Handlers::Inline, &resource());
    for (position, payload) in [(0, &b"GET /a HTTP/1.1\r\n\r\n"[..]), (19, b"secret body")] {
        writer.record(Some(&Record::Data(data(position, payload), payload)));
    }
    writer.record(None);
    writer.tick(2_000);
    writer.epoch(3);
    let exit = event::Process::default();
    writer.record(Some(&Record::Process(
        Kind::Exit,
        event::Process { header: Header { kind: Kind::Exit as u32, ..exit.header }, ..exit },
    )));
    writer.process_ended(7);
    let summary = writer.finish(&[1, 2, 3]);
    assert_eq!((summary.frames, summary.left_out), (12, 0));
    assert!(summary.stopped.is_none());
    assert_eq!(summary.bytes, out.len() as u64);
    out
}

/// Each frame in words.
fn words(frame: &Frame<'_>) -> String {
    match frame {
        Frame::Record(None) => "malformed".to_owned(),
        Frame::Record(Some(Record::Data(data, payload))) => {
            format!("data {} {:?}", data.place.position, String::from_utf8_lossy(payload))
        }
        Frame::Record(Some(Record::Socket(socket))) => format!("socket {:x?}", &socket.path[..8]),
        Frame::Record(Some(Record::SocketEnd(_))) => "socket end".to_owned(),
        Frame::Record(Some(Record::ConnectFailure(failure))) => format!("{failure:?}"),
        Frame::Record(Some(Record::Process(kind, _))) => format!("process {kind:?}"),
        Frame::Tick(now) => format!("tick {now}"),
        Frame::Epoch(epoch) => format!("epoch {epoch}"),
        Frame::OlderSockets(inodes) => format!("older {:?}", inodes.collect::<Vec<_>>()),
        Frame::Process(Process { process, handlers, resource }) => {
            format!("is {process} {handlers:?} {resource:?}")
        }
        Frame::ProcessEnded(process) => format!("ended {process}"),
        Frame::End(end) => format!("{end:?}"),
    }
}

fn read(bytes: &[u8]) -> Result<(Vec<String>, Ended, Counters), RecordingError> {
    let mut reader = Reader::open(bytes)?;
    let mut frames = Vec::new();
    while let Some(frame) = reader.next_frame()? {
        frames.push(words(&frame));
    }
    Ok((frames, reader.ended(), reader.counters()))
}

#[test]
fn what_is_written_is_read() {
    let bytes = file(Payloads::Complete);
    assert_eq!(Reader::open(&bytes[..]).expect("a head").head(), &head(Payloads::Complete));
    let (frames, ended, counters) = read(&bytes).expect("a file");
    let end = End { why: Why::Ended, left_out: 0, left_out_bytes: 0, kernel: vec![1, 2, 3] };
    let expected = [
        "older [1, 2, 4294967295]".to_owned(),
        // What lies behind the path is not in the file.
        "socket [2f, 72, 75, 6e, 2f, 73, 0, 0]".to_owned(),
        format!("is 7 Inline {:?}", resource()),
        "data 0 \"GET /a HTTP/1.1\\r\\n\\r\\n\"".to_owned(),
        "data 19 \"secret body\"".to_owned(),
        "malformed".to_owned(),
        "tick 2000".to_owned(),
        "epoch 3".to_owned(),
        "process Exit".to_owned(),
        "ended 7".to_owned(),
        format!("{end:?}"),
    ];
    assert_eq!(frames, expected);
    assert_eq!(ended, Ended::Complete);
    assert_eq!(counters, Counters { frames: 11, ..Counters::default() });
    assert!(!bytes.contains(&0x5a), "memory that nobody asked for is in the file");
}

#[test]
fn payloads_and_what_owners_set_are_masked_unless_asked_otherwise() {
    let bytes = file(Payloads::Redacted);
    let has = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(has("GET /a HTTP/1.1"));
    assert!(!has("secret"));
    assert!(has("shop") && has("team"));
    assert!(!has("127.0.0.1"));
}

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

/// A frame with any content, and the checksum that it needs.
fn frame(content: &[u8]) -> Vec<u8> {
    let mut out = Vec::from((content.len() as u32).to_le_bytes());
    out.extend(crc(content).to_le_bytes());
    out.extend(content);
    out
}

/// Bit by bit, as IEEE 802.3 has it.
fn crc(bytes: &[u8]) -> u32 {
    let mut sum = u32::MAX;
    for byte in bytes {
        sum ^= u32::from(*byte);
        for _ in 0..8 {
            sum = if sum & 1 == 1 { 0xedb8_8320 ^ (sum >> 1) } else { sum >> 1 };
        }
    }
    !sum
}

fn start() -> Vec<u8> {
    let mut out = Vec::new();
    let writer = Writer::start(&mut out, &head(Payloads::Complete), u64::MAX).expect("a vector");
    drop(writer);
    out
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

#[test]
fn a_process_with_too_many_attributes_keeps_its_name() {
    let mut large = resource();
    large.attributes.set("large", "x".repeat(LONGEST_FRAME as usize));
    let mut out = Vec::new();
    let mut writer =
        Writer::start(&mut out, &head(Payloads::Complete), u64::MAX).expect("a vector");
    writer.process(7, Handlers::Scheduled, &large);
    writer.finish(&[]);
    let (frames, ended, _) = read(&out).expect("a file");
    assert_eq!(ended, Ended::Complete);
    assert!(frames[0].starts_with("is 7 Scheduled Resource { service: \"shop\""), "{}", frames[0]);
}

/// What is left of the payloads of records that were told in this order.
fn masked(records: &[(event::Data, &[u8])]) -> Vec<String> {
    let mut out = Vec::new();
    let mut writer =
        Writer::start(&mut out, &head(Payloads::Redacted), u64::MAX).expect("a vector");
    for (data, payload) in records {
        writer.record(Some(&Record::Data(*data, payload)));
    }
    writer.finish(&[]);
    let mut reader = Reader::open(&out[..]).expect("a file");
    let mut payloads = Vec::new();
    while let Some(frame) = reader.next_frame().expect("a slice") {
        if let Frame::Record(Some(Record::Data(_, payload))) = frame {
            payloads.push(String::from_utf8_lossy(payload).into_owned());
        }
    }
    payloads
}

#[test]
fn what_is_late_missing_or_a_datagram_is_masked() {
    let request = b"GET /a HTTP/1.1\r\nContent-Length: 30\r\n\r\n";
    let length = request.len() as u64;
    let at = |position: u64, payload: &'static [u8]| (data(position, payload), payload);
    let mut cut = at(length, b"0123456789");
    // Of 30 bytes 10 were captured.
    cut.0.place.length = 30;
    let next: &[u8] = b"GET /b HTTP/1.1\r\n\r\n";
    let xs = "x".repeat(next.len());
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();

    let seen = masked(&[at(0, request), cut, at(length + 30, next)]);
    assert_eq!(seen, [text(request), "x".repeat(10), text(next)]);
    // What looks like a request in the middle of a body is none.
    let seen = masked(&[at(0, request), at(length, next)]);
    assert_eq!(seen[1], xs);
    // Told a second time.
    let seen = masked(&[at(0, request), at(0, request)]);
    assert_eq!(seen[1], "x".repeat(request.len()));
    // The second record of a call does not begin a message.
    let mut second = at(1_000, next);
    second.0.offset = 16_384;
    assert_eq!(masked(&[second])[0], xs);
    let mut datagram = at(0, next);
    datagram.0.flags = flag::DATAGRAM;
    assert_eq!(masked(&[datagram])[0], xs);
    // Sequence numbers begin anew at 2^32.
    let before = u64::from(u32::MAX) - length + 1;
    let seen = masked(&[at(before, request), at(0, next)]);
    assert_eq!(seen[1], xs);
}
