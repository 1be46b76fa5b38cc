//! Expectations are from The PROXY protocol, sections 2.1 and 2.2; its examples.

use std::net::IpAddr;

use super::header::{Header, header};
use super::{LONGEST, PROTOCOL};
use crate::chunk::{Chunk, Moment, Side};
use crate::detect::{Evidence, Opening};
use crate::dissector::{Handover, Output};

const LINE: &[u8] = b"PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n";
const SIGNATURE: &[u8] = b"\x0d\x0a\x0d\x0a\x00\x0d\x0a\x51\x55\x49\x54\x0a";

fn binary(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
    [SIGNATURE, &[command, family], &length, rest].concat()
}

fn client(bytes: &[u8]) -> Option<IpAddr> {
    match header(bytes) {
        Header::Whole { length, client } => {
            assert_eq!(length, bytes.len());
            client
        }
        other => panic!("{other:?}"),
    }
}

fn judge(client: &[u8], from_start: bool) -> Evidence {
    let opening = Opening {
        client,
        client_from_start: from_start,
        server_from_start: from_start,
        ..Opening::default()
    };
    (PROTOCOL.detect)(&opening)
}

#[test]
fn the_longest_lines() {
    assert_eq!(client(LINE), Some("255.255.255.255".parse().unwrap()));
    let v6 = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
    let line = format!("PROXY TCP6 {v6} {v6} 65535 65535\r\n");
    assert_eq!(client(line.as_bytes()), Some(v6.parse().unwrap()));
    let line = format!("PROXY UNKNOWN {v6} {v6} 65535 65535\r\n");
    assert_eq!(line.len(), 107);
    assert_eq!(client(line.as_bytes()), None);
    assert_eq!(client(b"PROXY UNKNOWN\r\n"), None);
}

#[test]
fn lines_that_are_none() {
    for line in [
        "PROXY TCP4 192.0.2.1 198.51.100.2 56324\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 56324 65536\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 1 2 3\r\n",
        "PROXY TCP4 ::1 ::1 1 2\r\n",
        "PROXY TCP6 192.0.2.1 198.51.100.2 1 2\r\n",
        "PROXY UDP4 192.0.2.1 198.51.100.2 1 2\r\n",
        "PROXY / HTTP/1.1\r\n",
        "PROXY  TCP4 192.0.2.1 198.51.100.2 1 2\r\n",
        "PROPFIND / HTTP/1.1\r\n",
        "POST / HTTP/1.1\r\n",
    ] {
        assert_eq!(header(line.as_bytes()), Header::Alien, "{line}");
    }
    let endless = [&b"PROXY UNKNOWN "[..], &[b'x'; 200]].concat();
    assert_eq!(header(&endless), Header::Alien);
}

#[test]
fn version_2() {
    let v4 = [&[192, 0, 2, 1], &[198, 51, 100, 2][..], &[0xdc, 4, 1, 0xbb]].concat();
    assert_eq!(client(&binary(0x21, 0x11, &v4)), Some("192.0.2.1".parse().unwrap()));
    // A field of type CRC32C (3), of four bytes, behind the addresses.
    let with_field = [&v4[..], b"\x03\x00\x04abcd"].concat();
    assert_eq!(client(&binary(0x21, 0x11, &with_field)), Some("192.0.2.1".parse().unwrap()));
    let v6 = [&[0x20, 1, 0xd, 0xb8][..], &[0; 11], &[1], &[0; 16], &[0; 4]].concat();
    assert_eq!(client(&binary(0x21, 0x21, &v6)), Some("2001:db8::1".parse().unwrap()));
    // Unix sockets, LOCAL (a health check of the proxy's), and fewer bytes than addresses take.
    assert_eq!(client(&binary(0x21, 0x31, &[b'x'; 216])), None);
    assert_eq!(client(&binary(0x20, 0x11, &v4)), None);
    assert_eq!(client(&binary(0x20, 0, &[])), None);
    assert_eq!(client(&binary(0x21, 0x11, &[1, 2, 3])), None);
    assert_eq!(header(&binary(0x11, 0x11, &v4)), Header::Alien);
    assert_eq!(header(&binary(0x22, 0x11, &v4)), Header::Alien);
}

#[test]
fn every_cut_of_a_header_waits_for_the_rest() {
    let v4 = [&[192, 0, 2, 1], &[198, 51, 100, 2][..], &[0xdc, 4, 1, 0xbb]].concat();
    for whole in [LINE.to_vec(), binary(0x21, 0x11, &v4)] {
        for cut in 0..whole.len() {
            let seen = header(&whole[..cut]);
            assert!(matches!(seen, Header::More { .. }), "{seen:?} of {cut} bytes");
        }
    }
}

#[test]
fn only_the_start_of_a_connection_has_one() {
    assert_eq!(judge(LINE, true), Evidence::Certain);
    assert_eq!(judge(LINE, false), Evidence::No);
    assert_eq!(judge(&LINE[..9], true), Evidence::NeedMore);
    assert_eq!(judge(&SIGNATURE[..4], true), Evidence::NeedMore);
    assert_eq!(judge(SIGNATURE, true), Evidence::Certain);
}

/// Feeds what the sides say in turns, from this position of the client's on.
fn hand_over(turns: &[(Side, &[u8])], from: u64) -> Output {
    let mut dissector = (PROTOCOL.dissector)(true);
    let mut positions = [from, 0];
    let mut out = Output::default();
    for &(side, bytes) in turns {
        assert_eq!(out.handover, None, "before {bytes:?}");
        let position = &mut positions[side as usize];
        let first = Moment { position: *position, ..Moment::default() };
        *position += bytes.len() as u64;
        dissector.feed(&Chunk::new(side, first, bytes), &mut out);
    }
    out
}

#[test]
fn what_follows_is_detected_behind_the_header() {
    let detect = |client| Some(Handover::Detect { client, server: 0 });
    let length = LINE.len() as u64;
    let with_request = [LINE, b"GET / HTTP/1.1\r\n\r\n"].concat();
    let out = hand_over(&[(Side::Client, &with_request)], 100);
    assert_eq!(out.handover, detect(100 + length));
    assert_eq!(out.client, Some("255.255.255.255".parse().unwrap()));
    let out = hand_over(&[(Side::Client, &LINE[..20]), (Side::Client, &LINE[20..])], 0);
    assert_eq!(out.handover, detect(length));
}

#[test]
fn who_speaks_before_the_header_is_over_waits_for_none() {
    let out = hand_over(&[(Side::Client, SIGNATURE), (Side::Server, b"220 hello\r\n")], 0);
    assert_eq!(out.handover, Some(Handover::NotMine));
}

#[test]
fn a_header_that_never_ends_is_given_up() {
    let start = [SIGNATURE, &[0x21, 0x11, 0xff, 0xff]].concat();
    let filler = vec![0; LONGEST];
    let out = hand_over(&[(Side::Client, &start), (Side::Client, &filler)], 0);
    assert_eq!(out.handover, Some(Handover::Opaque("proxy")));
}
