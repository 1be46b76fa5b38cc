//! Datagrams in event files: a message of DNS keeps its structure, all else is masked.

use onlooker_common::event::{self, Header, Kind, flag};
use onlooker_common::view::Record;
use onlooker_replay::recording::{Frame, Head, Payloads, Reader, Writer};

const QUERY: &[u8] =
    b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x04pod7\x04shop\x00\x00\x01\x00\x01";

fn masked(payload: &[u8], length: u32) -> Vec<u8> {
    let captured = payload.len() as u32;
    let header = Header { kind: Kind::Data as u32, tgid: 7, tid: 8, captured, time: 1_000 };
    let place = event::Place { socket: 1, position: 0, inode: 5, length };
    let data = event::Data { header, place, flags: flag::DATAGRAM, ..event::Data::default() };
    let (agent, kernel) = (String::new(), String::new());
    let head = Head { payloads: Payloads::Redacted, epoch: 0, seed: 0, agent, kernel };
    let mut file = Vec::new();
    let mut writer = Writer::start(&mut file, &head, u64::MAX).expect("a vector");
    writer.record(Some(&Record::Data(data, payload)));
    writer.finish(&[]);
    let mut reader = Reader::open(&file[..]).expect("a recording");
    while let Some(frame) = reader.next_frame().expect("memory does not fail") {
        if let Frame::Record(Some(Record::Data(_, payload))) = frame {
            return payload.to_vec();
        }
    }
    panic!("no record");
}

#[test]
fn a_lookup_keeps_its_structure() {
    let mut left = QUERY.to_vec();
    left[13..17].fill(b'x');
    assert_eq!(masked(QUERY, QUERY.len() as u32), left);
}

#[test]
fn what_is_cut_or_unknown_is_masked() {
    assert_eq!(masked(QUERY, 4_000), vec![b'x'; QUERY.len()]);
    assert_eq!(masked(b"secret", 6), b"xxxxxx");
}
