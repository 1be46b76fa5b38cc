//! Looking for control characters, eight bytes a step.

const ONES: u64 = u64::from_ne_bytes([0x01; 8]);
const TOPS: u64 = u64::from_ne_bytes([0x80; 8]);

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
    use super::has_control;

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
}
