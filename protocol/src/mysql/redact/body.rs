//! A payload that is walked over: bytes are shown or passed over, never twice.

use crate::mysql::packet::Integers;
use crate::redact::Kept;

/// A payload, or as much of it as is here.
pub(super) struct Body<'a, 'b> {
    pub(super) at: usize,
    pub(super) end: usize,
    pub(super) kept: &'a mut Kept<'b>,
}

/// Numbers are shown.
impl<'b> Integers<'b> for Body<'_, 'b> {
    fn next(&mut self, length: usize) -> Option<&'b [u8]> {
        self.keep(length)
    }
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
