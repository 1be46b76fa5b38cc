//! Field blocks, read by our decoder and by another one: what both can read, they read alike, and
//! a reader that came late reads a part of it.
#![no_main]

use onlooker_protocol::http2::hpack::{Decoder, Field};

type Fields = Vec<(Vec<u8>, Vec<u8>)>;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let mut other = fluke_hpack::Decoder::new();
    let (mut ours, mut late) = (Decoder::from_start(), Decoder::late());
    let mut rest = input;
    let mut blocks = 0;
    while let Some((&length, tail)) = rest.split_first() {
        let (block, tail) = tail.split_at(usize::from(length).min(tail.len()));
        rest = tail;
        // The other one panics at updates of the table's size that it finds too long. They stand at
        // the front; 0x3f begins one of several bytes (RFC 7541, section 6.3).
        if block.iter().find(|byte| !(0x20..0x3f).contains(*byte)) == Some(&0x3f) {
            return;
        }
        let mut fields = Fields::new();
        let read = ours.decode(block, |field| match field {
            Field::Known(name, value) => fields.push((name.to_vec(), value.to_vec())),
            unknown => panic!("{unknown:?} to a reader from the start"),
        });
        // What we refuse it does not get: integers of more than 32 bits, and an update of the
        // table's size behind a field.
        if read.is_err() {
            return;
        }
        let Ok(expected) = other.decode(block) else { return };
        assert_eq!(fields, expected);
        blocks += 1;
        if blocks == 1 {
            continue;
        }
        let mut place = expected.iter();
        let read = late.decode(block, |field| {
            let (name, value) = place.next().expect("no more fields than there are");
            match field {
                Field::Known(known, its) => assert_eq!((known, its), (&name[..], &value[..])),
                Field::Unnamed(its, _) => assert_eq!(its, &value[..]),
                Field::Unknown(_) => {}
            }
        });
        if read.is_err() {
            return;
        }
    }
});
