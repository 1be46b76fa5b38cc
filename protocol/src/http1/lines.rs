//! Where the lines of a head end and their names do: looked for once, used by all who read it.

use wide::u8x16;

/// The lines of the head at the front of a direction's unread bytes, as far as it has come.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// Those that are complete.
    lines: Vec<Line>,
    /// Of the line that comes, if it has one.
    colon: Option<u32>,
    /// So many bytes were looked at.
    scanned: usize,
    /// Where the head begins in the stream.
    position: u64,
}

/// Offsets from the front of the head.
#[derive(Clone, Copy, Debug)]
struct Line {
    /// Of its `\n`.
    end: u32,
    /// Of its first colon.
    colon: Option<u32>,
}

/// A head, or what there is of one, with its lines.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head<'a> {
    pub(super) bytes: &'a [u8],
    lines: &'a [Line],
}

impl Lines {
    /// Length of the head at the front of `bytes`, empty line included; `None` if it has not
    /// ended. `bytes` begin at `position` of the stream, with a line that is not empty. If that is
    /// where they began the last time, they may have grown, and only the rest is looked at.
    pub(super) fn end(&mut self, bytes: &[u8], position: u64) -> Option<usize> {
        if self.position != position || self.scanned > bytes.len() {
            let mut lines = std::mem::take(&mut self.lines);
            lines.clear();
            *self = Self { lines, position, ..Self::default() };
        }
        let mut start = self.lines.last().map_or(0, |line| line.end as usize + 1);
        let mut colon = self.colon;
        for block in bytes.get(self.scanned..)?.chunks(Marks::STEP) {
            let front = self.scanned as u32;
            let Marks { mut ends, mut colons } = Marks::of(block);
            while ends != 0 {
                let offset = ends.trailing_zeros();
                ends &= ends - 1;
                let before = (1 << offset) - 1;
                let colon = colon.take().or_else(|| first(front, colons & before));
                colons &= !before;
                let end = front + offset;
                self.lines.push(Line { end, colon });
                let end = end as usize;
                if end == start || (end == start + 1 && bytes[start] == b'\r') {
                    self.scanned = end + 1;
                    return Some(end + 1);
                }
                start = end + 1;
            }
            colon = colon.or_else(|| first(front, colons));
            self.scanned += block.len();
        }
        self.colon = colon;
        None
    }

    /// The head that these are the lines of.
    pub(super) fn of<'a>(&'a self, bytes: &'a [u8]) -> Head<'a> {
        Head { bytes, lines: &self.lines }
    }
}

/// The place of the lowest of these marks, which are those behind `front`.
#[inline]
fn first(front: u32, marks: u64) -> Option<u32> {
    (marks != 0).then(|| front + marks.trailing_zeros())
}

/// Which of the next bytes are line ends, and which are colons: the first is the lowest bit.
struct Marks {
    ends: u64,
    colons: u64,
}

impl Marks {
    /// Bytes that are looked at together, at most.
    const STEP: usize = 64;

    #[inline]
    fn of(bytes: &[u8]) -> Self {
        let mut block = [0; Self::STEP];
        match bytes.first_chunk() {
            Some(whole) => block = *whole,
            None => block[..bytes.len()].copy_from_slice(bytes),
        }
        let mut marks = Self { ends: 0, colons: 0 };
        for (at, part) in block.as_chunks::<16>().0.iter().enumerate() {
            let part = u8x16::from(*part);
            let found = |byte| u64::from(part.simd_eq(u8x16::splat(byte)).to_bitmask());
            marks.ends |= found(b'\n') << (16 * at);
            marks.colons |= found(b':') << (16 * at);
        }
        marks
    }
}

impl<'a> Head<'a> {
    /// The first line, if it is complete, line end removed.
    pub(super) fn start_line(&self) -> Option<&'a [u8]> {
        let line = self.bytes.get(..self.lines.first()?.end as usize)?;
        Some(trim_cr(line))
    }

    /// The lines behind the first that are complete.
    #[inline]
    pub(super) fn field_lines(&self) -> FieldLines<'a> {
        let start = self.lines.first().map_or(0, |line| line.end as usize + 1);
        FieldLines {
            bytes: self.bytes,
            start,
            lines: self.lines.get(1..).unwrap_or_default().iter(),
        }
    }
}

/// See [`Head::field_lines`].
pub(super) struct FieldLines<'a> {
    bytes: &'a [u8],
    start: usize,
    lines: std::slice::Iter<'a, Line>,
}

/// A line of a head.
pub(super) struct FieldLine<'a> {
    /// What stands before the first colon.
    pub(super) name: Option<&'a [u8]>,
    /// What stands behind it, or the whole line if there is none; line end removed.
    pub(super) rest: &'a [u8],
}

impl<'a> FieldLines<'a> {
    /// The first byte of the next line, if it has any.
    #[inline]
    pub(super) fn peek(&self) -> Option<&'a u8> {
        self.bytes.get(self.start)
    }
}

impl<'a> Iterator for FieldLines<'a> {
    type Item = FieldLine<'a>;

    #[inline]
    fn next(&mut self) -> Option<FieldLine<'a>> {
        let Line { end, colon } = *self.lines.next()?;
        let start = std::mem::replace(&mut self.start, end as usize + 1);
        let rest_from = colon.map_or(start, |colon| colon as usize + 1);
        let name = colon.and_then(|colon| self.bytes.get(start..colon as usize));
        Some(FieldLine { name, rest: trim_cr(self.bytes.get(rest_from..end as usize)?) })
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
                assert_eq!(head.start_line(), Some(&b"A"[..]));
                let fields: Vec<_> =
                    head.field_lines().map(|line| (line.name, line.rest)).collect();
                let field = (Some(&b"b"[..]), &b" c"[..]);
                assert!(fields == [(None, &b""[..])] || fields == [field, (None, b"")]);
                assert_eq!(lines.end(b"X\n\nY\n\n", 70), Some(3));
            }
        }
    }
}
