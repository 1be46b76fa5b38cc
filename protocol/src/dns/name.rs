//! Domain names (RFC 1035 §3.1, §4.1.4).

use super::message::Malformed;

/// The longest name on the wire, in bytes (RFC 1035 §2.3.4).
const NAME_LIMIT: usize = 255;

/// Reads the name at `offset` into text, following pointers. Gives the offset after the name.
pub(super) fn read(message: &[u8], offset: usize) -> Result<(String, usize), Malformed> {
    let mut text = String::new();
    let after = walk(message, offset, |label| {
        if !text.is_empty() {
            text.push('.');
        }
        label.iter().for_each(|byte| escape(*byte, &mut text));
    })?;
    if text.is_empty() {
        text.push('.');
    }
    Ok((text, after))
}

/// The offset after the name at `offset`.
pub(super) fn skip(message: &[u8], mut offset: usize) -> Result<usize, Malformed> {
    loop {
        match message.get(offset).ok_or(Malformed)? {
            0 => return Ok(offset + 1),
            length @ 1..=63 => offset += 1 + usize::from(*length),
            0xc0.. => return Ok(offset + 2),
            _ => return Err(Malformed),
        }
    }
}

fn walk(message: &[u8], start: usize, mut label: impl FnMut(&[u8])) -> Result<usize, Malformed> {
    let mut offset = start;
    let mut after = None;
    // A pointer leads to a prior occurrence: each one further to the front, so there is no loop.
    let mut front = start;
    let mut length = 0;
    loop {
        match *message.get(offset).ok_or(Malformed)? {
            0 => return Ok(after.unwrap_or(offset + 1)),
            size @ 1..=63 => {
                let size = usize::from(size);
                length += 1 + size;
                if length >= NAME_LIMIT {
                    return Err(Malformed);
                }
                label(message.get(offset + 1..offset + 1 + size).ok_or(Malformed)?);
                offset += 1 + size;
            }
            high @ 0xc0.. => {
                let low = *message.get(offset + 1).ok_or(Malformed)?;
                let target = usize::from(u16::from_be_bytes([high & 0x3f, low]));
                if target >= front {
                    return Err(Malformed);
                }
                after.get_or_insert(offset + 2);
                front = target;
                offset = target;
            }
            // 0x40 and 0x80 are reserved (RFC 6891 §5).
            _ => return Err(Malformed),
        }
    }
}

fn escape(byte: u8, text: &mut String) {
    match byte {
        b'.' | b'\\' => text.extend(['\\', char::from(byte)]),
        0x21..0x7f => text.push(char::from(byte)),
        _ => {
            text.push('\\');
            for digit in [byte / 100, byte / 10 % 10, byte % 10] {
                text.push(char::from(b'0' + digit));
            }
        }
    }
}
