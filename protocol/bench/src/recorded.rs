//! Connections of real clients, recorded for the tests: HTTP/2, gRPC, Kafka, AMQP.

use std::path::Path;

use onlooker_protocol::Side;
use onlooker_protocol::{amqp, http2, kafka};

use crate::beside;
use crate::case::{Case, Turn};

pub(crate) fn cases() -> Vec<Case> {
    let h2load = conversation("http2/h2load.conversation");
    let java = recording("kafka/java/003.rec");
    let blocks = beside::Blocks::of(&h2load);
    let messages = beside::KafkaMessages::of(&java);
    vec![
        Case::recorded("HTTP/2, h2load", &http2::PROTOCOL, h2load).beside(
            "fluke-hpack (field blocks)",
            blocks.bytes(),
            move || blocks.read(),
        ),
        Case::recorded(
            "gRPC, Python",
            &http2::PROTOCOL,
            conversation("http2/grpc-python-sync.conversation"),
        ),
        Case::recorded("gRPC, Node", &http2::PROTOCOL, conversation("http2/grpc-js.conversation")),
        Case::recorded("Kafka, Java", &kafka::PROTOCOL, java).beside(
            "kafka-protocol",
            messages.bytes(),
            move || messages.read(),
        ),
        Case::recorded("AMQP, pika", &amqp::PROTOCOL, recording("amqp/pika/001.rec")),
    ]
}

fn data(path: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data").join(path);
    std::fs::read(&path).unwrap_or_else(|why| panic!("{}: {why}", path.display()))
}

/// Records of a side, a length and bytes (see `protocol/tests/data/README.md`).
fn recording(path: &str) -> Vec<Turn> {
    let bytes = data(path);
    let mut rest = &bytes[..];
    let mut turns = Vec::new();
    while let [side, a, b, c, d, tail @ ..] = rest {
        let length = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
        let side = if *side == 0 { Side::Client } else { Side::Server };
        turns.push((side, tail[..length].to_vec()));
        rest = &tail[length..];
    }
    turns
}

/// Lines of a side (`C` or `S`), microseconds, and bytes in hex.
fn conversation(path: &str) -> Vec<Turn> {
    let text = String::from_utf8(data(path)).expect("text");
    let turn = |line: &str| {
        let words: Vec<_> = line.split(' ').collect();
        let side = if words[0] == "C" { Side::Client } else { Side::Server };
        let byte = |at| u8::from_str_radix(&words[2][at..at + 2], 16).expect("hex");
        (side, (0..words[2].len()).step_by(2).map(byte).collect())
    };
    text.lines().map(turn).collect()
}
