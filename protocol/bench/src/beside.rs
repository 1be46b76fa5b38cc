//! What the libraries do with the bytes of a case: each reads every message to its end.

use std::hint::black_box;

use bytes::Bytes;
use kafka_protocol::messages::{ApiKey, RequestHeader, RequestKind, ResponseHeader, ResponseKind};
use kafka_protocol::protocol::Decodable;
use onlooker_protocol::Side;

use crate::case::Turn;

pub(crate) fn httparse(request: &[u8], response: &[u8]) {
    let mut fields = [httparse::EMPTY_HEADER; 32];
    let mut head = httparse::Request::new(&mut fields);
    black_box(head.parse(request)).expect("a request");
    let mut fields = [httparse::EMPTY_HEADER; 32];
    let mut head = httparse::Response::new(&mut fields);
    black_box(head.parse(response)).expect("a response");
}

pub(crate) fn redis(messages: [&[u8]; 2]) {
    for message in messages {
        black_box(redis_protocol::resp2::decode::decode(message)).expect("a value");
    }
}

pub(crate) fn dns(messages: [&[u8]; 2]) {
    for message in messages {
        black_box(simple_dns::Packet::parse(message)).expect("a message");
    }
}

pub(crate) fn sql(text: &str) {
    let dialect = sqlparser::dialect::PostgreSqlDialect {};
    black_box(sqlparser::tokenizer::Tokenizer::new(&dialect, text).tokenize()).expect("tokens");
}

/// The field blocks of an HTTP/2 connection, by side.
pub(crate) struct Blocks([Vec<Vec<u8>>; 2]);

impl Blocks {
    /// Takes them out of HEADERS frames; those of the recording are neither padded nor continued.
    pub(crate) fn of(turns: &[Turn]) -> Self {
        let stream = |wanted| -> Vec<u8> {
            let of_side = turns.iter().filter(|(side, _)| *side == wanted);
            of_side.flat_map(|(_, bytes)| bytes.iter().copied()).collect()
        };
        let blocks = |stream: Vec<u8>| {
            let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
            let mut rest = stream.strip_prefix(&preface[..]).unwrap_or(&stream);
            let mut blocks = Vec::new();
            while let [a, b, c, kind, flags, _, _, _, _, tail @ ..] = rest {
                let (payload, behind) = tail.split_at(u32::from_be_bytes([0, *a, *b, *c]) as usize);
                if *kind == 1 {
                    assert_eq!(flags & 0x08, 0, "a padded frame");
                    blocks.push(payload[if flags & 0x20 == 0 { 0 } else { 5 }..].to_vec());
                }
                rest = behind;
            }
            blocks
        };
        Self([Side::Client, Side::Server].map(|side| blocks(stream(side))))
    }

    pub(crate) fn bytes(&self) -> usize {
        self.0.iter().flatten().map(Vec::len).sum()
    }

    pub(crate) fn read(&self) {
        for blocks in &self.0 {
            let mut decoder = fluke_hpack::Decoder::new();
            for block in blocks {
                black_box(decoder.decode(block)).expect("fields");
            }
        }
    }
}

/// The messages of a Kafka connection: API, version, request and response without their lengths.
pub(crate) struct KafkaMessages(Vec<(ApiKey, i16, Bytes, Bytes)>);

impl KafkaMessages {
    /// Pairs them by order. Where one is missing, the rest is left out.
    pub(crate) fn of(turns: &[Turn]) -> Self {
        let messages = |wanted: Side| {
            let of_side = turns.iter().filter(|(side, _)| *side == wanted);
            let stream: Vec<u8> = of_side.flat_map(|(_, bytes)| bytes.iter().copied()).collect();
            let mut rest = Bytes::from(stream);
            let mut messages = Vec::new();
            while rest.len() >= 4 {
                let length = u32::from_be_bytes([rest[0], rest[1], rest[2], rest[3]]) as usize;
                let mut message = rest.split_to(4 + length);
                messages.push(message.split_off(4));
            }
            messages
        };
        let pairs = messages(Side::Client).into_iter().zip(messages(Side::Server));
        let call = |(request, response): (Bytes, Bytes)| {
            let api =
                ApiKey::try_from(i16::from_be_bytes([request[0], request[1]])).expect("an API");
            (api, i16::from_be_bytes([request[2], request[3]]), request, response)
        };
        Self(pairs.map(call).collect())
    }

    pub(crate) fn bytes(&self) -> usize {
        self.0.iter().map(|(_, _, request, response)| request.len() + response.len() + 8).sum()
    }

    pub(crate) fn read(&self) {
        for (api, version, request, response) in &self.0 {
            let (mut request, mut response) = (request.clone(), response.clone());
            let head = RequestHeader::decode(&mut request, api.request_header_version(*version));
            black_box(head).expect("a head");
            black_box(RequestKind::decode(*api, &mut request, *version)).expect("a request");
            let head = ResponseHeader::decode(&mut response, api.response_header_version(*version));
            black_box(head).expect("a head");
            black_box(ResponseKind::decode(*api, &mut response, *version)).expect("a response");
        }
    }
}
