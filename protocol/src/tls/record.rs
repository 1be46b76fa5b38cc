//! Record headers: content type, version, length (RFC 8446 §5.1).

use crate::chunk::Side;

/// The longest record on the wire, in bytes: 2^14 and what encryption may add before TLS 1.3
/// (RFC 5246 §6.2.3).
const LONGEST: usize = (1 << 14) + 2048;
/// Bytes of a record's header.
const HEADER: usize = 5;

/// How well bytes fit TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    /// They are not TLS.
    No,
    /// Too few, or from the middle of a record.
    Unknown,
    /// They are records, as far as they go.
    Records,
    /// They start with a `ClientHello` or `ServerHello`.
    Hello,
}

/// Judges one side's bytes.
pub(super) fn fit(bytes: &[u8], side: Side, from_start: bool) -> Fit {
    if bytes.is_empty() {
        return Fit::Unknown;
    }
    if let Some(is_hello) = hello(bytes, side) {
        return if is_hello { Fit::Hello } else { Fit::Unknown };
    }
    let records = records(bytes);
    match from_start {
        // A connection starts with a hello, or with the server's alert.
        true if records != Fit::Records || bytes[0] != ALERT || side == Side::Client => Fit::No,
        false if records == Fit::No => Fit::Unknown,
        _ => records,
    }
}

const CHANGE_CIPHER_SPEC: u8 = 20;
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;

/// Whether a handshake record with a hello of this side comes first; `None` if it cannot be.
/// `Some(false)` while it could.
fn hello(bytes: &[u8], side: Side) -> Option<bool> {
    let kind = if side == Side::Client { 1 } else { 2 };
    // Record: type, version, length; handshake: kind, length; hello: version.
    let fits: [fn(u8, u8) -> bool; 11] = [
        |byte, _| byte == HANDSHAKE,
        |byte, _| byte == 3,
        |byte, _| byte <= 4,
        |byte, _| usize::from(byte) << 8 <= LONGEST,
        |_, _| true,
        |byte, kind| byte == kind,
        |byte, _| byte <= 1,
        |_, _| true,
        |_, _| true,
        |byte, _| byte == 3,
        |byte, _| byte <= 4,
    ];
    let seen = bytes.iter().zip(fits);
    seen.clone().all(|(&byte, fits)| fits(byte, kind)).then(|| seen.len() == 11)
}

/// Follows the headers of records as far as the bytes reach.
fn records(mut bytes: &[u8]) -> Fit {
    let mut found = Fit::Unknown;
    while let [kind, major, minor, high, low, rest @ ..] = bytes {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let fits = (CHANGE_CIPHER_SPEC..=APPLICATION_DATA).contains(kind)
            && *major == 3
            && (1..=4).contains(minor)
            && (1..=LONGEST).contains(&length);
        if !fits {
            return Fit::No;
        }
        found = Fit::Records;
        bytes = rest.get(length..).unwrap_or_default();
    }
    debug_assert!(bytes.len() < HEADER);
    found
}
