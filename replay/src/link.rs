//! The IP packet within a frame.
//!
//! Link types are those of <https://www.tcpdump.org/linktypes.html>.

use crate::bytes::{array, be16, be32};

/// The number by which capture files name what frames start with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LinkType(pub u32);

impl LinkType {
    /// BSD loopback: a protocol family in the byte order of the machine that captured.
    pub const NULL: Self = Self(0);
    /// Ethernet.
    pub const ETHERNET: Self = Self(1);
    /// PPP, with or without HDLC-like framing.
    pub const PPP: Self = Self(9);
    /// Raw IP, by the number that most systems use for `DLT_RAW` within files.
    pub const RAW_DLT: Self = Self(12);
    /// Raw IP, by the number that OpenBSD uses.
    pub const RAW_OPENBSD: Self = Self(14);
    /// Raw IP of either version.
    pub const RAW: Self = Self(101);
    /// OpenBSD loopback: a protocol family in network byte order.
    pub const LOOP: Self = Self(108);
    /// Linux "cooked" capture (`-i any`).
    pub const LINUX_SLL: Self = Self(113);
    /// Raw IPv4.
    pub const IPV4: Self = Self(228);
    /// Raw IPv6.
    pub const IPV6: Self = Self(229);
    /// Linux "cooked" capture, version 2.
    pub const LINUX_SLL2: Self = Self(276);
}

/// What is within a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inside<'a> {
    /// A packet that claims to be IP; its first four bits say which version.
    Ip(&'a [u8]),
    /// Something else than IP.
    NotIp,
    /// The frame ends before its head does, or contradicts itself.
    Malformed,
    /// The link type is not known.
    UnknownLink,
}

/// How many VLAN tags are followed. Two are usual (QinQ).
const MAX_VLAN_TAGS: usize = 4;

const ETHERTYPE_IPV4: u16 = 0x0800;
const ETHERTYPE_IPV6: u16 = 0x86dd;

/// Looks into a frame.
#[must_use]
pub fn inside(link: LinkType, frame: &[u8]) -> Inside<'_> {
    let found = match link {
        LinkType::ETHERNET => ethertype(frame, 12),
        LinkType::RAW | LinkType::RAW_DLT | LinkType::RAW_OPENBSD => Some(Inside::Ip(frame)),
        LinkType::IPV4 | LinkType::IPV6 => Some(Inside::Ip(frame)),
        LinkType::NULL => null(frame),
        LinkType::LOOP => be32(frame, 0).map(|family| of_family(family, frame)),
        LinkType::LINUX_SLL => ethertype(frame, 14),
        LinkType::LINUX_SLL2 => sll2(frame),
        LinkType::PPP => ppp(frame),
        _ => return Inside::UnknownLink,
    };
    found.unwrap_or(Inside::Malformed)
}

/// Follows an EtherType at `at` through VLAN tags.
fn ethertype(frame: &[u8], at: usize) -> Option<Inside<'_>> {
    let mut at = at;
    for _ in 0..=MAX_VLAN_TAGS {
        match be16(frame, at)? {
            ETHERTYPE_IPV4 | ETHERTYPE_IPV6 => return frame.get(at + 2..).map(Inside::Ip),
            // 802.1Q, 802.1ad, and the number that was used for QinQ before 802.1ad.
            0x8100 | 0x88a8 | 0x9100 => at += 4,
            _ => return Some(Inside::NotIp),
        }
    }
    Some(Inside::NotIp)
}

fn null(frame: &[u8]) -> Option<Inside<'_>> {
    let family = array(frame, 0)?;
    // Families are small numbers: of the two readings the smaller one is right.
    let family = u32::from_be_bytes(family).min(u32::from_le_bytes(family));
    Some(of_family(family, frame))
}

/// `AF_INET` is 2 everywhere; `AF_INET6` is 10 on Linux, 24 on NetBSD and OpenBSD, 28 on FreeBSD,
/// 30 on Darwin and 23 on Windows.
fn of_family(family: u32, frame: &[u8]) -> Inside<'_> {
    match family {
        2 | 10 | 23 | 24 | 28 | 30 => Inside::Ip(frame.get(4..).unwrap_or_default()),
        _ => Inside::NotIp,
    }
}

/// `sll2_protocol` comes first; the payload starts behind a head of 20 bytes.
fn sll2(frame: &[u8]) -> Option<Inside<'_>> {
    match be16(frame, 0)? {
        ETHERTYPE_IPV4 | ETHERTYPE_IPV6 => frame.get(20..).map(Inside::Ip),
        // The tag's control information and the EtherType within it follow the head.
        0x8100 | 0x88a8 | 0x9100 => ethertype(frame, 22),
        _ => Some(Inside::NotIp),
    }
}

fn ppp(frame: &[u8]) -> Option<Inside<'_>> {
    let packet = frame.strip_prefix(&[0xff, 0x03]).unwrap_or(frame);
    match be16(packet, 0)? {
        0x0021 | 0x0057 => packet.get(2..).map(Inside::Ip),
        _ => Some(Inside::NotIp),
    }
}

#[cfg(test)]
mod tests {
    use super::{Inside, LinkType, inside};

    #[test]
    fn vlan_tags_are_followed_on_ethernet_and_in_cooked_frames() {
        let mut frame = vec![0; 12];
        frame.extend([0x88, 0xa8, 0, 1, 0x81, 0, 0, 2, 0x08, 0, 0x45]);
        assert_eq!(inside(LinkType::ETHERNET, &frame), Inside::Ip(&[0x45]));
        let mut frame = vec![0; 14];
        frame.extend([0x81, 0, 0, 2, 0x86, 0xdd, 0x60]);
        assert_eq!(inside(LinkType::LINUX_SLL, &frame), Inside::Ip(&[0x60]));
        let mut frame = vec![0x81, 0];
        frame.extend([0; 18]);
        frame.extend([0, 2, 0x08, 0, 0x45]);
        assert_eq!(inside(LinkType::LINUX_SLL2, &frame), Inside::Ip(&[0x45]));
    }

    #[test]
    fn a_loopback_family_is_read_in_either_byte_order() {
        assert_eq!(inside(LinkType::NULL, &[2, 0, 0, 0, 0x45]), Inside::Ip(&[0x45]));
        assert_eq!(inside(LinkType::NULL, &[0, 0, 0, 30, 0x60]), Inside::Ip(&[0x60]));
        assert_eq!(inside(LinkType::LOOP, &[0, 0, 0, 2, 0x45]), Inside::Ip(&[0x45]));
        assert_eq!(inside(LinkType::LOOP, &[2, 0, 0, 0, 0x45]), Inside::NotIp);
    }

    #[test]
    fn what_is_not_ip_is_told_from_what_is_cut_and_what_is_unknown() {
        let mut arp = vec![0; 12];
        arp.extend([0x08, 0x06, 0, 1]);
        assert_eq!(inside(LinkType::ETHERNET, &arp), Inside::NotIp);
        assert_eq!(inside(LinkType::ETHERNET, &arp[..13]), Inside::Malformed);
        assert_eq!(inside(LinkType(105), &arp), Inside::UnknownLink);
    }
}
