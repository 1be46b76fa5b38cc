//! RFC 7541 appendix C, and what a reader that came late may say.

use super::{Decoder, Error, Field};

type Line = (Option<Vec<u8>>, Option<Vec<u8>>);

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(pair).collect()
}

fn decode(decoder: &mut Decoder, block: &[u8]) -> (Vec<Line>, Result<(), Error>) {
    let mut lines = Vec::new();
    let result = decoder.decode(block, |field| {
        lines.push(match field {
            Field::Known(name, value) => (Some(name.to_vec()), Some(value.to_vec())),
            Field::Unnamed(value, _) => (None, Some(value.to_vec())),
            Field::Unknown(_) => (None, None),
        });
    });
    (lines, result)
}

fn known(lines: &[(&str, &str)]) -> Vec<Line> {
    lines.iter().map(|(name, value)| (Some((*name).into()), Some((*value).into()))).collect()
}

/// Decodes blocks in turn and compares each with its list of fields.
fn check(decoder: &mut Decoder, blocks: &[(&str, &[(&str, &str)])]) {
    for (block, fields) in blocks {
        let (lines, result) = decode(decoder, &hex(block));
        assert_eq!((lines, result), (known(fields), Ok(())), "{block}");
    }
}

#[test]
fn c_2_field_representations() {
    let blocks: [(&str, &[(&str, &str)]); 4] = [
        (
            "400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572",
            &[("custom-key", "custom-header")],
        ),
        ("040c 2f73 616d 706c 652f 7061 7468", &[(":path", "/sample/path")]),
        ("1008 7061 7373 776f 7264 0673 6563 7265 74", &[("password", "secret")]),
        ("82", &[(":method", "GET")]),
    ];
    for block in blocks {
        check(&mut Decoder::from_start(), &[block]);
    }
}

const FIRST: &[(&str, &str)] =
    &[(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "www.example.com")];
const SECOND: &[(&str, &str)] = &[
    (":method", "GET"),
    (":scheme", "http"),
    (":path", "/"),
    (":authority", "www.example.com"),
    ("cache-control", "no-cache"),
];
const THIRD: &[(&str, &str)] = &[
    (":method", "GET"),
    (":scheme", "https"),
    (":path", "/index.html"),
    (":authority", "www.example.com"),
    ("custom-key", "custom-value"),
];

#[test]
fn c_3_requests_without_huffman() {
    check(
        &mut Decoder::from_start(),
        &[
            ("8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d", FIRST),
            ("8286 84be 5808 6e6f 2d63 6163 6865", SECOND),
            ("8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65", THIRD),
        ],
    );
}

#[test]
fn c_4_requests_with_huffman() {
    check(
        &mut Decoder::from_start(),
        &[
            ("8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff", FIRST),
            ("8286 84be 5886 a8eb 1064 9cbf", SECOND),
            ("8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf", THIRD),
        ],
    );
}

const COOKIE: &str = "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1";
const RESPONSES: [&[(&str, &str)]; 3] = [
    &[
        (":status", "302"),
        ("cache-control", "private"),
        ("date", "Mon, 21 Oct 2013 20:13:21 GMT"),
        ("location", "https://www.example.com"),
    ],
    &[
        (":status", "307"),
        ("cache-control", "private"),
        ("date", "Mon, 21 Oct 2013 20:13:21 GMT"),
        ("location", "https://www.example.com"),
    ],
    &[
        (":status", "200"),
        ("cache-control", "private"),
        ("date", "Mon, 21 Oct 2013 20:13:22 GMT"),
        ("location", "https://www.example.com"),
        ("content-encoding", "gzip"),
        ("set-cookie", COOKIE),
    ],
];

/// "The HTTP/2 setting parameter SETTINGS_HEADER_TABLE_SIZE is set to the value of 256 octets,
/// causing some evictions to occur."
fn small_table() -> Decoder {
    let mut decoder = Decoder::from_start();
    assert_eq!(decode(&mut decoder, &hex("3f e101")), (vec![], Ok(())));
    decoder
}

#[test]
fn c_5_responses_without_huffman() {
    check(
        &mut small_table(),
        &[
            (
                "4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133
                 2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70
                 6c65 2e63 6f6d",
                RESPONSES[0],
            ),
            ("4803 3330 37c1 c0bf", RESPONSES[1]),
            (
                "88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d
                 54c0 5a04 677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049
                 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e
                 3d31",
                RESPONSES[2],
            ),
        ],
    );
}

#[test]
fn c_6_responses_with_huffman() {
    check(
        &mut small_table(),
        &[
            (
                "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6
                 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3",
                RESPONSES[0],
            ),
            ("4883 640e ffc1 c0bf", RESPONSES[1]),
            (
                "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab
                 77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f
                 9587 3160 65c0 03ed 4ee5 b106 3d50 07",
                RESPONSES[2],
            ),
        ],
    );
}

/// The tables that appendix C.5 draws: what was evicted is an error to refer to.
#[test]
fn what_was_evicted_is_no_index() {
    let mut decoder = small_table();
    let (_, result) = decode(
        &mut decoder,
        &hex("4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032
             303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63
             6f6d 4803 3330 37"),
    );
    assert_eq!(result, Ok(()));
    // After the second response: 62 to 65; `:status 302` is gone.
    assert_eq!(decode(&mut decoder, &[0xc1]).0, known(&[("cache-control", "private")]));
    assert_eq!(decode(&mut decoder, &[0xc2]).1, Err(Error::Index));
}

/// `custom: a` inserted by a literal name, `custom: b` by the name's index, and so on.
#[test]
fn a_late_reader_says_unknown_until_it_has_seen_the_insertion() {
    let mut late = Decoder::late();
    // Entries from before: unknown; with a new value: a value without a name.
    assert_eq!(decode(&mut late, &[0xbe, 0xc0]).0, [(None, None), (None, None)]);
    assert_eq!(decode(&mut late, b"\x7e\x01v").0, [(None, Some(b"v".to_vec()))]);
    assert_eq!(decode(&mut late, b"\xbe").0, [(None, Some(b"v".to_vec()))]);
    // A literal: known from then on, and counted from the newest.
    assert_eq!(decode(&mut late, b"\x40\x01n\x01w").0, known(&[("n", "w")]));
    let unnamed = (None, Some(b"v".to_vec()));
    assert_eq!(
        decode(&mut late, b"\xbe\xbf\xc0").0,
        [known(&[("n", "w")])[0].clone(), unnamed, (None, None)]
    );
    // A name from the static table, under a value that is new.
    assert_eq!(decode(&mut late, b"\x44\x02/p").0, known(&[(":path", "/p")]));
    assert_eq!(decode(&mut late, b"\xbe\xbf").0, known(&[(":path", "/p"), ("n", "w")]));
}

/// §4.3: a reduction evicts; below 32 bytes no entry is left, so nothing is unknown any more.
#[test]
fn a_late_reader_is_healed_by_eviction() {
    let mut late = Decoder::late();
    assert_eq!(decode(&mut late, &[0x20, 0xbe]).1, Err(Error::Index));

    // A table of 64 bytes holds one of these; the second pushes out whatever was before.
    let mut late = Decoder::late();
    assert_eq!(decode(&mut late, b"\x3f\x21\x40\x01a\x01b\xbf").0[1], (None, None));
    assert_eq!(decode(&mut late, b"\x40\x01c\x01d\xbe").0, known(&[("c", "d"), ("c", "d")]));
    assert_eq!(decode(&mut late, b"\xbf").1, Err(Error::Index));
}

/// §4.4: an entry larger than the table empties it. A reader that does not know the size keeps
/// the entry, and is right all the same: nothing can refer to it.
#[test]
fn an_entry_larger_than_the_table_empties_it() {
    let block = b"\x3f\x01\x40\x01a\x01b";
    let mut large = b"\x40\x01x\x7f\x01".to_vec();
    large.extend_from_slice(&[b'y'; 128]);
    for mut decoder in [Decoder::from_start(), Decoder::late()] {
        assert_eq!(decode(&mut decoder, block).1, Ok(()));
        assert_eq!(decode(&mut decoder, &large).1, Ok(()));
        assert_eq!(decode(&mut decoder, &[0xbe]).1, Err(Error::Index));
    }
}

#[test]
fn a_cut_block_gives_its_front_and_forgets_the_table() {
    let mut decoder = Decoder::from_start();
    assert_eq!(decode(&mut decoder, b"\x40\x01a\x01b").1, Ok(()));
    assert_eq!(
        decode(&mut decoder, b"\xbe\x40\x01c\x05d"),
        (known(&[("a", "b")]), Err(Error::Truncated))
    );
    assert_eq!(decode(&mut decoder, b"\xbe"), (vec![(None, None)], Ok(())));
}

#[test]
fn malformed_blocks_are_errors() {
    let error = |block: &[u8]| decode(&mut Decoder::from_start(), block).1;
    assert_eq!(error(&[0x80]), Err(Error::Index));
    assert_eq!(error(&[0xbe]), Err(Error::Index));
    assert_eq!(error(&[0x82, 0x20]), Err(Error::SizeUpdate));
    assert_eq!(error(&[0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]), Err(Error::Integer));
    assert_eq!(error(&[0xff, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01]), Err(Error::Integer));
    assert_eq!(error(&[0x00, 0x7f, 0xff, 0xff, 0xff, 0xff, 0x07]), Err(Error::Truncated));
    assert_eq!(error(&[0x00, 0x81, 0x00, 0x00]), Err(Error::Huffman));
}
