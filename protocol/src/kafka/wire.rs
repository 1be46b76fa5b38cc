//! Primitive types (Kafka protocol guide, "Protocol Primitive Types").

/// Why a field could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// The bytes end before the field does.
    More,
    /// No field looks like this.
    Bad,
}

pub(super) type Read<T> = Result<T, Stop>;

/// A reader of consecutive fields.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// How many bytes were read.
    pub(super) const fn taken(&self) -> usize {
        self.at
    }

    /// Passes over up to `n` bytes and says how many of them are not here.
    pub(super) fn pass(&mut self, n: u64) -> u64 {
        let here = n.min((self.bytes.len() - self.at) as u64);
        self.at += here as usize;
        n - here
    }

    pub(super) fn take(&mut self, n: usize) -> Read<&'a [u8]> {
        let end = self.at.checked_add(n).ok_or(Stop::Bad)?;
        let field = self.bytes.get(self.at..end).ok_or(Stop::More)?;
        self.at = end;
        Ok(field)
    }

    fn array<const N: usize>(&mut self) -> Read<[u8; N]> {
        let field = self.take(N)?;
        field.try_into().map_err(|_| Stop::Bad)
    }

    pub(super) fn int8(&mut self) -> Read<i8> {
        self.array().map(i8::from_be_bytes)
    }

    pub(super) fn int16(&mut self) -> Read<i16> {
        self.array().map(i16::from_be_bytes)
    }

    pub(super) fn int32(&mut self) -> Read<i32> {
        self.array().map(i32::from_be_bytes)
    }

    pub(super) fn int64(&mut self) -> Read<i64> {
        self.array().map(i64::from_be_bytes)
    }

    pub(super) fn uuid(&mut self) -> Read<[u8; 16]> {
        self.array()
    }

    /// UNSIGNED_VARINT: groups of seven bits, lowest first, at most five bytes.
    pub(super) fn uvarint(&mut self) -> Read<u32> {
        let value = self.groups(5)?;
        u32::try_from(value).map_err(|_| Stop::Bad)
    }

    /// VARINT: zigzag, at most five bytes.
    pub(super) fn varint(&mut self) -> Read<i32> {
        let value = self.uvarint()?;
        Ok((value >> 1) as i32 ^ -((value & 1) as i32))
    }

    /// VARLONG: zigzag, at most ten bytes. The value is of no interest anywhere.
    pub(super) fn varlong(&mut self) -> Read<()> {
        self.groups(10).map(drop)
    }

    fn groups(&mut self, most: u32) -> Read<u64> {
        let mut value = 0_u64;
        for group in 0..most {
            let [byte] = self.array()?;
            value |= u64::from(byte & 0x7f).checked_shl(7 * group).unwrap_or(0);
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Stop::Bad)
    }

    /// The length of NULLABLE_STRING, or of COMPACT_NULLABLE_STRING where `flexible`.
    fn string_len(&mut self, flexible: bool) -> Read<Option<usize>> {
        if flexible {
            return Ok((self.uvarint()? as usize).checked_sub(1));
        }
        match self.int16()? {
            -1 => Ok(None),
            len => usize::try_from(len).map(Some).map_err(|_| Stop::Bad),
        }
    }

    pub(super) fn string(&mut self, flexible: bool) -> Read<Option<&'a [u8]>> {
        match self.string_len(flexible)? {
            None => Ok(None),
            Some(len) if len > i16::MAX as usize => Err(Stop::Bad),
            Some(len) => self.take(len).map(Some),
        }
    }

    /// The number of elements of ARRAY or COMPACT_ARRAY; a null array has none.
    pub(super) fn count(&mut self, flexible: bool) -> Read<u32> {
        if flexible {
            return Ok(self.uvarint()?.saturating_sub(1));
        }
        match self.int32()? {
            -1 => Ok(0),
            count => u32::try_from(count).map_err(|_| Stop::Bad),
        }
    }

    /// An array of `width`-byte elements, ignored.
    pub(super) fn fixed_array(&mut self, flexible: bool, width: usize) -> Read<()> {
        let count = self.count(flexible)? as usize;
        self.take(count.checked_mul(width).ok_or(Stop::Bad)?).map(drop)
    }

    /// The length of RECORDS or COMPACT_RECORDS (the same as NULLABLE_BYTES).
    pub(super) fn records_len(&mut self, flexible: bool) -> Read<u64> {
        self.count(flexible).map(u64::from)
    }

    /// Tagged fields (KIP-482), ignored; nothing is there unless `flexible`.
    pub(super) fn tags(&mut self, flexible: bool) -> Read<()> {
        self.each_tag(flexible, |_, _| {})
    }

    /// Tagged fields, given to `take` one by one.
    pub(super) fn each_tag(
        &mut self,
        flexible: bool,
        mut take: impl FnMut(u32, &'a [u8]),
    ) -> Read<()> {
        if !flexible {
            return Ok(());
        }
        for _ in 0..self.uvarint()? {
            let tag = self.uvarint()?;
            let len = self.uvarint()? as usize;
            take(tag, self.take(len)?);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints_of_the_protocol_buffers_encoding_guide() {
        // The protocol guide refers to protocol buffers: 150 is 96 01; zigzag 1 is -1, 2 is 1.
        assert_eq!(Cursor::new(&[0x96, 0x01]).uvarint(), Ok(150));
        assert_eq!(Cursor::new(&[0x01]).varint(), Ok(-1));
        assert_eq!(Cursor::new(&[0x02]).varint(), Ok(1));
        assert_eq!(Cursor::new(&[0xff, 0xff, 0xff, 0xff, 0x0f]).varint(), Ok(i32::MIN));
        assert_eq!(Cursor::new(&[0x80]).uvarint(), Err(Stop::More));
        assert_eq!(Cursor::new(&[0xff; 6]).uvarint(), Err(Stop::Bad));
    }

    #[test]
    fn strings_have_two_shapes() {
        assert_eq!(Cursor::new(b"\0\x02ab").string(false), Ok(Some(&b"ab"[..])));
        assert_eq!(Cursor::new(b"\xff\xff").string(false), Ok(None));
        assert_eq!(Cursor::new(b"\x03ab").string(true), Ok(Some(&b"ab"[..])));
        assert_eq!(Cursor::new(b"\0").string(true), Ok(None));
        assert_eq!(Cursor::new(b"\xff\xfe").string(false), Err(Stop::Bad));
    }

    #[test]
    fn an_absurd_count_is_no_reason_to_read_on() {
        assert_eq!(Cursor::new(b"\x7f\xff\xff\xff").fixed_array(false, 4), Err(Stop::More));
    }
}
