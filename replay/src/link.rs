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
    /// PPP with HDLC-like framing.
    pub const PPP_HDLC: Self = Self(50);
    /// PPP over Ethernet, from the session's head on.
    pub const PPP_ETHER: Self = Self(51);
    /// Raw IP, by the number that most systems use for `DLT_RAW` within files.
    pub const RAW_DLT: Self = Self(12);
    /// Raw IP, by the number that OpenBSD uses.
    pub const RAW_OPENBSD: Self = Self(14);
    /// Raw IP of either version.
    pub const RAW: Self = Self(101);
    /// Cisco's HDLC, or PPP with HDLC-like framing.
    pub const C_HDLC: Self = Self(104);
    /// OpenBSD loopback: a protocol family in network byte order.
    pub const LOOP: Self = Self(108);
    /// Linux "cooked" capture (`-i any`).
    pub const LINUX_SLL: Self = Self(113);
    /// Raw IPv4.
    pub const IPV4: Self = Self(228);
    /// Raw IPv6.
    pub const IPV6: Self = Self(229);
    /// Linux' netfilter log (`-i nflog`).
    pub const NFLOG: Self = Self(239);
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

/// How many heads within a frame are followed, each VLAN tag and MPLS label being one. Two tags are
/// usual (QinQ), and a few labels.
const MAX_HEADS: usize = 16;

/// Looks into a frame.
#[must_use]
pub fn inside(link: LinkType, frame: &[u8]) -> Inside<'_> {
    let found = match link {
        LinkType::ETHERNET => Some(ethernet(frame)),
        LinkType::RAW | LinkType::RAW_DLT | LinkType::RAW_OPENBSD => Some(Inside::Ip(frame)),
        LinkType::IPV4 => of_version(4, frame),
        LinkType::IPV6 => of_version(6, frame),
        LinkType::NULL => null(frame),
        LinkType::LOOP => be32(frame, 0).map(|family| of_family(family, frame)),
        LinkType::LINUX_SLL => typed(frame, 14),
        LinkType::LINUX_SLL2 => sll2(frame),
        LinkType::PPP | LinkType::PPP_HDLC => ppp(frame),
        LinkType::PPP_ETHER => pppoe(frame),
        LinkType::C_HDLC => c_hdlc(frame),
        LinkType::NFLOG => nflog(frame),
        _ => return Inside::UnknownLink,
    };
    found.unwrap_or(Inside::Malformed)
}

/// What a capture of several interfaces says of where it took a frame: a number and the direction.
/// Zeros if the link type does not tell.
#[must_use]
pub fn vantage(link: LinkType, frame: &[u8]) -> (u32, u16) {
    match link {
        LinkType::LINUX_SLL => (0, be16(frame, 0).unwrap_or_default()),
        LinkType::LINUX_SLL2 => {
            let direction = frame.get(10).copied().unwrap_or_default();
            (be32(frame, 4).unwrap_or_default(), direction.into())
        }
        _ => (0, 0),
    }
}

/// Looks into an Ethernet frame.
#[must_use]
pub fn ethernet(frame: &[u8]) -> Inside<'_> {
    typed(frame, 12).unwrap_or(Inside::Malformed)
}

/// Looks into what an EtherType (of IANA's "IEEE 802 Numbers") announces.
#[must_use]
pub fn of_ethertype(ethertype: u16, bytes: &[u8]) -> Inside<'_> {
    within(ethertype, bytes, 0).unwrap_or(Inside::Malformed)
}

/// Follows the EtherType at `at`. A number up to 1500 is a length instead (IEEE 802.3), and what
/// follows may name an EtherType (RFC 1042).
fn typed(frame: &[u8], at: usize) -> Option<Inside<'_>> {
    match be16(frame, at)? {
        ..=1500 => match frame.get(at + 2..)?.strip_prefix(&[0xaa, 0xaa, 3, 0, 0, 0]) {
            Some(snap) => within(be16(snap, 0)?, snap.get(2..)?, 0),
            None => Some(Inside::NotIp),
        },
        ethertype => within(ethertype, frame.get(at + 2..)?, 0),
    }
}

fn within(ethertype: u16, bytes: &[u8], heads: usize) -> Option<Inside<'_>> {
    match ethertype {
        _ if heads > MAX_HEADS => Some(Inside::NotIp),
        0x0800 | 0x86dd => Some(Inside::Ip(bytes)),
        // 802.1Q, 802.1ad, and the number that was used for QinQ before 802.1ad.
        0x8100 | 0x88a8 | 0x9100 => within(be16(bytes, 2)?, bytes.get(4..)?, heads + 1),
        0x8847 | 0x8848 => mpls(bytes),
        0x8864 => pppoe(bytes),
        _ => Some(Inside::NotIp),
    }
}

/// RFC 3032: labels up to the one that says it is the last. What is inside is known to the routers
/// alone; the first four bits tell IP from a pseudowire's control word (RFC 4385, section 3).
fn mpls(bytes: &[u8]) -> Option<Inside<'_>> {
    for label in 0..MAX_HEADS {
        if *bytes.get(label * 4 + 2)? & 1 == 0 {
            continue;
        }
        let packet = bytes.get(label * 4 + 4..)?;
        return match *packet.first()? >> 4 {
            4 | 6 => Some(Inside::Ip(packet)),
            0 => match be16(packet, 4 + 12)? {
                ethertype @ (0x0800 | 0x86dd | 0x8100 | 0x88a8) => {
                    within(ethertype, packet.get(4 + 14..)?, label)
                }
                _ => Some(Inside::NotIp),
            },
            _ => Some(Inside::NotIp),
        };
    }
    Some(Inside::NotIp)
}

/// RFC 2516, sections 4 and 6: version and type 1, code 0.
fn pppoe(bytes: &[u8]) -> Option<Inside<'_>> {
    match be16(bytes, 0)? {
        0x1100 => ppp(bytes.get(6..)?),
        _ => Some(Inside::NotIp),
    }
}

fn of_version(version: u8, packet: &[u8]) -> Option<Inside<'_>> {
    (packet.first()? >> 4 == version).then_some(Inside::Ip(packet))
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

/// Address, control, EtherType (RFC 1547, section 4.3.1); PPP's address is none of Cisco's.
fn c_hdlc(frame: &[u8]) -> Option<Inside<'_>> {
    match *frame.first()? {
        0xff => ppp(frame),
        _ => within(be16(frame, 2)?, frame.get(4..)?, 0),
    }
}

/// A family, a version, a resource's number, then attributes: length, type and value in steps of four
/// bytes, lengths and types in the byte order of the machine that captured. The packet is the value of
/// `NFULA_PAYLOAD`.
fn nflog(frame: &[u8]) -> Option<Inside<'_>> {
    const HEAD: usize = 4;
    const PAYLOAD: u16 = 9;
    let [family, version, ..] = *frame else { return None };
    if version != 0 || !matches!(family, 2 | 10) {
        return Some(Inside::NotIp);
    }
    let mut rest = frame.get(HEAD..)?;
    loop {
        let (length, kind) = (array(rest, 0)?, array(rest, 2)?);
        // The types' numbers are small: in the wrong order they would be multiples of 256.
        let (length, kind) = match kind {
            [0, _] => (u16::from_be_bytes(length), u16::from_be_bytes(kind)),
            _ => (u16::from_le_bytes(length), u16::from_le_bytes(kind)),
        };
        let length = usize::from(length);
        if length < HEAD {
            return None;
        }
        if kind & 0x7fff == PAYLOAD {
            return rest
                .get(HEAD..)
                .map(|value| Inside::Ip(&value[..value.len().min(length - HEAD)]));
        }
        rest = rest.get(length.next_multiple_of(HEAD)..)?;
    }
}

/// `sll2_protocol` comes first; the payload starts behind a head of 20 bytes.
fn sll2(frame: &[u8]) -> Option<Inside<'_>> {
    within(be16(frame, 0)?, frame.get(20..)?, 0)
}

/// RFC 1661 and 1662: the address and control fields may be left out, and an odd protocol number may
/// stand without its first byte, which is zero.
pub(crate) fn ppp(frame: &[u8]) -> Option<Inside<'_>> {
    let packet = frame.strip_prefix(&[0xff, 0x03]).unwrap_or(frame);
    let (protocol, head) = match *packet.first()? {
        short if short & 1 == 1 => (u16::from(short), 1),
        _ => (be16(packet, 0)?, 2),
    };
    match protocol {
        0x0021 | 0x0057 => packet.get(head..).map(Inside::Ip),
        0x0281 | 0x0283 => mpls(packet.get(head..)?),
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
    fn labels_and_point_to_point_sessions_are_followed() {
        // Two labels (RFC 3032, figure 1), the second with the bit that says it is the last.
        let labels = [0, 1, 0x10, 64, 0, 2, 0x11, 64];
        let mut frame = vec![0; 12];
        frame.extend([0x88, 0x47]);
        frame.extend(labels);
        assert_eq!(inside(LinkType::ETHERNET, &frame), Inside::Malformed);
        let bare = frame.clone();
        frame.push(0x45);
        assert_eq!(inside(LinkType::ETHERNET, &frame), Inside::Ip(&[0x45]));
        // An Ethernet pseudowire with its control word.
        let mut frame = bare;
        frame.extend([0; 4 + 12]);
        frame.extend([0x86, 0xdd, 0x60]);
        assert_eq!(inside(LinkType::ETHERNET, &frame), Inside::Ip(&[0x60]));

        // RFC 2516, section 7: version and type, code, session, length, PPP's protocol.
        let mut frame = vec![0; 12];
        frame.extend([0x88, 0x64, 0x11, 0, 0, 1, 0, 3, 0x00, 0x21, 0x45]);
        assert_eq!(inside(LinkType::ETHERNET, &frame), Inside::Ip(&[0x45]));
        assert_eq!(inside(LinkType::PPP_ETHER, &frame[14..]), Inside::Ip(&[0x45]));
        assert_eq!(inside(LinkType::PPP, &[0x57, 0x60]), Inside::Ip(&[0x60]));
        assert_eq!(inside(LinkType::PPP_HDLC, &[0xff, 3, 0xc0, 0x21, 1]), Inside::NotIp);
    }

    /// <https://www.tcpdump.org/linktypes/LINKTYPE_C_HDLC.html> and `LINKTYPE_NFLOG.html`.
    #[test]
    fn cisco_hdlc_and_the_netfilter_log() {
        assert_eq!(inside(LinkType::C_HDLC, &[0x0f, 0, 0x08, 0, 0x45]), Inside::Ip(&[0x45]));
        assert_eq!(inside(LinkType::C_HDLC, &[0x8f, 0, 0x86, 0xdd, 0x60]), Inside::Ip(&[0x60]));
        assert_eq!(inside(LinkType::C_HDLC, &[0x8f, 0, 0x80, 0x35, 1]), Inside::NotIp);
        assert_eq!(inside(LinkType::C_HDLC, &[0xff, 3, 0, 0x21, 0x45]), Inside::Ip(&[0x45]));
        assert_eq!(inside(LinkType::C_HDLC, &[0x0f, 0, 8]), Inside::Malformed);

        // A prefix of one byte (NFULA_PREFIX, 10), padded, then the payload.
        let little = [2, 0, 0, 7, 5, 0, 10, 0, 0, 0, 0, 0, 6, 0, 9, 0, 0x45, 1];
        assert_eq!(inside(LinkType::NFLOG, &little), Inside::Ip(&[0x45, 1]));
        let big = [10, 0, 0, 7, 0, 5, 0, 10, 0, 0, 0, 0, 0, 5, 0, 9, 0x60, 0];
        assert_eq!(inside(LinkType::NFLOG, &big), Inside::Ip(&[0x60]));
        assert_eq!(inside(LinkType::NFLOG, &little[..12]), Inside::Malformed);
        assert_eq!(inside(LinkType::NFLOG, &[2, 0, 0, 7, 0, 0, 10, 0]), Inside::Malformed);
        assert_eq!(inside(LinkType::NFLOG, &[7, 0, 0, 7, 6, 0, 9, 0, 1, 2]), Inside::NotIp);
    }

    #[test]
    fn lengths_in_the_place_of_an_ethertype() {
        let mut frame = vec![0; 12];
        frame.extend([0, 9, 0xaa, 0xaa, 3, 0, 0, 0, 0x08, 0, 0x45]);
        assert_eq!(inside(LinkType::ETHERNET, &frame), Inside::Ip(&[0x45]));
        frame[14] = 0x42; // spanning tree
        assert_eq!(inside(LinkType::ETHERNET, &frame), Inside::NotIp);
    }

    #[test]
    fn endless_tags_end() {
        let mut frame = vec![0; 12];
        for _ in 0..100 {
            frame.extend([0x81, 0, 0, 1]);
        }
        assert_eq!(inside(LinkType::ETHERNET, &frame), Inside::NotIp);
        let mut frame = vec![0; 12];
        frame.extend([0x88, 0x47]);
        frame.extend([0; 400]);
        assert_eq!(inside(LinkType::ETHERNET, &frame), Inside::NotIp);
    }

    #[test]
    fn a_link_of_one_version_has_no_packets_of_the_other() {
        assert_eq!(inside(LinkType::IPV4, &[0x45]), Inside::Ip(&[0x45]));
        assert_eq!(inside(LinkType::IPV6, &[0x60]), Inside::Ip(&[0x60]));
        assert_eq!(inside(LinkType::IPV4, &[0x60]), Inside::Malformed);
        assert_eq!(inside(LinkType::IPV6, &[0x45]), Inside::Malformed);
        assert_eq!(inside(LinkType::RAW, &[0x60]), Inside::Ip(&[0x60]));
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
