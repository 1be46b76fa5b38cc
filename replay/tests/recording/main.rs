//! Event files: what was written is read, and what was damaged is counted.

mod damage;
mod limits;
mod masks;
mod versions;

use std::borrow::Cow;

use onlooker_common::event::{self, Header, Kind, direction};
use onlooker_common::view::Record;
use onlooker_pipeline::process::Handlers;
use onlooker_pipeline::span::{Attributes, Resource, Value};
use onlooker_replay::recording::{
    Counters, End, Ended, Frame, Head, LONGEST_FRAME, Payloads, Process, Reader, RecordingError,
    Why, Writer,
};

fn head(payloads: Payloads) -> Head {
    let (agent, kernel) = ("0.1.0".to_owned(), "6.1.0-example".to_owned());
    Head { payloads, epoch: 1_700_000_000_000_000_000, seed: 42, agent, kernel }
}

fn resource() -> Resource {
    let mut attributes = Attributes::default();
    attributes.set("service.name", "shop".to_owned());
    attributes.set("process.pid", 7_i64);
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
