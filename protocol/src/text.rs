//! Text out of untrusted bytes.

use std::borrow::Cow;

use ascii::AsAsciiStr;

/// Text that needs no allocation up to 24 bytes.
pub type Text = compact_str::CompactString;

/// `bytes` as text, cut at `limit` bytes (at a character's border). What is no UTF-8 becomes
/// U+FFFD; control characters stay, sinks escape them.
#[must_use]
pub fn lossy(bytes: &[u8], limit: usize) -> Box<str> {
    readable(bytes, limit).into()
}

/// As [`lossy`], for texts that are mostly short.
#[must_use]
pub fn short(bytes: &[u8], limit: usize) -> Text {
    // What `readable` does first: nearly always this is all.
    if let Ok(ascii) = bytes[..bytes.len().min(limit)].as_ascii_str() {
        return Text::new(ascii.as_str());
    }
    readable(bytes, limit).into()
}

/// As [`lossy`], without a copy of what is UTF-8.
#[must_use]
pub fn readable(bytes: &[u8], limit: usize) -> Cow<'_, str> {
    let cut = &bytes[..bytes.len().min(limit)];
    // Nearly all are, and most are short: std's check of UTF-8 begins anew for each.
    if let Ok(ascii) = cut.as_ascii_str() {
        return ascii.as_str().into();
    }
    match std::str::from_utf8(cut) {
        Ok(text) => text.into(),
        Err(error) if bytes.len() > limit && error.error_len().is_none() => {
            String::from_utf8_lossy(&cut[..error.valid_up_to()])
        }
        Err(_) => String::from_utf8_lossy(cut),
    }
}

#[cfg(test)]
mod tests {
    use super::lossy;

    #[test]
    fn cuts_between_characters() {
        assert_eq!(&*lossy("aé".as_bytes(), 2), "a");
        assert_eq!(&*lossy(b"a\xff", 9), "a\u{fffd}");
    }
}
