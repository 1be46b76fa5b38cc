//! Expectations are from RFC 1928 and 1929, and from SOCKS.protocol and socks4a.protocol.

use super::PROTOCOL;
use super::handshake::{Course, course};
use crate::chunk::{Chunk, Moment, Side};
use crate::detect::{Evidence, Opening};
use crate::dissector::{Handover, Output};

/// CONNECT to a name, and the address that the proxy took.
const REQUEST: &[u8] = b"\x05\x01\0\x03\x01h\x00\x50";
const REPLY: &[u8] = b"\x05\0\0\x01\x0a\0\0\x01\x12\x34";

fn judge(client: &[u8], server: &[u8], from_start: bool) -> Evidence {
    (PROTOCOL.detect)(&Opening {
        client,
        server,
        client_from_start: from_start,
        server_from_start: from_start,
        ..Opening::default()
    })
}

/// The handover after what both sides say in turns, from these positions on.
fn hand_over(turns: &[(Side, &[u8])], from: [u64; 2]) -> Option<Handover> {
    let mut dissector = (PROTOCOL.dissector)(true);
    let mut positions = from;
    let mut out = Output::default();
    for &(side, bytes) in turns {
        assert_eq!(out.handover, None, "before {bytes:?}");
        let position = &mut positions[side as usize];
        let first = Moment { position: *position, ..Moment::default() };
        *position += bytes.len() as u64;
        dissector.feed(&Chunk::new(side, first, bytes), &mut out);
    }
    assert!(out.exchanges.is_empty());
    out.handover
}

#[test]
fn version_5_without_authentication() {
    let turns: [(Side, &[u8]); 4] = [
        (Side::Client, b"\x05\x02\x00\x02"),
        (Side::Server, b"\x05\0"),
        (Side::Client, REQUEST),
        (Side::Server, REPLY),
    ];
    let found = hand_over(&turns, [0, 0]);
    assert_eq!(found, Some(Handover::Detect { client: 12, server: 12 }));
    assert_eq!(
        hand_over(&turns, [100, 1000]),
        Some(Handover::Detect { client: 112, server: 1012 })
    );
}

#[test]
fn version_5_with_a_password_and_ipv6() {
    let request = [&b"\x05\x01\0\x04"[..], &[0x20; 16], &[1, 0xbb]].concat();
    let turns: [(Side, &[u8]); 6] = [
        (Side::Client, b"\x05\x01\x02"),
        (Side::Server, b"\x05\x02"),
        (Side::Client, b"\x01\x04user\x03pwd"),
        (Side::Server, b"\x01\0"),
        (Side::Client, &request),
        (Side::Server, REPLY),
    ];
    let found = hand_over(&turns, [0, 0]);
    assert_eq!(found, Some(Handover::Detect { client: 3 + 10 + 22, server: 2 + 2 + 10 }));
}

#[test]
fn version_4_by_address_and_by_name() {
    let granted: &[u8] = b"\0\x5a\0\0\0\0\0\0";
    for request in
        [&b"\x04\x01\0\x50\x0a\0\0\x01me\0"[..], b"\x04\x01\0\x50\0\0\0\x07\0host.example\0"]
    {
        let found = hand_over(&[(Side::Client, request), (Side::Server, granted)], [0, 0]);
        let client = request.len() as u64;
        assert_eq!(found, Some(Handover::Detect { client, server: 8 }));
        assert_eq!(judge(request, b"", true), Evidence::NeedMore);
        assert_eq!(judge(request, granted, true), Evidence::Certain);
        for end in 1..request.len() {
            assert_eq!(course(&request[..end], b""), Course::More { agreed: false });
        }
    }
}

#[test]
fn what_opens_no_connection_is_left_alone() {
    for (client, server) in [
        (&b"\x05\x01\x02"[..], &b"\x05\xff"[..]),
        (b"\x05\x01\x02\x01\x01u\x01p", b"\x05\x02\x01\x01"),
        (b"\x05\x01\x01", b"\x05\x01"),
        (b"\x05\x01\0\x05\x02\0\x01\0\0\0\0\0\0", b"\x05\0\x05\0\0\x01\x0a\0\0\x01\x12\x34"),
        (b"\x05\x01\0\x05\x01\0\x01\x0a\0\0\x01\0\x50", b"\x05\0\x05\x05\0\x01\0\0\0\0\0\0"),
        (b"\x04\x01\0\x50\x0a\0\0\x01\0", b"\0\x5b\0\0\0\0\0\0"),
        (b"\x04\x02\0\x50\x0a\0\0\x01\0", b"\0\x5a\0\0\0\0\0\0"),
    ] {
        assert_eq!(course(client, server), Course::Over, "{client:?}");
        let turns = [(Side::Client, client), (Side::Server, server)];
        assert_eq!(hand_over(&turns, [0, 0]), Some(Handover::Opaque("socks")));
    }
    // A client that does not wait for the reply.
    let turns: [(Side, &[u8]); 4] = [
        (Side::Client, b"\x05\x01\0"),
        (Side::Server, b"\x05\0"),
        (Side::Client, b"\x05\x01\0\x03\x01h\x00\x50GET / HTTP/1.1\r\n\r\n"),
        (Side::Server, REPLY),
    ];
    assert_eq!(hand_over(&turns, [0, 0]), Some(Handover::Opaque("socks")));
}

#[test]
fn detection_wants_both_sides_from_the_start() {
    assert_eq!(judge(b"", b"", true), Evidence::NeedMore);
    assert_eq!(judge(b"\x05\x01\0", b"", true), Evidence::NeedMore);
    assert_eq!(judge(b"\x05\x01\0", b"\x05\0", true), Evidence::Certain);
    assert_eq!(judge(b"\x05\x01\0", b"\x05\0", false), Evidence::No);
    assert_eq!(judge(b"\x05\x01\0", b"\x05\x02", true), Evidence::No, "not offered");
    assert_eq!(judge(b"", b"\x05\0", true), Evidence::No);
    // DCE/RPC, MySQL's COM_PING with its length, a length of Kafka.
    assert_eq!(judge(b"\x05\0\x0b\x03", b"", true), Evidence::No);
    assert_eq!(judge(b"\x04\0\0\0\x0e", b"", true), Evidence::No);
    assert_eq!(judge(b"\0\0\0\x20", b"", true), Evidence::No);
}

/// In pieces of any size, and with any byte changed: the first makes no difference, the second no
/// panic and no handover beyond what was said.
#[test]
fn handshakes_in_pieces_and_damaged() {
    let says: [(Side, &[u8]); 6] = [
        (Side::Client, b"\x05\x02\0\x02"),
        (Side::Server, b"\x05\x02"),
        (Side::Client, b"\x01\x04user\x03pwd"),
        (Side::Server, b"\x01\0"),
        (Side::Client, REQUEST),
        (Side::Server, REPLY),
    ];
    let whole = hand_over(&says, [0, 0]);
    assert_eq!(whole, Some(Handover::Detect { client: 22, server: 14 }));
    for size in 1..10 {
        let pieces: Vec<_> = says
            .iter()
            .flat_map(|&(side, bytes)| bytes.chunks(size).map(move |it| (side, it)))
            .collect();
        assert_eq!(hand_over(&pieces, [0, 0]), whole, "pieces of {size}");
    }
    let side = |wanted| -> Vec<u8> {
        let of = says.iter().filter(|(side, _)| *side == wanted);
        of.flat_map(|(_, bytes)| bytes.iter().copied()).collect()
    };
    let (client, server) = (side(Side::Client), side(Side::Server));
    for at in 0..client.len() + server.len() {
        for value in 0..=255 {
            let (mut client, mut server) = (client.clone(), server.clone());
            *client.iter_mut().chain(&mut server).nth(at).unwrap() = value;
            if let Course::Open { client: asked, server: told } = course(&client, &server) {
                assert!(asked <= client.len() && told <= server.len(), "{at} {value}");
            }
        }
    }
}
