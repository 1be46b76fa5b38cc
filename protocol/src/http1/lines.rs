//! Where the lines of a head end and their names do: looked for once, used by all who read it.

use wide::u8x16;

/// The lines of the head at the front of a direction's unread bytes, as far as it has come.
#[derive(Debug)]
pub(super) struct Lines {
    /// Those that are complete.
    lines: Vec<Line>,
    /// Of the line that comes, if it has one.
    colon: u32,
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
    /// Of its first colon; not before its end if it has none.
    colon: u32,
}

/// Of a line's first colon, if there is none.
const NO_COLON: u32 = u32::MAX;

/// A head, or what there is of one, with its lines.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head<'a> {
    pub(super) bytes: &'a [u8],
    lines: &'a [Line],
}

impl Default for Lines {
    fn default() -> Self {
        Self { lines: Vec::new(), colon: NO_COLON, scanned: 0, position: 0 }
    }
}

impl Lines {
    /// Length of the head at the front of `bytes`, empty line included; `None` if it has not
    /// ended. `bytes` begin at `position` of the stream, with a line that is not empty. If that is
    /// where they began the last time, they may have grown, and only the rest is looked at.
    pub(super) fn end(&mut self, bytes: &[u8], position: u64) -> Option<usize> {
        if self.position != position || self.scanned > bytes.len() {
            self.lines.clear();
            (self.colon, self.scanned, self.position) = (NO_COLON, 0, position);
        }
        let mut start = self.lines.last().map_or(0, |line| line.end + 1);
        let mut colon = self.colon;
        while self.scanned < bytes.len() {
            let front = self.scanned as u32;
            let Marks { mut ends, mut colons, length } = Marks::behind(self.scanned, bytes);
            while ends != 0 {
                let offset = ends.trailing_zeros();
                ends &= ends - 1;
                let end = front + offset;
                // Without another colon here this is behind the line's end.
                self.lines.push(Line { end, colon: colon.min(front + colons.trailing_zeros()) });
                colon = NO_COLON;
                colons &= u64::MAX << offset;
                let length = end - start;
                if length == 0 || (length == 1 && bytes[start as usize] == b'\r') {
                    (self.colon, self.scanned) = (NO_COLON, end as usize + 1);
                    return Some(self.scanned);
                }
                start = end + 1;
            }
            if colons != 0 {
                colon = colon.min(front + colons.trailing_zeros());
            }
            self.scanned += length;
        }
        self.colon = colon;
        None
    }

    /// The head that these are the lines of.
    pub(super) fn of<'a>(&'a self, bytes: &'a [u8]) -> Head<'a> {
        Head { bytes, lines: &self.lines }
    }
}

/// Which of the next bytes are line ends, and which are colons: the first is the lowest bit.
struct Marks {
    ends: u64,
    colons: u64,
    /// So many bytes were looked at.
    length: usize,
}

impl Marks {
    /// Bytes that are looked at together, at most.
    const STEP: usize = 64;

    /// Those of the bytes behind the first `scanned`, of which there are some.
    #[inline]
    fn behind(scanned: usize, bytes: &[u8]) -> Self {
        if let Some(block) = bytes[scanned..].first_chunk() {
            return Self::of(block);
        }
        let length = bytes.len() - scanned;
        if let Some(block) = bytes.last_chunk() {
            // Their end, and what was looked at before it.
            let Self { ends, colons, .. } = Self::of(block);
            let known = Self::STEP - length;
            return Self { ends: ends >> known, colons: colons >> known, length };
        }
        let mut block = [0; Self::STEP];
        block[..length].copy_from_slice(&bytes[scanned..]);
        Self { length, ..Self::of(&block) }
    }

    #[inline]
    fn of(block: &[u8; Self::STEP]) -> Self {
        let (mut ends, mut colons) = (0, 0);
        for (at, part) in block.as_chunks::<16>().0.iter().enumerate() {
            let part = u8x16::from(*part);
            let found = |byte| u64::from(part.simd_eq(u8x16::splat(byte)).to_bitmask());
            ends |= found(b'\n') << (16 * at);
            colons |= found(b':') << (16 * at);
        }
        Self { ends, colons, length: Self::STEP }
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
        let line = self.bytes.get(self.start..end as usize)?;
        // Behind the line's end where it has none.
        let colon = colon as usize - self.start;
        self.start = end as usize + 1;
        let (name, rest) = match line.split_at_checked(colon) {
            Some((name, [b':', rest @ ..])) => (Some(name), rest),
            _ => (None, line),
        };
        Some(FieldLine { name, rest: trim_cr(rest) })
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

    #[test]
    fn the_colon_of_a_line_is_no_other_lines() {
        let mut lines = Lines::default();
        assert_eq!(lines.end(b"A\nb:", 7), None);
        let stream = b"A\nb: c\n\nD\n\n";
        assert_eq!(lines.end(stream, 7), Some(8));
        // Nobody asks on behind a head's end; it would be answered.
        assert_eq!(lines.end(stream, 7), Some(11));
        let fields: Vec<_> = lines.of(stream).field_lines().map(|line| line.name).collect();
        assert_eq!(fields, [Some(&b"b"[..]), None, None, None]);
    }
}
