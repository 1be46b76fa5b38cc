//! Looking for bytes, eight a step: lines of a head are too short for more.

const ONES: u64 = u64::from_ne_bytes([0x01; 8]);
const TOPS: u64 = u64::from_ne_bytes([0x80; 8]);

/// Index of the first `byte`.
pub(super) fn find(byte: u8, haystack: &[u8]) -> Option<usize> {
    let pattern = ONES * u64::from(byte);
    let (words, rest) = haystack.as_chunks::<8>();
    for (at, word) in words.iter().enumerate() {
        // The lowest byte that is zero has its top bit set here; bytes above it may have, too.
        let other = u64::from_le_bytes(*word) ^ pattern;
        let zeros = other.wrapping_sub(ONES) & !other & TOPS;
        if zeros != 0 {
            return Some(8 * at + zeros.trailing_zeros() as usize / 8);
        }
    }
    let at = rest.iter().position(|&it| it == byte)?;
    Some(8 * words.len() + at)
}

/// Whether there is a control character of ASCII.
pub(super) fn has_control(text: &[u8]) -> bool {
    let (words, rest) = text.as_chunks::<8>();
    words.iter().any(|word| {
        let word = u64::from_le_bytes(*word);
        let delete = word ^ (ONES * 0x7f);
        // As above; that a byte below lends to the next is of no matter to "any".
        let found =
            (word.wrapping_sub(ONES * 0x20) & !word) | (delete.wrapping_sub(ONES) & !delete);
        found & TOPS != 0
    }) || rest.iter().any(u8::is_ascii_control)
}

#[cfg(test)]
mod tests {
    use super::{find, has_control};

    #[test]
    fn controls_are_those_of_ascii() {
        for byte in 0..=255_u8 {
            for at in 0..20 {
                let mut text = *b"/path?q=some-longer.";
                text[at] = byte;
                assert_eq!(has_control(&text), byte.is_ascii_control(), "{byte} at {at}");
            }
        }
        assert!(!has_control(b"") && !has_control(&[0xff; 19]) && !has_control(&[0x80; 19]));
    }

    #[test]
    fn finds_the_first_wherever_it_is() {
        let mut text = vec![b'.'; 200];
        assert_eq!(find(b'x', &text), None);
        assert_eq!(find(b'x', b""), None);
        for at in (0..200).rev() {
            text[at] = b'x';
            assert_eq!(find(b'x', &text), Some(at));
        }
        let all: Vec<u8> = (0..=255).collect();
        for byte in 0..=255 {
            assert_eq!(find(byte, &all), Some(usize::from(byte)));
        }
    }
}
