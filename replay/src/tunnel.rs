//! Packets within packets.
//!
//! A tunnel over UDP is told by its port *and* by what its head must be: a datagram that does not fit
//! is an ordinary one.

use crate::bytes::{be16, be32};
use crate::ip;
use crate::link::{self, Inside};

/// How many tunnels within each other are followed.
pub const MAX_DEPTH: usize = 8;

/// IP protocol numbers (IANA's "Assigned Internet Protocol Numbers").
const IPV4: u8 = 4;
const IPV6: u8 = 41;
const GRE: u8 = 47;
const MPLS: u8 = 137;

/// UDP ports (IANA's "Service Name and Transport Protocol Port Number Registry"). Linux' own default
/// for VXLAN, which flannel uses, is older than the registered one.
const GTP_U: u16 = 2152;
const TEREDO: u16 = 3544;
const GRE_IN_UDP: u16 = 4754;
const VXLAN: u16 = 4789;
const VXLAN_GPE: u16 = 4790;
const GENEVE: u16 = 6081;
const VXLAN_LINUX: u16 = 8472;

/// EtherType of an Ethernet frame within another protocol.
const TRANSPARENT_ETHERNET: u16 = 0x6558;

/// What a packet wraps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tunnel<'a> {
    /// The tunnel's protocol.
    pub name: &'static str,
    /// What is inside.
    pub inside: Inside<'a>,
}

/// What an IP packet's payload wraps; `None` if its protocol is no tunnel's.
#[must_use]
pub fn in_ip(protocol: u8, payload: &[u8]) -> Option<Tunnel<'_>> {
    let (name, inside) = match protocol {
        IPV4 | IPV6 => ("IP in IP", Inside::Ip(payload)),
        GRE => ("GRE", gre(payload).unwrap_or(Inside::Malformed)),
        MPLS => ("MPLS in IP", link::of_ethertype(0x8847, payload)),
        _ => return None,
    };
    Some(Tunnel { name, inside })
}

/// What a UDP datagram wraps; `None` if it is no tunnel's.
#[must_use]
pub fn in_udp(source: u16, destination: u16, payload: &[u8]) -> Option<Tunnel<'_>> {
    let (name, inside) = match destination {
        VXLAN | VXLAN_LINUX => ("VXLAN", vxlan(payload)?),
        VXLAN_GPE => ("VXLAN-GPE", vxlan_gpe(payload)?),
        GENEVE => ("Geneve", geneve(payload)?),
        GTP_U => ("GTP-U", gtp_u(payload)?),
        TEREDO => ("Teredo", teredo(payload)?),
        GRE_IN_UDP => ("GRE in UDP", gre(payload).filter(is_ip)?),
        _ if source == TEREDO => ("Teredo", teredo(payload)?),
        _ => return None,
    };
    Some(Tunnel { name, inside })
}

/// RFC 2784 and 2890; version 1 is PPTP's (RFC 2637, section 4.1).
fn gre(bytes: &[u8]) -> Option<Inside<'_>> {
    let flags = be16(bytes, 0)?;
    let protocol = be16(bytes, 2)?;
    let has = |bit: u16| usize::from(flags & bit != 0);
    // Checksum, key, sequence number, acknowledgement.
    let head = 4 + 4 * (has(0x8000) + has(0x2000) + has(0x1000));
    match (flags & 7, protocol) {
        // A route, which RFC 2784 left out: nobody sends it.
        _ if has(0x4000) == 1 => Some(Inside::NotIp),
        (1, 0x880b) => link::ppp(bytes.get(head + 4 * has(0x0080)..)?),
        (0, TRANSPARENT_ETHERNET) => Some(link::ethernet(bytes.get(head..)?)),
        // ERSPAN: version 1 has no head of its own and no sequence number, versions 2 and 3 have
        // both (draft-foschiano-erspan-03, section 4).
        (0, 0x88be) if has(0x1000) == 0 => Some(link::ethernet(bytes.get(head..)?)),
        (0, 0x88be) => Some(link::ethernet(bytes.get(head + 8..)?)),
        (0, 0x22eb) => {
            let optional = usize::from(*bytes.get(head + 11)? & 1) * 8;
            Some(link::ethernet(bytes.get(head + 12 + optional..)?))
        }
        (0, protocol) => Some(link::of_ethertype(protocol, bytes.get(head..)?)),
        _ => Some(Inside::NotIp),
    }
}

/// RFC 7348, section 5. Reserved bits are to be ignored (the group policy extension sets some), but
/// then it has to be a packet that is inside.
fn vxlan(bytes: &[u8]) -> Option<Inside<'_>> {
    let (flags, last) = (*bytes.first()?, *bytes.get(7)?);
    let inside = link::ethernet(bytes.get(8..).unwrap_or_default());
    let fits = flags & 0x77 == 0 && last == 0 || is_ip(&inside);
    (flags & 0x08 != 0 && fits).then_some(inside)
}

/// draft-ietf-nvo3-vxlan-gpe-13, section 3.
fn vxlan_gpe(bytes: &[u8]) -> Option<Inside<'_>> {
    if *bytes.first()? & 0xcc != 0x0c {
        return None;
    }
    let packet = bytes.get(8..)?;
    match *bytes.get(3)? {
        1 => Some(Inside::Ip(packet)).filter(is_ip),
        2 => Some(Inside::Ip(packet)).filter(is_ip),
        3 => Some(link::ethernet(packet)),
        5 => Some(link::of_ethertype(0x8847, packet)),
        _ => Some(Inside::NotIp),
    }
}

/// RFC 8926, section 3.4.
fn geneve(bytes: &[u8]) -> Option<Inside<'_>> {
    let first = *bytes.first()?;
    let reserved = *bytes.get(1)? & 0x3f | *bytes.get(7)?;
    let payload = bytes.get(8 + usize::from(first & 0x3f) * 4..).unwrap_or_default();
    let inside = match be16(bytes, 2)? {
        TRANSPARENT_ETHERNET => link::ethernet(payload),
        protocol => link::of_ethertype(protocol, payload),
    };
    // Reserved bits are to be ignored, but then it has to be a packet that is inside.
    (first >> 6 == 0 && (reserved == 0 || is_ip(&inside))).then_some(inside)
}

/// 3GPP TS 29.281, section 5.1: version 1, a user's packet (G-PDU).
fn gtp_u(bytes: &[u8]) -> Option<Inside<'_>> {
    let (flags, kind) = (*bytes.first()?, *bytes.get(1)?);
    if flags >> 4 != 3 || kind != 0xff {
        return None;
    }
    let mut at = 8;
    // Sequence number, N-PDU number and the next head's type are there if any of them counts.
    if flags & 7 != 0 {
        at += 4;
        while flags & 4 != 0 && *bytes.get(at - 1)? != 0 {
            at += usize::from(*bytes.get(at)?).max(1) * 4;
        }
    }
    Some(Inside::Ip(bytes.get(at..)?)).filter(is_ip)
}

/// RFC 4380, section 5.1.1: an IPv6 packet behind an authentication and an origin indication.
fn teredo(bytes: &[u8]) -> Option<Inside<'_>> {
    let mut bytes = bytes;
    if be16(bytes, 0)? == 1 {
        let lengths = usize::from(*bytes.get(2)?) + usize::from(*bytes.get(3)?);
        bytes = bytes.get(4 + lengths + 9..)?;
    }
    if be16(bytes, 0)? == 0 {
        bytes = bytes.get(8..)?;
    }
    // 2001::/32 at one end at least.
    let is_teredo = |at| be32(bytes, at) == Some(0x2001_0000);
    let inside = Inside::Ip(bytes);
    (bytes.first()? >> 4 == 6 && (is_teredo(8) || is_teredo(24)) && is_ip(&inside))
        .then_some(inside)
}

/// Whether it is a packet of IP, and no longer than there are bytes for, unless those are cut.
fn is_ip(inside: &Inside<'_>) -> bool {
    match inside {
        Inside::Ip(bytes) => ip::packet(bytes, bytes.len() as u64).is_some(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An Ethernet frame with the first byte of an IPv4 packet.
    const FRAME: [u8; 15] = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x08, 0, 0x45];

    fn with_frame(head: &[u8]) -> Vec<u8> {
        [head, &FRAME].concat()
    }

    fn inside(tunnel: Option<Tunnel<'_>>) -> Option<(&'static str, Inside<'_>)> {
        tunnel.map(|it| (it.name, it.inside))
    }

    const IP: Inside<'_> = Inside::Ip(&[0x45]);

    #[test]
    fn vxlan_by_rfc_7348() {
        let head = [0x08, 0, 0, 0, 0, 0, 42, 0];
        let bytes = with_frame(&head);
        assert_eq!(inside(in_udp(50_000, 4789, &bytes)), Some(("VXLAN", IP)));
        assert_eq!(inside(in_udp(50_000, 8472, &bytes)), Some(("VXLAN", IP)));
        assert_eq!(inside(in_udp(4789, 50_000, &bytes)), None, "the port is the receiver's");
        let not_marked = with_frame(&[0, 0, 0, 0, 0, 0, 42, 0]);
        assert_eq!(inside(in_udp(50_000, 4789, &not_marked)), None);
        assert_eq!(inside(in_udp(50_000, 4789, &head)), Some(("VXLAN", Inside::Malformed)));
        assert_eq!(inside(in_udp(50_000, 4789, &head[..7])), None);
    }

    /// RFC 7348, section 5, and RFC 8926, section 3.4: "ignored on receipt".
    #[test]
    fn reserved_bits_are_ignored_around_a_packet() {
        let packet = [0x45, 0, 0, 20, 0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
        let frame = [&FRAME[..14], &packet].concat();
        for head in [[0x0c, 1, 2, 3, 0, 0, 42, 0], [0x08, 0, 0, 0, 0, 0, 42, 7]] {
            let bytes = [&head[..], &frame].concat();
            let found = in_udp(50_000, 4789, &bytes);
            assert_eq!(inside(found), Some(("VXLAN", Inside::Ip(&packet))));
            assert_eq!(inside(in_udp(50_000, 4789, &with_frame(&head))), None, "no packet");
        }
        let bytes = [&[0, 0x01, 0x65, 0x58, 0, 0, 42, 9][..], &frame].concat();
        assert_eq!(inside(in_udp(50_000, 6081, &bytes)), Some(("Geneve", Inside::Ip(&packet))));
    }

    #[test]
    fn geneve_by_rfc_8926() {
        let bytes = with_frame(&[0x01, 0, 0x65, 0x58, 0, 0, 42, 0, 1, 2, 0x80, 0]);
        assert_eq!(inside(in_udp(50_000, 6081, &bytes)), Some(("Geneve", IP)));
        let bytes = [0, 0x40, 0x08, 0, 0, 0, 42, 0, 0x45];
        assert_eq!(inside(in_udp(50_000, 6081, &bytes)), Some(("Geneve", IP)));
        assert_eq!(inside(in_udp(50_000, 6081, &[0x80; 9])), None, "version 2");
    }

    #[test]
    fn gre_by_rfc_2784_and_2890() {
        assert_eq!(inside(in_ip(47, &[0, 0, 8, 0, 0x45])), Some(("GRE", IP)));
        let with_all = [0xb0, 0, 8, 0, 1, 1, 0, 0, 2, 2, 2, 2, 3, 3, 3, 3, 0x45];
        assert_eq!(inside(in_ip(47, &with_all)), Some(("GRE", IP)));
        let nvgre = with_frame(&[0x20, 0, 0x65, 0x58, 0, 0, 42, 0]);
        assert_eq!(inside(in_ip(47, &nvgre)), Some(("GRE", IP)));
        // PPTP (RFC 2637): key and sequence number, no acknowledgement, PPP.
        let pptp = [0x30, 0x01, 0x88, 0x0b, 0, 5, 0, 1, 0, 0, 0, 9, 0xff, 3, 0, 0x21, 0x45];
        assert_eq!(inside(in_ip(47, &pptp)), Some(("GRE", IP)));
        assert_eq!(inside(in_ip(47, &[0, 0, 8])), Some(("GRE", Inside::Malformed)));
        assert_eq!(inside(in_ip(50, &[0, 0, 8])), None);
    }

    #[test]
    fn others_over_udp_must_hold_a_packet() {
        // 3GPP TS 29.281: version 1, protocol type 1, a sequence number and an extension head.
        let mut packet = vec![0x45, 0, 0, 20, 0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
        let head = [0x36, 0xff, 0, 28, 0, 0, 0, 1, 0, 1, 0, 0x85, 1, 0, 0, 0];
        let bytes = [&head[..], &packet].concat();
        let found = in_udp(2152, 2152, &bytes);
        assert_eq!(inside(found), Some(("GTP-U", Inside::Ip(&packet))));
        assert_eq!(inside(in_udp(2152, 2152, &packet)), None);
        packet[0] = 0x60;
        let bytes = [&head[..], &packet].concat();
        assert_eq!(inside(in_udp(2152, 2152, &bytes)), None);
    }
}
