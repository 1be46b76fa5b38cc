//! Is this HTTP/2?

use super::frame::{Header, Kind, PREFACE};
use super::seek::{self, End};
use crate::chunk::Side;
use crate::detect::{Evidence, Opening};

/// Bits of evidence that both sides of a running connection must give together.
const ENOUGH: u32 = 96;
/// The least that one side must give: a HEADERS and a DATA frame.
const LEAST: u32 = 36;

/// Judges an opening. The client's preface is a signature; a running connection is known by frames
/// on both sides that follow each other without a byte between, with the heads of requests on the
/// one and of responses on the other.
pub(super) fn detect(opening: &Opening<'_>) -> Evidence {
    if opening.datagram {
        return Evidence::No;
    }
    if let Some(rest) = opening.client.strip_prefix(PREFACE) {
        // §3.4: "This sequence MUST be followed by a SETTINGS frame". Twenty-four bytes say enough
        // if it has not come yet.
        return match Header::parse(rest) {
            Some(header) if header.kind != Kind::Settings || !header.is_valid(Side::Client) => {
                Evidence::No
            }
            _ => Evidence::Certain,
        };
    }
    if opening.client_from_start {
        let may_come = PREFACE.starts_with(opening.client);
        return if may_come && server_may_begin(opening) {
            Evidence::NeedMore
        } else {
            Evidence::No
        };
    }
    running(opening)
}

/// The server's preface, which may come first, is a SETTINGS frame too (§3.4).
fn server_may_begin(opening: &Opening<'_>) -> bool {
    match Header::parse(opening.server) {
        Some(header) if opening.server_from_start => {
            header.kind == Kind::Settings && header.is_valid(Side::Server)
        }
        _ => true,
    }
}

fn running(opening: &Opening<'_>) -> Evidence {
    let client = seek::chain(opening.client, 0, Side::Client);
    let server = seek::chain(opening.server, 0, Side::Server);
    if client.end == End::Broken && !opening.client.is_empty()
        || server.end == End::Broken && !opening.server.is_empty()
    {
        return Evidence::No;
    }
    // Other frames are the same in both directions: which is which would be a guess.
    let tells_sides = client.tells_side || server.tells_side;
    if client.bits + server.bits >= ENOUGH && client.bits.min(server.bits) >= LEAST && tells_sides {
        return Evidence::Certain;
    }
    Evidence::NeedMore
}

#[cfg(test)]
mod tests {
    use super::detect;
    use crate::detect::{Evidence, Opening};

    fn opening<'a>(client: &'a [u8], server: &'a [u8], from_start: bool) -> Opening<'a> {
        Opening {
            client,
            server,
            client_from_start: from_start,
            server_from_start: from_start,
            datagram: false,
        }
    }

    #[test]
    fn the_preface_is_enough() {
        let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
        for length in 0..24 {
            assert_eq!(detect(&opening(&preface[..length], b"", true)), Evidence::NeedMore);
        }
        assert_eq!(detect(&opening(&preface[..24], b"", true)), Evidence::Certain);
        assert_eq!(detect(&opening(preface, b"", true)), Evidence::Certain);
        assert_eq!(detect(&opening(preface, b"", false)), Evidence::Certain);
    }

    #[test]
    fn the_server_may_speak_first() {
        let settings = b"\0\0\0\x04\0\0\0\0\0";
        assert_eq!(detect(&opening(b"", settings, true)), Evidence::NeedMore);
        assert_eq!(detect(&opening(b"", b"SSH-2.0-OpenSSH_9.2", true)), Evidence::No);
    }

    #[test]
    fn http_1_is_not_http_2() {
        assert_eq!(detect(&opening(b"PUT / HTTP/1.1\r\n", b"", true)), Evidence::No);
        assert_eq!(detect(&opening(b"GET / HTTP/1.1\r\n", b"", false)), Evidence::No);
    }

    /// HEADERS (`:method: POST`, …) and DATA; answered by HEADERS, DATA, and trailers.
    #[test]
    fn a_running_connection_is_known_by_both_sides() {
        let client = b"\0\0\x02\x01\x04\0\0\0\x05\x83\xbe\0\0\x05\0\x01\0\0\0\x05\0\0\0\0\0";
        let server = b"\0\0\x01\x01\x04\0\0\0\x05\x88\0\0\x05\0\0\0\0\0\x05\0\0\0\0\0\
                       \0\0\x01\x01\x05\0\0\0\x05\xbe";
        assert_eq!(detect(&opening(client, server, false)), Evidence::Certain);
        assert_eq!(detect(&opening(client, b"", false)), Evidence::NeedMore);
        // The first request of gRPC's C-core: `:path` with a literal name.
        let first =
            b"\0\0\x0b\x01\x04\0\0\0\x01\x40\x05:path\x03/ab\0\0\x05\0\x01\0\0\0\x01\0\0\0\0\0";
        assert_eq!(detect(&opening(first, server, false)), Evidence::Certain);
        assert_eq!(detect(&opening(server, first, false)), Evidence::No);
        // PING and WINDOW_UPDATE, which either side may send.
        let ping = b"\0\0\x08\x06\0\0\0\0\0pingpong\0\0\x04\x08\0\0\0\0\0\0\0\0\x01";
        let pong = b"\0\0\x08\x06\x01\0\0\0\0pingpong\0\0\x04\x08\0\0\0\0\0\0\0\0\x01";
        assert_eq!(detect(&opening(ping, pong, false)), Evidence::NeedMore);
        assert_eq!(detect(&opening(&[&ping[..], client].concat(), pong, false)), Evidence::Certain);
        assert_eq!(detect(&opening(pong, &[&ping[..], client].concat(), false)), Evidence::No);
        assert_eq!(detect(&opening(server, client, false)), Evidence::No);
    }
}
