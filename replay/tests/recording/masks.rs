//! What is masked of payloads and of resources.

use onlooker_common::event::{self, flag};
use onlooker_common::view::Record;
use onlooker_replay::recording::{Frame, Payloads, Reader, Writer};

use super::{data, file, head};

#[test]
fn payloads_and_what_owners_set_are_masked_unless_asked_otherwise() {
    let bytes = file(Payloads::Redacted);
    let has = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(has("GET /a HTTP/1.1"));
    assert!(!has("secret"));
    assert!(has("shop") && has("team"));
    assert!(!has("127.0.0.1"));
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
