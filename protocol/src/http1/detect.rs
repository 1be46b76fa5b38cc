//! Whether a connection speaks HTTP/1.

use super::head::{Fit, leading_empty_lines, looks_like_request, looks_like_response};
use crate::detect::{Evidence, Opening};

/// A complete request line or status line that names `HTTP/1.` is a signature of its own. It must
/// not be contradicted by the other side. A side that is read from its middle may be in a body,
/// so it can only speak for HTTP, never against it.
pub(super) fn detect(opening: &Opening<'_>) -> Evidence {
    if opening.datagram {
        return Evidence::No;
    }
    let client = &opening.client[leading_empty_lines(opening.client)..];
    let client = judge(client, opening.client_from_start, looks_like_request);
    let server = judge(opening.server, opening.server_from_start, looks_like_response);
    match (client, server) {
        (Some(Fit::No), _) | (_, Some(Fit::No)) => Evidence::No,
        (Some(Fit::Yes), _) | (_, Some(Fit::Yes)) => Evidence::Certain,
        (None, None) if !opening.client.is_empty() && !opening.server.is_empty() => Evidence::No,
        _ => Evidence::NeedMore,
    }
}

/// `None` where the side says nothing.
fn judge(bytes: &[u8], from_start: bool, looks: fn(&[u8]) -> Fit) -> Option<Fit> {
    if bytes.is_empty() {
        return None;
    }
    match looks(bytes) {
        Fit::No if !from_start => None,
        fit => Some(fit),
    }
}
