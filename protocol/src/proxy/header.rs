//! The header itself (The PROXY protocol, versions 1 and 2, sections 2.1 and 2.2:
//! <https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt>).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The longest header of version 1, its line's end included, in bytes.
const LINE_LIMIT: usize = 107;
/// What version 2 begins with.
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
/// Signature, version and command, family and protocol, length.
const FIXED: usize = 16;

/// What the first bytes of a connection are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Header {
    /// Something else.
    Alien,
    /// The beginning of a header; whether anything else could begin so.
    More {
        /// Nothing else could.
        certain: bool,
    },
    /// A header.
    Whole {
        /// Its bytes.
        length: usize,
        /// Who opened the connection to the proxy, unless the proxy speaks for itself or does not tell.
        client: Option<IpAddr>,
    },
}

/// Reads the first bytes of a connection.
pub(super) fn header(bytes: &[u8]) -> Header {
    match bytes.first() {
        None => Header::More { certain: false },
        Some(b'P') => line(bytes),
        Some(b'\r') => binary(bytes),
        Some(_) => Header::Alien,
    }
}

/// `PROXY TCP4 192.0.2.1 198.51.100.2 56324 443` and a line's end. Behind `UNKNOWN` may stand anything.
fn line(bytes: &[u8]) -> Header {
    const START: &[u8] = b"PROXY ";
    let begun = bytes.len().min(START.len());
    if bytes[..begun] != START[..begun] {
        return Header::Alien;
    }
    let seen = &bytes[..bytes.len().min(LINE_LIMIT)];
    let Some(end) = seen.windows(2).position(|pair| pair == b"\r\n") else {
        // `PROXY` could be a word of a protocol with lines.
        return if seen.len() < LINE_LIMIT {
            Header::More { certain: false }
        } else {
            Header::Alien
        };
    };
    let Ok(line) = std::str::from_utf8(&seen[..end]) else { return Header::Alien };
    let mut words = line.split(' ').skip(1);
    let client = match words.next() {
        Some("UNKNOWN") => None,
        Some(family @ ("TCP4" | "TCP6")) => match addresses(family, words) {
            Some(client) => Some(client),
            None => return Header::Alien,
        },
        _ => return Header::Alien,
    };
    Header::Whole { length: end + 2, client }
}

/// Source, destination, and their ports; nothing behind them.
fn addresses<'a>(family: &str, mut words: impl Iterator<Item = &'a str>) -> Option<IpAddr> {
    let mut address =
        || words.next()?.parse::<IpAddr>().ok().filter(|it| it.is_ipv4() == (family == "TCP4"));
    let (client, _server) = (address()?, address()?);
    let mut port = || words.next()?.parse::<u16>().ok();
    port()?;
    port()?;
    words.next().is_none().then_some(client)
}

/// Version 2. Its length counts what is behind the fixed part: addresses, and fields of any kind.
fn binary(bytes: &[u8]) -> Header {
    let begun = bytes.len().min(SIGNATURE.len());
    if bytes[..begun] != SIGNATURE[..begun] {
        return Header::Alien;
    }
    let certain = begun == SIGNATURE.len();
    let Some(&[command, family, high, low]) = bytes.get(SIGNATURE.len()..FIXED) else {
        return Header::More { certain };
    };
    // Version 2, LOCAL or PROXY.
    if !matches!(command, 0x20 | 0x21) {
        return Header::Alien;
    }
    let length = FIXED + usize::from(u16::from_be_bytes([high, low]));
    let Some(rest) = bytes.get(FIXED..length) else { return Header::More { certain } };
    let client = match (command, family) {
        (0x21, 0x11) if rest.len() >= 12 => source(rest).map(|it| Ipv4Addr::from(it).into()),
        (0x21, 0x21) if rest.len() >= 36 => source(rest).map(|it| Ipv6Addr::from(it).into()),
        _ => None,
    };
    Header::Whole { length, client }
}

fn source<const LENGTH: usize>(rest: &[u8]) -> Option<[u8; LENGTH]> {
    rest.first_chunk().copied()
}
