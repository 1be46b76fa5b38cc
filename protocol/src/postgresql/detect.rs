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
    match message::requests(bytes) {
        // A long text that is cut by the capture is as good as a whole one.
        Some(0) if bytes.len() < 256 => Evidence::NeedMore,
        Some(0) if !matches!(head.kind, b'Q' | b'P') => Evidence::NeedMore,
        Some(_) => Evidence::Certain,
        None => Evidence::No,
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
