//! The Huffman code of string literals (RFC 7541 §5.2, appendix B).
//!
//! The code is canonical: among codes of one length, values ascend with the symbols. The lengths
//! alone therefore give the code, and the tables below are computed from them.

use super::Error;

/// Symbols of the code: 256 octets and EOS.
const SYMBOLS: usize = 257;
/// The symbol that must not occur in a string (§5.2).
const EOS: u16 = 256;
/// The longest code, in bits.
const LONGEST: usize = 30;
/// Codes of up to this many bits are found by one look-up.
const SHORT: usize = 8;

/// Length of each symbol's code in bits (appendix B).
#[rustfmt::skip]
const LENGTHS: [u8; SYMBOLS] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
    28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
    6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
    5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
    13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
    6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
    20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
    24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
    21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
    19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
    20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
    26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
    30,
];

static CODE: Code = Code::new(&LENGTHS);

struct Code {
    /// By the next eight bits: a symbol and its length, or length 0 if the code is longer.
    short: [(u16, u8); 1 << SHORT],
    /// Symbols in the order of their codes.
    symbols: [u16; SYMBOLS],
    /// By length: one above the greatest code, left-aligned in 32 bits.
    end: [u64; LONGEST + 1],
    /// By length: the first code, and the place of its symbol in `symbols`.
    first: [(u32, usize); LONGEST + 1],
}

impl Code {
    const fn new(lengths: &[u8; SYMBOLS]) -> Self {
        let mut it = Self {
            short: [(0, 0); 1 << SHORT],
            symbols: [0; SYMBOLS],
            end: [0; LONGEST + 1],
            first: [(0, 0); LONGEST + 1],
        };
        let (mut code, mut place, mut length) = (0u32, 0, 1);
        while length <= LONGEST {
            code <<= 1;
            it.first[length] = (code, place);
            let mut symbol = 0;
            while symbol < SYMBOLS {
                if lengths[symbol] as usize == length {
                    it.symbols[place] = symbol as u16;
                    if length <= SHORT {
                        let spare = SHORT - length;
                        let mut fill = 0;
                        while fill < 1 << spare {
                            it.short[((code as usize) << spare) + fill] =
                                (symbol as u16, length as u8);
                            fill += 1;
                        }
                    }
                    place += 1;
                    code += 1;
                }
                symbol += 1;
            }
            it.end[length] = (code as u64) << (32 - length);
            length += 1;
        }
        it
    }

    /// The symbol at the front of left-aligned bits, and its length.
    fn next(&self, bits: u64) -> (u16, u32) {
        let (symbol, length) = self.short[(bits >> (64 - SHORT)) as usize];
        if length > 0 {
            return (symbol, length.into());
        }
        let front = bits >> 32;
        for length in SHORT + 1..=LONGEST {
            if front < self.end[length] {
                let (code, place) = self.first[length];
                let offset = (front >> (32 - length)) as usize - code as usize;
                return (self.symbols.get(place + offset).copied().unwrap_or(EOS), length as u32);
            }
        }
        (EOS, LONGEST as u32)
    }
}

/// Appends the decoded string to `out`: at most 8/5 of the input's length.
///
/// "A padding strictly longer than 7 bits MUST be treated as a decoding error. A padding not
/// corresponding to the most significant bits of the code for the EOS symbol MUST be treated as a
/// decoding error. A Huffman-encoded string literal containing the EOS symbol MUST be treated as a
/// decoding error." (§5.2)
pub(super) fn decode(mut input: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
    out.reserve(input.len() * 8 / 5);
    // The next `count` bits, left-aligned.
    let (mut bits, mut count) = (0u64, 0u32);
    // As long as a whole code is there for sure, nothing needs checking but its symbol.
    while let Some((word, rest)) = input.split_first_chunk() {
        bits |= u64::from(u32::from_be_bytes(*word)) << (32 - count);
        count += 32;
        input = rest;
        while count as usize >= LONGEST {
            let (symbol, length) = CODE.next(bits);
            push(symbol, out)?;
            bits <<= length;
            count -= length;
        }
    }
    for &byte in input {
        bits |= u64::from(byte) << (56 - count);
        count += 8;
    }
    while count > 0 {
        let (symbol, length) = CODE.next(bits);
        if length > count {
            // The rest is padding: ones, which no symbol shorter than a byte consists of.
            let ones = !(u64::MAX >> count);
            return if count < 8 && bits == ones { Ok(()) } else { Err(Error::Huffman) };
        }
        push(symbol, out)?;
        bits <<= length;
        count -= length;
    }
    Ok(())
}

/// Bits of an octet's code.
pub(super) fn bits(octet: u8) -> u32 {
    LENGTHS[usize::from(octet)].into()
}

/// The code of a string, padded with ones.
pub(super) fn encode(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let (mut front, mut count) = (0u64, 0u32);
    for &octet in text {
        let length = bits(octet);
        let place = CODE.symbols.iter().position(|&it| it == u16::from(octet)).unwrap_or(0);
        let (first, start) = CODE.first[length as usize];
        front = front << length | u64::from(first + (place - start) as u32);
        count += length;
        while count >= 8 {
            count -= 8;
            out.push((front >> count) as u8);
        }
    }
    if count > 0 {
        out.push((front << (8 - count)) as u8 | (0xff >> count) as u8);
    }
    out
}

fn push(symbol: u16, out: &mut Vec<u8>) -> Result<(), Error> {
    // EOS is the one symbol that is no octet.
    out.push(u8::try_from(symbol).map_err(|_| Error::Huffman)?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Error, decode, encode};

    fn decoded(input: &[u8]) -> Result<Vec<u8>, Error> {
        let mut out = Vec::new();
        decode(input, &mut out).map(|()| out)
    }

    /// Strings of RFC 7541, appendix C.4 and C.6.
    #[test]
    fn strings_of_appendix_c() {
        let www = [0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90, 0xf4, 0xff];
        assert_eq!(decoded(&www).unwrap(), b"www.example.com");
        assert_eq!(decoded(&[0xa8, 0xeb, 0x10, 0x64, 0x9c, 0xbf]).unwrap(), b"no-cache");
        assert_eq!(decoded(&[0x64, 0x02]).unwrap(), b"302");
        assert_eq!(decoded(&[]).unwrap(), b"");
        assert_eq!(encode(b"www.example.com"), www);
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(decoded(&encode(&all)).unwrap(), all);
    }

    #[test]
    fn padding_is_shorter_than_a_byte_and_all_ones() {
        // `0` is 00000: three bits of padding.
        assert_eq!(decoded(&[0b0000_0111]).unwrap(), b"0");
        assert_eq!(decoded(&[0b0000_0110]), Err(Error::Huffman));
        assert_eq!(decoded(&[0b0000_0111, 0xff]), Err(Error::Huffman));
        assert_eq!(decoded(&[0xff]), Err(Error::Huffman));
    }

    #[test]
    fn eos_is_an_error() {
        assert_eq!(decoded(&[0xff, 0xff, 0xff, 0xff]), Err(Error::Huffman));
    }
}
