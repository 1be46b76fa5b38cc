//! The HPACK decoder against an independent encoder and decoder.

mod support;

use fluke_hpack::Decoder as Other;
use httlib_hpack::Encoder;
use onlooker_protocol::http2::hpack::{Decoder, Error, Field};
use support::Random;

type Line = (Vec<u8>, Vec<u8>);

/// Flags of httlib-hpack.
const HUFFMAN_NAME: u8 = 0x1;
const HUFFMAN_VALUE: u8 = 0x2;
const WITH_INDEXING: u8 = 0x4;
const NEVER_INDEXED: u8 = 0x8;
const BEST_FORMAT: u8 = 0x10;

/// Fields as clients send them: names repeat, some values do too.
fn lines(random: &mut Random) -> Vec<Line> {
    const NAMES: [&str; 12] = [
        ":method",
        ":path",
        ":status",
        "content-type",
        "user-agent",
        "traceparent",
        "x-request-id",
        "cookie",
        "grpc-status",
        "x-a",
        "x-bb",
        "x-a-very-long-name-that-takes-its-room-in-the-table",
    ];
    (0..1 + random.below(12))
        .map(|_| {
            let name = NAMES[random.below(NAMES.len())].as_bytes().to_vec();
            let length = [0, 1, 3, 10, 60, 300][random.below(6)];
            let value = match random.below(3) {
                0 => b"the same again"[..length.min(14)].to_vec(),
                1 => (0..length).map(|_| b'a' + random.below(26) as u8).collect(),
                _ => (0..length).map(|_| random.below(256) as u8).collect(),
            };
            (name, value)
        })
        .collect()
}

fn encode(encoder: &mut Encoder<'_>, lines: &[Line], random: &mut Random) -> Vec<u8> {
    let mut block = Vec::new();
    if random.below(8) == 0 {
        let size = [0, 40, 200, 1000, 4096][random.below(5)];
        encoder.update_max_dynamic_size(size, &mut block).unwrap();
    }
    for (name, value) in lines {
        let indexing = [0, WITH_INDEXING, WITH_INDEXING, NEVER_INDEXED][random.below(4)];
        let flags = BEST_FORMAT
            | indexing
            | [0, HUFFMAN_NAME][random.below(2)]
            | [0, HUFFMAN_VALUE][random.below(2)];
        encoder.encode((name.clone(), value.clone(), flags), &mut block).unwrap();
    }
    block
}

/// A line of which a part may be unknown.
type Partial = (Option<Vec<u8>>, Option<Vec<u8>>);

/// What a block says; a part that is not known is `None`.
fn decode(decoder: &mut Decoder, block: &[u8]) -> Vec<Partial> {
    let mut fields = Vec::new();
    let result = decoder.decode(block, |field| {
        fields.push(match field {
            Field::Known(name, value) => (Some(name.to_vec()), Some(value.to_vec())),
            Field::Unnamed(value, _) => (None, Some(value.to_vec())),
            Field::Unknown(_) => (None, None),
        });
    });
    result.unwrap_or_else(|error| panic!("{error:?} in {block:02x?}"));
    fields
}

#[test]
fn reads_what_another_encoder_writes() {
    for seed in 1..=20 {
        let mut random = Random(seed);
        let mut encoder = Encoder::default();
        let mut decoder = Decoder::from_start();
        for _ in 0..40 {
            let lines = lines(&mut random);
            let block = encode(&mut encoder, &lines, &mut random);
            let fields = decode(&mut decoder, &block);
            let expected: Vec<_> = lines.into_iter().map(|(n, v)| (Some(n), Some(v))).collect();
            assert_eq!(fields, expected, "seed {seed}");
        }
    }
}

/// A reader that comes late, or misses a block and is told so.
#[test]
fn a_partial_reader_is_right_or_says_unknown() {
    let (mut known, mut all) = (0, 0);
    for seed in 1..=40 {
        let mut random = Random(seed);
        let mut encoder = Encoder::default();
        let mut decoder = Decoder::late();
        let from = random.below(30);
        for number in 0..60 {
            let lines = lines(&mut random);
            let block = encode(&mut encoder, &lines, &mut random);
            if number < from {
                continue;
            }
            if random.below(20) == 0 {
                decoder.forget();
                continue;
            }
            let fields = decode(&mut decoder, &block);
            assert_eq!(fields.len(), lines.len(), "seed {seed}");
            for ((name, value), (true_name, true_value)) in fields.iter().zip(&lines) {
                assert!(name.as_ref().is_none_or(|it| it == true_name), "seed {seed}");
                assert!(value.as_ref().is_none_or(|it| it == true_value), "seed {seed}");
                all += 1;
                known += usize::from(name.is_some() && value.is_some());
            }
        }
    }
    // It heals: most is known, although each reader starts with nothing.
    assert!(known * 10 > all * 7, "{known} of {all}");
}

/// On any bytes, both decoders read the same fields or both refuse.
#[test]
fn agrees_with_another_decoder_on_any_bytes() {
    let mut both = 0;
    for seed in 1..=3_000 {
        let mut random = Random(seed);
        let mut block = if seed % 2 == 0 {
            let lines = lines(&mut random);
            encode(&mut Encoder::default(), &lines, &mut random)
        } else {
            (0..random.below(40)).map(|_| random.below(256) as u8).collect()
        };
        for _ in 0..random.below(3) {
            if !block.is_empty() {
                let at = random.below(block.len());
                block[at] = random.below(256) as u8;
            }
        }
        let mut ours = Vec::new();
        let result = Decoder::from_start().decode(&block, |field| {
            let Field::Known(name, value) = field else { panic!("{field:?}") };
            ours.push((name.to_vec(), value.to_vec()));
        });
        // It panics on some malformed blocks.
        let Ok(other) = std::panic::catch_unwind(|| Other::new().decode(&block)) else { continue };
        match (result, other) {
            (Ok(()), Ok(theirs)) => {
                assert_eq!(ours, theirs, "{block:02x?}");
                both += 1;
            }
            (Err(_), Err(_)) => {}
            // The other reads size updates anywhere.
            (Err(Error::SizeUpdate), _) => {}
            // RFC 7541 §4.2 wants updates at the beginning of a block, and not a field behind.
            (Ok(()), Err(error)) if format!("{error:?}") == "SizeUpdateAtEnd" => {}
            other => panic!("{other:?} for {block:02x?}"),
        }
    }
    assert!(both > 700);
}
