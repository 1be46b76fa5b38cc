//! A payload that is walked over: bytes are shown or passed over, never twice.

use crate::redact::Kept;

/// A payload, or as much of it as is here.
pub(super) struct Body<'a, 'b> {
    pub(super) at: usize,
    pub(super) end: usize,
    pub(super) kept: &'a mut Kept<'b>,
}

impl<'b> Body<'_, 'b> {
    pub(super) fn rest(&self) -> &'b [u8] {
        let length = self.end.saturating_sub(self.at);
        let rest = self.kept.from(self.at);
        rest.get(..length).unwrap_or(rest)
    }

    /// Shows so many bytes.
    pub(super) fn keep(&mut self, length: usize) -> Option<&'b [u8]> {
        let bytes = self.rest().get(..length)?;
        self.kept.keep(self.at..self.at + length);
        self.at += length;
        Some(bytes)
    }

    /// Masks so many bytes.
    pub(super) fn hide(&mut self, length: usize) -> Option<&'b [u8]> {
        let bytes = self.rest().get(..length)?;
        self.at += length;
        Some(bytes)
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        self.keep(1)?.first().copied()
    }

    /// A number, little endian, shown.
    pub(super) fn number(&mut self, length: usize) -> Option<u64> {
        let bytes = self.keep(length.min(8))?;
        Some(bytes.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte)))
    }

    /// A length-encoded number, shown.
    pub(super) fn length_encoded(&mut self) -> Option<u64> {
        match self.byte()? {
            byte @ 0..=0xfa => Some(byte.into()),
            0xfc => self.number(2),
            0xfd => self.number(3),
            0xfe => self.number(8),
            _ => None,
        }
    }

    /// Bytes behind their length, of which the length is shown.
    pub(super) fn counted(&mut self) -> Option<&'b [u8]> {
        let length = usize::try_from(self.length_encoded()?).ok()?;
        self.hide(length)
    }

    /// A text up to its zero byte, shown if it is made so.
    pub(super) fn text(&mut self, shows: impl Fn(&[u8]) -> bool) -> Option<&'b [u8]> {
        let length = self.rest().iter().position(|&byte| byte == 0)?;
        let text = self.rest().get(..length)?;
        if shows(text) {
            self.keep(length)?
        } else {
            self.hide(length)?
        };
        self.keep(1)?;
        Some(text)
    }
}
