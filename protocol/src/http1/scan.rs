//! Looking for a byte.

/// Index of the first `byte`, eight bytes a step: lines of a head are too short for more.
pub(super) fn find(byte: u8, haystack: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::from_ne_bytes([0x01; 8]);
    const TOPS: u64 = u64::from_ne_bytes([0x80; 8]);
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

#[cfg(test)]
mod tests {
    use super::find;

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
