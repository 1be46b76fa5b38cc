//! Where the lines of a head end: looked for once, used by all who read it.

use memchr::memchr_iter;

/// The line ends of the head at the front of a direction's unread bytes, as far as it has come.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// Offset of each `\n`.
    ends: Vec<u32>,
    /// So many bytes were looked at.
    scanned: usize,
    /// Where the head begins in the stream.
    position: u64,
}

/// A head, or what there is of one, with its lines.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head<'a> {
    pub(super) bytes: &'a [u8],
    ends: &'a [u32],
}

impl Lines {
    /// Length of the head at the front of `bytes`, empty line included; `None` if it has not
    /// ended. `bytes` begin at `position` of the stream, with a line that is not empty. If that is
    /// where they began the last time, they may have grown, and only the rest is looked at.
    pub(super) fn end(&mut self, bytes: &[u8], position: u64) -> Option<usize> {
        if self.position != position || self.scanned > bytes.len() {
            *self = Self { ends: std::mem::take(&mut self.ends), scanned: 0, position };
            self.ends.clear();
        }
        let from = self.scanned;
        let mut start = self.ends.last().map_or(0, |&end| end as usize + 1);
        for found in memchr_iter(b'\n', bytes.get(from..)?) {
            let end = from + found;
            self.ends.push(end as u32);
            self.scanned = end + 1;
            if end == start || (end == start + 1 && bytes[start] == b'\r') {
                return Some(end + 1);
            }
            start = end + 1;
        }
        self.scanned = bytes.len();
        None
    }

    /// The head that these are the lines of.
    pub(super) fn of<'a>(&'a self, bytes: &'a [u8]) -> Head<'a> {
        Head { bytes, ends: &self.ends }
    }
}

impl<'a> Head<'a> {
    /// The lines that are complete, line ends removed.
    #[inline]
    pub(super) fn lines(&self) -> Iter<'a> {
        Iter { bytes: self.bytes, start: 0, ends: self.ends.iter() }
    }
}

/// See [`Head::lines`].
pub(super) struct Iter<'a> {
    bytes: &'a [u8],
    start: usize,
    ends: std::slice::Iter<'a, u32>,
}

impl<'a> Iter<'a> {
    /// The first byte of the next line, if it has any.
    #[inline]
    pub(super) fn peek(&self) -> Option<&'a u8> {
        self.bytes.get(self.start)
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        let end = *self.ends.next()? as usize;
        let line = self.bytes.get(self.start..end)?;
        self.start = end + 1;
        Some(trim_cr(line))
    }
}

/// A line without the rest of its end.
#[inline]
pub(super) fn trim_cr(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::Lines;

    #[test]
    fn a_head_ends_with_an_empty_line_however_it_comes() {
        for head in ["A\r\nb: c\r\n\r\n", "A\nb: c\n\n", "A\r\nb: c\n\r\n", "A\r\n\r\n"] {
            let stream = [head, "body\r\n\r\n"].concat();
            for step in 1..stream.len() {
                let mut lines = Lines::default();
                let mut come = (0..stream.len()).step_by(step).chain([stream.len()]);
                let end = come.find_map(|length| lines.end(&stream.as_bytes()[..length], 7));
                assert_eq!(end, Some(head.len()), "{stream:?} by {step}");
                let head = lines.of(&stream.as_bytes()[..head.len()]);
                let told: Vec<_> = head.lines().take_while(|line| !line.is_empty()).collect();
                assert_eq!(told[0], b"A");
                assert!(told.len() == 1 || told[1] == b"b: c");
                assert_eq!(lines.end(b"X\n\nY\n\n", 70), Some(3));
            }
        }
    }
}
