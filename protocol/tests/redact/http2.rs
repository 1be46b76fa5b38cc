//! HTTP/2 and gRPC.

use onlooker_protocol::Side;
use onlooker_protocol::http2::Http2;

use crate::support::Random;
use crate::support::pieces::{Conversation, Piece, run, summary};
use crate::{SECRET, cut, has_secret, redacted};

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// A string literal without Huffman code (RFC 7541, section 5.2).
fn plain(text: &str) -> Vec<u8> {
    [&[text.len() as u8], text.as_bytes()].concat()
}

/// A literal field with indexing, under a name of its own.
fn field(name: &str, value: &str) -> Vec<u8> {
    [vec![0x40], plain(name), plain(value)].concat()
}

/// A conversation with a text wherever a value, a parameter or contents may be.
fn conversation(s: &str) -> Vec<(Side, Vec<u8>)> {
    use Side::{Client, Server};
    let path = [vec![0x44], plain(&format!("/shop/{s}?q={s}&{s}=1"))].concat();
    // :method POST, :scheme http, :authority.
    let start = [&[0x83, 0x86, 0x41][..], &plain("shop.example")].concat();
    let request = [
        start,
        path,
        field("authorization", s),
        field("cookie", s),
        field(s, s),
        // Never indexed.
        [vec![0x10], plain("x-token"), plain(s)].concat(),
    ];
    let again = [&[0x83, 0x86, 0xc2, 0xc1, 0xc0, 0xbf, 0xbe][..]].concat();
    let response = [&[0x88][..], &field("set-cookie", s), &field("location", s)].concat();
    vec![
        (
            Client,
            [
                b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
                frame(4, 0, 0, &[0, 3, 0, 0, 0, 100]),
                frame(1, 4, 1, &request.concat()),
                frame(0, 1, 1, s.as_bytes()),
            ]
            .concat(),
        ),
        (Server, [frame(4, 0, 0, &[]), frame(4, 1, 0, &[]), frame(1, 4, 1, &response)].concat()),
        (Server, frame(0, 1, 1, &[&[0, 0, 0, 0, s.len() as u8], s.as_bytes()].concat())),
        (Client, [frame(6, 0, 0, &s.as_bytes()[..8]), frame(1, 5, 3, &again)].concat()),
        (Server, [frame(1, 5, 3, &response), frame(0x42, 0, 0, s.as_bytes())].concat()),
        (Server, frame(7, 0, 0, &[&[0, 0, 0, 3, 0, 0, 0, 0], s.as_bytes()].concat())),
    ]
}

#[test]
fn no_cut_lets_a_secret_out() {
    let turns = conversation(SECRET);
    assert!(turns.iter().any(|(_, bytes)| has_secret(bytes)));
    for seed in 1..=4_000 {
        let (out, what) = cut(&turns, &mut Random(seed));
        assert!(!has_secret(&out), "seed {seed}: {what:?}\n{}", String::from_utf8_lossy(&out));
    }
}

/// RFC 9113, section 6: frames of numbers have the lengths of these; whatever is longer may be anything.
#[test]
fn frames_of_numbers_hold_nothing_else() {
    let text = SECRET.repeat(12);
    let start = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), frame(4, 0, 0, &[])].concat();
    // Of settings there are not as many as 22.
    for (kind, stream, length) in [(2, 1, 11), (3, 1, 11), (4, 0, 11), (8, 0, 11), (4, 0, 132)] {
        let payload = &text.as_bytes()[..length];
        let out =
            redacted(&[(Side::Client, [start.clone(), frame(kind, 0, stream, payload)].concat())]);
        assert!(!has_secret(&out[0].1), "{kind}: {}", String::from_utf8_lossy(&out[0].1));
    }
}

/// Methods, paths of words, hosts, codes and contexts of recorded conversations are what they were, and
/// of everything later on the tables of HPACK are still right.
#[test]
fn real_conversations_are_read_as_before() {
    for name in ["grpc-python-sync", "grpc-python-aio", "grpc-js", "h2load", "curl"] {
        let before = Conversation::load(&format!("http2/{name}.conversation"));
        let turns: Vec<_> = before.0.iter().map(|it| (it.side, it.bytes.clone())).collect();
        let pieces = before.0.iter().zip(redacted(&turns));
        let pieces = pieces.map(|(piece, (_, bytes))| Piece { bytes, ..piece.clone() });
        let left = Conversation(pieces.collect());
        let [before, left] = [before, left].map(|it| run(&it, Http2::new()));
        assert_eq!(left.exchanges.len(), before.exchanges.len(), "{name}");
        assert_eq!((left.lost, left.not_understood), (before.lost, before.not_understood));
        for (before, left) in before.exchanges.iter().zip(&left.exchanges) {
            assert_eq!(summary(left), summary(before), "{name}");
        }
    }
}

/// Huffman code is masked by code of the same length in bytes and in octets; other implementations
/// read it, and find neither a secret nor another name.
#[test]
fn huffman_code_hides_as_well() {
    use httlib_hpack::{Decoder, Encoder};
    let (mut encoder, mut decoder) = (Encoder::default(), Decoder::default());
    let mut client = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), frame(4, 0, 0, &[])].concat();
    let secret = format!("{SECRET}~{{}}");
    let fields = [
        (":method", "GET".to_owned()),
        (":scheme", "https".to_owned()),
        (":authority", "shop.example:8443".to_owned()),
        (":path", format!("/shop/{secret}/v1/42?page={secret}&{secret}=1")),
        ("cookie", secret.clone()),
        ("user-agent", format!("{secret} \u{e4}\u{f6}")),
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
    ];
    for stream in [1, 3] {
        let mut block = Vec::new();
        let flags = Encoder::WITH_INDEXING | Encoder::HUFFMAN_VALUE;
        for (name, value) in &fields {
            let (name, value) = (name.as_bytes().to_vec(), value.as_bytes().to_vec());
            encoder.encode((name, value, flags), &mut block).expect("a block");
        }
        client.extend(frame(1, 5, stream, &block));
    }
    let left = redacted(&[(Side::Client, client.clone())]).remove(0).1;
    let mut rest = &left[24 + 9..];
    let mut lines = Vec::new();
    while !rest.is_empty() {
        let length = u32::from_be_bytes([0, rest[0], rest[1], rest[2]]) as usize;
        let mut block = rest[9..9 + length].to_vec();
        let mut read = Vec::new();
        decoder.decode(&mut block, &mut read).expect("a block");
        lines.push(read);
        rest = &rest[9 + length..];
    }
    assert_eq!(lines.len(), 2);
    for line in lines {
        assert_eq!(line.len(), fields.len());
        for ((name, value, _), (was_name, was)) in line.iter().zip(&fields) {
            assert_eq!((name, value.len()), (&was_name.as_bytes().to_vec(), was.len()));
            assert!(!has_secret(value), "{was_name}");
            match *was_name {
                ":path" => {
                    let path = String::from_utf8_lossy(value);
                    let (path, query) = path.split_once('?').expect("a query");
                    assert!(path.starts_with("/shop/") && path.contains("/v1/"), "{path}");
                    assert!(query.starts_with("page="), "{query}");
                }
                "cookie" | "user-agent" => {
                    assert!(!value.contains(&b'h') && !value.contains(&b'Q'), "{value:?}");
                }
                _ => assert_eq!(value, was.as_bytes()),
            }
        }
    }
}
