use super::detect;
use crate::detect::{Evidence, Opening};

/// The beginning of RFC 8448's ClientHello and ServerHello (§3).
const CLIENT_HELLO: &[u8] =
    b"\x16\x03\x01\x00\xc4\x01\x00\x00\xc0\x03\x03\xcb\x34\xec\xb1\xe7\x81\x63";
const SERVER_HELLO: &[u8] =
    b"\x16\x03\x03\x00\x5a\x02\x00\x00\x56\x03\x03\xa6\xaf\x06\xa4\x12\x18\x60";

fn judge(client: &[u8], server: &[u8], from_start: bool) -> Evidence {
    detect(&Opening {
        client,
        server,
        client_from_start: from_start,
        server_from_start: from_start,
        ..Opening::default()
    })
}

#[test]
fn hellos() {
    assert_eq!(judge(CLIENT_HELLO, b"", true), Evidence::Certain);
    assert_eq!(judge(CLIENT_HELLO, SERVER_HELLO, true), Evidence::Certain);
    for cut in 1..10 {
        assert_eq!(judge(&CLIENT_HELLO[..cut], b"", true), Evidence::NeedMore, "{cut}");
    }
    // A hello refused by an alert.
    assert_eq!(judge(CLIENT_HELLO, b"\x15\x03\x03\x00\x02\x02\x28", true), Evidence::Certain);
    assert_eq!(judge(CLIENT_HELLO, b"HTTP/1.1 400 Bad Request\r\n", true), Evidence::No);
}

#[test]
fn records_in_the_middle() {
    let data = b"\x17\x03\x03\x00\x03abc\x17\x03\x03\x40\x00cut";
    assert_eq!(judge(data, data, false), Evidence::Certain);
    assert_eq!(judge(data, b"", false), Evidence::Likely);
    assert_eq!(judge(b"the middle of one", data, false), Evidence::Likely);
    assert_eq!(judge(data, b"", true), Evidence::No);
    assert_eq!(judge(b"\x17\x03\x03\xff\xff", b"", false), Evidence::NeedMore);
}

#[test]
fn other_protocols() {
    for junk in [
        &b"GET / HTTP/1.1\r\n"[..],
        b"\x16\x00\x00\x00\x03SELECT",
        b"\x00\x00\x00\x08\x04\xd2\x16\x2f",
        b"\x16\x03\x01\x00\xc4\x02\x00\x00\xc0\x03\x03",
        b"\x03\x00\x00\x13\x0e\xe0",
        b"SSH-2.0-",
    ] {
        assert_eq!(judge(junk, b"", true), Evidence::No, "{junk:?}");
    }
}
