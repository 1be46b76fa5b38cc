//! Is this PostgreSQL?

use super::message::{self, Opening as First};
use crate::detect::{Evidence, Opening};

/// From the start: the opening packet is a signature. In the middle: whole, consistent chains of
/// messages from both sides.
pub(super) fn detect(opening: &Opening<'_>) -> Evidence {
    if opening.datagram {
        return Evidence::No;
    }
    if opening.client_from_start {
        return match message::opening(opening.client) {
            Ok(Some((First::Startup { .. } | First::Ssl | First::Gss | First::Cancel, _))) => {
                Evidence::Certain
            }
            // A server that speaks first is none of PostgreSQL.
            Ok(None) if opening.client.is_empty() && !opening.server.is_empty() => Evidence::No,
            Ok(None) => Evidence::NeedMore,
            Err(()) => Evidence::No,
        };
    }
    match (client(opening.client), server(opening.server)) {
        (Evidence::No, _) => Evidence::No,
        (_, Evidence::No) if opening.server_from_start => Evidence::No,
        (Evidence::Certain, Evidence::Certain) => Evidence::Certain,
        (Evidence::Certain, Evidence::NeedMore) if opening.server.is_empty() => Evidence::NeedMore,
        // The first turn seen of the server may begin in the middle of a message.
        (Evidence::Certain, _) if message::ends_ready(opening.server) => Evidence::Certain,
        (_, Evidence::No) => Evidence::No,
        _ => Evidence::NeedMore,
    }
}

/// Whether the client's bytes are requests of the query phase.
fn client(bytes: &[u8]) -> Evidence {
    let Some(head) = message::head(bytes) else {
        return match bytes.first() {
            None | Some(b'Q' | b'P' | b'B' | b'E' | b'D' | b'C' | b'S') => Evidence::NeedMore,
            Some(_) => Evidence::No,
        };
    };
    let body = bytes.get(message::HEADER..).unwrap_or_default();
    let plausible = match head.kind {
        b'Q' => is_text(body),
        b'P' => message::cstring(body).is_none_or(|(name, text)| is_text(name) && is_text(text)),
        b'B' | b'E' | b'C' | b'D' => true,
        _ => false,
    };
    match message::chain(bytes, message::is_client) {
        Some(0) if plausible => Evidence::NeedMore,
        // A query that was cut by the capture is as good as a whole one.
        Some(_) if plausible => Evidence::Certain,
        _ => Evidence::No,
    }
}

/// Whether the server's bytes are an answer.
fn server(bytes: &[u8]) -> Evidence {
    let Some(head) = message::head(bytes) else { return Evidence::NeedMore };
    if !matches!(
        head.kind,
        b'1' | b'2' | b'3' | b't' | b'T' | b'n' | b'C' | b'I' | b'E' | b'N' | b'D'
    ) {
        return Evidence::No;
    }
    match message::chain(bytes, message::is_server) {
        Some(0) => Evidence::NeedMore,
        Some(_) => Evidence::Certain,
        None => Evidence::No,
    }
}

/// Text up to a zero byte, or to the end of what was seen.
fn is_text(bytes: &[u8]) -> bool {
    let text = message::cstring(bytes).map_or(bytes, |(text, _)| text);
    text.iter().all(|&byte| byte >= b' ' || matches!(byte, b'\t' | b'\n' | b'\r'))
}
