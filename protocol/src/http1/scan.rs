//! Looking for a byte.

/// Bytes looked at in one step: what the compiler turns into a few vector instructions.
const BLOCK: usize = 32;

/// Index of the first `byte`.
pub(super) fn find(byte: u8, haystack: &[u8]) -> Option<usize> {
    let (blocks, _) = haystack.as_chunks::<BLOCK>();
    let skipped = blocks
        .iter()
        .take_while(|block| block.iter().fold(0, |sum, &it| sum | u8::from(it == byte)) == 0)
        .count()
        * BLOCK;
    let rest = haystack.get(skipped..)?;
    rest.iter().position(|&it| it == byte).map(|at| skipped + at)
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
    }
}
