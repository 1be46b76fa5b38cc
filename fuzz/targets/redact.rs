//! What may leave of a connection: any bytes, cut and lost as the input says. What comes out has the
//! same length, and each byte is what it was or a mask (but in HTTP/2, whose Huffman code has no bytes).
#![no_main]

use libfuzzer_sys::fuzz_target;
use onlooker_protocol::redact::{DIGIT, MASK, Redactor, Way};

// Steps as those of the dissectors' targets: a byte of circumstances, the length of the payload in two
// bytes (little-endian), the payload. The first byte of the input is passed over, as theirs.
fuzz_target!(|input: &[u8]| {
    let mut redactor = Redactor::default();
    // A preface, or the head of settings.
    let contains = |part: &[u8]| input.windows(part.len()).any(|it| it == part);
    let may_be_http2 = contains(b"PRI * HTTP/2.0") || contains(&[4, 0, 0, 0, 0, 0]);
    let mut rest = input.get(1..).unwrap_or_default();
    while let Some(([how, low, high], more)) = rest.split_first_chunk() {
        let length = usize::from(u16::from_le_bytes([*low, *high])).min(more.len());
        let (payload, more) = more.split_at(length);
        rest = more;
        let way = if how & 1 == 0 { Way::Out } else { Way::In };
        let mut out = Vec::new();
        redactor.run(way, how & 2 == 0, payload, &mut out);
        assert_eq!(out.len(), payload.len());
        for (left, was) in out.iter().zip(payload) {
            // Signs that frame literals, parameters of comments, and extensions of chunks.
            assert!(may_be_http2 || left == was || [MASK, DIGIT, b'\'', b',', b';'].contains(left));
        }
        redactor.skip(way, [0, 0, 0, 1, 7, 100, 70_000, 1 << 40][usize::from(how >> 4 & 7)]);
    }
});
