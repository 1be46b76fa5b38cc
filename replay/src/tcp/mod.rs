//! TCP: segments in any order become bytes in order.
//!
//! [`Stream`](stream::Stream) is one direction, [`Connection`](connection::Connection) both.

use crate::bytes::{be16, be32};

pub mod connection;
mod held;
pub mod stream;

/// The control bits of a segment that matter here (RFC 9293, section 3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(pub u8);

impl Flags {
    /// No more data from the sender.
    pub const FIN: u8 = 0x01;
    /// Synchronize sequence numbers.
    pub const SYN: u8 = 0x02;
    /// Reset the connection.
    pub const RST: u8 = 0x04;
    /// The acknowledgement number counts.
    pub const ACK: u8 = 0x10;

    /// Whether a bit is set.
    #[must_use]
    pub const fn has(self, bit: u8) -> bool {
        self.0 & bit != 0
    }
}

/// One segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment<'a> {
    /// The sender's port.
    pub source_port: u16,
    /// The receiver's port.
    pub destination_port: u16,
    /// The sequence number of the segment's first byte (of the SYN, if it is set).
    pub sequence: u32,
    /// The next sequence number that the sender expects; counts only with ACK.
    pub acknowledgement: u32,
    /// The control bits.
    pub flags: Flags,
    /// The payload as far as captured.
    pub payload: &'a [u8],
    /// How many bytes of the payload were cut off.
    pub missing: u64,
}

impl Segment<'_> {
    /// The sequence number of the first payload byte.
    #[must_use]
    pub const fn data_sequence(&self) -> u32 {
        self.sequence.wrapping_add(self.flags.has(Flags::SYN) as u32)
    }

    /// The payload's length on the wire, in bytes.
    #[must_use]
    pub const fn len(&self) -> u64 {
        (self.payload.len() as u64).saturating_add(self.missing)
    }

    /// Whether the segment carries no payload.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Reads a segment from an IP packet's payload of which `wire_len` bytes were sent.
#[must_use]
pub fn segment(bytes: &[u8], wire_len: u64) -> Option<Segment<'_>> {
    let head = usize::from(bytes.get(12)? >> 4) * 4;
    let length = wire_len.checked_sub(head as u64)?;
    if head < 20 {
        return None;
    }
    // Options may be cut: they tell nothing that is needed.
    let captured = bytes.get(head..).unwrap_or_default();
    let payload = captured.get(..captured.len().min(length as usize))?;
    Some(Segment {
        source_port: be16(bytes, 0)?,
        destination_port: be16(bytes, 2)?,
        sequence: be32(bytes, 4)?,
        acknowledgement: be32(bytes, 8)?,
        flags: Flags(*bytes.get(13)?),
        payload,
        missing: length - payload.len() as u64,
    })
}

#[cfg(test)]
mod tests {
    use super::{Flags, segment};

    #[test]
    fn reads_a_segment_with_options_and_a_cut_payload() {
        let mut bytes = vec![0x1f, 0x90, 0x00, 0x50, 0, 0, 0, 1, 0, 0, 0, 2, 0x60, 0x18, 0, 0];
        bytes.extend([0, 0, 0, 0, 1, 1, 1, 1]);
        bytes.extend(b"data");
        let read = segment(&bytes, 34).expect("a segment");
        assert_eq!((read.source_port, read.destination_port), (8080, 80));
        assert_eq!((read.sequence, read.acknowledgement), (1, 2));
        assert!(read.flags.has(Flags::ACK) && !read.flags.has(Flags::SYN));
        assert_eq!((read.payload, read.missing, read.len()), (&b"data"[..], 6, 10));
        assert_eq!(segment(&bytes, 23), None);
        assert_eq!(segment(&bytes[..12], 34), None);
        bytes[12] = 0x40;
        assert_eq!(segment(&bytes, 34), None);
    }
}
