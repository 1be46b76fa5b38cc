//! Messages: a type byte, a length that counts itself, a body.
//!
//! <https://www.postgresql.org/docs/current/protocol-message-formats.html>

use super::{ServerError, Severity, SqlState};

/// Type byte and length.
pub(super) const HEADER: usize = 5;

/// The longest message that is believed, in bytes: PostgreSQL's own limit of an allocation.
const LENGTH_LIMIT: u32 = 0x3fff_ffff;

/// Protocol 3.0 (and 3.x, whose minor number is in the low half).
const VERSION_3: u32 = 3 << 16;
const CANCEL_REQUEST: u32 = 80_877_102;
const SSL_REQUEST: u32 = 80_877_103;
const GSSENC_REQUEST: u32 = 80_877_104;

/// The longest start-up packet, by the server's own limit.
const STARTUP_LIMIT: u32 = 10_000;

/// Type and length of a message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    pub(super) kind: u8,
    /// Bytes of the whole message, type byte included.
    pub(super) total: u64,
}

/// The head of the message at the front; `None` if it is not complete.
pub(super) fn head(bytes: &[u8]) -> Option<Head> {
    let (&kind, rest) = bytes.split_first()?;
    Some(Head { kind, total: u64::from(u32_at(rest, 0)?) + 1 })
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_be_bytes(bytes.try_into().ok()?))
}

/// A text that ends with a zero byte, and what follows.
pub(super) fn cstring(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|&byte| byte == 0)?;
    Some((bytes.get(..end)?, bytes.get(end + 1..)?))
}

/// Whether a client can send such a message.
pub(super) fn is_client(head: Head) -> bool {
    let length = head.total - 1;
    match head.kind {
        b'S' | b'H' | b'X' | b'c' => length == 4,
        b'Q' | b'f' => (5..=u64::from(LENGTH_LIMIT)).contains(&length),
        b'E' => (9..1024).contains(&length),
        b'D' | b'C' => (6..1024).contains(&length),
        b'P' => (8..=u64::from(LENGTH_LIMIT)).contains(&length),
        b'B' => (12..=u64::from(LENGTH_LIMIT)).contains(&length),
        b'F' => (14..=u64::from(LENGTH_LIMIT)).contains(&length),
        b'd' => (4..=u64::from(LENGTH_LIMIT)).contains(&length),
        b'p' => (4..65_536).contains(&length),
        _ => false,
    }
}

/// Whether a server can send such a message.
pub(super) fn is_server(head: Head) -> bool {
    let length = head.total - 1;
    match head.kind {
        b'1' | b'2' | b'3' | b'n' | b's' | b'I' | b'c' => length == 4,
        b'Z' => length == 5,
        b'K' => (12..=264).contains(&length),
        b'R' => (8..65_536).contains(&length),
        b'S' => (6..65_536).contains(&length),
        b'C' => (6..256).contains(&length),
        b'A' => (10..65_536).contains(&length),
        b'T' | b't' => (6..16 * 1024 * 1024).contains(&length),
        b'G' | b'H' | b'W' => (7..65_536).contains(&length),
        b'D' => (6..=u64::from(LENGTH_LIMIT)).contains(&length),
        b'V' => (8..=u64::from(LENGTH_LIMIT)).contains(&length),
        b'E' | b'N' | b'd' => (4..=u64::from(LENGTH_LIMIT)).contains(&length),
        b'v' => (12..65_536).contains(&length),
        _ => false,
    }
}

/// Whether `bytes` is a chain of whole messages, of which the last may be cut. Returns how many
/// were whole; `None` if it is no such chain.
pub(super) fn chain(bytes: &[u8], is_valid: fn(Head) -> bool) -> Option<usize> {
    let mut rest = bytes;
    let mut whole = 0;
    while !rest.is_empty() {
        let Some(head) = head(rest) else {
            // A cut head: at least its type has to be one.
            return Some(whole);
        };
        if !is_valid(head) {
            return None;
        }
        match usize::try_from(head.total).ok().and_then(|total| rest.get(total..)) {
            Some(after) => rest = after,
            None => return Some(whole),
        }
        whole += 1;
    }
    Some(whole)
}

/// Whether `bytes` start with requests of the query phase: a chain of messages of which each whole
/// one is built as its type demands, and the first one begins something. Returns how many were
/// whole; a cut first one counts if what is there of it fits.
pub(super) fn requests(bytes: &[u8]) -> Option<usize> {
    let mut whole = 0;
    let mut rest = bytes;
    while let Some(head) = head(rest) {
        let begins = matches!(head.kind, b'Q' | b'P' | b'B' | b'E' | b'D' | b'C');
        if !is_client(head) || (whole == 0 && !begins) {
            return None;
        }
        let total = usize::try_from(head.total).ok()?;
        let body = rest.get(HEADER..total.min(rest.len()))?;
        let cut = total > rest.len();
        if !is_built(head.kind, body, cut) {
            return None;
        }
        if cut {
            break;
        }
        rest = rest.get(total..)?;
        whole += 1;
    }
    Some(whole)
}

/// Whether the body of a client's message has the parts that its type demands.
fn is_built(kind: u8, body: &[u8], cut: bool) -> bool {
    let text = |bytes: &[u8]| bytes.iter().all(|&byte| byte >= b' ' || (9..=13).contains(&byte));
    match (kind, cstring(body)) {
        (b'Q' | b'P', None) => cut && text(body),
        (b'Q', Some((query, rest))) => text(query) && rest.is_empty(),
        (b'P', Some((name, rest))) => match cstring(rest) {
            None => cut && text(name) && text(rest),
            Some((query, types)) => {
                let count = types.get(..2).map_or(0, |count| {
                    usize::from(u16::from_be_bytes(count.try_into().unwrap_or_default()))
                });
                text(name) && text(query) && (cut || types.len() == 2 + 4 * count)
            }
        },
        (b'B', Some((portal, rest))) => match cstring(rest) {
            None => cut && text(portal) && text(rest),
            Some((name, rest)) => text(portal) && text(name) && (cut || rest.len() >= 6),
        },
        (b'E', Some((portal, rest))) => text(portal) && (cut || rest.len() == 4),
        (b'C' | b'D', _) => match body.split_first() {
            Some((b'S' | b'P', name)) => match cstring(name) {
                Some((name, rest)) => text(name) && rest.is_empty(),
                None => cut && text(name),
            },
            Some(_) => false,
            None => cut,
        },
        (b'B' | b'E', None) => cut && text(body),
        _ => true,
    }
}

/// Whether `bytes` end with a whole ReadyForQuery.
pub(super) fn ends_ready(bytes: &[u8]) -> bool {
    let end = bytes.len().checked_sub(6).and_then(|at| bytes.get(at..));
    matches!(end, Some([b'Z', 0, 0, 0, 5, b'I' | b'T' | b'E']))
}

/// What a connection starts with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opening<'a> {
    /// The start-up packet, with its parameters.
    Startup { parameters: &'a [u8] },
    /// "May I speak TLS?", answered by one byte.
    Ssl,
    /// "May I speak GSSAPI?", answered by one byte.
    Gss,
    /// A request to cancel, after which the connection is closed.
    Cancel,
}

/// The opening packet and its length. `Ok(None)`: wait for more. `Err`: it is none.
pub(super) fn opening(bytes: &[u8]) -> Result<Option<(Opening<'_>, usize)>, ()> {
    let Some(length) = u32_at(bytes, 0) else {
        return if bytes.first().is_none_or(|&byte| byte == 0) { Ok(None) } else { Err(()) };
    };
    if !(8..=STARTUP_LIMIT).contains(&length) {
        return Err(());
    }
    let Some(code) = u32_at(bytes, 4) else { return Ok(None) };
    let total = length as usize;
    match code {
        SSL_REQUEST if length == 8 => Ok(Some((Opening::Ssl, total))),
        GSSENC_REQUEST if length == 8 => Ok(Some((Opening::Gss, total))),
        CANCEL_REQUEST if (16..=268).contains(&length) => {
            Ok((bytes.len() >= total).then_some((Opening::Cancel, total)))
        }
        code if code & 0xffff_0000 == VERSION_3 => {
            let Some(parameters) = bytes.get(8..total) else { return Ok(None) };
            if parameter(parameters, b"user").is_none() || parameters.last() != Some(&0) {
                return Err(());
            }
            Ok(Some((Opening::Startup { parameters }, total)))
        }
        _ => Err(()),
    }
}

/// The value of a start-up parameter.
pub(super) fn parameter<'a>(mut parameters: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    loop {
        let (key, rest) = cstring(parameters)?;
        if key.is_empty() {
            return None;
        }
        let (value, rest) = cstring(rest)?;
        if key == name {
            return Some(value);
        }
        parameters = rest;
    }
}

/// What an ErrorResponse or a NoticeResponse says.
pub(super) struct Report {
    pub(super) error: ServerError,
    /// A NoticeResponse of severity WARNING.
    pub(super) warning: bool,
}

/// Reads the fields of an ErrorResponse or NoticeResponse, as far as they are there. The severity is
/// the one that is never translated (`V`), which servers before 9.6 do not send.
pub(super) fn report(mut fields: &[u8]) -> Report {
    let mut code = None;
    let mut severity: &[u8] = b"";
    while let Some((&kind, rest)) = fields.split_first() {
        if kind == 0 {
            break;
        }
        let Some((value, rest)) = cstring(rest) else { break };
        match kind {
            b'C' => code = SqlState::parse(value),
            b'V' => severity = value,
            b'S' if severity.is_empty() => severity = value,
            _ => {}
        }
        fields = rest;
    }
    let warning = severity == b"WARNING";
    let severity = match severity {
        b"FATAL" => Severity::Fatal,
        b"PANIC" => Severity::Panic,
        _ => Severity::Error,
    };
    Report { error: ServerError { code, severity }, warning }
}

/// The verb and the last number of a CommandComplete tag (`SELECT 5`, `INSERT 0 1`).
pub(super) fn tag(body: &[u8]) -> (&[u8], Option<u64>) {
    let tag = cstring(body).map_or(body, |(tag, _)| tag);
    let mut words = tag.split(|&byte| byte == b' ');
    let verb = words.next().unwrap_or_default();
    let count = words
        .next_back()
        .and_then(|count| std::str::from_utf8(count).ok())
        .and_then(|count| count.parse().ok());
    (verb, count)
}
