//! Is this HTTP/2?

use super::frame::{HEADER, Header, Kind, PREFACE};
use super::seek::{self, Chain, End};
use crate::chunk::Side;
use crate::detect::{Evidence, Opening};

/// Bits of evidence that both sides of a running connection must give together.
const ENOUGH: u32 = 96;
/// The least that one side must give: a HEADERS and a DATA frame.
const LEAST: u32 = 36;

/// Frames in a row of a side that may begin anywhere, and bits of evidence in them: three DATA frames of
/// the usual size, of 24 bits each.
const RUN: (u32, u32) = (3, 64);

/// The greatest frame that needs no leave by settings, with its header (RFC 9113 §4.2). Bytes.
const USUAL: usize = HEADER + 16_384;

/// Judges an opening. The client's preface is a signature; a running connection is known by frames
/// on both sides that follow each other without a byte between, with the heads of requests on the
/// one and of responses on the other. Where it is known which side is which, heads are not needed, and
/// one of the sides may begin within a frame: that of a transfer which fills the connection.
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
    let is_broken = |chain: &Chain, bytes: &[u8]| chain.end == End::Broken && !bytes.is_empty();
    match (is_broken(&client, opening.client), is_broken(&server, opening.server)) {
        (false, false) => {}
        (false, true) if opening.sides_known => {
            return transfer(&client, opening.server, Side::Server);
        }
        (true, false) if opening.sides_known => {
            return transfer(&server, opening.client, Side::Client);
        }
        _ => return Evidence::No,
    }
    // Other frames are the same in both directions: which is which would be a guess.
    let tells_sides = client.tells_side || server.tells_side || opening.sides_known;
    if client.bits + server.bits >= ENOUGH && client.bits.min(server.bits) >= LEAST && tells_sides {
        return Evidence::Certain;
    }
    Evidence::NeedMore
}

/// A side that is busy with bodies, and was met within one; the other one only lets them pass.
fn transfer(quiet: &Chain, busy: &[u8], side: Side) -> Evidence {
    if quiet.frames == 0 || quiet.bits < LEAST {
        return Evidence::No;
    }
    let is_run = |start| {
        let chain = seek::chain(busy.get(start..).unwrap_or_default(), 0, side);
        chain.end != End::Broken && chain.frames >= RUN.0 && chain.bits >= RUN.1
    };
    // It begins behind the frame in which the side was met.
    if (0..busy.len().min(USUAL)).any(is_run) { Evidence::Certain } else { Evidence::NeedMore }
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
            ..Opening::default()
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

    /// §6.1, §6.9: bodies one way, which began before, and windows the other.
    #[test]
    fn a_transfer_is_known_where_the_sides_are() {
        let frame = [&b"\0\x40\0\0\0\0\0\0\x01"[..], &[b'z'; 16_384]].concat();
        let bodies = &frame.repeat(4)[5_000..];
        let windows = b"\0\0\x04\x08\0\0\0\0\x01\0\x01\0\0";
        let known =
            |client, server| Opening { sides_known: true, ..opening(client, server, false) };
        assert_eq!(detect(&known(windows, bodies)), Evidence::Certain);
        assert_eq!(detect(&known(bodies, windows)), Evidence::Certain);
        assert_eq!(detect(&opening(windows, bodies, false)), Evidence::No);
        // Two headers could be anybody's.
        let short = &bodies[..2 * frame.len()];
        assert_eq!(detect(&known(windows, short)), Evidence::NeedMore);
        assert_eq!(detect(&known(b"", bodies)), Evidence::No);
        assert_eq!(detect(&known(&[b'z'; 30], bodies)), Evidence::No);
        // A window that grows by nothing, or a frame of another length than it must have.
        assert_eq!(detect(&known(b"\0\0\x04\x08\0\0\0\0\x01\0\0\0\0", bodies)), Evidence::No);
        assert_eq!(detect(&known(b"\0\0\x05\x08\0\0\0\0\x01\0\0\0\x01z", bodies)), Evidence::No);
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
