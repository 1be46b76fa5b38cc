//! UDP datagrams and the flows they make.

use crate::bytes::be16;

/// How long a flow lives after its last datagram, in nanoseconds of the capture's clock.
pub const IDLE: u64 = 120_000_000_000;

/// One datagram (RFC 768).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// The sender's port.
    pub source_port: u16,
    /// The receiver's port.
    pub destination_port: u16,
    /// The payload as far as captured.
    pub payload: &'a [u8],
    /// How many bytes of the payload were cut off.
    pub missing: u64,
}

/// Reads a datagram from an IP packet's payload of which `wire_len` bytes were sent.
#[must_use]
pub fn datagram(bytes: &[u8], wire_len: u64) -> Option<Datagram<'_>> {
    let claimed = match be16(bytes, 4)? {
        // A jumbogram (RFC 2675, section 4), or a send captured before it was split.
        0 => wire_len,
        length => u64::from(length),
    };
    let length = claimed.min(wire_len).checked_sub(8)?;
    let captured = bytes.get(8..)?;
    let payload = captured.get(..captured.len().min(length as usize))?;
    Some(Datagram {
        source_port: be16(bytes, 0)?,
        destination_port: be16(bytes, 2)?,
        payload,
        missing: length - payload.len() as u64,
    })
}

#[cfg(test)]
mod tests {
    use super::{Datagram, datagram};

    #[test]
    fn padding_is_cut_off_and_cut_bytes_are_missing() {
        let bytes = [0, 53, 0x80, 0, 0, 10, 0, 0, b'h', b'i', 0, 0];
        let whole =
            Datagram { source_port: 53, destination_port: 0x8000, payload: b"hi", missing: 0 };
        assert_eq!(datagram(&bytes, 12), Some(whole));
        let cut = Datagram { payload: b"h", missing: 1, ..whole };
        assert_eq!(datagram(&bytes[..9], 10), Some(cut));
        assert_eq!(datagram(&bytes[..7], 10), None);
        assert_eq!(datagram(&[0, 53, 0, 53, 0, 7, 0, 0], 8), None);
    }
}
