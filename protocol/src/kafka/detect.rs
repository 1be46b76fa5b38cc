//! Whether a connection speaks Kafka.
//!
//! Evidence: the client's bytes are a request whose API key, version and client id are plausible,
//! and the server answers one of the client's requests by its correlation id. Either alone is not
//! enough, since both are short binary patterns. Where zeros alone would make a request (Produce, version
//! 0), its body has to make sense as well.

use super::Api;
use super::head::{self, RequestHead};
use super::wire::{Cursor, Read, Stop};
use crate::detect::{Evidence, Opening};

/// How many messages of each side are compared.
const MESSAGES: usize = 16;

/// Judges an opening.
pub(super) fn detect(opening: &Opening<'_>) -> Evidence {
    if opening.datagram {
        return Evidence::No;
    }
    let (asked, client) = requests(opening.client);
    let (answered, server) = responses(opening.server);
    if client == Fit::No || server == Fit::No {
        return Evidence::No;
    }
    if asked.iter().any(|id| answered.contains(id)) {
        return Evidence::Certain;
    }
    let is_contradicted = !asked.is_empty()
        && !answered.is_empty()
        && opening.client_from_start
        && opening.server_from_start;
    if is_contradicted { Evidence::No } else { Evidence::NeedMore }
}

#[derive(PartialEq, Eq)]
enum Fit {
    SoFar,
    No,
}

/// The correlation ids of the requests at the start of `bytes`.
fn requests(mut bytes: &[u8]) -> (Vec<i32>, Fit) {
    let mut ids = Vec::new();
    while !bytes.is_empty() && ids.len() < MESSAGES {
        match RequestHead::read(bytes) {
            Ok(head) if head.is_known() && has_topics(&head, bytes) => {
                ids.push(head.correlation);
                bytes = behind(bytes, head.length);
            }
            Err(Stop::More) => break,
            Ok(_) | Err(Stop::Bad) => return (ids, Fit::No),
        }
    }
    (ids, Fit::SoFar)
}

/// Whether a Produce asks for acknowledgements as it must, and has topics, as far as it is here.
/// ZooKeeper's request to connect has none.
fn has_topics(head: &RequestHead<'_>, bytes: &[u8]) -> bool {
    if head.api != Api::PRODUCE || head.api.is_flexible(head.version) {
        return true;
    }
    let read = |fields: &mut Cursor<'_>| -> Read<bool> {
        if head.version >= 3 {
            fields.string(false)?;
        }
        let acknowledgements = fields.int16()?;
        fields.int32()?;
        Ok((-1..=1).contains(&acknowledgements) && fields.int32()? > 0)
    };
    let mut fields = Cursor::new(bytes.get(head.taken..).unwrap_or_default());
    read(&mut fields).unwrap_or(true)
}

/// The correlation ids of the responses at the start of `bytes`.
fn responses(mut bytes: &[u8]) -> (Vec<i32>, Fit) {
    let mut ids = Vec::new();
    while !bytes.is_empty() && ids.len() < MESSAGES {
        match head::response(bytes) {
            Ok((length, correlation)) if correlation >= 0 => {
                ids.push(correlation);
                bytes = behind(bytes, length);
            }
            Err(Stop::More) => break,
            Ok(_) | Err(Stop::Bad) => return (ids, Fit::No),
        }
    }
    (ids, Fit::SoFar)
}

/// What follows a message; nothing if it is not whole.
fn behind(bytes: &[u8], length: u64) -> &[u8] {
    usize::try_from(length).ok().and_then(|length| bytes.get(length..)).unwrap_or_default()
}
