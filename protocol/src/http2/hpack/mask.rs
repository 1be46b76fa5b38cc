//! A block without the values that may not leave, of the same length, whose entries have the sizes
//! that they had: else what comes later would point to others.

use std::ops::Range;

use super::huffman::{bits, encode};
use super::{Decoder, Field, Reader};

/// Symbols by the length of their codes (RFC 7541, appendix B), to stand for what is masked.
const MASKS: [(u32, u8); 10] = [
    (5, b'a'),
    (6, b'b'),
    (7, b'x'),
    (8, b'X'),
    (10, b'!'),
    (11, b'+'),
    (12, b'#'),
    (13, b'$'),
    (14, b'^'),
    (15, b'`'),
];

/// A string literal: where its bytes are, and whether they are Huffman code.
struct Literal {
    at: Range<usize>,
    is_huffman: bool,
}

/// The block with strings masked. `shows` tells which bytes of a value may be shown under a name, and
/// of a name under none. `None` if the block cannot be read or masked: then nothing of it may be shown.
pub(in crate::http2) fn masked(
    decoder: &mut Decoder,
    block: &[u8],
    shows: impl Fn(Option<&[u8]>, &[u8]) -> Vec<bool>,
) -> Option<Vec<u8>> {
    let mut fields = Vec::new();
    let mut is_known = true;
    decoder
        .decode(block, |field| match field {
            Field::Known(name, value) => fields.push((name.to_vec(), value.to_vec())),
            Field::Unnamed(..) | Field::Unknown(_) => is_known = false,
        })
        .ok()
        .filter(|()| is_known)?;
    let mut out = block.to_vec();
    let mut reader = Reader(block);
    let mut fields = fields.into_iter();
    while let Some(&first) = reader.0.first() {
        let prefix = match first {
            0x80.. => {
                reader.integer(7).ok()?;
                fields.next()?;
                continue;
            }
            0x40.. => 6,
            0x20.. => {
                reader.integer(5).ok()?;
                continue;
            }
            _ => 4,
        };
        let (name, value) = fields.next()?;
        if reader.integer(prefix).ok()? == 0 {
            let literal = literal(&mut reader, block.len())?;
            hide(&name, &shows(None, &name), &literal, &mut out)?;
        }
        let literal = literal(&mut reader, block.len())?;
        hide(&value, &shows(Some(&name), &value), &literal, &mut out)?;
    }
    Some(out)
}

fn literal(reader: &mut Reader<'_>, length: usize) -> Option<Literal> {
    let is_huffman = reader.0.first()? & 0x80 != 0;
    let string = reader.integer(7).ok()?;
    let start = length - reader.0.len();
    reader.0 = reader.0.get(string..)?;
    Some(Literal { at: start..start + string, is_huffman })
}

/// Puts masks into a string's place.
fn hide(text: &[u8], shown: &[bool], literal: &Literal, out: &mut [u8]) -> Option<()> {
    let out = out.get_mut(literal.at.clone())?;
    if shown.len() != text.len() {
        return None;
    }
    if !literal.is_huffman {
        for (byte, _) in out.iter_mut().zip(shown).filter(|(_, shown)| !**shown) {
            *byte = crate::redact::MASK;
        }
        return Some(());
    }
    let hidden = || text.iter().zip(shown).filter(|(_, shown)| !**shown).map(|(byte, _)| *byte);
    let mut masks = masks(hidden().map(bits).sum(), hidden().count() as u32)?.into_iter();
    let mut made = Vec::with_capacity(text.len());
    for (byte, shown) in text.iter().zip(shown) {
        made.push(if *shown { *byte } else { masks.next()? });
    }
    let code = encode(&made);
    (code.len() == out.len()).then(|| out.copy_from_slice(&code))
}

/// So many symbols with so many bits in all, whatever they stand for.
fn masks(total: u32, count: u32) -> Option<Vec<u8>> {
    let symbol = |length: u32| Some(MASKS.iter().find(|mask| mask.0 == length)?.1);
    let Some(each) = total.checked_div(count) else { return Some(Vec::new()) };
    if each < 8 {
        let longer = total % count;
        return (0..count).map(|n| symbol(each + u32::from(n < longer))).collect();
    }
    let mut left = total - 8 * count;
    let mut lengths = vec![8; count as usize];
    for length in &mut lengths {
        // No code has nine bits.
        let more = match left {
            0 => break,
            1 => return None,
            2..=7 => left,
            8 => 6,
            _ => 7,
        };
        *length += more;
        left -= more;
    }
    (left == 0).then_some(())?;
    lengths.into_iter().map(symbol).collect()
}

#[cfg(test)]
mod tests {
    use super::masks;
    use crate::http2::hpack::huffman::bits;

    #[test]
    fn masks_have_the_bits_of_what_they_hide() {
        for text in [&b""[..], b"a", b"XYZ;", b"/api/v1/users?id=7", b"{\"a\": [1, 2]}", b"~~~~"] {
            let total: u32 = text.iter().copied().map(bits).sum();
            let made = masks(total, text.len() as u32).expect("there are such symbols");
            assert_eq!(made.len(), text.len());
            assert_eq!(made.iter().copied().map(bits).sum::<u32>(), total, "{text:?}");
        }
        assert_eq!(masks(9, 1), None);
    }
}
