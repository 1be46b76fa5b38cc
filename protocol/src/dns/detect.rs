//! Is it DNS?
//!
//! A query has few free bits: its flags, its counts and its only question must make sense to the
//! last byte. With a response of the same id and question it is certain. A query alone counts if
//! it asks for recursion, as stub resolvers do and multicast DNS and LLMNR do not. One with the id 0
//! that asks for none is multicast DNS (RFC 6762, sections 18.1 and 18.6), also where it is answered
//! directly.
//!
//! Of a datagram that is less strict than that (there are resolvers that set TC or Z, which servers
//! ignore, or add records) only a response with its id and question makes a query.

use crate::detect::{Evidence, Opening};

use super::code::RecordType;
use super::message::{Header, Malformed, Question};

/// The most additional records of a query: EDNS and a signature.
const ADDITIONAL_LIMIT: u16 = 2;

/// Judges an opening.
pub(super) fn detect(opening: &Opening<'_>) -> Evidence {
    let (client, server) = if opening.datagram {
        (opening.client, opening.server)
    } else {
        match (framed(opening.client), framed(opening.server)) {
            (Framed::Message(client), Framed::Message(server)) => (client, server),
            (Framed::Message(client), Framed::Partial) => (client, &[][..]),
            (Framed::Partial, _) => return Evidence::NeedMore,
            (Framed::No, _) | (_, Framed::No) => return Evidence::No,
        }
    };
    if client.is_empty() {
        return if is_response(server) { Evidence::NeedMore } else { Evidence::No };
    }
    let Ok((header, question)) = query(client) else {
        return if opening.datagram { loose(client, server) } else { Evidence::No };
    };
    if server.is_empty() {
        return match (header.wants_recursion(), opening.server.is_empty()) {
            (true, true) => Evidence::Likely,
            _ => Evidence::NeedMore,
        };
    }
    let Some(answer) = Header::parse(server).filter(|answer| answer.is_response()) else {
        return Evidence::No;
    };
    let same = match answer.counts[0] {
        0 => answer.id == header.id,
        _ => {
            answer.id == header.id
                && Question::parse(server).is_ok_and(|(asked, _)| asked.matches(&question))
        }
    };
    match same {
        true if is_link_local(header, &question, answer) => Evidence::No,
        true => Evidence::Certain,
        // Other queries may be in flight, and this the response to one of them.
        false if is_response(server) => Evidence::Likely,
        false => Evidence::No,
    }
}

/// Judges a datagram that is a query in its question alone.
fn loose(client: &[u8], server: &[u8]) -> Evidence {
    let asks = |header: &Header| {
        header.is_standard()
            && !header.is_response()
            && header.counts[0] == 1
            && !is_multicast(*header)
    };
    let Some(header) = Header::parse(client).filter(asks) else { return Evidence::No };
    let Ok((question, end)) = Question::parse(client) else { return Evidence::No };
    let is_whole = end == client.len() || header.counts[1..] != [0; 3];
    if !is_whole || !is_plausible(&question) {
        return Evidence::No;
    }
    if server.is_empty() {
        return Evidence::NeedMore;
    }
    let repeats = |answer: Header| {
        answer.is_response()
            && answer.is_standard()
            && (answer.id, answer.counts[0]) == (header.id, 1)
            && Question::parse(server).is_ok_and(|(asked, _)| asked.matches(&question))
    };
    if Header::parse(server).is_some_and(repeats) { Evidence::Certain } else { Evidence::No }
}

enum Framed<'a> {
    Message(&'a [u8]),
    Partial,
    No,
}

/// Takes the first message of a TCP stream (RFC 7766 §8).
fn framed(bytes: &[u8]) -> Framed<'_> {
    match *bytes {
        [high, low, ref rest @ ..] => {
            let length = usize::from(u16::from_be_bytes([high, low]));
            // A header, the shortest name, type and class.
            if length < 17 {
                return Framed::No;
            }
            let is_sane = |header: Header| {
                header.is_standard()
                    && !header.is_reserved_used()
                    && header.counts[0] <= 1
                    && (header.is_response() || is_query(header))
            };
            if !Header::parse(rest).is_none_or(is_sane) {
                return Framed::No;
            }
            rest.get(..length).map_or(Framed::Partial, Framed::Message)
        }
        _ => Framed::Partial,
    }
}

/// Whether bytes begin a query or response in a TCP stream, and fill it to the end.
pub(super) fn fills(bytes: &[u8]) -> bool {
    match framed(bytes) {
        Framed::Message(message) => {
            message.len() + 2 == bytes.len() && (query(message).is_ok() || is_response(message))
        }
        Framed::Partial | Framed::No => false,
    }
}

/// Whether bytes are a query or a response, from end to end.
pub(super) fn is_message(bytes: &[u8]) -> bool {
    query(bytes).is_ok() || is_response(bytes)
}

fn query(message: &[u8]) -> Result<(Header, Question), Malformed> {
    let header = Header::parse(message).filter(|header| is_query(*header)).ok_or(Malformed)?;
    let (question, end) = Question::parse(message)?;
    let is_whole =
        if header.counts[3] == 0 { end == message.len() } else { end + 11 <= message.len() };
    if is_whole && is_plausible(&question) { Ok((header, question)) } else { Err(Malformed) }
}

fn is_query(header: Header) -> bool {
    let [questions, answers, authorities, additional] = header.counts;
    header.is_plain_query()
        && !is_multicast(header)
        && (questions, answers, authorities) == (1, 0, 0)
        && additional <= ADDITIONAL_LIMIT
}

/// Whether a query is multicast DNS's.
fn is_multicast(header: Header) -> bool {
    header.id == 0 && !header.wants_recursion()
}

/// Whether a query and its answer are LLMNR's, which is asked over TCP and by unicast as well (RFC
/// 4795, sections 2.1.1 and 2.4): it has other bits in the places of AA and RD, none for RA, and asks
/// for names of one label. A name server mostly has what it was not asked to find of its own (AA) or of
/// its cache (RA); small ones say neither, but are asked for whole names.
fn is_link_local(query: Header, question: &Question, answer: Header) -> bool {
    let [_, answers, ..] = answer.counts;
    let is_served = answer.is_authoritative() || answer.has_recursion() || answer.wants_recursion();
    answers > 0 && !query.wants_recursion() && !is_served && !question.name.contains('.')
}

/// Whether bytes are a response to one plausible question.
fn is_response(message: &[u8]) -> bool {
    Header::parse(message).is_some_and(|header| {
        header.is_response()
            && header.is_standard()
            && !header.is_reserved_used()
            && header.counts[0] == 1
    }) && Question::parse(message).is_ok_and(|(question, _)| is_plausible(&question))
}

/// Whether type and class are ones that are asked for: not NetBIOS's names, and not multicast's
/// unicast bit.
fn is_plausible(question: &Question) -> bool {
    // IN, CH, HS, NONE, ANY.
    let is_class = matches!(question.class, 1 | 3 | 4 | 254 | 255);
    is_class && question.record_type.0 != 0 && !is_netbios(question)
}

/// Whether a NetBIOS name service is asked, whose queries differ from lookups in the type and in the
/// name's first label alone: half bytes as 32 letters from A to P (RFC 1002, section 4.1). NB and
/// NBSTAT have the numbers of NIMLOC, which nobody asks for, and SRV, whose names begin with an
/// underscore (RFC 2782).
fn is_netbios(question: &Question) -> bool {
    let label = question.name.split('.').next().unwrap_or_default();
    let letters = label.bytes().filter(|byte| (b'A'..=b'P').contains(byte)).count();
    match question.record_type {
        RecordType(32) => true,
        RecordType(33) if label.len() >= 32 => !label.starts_with('_'),
        _ => label.len() >= 32 && letters >= 28,
    }
}
