//! Is this MySQL?

use super::handshake::{Greeting, Response};
use super::packet::{self, HEADER};
use super::reply;
use crate::detect::{Evidence, Opening};

/// From the start: the server's greeting is a signature, and so is the client's answer to it
/// (behind TLS, nothing comes before). In the middle: a command numbered 0 and an answer numbered
/// from 1, both of known kinds and of the lengths they claim.
pub(super) fn detect(opening: &Opening<'_>) -> Evidence {
    if opening.datagram {
        return Evidence::No;
    }
    if opening.server_from_start && !opening.server.is_empty() {
        return match greeting(opening.server) {
            Evidence::No if opening.client_from_start => handshake(opening),
            evidence => evidence,
        };
    }
    if opening.client_from_start {
        return match opening.client.is_empty() {
            true => Evidence::NeedMore,
            false => handshake(opening),
        };
    }
    match (command(opening.client), answer(opening.server)) {
        (Evidence::No, _) | (_, Evidence::No) => Evidence::No,
        (Evidence::Certain, Evidence::Certain) => Evidence::Certain,
        _ => Evidence::NeedMore,
    }
}

fn greeting(bytes: &[u8]) -> Evidence {
    let Some(head) = packet::head(bytes) else { return Evidence::NeedMore };
    if head.sequence != 0 || !(9..1024).contains(&head.length) {
        return Evidence::No;
    }
    let payload = bytes.get(HEADER..).unwrap_or_default();
    match payload.first() {
        None => Evidence::NeedMore,
        Some(10) if payload.len() < head.length as usize => {
            let text = payload.get(1..).unwrap_or_default();
            let version = text.split(|&byte| byte == 0).next().unwrap_or_default();
            let plausible = version.iter().all(|byte| (b' '..=b'~').contains(byte));
            if plausible { Evidence::NeedMore } else { Evidence::No }
        }
        Some(10) if payload.len() == head.length as usize => match Greeting::read(payload) {
            Some(_) => Evidence::Certain,
            None => Evidence::No,
        },
        // An error instead of the greeting. Its text is all that follows the number.
        Some(0xff) if payload.len() == head.length as usize => {
            let text = payload.get(3..).unwrap_or_default();
            let plain = text.iter().all(|byte| (b' '..=b'~').contains(byte));
            let known = matches!(reply::failure(payload), reply::Failure::Error(error)
                if error.number.is_some_and(|number| (1000..5000).contains(&number)));
            if plain && known { Evidence::Likely } else { Evidence::No }
        }
        _ => Evidence::No,
    }
}

/// Plaintext behind TLS: the client's answer to a greeting that was said before.
fn handshake(opening: &Opening<'_>) -> Evidence {
    let Some(head) = packet::head(opening.client) else { return Evidence::NeedMore };
    if !matches!(head.sequence, 1 | 2) || !(33..1 << 16).contains(&head.length) {
        return Evidence::No;
    }
    match packet::whole(opening.client) {
        Some((head, payload, _)) if Response::is_certain(head, payload) => Evidence::Certain,
        Some(_) => Evidence::No,
        None => Evidence::NeedMore,
    }
}

fn command(bytes: &[u8]) -> Evidence {
    let Some(head) = packet::head(bytes) else { return Evidence::NeedMore };
    let Some((head, payload, rest)) = packet::whole(bytes) else {
        let payload = bytes.get(HEADER..).unwrap_or_default();
        return match packet::is_command(head, payload) {
            // A long text that is cut by the capture is as good as a whole one.
            true if payload.len() >= 256 => Evidence::Certain,
            true => Evidence::NeedMore,
            false if payload.is_empty() && head.sequence == 0 => Evidence::NeedMore,
            false => Evidence::No,
        };
    };
    if !packet::is_command(head, payload) {
        return Evidence::No;
    }
    let follows = rest.is_empty() || packet::head(rest).is_none_or(|next| next.sequence == 0);
    if follows { Evidence::Certain } else { Evidence::No }
}

fn answer(bytes: &[u8]) -> Evidence {
    let Some(head) = packet::head(bytes) else { return Evidence::NeedMore };
    let payload = bytes.get(HEADER..head.total().min(bytes.len())).unwrap_or_default();
    if head.sequence != 1 {
        return Evidence::No;
    }
    if payload.is_empty() {
        return Evidence::NeedMore;
    }
    let fits = reply::begins(payload, head.length) && numbered(bytes);
    match bytes.len() >= head.total() {
        true if fits => Evidence::Certain,
        false if fits => Evidence::NeedMore,
        _ => Evidence::No,
    }
}

/// Whether the packets of a chain are numbered one after the other. (A pipelining client gets
/// several answers, each numbered from 1.)
fn numbered(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    let mut before = 0u8;
    while let Some(head) = packet::head(rest) {
        if head.sequence != before.wrapping_add(1) && head.sequence != 1 {
            return false;
        }
        before = head.sequence;
        let Some(after) = rest.get(head.total()..) else { break };
        rest = after;
    }
    true
}
