//! IP packets: version 4 with options, version 6 with extension headers, fragments of both.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::bytes::{array, be16, be32};

/// The number of TCP.
pub const TCP: u8 = 6;
/// The number of UDP.
pub const UDP: u8 = 17;

/// How many IPv6 extension headers are followed.
const MAX_EXTENSION_HEADERS: usize = 16;

/// One packet, or one fragment of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// The sender.
    pub source: IpAddr,
    /// The receiver.
    pub destination: IpAddr,
    /// What the payload is, by IANA's number; in a fragment, what the whole packet's is.
    pub protocol: u8,
    /// The payload as far as captured, without padding of the link.
    pub payload: &'a [u8],
    /// The payload's length on the wire, in bytes.
    pub wire_len: u64,
    /// Present if this is a fragment.
    pub fragment: Option<Fragment>,
}

/// Which part of its packet a fragment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// The packet's identification.
    pub identification: u32,
    /// Offset of the fragment's payload in the packet's, in bytes.
    pub offset: u32,
    /// More fragments follow.
    pub more: bool,
}

/// Reads a packet. `wire_len` is the packet's length on the wire as the link tells it; it counts
/// only where the packet itself tells none (jumbograms; sends captured before segmentation was
/// offloaded). `None` if its headers are cut or contradict themselves.
#[must_use]
pub fn packet(bytes: &[u8], wire_len: u64) -> Option<Packet<'_>> {
    match bytes.first()? >> 4 {
        4 => version_4(bytes, wire_len),
        6 => version_6(bytes, wire_len),
        _ => None,
    }
}

/// RFC 791, section 3.1.
fn version_4(bytes: &[u8], wire_len: u64) -> Option<Packet<'_>> {
    let head = usize::from(bytes.first()? & 0x0f) * 4;
    let total = match be16(bytes, 2)? {
        0 => wire_len,
        total => u64::from(total),
    };
    if head < 20 || total < head as u64 {
        return None;
    }
    let (payload, payload_len) = payload(bytes, head, total)?;
    let flags = be16(bytes, 6)?;
    let offset = u32::from(flags & 0x1fff) * 8;
    let more = flags & 0x2000 != 0;
    let fragment = (more || offset > 0).then_some(Fragment {
        identification: be16(bytes, 4)?.into(),
        offset,
        more,
    });
    Some(Packet {
        source: Ipv4Addr::from(array::<4>(bytes, 12)?).into(),
        destination: Ipv4Addr::from(array::<4>(bytes, 16)?).into(),
        protocol: *bytes.get(9)?,
        payload,
        wire_len: payload_len,
        fragment,
    })
}

/// RFC 8200, sections 3 and 4.
fn version_6(bytes: &[u8], wire_len: u64) -> Option<Packet<'_>> {
    let source = Ipv6Addr::from(array::<16>(bytes, 8)?).into();
    let destination = Ipv6Addr::from(array::<16>(bytes, 24)?).into();
    let total = match be16(bytes, 4)? {
        0 => wire_len,
        length => u64::from(length) + 40,
    };
    let mut protocol = *bytes.get(6)?;
    let mut at = 40;
    let mut fragment = None;
    for _ in 0..MAX_EXTENSION_HEADERS {
        let length = match protocol {
            // Hop-by-hop options, routing, destination options, mobility, HIP, shim6.
            0 | 43 | 60 | 135 | 139 | 140 => (usize::from(*bytes.get(at + 1)?) + 1) * 8,
            // Authentication header (RFC 4302), which counts in other units.
            51 => (usize::from(*bytes.get(at + 1)?) + 2) * 4,
            44 => 8,
            _ => break,
        };
        let next = *bytes.get(at)?;
        if protocol == 44 {
            let field = be16(bytes, at + 2)?;
            let (offset, more) = (u32::from(field & 0xfff8), field & 1 != 0);
            if more || offset > 0 {
                let identification = be32(bytes, at + 4)?;
                fragment = Some(Fragment { identification, offset, more });
            }
        }
        protocol = next;
        at += length;
        // What follows the head of a later fragment is the middle of something.
        if fragment.is_some_and(|fragment: Fragment| fragment.offset > 0) {
            break;
        }
    }
    let (payload, wire_len) = payload(bytes, at, total)?;
    Some(Packet { source, destination, protocol, payload, wire_len, fragment })
}

/// What lies between the head and the end, as far as captured, and its length on the wire.
fn payload(bytes: &[u8], head: usize, total: u64) -> Option<(&[u8], u64)> {
    let wire_len = total.checked_sub(head as u64)?;
    let captured = bytes.get(head..)?;
    let len = usize::try_from(wire_len).unwrap_or(usize::MAX).min(captured.len());
    Some((captured.get(..len)?, wire_len))
}

#[cfg(test)]
mod tests {
    use super::{Fragment, TCP, UDP, packet};

    fn v4(total: u16, flags: u16, protocol: u8, options: &[u8], payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0x45 + (options.len() / 4) as u8, 0];
        bytes.extend(total.to_be_bytes());
        bytes.extend([0x12, 0x34]);
        bytes.extend(flags.to_be_bytes());
        bytes.extend([64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
        bytes.extend(options);
        bytes.extend(payload);
        bytes
    }

    #[test]
    fn options_are_passed_over_and_padding_is_cut_off() {
        let bytes = v4(28, 0, TCP, &[1, 1, 1, 0], b"data\0\0\0\0");
        let packet = packet(&bytes, bytes.len() as u64).expect("a packet");
        assert_eq!((packet.payload, packet.wire_len, packet.fragment), (&b"data"[..], 4, None));
    }

    #[test]
    fn a_cut_packet_knows_its_length() {
        let bytes = v4(1500, 0, TCP, &[], b"data");
        let packet = packet(&bytes, 1500).expect("a packet");
        assert_eq!((packet.payload, packet.wire_len), (&b"data"[..], 1480));
    }

    #[test]
    fn a_length_of_zero_means_that_of_the_frame() {
        let bytes = v4(0, 0, TCP, &[], b"data");
        let packet = packet(&bytes, 70_000).expect("a packet");
        assert_eq!(packet.wire_len, 69_980);
    }

    #[test]
    fn fragments_are_told() {
        let bytes = v4(24, 0x2000 | 185, UDP, &[], b"data");
        let packet = packet(&bytes, 24).expect("a packet");
        let fragment = Fragment { identification: 0x1234, offset: 1480, more: true };
        assert_eq!(packet.fragment, Some(fragment));
    }

    #[test]
    fn extension_headers_lead_to_the_transport() {
        let mut bytes = vec![0x60, 0, 0, 0, 0, 28, 0, 64];
        bytes.extend([0; 32]);
        bytes.extend([60, 0, 1, 4, 0, 0, 0, 0]); // hop-by-hop options
        bytes.extend([44, 0, 1, 4, 0, 0, 0, 0]); // destination options
        bytes.extend([UDP, 0, 0, 0, 0, 0, 0, 9]); // an atomic fragment (RFC 6946)
        bytes.extend(b"data");
        let packet = packet(&bytes, bytes.len() as u64).expect("a packet");
        assert_eq!((packet.protocol, packet.payload), (UDP, &b"data"[..]));
        assert_eq!(packet.fragment, None);
    }

    #[test]
    fn contradictions_are_refused() {
        assert_eq!(packet(&v4(19, 0, TCP, &[], b""), 20), None);
        let mut bytes = v4(20, 0, TCP, &[], b"");
        bytes[0] = 0x44;
        assert_eq!(packet(&bytes, 20), None);
        bytes[0] = 0x75;
        assert_eq!(packet(&bytes, 20), None);
        assert_eq!(packet(&[], 0), None);
    }
}
