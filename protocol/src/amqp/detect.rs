//! Whether a connection speaks AMQP 0-9-1.
//!
//! Evidence: the client's protocol header at the connection's start, answered by connection.start;
//! or, in the middle of a connection, whole frames from both sides, each with its end octet and at
//! least one with a method that its side sends. A consumer without acks may say nothing for a long
//! time: there a chain of frames from the server alone makes it likely.

use super::method::Method;
use super::wire::{FRAME_END, FRAME_HEAD, FrameHead, FrameType, Stop};
use crate::chunk::Side;
use crate::detect::{Evidence, Opening};

/// What a client says first (AMQP 0-9-1, 4.2.2).
pub(super) const PROTOCOL_HEADER: &[u8; 8] = b"AMQP\0\0\x09\x01";

/// Judges an opening.
pub(super) fn detect(opening: &Opening<'_>) -> Evidence {
    if opening.datagram {
        return Evidence::No;
    }
    let mut client = opening.client;
    if opening.client_from_start {
        let n = client.len().min(PROTOCOL_HEADER.len());
        if client.get(..n) != PROTOCOL_HEADER.get(..n) {
            return Evidence::No;
        }
        client = client.get(n..).unwrap_or_default();
        if n == PROTOCOL_HEADER.len() && opening.server.is_empty() {
            return Evidence::Certain;
        }
    }
    match (frames(client, Side::Client), frames(opening.server, Side::Server)) {
        (Frames::No, _) | (_, Frames::No) => Evidence::No,
        (_, Frames::Some | Frames::Chain)
            if opening.client_from_start && !opening.client.is_empty() =>
        {
            Evidence::Certain
        }
        (Frames::Some | Frames::Chain, Frames::Some | Frames::Chain) => Evidence::Certain,
        (Frames::Chain, _) | (_, Frames::Chain) => Evidence::Likely,
        _ => Evidence::NeedMore,
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Frames {
    /// These bytes are no frames.
    No,
    /// Nothing contradicts.
    Perhaps,
    /// Whole frames, with a method among them.
    Some,
    /// At least [`CHAIN`] of them.
    Chain,
}

/// How many frames in a row are found by chance nowhere: a method with content has three.
const CHAIN: usize = 3;

fn frames(mut bytes: &[u8], side: Side) -> Frames {
    let mut has_method = false;
    for count in 0.. {
        let found = match count {
            _ if !has_method => Frames::Perhaps,
            0..CHAIN => Frames::Some,
            CHAIN.. => Frames::Chain,
        };
        let head = match FrameHead::read(bytes) {
            Ok(head) => head,
            Err(Stop::More) => return found,
            Err(Stop::Bad) => return Frames::No,
        };
        let end = FRAME_HEAD.saturating_add(head.size as usize);
        let payload = bytes.get(FRAME_HEAD..end);
        match (head.kind, payload, bytes.get(end)) {
            (_, _, Some(&last)) if last != FRAME_END => return Frames::No,
            (FrameType::Method, Some(payload), Some(_)) => {
                if Method::read(payload, side).is_none() {
                    return Frames::No;
                }
                has_method = true;
            }
            (_, _, Some(_)) => {}
            (_, _, None) => return found,
        }
        bytes = bytes.get(end + 1..).unwrap_or_default();
    }
    Frames::Perhaps
}
